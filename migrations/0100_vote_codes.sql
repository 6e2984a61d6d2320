-- Codes to approve: mailed to whoever the link was mailed to, so that a forwarded link alone approves nothing where the policy says so.

-- What a code is bound to, as one key.
ALTER TABLE drydock.link ADD CONSTRAINT link_id_digest UNIQUE (id, digest);

CREATE TABLE drydock.vote_code (
    id uuid PRIMARY KEY,
    link_id uuid NOT NULL,
    digest bytea NOT NULL,
    browser_hash bytea NOT NULL CHECK (length(browser_hash) = 32),
    mac bytea NOT NULL CHECK (length(mac) = 32),
    tries integer NOT NULL DEFAULT 0 CHECK (tries BETWEEN 0 AND 5),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL DEFAULT clock_timestamp() + interval '10 minutes',
    used_at timestamptz,
    ended_at timestamptz,
    FOREIGN KEY (link_id, digest) REFERENCES drydock.link (id, digest),
    CONSTRAINT vote_code_short CHECK (expires_at <= created_at + interval '11 minutes'),
    CONSTRAINT vote_code_used_or_ended CHECK (used_at IS NULL OR ended_at IS NULL),
    CONSTRAINT vote_code_dies_of_tries CHECK (tries < 5 OR ended_at IS NOT NULL),
    CONSTRAINT vote_code_what_it_opens UNIQUE (id, link_id, digest)
);
COMMENT ON TABLE drydock.vote_code IS 'A code of six digits, mailed to the holder of a link who wants to approve: it proves that the mailbox was read just now.';
COMMENT ON COLUMN drydock.vote_code.id IS 'Identity.';
COMMENT ON COLUMN drydock.vote_code.link_id IS 'The link it was asked for by, and works with.';
COMMENT ON COLUMN drydock.vote_code.digest IS 'The plan the link speaks of: after an edit the code opens nothing.';
COMMENT ON COLUMN drydock.vote_code.browser_hash IS 'SHA-256 of the secret that the asking browser keeps in a cookie.';
COMMENT ON COLUMN drydock.vote_code.mac IS 'HMAC-SHA256 of link, digest and code under the browser''s secret, which is stored nowhere: whoever reads this table cannot find the code by trying all million.';
COMMENT ON COLUMN drydock.vote_code.tries IS 'Wrong codes typed so far.';
COMMENT ON COLUMN drydock.vote_code.created_at IS 'When it was asked for.';
COMMENT ON COLUMN drydock.vote_code.expires_at IS 'Dead from then.';
COMMENT ON COLUMN drydock.vote_code.used_at IS 'When it confirmed an approval.';
COMMENT ON COLUMN drydock.vote_code.ended_at IS 'When a newer one replaced it, or the last try was wrong.';
CREATE UNIQUE INDEX vote_code_one_alive ON drydock.vote_code (link_id) WHERE used_at IS NULL AND ended_at IS NULL;
CREATE INDEX vote_code_link ON drydock.vote_code (link_id, created_at DESC);

CREATE FUNCTION drydock.vote_code_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.link_id, NEW.digest, NEW.browser_hash, NEW.mac, NEW.created_at, NEW.expires_at)
           IS DISTINCT FROM (OLD.id, OLD.link_id, OLD.digest, OLD.browser_hash, OLD.mac, OLD.created_at, OLD.expires_at)
        OR OLD.used_at IS NOT NULL OR OLD.ended_at IS NOT NULL OR NEW.tries NOT IN (OLD.tries, OLD.tries + 1)
        OR (NEW.used_at IS NOT NULL AND (NEW.tries <> OLD.tries OR OLD.expires_at <= clock_timestamp())) THEN
        RAISE EXCEPTION 'a code is used once, in time, or ended, and a try stays counted' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'vote_code_fixed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER vote_code_guard BEFORE UPDATE ON drydock.vote_code FOR EACH ROW EXECUTE FUNCTION drydock.vote_code_guard();
ALTER TABLE drydock.vote_code ENABLE ALWAYS TRIGGER vote_code_guard;
CREATE TRIGGER vote_code_stays BEFORE DELETE ON drydock.vote_code FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.vote_code ENABLE ALWAYS TRIGGER vote_code_stays;
CREATE TRIGGER vote_code_no_truncate BEFORE TRUNCATE ON drydock.vote_code FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.vote_code ENABLE ALWAYS TRIGGER vote_code_no_truncate;

-- A vote says "code confirmed" only with a code that was used for it, of its own link and plan, and no code confirms two votes.
ALTER TABLE drydock.vote ADD COLUMN code_id uuid;
COMMENT ON COLUMN drydock.vote.code_id IS 'The code that confirmed it; there exactly where the voter was known by link and code.';
ALTER TABLE drydock.vote ADD FOREIGN KEY (code_id, link_id, digest) REFERENCES drydock.vote_code (id, link_id, digest);
ALTER TABLE drydock.vote ADD CONSTRAINT vote_code_known CHECK ((assurance = 'link_code') = (code_id IS NOT NULL) AND (code_id IS NULL OR link_id IS NOT NULL));
CREATE UNIQUE INDEX vote_code_once ON drydock.vote (code_id) WHERE code_id IS NOT NULL;

CREATE FUNCTION drydock.vote_code_shown() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.code_id IS NOT NULL AND (TG_OP = 'UPDATE' AND NEW.code_id IS DISTINCT FROM OLD.code_id
        OR NOT EXISTS (SELECT FROM drydock.vote_code c WHERE c.id = NEW.code_id AND c.used_at IS NOT NULL)) THEN
        RAISE EXCEPTION 'a code that was not used confirms no vote' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'vote_code_used';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER vote_code_shown BEFORE INSERT OR UPDATE ON drydock.vote FOR EACH ROW EXECUTE FUNCTION drydock.vote_code_shown();
ALTER TABLE drydock.vote ENABLE ALWAYS TRIGGER vote_code_shown;
