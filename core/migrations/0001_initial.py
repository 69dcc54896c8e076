import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# The audit trail is append-only for everybody, a shell included.
CREATE = """
CREATE FUNCTION core_auditentry_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- sealing is the one change allowed: it fills the two empty columns, once
    IF TG_OP = 'UPDATE' AND OLD.position IS NULL
       AND ROW(OLD.id, OLD.at, OLD.actor_label, OLD.action, OLD.target, OLD.detail)
           IS NOT DISTINCT FROM ROW(NEW.id, NEW.at, NEW.actor_label, NEW.action, NEW.target, NEW.detail) THEN
        RETURN NEW;
    END IF;
    -- a user that is gone leaves the entry with its label
    IF TG_OP = 'UPDATE' AND NEW.actor_id IS NULL
       AND ROW(OLD.id, OLD.at, OLD.actor_label, OLD.action, OLD.target, OLD.detail, OLD.position, OLD.hash)
           IS NOT DISTINCT FROM
           ROW(NEW.id, NEW.at, NEW.actor_label, NEW.action, NEW.target, NEW.detail, NEW.position, NEW.hash) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER core_auditentry_append_only BEFORE UPDATE OR DELETE ON core_auditentry
    FOR EACH ROW EXECUTE FUNCTION core_auditentry_append_only();
"""
DROP = """
DROP TRIGGER core_auditentry_append_only ON core_auditentry;
DROP FUNCTION core_auditentry_append_only();
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ChannelPause",
            fields=[
                ("name", models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name="name")),
                ("since", models.DateTimeField(verbose_name="since")),
                ("until", models.DateTimeField(verbose_name="next try")),
                ("reason", models.TextField(verbose_name="reason")),
                ("failures", models.PositiveIntegerField(default=0, verbose_name="tries")),
            ],
            options={
                "verbose_name": "paused channel",
                "verbose_name_plural": "paused channels",
            },
        ),
        migrations.CreateModel(
            name="Counter",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "kind", "year", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("kind", models.CharField(max_length=40)),
                ("year", models.PositiveSmallIntegerField()),
                ("value", models.PositiveIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="RateBucket",
            fields=[
                ("key", models.CharField(max_length=120, primary_key=True, serialize=False)),
                ("free_at", models.DateTimeField(help_text="theoretical arrival time of the next request")),
            ],
        ),
        migrations.CreateModel(
            name="Sweep",
            fields=[
                ("name", models.CharField(max_length=60, primary_key=True, serialize=False, verbose_name="name")),
                ("every", models.DurationField(verbose_name="every")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("began_at", models.DateTimeField(null=True, verbose_name="begun")),
                ("succeeded_at", models.DateTimeField(null=True, verbose_name="last success")),
                ("failed_at", models.DateTimeField(null=True, verbose_name="last failure")),
                ("rows_worked", models.PositiveIntegerField(default=0, verbose_name="rows worked")),
                ("last_error", models.TextField(blank=True, verbose_name="error")),
            ],
            options={
                "verbose_name": "periodic task",
                "verbose_name_plural": "periodic tasks",
            },
        ),
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(auto_now_add=True, verbose_name="when")),
                ("actor_label", models.CharField(blank=True, max_length=254, verbose_name="who")),
                ("action", models.CharField(max_length=80, verbose_name="did what")),
                (
                    "target",
                    models.CharField(
                        blank=True,
                        help_text="model and public number of the object",
                        max_length=120,
                        verbose_name="to what",
                    ),
                ),
                ("detail", models.JSONField(default=dict, verbose_name="detail")),
                (
                    "position",
                    models.PositiveBigIntegerField(
                        help_text="place in the chain, once sealed", null=True, unique=True, verbose_name="position"
                    ),
                ),
                ("hash", models.CharField(blank=True, max_length=64)),
                (
                    "actor",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "audit entry",
                "verbose_name_plural": "audit entries",
                "indexes": [models.Index(fields=["target", "-at"], name="core_audit_target")],
            },
        ),
        migrations.RunSQL(CREATE, DROP),
    ]
