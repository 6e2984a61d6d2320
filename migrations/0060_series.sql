-- Series: windows that are proposed again and again, each by itself.

CREATE TABLE drydock.series (
    id uuid PRIMARY KEY,
    team_id uuid NOT NULL REFERENCES drydock.team (id),
    target_id uuid NOT NULL REFERENCES drydock.target (id),
    author_id uuid NOT NULL REFERENCES drydock.person (id),
    title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    form jsonb NOT NULL,
    rule text NOT NULL CHECK (length(rule) BETWEEN 10 AND 1000),
    starts_at timestamp NOT NULL,
    zone text NOT NULL,
    lead_days integer NOT NULL CHECK (lead_days BETWEEN 1 AND 30),
    revision integer NOT NULL DEFAULT 1 CHECK (revision >= 1),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    looked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    next_look_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    trouble_code text,
    trouble text,
    trouble_since timestamptz,
    ended_at timestamptz,
    ended_by uuid REFERENCES drydock.person (id),
    ended_reason text CHECK (length(ended_reason) <= 2000),
    CONSTRAINT series_team UNIQUE (id, team_id),
    CONSTRAINT series_trouble CHECK ((trouble_code IS NULL) = (trouble IS NULL) AND (trouble_code IS NULL) = (trouble_since IS NULL)),
    CONSTRAINT series_ended CHECK ((ended_at IS NULL) = (ended_by IS NULL) AND (ended_at IS NULL) = (ended_reason IS NULL))
);
COMMENT ON TABLE drydock.series IS 'A template and a rule that give birth to windows, each proposed by itself some days before its start.';
COMMENT ON COLUMN drydock.series.id IS 'Identity.';
COMMENT ON COLUMN drydock.series.team_id IS 'Owner team: that of its database when it was made.';
COMMENT ON COLUMN drydock.series.target_id IS 'The database.';
COMMENT ON COLUMN drydock.series.author_id IS 'Who saved it last: proposes and owns what is born of it.';
COMMENT ON COLUMN drydock.series.title IS 'Short description in lists.';
COMMENT ON COLUMN drydock.series.form IS 'What the person typed: the template, and to edit it again.';
COMMENT ON COLUMN drydock.series.rule IS 'When it repeats: a part of RFC 5545, on local wall time.';
COMMENT ON COLUMN drydock.series.starts_at IS 'First wall time; the time of day of every date.';
COMMENT ON COLUMN drydock.series.zone IS 'IANA zone of its wall times when somebody last looked at the dates.';
COMMENT ON COLUMN drydock.series.lead_days IS 'Days before its start on which a window is proposed.';
COMMENT ON COLUMN drydock.series.revision IS 'Counts up with every edit.';
COMMENT ON COLUMN drydock.series.created_at IS 'When it was made.';
COMMENT ON COLUMN drydock.series.looked_at IS 'Dates that start before this are settled.';
COMMENT ON COLUMN drydock.series.next_look_at IS 'A worker looks at it then.';
COMMENT ON COLUMN drydock.series.trouble_code IS 'Stable word for what keeps every date from being proposed; null while nothing does.';
COMMENT ON COLUMN drydock.series.trouble IS 'The same in words, with the way out.';
COMMENT ON COLUMN drydock.series.trouble_since IS 'Since when.';
COMMENT ON COLUMN drydock.series.ended_at IS 'When it was ended; null while it goes on.';
COMMENT ON COLUMN drydock.series.ended_by IS 'By whom.';
COMMENT ON COLUMN drydock.series.ended_reason IS 'Why, where somebody said.';
CREATE INDEX series_by_team ON drydock.series (team_id, id DESC);
CREATE INDEX series_by_target ON drydock.series (target_id, id DESC);
CREATE INDEX series_due ON drydock.series (next_look_at) WHERE ended_at IS NULL;

