-- Whoever was asked may let somebody else decide on one plan, by the link that was mailed to them: no absence, and no account, is needed.

CREATE TABLE drydock.delegation (
    id uuid PRIMARY KEY,
    window_id uuid NOT NULL,
    digest bytea NOT NULL,
    person_id uuid NOT NULL REFERENCES drydock.person (id),
    delegate_id uuid NOT NULL REFERENCES drydock.person (id),
    link_id uuid NOT NULL REFERENCES drydock.link (id),
    code_id uuid REFERENCES drydock.vote_code (id),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    ended_reason text,
    FOREIGN KEY (window_id, digest) REFERENCES drydock.plan (window_id, digest),
    CONSTRAINT delegation_to_another CHECK (delegate_id <> person_id),
    CONSTRAINT delegation_ended CHECK ((ended_at IS NULL) = (ended_reason IS NULL))
);
COMMENT ON TABLE drydock.delegation IS 'Whom somebody lets decide in their place on one plan.';
COMMENT ON COLUMN drydock.delegation.id IS 'Identity.';
COMMENT ON COLUMN drydock.delegation.window_id IS 'On which window.';
COMMENT ON COLUMN drydock.delegation.digest IS 'On exactly this plan: an edited one asks anew.';
COMMENT ON COLUMN drydock.delegation.person_id IS 'Whose seat it is; their own decision counts instead of the delegate''s.';
COMMENT ON COLUMN drydock.delegation.delegate_id IS 'Who decides, by a link of their own.';
COMMENT ON COLUMN drydock.delegation.link_id IS 'The link by which it was said: its holder said so, and no more is proven.';
COMMENT ON COLUMN drydock.delegation.code_id IS 'The code that was typed beside it, where an approval would have needed one.';
COMMENT ON COLUMN drydock.delegation.at IS 'When.';
COMMENT ON COLUMN drydock.delegation.ended_at IS 'Taken back then, or given to somebody else.';
COMMENT ON COLUMN drydock.delegation.ended_reason IS 'Why.';
-- A seat has one delegate.
CREATE UNIQUE INDEX delegation_one_a_seat ON drydock.delegation (window_id, digest, person_id) WHERE ended_at IS NULL;
CREATE INDEX delegation_delegate ON drydock.delegation (delegate_id) WHERE ended_at IS NULL;

CREATE FUNCTION drydock.delegation_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.id, NEW.window_id, NEW.digest, NEW.person_id, NEW.delegate_id, NEW.link_id, NEW.code_id, NEW.at)
            IS DISTINCT FROM (OLD.id, OLD.window_id, OLD.digest, OLD.person_id, OLD.delegate_id, OLD.link_id, OLD.code_id, OLD.at) OR OLD.ended_at IS NOT NULL THEN
            RAISE EXCEPTION 'a delegation only ends, and once' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'delegation_fixed';
        END IF;
        RETURN NEW;
    END IF;
    IF NOT EXISTS (SELECT FROM drydock.link l WHERE l.id = NEW.link_id AND l.purpose = 'approve' AND l.person_id = NEW.person_id AND l.window_id = NEW.window_id
                     AND l.digest = NEW.digest AND l.used_at IS NULL AND l.ended_at IS NULL AND l.expires_at > clock_timestamp())
        OR NOT EXISTS (SELECT FROM drydock.window w JOIN drydock.plan p ON p.window_id = w.id AND p.revision = w.revision CROSS JOIN LATERAL drydock.plan_rolls(p.bytes) e
                       WHERE w.id = NEW.window_id AND w.state = 'proposed' AND p.digest = NEW.digest AND e.people ? NEW.person_id::text) THEN
        RAISE EXCEPTION 'only whoever has a seat in the newest plan lets somebody else decide, by a link that decides' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'delegation_by_link';
    END IF;
    IF EXISTS (SELECT FROM drydock.contributor c WHERE c.window_id = NEW.window_id AND c.person_id IN (NEW.person_id, NEW.delegate_id)) THEN
        RAISE EXCEPTION 'an author of this window neither gives a seat nor gets one' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'delegation_not_by_author';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER delegation_guard BEFORE INSERT OR UPDATE ON drydock.delegation FOR EACH ROW EXECUTE FUNCTION drydock.delegation_guard();
ALTER TABLE drydock.delegation ENABLE ALWAYS TRIGGER delegation_guard;
CREATE TRIGGER delegation_stays BEFORE DELETE ON drydock.delegation FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.delegation ENABLE ALWAYS TRIGGER delegation_stays;
CREATE TRIGGER delegation_no_truncate BEFORE TRUNCATE ON drydock.delegation FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.delegation ENABLE ALWAYS TRIGGER delegation_no_truncate;

