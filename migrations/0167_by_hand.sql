-- Steps by hand of own procedures: what a person did while a run waited for it.

CREATE TABLE drydock.by_hand (
    run_id uuid NOT NULL REFERENCES drydock.run (id),
    step text NOT NULL CHECK (step ~ '^by_hand_[a-z0-9_]+$'),
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at timestamptz,
    done_by uuid REFERENCES drydock.person (id),
    said text CHECK (length(said) BETWEEN 1 AND 4000),
    PRIMARY KEY (run_id, step),
    CONSTRAINT by_hand_done CHECK (num_nonnulls(done_at, done_by, said) IN (0, 3))
);
COMMENT ON TABLE drydock.by_hand IS 'Steps of a run that people do; one that was not reached has no row.';
COMMENT ON COLUMN drydock.by_hand.run_id IS 'Of which run.';
COMMENT ON COLUMN drydock.by_hand.step IS 'Which step of its procedure.';
COMMENT ON COLUMN drydock.by_hand.asked_at IS 'The run waits for it since then.';
COMMENT ON COLUMN drydock.by_hand.done_at IS 'When somebody said that it is done.';
COMMENT ON COLUMN drydock.by_hand.done_by IS 'Who.';
COMMENT ON COLUMN drydock.by_hand.said IS 'What they saw.';

ALTER TABLE drydock.run ADD COLUMN hold_step text;
COMMENT ON COLUMN drydock.run.hold_step IS 'The step by hand that it is held for; null where it is held for anything else.';

CREATE FUNCTION drydock.by_hand_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.done_at IS NOT NULL OR NOT EXISTS (SELECT FROM drydock.run r WHERE r.id = NEW.run_id AND r.state = 'leased') THEN
            RAISE EXCEPTION 'a run that works asks for a step by hand, and nobody has done it by then' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'by_hand_asked';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.run_id, NEW.step, NEW.asked_at) IS DISTINCT FROM (OLD.run_id, OLD.step, OLD.asked_at) OR OLD.done_at IS NOT NULL THEN
        RAISE EXCEPTION 'a step by hand is done once, and stays as it was asked for' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'by_hand_fixed';
    END IF;
    IF NOT EXISTS (SELECT FROM drydock.run r WHERE r.id = NEW.run_id AND r.state = 'held' AND r.decision IS NULL AND r.hold_step = NEW.step) THEN
        RAISE EXCEPTION 'a step by hand is done while its run waits for it' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'by_hand_waits';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER by_hand_guard BEFORE INSERT OR UPDATE ON drydock.by_hand FOR EACH ROW EXECUTE FUNCTION drydock.by_hand_guard();
ALTER TABLE drydock.by_hand ENABLE ALWAYS TRIGGER by_hand_guard;
CREATE TRIGGER by_hand_stays BEFORE DELETE ON drydock.by_hand FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.by_hand ENABLE ALWAYS TRIGGER by_hand_stays;
CREATE TRIGGER by_hand_no_truncate BEFORE TRUNCATE ON drydock.by_hand FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.by_hand ENABLE ALWAYS TRIGGER by_hand_no_truncate;
