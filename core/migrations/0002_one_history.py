from typing import Any

from django.db import migrations


def empty_log(apps: Any, _schema_editor: Any) -> None:
    """Django's own log of the back office, which nothing shows or writes any more, and which holds addresses."""
    apps.get_model("admin", "LogEntry").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("core", "0001_initial"),
    ]

    operations = [migrations.RunPython(empty_log, migrations.RunPython.noop)]
