-- Databases over time: another address, another password made here, another owner, put away and taken back, deleted with its history kept.

ALTER TABLE drydock.target DROP CONSTRAINT target_state_check;
ALTER TABLE drydock.target ADD CONSTRAINT target_state_check CHECK (state IN ('unverified', 'ready', 'retired', 'deleted'));
COMMENT ON COLUMN drydock.target.state IS 'ready after a passed connection test; deleted is for ever: only its history is left.';

-- The name of a deleted database is free again; its windows, runs and facts keep it.
ALTER TABLE drydock.target DROP CONSTRAINT target_short_name_once;
CREATE UNIQUE INDEX target_short_name_once ON drydock.target (short_name) WHERE state <> 'deleted';
CREATE INDEX target_short_name ON drydock.target (short_name);
DROP INDEX drydock.target_identity_once;
CREATE UNIQUE INDEX target_identity_once ON drydock.target ((identity ->> 'system_identifier'), (identity ->> 'database_oid'))
    WHERE identity IS NOT NULL AND state NOT IN ('retired', 'deleted');

ALTER TABLE drydock.target ADD COLUMN former_identity jsonb;
COMMENT ON COLUMN drydock.target.former_identity IS 'Identity before the address was changed or the registration taken back: the next test says whether it is the same database. Null before.';

-- A window belongs to the team that owned its database when it was proposed, and so does its history; the database may get another owner later.
ALTER TABLE drydock.window_target DROP CONSTRAINT window_target_target_id_team_id_fkey;
ALTER TABLE drydock.window_target ADD CONSTRAINT window_target_target_id_fkey FOREIGN KEY (target_id) REFERENCES drydock.target (id);
COMMENT ON COLUMN drydock.window_target.team_id IS 'Owner of both when it was written: no window is proposed across teams.';
CREATE FUNCTION drydock.window_target_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- The lock a foreign key would take: a change of owner waits for this, and this for it.
    PERFORM FROM drydock.target t WHERE t.id = NEW.target_id AND t.team_id = NEW.team_id AND t.state NOT IN ('retired', 'deleted') FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a window is proposed on a database of its own team' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'window_target_owner';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER window_target_owner BEFORE INSERT OR UPDATE OF target_id, team_id ON drydock.window_target FOR EACH ROW EXECUTE FUNCTION drydock.window_target_owner();
ALTER TABLE drydock.window_target ENABLE ALWAYS TRIGGER window_target_owner;

CREATE FUNCTION drydock.target_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'deleted' THEN
        RAISE EXCEPTION 'a deleted database stays as it was' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'target_deleted';
    END IF;
    IF NEW.state = 'deleted' AND OLD.state <> 'retired' THEN
        RAISE EXCEPTION 'a database is retired before it is deleted' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'target_retired_first';
    END IF;
    IF NEW.id <> OLD.id OR NEW.created_by <> OLD.created_by THEN
        RAISE EXCEPTION 'identity of a database never changes' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'target_fixed';
    END IF;
    IF (NEW.team_id <> OLD.team_id OR (NEW.state IN ('retired', 'deleted') AND OLD.state <> NEW.state)) AND EXISTS (
        SELECT FROM drydock.window w JOIN drydock.window_target wt ON wt.window_id = w.id AND wt.revision = w.revision
        WHERE wt.target_id = OLD.id AND w.state IN ('draft', 'proposed', 'approved', 'running', 'hold', 'validating', 'rolling_back')) THEN
        RAISE EXCEPTION 'windows on this database are not over' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'target_still_wanted';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER target_guard BEFORE UPDATE ON drydock.target FOR EACH ROW EXECUTE FUNCTION drydock.target_guard();
ALTER TABLE drydock.target ENABLE ALWAYS TRIGGER target_guard;
CREATE TRIGGER target_stays BEFORE DELETE ON drydock.target FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.target ENABLE ALWAYS TRIGGER target_stays;
CREATE TRIGGER target_no_truncate BEFORE TRUNCATE ON drydock.target FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.target ENABLE ALWAYS TRIGGER target_no_truncate;

-- A password made here: while the new one is not proven, both are kept, so that one of them always works.
ALTER TABLE drydock.sealed_secret ADD COLUMN state text NOT NULL DEFAULT 'current' CHECK (state IN ('candidate', 'current', 'former'));
COMMENT ON COLUMN drydock.sealed_secret.state IS 'candidate: a worker made it and has not yet proven that it signs in; former: its keys are destroyed.';
UPDATE drydock.sealed_secret s SET state = 'former'
    WHERE NOT EXISTS (SELECT FROM drydock.sealed_key k WHERE k.secret_id = s.id)
       OR s.version < (SELECT max(n.version) FROM drydock.sealed_secret n WHERE n.target_id = s.target_id AND n.field = s.field);
CREATE UNIQUE INDEX sealed_secret_one_current ON drydock.sealed_secret (target_id, field) WHERE state = 'current';
CREATE UNIQUE INDEX sealed_secret_one_candidate ON drydock.sealed_secret (target_id, field) WHERE state = 'candidate';

CREATE FUNCTION drydock.secret_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state = 'candidate' THEN
            -- Runs hold this lock together, a change of password holds it alone: neither begins while the other is under way.
            PERFORM pg_advisory_xact_lock(hashtextextended('rotation ' || NEW.target_id, 0));
            IF EXISTS (SELECT FROM drydock.run r WHERE r.target_id = NEW.target_id AND r.state <> 'ended') THEN
                RAISE EXCEPTION 'no password is changed under a run' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'rotation_under_run';
            END IF;
        ELSIF NEW.state = 'former' THEN
            RAISE EXCEPTION 'a secret begins in use, or to be proven' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'secret_fixed';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.target_id, NEW.field, NEW.version, NEW.envelope, NEW.set_at, NEW.set_by)
        IS DISTINCT FROM (OLD.id, OLD.target_id, OLD.field, OLD.version, OLD.envelope, OLD.set_at, OLD.set_by)
        OR OLD.state = 'former' OR (OLD.state = 'current' AND NEW.state = 'candidate') THEN
        RAISE EXCEPTION 'a secret is proven or put away, and never another one' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'secret_fixed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER secret_guard BEFORE INSERT OR UPDATE ON drydock.sealed_secret FOR EACH ROW EXECUTE FUNCTION drydock.secret_guard();
ALTER TABLE drydock.sealed_secret ENABLE ALWAYS TRIGGER secret_guard;

CREATE FUNCTION drydock.run_rotation_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('rotation ' || NEW.target_id, 0));
    IF EXISTS (SELECT FROM drydock.sealed_secret s WHERE s.target_id = NEW.target_id AND s.state = 'candidate') THEN
        RAISE EXCEPTION 'the password is being changed' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'run_under_rotation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER run_rotation_guard BEFORE INSERT ON drydock.run FOR EACH ROW WHEN (NEW.kind = 'maintenance') EXECUTE FUNCTION drydock.run_rotation_guard();
ALTER TABLE drydock.run ENABLE ALWAYS TRIGGER run_rotation_guard;

ALTER TABLE drydock.examination DROP CONSTRAINT examination_kind_check;
ALTER TABLE drydock.examination ADD CONSTRAINT examination_kind_check CHECK (kind IN ('connection_test', 'preview', 'probe', 'password_rotation'));
