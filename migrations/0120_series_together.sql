-- Dates of a series that are approved together: one digest of what is the same and of every date, votes on it, and the windows it covers.

CREATE TABLE drydock.series_digest (
    id uuid PRIMARY KEY,
    series_id uuid NOT NULL,
    team_id uuid NOT NULL,
    revision integer NOT NULL CHECK (revision >= 1),
    digest bytea NOT NULL,
    bytes bytea NOT NULL CHECK (length(bytes) <= 4194304),
    first_start_at timestamptz NOT NULL,
    last_start_at timestamptz NOT NULL,
    asked_by uuid NOT NULL REFERENCES drydock.person (id),
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    FOREIGN KEY (series_id, team_id) REFERENCES drydock.series (id, team_id),
    CONSTRAINT series_digest_id_digest UNIQUE (id, digest),
    CONSTRAINT series_digest_matches CHECK (digest = sha256('series'::bytea || '\x00'::bytea || bytes)),
    CONSTRAINT series_digest_span CHECK (asked_at < first_start_at AND first_start_at <= last_start_at AND last_start_at <= asked_at + interval '35 days')
);
COMMENT ON TABLE drydock.series_digest IS 'The next dates of a series, put together to be approved by one vote a person. The newest one of a series counts, while the series is as it was.';
COMMENT ON COLUMN drydock.series_digest.id IS 'Identity: the same bytes may be asked about again, and are voted on anew then.';
COMMENT ON COLUMN drydock.series_digest.series_id IS 'Of which series.';
COMMENT ON COLUMN drydock.series_digest.team_id IS 'Owner of the series.';
COMMENT ON COLUMN drydock.series_digest.revision IS 'Of which revision of it: once it is saved anew, this digest covers nothing more.';
COMMENT ON COLUMN drydock.series_digest.digest IS 'SHA-256(purpose ‖ 0 ‖ bytes): what people approve.';
COMMENT ON COLUMN drydock.series_digest.bytes IS 'Canonical JSON: the plan without what belongs to one window, and each date with its times and with who may vote on it.';
COMMENT ON COLUMN drydock.series_digest.first_start_at IS 'When its first date starts.';
COMMENT ON COLUMN drydock.series_digest.last_start_at IS 'When its last date starts, at most 35 days after it was asked about.';
COMMENT ON COLUMN drydock.series_digest.asked_by IS 'Who asked; does not vote on it.';
COMMENT ON COLUMN drydock.series_digest.asked_at IS 'When.';
CREATE INDEX series_digest_newest ON drydock.series_digest (series_id, asked_at DESC, id DESC);
CREATE INDEX series_digest_by_end ON drydock.series_digest (last_start_at);

CREATE FUNCTION drydock.series_digest_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    whole jsonb := convert_from(NEW.bytes, 'UTF8')::jsonb;
    of_series drydock.series;
BEGIN
    SELECT s.* INTO of_series FROM drydock.series s WHERE s.id = NEW.series_id FOR NO KEY UPDATE;
    IF of_series.ended_at IS NOT NULL THEN
        RAISE EXCEPTION 'nothing is asked about a series that was ended' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'series_over';
    END IF;
    -- The columns say what the bytes say.
    IF NEW.revision <> of_series.revision
        OR (whole ->> 'series', whole ->> 'revision') IS DISTINCT FROM (NEW.series_id::text, NEW.revision::text)
        OR ((SELECT min((d -> 'times' ->> 'start')::timestamptz) FROM jsonb_array_elements(whole -> 'dates') d),
            (SELECT max((d -> 'times' ->> 'start')::timestamptz) FROM jsonb_array_elements(whole -> 'dates') d))
           IS DISTINCT FROM (NEW.first_start_at, NEW.last_start_at) THEN
        RAISE EXCEPTION 'a digest speaks of its series as it is, and of its own dates' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'series_digest_speaks';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER series_digest_guard BEFORE INSERT ON drydock.series_digest FOR EACH ROW EXECUTE FUNCTION drydock.series_digest_guard();
ALTER TABLE drydock.series_digest ENABLE ALWAYS TRIGGER series_digest_guard;
CREATE TRIGGER series_digest_append_only BEFORE UPDATE OR DELETE ON drydock.series_digest FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.series_digest ENABLE ALWAYS TRIGGER series_digest_append_only;
CREATE TRIGGER series_digest_no_truncate BEFORE TRUNCATE ON drydock.series_digest FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.series_digest ENABLE ALWAYS TRIGGER series_digest_no_truncate;

