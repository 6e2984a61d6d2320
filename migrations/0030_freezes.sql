-- Freezes: times in which nothing starts on a part of the installation, and the approvals with which single windows pass one.

CREATE TABLE drydock.freeze (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (length(btrim(name)) BETWEEN 1 AND 120),
    reason text NOT NULL CHECK (length(btrim(reason)) BETWEEN 1 AND 2000),
    scope text NOT NULL CHECK (scope IN ('everything', 'environment', 'team', 'target')),
    environment text CHECK (environment IN ('development', 'test', 'staging', 'production')),
    team_id uuid REFERENCES drydock.team (id),
    target_id uuid REFERENCES drydock.target (id),
    zone text NOT NULL CHECK (length(zone) BETWEEN 1 AND 64),
    start_at timestamptz NOT NULL,
    end_at timestamptz NOT NULL,
    revision integer NOT NULL DEFAULT 1,
    created_by uuid NOT NULL REFERENCES drydock.person (id),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    lifted_at timestamptz,
    lifted_by uuid REFERENCES drydock.person (id),
    lift_reason text CHECK (length(btrim(lift_reason)) BETWEEN 1 AND 2000),
    CONSTRAINT freeze_scope CHECK ((scope = 'environment') = (environment IS NOT NULL) AND (scope = 'team') = (team_id IS NOT NULL)
                                   AND (scope = 'target') = (target_id IS NOT NULL)),
    CONSTRAINT freeze_order CHECK (start_at < end_at AND end_at - start_at <= interval '400 days'),
    CONSTRAINT freeze_lifted CHECK ((lifted_at IS NULL) = (lifted_by IS NULL) AND (lifted_at IS NULL) = (lift_reason IS NULL))
);
COMMENT ON TABLE drydock.freeze IS 'A time and a scope in which nothing starts, by any path; what makes things safe again is never stopped.';
COMMENT ON COLUMN drydock.freeze.id IS 'Identity.';
COMMENT ON COLUMN drydock.freeze.name IS 'As people call it: year end, release 12.';
COMMENT ON COLUMN drydock.freeze.reason IS 'Why, as everybody reads it whose window it keeps.';
COMMENT ON COLUMN drydock.freeze.scope IS 'What it covers; the next three columns say which one.';
COMMENT ON COLUMN drydock.freeze.environment IS 'Every database of this environment.';
COMMENT ON COLUMN drydock.freeze.team_id IS 'Every database this team owns at that time.';
COMMENT ON COLUMN drydock.freeze.target_id IS 'This database.';
COMMENT ON COLUMN drydock.freeze.zone IS 'IANA zone in which its times were typed, to show and move them in it.';
COMMENT ON COLUMN drydock.freeze.start_at IS 'From then on; never before the freeze was committed.';
COMMENT ON COLUMN drydock.freeze.end_at IS 'Until then, exclusive.';
COMMENT ON COLUMN drydock.freeze.revision IS 'Rises with every change of the end: guards against lost updates.';
COMMENT ON COLUMN drydock.freeze.created_by IS 'Who answers for it.';
COMMENT ON COLUMN drydock.freeze.created_at IS 'When it was decided.';
COMMENT ON COLUMN drydock.freeze.lifted_at IS 'Ended early, or called off before it began; null otherwise.';
COMMENT ON COLUMN drydock.freeze.lifted_by IS 'Who lifted it.';
COMMENT ON COLUMN drydock.freeze.lift_reason IS 'Why it was over.';
CREATE INDEX freeze_ahead ON drydock.freeze (end_at) WHERE lifted_at IS NULL;
CREATE INDEX freeze_newest ON drydock.freeze (start_at DESC);

