-- Break-glass: two people let one plan run without the approvals of its policy, in the open. The window says so for ever.

-- Who may ask (leads, deputies and engineers of the owner team, administrators), and who may confirm (the same without engineers).
CREATE FUNCTION drydock.may_break_glass(of_person uuid, of_team uuid, confirms boolean) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM drydock.person p JOIN drydock.account a ON a.person_id = p.id WHERE p.id = of_person AND p.active AND NOT p.shared_address)
       AND (EXISTS (SELECT FROM drydock.global_role g WHERE g.person_id = of_person AND g.role = 'admin')
            OR EXISTS (SELECT FROM drydock.membership m WHERE m.person_id = of_person AND m.team_id = of_team
                       AND (m.role = 'lead' OR m.deputy OR (NOT confirms AND m.role = 'engineer'))))
$$;
COMMENT ON FUNCTION drydock.may_break_glass IS 'Whether somebody has an account and the right to ask for a break-glass of this team, or to confirm one.';

CREATE TABLE drydock.break_glass (
    id uuid PRIMARY KEY,
    window_id uuid NOT NULL REFERENCES drydock.window (id),
    digest bytea NOT NULL,
    reason text NOT NULL CHECK (length(reason) BETWEEN 20 AND 4000),
    needs_factor boolean NOT NULL,
    asked_by uuid NOT NULL REFERENCES drydock.person (id),
    asked_factor boolean NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL DEFAULT clock_timestamp() + interval '30 minutes',
    confirmed_by uuid REFERENCES drydock.person (id),
    confirmed_factor boolean,
    confirmed_at timestamptz,
    review_due_at timestamptz,
    ended_at timestamptz,
    FOREIGN KEY (window_id, digest) REFERENCES drydock.plan (window_id, digest),
    CONSTRAINT break_glass_of_window UNIQUE (id, window_id),
    CONSTRAINT break_glass_two_people CHECK (asked_by <> confirmed_by),
    CONSTRAINT break_glass_whole CHECK ((confirmed_by IS NULL) = (confirmed_at IS NULL) AND (confirmed_by IS NULL) = (confirmed_factor IS NULL) AND (confirmed_by IS NULL) = (review_due_at IS NULL)),
    CONSTRAINT break_glass_short CHECK (expires_at <= asked_at + interval '31 minutes'),
    CONSTRAINT break_glass_review_soon CHECK (review_due_at <= confirmed_at + interval '73 hours'),
    CONSTRAINT break_glass_factors CHECK (NOT needs_factor OR (asked_factor AND coalesce(confirmed_factor, true))),
    CONSTRAINT break_glass_confirmed_or_ended CHECK (confirmed_at IS NULL OR ended_at IS NULL)
);
COMMENT ON TABLE drydock.break_glass IS 'One person asked that a plan runs without the approvals of its policy; it does once a second one confirmed.';
COMMENT ON COLUMN drydock.break_glass.id IS 'Identity.';
COMMENT ON COLUMN drydock.break_glass.window_id IS 'Which window.';
COMMENT ON COLUMN drydock.break_glass.digest IS 'Exactly this plan of it.';
COMMENT ON COLUMN drydock.break_glass.reason IS 'Why it cannot wait; everybody who sees the window reads it.';
COMMENT ON COLUMN drydock.break_glass.needs_factor IS 'A policy of the plan counts some votes with a second factor only: then both have to have shown theirs.';
COMMENT ON COLUMN drydock.break_glass.asked_by IS 'Who asked.';
COMMENT ON COLUMN drydock.break_glass.asked_factor IS 'They were signed in with a second factor.';
COMMENT ON COLUMN drydock.break_glass.asked_at IS 'When.';
COMMENT ON COLUMN drydock.break_glass.expires_at IS 'Not confirmed by then, it is worth nothing: both have to be present.';
COMMENT ON COLUMN drydock.break_glass.confirmed_by IS 'The second person, who wrote no revision.';
COMMENT ON COLUMN drydock.break_glass.confirmed_factor IS 'They were signed in with a second factor.';
COMMENT ON COLUMN drydock.break_glass.confirmed_at IS 'When the window was approved by it.';
COMMENT ON COLUMN drydock.break_glass.review_due_at IS 'Somebody who had no part in it owes a review until then.';
COMMENT ON COLUMN drydock.break_glass.ended_at IS 'When a newer request took its place, because nobody had confirmed it in time or the plan was another one.';
CREATE UNIQUE INDEX break_glass_one_open ON drydock.break_glass (window_id) WHERE confirmed_at IS NULL AND ended_at IS NULL;
CREATE UNIQUE INDEX break_glass_once ON drydock.break_glass (window_id, digest) WHERE confirmed_at IS NOT NULL;
CREATE INDEX break_glass_due ON drydock.break_glass (review_due_at) WHERE confirmed_at IS NOT NULL;