CREATE TABLE drydock.series_vote (
    id uuid PRIMARY KEY,
    series_digest_id uuid NOT NULL,
    digest bytea NOT NULL,
    person_id uuid NOT NULL REFERENCES drydock.person (id),
    assurance text NOT NULL CHECK (assurance IN ('account', 'account_factor')),
    comment text NOT NULL DEFAULT '' CHECK (length(comment) <= 4000),
    cast_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    withdrawn_at timestamptz,
    withdrawn_reason text,
    FOREIGN KEY (series_digest_id, digest) REFERENCES drydock.series_digest (id, digest),
    CONSTRAINT series_vote_withdrawn CHECK ((withdrawn_at IS NULL) = (withdrawn_reason IS NULL))
);
COMMENT ON TABLE drydock.series_vote IS 'One person''s approval of dates of a series together. Who does not want them approves none: each date then asks by itself.';
COMMENT ON COLUMN drydock.series_vote.id IS 'Identity.';
COMMENT ON COLUMN drydock.series_vote.series_digest_id IS 'Of which dates.';
COMMENT ON COLUMN drydock.series_vote.digest IS 'On exactly these bytes.';
COMMENT ON COLUMN drydock.series_vote.person_id IS 'Who: nobody who wrote the series, and not who asked.';
COMMENT ON COLUMN drydock.series_vote.assurance IS 'How the voter was known: signed in, without or with the second factor. No link approves a series.';
COMMENT ON COLUMN drydock.series_vote.comment IS 'What the voter wants to say.';
COMMENT ON COLUMN drydock.series_vote.cast_at IS 'When.';
COMMENT ON COLUMN drydock.series_vote.withdrawn_at IS 'When taken back: from then on it counts for no window that has not started.';
COMMENT ON COLUMN drydock.series_vote.withdrawn_reason IS 'Why.';
CREATE UNIQUE INDEX series_vote_once ON drydock.series_vote (series_digest_id, person_id) WHERE withdrawn_at IS NULL;
CREATE INDEX series_vote_person ON drydock.series_vote (person_id, series_digest_id);

CREATE FUNCTION drydock.series_vote_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    asked drydock.series_digest;
    of_series drydock.series;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.withdrawn_at IS NOT NULL OR NEW.withdrawn_at IS NULL
            OR (NEW.id, NEW.series_digest_id, NEW.digest, NEW.person_id, NEW.assurance, NEW.comment, NEW.cast_at)
               IS DISTINCT FROM (OLD.id, OLD.series_digest_id, OLD.digest, OLD.person_id, OLD.assurance, OLD.comment, OLD.cast_at) THEN
            RAISE EXCEPTION 'a vote is withdrawn or stays as it is' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'series_vote_fixed';
        END IF;
        RETURN NEW;
    END IF;
    SELECT d.* INTO asked FROM drydock.series_digest d WHERE d.id = NEW.series_digest_id AND d.digest = NEW.digest;
    SELECT s.* INTO of_series FROM drydock.series s WHERE s.id = asked.series_id FOR NO KEY UPDATE;
    IF of_series.id IS NULL OR of_series.ended_at IS NOT NULL OR of_series.revision <> asked.revision OR asked.last_start_at <= clock_timestamp()
        OR EXISTS (SELECT FROM drydock.series_digest n WHERE n.series_id = asked.series_id AND (n.asked_at, n.id) > (asked.asked_at, asked.id)) THEN
        RAISE EXCEPTION 'only the newest digest of a series as it is now is voted on' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'series_vote_current';
    END IF;
    IF NEW.person_id = asked.asked_by OR EXISTS (SELECT FROM drydock.series_author a WHERE a.series_id = asked.series_id AND a.person_id = NEW.person_id) THEN
        RAISE EXCEPTION 'whoever wrote a series, or asks about it, does not vote on it' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'series_vote_not_by_author';
    END IF;
    IF NOT EXISTS (SELECT FROM drydock.person p WHERE p.id = NEW.person_id AND p.active AND NOT p.shared_address AND p.may_vote_from <= clock_timestamp())
        OR NOT EXISTS (SELECT FROM jsonb_array_elements(convert_from(asked.bytes, 'UTF8')::jsonb -> 'dates') d, jsonb_each(d -> 'eligible') e
                       WHERE e.value ? NEW.person_id::text) THEN
        RAISE EXCEPTION 'this person may not vote on these dates now' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'series_vote_by_eligible_person';
    END IF;
    IF NEW.assurance = 'account_factor' AND NOT EXISTS (SELECT FROM drydock.factor f WHERE f.person_id = NEW.person_id AND f.confirmed_at IS NOT NULL) THEN
        RAISE EXCEPTION 'this person has no second factor' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'series_vote_with_factor';
    END IF;
    -- As for a vote on one window: whoever an author has just made eligible does not vote for the author.
    IF EXISTS (SELECT FROM drydock.identity_change i
               WHERE i.person_id = NEW.person_id AND i.changed_by <> NEW.person_id AND asked.asked_at < i.at + interval '24 hours'
                 AND (i.changed_by = asked.asked_by OR EXISTS (SELECT FROM drydock.series_author a WHERE a.series_id = asked.series_id AND a.person_id = i.changed_by))) THEN
        RAISE EXCEPTION 'an author of this series changed this person''s address, role or password' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'series_vote_not_by_whom_an_author_changed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER series_vote_guard BEFORE INSERT OR UPDATE ON drydock.series_vote FOR EACH ROW EXECUTE FUNCTION drydock.series_vote_guard();