-- As with pauses: starts hold one lock together, a freeze holds it alone. What started before a freeze was committed had committed before, and
-- what comes later sees the freeze. The key is that of the pauses, so that no two locks can be taken in two orders.
CREATE FUNCTION drydock.freeze_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.lifted_at IS NOT NULL THEN
            RAISE EXCEPTION 'a freeze begins unlifted' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'freeze_fixed';
        END IF;
    ELSIF OLD.lifted_at IS NOT NULL OR (NEW.lifted_at IS NOT NULL AND NEW.end_at <> OLD.end_at)
        OR (NEW.id, NEW.name, NEW.reason, NEW.scope, NEW.environment, NEW.team_id, NEW.target_id, NEW.zone, NEW.start_at, NEW.created_by, NEW.created_at)
           IS DISTINCT FROM (OLD.id, OLD.name, OLD.reason, OLD.scope, OLD.environment, OLD.team_id, OLD.target_id, OLD.zone, OLD.start_at, OLD.created_by, OLD.created_at) THEN
        RAISE EXCEPTION 'a freeze gets another end or is lifted, and stays as it was' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'freeze_fixed';
    END IF;
    PERFORM pg_advisory_xact_lock(482671424357);
    IF TG_OP = 'INSERT' THEN
        -- Whatever started before has started by now: nothing that started is inside it.
        NEW.start_at := greatest(NEW.start_at, clock_timestamp());
    ELSIF OLD.end_at <= clock_timestamp() OR NEW.end_at <= clock_timestamp() THEN
        -- Something may have started after its end: what is over cannot reach over that.
        RAISE EXCEPTION 'a freeze that is over stays over' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'freeze_over';
    ELSIF NEW.lifted_at IS NOT NULL THEN
        NEW.lifted_at := clock_timestamp();
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER freeze_guard BEFORE INSERT OR UPDATE ON drydock.freeze FOR EACH ROW EXECUTE FUNCTION drydock.freeze_guard();
ALTER TABLE drydock.freeze ENABLE ALWAYS TRIGGER freeze_guard;
CREATE TRIGGER freeze_stays BEFORE DELETE ON drydock.freeze FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.freeze ENABLE ALWAYS TRIGGER freeze_stays;
CREATE TRIGGER freeze_no_truncate BEFORE TRUNCATE ON drydock.freeze FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.freeze ENABLE ALWAYS TRIGGER freeze_no_truncate;

CREATE TABLE drydock.freeze_override (
    id uuid PRIMARY KEY,
    freeze_id uuid NOT NULL REFERENCES drydock.freeze (id),
    window_id uuid NOT NULL,
    digest bytea NOT NULL,
    reason text NOT NULL CHECK (length(btrim(reason)) BETWEEN 1 AND 2000),
    granted_by uuid NOT NULL REFERENCES drydock.person (id),
    granted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    withdrawn_at timestamptz,
    withdrawn_by uuid REFERENCES drydock.person (id),
    withdraw_reason text CHECK (length(btrim(withdraw_reason)) BETWEEN 1 AND 2000),
    FOREIGN KEY (window_id, digest) REFERENCES drydock.plan (window_id, digest),
    CONSTRAINT freeze_override_withdrawn CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL) AND (withdrawn_at IS NULL) = (withdraw_reason IS NULL))
);
COMMENT ON TABLE drydock.freeze_override IS 'One window may pass one freeze: the approval of a second person, for exactly these bytes.';
COMMENT ON COLUMN drydock.freeze_override.id IS 'Identity.';
COMMENT ON COLUMN drydock.freeze_override.freeze_id IS 'Which freeze.';
COMMENT ON COLUMN drydock.freeze_override.window_id IS 'Which window.';
COMMENT ON COLUMN drydock.freeze_override.digest IS 'Which plan; another revision needs another approval.';
COMMENT ON COLUMN drydock.freeze_override.reason IS 'Why it may happen all the same.';
COMMENT ON COLUMN drydock.freeze_override.granted_by IS 'Who approved it: wrote no revision, and counts only while active.';
COMMENT ON COLUMN drydock.freeze_override.granted_at IS 'When.';
COMMENT ON COLUMN drydock.freeze_override.withdrawn_at IS 'When it was taken back; null while it stands.';
COMMENT ON COLUMN drydock.freeze_override.withdrawn_by IS 'By whom.';
COMMENT ON COLUMN drydock.freeze_override.withdraw_reason IS 'Why.';
CREATE UNIQUE INDEX freeze_override_once ON drydock.freeze_override (freeze_id, window_id, digest) WHERE withdrawn_at IS NULL;
CREATE INDEX freeze_override_window ON drydock.freeze_override (window_id);

CREATE FUNCTION drydock.freeze_override_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.withdrawn_at IS NOT NULL THEN
            RAISE EXCEPTION 'an override begins standing' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'freeze_override_fixed';
        END IF;
        IF EXISTS (SELECT FROM drydock.contributor c WHERE c.window_id = NEW.window_id AND c.person_id = NEW.granted_by) THEN
            RAISE EXCEPTION 'who wrote a revision does not let it pass a freeze' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'freeze_override_not_by_contributor';
        END IF;
        IF NOT EXISTS (SELECT FROM drydock.person p WHERE p.id = NEW.granted_by AND p.active) THEN
            RAISE EXCEPTION 'this person may not override a freeze' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'freeze_override_by_active_person';
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
CREATE TRIGGER freeze_override_guard BEFORE INSERT OR UPDATE ON drydock.freeze_override FOR EACH ROW EXECUTE FUNCTION drydock.freeze_override_guard();
ALTER TABLE drydock.freeze_override ENABLE ALWAYS TRIGGER freeze_override_guard;
CREATE TRIGGER freeze_override_stays BEFORE DELETE ON drydock.freeze_override FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.freeze_override ENABLE ALWAYS TRIGGER freeze_override_stays;
CREATE TRIGGER freeze_override_no_truncate BEFORE TRUNCATE ON drydock.freeze_override FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.freeze_override ENABLE ALWAYS TRIGGER freeze_override_no_truncate;

