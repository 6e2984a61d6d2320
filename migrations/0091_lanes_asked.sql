-- Several databases in one plan: each is asked for by its own policy, and by its own list of people.

CREATE FUNCTION drydock.plan_rolls(bytes bytea) RETURNS TABLE (key text, people jsonb, staged boolean) LANGUAGE sql IMMUTABLE AS $$
    WITH plan AS (SELECT convert_from(bytes, 'UTF8')::jsonb AS plan),
    asked AS (
        SELECT p.plan AS ask FROM plan p
        UNION ALL
        SELECT b.bar FROM plan p CROSS JOIN LATERAL jsonb_array_elements(coalesce(p.plan -> 'bars', '[]')) b (bar))
    SELECT e.key, e.value, jsonb_path_exists(a.ask, '$.policy.rules.rules[*].stage')
    FROM asked a CROSS JOIN LATERAL jsonb_each(a.ask -> 'eligible') e
$$;
COMMENT ON FUNCTION drydock.plan_rolls IS 'Whom a plan asks: the people of each rule of each of its databases, and whether that policy asks in stages.';
