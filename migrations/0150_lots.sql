-- What holds of every row of one statement is looked up once for the statement: many small items are put on record together, and what the
-- tables check was most of what that took. Each is looked at when all rows are there, before the statement is over. (The apply process of logical
-- replication fires triggers for rows only; the state database is no subscriber.)

-- The next item of a run that goes on: an item is a start, so a freeze lets none begin; what runs already ends by itself. What makes things safe
-- again is no item, or one of the class "safing": that is never stopped by a freeze, nor by a pause.
CREATE OR REPLACE FUNCTION drydock.item_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE one record; frozen text;
BEGIN
    FOR one IN SELECT DISTINCT n.run_id, n.plan_digest FROM added n
        WHERE NOT EXISTS (SELECT FROM drydock.item i WHERE i.run_id = n.run_id AND i.ordinal = n.ordinal AND i.class = 'safing') LOOP
        PERFORM pg_advisory_xact_lock_shared(482671424357);
        IF EXISTS (SELECT FROM drydock.pause p WHERE p.resumed_at IS NULL AND p.level = 'hold_running') THEN
            RAISE EXCEPTION 'all maintenance is paused' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'paused';
        END IF;
        SELECT f.name INTO frozen FROM drydock.run r
            CROSS JOIN LATERAL drydock.freeze_between(r.target_id, r.window_id, one.plan_digest, clock_timestamp(), clock_timestamp()) f
            WHERE r.id = one.run_id LIMIT 1;
        IF frozen IS NOT NULL THEN
            RAISE EXCEPTION 'the freeze "%" covers this database', frozen USING ERRCODE = 'restrict_violation', CONSTRAINT = 'freeze';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
DROP TRIGGER attempt_pause_guard ON drydock.attempt;
CREATE TRIGGER attempt_pause_guard AFTER INSERT ON drydock.attempt REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION drydock.item_guard();
ALTER TABLE drydock.attempt ENABLE ALWAYS TRIGGER attempt_pause_guard;

-- All tries of a run are written under its row's lock, so what is looked up here cannot change meanwhile.
CREATE OR REPLACE FUNCTION drydock.attempt_abreast() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE one record; most integer;
BEGIN
    FOR one IN SELECT n.run_id, max(n.slot) AS slot FROM added n WHERE n.slot IS NOT NULL GROUP BY n.run_id LOOP
        IF one.slot > 1 THEN
            SELECT coalesce((convert_from(p.bytes, 'UTF8')::jsonb -> 'parameters' ->> 'jobs')::integer, 1) INTO most
            FROM drydock.run r JOIN drydock.plan p ON p.window_id = r.window_id AND p.digest = r.plan_digest WHERE r.id = one.run_id;
            IF one.slot > most THEN
                RAISE EXCEPTION 'the plan lets % run at once', most USING ERRCODE = 'restrict_violation', CONSTRAINT = 'attempt_jobs';
            END IF;
        END IF;
        IF EXISTS (SELECT FROM (SELECT DISTINCT n.slot, n.session_name FROM added n WHERE n.run_id = one.run_id AND n.slot IS NOT NULL) n
                   JOIN drydock.attempt a ON a.run_id = one.run_id AND a.slot = n.slot AND a.session_name <> n.session_name
                   WHERE a.state IN ('intent', 'started', 'unknown')) THEN
            RAISE EXCEPTION 'a slot is held by one session' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'attempt_slot';
        END IF;
        IF EXISTS (SELECT FROM (SELECT DISTINCT i.step FROM added n JOIN drydock.item i ON i.run_id = n.run_id AND i.ordinal = n.ordinal
                                WHERE n.run_id = one.run_id AND n.slot IS NOT NULL) n
                   JOIN (SELECT DISTINCT i.step FROM drydock.attempt a JOIN drydock.item i ON i.run_id = a.run_id AND i.ordinal = a.ordinal
                         WHERE a.run_id = one.run_id AND a.state IN ('intent', 'started', 'unknown')) a ON a.step <> n.step) THEN
            RAISE EXCEPTION 'a step begins when the one before is over' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'attempt_step';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
DROP TRIGGER attempt_abreast ON drydock.attempt;
CREATE TRIGGER attempt_abreast AFTER INSERT ON drydock.attempt REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION drydock.attempt_abreast();
ALTER TABLE drydock.attempt ENABLE ALWAYS TRIGGER attempt_abreast;

CREATE FUNCTION drydock.attempt_slot_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a try stays in its slot' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'attempt_slot_fixed';
END $$;
CREATE TRIGGER attempt_abreast_fixed BEFORE UPDATE ON drydock.attempt FOR EACH ROW
    WHEN ((NEW.slot, NEW.relation) IS DISTINCT FROM (OLD.slot, OLD.relation)) EXECUTE FUNCTION drydock.attempt_slot_fixed();
ALTER TABLE drydock.attempt ENABLE ALWAYS TRIGGER attempt_abreast_fixed;
