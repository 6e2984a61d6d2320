-- Several items of a run at once: each executing session has a slot of the fence of its own, and no two sessions work on one table.

ALTER TABLE drydock.attempt ADD COLUMN slot smallint CHECK (slot BETWEEN 1 AND 4), ADD COLUMN relation text;
COMMENT ON COLUMN drydock.attempt.slot IS 'Slot of the fence that the executing session holds; null in what was tried when there was only one.';
COMMENT ON COLUMN drydock.attempt.relation IS 'The table whose lock it needs, as people read it; null as above.';
CREATE UNIQUE INDEX attempt_one_a_relation ON drydock.attempt (run_id, relation) WHERE state IN ('intent', 'started', 'unknown');

-- All tries of a run are written under its row's lock, so what is looked up here cannot change meanwhile.
CREATE FUNCTION drydock.attempt_abreast() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE most integer; own_step text;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.slot, NEW.relation) IS DISTINCT FROM (OLD.slot, OLD.relation) THEN
            RAISE EXCEPTION 'a try stays in its slot' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'attempt_slot_fixed';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.slot IS NULL THEN
        RETURN NEW;
    END IF;
    IF NEW.slot > 1 THEN
        SELECT coalesce((convert_from(p.bytes, 'UTF8')::jsonb -> 'parameters' ->> 'jobs')::integer, 1) INTO most
        FROM drydock.run r JOIN drydock.plan p ON p.window_id = r.window_id AND p.digest = r.plan_digest WHERE r.id = NEW.run_id;
        IF NEW.slot > most THEN
            RAISE EXCEPTION 'the plan lets % run at once', most USING ERRCODE = 'restrict_violation', CONSTRAINT = 'attempt_jobs';
        END IF;
    END IF;
    IF EXISTS (SELECT FROM drydock.attempt a WHERE a.run_id = NEW.run_id AND a.state IN ('intent', 'started', 'unknown') AND a.slot = NEW.slot AND a.session_name <> NEW.session_name) THEN
        RAISE EXCEPTION 'a slot is held by one session' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'attempt_slot';
    END IF;
    SELECT i.step INTO own_step FROM drydock.item i WHERE i.run_id = NEW.run_id AND i.ordinal = NEW.ordinal;
    IF EXISTS (SELECT FROM drydock.attempt a JOIN drydock.item i ON i.run_id = a.run_id AND i.ordinal = a.ordinal
               WHERE a.run_id = NEW.run_id AND a.state IN ('intent', 'started', 'unknown') AND i.step <> own_step) THEN
        RAISE EXCEPTION 'a step begins when the one before is over' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'attempt_step';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER attempt_abreast BEFORE INSERT OR UPDATE ON drydock.attempt FOR EACH ROW EXECUTE FUNCTION drydock.attempt_abreast();
ALTER TABLE drydock.attempt ENABLE ALWAYS TRIGGER attempt_abreast;

-- A page that watches asks for the newest line of each item that runs.
CREATE INDEX run_event_progress ON drydock.run_event (run_id, ordinal, seq) WHERE kind = 'progress';
