-- Web workers keep versions of answers in memory (webapi/versions.py) and hear on the channel `changed` which of them are
-- old. Triggers, so that no writer can forget it: imports, rebuilds, deletions and psql are heard alike. NOTIFY is
-- delivered at commit, and once for equal texts of a transaction.
-- depends: 0004_accounts_and_protocols

CREATE FUNCTION tell_user_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('changed', TG_ARGV[0] || ' ' || coalesce(NEW.user_id, OLD.user_id));
    RETURN NULL;
END $$;

CREATE FUNCTION tell_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('changed', TG_ARGV[0]);
    RETURN NULL;
END $$;

CREATE TRIGGER tell_listens AFTER INSERT OR UPDATE OR DELETE ON listen_totals
    FOR EACH ROW EXECUTE FUNCTION tell_user_change('listens');
CREATE TRIGGER tell_playing_now AFTER INSERT OR UPDATE OR DELETE ON playing_now
    FOR EACH ROW EXECUTE FUNCTION tell_user_change('playing_now');
-- A row of the mapping may be for everybody; a statement of millions of them is heard once.
CREATE TRIGGER tell_mapping AFTER INSERT OR UPDATE OR DELETE ON mapping
    FOR EACH STATEMENT EXECUTE FUNCTION tell_change('listens');
CREATE TRIGGER tell_runs AFTER INSERT OR UPDATE OR DELETE ON run
    FOR EACH STATEMENT EXECUTE FUNCTION tell_change('statistic');
-- Names are looked up with the versions.
CREATE TRIGGER tell_users AFTER UPDATE OR DELETE ON users
    FOR EACH STATEMENT EXECUTE FUNCTION tell_change('');
CREATE TRIGGER tell_truncated_listens AFTER TRUNCATE ON listen_totals
    FOR EACH STATEMENT EXECUTE FUNCTION tell_change('listens');
CREATE TRIGGER tell_truncated_mapping AFTER TRUNCATE ON mapping
    FOR EACH STATEMENT EXECUTE FUNCTION tell_change('listens');
CREATE TRIGGER tell_truncated_runs AFTER TRUNCATE ON run
    FOR EACH STATEMENT EXECUTE FUNCTION tell_change('statistic');
