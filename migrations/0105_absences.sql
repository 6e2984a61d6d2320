-- Who is away, and who votes in their place meanwhile. A delegate makes no seat: a vote says in whose place it is given, too.

CREATE TABLE drydock.absence (
    id uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES drydock.person (id),
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    delegate_id uuid REFERENCES drydock.person (id),
    said_by uuid NOT NULL REFERENCES drydock.person (id),
    said_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    ended_by uuid REFERENCES drydock.person (id),
    during tstzrange NOT NULL GENERATED ALWAYS AS (tstzrange(starts_at, greatest(starts_at, least(ends_at, ended_at)))) STORED,
    CONSTRAINT absence_order CHECK (ends_at > starts_at),
    -- 90 days, and the hour by which a change of the clock makes them longer.
    CONSTRAINT absence_length CHECK (ends_at <= starts_at + interval '90 days 2 hours'),
    CONSTRAINT absence_other_delegate CHECK (delegate_id <> person_id),
    -- Nobody takes another's seat for themselves.
    CONSTRAINT absence_not_to_oneself CHECK (said_by = person_id OR delegate_id <> said_by),
    CONSTRAINT absence_ended CHECK ((ended_at IS NULL) = (ended_by IS NULL)),
    CONSTRAINT absence_no_overlap EXCLUDE USING gist (person_id WITH =, during WITH &&)
);
COMMENT ON TABLE drydock.absence IS 'A time in which somebody is away.';
COMMENT ON COLUMN drydock.absence.id IS 'Identity.';
COMMENT ON COLUMN drydock.absence.person_id IS 'Who is away.';
COMMENT ON COLUMN drydock.absence.starts_at IS 'From when; never before it was said.';
COMMENT ON COLUMN drydock.absence.ends_at IS 'Until when, as planned.';
COMMENT ON COLUMN drydock.absence.delegate_id IS 'Who votes meanwhile, with a link of their own; null for nobody.';
COMMENT ON COLUMN drydock.absence.said_by IS 'Who said so: the person, a lead of their team, or an administrator. Where it was not the person, the delegate has no voice by it on windows whose author said so.';
COMMENT ON COLUMN drydock.absence.said_at IS 'When.';
COMMENT ON COLUMN drydock.absence.ended_at IS 'Ended early then; before the start it was called off.';
COMMENT ON COLUMN drydock.absence.ended_by IS 'By whom.';
COMMENT ON COLUMN drydock.absence.during IS 'When it holds: what no two of one person share.';
CREATE INDEX absence_delegate ON drydock.absence (delegate_id, ends_at) WHERE delegate_id IS NOT NULL;

CREATE FUNCTION drydock.absence_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        -- The minute is for a transaction that computes the time a little before it writes.
        IF NEW.starts_at < clock_timestamp() - interval '1 minute' THEN
            RAISE EXCEPTION 'nobody has been away before it was said' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'absence_not_backdated';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.person_id, NEW.starts_at, NEW.delegate_id, NEW.said_by, NEW.said_at) IS DISTINCT FROM (OLD.id, OLD.person_id, OLD.starts_at, OLD.delegate_id, OLD.said_by, OLD.said_at)
        OR OLD.ended_at IS NOT NULL OR OLD.ends_at <= clock_timestamp() THEN
        RAISE EXCEPTION 'only the end of an absence moves, and only while it is not over' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'absence_fixed';
    END IF;
    IF NEW.ends_at <> OLD.ends_at AND NEW.ends_at <= clock_timestamp() THEN
        RAISE EXCEPTION 'an absence is not ended in the past' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'absence_not_backdated';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER absence_guard BEFORE INSERT OR UPDATE ON drydock.absence FOR EACH ROW EXECUTE FUNCTION drydock.absence_guard();
ALTER TABLE drydock.absence ENABLE ALWAYS TRIGGER absence_guard;
CREATE TRIGGER absence_stays BEFORE DELETE ON drydock.absence FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.absence ENABLE ALWAYS TRIGGER absence_stays;
CREATE TRIGGER absence_no_truncate BEFORE TRUNCATE ON drydock.absence FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.absence ENABLE ALWAYS TRIGGER absence_no_truncate;