CREATE FUNCTION drydock.series_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        -- The lock a foreign key would take: a change of owner waits for this, and this for it.
        PERFORM FROM drydock.target t WHERE t.id = NEW.target_id AND t.team_id = NEW.team_id AND t.state NOT IN ('retired', 'deleted') FOR KEY SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'a series is about a database of its own team' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'series_target_owner';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.ended_at IS NOT NULL THEN
        RAISE EXCEPTION 'a series that was ended stays as it was' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'series_over';
    END IF;
    IF (NEW.id, NEW.team_id, NEW.target_id, NEW.created_at) IS DISTINCT FROM (OLD.id, OLD.team_id, OLD.target_id, OLD.created_at)
        OR NEW.revision < OLD.revision OR NEW.looked_at < OLD.looked_at THEN
        RAISE EXCEPTION 'identity and past of a series never change' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'series_fixed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER series_guard BEFORE INSERT OR UPDATE ON drydock.series FOR EACH ROW EXECUTE FUNCTION drydock.series_guard();
ALTER TABLE drydock.series ENABLE ALWAYS TRIGGER series_guard;
CREATE TRIGGER series_stays BEFORE DELETE ON drydock.series FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.series ENABLE ALWAYS TRIGGER series_stays;
CREATE TRIGGER series_no_truncate BEFORE TRUNCATE ON drydock.series FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.series ENABLE ALWAYS TRIGGER series_no_truncate;

CREATE TABLE drydock.series_author (
    series_id uuid NOT NULL REFERENCES drydock.series (id),
    person_id uuid NOT NULL REFERENCES drydock.person (id),
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (series_id, person_id)
);
COMMENT ON TABLE drydock.series_author IS 'Who ever wrote a series: a contributor of every window born of it from then on, and so never a voter there.';
COMMENT ON COLUMN drydock.series_author.series_id IS 'The series.';
COMMENT ON COLUMN drydock.series_author.person_id IS 'Who.';
COMMENT ON COLUMN drydock.series_author.since IS 'Since when.';
CREATE TRIGGER series_author_append_only BEFORE UPDATE OR DELETE ON drydock.series_author FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.series_author ENABLE ALWAYS TRIGGER series_author_append_only;
CREATE TRIGGER series_author_no_truncate BEFORE TRUNCATE ON drydock.series_author FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.series_author ENABLE ALWAYS TRIGGER series_author_no_truncate;

CREATE TABLE drydock.series_birth (
    series_id uuid NOT NULL,
    day date NOT NULL,
    team_id uuid NOT NULL,
    window_id uuid NOT NULL,
    start_at timestamptz NOT NULL,
    born_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (series_id, day),
    CONSTRAINT series_birth_window UNIQUE (window_id),
    FOREIGN KEY (series_id, team_id) REFERENCES drydock.series (id, team_id),
    FOREIGN KEY (window_id, team_id) REFERENCES drydock.window (id, team_id)
);
COMMENT ON TABLE drydock.series_birth IS 'Which window was proposed for which date of a series: one a date, for ever.';
COMMENT ON COLUMN drydock.series_birth.series_id IS 'The series.';
COMMENT ON COLUMN drydock.series_birth.day IS 'The day its rule gives, wherever the date was moved to.';
COMMENT ON COLUMN drydock.series_birth.team_id IS 'Owner of both: no series gives birth across teams.';
COMMENT ON COLUMN drydock.series_birth.window_id IS 'The window.';
COMMENT ON COLUMN drydock.series_birth.start_at IS 'When it was to start then.';
COMMENT ON COLUMN drydock.series_birth.born_at IS 'When it was proposed.';

CREATE TABLE drydock.series_change (
    series_id uuid NOT NULL REFERENCES drydock.series (id),
    day date NOT NULL,
    moved_to timestamp,
    reason text NOT NULL CHECK (length(reason) <= 2000),
    changed_by uuid NOT NULL REFERENCES drydock.person (id),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (series_id, day)
);
COMMENT ON TABLE drydock.series_change IS 'A date of a series that is not as its rule says: left out, or moved. Gone again when it is put back.';
COMMENT ON COLUMN drydock.series_change.series_id IS 'The series.';
COMMENT ON COLUMN drydock.series_change.day IS 'The day its rule gives.';
COMMENT ON COLUMN drydock.series_change.moved_to IS 'The wall time instead; null: left out.';
COMMENT ON COLUMN drydock.series_change.reason IS 'Why, where somebody said.';
COMMENT ON COLUMN drydock.series_change.changed_by IS 'Who; a contributor of a window that is born of it.';
COMMENT ON COLUMN drydock.series_change.changed_at IS 'When.';

