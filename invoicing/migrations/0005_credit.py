import django.db.models.deletion
from django.db import migrations, models

# each credit note so far is about one invoice, which takes all of it
FILL = """
INSERT INTO invoicing_credit (note_id, invoice_id, amount)
SELECT id, credited_id, gross_amount FROM invoicing_invoice WHERE credited_id IS NOT NULL
"""


class Migration(migrations.Migration):
    dependencies = [("invoicing", "0004_replaces")]

    operations = [
        migrations.CreateModel(
            name="Credit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("amount", models.DecimalField(decimal_places=2, max_digits=12)),
                (
                    "invoice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credits_received",
                        to="invoicing.invoice",
                    ),
                ),
                (
                    "note",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credits_given",
                        to="invoicing.invoice",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["note", "invoice"], name="invoicing_credit_once"),
                    models.CheckConstraint(condition=models.Q(amount__gt=0), name="invoicing_credit_above_zero"),
                ],
            },
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
