from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chatbot", "0015_articles_and_working_time")]

    operations = [
        migrations.AlterField(
            model_name="ticket",
            name="warn_at",
            field=models.DateTimeField(help_text="when staff are told that the first answer is nearly due"),
        ),
    ]