CREATE FUNCTION drydock.break_glass_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE about drydock.window;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.id, NEW.window_id, NEW.digest, NEW.reason, NEW.needs_factor, NEW.asked_by, NEW.asked_factor, NEW.asked_at, NEW.expires_at)
               IS DISTINCT FROM (OLD.id, OLD.window_id, OLD.digest, OLD.reason, OLD.needs_factor, OLD.asked_by, OLD.asked_factor, OLD.asked_at, OLD.expires_at)
            OR OLD.confirmed_at IS NOT NULL OR OLD.ended_at IS NOT NULL THEN
            RAISE EXCEPTION 'what was asked, confirmed or ended stays so' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'break_glass_fixed';
        END IF;
        IF NEW.confirmed_at IS NULL THEN
            RETURN NEW;
        END IF;
        IF OLD.expires_at <= clock_timestamp() THEN
            RAISE EXCEPTION 'nobody confirmed it in time' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'break_glass_in_time';
        END IF;
    ELSIF NEW.confirmed_at IS NOT NULL OR NEW.ended_at IS NOT NULL THEN
        RAISE EXCEPTION 'somebody asks before somebody else confirms' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'break_glass_asked_first';
    END IF;
    SELECT * INTO about FROM drydock.window w WHERE w.id = NEW.window_id;
    IF about.state <> 'proposed' OR NOT EXISTS (SELECT FROM drydock.plan p WHERE p.window_id = about.id AND p.revision = about.revision AND p.digest = NEW.digest) THEN
        RAISE EXCEPTION 'it is about the newest plan of a window that waits for approval' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'break_glass_newest';
    END IF;
    IF (SELECT count(*) <> 1 FROM drydock.window_target t WHERE t.window_id = about.id AND t.revision = about.revision) THEN
        RAISE EXCEPTION 'it is about one database' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'break_glass_one_database';
    END IF;
    IF NOT drydock.may_break_glass(NEW.asked_by, about.team_id, false) OR (NEW.confirmed_by IS NOT NULL AND NOT drydock.may_break_glass(NEW.confirmed_by, about.team_id, true)) THEN
        RAISE EXCEPTION 'both hold the right and have an account' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'break_glass_by_right';
    END IF;
    -- As with votes, whose lists are sealed: whoever got the right after the window was made counts for later ones.
    IF NEW.confirmed_by IS NOT NULL
        AND NOT EXISTS (SELECT FROM drydock.global_role g WHERE g.person_id = NEW.confirmed_by AND g.role = 'admin' AND g.granted_at <= about.created_at)
        AND NOT EXISTS (SELECT FROM drydock.membership m WHERE m.person_id = NEW.confirmed_by AND m.team_id = about.team_id AND (m.role = 'lead' OR m.deputy) AND m.since <= about.created_at) THEN
        RAISE EXCEPTION 'this person is not heard on this window' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'break_glass_heard';
    END IF;
    IF EXISTS (SELECT FROM drydock.contributor c WHERE c.window_id = about.id AND c.person_id = NEW.confirmed_by) THEN
        RAISE EXCEPTION 'whoever wrote a revision does not confirm' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'break_glass_not_by_contributor';
    END IF;
    -- As for votes: whoever was changed lately is not heard, and never where an author of the window changed them.
    IF EXISTS (SELECT FROM drydock.person p WHERE p.id = NEW.confirmed_by AND p.may_vote_from > clock_timestamp())
        OR EXISTS (SELECT FROM drydock.identity_change i JOIN drydock.contributor c ON c.person_id = i.changed_by AND c.window_id = about.id
                   WHERE i.person_id = NEW.confirmed_by AND i.changed_by <> NEW.confirmed_by AND about.created_at < i.at + interval '24 hours') THEN
        RAISE EXCEPTION 'this person is not heard on this window' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'break_glass_heard';
    END IF;
    IF (NEW.asked_factor AND NOT EXISTS (SELECT FROM drydock.factor f WHERE f.person_id = NEW.asked_by AND f.confirmed_at IS NOT NULL))
        OR (NEW.confirmed_factor AND NOT EXISTS (SELECT FROM drydock.factor f WHERE f.person_id = NEW.confirmed_by AND f.confirmed_at IS NOT NULL)) THEN
        RAISE EXCEPTION 'this person has no second factor' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'break_glass_with_factor';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER break_glass_guard BEFORE INSERT OR UPDATE ON drydock.break_glass FOR EACH ROW EXECUTE FUNCTION drydock.break_glass_guard();
