-- Many tries are put on record by one statement, and whatever is looked up for them is looked up by key: the time that takes must not grow with
-- all that was ever worked on.

-- A try begins under a freeze or a pause only where its item makes things safe again. Few items do; without this index all items were read to
-- find that out, for each lot and for each try on its own.
CREATE INDEX item_safing ON drydock.item (run_id, ordinal) WHERE class = 'safing';
COMMENT ON INDEX drydock.item_safing IS 'Items that no freeze and no pause stops.';
-- The same for what is never tried twice.
CREATE INDEX item_once ON drydock.item (run_id, ordinal) WHERE class = 'once';
COMMENT ON INDEX drydock.item_once IS 'Items that are never tried again without proof that they did not run.';

-- A once-only step gets no second attempt: asked once for all rows of a statement, when they are there and before it is over.
CREATE FUNCTION drydock.attempt_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM added n JOIN drydock.item i ON i.run_id = n.run_id AND i.ordinal = n.ordinal AND i.class = 'once'
               CROSS JOIN LATERAL (SELECT a.id, a.state, a.started_at FROM drydock.attempt a
                                   WHERE a.run_id = n.run_id AND a.ordinal = n.ordinal AND a.id <> n.id ORDER BY a.number DESC LIMIT 1) last
               WHERE NOT (last.started_at IS NULL AND last.state = 'done')
                 AND NOT EXISTS (SELECT FROM drydock.resolution r
                                 WHERE r.attempt_id = last.id AND r.second_person_id IS NOT NULL AND r.found = 'did_not_run')) THEN
        RAISE EXCEPTION 'a once-only step is not tried again without proof that it did not run' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'attempt_once_only';
    END IF;
    RETURN NULL;
END $$;
-- What is over stays as it is: most changes are none of that, and nothing is called for them.
CREATE FUNCTION drydock.attempt_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an attempt that is over stays as it is' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'attempt_fixed';
END $$;
DROP TRIGGER attempt_guard ON drydock.attempt;
DROP FUNCTION drydock.attempt_guard();
CREATE TRIGGER attempt_once AFTER INSERT ON drydock.attempt REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION drydock.attempt_once();
ALTER TABLE drydock.attempt ENABLE ALWAYS TRIGGER attempt_once;
CREATE TRIGGER attempt_fixed BEFORE UPDATE ON drydock.attempt FOR EACH ROW
    WHEN (OLD.state = 'done' OR (NEW.run_id, NEW.ordinal, NEW.number, NEW.plan_digest, NEW.work_list_digest)
                                IS DISTINCT FROM (OLD.run_id, OLD.ordinal, OLD.number, OLD.plan_digest, OLD.work_list_digest))
    EXECUTE FUNCTION drydock.attempt_fixed();
ALTER TABLE drydock.attempt ENABLE ALWAYS TRIGGER attempt_fixed;
