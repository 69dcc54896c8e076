from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chatbot", "0011_person_outcome")]

    operations = [
        migrations.AddField(
            model_name="document",
            name="is_article",
            field=models.BooleanField(
                default=False, help_text="written from what somebody asked", verbose_name="article"
            ),
        ),
    ]
