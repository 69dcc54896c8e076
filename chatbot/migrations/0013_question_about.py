from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chatbot", "0012_articles")]

    operations = [
        migrations.AddField(
            model_name="message",
            name="about",
            field=models.CharField(
                blank=True,
                help_text="the service beside whose page the question was asked",
                max_length=80,
                verbose_name="about",
            ),
        ),
    ]
