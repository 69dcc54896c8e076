import django.db.models.deletion
import django.db.models.expressions
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

# What was issued, sent or received stays as it was, whoever asks: the application, the back office or a shell. A rejected
# document counts as not issued: its row may be written anew, in the statement that puts it back to its beginning, under
# its number and date. Everything else stays, for ten years from the end of its year (art. 2220 c.c.).
CREATE = """
CREATE FUNCTION invoicing_invoice_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF date_trunc('year', OLD.issue_date::timestamp) + interval '11 years' <= now() THEN
            RETURN OLD;
        END IF;
    ELSIF ROW(OLD.id, OLD.number, OLD.series, OLD.document_type, OLD.issue_date, OLD.reference, OLD.created_at,
              OLD.credited_id)
          IS NOT DISTINCT FROM
          ROW(NEW.id, NEW.number, NEW.series, NEW.document_type, NEW.issue_date, NEW.reference, NEW.created_at,
              NEW.credited_id) THEN
        IF OLD.state IN ('rejected', 'refused') AND NEW.state IN ('issued', 'to_sign') THEN
            RETURN NEW;
        END IF;
        IF ROW(OLD.net_amount, OLD.vat_amount, OLD.rounding, OLD.gross_amount, OLD.kind, OLD.company_name,
               OLD.first_name, OLD.last_name, OLD.vat_number, OLD.tax_code, OLD.recipient_code, OLD.pec, OLD.street,
               OLD.postcode, OLD.city, OLD.province, OLD.country)
           IS NOT DISTINCT FROM
           ROW(NEW.net_amount, NEW.vat_amount, NEW.rounding, NEW.gross_amount, NEW.kind, NEW.company_name,
               NEW.first_name, NEW.last_name, NEW.vat_number, NEW.tax_code, NEW.recipient_code, NEW.pec, NEW.street,
               NEW.postcode, NEW.city, NEW.province, NEW.country) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'invoice % is issued and cannot be changed or deleted', OLD.number
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER invoicing_invoice_frozen BEFORE UPDATE OR DELETE ON invoicing_invoice
    FOR EACH ROW EXECUTE FUNCTION invoicing_invoice_frozen();

CREATE FUNCTION invoicing_document_write_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND date_trunc('year', OLD.created_at) + interval '11 years' <= now() THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'document % is archived and cannot be changed or deleted', OLD.name
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER invoicing_document_write_once BEFORE UPDATE OR DELETE ON invoicing_document
    FOR EACH ROW EXECUTE FUNCTION invoicing_document_write_once();

CREATE FUNCTION invoicing_file_write_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF ROW(OLD.id, OLD.invoice_id, OLD.file_name, OLD.xml_id, OLD.draft, OLD.created_at)
           IS NOT DISTINCT FROM
           ROW(NEW.id, NEW.invoice_id, NEW.file_name, NEW.xml_id, NEW.draft, NEW.created_at)
           AND (OLD.signed_id IS NULL OR OLD.signed_id = NEW.signed_id)
           AND (OLD.pdf_id IS NULL OR OLD.pdf_id = NEW.pdf_id) THEN
            RETURN NEW;
        END IF;
    ELSIF date_trunc('year', OLD.created_at) + interval '11 years' <= now() THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'file % is archived and cannot be changed or deleted', OLD.file_name
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER invoicing_file_write_once BEFORE UPDATE OR DELETE ON invoicing_invoicefile
    FOR EACH ROW EXECUTE FUNCTION invoicing_file_write_once();

CREATE FUNCTION invoicing_event_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND date_trunc('year', OLD.at) + interval '11 years' <= now() THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'event % is history and cannot be changed or deleted', OLD.id
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER invoicing_event_append_only BEFORE UPDATE OR DELETE ON invoicing_invoiceevent
    FOR EACH ROW EXECUTE FUNCTION invoicing_event_append_only();

CREATE FUNCTION invoicing_mail_write_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND ROW(OLD.id, OLD.sha256, OLD.content) IS NOT DISTINCT FROM
                            ROW(NEW.id, NEW.sha256, NEW.content) THEN
        RETURN NEW;
    ELSIF TG_OP = 'DELETE' AND date_trunc('year', OLD.received_at) + interval '11 years' <= now() THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'mail % is archived and cannot be changed or deleted', OLD.sha256
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER invoicing_mail_write_once BEFORE UPDATE OR DELETE ON invoicing_receivedmail
    FOR EACH ROW EXECUTE FUNCTION invoicing_mail_write_once();
"""
DROP = """
DROP TRIGGER invoicing_mail_write_once ON invoicing_receivedmail;
DROP FUNCTION invoicing_mail_write_once();
DROP TRIGGER invoicing_event_append_only ON invoicing_invoiceevent;
DROP FUNCTION invoicing_event_append_only();
DROP TRIGGER invoicing_file_write_once ON invoicing_invoicefile;
DROP FUNCTION invoicing_file_write_once();
DROP TRIGGER invoicing_invoice_frozen ON invoicing_invoice;
DROP FUNCTION invoicing_invoice_frozen();
DROP TRIGGER invoicing_document_write_once ON invoicing_document;
DROP FUNCTION invoicing_document_write_once();
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Document",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("xml", "electronic invoice"),
                            ("signed", "signed invoice"),
                            ("pdf", "courtesy copy"),
                            ("pec_receipt", "PEC receipt"),
                            ("sdi_message", "SDI message"),
                        ],
                        max_length=11,
                        verbose_name="kind",
                    ),
                ),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                ("content_type", models.CharField(max_length=80)),
                ("content", models.BinaryField()),
                ("sha256", models.CharField(max_length=64, verbose_name="SHA-256")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="written")),
            ],
            options={
                "verbose_name": "document",
                "verbose_name_plural": "documents",
            },
        ),
        migrations.CreateModel(
            name="Mailbox",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("address", models.EmailField(max_length=254, unique=True, verbose_name="address")),
                ("uid_validity", models.PositiveBigIntegerField(default=0, verbose_name="UIDVALIDITY")),
                ("last_uid", models.PositiveBigIntegerField(default=0, verbose_name="last UID")),
                ("read_at", models.DateTimeField(null=True, verbose_name="read")),
                ("last_error", models.TextField(blank=True, verbose_name="error")),
                ("sdi_address", models.EmailField(blank=True, max_length=254, verbose_name="SDI’s address")),
            ],
            options={
                "verbose_name": "mailbox",
                "verbose_name_plural": "mailboxes",
            },
        ),
        migrations.CreateModel(
            name="ArchivePackage",
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
                    "period",
                    models.CharField(
                        help_text="A year (2026) or a month (2026-11).",
                        max_length=7,
                        unique=True,
                        verbose_name="period",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "waiting"),
                            ("running", "being built"),
                            ("done", "ready"),
                            ("failed", "failed"),
                        ],
                        default="pending",
                        max_length=7,
                        verbose_name="state",
                    ),
                ),
                ("done_count", models.PositiveIntegerField(default=0, verbose_name="documents done")),
                ("total_count", models.PositiveIntegerField(default=0, verbose_name="documents")),
                ("sha256", models.CharField(blank=True, max_length=64, verbose_name="SHA-256")),
                ("size", models.PositiveBigIntegerField(default=0, verbose_name="size")),
                ("requested_at", models.DateTimeField(auto_now_add=True, verbose_name="asked for")),
                ("finished_at", models.DateTimeField(null=True, verbose_name="finished")),
            ],
            options={
                "verbose_name": "archive package",
                "verbose_name_plural": "archive packages",
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_try_at__isnull", False)),
                        fields=["next_try_at"],
                        name="invoicing_archivepackage_due",
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
                        name="invoicing_archivepackage_waits",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["pending", "running", "done", "failed"])),
                        name="invoicing_archivepackage_state",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Invoice",
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
                ("number", models.CharField(max_length=20, unique=True, verbose_name="number")),
                ("series", models.CharField(blank=True, max_length=6, verbose_name="series")),
                ("document_type", models.CharField(max_length=4, verbose_name="type")),
                ("issue_date", models.DateField(verbose_name="date")),
                (
                    "reference",
                    models.CharField(
                        blank=True, help_text="what the invoice is about", max_length=30, verbose_name="order"
                    ),
                ),
                ("net_amount", models.DecimalField(decimal_places=2, max_digits=12, verbose_name="net")),
                ("vat_amount", models.DecimalField(decimal_places=2, max_digits=12, verbose_name="VAT")),
                ("rounding", models.DecimalField(decimal_places=2, default=0, max_digits=12, verbose_name="rounding")),
                ("gross_amount", models.DecimalField(decimal_places=2, max_digits=12, verbose_name="total")),
                ("language", models.CharField(default="it", max_length=2)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("to_sign", "to be signed"),
                            ("issued", "issued"),
                            ("sending", "being sent"),
                            ("sent", "sent by PEC"),
                            ("pec_accepted", "accepted by the PEC provider"),
                            ("pec_delivered", "received by SDI"),
                            ("send_failed", "not sent"),
                            ("delivered", "delivered"),
                            ("made_available", "in the tax drawer"),
                            ("rejected", "rejected by SDI"),
                            ("not_delivered", "not delivered yet"),
                            ("accepted", "accepted by the office"),
                            ("refused", "refused by the office"),
                            ("expired", "office silent, term expired"),
                            ("attested", "cannot be delivered, attested"),
                        ],
                        default="issued",
                        max_length=14,
                        verbose_name="state",
                    ),
                ),
                ("sdi_identifier", models.CharField(blank=True, max_length=20, verbose_name="SDI identifier")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="issued")),
                ("rejected_at", models.DateTimeField(blank=True, null=True, verbose_name="rejected")),
                ("alerted_at", models.DateTimeField(blank=True, null=True, verbose_name="staff alerted")),
                (
                    "credited",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credit_notes",
                        to="invoicing.invoice",
                        verbose_name="credit note on",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="invoices",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="customer",
                    ),
                ),
            ],
            options={
                "verbose_name": "invoice",
                "verbose_name_plural": "invoices",
            },
        ),
        migrations.CreateModel(
            name="InvoiceEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(verbose_name="when")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("to_sign", "to be signed"),
                            ("issued", "issued"),
                            ("sending", "being sent"),
                            ("sent", "sent by PEC"),
                            ("pec_accepted", "accepted by the PEC provider"),
                            ("pec_delivered", "received by SDI"),
                            ("send_failed", "not sent"),
                            ("delivered", "delivered"),
                            ("made_available", "in the tax drawer"),
                            ("rejected", "rejected by SDI"),
                            ("not_delivered", "not delivered yet"),
                            ("accepted", "accepted by the office"),
                            ("refused", "refused by the office"),
                            ("expired", "office silent, term expired"),
                            ("attested", "cannot be delivered, attested"),
                        ],
                        max_length=14,
                        verbose_name="state",
                    ),
                ),
                ("text", models.TextField(blank=True, verbose_name="text")),
                (
                    "document",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="invoicing.document",
                    ),
                ),
                (
                    "invoice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="events", to="invoicing.invoice"
                    ),
                ),
            ],
            options={
                "verbose_name": "event",
                "verbose_name_plural": "events",
            },
        ),
        migrations.CreateModel(
            name="InvoiceFile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("file_name", models.CharField(max_length=50, unique=True, verbose_name="file name")),
                ("draft", models.JSONField(default=dict, verbose_name="draft")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="written")),
                (
                    "invoice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="files", to="invoicing.invoice"
                    ),
                ),
                (
                    "pdf",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="invoicing.document",
                    ),
                ),
                (
                    "signed",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="invoicing.document",
                    ),
                ),
                (
                    "xml",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="invoicing.document"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="PecMessage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("message_id", models.CharField(max_length=200, unique=True, verbose_name="Message-ID")),
                ("recipient", models.EmailField(max_length=254, verbose_name="to")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("sending", "being sent"),
                            ("sent", "sent"),
                            ("failed", "failed"),
                            ("uncertain", "perhaps sent"),
                        ],
                        default="sending",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="written")),
                ("last_error", models.TextField(blank=True, verbose_name="error")),
                (
                    "file",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="messages",
                        to="invoicing.invoicefile",
                        verbose_name="file",
                    ),
                ),
            ],
            options={
                "verbose_name": "sent PEC mail",
                "verbose_name_plural": "sent PEC mails",
            },
        ),
        migrations.CreateModel(
            name="ReceivedMail",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "waiting"),
                            ("running", "in progress"),
                            ("done", "done"),
                            ("failed", "given up"),
                        ],
                        db_default="pending",
                        default="pending",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
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
                ("sha256", models.CharField(max_length=64, unique=True)),
                ("message_id", models.CharField(blank=True, max_length=300, verbose_name="Message-ID")),
                ("sender", models.CharField(blank=True, max_length=320, verbose_name="from")),
                ("subject", models.CharField(blank=True, max_length=300, verbose_name="subject")),
                ("kind", models.CharField(blank=True, max_length=40, verbose_name="kind")),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("open", "not applied yet"),
                            ("applied", "applied"),
                            ("unmatched", "belongs to no invoice of ours"),
                            ("quarantined", "not trusted"),
                            ("foreign", "not about invoices"),
                        ],
                        default="open",
                        max_length=11,
                        verbose_name="outcome",
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=300, verbose_name="reason")),
                ("content", models.BinaryField()),
                ("received_at", models.DateTimeField(auto_now_add=True, verbose_name="received")),
                (
                    "invoice",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="received_mails",
                        to="invoicing.invoice",
                        verbose_name="invoice",
                    ),
                ),
            ],
            options={
                "verbose_name": "received PEC mail",
                "verbose_name_plural": "received PEC mails",
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Submission",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "waiting"),
                            ("running", "in progress"),
                            ("done", "done"),
                            ("failed", "given up"),
                        ],
                        db_default="pending",
                        default="pending",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
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
                    "file",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="submission",
                        to="invoicing.invoicefile",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(fields=["series", "issue_date"], name="invoicing_invoice_date"),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            "to_sign",
                            "issued",
                            "sending",
                            "sent",
                            "pec_accepted",
                            "pec_delivered",
                            "send_failed",
                            "delivered",
                            "made_available",
                            "rejected",
                            "not_delivered",
                            "accepted",
                            "refused",
                            "expired",
                            "attested",
                        ],
                    )
                ),
                name="invoicing_invoice_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "gross_amount",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                models.F("net_amount"), "+", models.F("vat_amount")
                            ),
                            "+",
                            models.F("rounding"),
                        ),
                    )
                ),
                name="invoicing_invoice_sum",
            ),
        ),
        migrations.AddConstraint(
            model_name="pecmessage",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["sending", "sent", "failed", "uncertain"])),
                name="invoicing_pecmessage_state",
            ),
        ),
        migrations.AddIndex(
            model_name="receivedmail",
            index=models.Index(
                condition=models.Q(("next_try_at__isnull", False)),
                fields=["next_try_at"],
                name="invoicing_receivedmail_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="receivedmail",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("next_try_at__isnull", False), ("state__in", ("pending", "running"))),
                    models.Q(models.Q(("state__in", ("pending", "running")), _negated=True), ("next_try_at", None)),
                    _connector="OR",
                ),
                name="invoicing_receivedmail_waits",
            ),
        ),
        migrations.AddConstraint(
            model_name="receivedmail",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["pending", "running", "done", "failed"])),
                name="invoicing_receivedmail_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="receivedmail",
            constraint=models.CheckConstraint(
                condition=models.Q(("outcome__in", ["open", "applied", "unmatched", "quarantined", "foreign"])),
                name="invoicing_receivedmail_outcome",
            ),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(
                condition=models.Q(("next_try_at__isnull", False)),
                fields=["next_try_at"],
                name="invoicing_submission_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="submission",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("next_try_at__isnull", False), ("state__in", ("pending", "running"))),
                    models.Q(models.Q(("state__in", ("pending", "running")), _negated=True), ("next_try_at", None)),
                    _connector="OR",
                ),
                name="invoicing_submission_waits",
            ),
        ),
        migrations.AddConstraint(
            model_name="submission",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["pending", "running", "done", "failed"])),
                name="invoicing_submission_state",
            ),
        ),
        migrations.RunSQL(CREATE, DROP),
    ]
