-- A change of design is taken back by text that was approved with it. Each part of that is on record before it is sent, and never sent again
-- without proof that it did not run.

CREATE TABLE drydock.undo_part (
    run_id uuid NOT NULL REFERENCES drydock.run (id),
    ordinal integer NOT NULL CHECK (ordinal BETWEEN 1 AND 200),
    number integer NOT NULL CHECK (number >= 1),
    epoch bigint NOT NULL,
    statement text NOT NULL CHECK (statement <> ''),
    state text NOT NULL DEFAULT 'intent' CHECK (state IN ('intent', 'started', 'done')),
    session_name text NOT NULL,
    backend jsonb,
    evidence jsonb,
    outcome text CHECK (outcome IN ('done', 'skipped', 'skipped_lock', 'no_effect', 'failed', 'cancelled', 'needs_cleanup', 'unknown')),
    detail text NOT NULL DEFAULT '',
    intended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at timestamptz,
    ended_at timestamptz,
    fact_id bigint NOT NULL,
    fact_at timestamptz NOT NULL,
    PRIMARY KEY (run_id, ordinal, number),
    CHECK ((state = 'done') = (outcome IS NOT NULL AND ended_at IS NOT NULL)),
    CHECK (state <> 'started' OR (backend IS NOT NULL AND evidence IS NOT NULL AND started_at IS NOT NULL)),
    FOREIGN KEY (fact_id, fact_at) REFERENCES drydock.fact (id, at)
);
COMMENT ON TABLE drydock.undo_part IS 'Each try of each part of a way back: what takes a change of design back when a person decides so.';
COMMENT ON COLUMN drydock.undo_part.run_id IS 'Of which run.';
COMMENT ON COLUMN drydock.undo_part.ordinal IS 'Which part of the way back in the plan, from 1.';
COMMENT ON COLUMN drydock.undo_part.number IS 'Which try, from 1.';
COMMENT ON COLUMN drydock.undo_part.epoch IS 'Under which lease.';
COMMENT ON COLUMN drydock.undo_part.statement IS 'Exactly what is sent, from the plan.';
COMMENT ON COLUMN drydock.undo_part.state IS 'How far it is.';
COMMENT ON COLUMN drydock.undo_part.session_name IS 'Under which name its session is found on the database.';
COMMENT ON COLUMN drydock.undo_part.backend IS 'Which process of the server sends it.';
COMMENT ON COLUMN drydock.undo_part.evidence IS 'What tells later whether it ran: the id of its transaction, or the index before it.';
COMMENT ON COLUMN drydock.undo_part.outcome IS 'How it ended.';
COMMENT ON COLUMN drydock.undo_part.detail IS 'The same in a sentence.';
COMMENT ON COLUMN drydock.undo_part.intended_at IS 'When it was decided to send it.';
COMMENT ON COLUMN drydock.undo_part.started_at IS 'When its session was on record.';
COMMENT ON COLUMN drydock.undo_part.ended_at IS 'When it was over.';
COMMENT ON COLUMN drydock.undo_part.fact_id IS 'The fact of the intent.';
COMMENT ON COLUMN drydock.undo_part.fact_at IS 'When that fact was written.';

-- One part at a time, in its order.
CREATE UNIQUE INDEX undo_part_open ON drydock.undo_part (run_id) WHERE state <> 'done';

CREATE FUNCTION drydock.undo_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE of_run drydock.run%ROWTYPE;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.state = 'done' OR (NEW.run_id, NEW.ordinal, NEW.number, NEW.statement, NEW.fact_id) IS DISTINCT FROM (OLD.run_id, OLD.ordinal, OLD.number, OLD.statement, OLD.fact_id)
            OR (OLD.state = 'started' AND NEW.state = 'intent') OR (OLD.evidence IS NOT NULL AND NEW.evidence IS DISTINCT FROM OLD.evidence) THEN
            RAISE EXCEPTION 'a part of a way back that is over stays as it is' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'undo_fixed';
        END IF;
        RETURN NEW;
    END IF;
    SELECT * INTO of_run FROM drydock.run r WHERE r.id = NEW.run_id;
    IF of_run.rolling_back_at IS NULL OR of_run.state = 'ended' OR of_run.epoch <> NEW.epoch THEN
        RAISE EXCEPTION 'a way back is only gone while its run is rolled back' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'undo_decided';
    END IF;
    -- What ran, or may have, is not sent again.
    IF EXISTS (SELECT FROM drydock.undo_part u WHERE u.run_id = NEW.run_id AND u.ordinal = NEW.ordinal AND u.outcome IN ('done', 'skipped', 'no_effect', 'unknown')) THEN
        RAISE EXCEPTION 'a part of a way back is not sent again without proof that it did not run' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'undo_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER undo_guard BEFORE INSERT OR UPDATE ON drydock.undo_part FOR EACH ROW EXECUTE FUNCTION drydock.undo_guard();
ALTER TABLE drydock.undo_part ENABLE ALWAYS TRIGGER undo_guard;
CREATE TRIGGER undo_part_stays BEFORE DELETE ON drydock.undo_part FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.undo_part ENABLE ALWAYS TRIGGER undo_part_stays;
CREATE TRIGGER undo_part_no_truncate BEFORE TRUNCATE ON drydock.undo_part FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.undo_part ENABLE ALWAYS TRIGGER undo_part_no_truncate;
