from django.db import migrations, models

# which page has issued a document is part of how it was issued
FUNCTION = """
CREATE OR REPLACE FUNCTION invoicing_invoice_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF date_trunc('year', OLD.issue_date::timestamp) + interval '11 years' <= now() THEN
            RETURN OLD;
        END IF;
    ELSIF ROW(OLD.id, OLD.number, OLD.series, OLD.document_type, OLD.issue_date, OLD.reference, OLD.created_at,
              OLD.credited_id, OLD.replaces_id{old})
          IS NOT DISTINCT FROM
          ROW(NEW.id, NEW.number, NEW.series, NEW.document_type, NEW.issue_date, NEW.reference, NEW.created_at,
              NEW.credited_id, NEW.replaces_id{new}) THEN
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
"""


class Migration(migrations.Migration):
    dependencies = [("invoicing", "0005_credit")]

    operations = [
        migrations.AddField(
            model_name="invoice",
            name="page_key",
            field=models.UUIDField(editable=False, null=True, unique=True),
        ),
        migrations.RunSQL(FUNCTION.format(old=", OLD.page_key", new=", NEW.page_key"), FUNCTION.format(old="", new="")),
    ]