-- The one sentence that says what a freeze covers: lists, pages and the guards ask it. An instant is asked for as from = until.
CREATE FUNCTION drydock.freeze_between(of_target uuid, of_window uuid, of_plan bytea, from_at timestamptz, until_at timestamptz) RETURNS SETOF drydock.freeze
LANGUAGE sql AS $$
    SELECT f.* FROM drydock.freeze f JOIN drydock.target t ON t.id = $1
    WHERE f.lifted_at IS NULL AND f.end_at > $4 AND (f.start_at < $5 OR f.start_at = $4)
      AND (f.scope = 'everything' OR f.environment = t.environment OR f.team_id = t.team_id OR f.target_id = t.id)
      AND NOT EXISTS (SELECT FROM drydock.freeze_override o JOIN drydock.person p ON p.id = o.granted_by
                      WHERE o.freeze_id = f.id AND o.window_id = $2 AND o.digest = $3 AND o.withdrawn_at IS NULL AND p.active)
    ORDER BY f.start_at, f.id
$$;
COMMENT ON FUNCTION drydock.freeze_between IS 'Freezes over a database between two instants, without those that this plan of this window may pass.';

-- Every way to start passes here: a run is opened, it begins, a hold is ended by going on.
CREATE OR REPLACE FUNCTION drydock.start_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE frozen text;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(482671424357);
    IF EXISTS (SELECT FROM drydock.pause p WHERE p.resumed_at IS NULL) THEN
        RAISE EXCEPTION 'all maintenance is paused' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'paused';
    END IF;
    IF TG_TABLE_NAME = 'run' THEN
        SELECT f.name INTO frozen FROM drydock.freeze_between(NEW.target_id, NEW.window_id, NEW.plan_digest, clock_timestamp(), clock_timestamp()) f LIMIT 1;
    ELSE
        SELECT f.name INTO frozen FROM drydock.window_target t JOIN drydock.plan p ON p.window_id = t.window_id AND p.revision = t.revision
            CROSS JOIN LATERAL drydock.freeze_between(t.target_id, t.window_id, p.digest, clock_timestamp(), clock_timestamp()) f
            WHERE t.window_id = NEW.id AND t.revision = NEW.revision LIMIT 1;
    END IF;
    IF frozen IS NOT NULL THEN
        RAISE EXCEPTION 'the freeze "%" covers this database', frozen USING ERRCODE = 'restrict_violation', CONSTRAINT = 'freeze';
    END IF;
    RETURN NEW;
END $$;

-- The next item of a run that goes on: an item is a start, so a freeze lets none begin; what runs already ends by itself. What makes things safe
-- again is no item, or one of the class "safing": that is never stopped by a freeze, nor by a pause.
CREATE OR REPLACE FUNCTION drydock.item_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE frozen text;
BEGIN
    IF EXISTS (SELECT FROM drydock.item i WHERE i.run_id = NEW.run_id AND i.ordinal = NEW.ordinal AND i.class = 'safing') THEN
        RETURN NEW;
    END IF;
    PERFORM pg_advisory_xact_lock_shared(482671424357);
    IF EXISTS (SELECT FROM drydock.pause p WHERE p.resumed_at IS NULL AND p.level = 'hold_running') THEN
        RAISE EXCEPTION 'all maintenance is paused' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'paused';
    END IF;
    SELECT f.name INTO frozen FROM drydock.run r
        CROSS JOIN LATERAL drydock.freeze_between(r.target_id, r.window_id, NEW.plan_digest, clock_timestamp(), clock_timestamp()) f
        WHERE r.id = NEW.run_id LIMIT 1;
    IF frozen IS NOT NULL THEN
        RAISE EXCEPTION 'the freeze "%" covers this database', frozen USING ERRCODE = 'restrict_violation', CONSTRAINT = 'freeze';
    END IF;
    RETURN NEW;
END $$;
