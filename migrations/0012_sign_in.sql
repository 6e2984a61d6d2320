-- Sign-in under attack, and sessions that nothing brings back.

CREATE TABLE drydock.throttle (
    subject bytea PRIMARY KEY CHECK (length(subject) = 32),
    failures integer NOT NULL CHECK (failures >= 1),
    since timestamptz NOT NULL,
    blocked_until timestamptz NOT NULL DEFAULT '-infinity'
);
COMMENT ON TABLE drydock.throttle IS 'What was tried in vain lately, counted over all web processes. Rows older than a day mean nothing any more.';
COMMENT ON COLUMN drydock.throttle.subject IS 'SHA-256 of what is counted: an address that was typed, known or not, a network, the whole installation. No address can be read from it.';
COMMENT ON COLUMN drydock.throttle.failures IS 'Failures since then.';
COMMENT ON COLUMN drydock.throttle.since IS 'The first failure of this count.';
COMMENT ON COLUMN drydock.throttle.blocked_until IS 'Nothing is tried for this subject before it.';
CREATE INDEX throttle_age ON drydock.throttle (since);

-- Counted beside the account, failures of known and unknown addresses would cost different work, and so tell one from the other.
ALTER TABLE drydock.account DROP COLUMN failures;
ALTER TABLE drydock.account DROP COLUMN blocked_until;

ALTER TABLE drydock.account ADD COLUMN epoch bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN drydock.account.epoch IS 'Rises whenever every session of the person is ended: a sign-in that began before makes none afterwards.';

ALTER TABLE drydock.session ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT session_id_once UNIQUE;
COMMENT ON COLUMN drydock.session.id IS 'Names the session on pages; stays the same while its key is rotated.';
-- A key is rotated while a form that was sent under the old one is still worked on.
ALTER TABLE drydock.submission DROP CONSTRAINT submission_session_key_fkey;
ALTER TABLE drydock.submission ADD CONSTRAINT submission_session_key_fkey FOREIGN KEY (session_key) REFERENCES drydock.session (key) ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE drydock.link ADD COLUMN made_by uuid REFERENCES drydock.person (id);
ALTER TABLE drydock.link ADD COLUMN shown boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN drydock.link.made_by IS 'Administrator who had an invitation or a reset made; null where the product or the person did.';
COMMENT ON COLUMN drydock.link.shown IS 'The maker saw the address instead of having it mailed, and so could use it: whoever accepts it casts no vote that counts for 24 hours.';
ALTER TABLE drydock.link ADD CONSTRAINT link_shown_by_somebody CHECK (NOT shown OR made_by IS NOT NULL);
CREATE INDEX link_account ON drydock.link (person_id, created_at) WHERE purpose IN ('invite', 'reset');
CREATE INDEX outbox_link ON drydock.outbox (link_id) WHERE link_id IS NOT NULL;

CREATE OR REPLACE FUNCTION drydock.link_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.used_at IS NOT NULL AND NEW.used_at IS DISTINCT FROM OLD.used_at) OR (OLD.ended_at IS NOT NULL AND NEW.ended_at IS DISTINCT FROM OLD.ended_at)
        OR (NEW.id, NEW.secret_hash, NEW.purpose, NEW.person_id, NEW.window_id, NEW.digest, NEW.expires_at, NEW.made_by, NEW.shown)
           IS DISTINCT FROM (OLD.id, OLD.secret_hash, OLD.purpose, OLD.person_id, OLD.window_id, OLD.digest, OLD.expires_at, OLD.made_by, OLD.shown) THEN
        RAISE EXCEPTION 'a link that was used or ended stays so, and belongs to one person and one plan' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'link_fixed';
    END IF;
    RETURN NEW;
END $$;
