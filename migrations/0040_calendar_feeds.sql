-- Calendar feeds: an address that a person's calendar program asks again and again, without signing in.

CREATE TABLE drydock.calendar_feed (
    id uuid PRIMARY KEY,
    secret_hash bytea NOT NULL CHECK (length(secret_hash) = 32),
    person_id uuid NOT NULL REFERENCES drydock.person (id),
    about text NOT NULL CHECK (about IN ('person', 'team', 'database')),
    team_id uuid REFERENCES drydock.team (id),
    target_id uuid REFERENCES drydock.target (id),
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    used_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT calendar_feed_secret_once UNIQUE (secret_hash),
    CONSTRAINT calendar_feed_about CHECK ((about = 'team') = (team_id IS NOT NULL) AND (about = 'database') = (target_id IS NOT NULL))
);
COMMENT ON TABLE drydock.calendar_feed IS 'A secret address that gives windows as a calendar: what its person may see at the time it is asked, and nothing else.';
COMMENT ON COLUMN drydock.calendar_feed.id IS 'Names the feed on pages and in the trail.';
COMMENT ON COLUMN drydock.calendar_feed.secret_hash IS 'SHA-256 of the 256-bit secret; the secret itself is stored nowhere.';
COMMENT ON COLUMN drydock.calendar_feed.person_id IS 'Whose feed it is: their rights of the moment decide what it gives.';
COMMENT ON COLUMN drydock.calendar_feed.about IS 'What it gives: what concerns the person, a team''s windows, a database''s windows.';
COMMENT ON COLUMN drydock.calendar_feed.team_id IS 'Which team.';
COMMENT ON COLUMN drydock.calendar_feed.target_id IS 'Which database.';
COMMENT ON COLUMN drydock.calendar_feed.made_at IS 'When the address was made and shown.';
COMMENT ON COLUMN drydock.calendar_feed.used_at IS 'When it was asked last, to the hour.';
COMMENT ON COLUMN drydock.calendar_feed.revoked_at IS 'From then on it gives nothing.';
CREATE INDEX calendar_feed_person ON drydock.calendar_feed (person_id, made_at DESC) WHERE revoked_at IS NULL;

CREATE FUNCTION drydock.calendar_feed_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at)
        OR (NEW.id, NEW.secret_hash, NEW.person_id, NEW.about, NEW.team_id, NEW.target_id, NEW.made_at)
           IS DISTINCT FROM (OLD.id, OLD.secret_hash, OLD.person_id, OLD.about, OLD.team_id, OLD.target_id, OLD.made_at) THEN
        RAISE EXCEPTION 'a calendar feed belongs to one person and one secret, and one that was revoked stays so' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'calendar_feed_fixed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER calendar_feed_guard BEFORE UPDATE ON drydock.calendar_feed FOR EACH ROW EXECUTE FUNCTION drydock.calendar_feed_guard();
ALTER TABLE drydock.calendar_feed ENABLE ALWAYS TRIGGER calendar_feed_guard;