ALTER TABLE drydock.series_vote ENABLE ALWAYS TRIGGER series_vote_guard;
CREATE TRIGGER series_vote_stays BEFORE DELETE ON drydock.series_vote FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.series_vote ENABLE ALWAYS TRIGGER series_vote_stays;
CREATE TRIGGER series_vote_no_truncate BEFORE TRUNCATE ON drydock.series_vote FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.series_vote ENABLE ALWAYS TRIGGER series_vote_no_truncate;

CREATE TABLE drydock.series_cover (
    window_id uuid PRIMARY KEY,
    revision integer NOT NULL DEFAULT 1 CHECK (revision = 1),
    plan_digest bytea NOT NULL,
    series_digest_id uuid NOT NULL REFERENCES drydock.series_digest (id),
    covered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    fact_id bigint NOT NULL,
    fact_at timestamptz NOT NULL,
    FOREIGN KEY (window_id, revision, plan_digest) REFERENCES drydock.plan (window_id, revision, digest),
    FOREIGN KEY (fact_id, fact_at) REFERENCES drydock.fact (id, at)
);
COMMENT ON TABLE drydock.series_cover IS 'A window whose first plan is what the digest gives for its date: votes on the digest are votes on that plan, and on no later one.';
COMMENT ON COLUMN drydock.series_cover.window_id IS 'The window.';
COMMENT ON COLUMN drydock.series_cover.revision IS 'The revision that was born; an edited window asks by itself.';
COMMENT ON COLUMN drydock.series_cover.plan_digest IS 'Its plan.';
COMMENT ON COLUMN drydock.series_cover.series_digest_id IS 'What covers it.';
COMMENT ON COLUMN drydock.series_cover.covered_at IS 'When it was born.';
COMMENT ON COLUMN drydock.series_cover.fact_id IS 'The fact that says so.';
COMMENT ON COLUMN drydock.series_cover.fact_at IS 'Its time, part of its key.';
CREATE INDEX series_cover_by_digest ON drydock.series_cover (series_digest_id);

CREATE FUNCTION drydock.series_cover_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    asked drydock.series_digest;
    of_series drydock.series;
    whole jsonb;
    sealed jsonb;
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
    -- Everything but the identity of the window and the rehearsal that each date finds for itself: its words, its limits, its policy, its database, its times, who may vote.
    IF sealed - '{window,number,times,eligible,rehearsal}'::text[] IS DISTINCT FROM whole -> 'template' OR sealed IS NULL
        OR NOT EXISTS (SELECT FROM jsonb_array_elements(whole -> 'dates') d WHERE d -> 'times' = sealed -> 'times' AND d -> 'eligible' = sealed -> 'eligible') THEN
        RAISE EXCEPTION 'this plan is not what was approved with the series' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'series_cover_equal';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER series_cover_guard BEFORE INSERT ON drydock.series_cover FOR EACH ROW EXECUTE FUNCTION drydock.series_cover_guard();
ALTER TABLE drydock.series_cover ENABLE ALWAYS TRIGGER series_cover_guard;
CREATE TRIGGER series_cover_append_only BEFORE UPDATE OR DELETE ON drydock.series_cover FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.series_cover ENABLE ALWAYS TRIGGER series_cover_append_only;
CREATE TRIGGER series_cover_no_truncate BEFORE TRUNCATE ON drydock.series_cover FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.series_cover ENABLE ALWAYS TRIGGER series_cover_no_truncate;

ALTER TABLE drydock.series_birth ADD COLUMN uncovered text CHECK (length(uncovered) BETWEEN 1 AND 2000);
COMMENT ON COLUMN drydock.series_birth.uncovered IS 'Why the window asks by itself although dates of its series were put together to be approved; null where none were, or where it is covered.';

-- Every vote on a plan, given on its window or with its series. Whoever decides on the window itself has spoken there, and a contributor never counts.
CREATE VIEW drydock.plan_vote AS
    SELECT v.id, v.window_id, v.digest, v.person_id, v.decision, v.assurance, v.comment, v.cast_at, v.withdrawn_at, v.withdrawn_reason, v.in_place_of, NULL::uuid AS series_digest_id
    FROM drydock.vote v
    UNION ALL
    SELECT s.id, c.window_id, c.plan_digest, s.person_id, 'approve', s.assurance, s.comment, s.cast_at, s.withdrawn_at, s.withdrawn_reason, '{}'::uuid[], c.series_digest_id
    FROM drydock.series_cover c JOIN drydock.series_vote s ON s.series_digest_id = c.series_digest_id
    WHERE (s.withdrawn_at IS NULL OR s.withdrawn_at >= c.covered_at)
      AND NOT EXISTS (SELECT FROM drydock.vote v WHERE v.window_id = c.window_id AND v.digest = c.plan_digest AND v.person_id = s.person_id AND v.withdrawn_at IS NULL)
      AND NOT EXISTS (SELECT FROM drydock.contributor b WHERE b.window_id = c.window_id AND b.person_id = s.person_id);
COMMENT ON VIEW drydock.plan_vote IS 'What is counted for a plan: votes on its window, and votes on the dates of a series that cover it.';