-- Whoever has a seat gives it to one delegate, by being away or by name for this plan, who had nothing to do with the window; a seat is voted for once.
CREATE OR REPLACE FUNCTION drydock.vote_place_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.in_place_of <> OLD.in_place_of THEN
            RAISE EXCEPTION 'in whose place a vote was given stays as it is' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'vote_fixed';
        END IF;
        RETURN NEW;
    END IF;
    IF EXISTS (SELECT FROM drydock.contributor c WHERE c.window_id = NEW.window_id AND c.person_id = ANY (NEW.in_place_of))
        OR EXISTS (SELECT FROM drydock.absence a JOIN drydock.contributor c ON c.person_id = a.said_by AND c.window_id = NEW.window_id
                   WHERE a.person_id = ANY (NEW.in_place_of) AND a.said_by <> a.person_id AND a.during @> clock_timestamp()
                     -- Whose seat it is named the same one, too.
                     AND NOT EXISTS (SELECT FROM drydock.delegation d WHERE d.window_id = NEW.window_id AND d.digest = NEW.digest AND d.person_id = a.person_id
                                       AND d.delegate_id = NEW.person_id AND d.ended_at IS NULL))
        -- Whose address or password an author changed, an author could have spoken for.
        OR EXISTS (SELECT FROM drydock.identity_change i JOIN drydock.contributor c ON c.person_id = i.changed_by AND c.window_id = NEW.window_id
                   JOIN drydock.window w ON w.id = c.window_id
                   WHERE i.person_id = ANY (NEW.in_place_of) AND i.changed_by <> i.person_id AND w.created_at < i.at + interval '24 hours') THEN
        RAISE EXCEPTION 'an author of this window has no seat to give, and names no delegate of others for it' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'vote_in_place_not_by_author';
    END IF;
    IF EXISTS (SELECT FROM unnest(NEW.in_place_of) o (person_id)
               WHERE NOT EXISTS (SELECT FROM drydock.person p JOIN drydock.window w ON w.id = NEW.window_id
                                 WHERE p.id = o.person_id AND p.active AND NOT p.shared_address AND p.may_vote_from <= clock_timestamp()
                                   AND (EXISTS (SELECT FROM drydock.absence a WHERE drydock.may_speak_of(a, w.team_id) AND a.person_id = o.person_id AND a.delegate_id = NEW.person_id AND a.during @> clock_timestamp())
                                        OR EXISTS (SELECT FROM drydock.delegation d WHERE d.window_id = NEW.window_id AND d.digest = NEW.digest AND d.person_id = o.person_id AND d.delegate_id = NEW.person_id AND d.ended_at IS NULL)))) THEN
        RAISE EXCEPTION 'nobody votes in the place of somebody who is there, or who named somebody else' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'vote_in_place_by_delegate';
    END IF;
    IF EXISTS (SELECT FROM drydock.plan_vote v WHERE v.window_id = NEW.window_id AND v.digest = NEW.digest AND v.withdrawn_at IS NULL AND v.id <> NEW.id
                 AND (v.person_id = ANY (NEW.in_place_of) OR v.in_place_of && NEW.in_place_of)) THEN
        RAISE EXCEPTION 'this seat has been voted for' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'vote_one_a_seat';
    END IF;
    RETURN NEW;
END $$;

-- What lists and the first page ask of one window and reader.
CREATE FUNCTION drydock.asked_for(delegate uuid, of_window uuid, of_digest bytea, team uuid) RETURNS SETOF uuid LANGUAGE sql STABLE AS $$
    SELECT s.person_id FROM (
        SELECT a.person_id FROM drydock.asked_in_place q JOIN drydock.absence a ON a.id = q.absence_id
        WHERE q.window_id = $2 AND q.digest = $3 AND a.delegate_id = $1 AND a.during @> clock_timestamp() AND drydock.may_speak_of(a, $4)
        UNION
        SELECT d.person_id FROM drydock.delegation d WHERE d.window_id = $2 AND d.digest = $3 AND d.delegate_id = $1 AND d.ended_at IS NULL) s
    -- A seat that was voted for is no question any more.
    WHERE NOT EXISTS (SELECT FROM drydock.plan_vote v WHERE v.window_id = $2 AND v.digest = $3 AND v.withdrawn_at IS NULL
                        AND (v.person_id = s.person_id OR v.in_place_of @> ARRAY[s.person_id]))
$$;
COMMENT ON FUNCTION drydock.asked_for IS 'In whose places somebody was asked to decide on a plan, as long as nobody has.';
