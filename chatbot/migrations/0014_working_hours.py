import datetime

from django.db import migrations, models
from django.db.models import F


def warn_in_time(apps, _schema_editor):
    apps.get_model("chatbot", "Ticket").objects.update(warn_at=F("first_response_due_at"))


class Migration(migrations.Migration):
    dependencies = [("chatbot", "0013_question_about")]

    operations = [
        migrations.AddField(model_name="ticket", name="warn_at", field=models.DateTimeField(null=True)),
        migrations.RunPython(warn_in_time, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="ticket",
            name="warn_at",
            field=models.DateTimeField(help_text="when staff are told that the first answer is nearly due"),
        ),
        migrations.AlterField(
            model_name="ticket",
            name="paused_for",
            field=models.DurationField(
                default=datetime.timedelta(0), help_text="pauses that are over, in working time"
            ),
        ),
    ]
