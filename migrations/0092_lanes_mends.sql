-- What was accepted as a stop ends a run, whatever else its worker had found.


-- A stop that came while the run was about to end counts: the next wave does not follow. Runs that ended before keep the verdict they ended with.
ALTER TABLE drydock.run
    DROP CONSTRAINT run_clean,
    ADD CONSTRAINT run_clean CHECK (clean IS NULL OR (state = 'ended' AND (NOT clean OR (ending = 'finished' AND stop_asked_at IS NULL)))) NOT VALID;
COMMENT ON COLUMN drydock.run.clean IS 'Ended finished, with no item that failed, no probe that is red and no stop that was asked for: the next wave may follow. Null while open, and for runs that ended before lanes.';

-- The order of waves, as before; a database that somebody asked to stop has not ended clean.
CREATE OR REPLACE FUNCTION drydock.run_wave_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE own drydock.window_target%ROWTYPE;
BEGIN
    SELECT * INTO own FROM drydock.window_target t WHERE t.window_id = NEW.window_id AND t.revision = NEW.revision AND t.target_id = NEW.target_id;
    IF own.not_started IS NOT NULL THEN
        RAISE EXCEPTION 'this database is not worked on any more: %', own.not_started USING ERRCODE = 'restrict_violation', CONSTRAINT = 'run_not_started';
    END IF;
    IF EXISTS (
        SELECT FROM drydock.window_target t
        LEFT JOIN drydock.run r ON r.window_id = t.window_id AND r.revision = t.revision AND r.target_id = t.target_id AND r.kind = 'maintenance'
        WHERE t.window_id = own.window_id AND t.revision = own.revision AND t.wave < own.wave AND (r.clean IS DISTINCT FROM true OR r.stop_asked_at IS NOT NULL)) THEN
        RAISE EXCEPTION 'an earlier wave has not ended clean' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'run_wave_order';
    END IF;
    RETURN NEW;
END $$;
