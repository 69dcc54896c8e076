import uuid

import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="User",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                ("email", models.EmailField(max_length=254, unique=True, verbose_name="e-mail")),
                ("first_name", models.CharField(max_length=60, verbose_name="first name")),
                ("last_name", models.CharField(max_length=60, verbose_name="last name")),
                (
                    "role",
                    models.CharField(
                        choices=[("customer", "Customer"), ("super_admin", "Super administrator")],
                        default="customer",
                        max_length=12,
                        verbose_name="role",
                    ),
                ),
                (
                    "language",
                    models.CharField(
                        choices=[("it", "Italiano"), ("en", "English")],
                        default="it",
                        max_length=2,
                        verbose_name="language",
                    ),
                ),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
                ("email_verified_at", models.DateTimeField(blank=True, null=True, verbose_name="e-mail verified")),
                ("date_joined", models.DateTimeField(auto_now_add=True, verbose_name="registered")),
                (
                    "erased_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="Since then the row is a number that kept orders point to.",
                        null=True,
                        verbose_name="erased",
                    ),
                ),
            ],
            options={
                "verbose_name": "user",
                "verbose_name_plural": "users",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("role__in", ["customer", "super_admin"])), name="accounts_user_role"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("email", django.db.models.functions.text.Lower("email"))),
                        name="accounts_user_email_lower",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ApiSession",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="opened")),
                ("last_used_at", models.DateTimeField(null=True, verbose_name="last used")),
                ("expires_at", models.DateTimeField(help_text="end of the newest refresh token", verbose_name="ends")),
                ("revoked_at", models.DateTimeField(null=True, verbose_name="closed")),
                ("revoked_reason", models.CharField(blank=True, max_length=20, verbose_name="why closed")),
                ("ip", models.GenericIPAddressField(null=True, verbose_name="IP")),
                ("user_agent", models.CharField(blank=True, max_length=200, verbose_name="program")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="api_sessions",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "API session",
                "verbose_name_plural": "API sessions",
            },
        ),
        migrations.CreateModel(
            name="BillingProfile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("company", "Company or professional with partita IVA"),
                            ("person", "Private person"),
                            ("association", "Association or condominium without partita IVA"),
                            ("public_administration", "Public administration"),
                        ],
                        default="company",
                        max_length=21,
                        verbose_name="customer",
                    ),
                ),
                ("company_name", models.CharField(blank=True, max_length=80, verbose_name="company name")),
                ("first_name", models.CharField(blank=True, max_length=60, verbose_name="first name")),
                ("last_name", models.CharField(blank=True, max_length=60, verbose_name="last name")),
                ("vat_number", models.CharField(blank=True, max_length=28, verbose_name="partita IVA")),
                ("tax_code", models.CharField(blank=True, max_length=16, verbose_name="codice fiscale")),
                ("recipient_code", models.CharField(blank=True, max_length=7, verbose_name="codice destinatario")),
                ("pec", models.EmailField(blank=True, max_length=254, verbose_name="PEC")),
                ("street", models.CharField(max_length=60, verbose_name="street and number")),
                ("postcode", models.CharField(blank=True, max_length=16, verbose_name="CAP")),
                ("city", models.CharField(max_length=60, verbose_name="town")),
                ("province", models.CharField(blank=True, max_length=2, verbose_name="province")),
                ("country", models.CharField(default="IT", max_length=2, verbose_name="country")),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="billing_profile",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "billing profile",
                "verbose_name_plural": "billing profiles",
            },
        ),
        migrations.CreateModel(
            name="RefreshToken",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("token_hash", models.CharField(max_length=64, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="refresh_tokens",
                        to="accounts.apisession",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AccountErasure",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("attempts", models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name="tries")),
                (
                    "next_try_at",
                    models.DateTimeField(
                        blank=True, default=django.utils.timezone.now, null=True, verbose_name="next try"
                    ),
                ),
                ("claimed_at", models.DateTimeField(editable=False, null=True)),
                ("claim", models.UUIDField(editable=False, null=True)),
                ("last_error", models.TextField(blank=True, db_default="", default="", verbose_name="error")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "waiting"),
                            ("running", "in progress"),
                            ("done", "done"),
                            ("failed", "failed"),
                            ("cancelled", "cancelled"),
                        ],
                        default="pending",
                        max_length=9,
                    ),
                ),
                ("confirmed_at", models.DateTimeField(verbose_name="confirmed")),
                ("due_at", models.DateTimeField(verbose_name="due")),
                (
                    "blocked_told_at",
                    models.DateTimeField(
                        help_text="when the person was told what is still in its way",
                        null=True,
                        verbose_name="told what is in its way",
                    ),
                ),
                ("ended_at", models.DateTimeField(null=True, verbose_name="ended")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="erasures",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "deletion of an account",
                "verbose_name_plural": "deletions of accounts",
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_try_at__isnull", False)),
                        fields=["next_try_at"],
                        name="accounts_accounterasure_due",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("next_try_at__isnull", False), ("state__in", ("pending", "running"))),
                            models.Q(
                                models.Q(("state__in", ("pending", "running")), _negated=True), ("next_try_at", None)
                            ),
                            _connector="OR",
                        ),
                        name="accounts_accounterasure_waits",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["pending", "running", "done", "failed", "cancelled"])),
                        name="accounts_accounterasure_state",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["pending", "running", "failed"])),
                        fields=("user",),
                        name="accounts_accounterasure_one",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DataExport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("attempts", models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name="tries")),
                (
                    "next_try_at",
                    models.DateTimeField(
                        blank=True, default=django.utils.timezone.now, null=True, verbose_name="next try"
                    ),
                ),
                ("claimed_at", models.DateTimeField(editable=False, null=True)),
                ("claim", models.UUIDField(editable=False, null=True)),
                ("last_error", models.TextField(blank=True, db_default="", default="", verbose_name="error")),
                ("reference", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "waiting"),
                            ("running", "being built"),
                            ("done", "ready"),
                            ("failed", "failed"),
                            ("expired", "expired"),
                        ],
                        default="pending",
                        max_length=7,
                    ),
                ),
                ("requested_at", models.DateTimeField(verbose_name="asked for")),
                ("ready_at", models.DateTimeField(null=True, verbose_name="ready since")),
                ("expires_at", models.DateTimeField(null=True, verbose_name="ends")),
                ("size", models.PositiveBigIntegerField(default=0, verbose_name="size")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="data_exports",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "copy of data",
                "verbose_name_plural": "copies of data",
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_try_at__isnull", False)),
                        fields=["next_try_at"],
                        name="accounts_dataexport_due",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("next_try_at__isnull", False), ("state__in", ("pending", "running"))),
                            models.Q(
                                models.Q(("state__in", ("pending", "running")), _negated=True), ("next_try_at", None)
                            ),
                            _connector="OR",
                        ),
                        name="accounts_dataexport_waits",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["pending", "running", "done", "failed", "expired"])),
                        name="accounts_dataexport_state",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="EmailToken",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("verify", "verify the address"),
                            ("reset", "reset the password"),
                            ("erase", "delete the account"),
                        ],
                        max_length=6,
                    ),
                ),
                ("token_hash", models.CharField(max_length=64, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="email_tokens",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("purpose__in", ["verify", "reset", "erase"])),
                        name="accounts_emailtoken_purpose",
                    )
                ],
            },
        ),
    ]
