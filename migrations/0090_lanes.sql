-- Several databases in one window: each is a lane with a run, a lease and a rollback of its own. Lanes go in waves: the next wave is opened when
-- every lane of the one before ended clean. The window's state is a fold of its lanes.

ALTER TABLE drydock.window_target
    ADD COLUMN wave integer NOT NULL DEFAULT 1 CHECK (wave BETWEEN 1 AND 20),
    ADD COLUMN position integer NOT NULL DEFAULT 1 CHECK (position BETWEEN 1 AND 20),
    ADD COLUMN not_started text CHECK (length(btrim(not_started)) BETWEEN 1 AND 4000),
    ADD CONSTRAINT window_target_position_once UNIQUE (window_id, revision, position);
COMMENT ON COLUMN drydock.window_target.wave IS 'Counts from 1, as the plan orders them: worked on after every earlier wave.';
COMMENT ON COLUMN drydock.window_target.position IS 'Place in the plan''s list, from 1.';
COMMENT ON COLUMN drydock.window_target.not_started IS 'Why its run is never opened; null while it may be, and where it was. Written once.';

CREATE FUNCTION drydock.window_target_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.window_id, NEW.revision, NEW.target_id, NEW.wave, NEW.position) IS DISTINCT FROM (OLD.window_id, OLD.revision, OLD.target_id, OLD.wave, OLD.position)
        OR (OLD.not_started IS NOT NULL AND NEW.not_started IS DISTINCT FROM OLD.not_started) THEN
        RAISE EXCEPTION 'the place of a database in a window never changes, and what was not started stays so' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'window_target_fixed';
    END IF;
    IF NEW.not_started IS NOT NULL AND OLD.not_started IS NULL AND EXISTS (
        SELECT FROM drydock.run r WHERE r.window_id = NEW.window_id AND r.revision = NEW.revision AND r.target_id = NEW.target_id) THEN
        RAISE EXCEPTION 'a lane whose run was opened was started' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'window_target_started';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER window_target_place BEFORE UPDATE ON drydock.window_target FOR EACH ROW EXECUTE FUNCTION drydock.window_target_place();
ALTER TABLE drydock.window_target ENABLE ALWAYS TRIGGER window_target_place;

ALTER TABLE drydock.run
    ADD COLUMN clean boolean,
    ADD COLUMN rolling_back_at timestamptz,
    ADD COLUMN soak_until timestamptz,
    ADD CONSTRAINT run_clean CHECK (clean IS NULL OR (state = 'ended' AND (NOT clean OR ending = 'finished')));
COMMENT ON COLUMN drydock.run.clean IS 'Ended finished, with no item that failed and no probe that is red: the next wave may follow. Null while open, and for runs that ended before lanes.';
COMMENT ON COLUMN drydock.run.rolling_back_at IS 'When a worker took up its rollback: from then on it only goes to its end.';
COMMENT ON COLUMN drydock.run.soak_until IS 'Its work is over, and it is watched until then before it is measured for the last time. Null without such a time.';
UPDATE drydock.run AS r SET rolling_back_at = w.state_at FROM drydock.window w WHERE w.id = r.window_id AND w.state = 'rolling_back' AND r.state <> 'ended';

-- The order of waves, as the domain's fold has it: nothing of a wave is opened before everything of the waves before ended clean.
CREATE FUNCTION drydock.run_wave_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE own drydock.window_target%ROWTYPE;
BEGIN
    SELECT * INTO own FROM drydock.window_target t WHERE t.window_id = NEW.window_id AND t.revision = NEW.revision AND t.target_id = NEW.target_id;
    IF own.not_started IS NOT NULL THEN
        RAISE EXCEPTION 'this database is not worked on any more: %', own.not_started USING ERRCODE = 'restrict_violation', CONSTRAINT = 'run_not_started';
    END IF;
    IF EXISTS (
        SELECT FROM drydock.window_target t
        LEFT JOIN drydock.run r ON r.window_id = t.window_id AND r.revision = t.revision AND r.target_id = t.target_id AND r.kind = 'maintenance'
        WHERE t.window_id = own.window_id AND t.revision = own.revision AND t.wave < own.wave AND r.clean IS DISTINCT FROM true) THEN
        RAISE EXCEPTION 'an earlier wave has not ended clean' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'run_wave_order';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER run_wave_guard BEFORE INSERT ON drydock.run FOR EACH ROW WHEN (NEW.kind = 'maintenance') EXECUTE FUNCTION drydock.run_wave_guard();
