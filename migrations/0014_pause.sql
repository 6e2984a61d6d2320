-- Pauses: somebody said that nothing starts for now, on the whole installation.

CREATE TABLE drydock.pause (
    id uuid PRIMARY KEY,
    level text NOT NULL CHECK (level IN ('start_nothing', 'hold_running')),
    reason text NOT NULL CHECK (length(btrim(reason)) BETWEEN 1 AND 2000),
    paused_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    paused_by uuid NOT NULL REFERENCES drydock.person (id),
    resumed_at timestamptz,
    resumed_by uuid REFERENCES drydock.person (id),
    resume_reason text CHECK (length(btrim(resume_reason)) BETWEEN 1 AND 2000),
    CONSTRAINT pause_resumed CHECK ((resumed_at IS NULL) = (resumed_by IS NULL) AND (resumed_at IS NULL) = (resume_reason IS NULL))
);
COMMENT ON TABLE drydock.pause IS 'A time in which nothing starts anywhere; open until somebody resumes.';
COMMENT ON COLUMN drydock.pause.id IS 'Identity.';
COMMENT ON COLUMN drydock.pause.level IS 'start_nothing: runs in progress go on; hold_running: they are held before their next item too.';
COMMENT ON COLUMN drydock.pause.reason IS 'Why, as everybody reads it.';
COMMENT ON COLUMN drydock.pause.paused_at IS 'Since when.';
COMMENT ON COLUMN drydock.pause.paused_by IS 'Who answers for it, and may resume beside administrators.';
COMMENT ON COLUMN drydock.pause.resumed_at IS 'Until when; null while it lasts.';
COMMENT ON COLUMN drydock.pause.resumed_by IS 'Who resumed.';
COMMENT ON COLUMN drydock.pause.resume_reason IS 'Why it was over.';
CREATE UNIQUE INDEX pause_one_open ON drydock.pause ((true)) WHERE resumed_at IS NULL;
CREATE INDEX pause_newest ON drydock.pause (paused_at DESC);

-- Starts hold one lock together, a pause holds it alone: what started before a pause was committed had committed before, and what comes
-- later sees the pause. The key is "pause" in ASCII.
CREATE FUNCTION drydock.pause_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.resumed_at IS NOT NULL THEN
            RAISE EXCEPTION 'a pause begins open' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'pause_fixed';
        END IF;
    ELSIF OLD.resumed_at IS NOT NULL OR (OLD.level = 'hold_running' AND NEW.level <> OLD.level)
        OR (NEW.id, NEW.reason, NEW.paused_at, NEW.paused_by) IS DISTINCT FROM (OLD.id, OLD.reason, OLD.paused_at, OLD.paused_by) THEN
        RAISE EXCEPTION 'a pause is raised or ended, and stays as it was' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'pause_fixed';
    END IF;
    PERFORM pg_advisory_xact_lock(482671424357);
    IF TG_OP = 'INSERT' THEN
        -- Whatever started before has started by now: nothing is later than the pause says.
        NEW.paused_at := clock_timestamp();
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER pause_guard BEFORE INSERT OR UPDATE ON drydock.pause FOR EACH ROW EXECUTE FUNCTION drydock.pause_guard();
ALTER TABLE drydock.pause ENABLE ALWAYS TRIGGER pause_guard;
CREATE TRIGGER pause_stays BEFORE DELETE ON drydock.pause FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.pause ENABLE ALWAYS TRIGGER pause_stays;
CREATE TRIGGER pause_no_truncate BEFORE TRUNCATE ON drydock.pause FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.pause ENABLE ALWAYS TRIGGER pause_no_truncate;

-- Every way to start passes here: a run is opened, it begins, a hold is ended by going on.
CREATE FUNCTION drydock.start_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(482671424357);
    IF EXISTS (SELECT FROM drydock.pause p WHERE p.resumed_at IS NULL) THEN
        RAISE EXCEPTION 'all maintenance is paused' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'paused';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER run_start_guard BEFORE INSERT ON drydock.run FOR EACH ROW WHEN (NEW.kind = 'maintenance') EXECUTE FUNCTION drydock.start_guard();
ALTER TABLE drydock.run ENABLE ALWAYS TRIGGER run_start_guard;
CREATE TRIGGER run_begin_guard BEFORE UPDATE ON drydock.run FOR EACH ROW
    WHEN (OLD.phase = 'pre_checks' AND NEW.phase NOT IN ('pre_checks', 'probing', 'over')) EXECUTE FUNCTION drydock.start_guard();
ALTER TABLE drydock.run ENABLE ALWAYS TRIGGER run_begin_guard;
CREATE TRIGGER run_resume_guard BEFORE UPDATE ON drydock.run FOR EACH ROW
    WHEN (NEW.decision = 'continue' AND OLD.decision IS DISTINCT FROM 'continue') EXECUTE FUNCTION drydock.start_guard();
ALTER TABLE drydock.run ENABLE ALWAYS TRIGGER run_resume_guard;
CREATE TRIGGER window_start_guard BEFORE UPDATE ON drydock.window FOR EACH ROW
    WHEN (NEW.state = 'running' AND OLD.state <> 'running') EXECUTE FUNCTION drydock.start_guard();
ALTER TABLE drydock.window ENABLE ALWAYS TRIGGER window_start_guard;

-- The next item of a run that goes on. What makes things safe again is no item, or one of the class "safing": that is never stopped.
CREATE FUNCTION drydock.item_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM drydock.item i WHERE i.run_id = NEW.run_id AND i.ordinal = NEW.ordinal AND i.class = 'safing') THEN
        RETURN NEW;
    END IF;
    PERFORM pg_advisory_xact_lock_shared(482671424357);
    IF EXISTS (SELECT FROM drydock.pause p WHERE p.resumed_at IS NULL AND p.level = 'hold_running') THEN
        RAISE EXCEPTION 'all maintenance is paused' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'paused';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER attempt_pause_guard BEFORE INSERT ON drydock.attempt FOR EACH ROW EXECUTE FUNCTION drydock.item_guard();
ALTER TABLE drydock.attempt ENABLE ALWAYS TRIGGER attempt_pause_guard;
