-- What a freeze covers is not left by renaming the environment, and an override holds as long as its granter holds the right.

-- The one sentence that says what a freeze covers.
CREATE FUNCTION drydock.freeze_covers(f drydock.freeze, t drydock.target) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT f.scope = 'everything' OR coalesce(f.environment = t.environment OR f.team_id = t.team_id OR f.target_id = t.id, false)
$$;
COMMENT ON FUNCTION drydock.freeze_covers IS 'Whether a freeze covers a database as it is registered now; its times are not asked.';

-- The right that made it is the right that lets it be passed, as long as the person holds it.
CREATE FUNCTION drydock.may_freeze(of_person uuid, f drydock.freeze) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM drydock.person p WHERE p.id = of_person AND p.active AND (
            EXISTS (SELECT FROM drydock.global_role g WHERE g.person_id = p.id AND g.role = 'admin')
            OR EXISTS (SELECT FROM drydock.membership m WHERE m.person_id = p.id AND (m.role = 'lead' OR m.deputy)
                       AND m.team_id = coalesce(f.team_id, (SELECT t.team_id FROM drydock.target t WHERE t.id = f.target_id)))))
$$;
COMMENT ON FUNCTION drydock.may_freeze IS 'Whether a person may freeze what this freeze covers: administrators everything, leads and deputies what their team owns.';

CREATE OR REPLACE FUNCTION drydock.freeze_between(of_target uuid, of_window uuid, of_plan bytea, from_at timestamptz, until_at timestamptz) RETURNS SETOF drydock.freeze
LANGUAGE sql AS $$
    SELECT f.* FROM drydock.freeze f JOIN drydock.target t ON t.id = $1
    WHERE f.lifted_at IS NULL AND f.end_at > $4 AND (f.start_at < $5 OR f.start_at = $4) AND drydock.freeze_covers(f, t)
      AND NOT EXISTS (SELECT FROM drydock.freeze_override o
                      WHERE o.freeze_id = f.id AND o.window_id = $2 AND o.digest = $3 AND o.withdrawn_at IS NULL AND drydock.may_freeze(o.granted_by, f))
    ORDER BY f.start_at, f.id
$$;
COMMENT ON COLUMN drydock.freeze_override.granted_by IS 'Who approved it: wrote no revision, and counts only while active and holding the right over what the freeze covers.';

CREATE OR REPLACE FUNCTION drydock.freeze_override_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.withdrawn_at IS NOT NULL THEN
            RAISE EXCEPTION 'an override begins standing' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'freeze_override_fixed';
        END IF;
        IF EXISTS (SELECT FROM drydock.contributor c WHERE c.window_id = NEW.window_id AND c.person_id = NEW.granted_by) THEN
            RAISE EXCEPTION 'who wrote a revision does not let it pass a freeze' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'freeze_override_not_by_contributor';
        END IF;
        IF NOT EXISTS (SELECT FROM drydock.freeze f WHERE f.id = NEW.freeze_id AND drydock.may_freeze(NEW.granted_by, f)) THEN
            RAISE EXCEPTION 'this person may not override this freeze' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'freeze_override_by_right';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.withdrawn_at IS NOT NULL OR NEW.withdrawn_at IS NULL
        OR (NEW.id, NEW.freeze_id, NEW.window_id, NEW.digest, NEW.reason, NEW.granted_by, NEW.granted_at)
           IS DISTINCT FROM (OLD.id, OLD.freeze_id, OLD.window_id, OLD.digest, OLD.reason, OLD.granted_by, OLD.granted_at) THEN
        RAISE EXCEPTION 'an override is withdrawn or stays as it is' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'freeze_override_fixed';
    END IF;
    -- From here on the freeze holds again: as when it begins.
    PERFORM pg_advisory_xact_lock(482671424357);
    NEW.withdrawn_at := clock_timestamp();
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION drydock.target_guard() RETURNS trigger LANGUAGE plpgsql AS $$
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
    -- The environment says which policy judges a window and which freezes keep it: it does not change under one.
    IF (NEW.team_id <> OLD.team_id OR NEW.environment <> OLD.environment OR (NEW.state IN ('retired', 'deleted') AND OLD.state <> NEW.state)) AND EXISTS (
        SELECT FROM drydock.window w JOIN drydock.window_target wt ON wt.window_id = w.id AND wt.revision = w.revision
        WHERE wt.target_id = OLD.id AND w.state IN ('draft', 'proposed', 'approved', 'running', 'hold', 'validating', 'rolling_back')) THEN
        RAISE EXCEPTION 'windows on this database are not over' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'target_still_wanted';
    END IF;
    IF NEW.environment <> OLD.environment THEN
        -- With what starts: a freeze that is made at this moment comes before or after this.
        PERFORM pg_advisory_xact_lock_shared(482671424357);
        IF EXISTS (SELECT FROM drydock.freeze f WHERE f.lifted_at IS NULL AND f.start_at <= clock_timestamp() AND f.end_at > clock_timestamp()
                   AND f.environment = OLD.environment) THEN
            RAISE EXCEPTION 'a freeze covers this environment' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'target_frozen';
        END IF;
    END IF;
    RETURN NEW;
END $$;