CREATE TABLE drydock.series_stuck (
    series_id uuid NOT NULL REFERENCES drydock.series (id),
    day date NOT NULL,
    start_at timestamptz NOT NULL,
    code text NOT NULL CHECK (code ~ '^[a-z_]+$'),
    message text NOT NULL CHECK (length(message) BETWEEN 1 AND 8000),
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (series_id, day)
);
COMMENT ON TABLE drydock.series_stuck IS 'A date for which no window could be proposed, and why. Gone once it could, or once the date was changed.';
COMMENT ON COLUMN drydock.series_stuck.series_id IS 'The series.';
COMMENT ON COLUMN drydock.series_stuck.day IS 'The day its rule gives.';
COMMENT ON COLUMN drydock.series_stuck.start_at IS 'When it was to start.';
COMMENT ON COLUMN drydock.series_stuck.code IS 'Stable word: overlap, no_policy, passed …';
COMMENT ON COLUMN drydock.series_stuck.message IS 'In words, with the way out.';
COMMENT ON COLUMN drydock.series_stuck.since IS 'Since when.';
CREATE INDEX series_stuck_by_start ON drydock.series_stuck (start_at DESC);

-- Births and changes of one series happen one after the other: each takes the row of the series first.
CREATE FUNCTION drydock.series_birth_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    whole drydock.series;
BEGIN
    SELECT * INTO whole FROM drydock.series s WHERE s.id = NEW.series_id FOR NO KEY UPDATE;
    IF whole.ended_at IS NOT NULL THEN
        RAISE EXCEPTION 'a series that was ended proposes nothing' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'series_over';
    END IF;
    IF NEW.start_at <= clock_timestamp() THEN
        RAISE EXCEPTION 'nothing is proposed for the past' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'series_birth_past';
    END IF;
    IF EXISTS (SELECT FROM drydock.series_change c WHERE c.series_id = NEW.series_id AND c.day = NEW.day AND c.moved_to IS NULL) THEN
        RAISE EXCEPTION 'this date is left out' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'series_birth_skipped';
    END IF;
    -- Four eyes: whoever wrote the series, or moved this date, wrote the window.
    IF EXISTS (
        SELECT FROM (SELECT a.person_id FROM drydock.series_author a WHERE a.series_id = NEW.series_id
                     UNION SELECT c.changed_by FROM drydock.series_change c WHERE c.series_id = NEW.series_id AND c.day = NEW.day) p (person_id)
        WHERE NOT EXISTS (SELECT FROM drydock.contributor c WHERE c.window_id = NEW.window_id AND c.person_id = p.person_id)) THEN
        RAISE EXCEPTION 'whoever wrote a series contributes to its windows' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'series_birth_contributors';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER series_birth_guard BEFORE INSERT ON drydock.series_birth FOR EACH ROW EXECUTE FUNCTION drydock.series_birth_guard();
ALTER TABLE drydock.series_birth ENABLE ALWAYS TRIGGER series_birth_guard;
CREATE TRIGGER series_birth_append_only BEFORE UPDATE OR DELETE ON drydock.series_birth FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.series_birth ENABLE ALWAYS TRIGGER series_birth_append_only;
CREATE TRIGGER series_birth_no_truncate BEFORE TRUNCATE ON drydock.series_birth FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.series_birth ENABLE ALWAYS TRIGGER series_birth_no_truncate;

CREATE FUNCTION drydock.series_change_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    at_hand drydock.series_change;
    over timestamptz;
BEGIN
    IF TG_OP = 'DELETE' THEN
        at_hand := OLD;
    ELSE
        at_hand := NEW;
    END IF;
    SELECT s.ended_at INTO over FROM drydock.series s WHERE s.id = at_hand.series_id FOR NO KEY UPDATE;
    IF over IS NOT NULL THEN
        RAISE EXCEPTION 'a series that was ended stays as it was' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'series_over';
    END IF;
    IF EXISTS (SELECT FROM drydock.series_birth b WHERE b.series_id = at_hand.series_id AND b.day = at_hand.day) THEN
        RAISE EXCEPTION 'this date has its window' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'series_change_born';
    END IF;
    RETURN at_hand;
END $$;
CREATE TRIGGER series_change_guard BEFORE INSERT OR UPDATE OR DELETE ON drydock.series_change FOR EACH ROW EXECUTE FUNCTION drydock.series_change_guard();
ALTER TABLE drydock.series_change ENABLE ALWAYS TRIGGER series_change_guard;
