-- Policies may be chosen by what a database holds: the size comes with each reading, and is sealed into the plans that such a choice concerns.

ALTER TABLE drydock.load_reading ADD COLUMN size_mib bigint CHECK (size_mib >= 0);
COMMENT ON COLUMN drydock.load_reading.size_mib IS 'What the database held at this reading, in MiB.';

CREATE FUNCTION drydock.measured_mib(of drydock.target) RETURNS bigint LANGUAGE sql STABLE AS $$
    -- A reading from before the last connection test may be of another database, where the address was changed.
    SELECT coalesce((SELECT r.size_mib FROM drydock.load_reading r WHERE r.target_id = of.id AND r.read_at >= of.verified_at),
                    div((of.report ->> 'size_bytes')::numeric, 1048576)::bigint)
$$;
COMMENT ON FUNCTION drydock.measured_mib IS 'What a database held when it was last measured, in MiB: read every ten minutes, and by each connection test. Null where it never was.';

ALTER TABLE drydock.policy_case ADD COLUMN database_mib bigint CHECK (database_mib >= 0);
COMMENT ON COLUMN drydock.policy_case.database_mib IS 'What the database held when the example was kept, in MiB: it stays true while the database grows. Null where nobody had measured it: as it is today.';

-- The body is that of 0120. Each date has the sizes of its own day, as it has its own rehearsal; and of several databases those who may vote stand
-- with each date, as they do of one: somebody's absence on one date keeps no other from being approved with the rest.
CREATE OR REPLACE FUNCTION drydock.series_cover_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    asked drydock.series_digest;
    of_series drydock.series;
    whole jsonb;
    sealed jsonb;
    alike jsonb;
    voters jsonb;
BEGIN
    SELECT d.* INTO asked FROM drydock.series_digest d WHERE d.id = NEW.series_digest_id;
    SELECT s.* INTO of_series FROM drydock.series s WHERE s.id = asked.series_id FOR NO KEY UPDATE;
    IF of_series.id IS NULL OR of_series.ended_at IS NOT NULL OR of_series.revision <> asked.revision
        OR EXISTS (SELECT FROM drydock.series_digest n WHERE n.series_id = asked.series_id AND (n.asked_at, n.id) > (asked.asked_at, asked.id)) THEN
        RAISE EXCEPTION 'only the newest digest of a series as it is now covers its windows' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'series_cover_current';
    END IF;
    IF NOT EXISTS (SELECT FROM drydock.series_birth b JOIN drydock.window w ON w.id = b.window_id
                   WHERE b.series_id = asked.series_id AND b.window_id = NEW.window_id AND w.revision = 1 AND w.state = 'proposed') THEN
        RAISE EXCEPTION 'a digest covers windows that its series has just proposed' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'series_cover_born';
    END IF;
    whole := convert_from(asked.bytes, 'UTF8')::jsonb;
    SELECT convert_from(p.bytes, 'UTF8')::jsonb INTO sealed FROM drydock.plan p WHERE p.window_id = NEW.window_id AND p.revision = 1 AND p.digest = NEW.plan_digest;
    -- Everything but the identity of the window, and the rehearsal and the sizes that each date finds for itself: its words, its limits, its policy, its database, its times, who may vote.
    alike := sealed - '{window,number,times,eligible,rehearsal,measured_mib}'::text[];
    IF alike ? 'bars' THEN
        alike := jsonb_set(alike, '{bars}', (SELECT jsonb_agg(b.bar - 'eligible' ORDER BY b.place) FROM jsonb_array_elements(sealed -> 'bars') WITH ORDINALITY b (bar, place)));
        voters := (SELECT jsonb_agg(b.bar -> 'eligible' ORDER BY b.place) FROM jsonb_array_elements(sealed -> 'bars') WITH ORDINALITY b (bar, place));
    END IF;
    IF alike IS DISTINCT FROM whole -> 'template' OR sealed IS NULL
        OR NOT EXISTS (SELECT FROM jsonb_array_elements(whole -> 'dates') d WHERE d -> 'times' = sealed -> 'times' AND d -> 'eligible' = sealed -> 'eligible'
                       AND d -> 'bars' IS NOT DISTINCT FROM voters) THEN
        RAISE EXCEPTION 'this plan is not what was approved with the series' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'series_cover_equal';
    END IF;
    RETURN NEW;
END $$;