ALTER TABLE drydock.vote ADD COLUMN in_place_of uuid[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN drydock.vote.in_place_of IS 'In whose place it is given, too: people who were away then, and whose delegate the voter was. It stays when they are back.';

-- Others say it never in their own favour, and never for windows on which they have no say.
CREATE FUNCTION drydock.may_speak_of(absence drydock.absence, team uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT absence.said_by = absence.person_id
        OR EXISTS (SELECT FROM drydock.global_role g WHERE g.person_id = absence.said_by AND g.role = 'admin')
        OR EXISTS (SELECT FROM drydock.membership m WHERE m.person_id = absence.said_by AND m.team_id = team AND (m.role = 'lead' OR m.deputy))
$$;
COMMENT ON FUNCTION drydock.may_speak_of IS 'Whether the delegate of an absence has a voice by it on windows of this team: who said it is away themselves, leads the team, or administers.';

-- Whoever has a seat and is away gives it to one delegate, who had nothing to do with the window; a seat is voted for once.
CREATE FUNCTION drydock.vote_place_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.in_place_of <> OLD.in_place_of THEN
            RAISE EXCEPTION 'in whose place a vote was given stays as it is' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'vote_fixed';
        END IF;
        RETURN NEW;
    END IF;
    IF EXISTS (SELECT FROM drydock.contributor c WHERE c.window_id = NEW.window_id AND c.person_id = ANY (NEW.in_place_of))
        OR EXISTS (SELECT FROM drydock.absence a JOIN drydock.contributor c ON c.person_id = a.said_by AND c.window_id = NEW.window_id
                   WHERE a.person_id = ANY (NEW.in_place_of) AND a.said_by <> a.person_id AND a.during @> clock_timestamp())
        -- Whose address or password an author changed, an author could have spoken for.
        OR EXISTS (SELECT FROM drydock.identity_change i JOIN drydock.contributor c ON c.person_id = i.changed_by AND c.window_id = NEW.window_id
                   JOIN drydock.window w ON w.id = c.window_id
                   WHERE i.person_id = ANY (NEW.in_place_of) AND i.changed_by <> i.person_id AND w.created_at < i.at + interval '24 hours') THEN
        RAISE EXCEPTION 'an author of this window has no seat to give, and names no delegate of others for it' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'vote_in_place_not_by_author';
    END IF;
    IF EXISTS (SELECT FROM unnest(NEW.in_place_of) o (person_id)
               WHERE NOT EXISTS (SELECT FROM drydock.absence a JOIN drydock.person p ON p.id = a.person_id JOIN drydock.window w ON w.id = NEW.window_id
                                 WHERE drydock.may_speak_of(a, w.team_id) AND a.person_id = o.person_id AND a.delegate_id = NEW.person_id AND a.during @> clock_timestamp()
                                   AND p.active AND NOT p.shared_address AND p.may_vote_from <= clock_timestamp())) THEN
        RAISE EXCEPTION 'nobody votes in the place of somebody who is there, or who named somebody else' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'vote_in_place_by_delegate';
    END IF;
    IF EXISTS (SELECT FROM drydock.plan_vote v WHERE v.window_id = NEW.window_id AND v.digest = NEW.digest AND v.withdrawn_at IS NULL AND v.id <> NEW.id
                 AND (v.person_id = ANY (NEW.in_place_of) OR v.in_place_of && NEW.in_place_of)) THEN
        RAISE EXCEPTION 'this seat has been voted for' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'vote_one_a_seat';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER vote_place_guard BEFORE INSERT OR UPDATE ON drydock.vote FOR EACH ROW EXECUTE FUNCTION drydock.vote_place_guard();
ALTER TABLE drydock.vote ENABLE ALWAYS TRIGGER vote_place_guard;
CREATE INDEX vote_in_place ON drydock.vote USING gin (in_place_of) WHERE withdrawn_at IS NULL AND in_place_of <> '{}';

CREATE TABLE drydock.asked_in_place (
    window_id uuid NOT NULL,
    digest bytea NOT NULL,
    absence_id uuid NOT NULL REFERENCES drydock.absence (id),
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (window_id, digest, absence_id),
    FOREIGN KEY (window_id, digest) REFERENCES drydock.plan (window_id, digest)
);
COMMENT ON TABLE drydock.asked_in_place IS 'Which delegate was asked about which plan: once for each.';
COMMENT ON COLUMN drydock.asked_in_place.window_id IS 'About which window.';
COMMENT ON COLUMN drydock.asked_in_place.digest IS 'About which plan.';
COMMENT ON COLUMN drydock.asked_in_place.absence_id IS 'By which absence: it names who is away, and who was asked.';
COMMENT ON COLUMN drydock.asked_in_place.asked_at IS 'When.';
CREATE TRIGGER asked_in_place_append_only BEFORE UPDATE OR DELETE ON drydock.asked_in_place FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.asked_in_place ENABLE ALWAYS TRIGGER asked_in_place_append_only;
CREATE TRIGGER asked_in_place_no_truncate BEFORE TRUNCATE ON drydock.asked_in_place FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.asked_in_place ENABLE ALWAYS TRIGGER asked_in_place_no_truncate;
