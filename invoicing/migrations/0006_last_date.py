from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("invoicing", "0005_archive_package")]

    operations = [
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(fields=["series", "issue_date"], name="invoicing_invoice_date"),
        ),
    ]
