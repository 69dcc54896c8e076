from django.db import migrations

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
    dependencies = [("core", "0001_initial")]
    operations = [migrations.RunSQL(CREATE, DROP)]
