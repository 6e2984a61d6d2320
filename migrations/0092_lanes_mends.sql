-- What was accepted as a stop ends a run, whatever else its worker had found; and whose policy approves beforehand is not asked.

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

-- Whoever may vote on a plan is not always asked: a policy that approves the plan's class beforehand waits for nobody, beside one that asks.
CREATE FUNCTION drydock.plan_asks(bytes bytea) RETURNS TABLE (key text, people jsonb, staged boolean) LANGUAGE sql IMMUTABLE AS $$
    WITH plan AS (SELECT convert_from(bytes, 'UTF8')::jsonb AS plan),
    asked AS (
        SELECT p.plan, p.plan AS ask FROM plan p
        UNION ALL
        SELECT p.plan, b.bar FROM plan p CROSS JOIN LATERAL jsonb_array_elements(coalesce(p.plan -> 'bars', '[]')) b (bar)),
    judged AS (
        -- Classes are words from R0 to R4, the worst last.
        SELECT a.ask, coalesce((a.ask #>> '{policy,rules,pre_approved}') COLLATE "C" >= (a.plan #>> '{envelope,highest_risk}') COLLATE "C", false) AS beforehand
        FROM asked a)
    SELECT e.key, e.value, jsonb_path_exists(j.ask, '$.policy.rules.rules[*].stage')
    FROM judged j CROSS JOIN LATERAL jsonb_each(j.ask -> 'eligible') e
    WHERE NOT j.beforehand OR (SELECT bool_and(o.beforehand) FROM judged o)
$$;
COMMENT ON FUNCTION drydock.plan_asks IS 'Whose decision a plan waits for: like plan_rolls, without the databases whose policy approves the plan beforehand, where another one asks.';
