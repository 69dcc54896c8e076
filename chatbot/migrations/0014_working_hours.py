import datetime

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chatbot", "0013_question_about")]

    operations = [
        migrations.AddField(model_name="ticket", name="warn_at", field=models.DateTimeField(null=True)),
        migrations.AlterField(
            model_name="ticket",
            name="paused_for",
            field=models.DurationField(
                default=datetime.timedelta(0), help_text="pauses that are over, in working time"
            ),
        ),
    ]
