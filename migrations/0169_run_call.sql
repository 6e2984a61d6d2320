-- Calls of own procedures: what another program was asked to do while a run waited for its answer.

CREATE TABLE drydock.run_call (
    run_id uuid NOT NULL REFERENCES drydock.run (id),
    step text NOT NULL CHECK (step ~ '^webhook_[a-z0-9_]+$'),
    id uuid NOT NULL UNIQUE,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at timestamptz,
    settled_by uuid REFERENCES drydock.person (id),
    said text CHECK (length(said) BETWEEN 1 AND 4000),
    PRIMARY KEY (run_id, step),
    CONSTRAINT run_call_done CHECK (num_nonnulls(done_at, said) IN (0, 2) AND (settled_by IS NULL OR done_at IS NOT NULL))
);
COMMENT ON TABLE drydock.run_call IS 'Steps of a run that other programs do; one that was not reached has no row.';
COMMENT ON COLUMN drydock.run_call.run_id IS 'Of which run.';
COMMENT ON COLUMN drydock.run_call.step IS 'Which step of its procedure.';
COMMENT ON COLUMN drydock.run_call.id IS 'What the receiver knows it by, the same in every try.';
COMMENT ON COLUMN drydock.run_call.asked_at IS 'On record before the first try: since then it may have had its effect.';
COMMENT ON COLUMN drydock.run_call.done_at IS 'When the receiver said yes, or a person said that it is done.';
COMMENT ON COLUMN drydock.run_call.settled_by IS 'Who said so, where the receiver did not.';
COMMENT ON COLUMN drydock.run_call.said IS 'What came of it, in words.';
COMMENT ON COLUMN drydock.run.hold_step IS 'The step by hand, or the call, that it is held for; null where it is held for anything else.';

CREATE FUNCTION drydock.run_call_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.done_at IS NOT NULL OR NOT EXISTS (SELECT FROM drydock.run r WHERE r.id = NEW.run_id AND r.state = 'leased') THEN
            RAISE EXCEPTION 'a run that works calls, and nobody has answered by then' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'run_call_asked';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.run_id, NEW.step, NEW.id, NEW.asked_at) IS DISTINCT FROM (OLD.run_id, OLD.step, OLD.id, OLD.asked_at) OR OLD.done_at IS NOT NULL THEN
        RAISE EXCEPTION 'a call is done once, and stays as it was asked for' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'run_call_fixed';
    END IF;
    IF NOT EXISTS (
        SELECT FROM drydock.run r WHERE r.id = NEW.run_id
            AND CASE WHEN NEW.settled_by IS NULL THEN r.state = 'leased' ELSE r.state = 'held' AND r.decision IS NULL AND r.hold_step = NEW.step END
    ) THEN
        RAISE EXCEPTION 'a call is answered while its run works, or settled while its run waits for it' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'run_call_waits';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER run_call_guard BEFORE INSERT OR UPDATE ON drydock.run_call FOR EACH ROW EXECUTE FUNCTION drydock.run_call_guard();
ALTER TABLE drydock.run_call ENABLE ALWAYS TRIGGER run_call_guard;
CREATE TRIGGER run_call_stays BEFORE DELETE ON drydock.run_call FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.run_call ENABLE ALWAYS TRIGGER run_call_stays;
CREATE TRIGGER run_call_no_truncate BEFORE TRUNCATE ON drydock.run_call FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.run_call ENABLE ALWAYS TRIGGER run_call_no_truncate;
