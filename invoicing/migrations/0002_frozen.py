from django.db import migrations

# What was issued, sent or received stays as it was, whoever asks: the application, the admin or a shell.
CREATE = """
CREATE FUNCTION invoicing_invoice_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF ROW(OLD.id, OLD.number, OLD.document_type, OLD.issue_date, OLD.reference, OLD.net_amount, OLD.vat_amount,
               OLD.gross_amount, OLD.kind, OLD.company_name, OLD.first_name, OLD.last_name, OLD.vat_number,
               OLD.tax_code, OLD.recipient_code, OLD.pec, OLD.street, OLD.postcode, OLD.city, OLD.province,
               OLD.country, OLD.created_at)
           IS NOT DISTINCT FROM
           ROW(NEW.id, NEW.number, NEW.document_type, NEW.issue_date, NEW.reference, NEW.net_amount, NEW.vat_amount,
               NEW.gross_amount, NEW.kind, NEW.company_name, NEW.first_name, NEW.last_name, NEW.vat_number,
               NEW.tax_code, NEW.recipient_code, NEW.pec, NEW.street, NEW.postcode, NEW.city, NEW.province,
               NEW.country, NEW.created_at) THEN
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
    RAISE EXCEPTION 'document % is archived and cannot be changed or deleted', OLD.name
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER invoicing_document_write_once BEFORE UPDATE OR DELETE ON invoicing_document
    FOR EACH ROW EXECUTE FUNCTION invoicing_document_write_once();
"""
DROP = """
DROP TRIGGER invoicing_invoice_frozen ON invoicing_invoice;
DROP FUNCTION invoicing_invoice_frozen();
DROP TRIGGER invoicing_document_write_once ON invoicing_document;
DROP FUNCTION invoicing_document_write_once();
"""


class Migration(migrations.Migration):
    dependencies = [("invoicing", "0001_initial")]
    operations = [migrations.RunSQL(CREATE, DROP)]
