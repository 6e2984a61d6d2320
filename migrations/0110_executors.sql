-- A policy may demand that whoever approved a plan neither starts its run by hand nor lets it go on after a hold.

ALTER TABLE drydock.run ADD COLUMN decided_by uuid REFERENCES drydock.person (id);
COMMENT ON COLUMN drydock.run.decided_by IS 'Who decided on the newest hold; null before the first decision.';

-- Whether any policy sealed into the plan demands it.
CREATE FUNCTION drydock.plan_wants_another_executor(bytes bytea) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    WITH plan AS (SELECT convert_from(bytes, 'UTF8')::jsonb AS plan)
    SELECT jsonb_path_exists(p.plan, '$.policy.rules ? (@.separate_executor == true)')
        OR jsonb_path_exists(p.plan, '$.bars[*].policy.rules ? (@.separate_executor == true)')
    FROM plan p
$$;

CREATE FUNCTION drydock.run_executor_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE executor uuid := CASE TG_OP WHEN 'INSERT' THEN NEW.opened_by ELSE NEW.decided_by END;
BEGIN
    IF NOT EXISTS (SELECT FROM drydock.plan p WHERE p.window_id = NEW.window_id AND p.revision = NEW.revision AND p.digest = NEW.plan_digest
                   AND drydock.plan_wants_another_executor(p.bytes)) THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND executor IS NULL THEN
        RAISE EXCEPTION 'whoever lets a run go on is named' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'run_executor_named';
    END IF;
    -- By a vote on the window or with its series, or as one of the two who broke the glass for it.
    IF EXISTS (SELECT FROM drydock.plan_vote v WHERE v.window_id = NEW.window_id AND v.digest = NEW.plan_digest AND v.person_id = executor
               AND v.decision = 'approve' AND v.withdrawn_at IS NULL)
        OR EXISTS (SELECT FROM drydock.window w JOIN drydock.break_glass g ON g.id = w.glass_id WHERE w.id = NEW.window_id AND executor IN (g.asked_by, g.confirmed_by)) THEN
        RAISE EXCEPTION 'whoever approved this plan does not execute it' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'separate_executor';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER run_executor_starts BEFORE INSERT ON drydock.run FOR EACH ROW WHEN (NEW.opened_by IS NOT NULL) EXECUTE FUNCTION drydock.run_executor_guard();
ALTER TABLE drydock.run ENABLE ALWAYS TRIGGER run_executor_starts;
CREATE TRIGGER run_executor_goes_on BEFORE UPDATE ON drydock.run FOR EACH ROW
    WHEN (NEW.decision = 'continue' AND OLD.decision IS DISTINCT FROM 'continue') EXECUTE FUNCTION drydock.run_executor_guard();
ALTER TABLE drydock.run ENABLE ALWAYS TRIGGER run_executor_goes_on;
