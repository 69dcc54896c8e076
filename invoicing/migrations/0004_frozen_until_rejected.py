from django.db import migrations

# A rejected document counts as not issued: its row may be written anew, in the statement that puts it back to its
# beginning, under its number and date. Everything else stays, for ten years from the end of its year (art. 2220 c.c.).
CREATE = """
CREATE OR REPLACE FUNCTION invoicing_invoice_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE OR REPLACE FUNCTION invoicing_document_write_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND date_trunc('year', OLD.created_at) + interval '11 years' <= now() THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'document % is archived and cannot be changed or deleted', OLD.name
        USING ERRCODE = 'restrict_violation';
END $$;

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
"""


class Migration(migrations.Migration):
    dependencies = [("invoicing", "0003_every_document_and_answer")]
    operations = [migrations.RunSQL(CREATE, DROP)]