ALTER TABLE drydock.run ENABLE ALWAYS TRIGGER run_wave_guard;

-- What a person decided on one lane is taken up: going on is a start of that lane, also where the window runs all the while.
CREATE TRIGGER run_take_up_guard BEFORE UPDATE ON drydock.run FOR EACH ROW
    WHEN (OLD.decision = 'continue' AND NEW.decision IS NULL AND NEW.state = 'leased') EXECUTE FUNCTION drydock.start_guard();
ALTER TABLE drydock.run ENABLE ALWAYS TRIGGER run_take_up_guard;

-- One lane's rollback is over, and others have work to be validated; or what was left besides rollbacks that are over was never begun.
INSERT INTO drydock.transition (thing, from_state, to_state) VALUES ('window', 'rolling_back', 'validating'), ('window', 'running', 'rolled_back');

-- The state of a window of several databases follows its lanes: its work is not over while one of them is open or may still come.
CREATE FUNCTION drydock.window_lanes_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE lanes bigint; open bigint;
BEGIN
    SELECT count(*), count(*) FILTER (WHERE t.not_started IS NULL AND r.ending IS NULL) INTO lanes, open
    FROM drydock.window_target t
    LEFT JOIN drydock.run r ON r.window_id = t.window_id AND r.revision = t.revision AND r.target_id = t.target_id AND r.kind = 'maintenance'
    WHERE t.window_id = NEW.id AND t.revision = NEW.revision;
    IF lanes <= 1 AND (OLD.state, NEW.state) IN (('rolling_back', 'validating'), ('running', 'rolled_back')) THEN
        RAISE EXCEPTION 'a window of one database that is rolled back says so, and has nothing to be validated' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'window_lanes';
    END IF;
    IF lanes > 1 AND open > 0 THEN
        RAISE EXCEPTION 'the work of a window is not over while one of its databases is worked on, or waits for its wave' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'window_lanes';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER window_lanes_guard BEFORE UPDATE ON drydock.window FOR EACH ROW
    WHEN (NEW.state <> OLD.state AND NEW.state IN ('validating', 'failed', 'rolled_back')) EXECUTE FUNCTION drydock.window_lanes_guard();
ALTER TABLE drydock.window ENABLE ALWAYS TRIGGER window_lanes_guard;

-- The guard of every start, as before; but a window of several databases that was on hold runs again when none of its lanes waits for a person any
-- more. That starts nothing by itself: whichever lane goes on is asked by its own run.
CREATE OR REPLACE FUNCTION drydock.start_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE frozen text;
BEGIN
    IF TG_TABLE_NAME = 'window' THEN
        IF OLD.state = 'hold' AND (SELECT count(*) > 1 FROM drydock.window_target t WHERE t.window_id = NEW.id AND t.revision = NEW.revision) THEN
            RETURN NEW;
        END IF;
    END IF;
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

-- The validation list is answered for each database of its own.
ALTER TABLE drydock.check_item
    ADD COLUMN target_id uuid,
    ADD CONSTRAINT check_item_target FOREIGN KEY (window_id, revision, target_id) REFERENCES drydock.window_target (window_id, revision, target_id);
COMMENT ON COLUMN drydock.check_item.target_id IS 'The database it is about, where the window has several; null where it has one.';

-- What lists say of a window of several databases: one row, with the first database that was looked for.
CREATE FUNCTION drydock.more_databases(of_window uuid, of_revision integer) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN count(*) > 1 THEN format(' and %s more', count(*) - 1) ELSE '' END
    FROM drydock.window_target t WHERE t.window_id = of_window AND t.revision = of_revision
$$;
COMMENT ON FUNCTION drydock.more_databases IS 'Follows the name of one database of a window: empty where it is the only one.';
CREATE FUNCTION drydock.first_found(of_window uuid, of_revision integer, place integer, named text, environment_of text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT place = 1 OR named <> '' OR (environment_of <> '' AND NOT EXISTS (
        SELECT FROM drydock.window_target o JOIN drydock.target t ON t.id = o.target_id
        WHERE o.window_id = of_window AND o.revision = of_revision AND o.position < place AND t.environment = environment_of))
$$;
COMMENT ON FUNCTION drydock.first_found IS 'Whether this place is the first of a window''s databases that a filter by name or environment leaves: a window is listed once.';
