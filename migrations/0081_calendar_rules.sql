-- Rules that calendars and their feeds rely on, held by the database as well.

-- Two feeds made at once are counted one after the other.
CREATE FUNCTION drydock.calendar_feed_limit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM drydock.person p WHERE p.id = NEW.person_id FOR NO KEY UPDATE;
    IF (SELECT count(*) FROM drydock.calendar_feed f WHERE f.person_id = NEW.person_id AND f.revoked_at IS NULL) >= 20 THEN
        RAISE EXCEPTION 'nobody has more than 20 calendar feeds' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'calendar_feed_limit';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER calendar_feed_limit BEFORE INSERT ON drydock.calendar_feed FOR EACH ROW EXECUTE FUNCTION drydock.calendar_feed_limit();
ALTER TABLE drydock.calendar_feed ENABLE ALWAYS TRIGGER calendar_feed_limit;

-- Whoever knew a password could have made feeds: they end with it.
CREATE FUNCTION drydock.account_feeds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE drydock.calendar_feed AS f SET revoked_at = clock_timestamp() WHERE f.person_id = NEW.person_id AND f.revoked_at IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER account_feeds AFTER UPDATE OF password_hash ON drydock.account FOR EACH ROW
    WHEN (OLD.password_hash IS DISTINCT FROM NEW.password_hash) EXECUTE FUNCTION drydock.account_feeds();
ALTER TABLE drydock.account ENABLE ALWAYS TRIGGER account_feeds;

-- Calendars find what reaches into a day by its start, at most this long before: a longer window would be missing on its later days.
ALTER TABLE drydock.revision ADD CONSTRAINT revision_length CHECK (end_at - start_at <= interval '24 hours');