ALTER TABLE drydock.break_glass ENABLE ALWAYS TRIGGER break_glass_guard;
CREATE TRIGGER break_glass_stays BEFORE DELETE ON drydock.break_glass FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.break_glass ENABLE ALWAYS TRIGGER break_glass_stays;
CREATE TRIGGER break_glass_no_truncate BEFORE TRUNCATE ON drydock.break_glass FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.break_glass ENABLE ALWAYS TRIGGER break_glass_no_truncate;

-- The mark on the window: approved by two people, and by no quorum.
ALTER TABLE drydock.window ADD COLUMN glass_id uuid;
COMMENT ON COLUMN drydock.window.glass_id IS 'The break-glass that approved it, instead of votes; null for every other window. It goes only with the approval itself.';
ALTER TABLE drydock.window ADD CONSTRAINT window_glass_of_window FOREIGN KEY (glass_id, id) REFERENCES drydock.break_glass (id, window_id);

-- Whether a window was approved by a break-glass of this very plan that still counts: both are active and hold the right.
CREATE FUNCTION drydock.glass_holds(of_window uuid, of_plan bytea) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM drydock.window w JOIN drydock.break_glass g ON g.id = w.glass_id
                   WHERE w.id = of_window AND g.digest = of_plan AND g.confirmed_at IS NOT NULL
                     AND drydock.may_break_glass(g.asked_by, w.team_id, false) AND drydock.may_break_glass(g.confirmed_by, w.team_id, true))
$$;
COMMENT ON FUNCTION drydock.glass_holds IS 'Whether the window was approved by a break-glass of this plan that counts today.';

CREATE FUNCTION drydock.window_glass_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A window that waits for approval again is not approved by anybody.
    IF NEW.state IN ('draft', 'proposed') THEN
        NEW.glass_id := NULL;
        RETURN NEW;
    END IF;
    IF NEW.glass_id IS DISTINCT FROM OLD.glass_id AND NOT (
        OLD.glass_id IS NULL AND OLD.state = 'proposed' AND NEW.state = 'approved'
        AND EXISTS (SELECT FROM drydock.break_glass g JOIN drydock.plan p ON p.window_id = g.window_id AND p.digest = g.digest
                    WHERE g.id = NEW.glass_id AND g.window_id = NEW.id AND p.revision = NEW.revision AND g.confirmed_at IS NOT NULL
                      AND g.confirmed_at > clock_timestamp() - interval '1 minute')) THEN
        RAISE EXCEPTION 'a break-glass approves the plan it is about in the moment it is confirmed, and the window bears its mark from then on' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'window_glass';
    END IF;
    IF NEW.glass_id IS NOT NULL AND OLD.state = 'approved' AND NEW.state = 'running'
        AND NOT EXISTS (SELECT FROM drydock.plan p WHERE p.window_id = NEW.id AND p.revision = NEW.revision AND drydock.glass_holds(NEW.id, p.digest)) THEN
        RAISE EXCEPTION 'the break-glass of this window counts no more' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'glass_holds';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER window_glass_guard BEFORE UPDATE ON drydock.window FOR EACH ROW EXECUTE FUNCTION drydock.window_glass_guard();
ALTER TABLE drydock.window ENABLE ALWAYS TRIGGER window_glass_guard;

CREATE FUNCTION drydock.window_born_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.glass_id IS NOT NULL THEN
        RAISE EXCEPTION 'no window is born approved' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'window_glass';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER window_born_whole BEFORE INSERT ON drydock.window FOR EACH ROW EXECUTE FUNCTION drydock.window_born_whole();
ALTER TABLE drydock.window ENABLE ALWAYS TRIGGER window_born_whole;

-- A run of such a window is opened as long as its break-glass counts, and for the plan it is about.
CREATE FUNCTION drydock.run_glass_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM drydock.window w WHERE w.id = NEW.window_id AND w.glass_id IS NOT NULL) AND NOT drydock.glass_holds(NEW.window_id, NEW.plan_digest) THEN
        RAISE EXCEPTION 'the break-glass of this window counts no more' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'glass_holds';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER run_glass_guard BEFORE INSERT ON drydock.run FOR EACH ROW WHEN (NEW.kind = 'maintenance') EXECUTE FUNCTION drydock.run_glass_guard();
ALTER TABLE drydock.run ENABLE ALWAYS TRIGGER run_glass_guard;
