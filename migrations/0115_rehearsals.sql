-- Rehearsals: a policy may demand that the same procedure has run clean, with the same thresholds, on a lower database of the team before a window
-- is proposed. What was rehearsed is sealed into the plan; the rules here are those of the domain, asked of the sealed bytes.

-- The runs that are over on one database, newest first: where a proposal looks for its rehearsal.
CREATE INDEX run_ended_on_target ON drydock.run (target_id, ended_at DESC) WHERE state = 'ended';

CREATE FUNCTION drydock.plan_rehearsal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    lowest_first constant text[] := ARRAY['development', 'test', 'staging', 'production'];
    sealed jsonb := convert_from(NEW.bytes, 'UTF8')::jsonb;
    own jsonb := sealed -> 'rehearsal';
    start_at timestamptz := (sealed -> 'times' ->> 'start')::timestamptz;
    is_true boolean;
    lane record;
BEGIN
    IF own IS NOT NULL THEN
        -- It says what is on record: a run of the same team, procedure and thresholds, in a window that was signed off without failures.
        SELECT w.state = 'completed' AND w.id = (own ->> 'window')::uuid AND w.number = (own ->> 'number')::bigint AND w.revision = r.revision
            AND w.team_id = (SELECT o.team_id FROM drydock.window o WHERE o.id = NEW.window_id)
            AND r.state = 'ended' AND r.clean AND r.target_id = (own ->> 'target')::uuid AND encode(r.plan_digest, 'hex') = own ->> 'plan_digest'
            AND r.opened_at = (own ->> 'opened_at')::timestamptz AND r.ended_at = (own ->> 'ended_at')::timestamptz
            AND rehearsed.plan -> 'procedure' = sealed -> 'procedure' AND sealed -> 'parameters' @> (rehearsed.plan -> 'parameters')
            AND jsonb_path_exists(rehearsed.plan, '$.targets[*] ? (@.id == $id && @.environment == $environment)', jsonb_build_object('id', own -> 'target', 'environment', own -> 'environment'))
            AND NOT EXISTS (
                SELECT FROM drydock.window_target t
                LEFT JOIN drydock.run o ON o.window_id = t.window_id AND o.revision = t.revision AND o.target_id = t.target_id AND o.kind = 'maintenance'
                WHERE t.window_id = w.id AND t.revision = w.revision AND o.clean IS DISTINCT FROM true)
            AND NOT EXISTS (SELECT FROM drydock.check_item c WHERE c.window_id = w.id AND c.revision = w.revision AND c.state NOT IN ('passed', 'not_applicable'))
        INTO is_true
        FROM drydock.run r
        JOIN drydock.window w ON w.id = r.window_id
        JOIN drydock.plan p ON p.window_id = r.window_id AND p.digest = r.plan_digest
        CROSS JOIN LATERAL (SELECT convert_from(p.bytes, 'UTF8')::jsonb AS plan) rehearsed
        WHERE r.id = (own ->> 'run')::uuid;
        IF is_true IS NOT TRUE THEN
            RAISE EXCEPTION 'the rehearsal in this plan is not what is on record' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'plan_rehearsal_true';
        END IF;
    END IF;
    FOR lane IN
        WITH placed AS (
            SELECT t.target ->> 'id' AS id, array_position(lowest_first, t.target ->> 'environment') AS rank, t.target ->> 'environment' AS environment,
                coalesce((SELECT o.wave FROM jsonb_array_elements(sealed -> 'waves' -> 'order') WITH ORDINALITY o (ids, wave) WHERE o.ids ? (t.target ->> 'id')), 1) AS wave,
                CASE t.place WHEN 1 THEN sealed -> 'policy' ELSE sealed -> 'bars' -> (t.place - 2)::integer -> 'policy' END -> 'rules' -> 'rehearsal' AS demand
            FROM jsonb_array_elements(sealed -> 'targets') WITH ORDINALITY t (target, place))
        SELECT p.*, EXISTS (
                SELECT FROM placed e WHERE e.wave < p.wave AND e.rank < p.rank
                AND (p.demand -> 'environments' IS NULL OR p.demand -> 'environments' ? e.environment)) AS covered
        FROM placed p WHERE p.demand IS NOT NULL
    LOOP
        CONTINUE WHEN lane.covered;
        IF own IS NULL OR own ->> 'target' = lane.id
            OR array_position(lowest_first, own ->> 'environment') IS NULL
            OR array_position(lowest_first, own ->> 'environment') >= coalesce(lane.rank, array_length(lowest_first, 1))
            OR NOT (lane.demand -> 'environments' IS NULL OR lane.demand -> 'environments' ? (own ->> 'environment'))
            OR start_at - (own ->> 'ended_at')::timestamptz > make_interval(hours => 24 * (lane.demand ->> 'max_age_days')::integer) THEN
            RAISE EXCEPTION 'the policy of this plan demands a rehearsal that the plan does not have' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'plan_rehearsal';
        END IF;
    END LOOP;
    RETURN NEW;
END $$;
-- The word stands in the bytes of every plan that has a rehearsal, or a policy that demands one; the others need not be read.
CREATE TRIGGER plan_rehearsal BEFORE INSERT ON drydock.plan FOR EACH ROW
    WHEN (position('"rehearsal"'::bytea IN NEW.bytes) > 0) EXECUTE FUNCTION drydock.plan_rehearsal();
ALTER TABLE drydock.plan ENABLE ALWAYS TRIGGER plan_rehearsal;
