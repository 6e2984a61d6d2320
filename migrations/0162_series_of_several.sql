-- A series may be about several databases, as a window may: the first one is the series' own, the others stand here by identity, because what was
-- typed names them as they were called then.

CREATE TABLE drydock.series_target (
    series_id uuid NOT NULL REFERENCES drydock.series (id),
    target_id uuid NOT NULL REFERENCES drydock.target (id),
    typed_name text NOT NULL,
    PRIMARY KEY (series_id, target_id)
);
COMMENT ON TABLE drydock.series_target IS 'The databases of a series besides its first one, as it was saved last.';
COMMENT ON COLUMN drydock.series_target.series_id IS 'Of which series.';
COMMENT ON COLUMN drydock.series_target.target_id IS 'The database.';
COMMENT ON COLUMN drydock.series_target.typed_name IS 'Short name that it had then: the form of the series names it so.';
CREATE INDEX series_target_by_target ON drydock.series_target (target_id);

CREATE FUNCTION drydock.series_target_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_series drydock.series;
BEGIN
    SELECT s.* INTO of_series FROM drydock.series s WHERE s.id = CASE TG_OP WHEN 'DELETE' THEN OLD.series_id ELSE NEW.series_id END FOR NO KEY UPDATE;
    IF of_series.ended_at IS NOT NULL THEN
        RAISE EXCEPTION 'a series that was ended stays as it is' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'series_over';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    -- A change of owner waits.
    PERFORM FROM drydock.target t WHERE t.id = NEW.target_id AND t.team_id = of_series.team_id AND t.state NOT IN ('retired', 'deleted') FOR KEY SHARE;
    IF NOT FOUND OR NEW.target_id = of_series.target_id THEN
        RAISE EXCEPTION 'a series is about other databases of its own team' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'series_target_of_team';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER series_target_guard BEFORE INSERT OR UPDATE OR DELETE ON drydock.series_target FOR EACH ROW EXECUTE FUNCTION drydock.series_target_guard();
ALTER TABLE drydock.series_target ENABLE ALWAYS TRIGGER series_target_guard;
CREATE TRIGGER series_target_no_truncate BEFORE TRUNCATE ON drydock.series_target FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.series_target ENABLE ALWAYS TRIGGER series_target_no_truncate;

-- Whoever a policy of another database asks votes on the dates, too: who that is stands with each date.
CREATE OR REPLACE FUNCTION drydock.digest_asks(bytes bytea) RETURNS uuid[] LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(array_agg(DISTINCT p.id::uuid), '{}')
    FROM (SELECT d -> 'eligible' AS eligible FROM jsonb_array_elements(convert_from(bytes, 'UTF8')::jsonb -> 'dates') d
          UNION ALL
          SELECT b FROM jsonb_array_elements(convert_from(bytes, 'UTF8')::jsonb -> 'dates') d, jsonb_array_elements(coalesce(d -> 'bars', '[]')) b) asked,
         jsonb_each(asked.eligible) e, jsonb_array_elements_text(e.value) p (id)
$$;

CREATE OR REPLACE FUNCTION drydock.series_vote_guard() RETURNS trigger LANGUAGE plpgsql AS $$
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
        OR NOT NEW.person_id = ANY (drydock.digest_asks(asked.bytes)) THEN
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
