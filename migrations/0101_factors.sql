-- The second factor of a sign-in: codes of an app by time, and recovery codes. Sessions know whether it was shown, and so do votes.

CREATE TABLE drydock.factor (
    person_id uuid PRIMARY KEY REFERENCES drydock.account (person_id),
    key_id bytea NOT NULL CHECK (length(key_id) = 8),
    sealed bytea NOT NULL CHECK (get_byte(sealed, 0) = 1 AND length(sealed) = 61),
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    confirmed_at timestamptz,
    last_step bigint CHECK (last_step >= 0),
    CONSTRAINT factor_confirmed_by_code CHECK ((confirmed_at IS NULL) = (last_step IS NULL))
);
COMMENT ON TABLE drydock.factor IS 'What a person''s app and this installation share, from the first step of setting it up on.';
COMMENT ON COLUMN drydock.factor.person_id IS 'Whose.';
COMMENT ON COLUMN drydock.factor.key_id IS 'Which key of the web process opens it: the beginning of that key''s SHA-256.';
COMMENT ON COLUMN drydock.factor.sealed IS 'The shared secret, XChaCha20-Poly1305 under a key that lies in a file of the web process and never here; bound to the person.';
COMMENT ON COLUMN drydock.factor.made_at IS 'When setting it up began; without a first code it is worth nothing after a quarter of an hour.';
COMMENT ON COLUMN drydock.factor.confirmed_at IS 'When its first code was typed; null while it is being set up, and until then nothing asks for it.';
COMMENT ON COLUMN drydock.factor.last_step IS 'The last step of 30 seconds whose code was taken: each works once.';

CREATE FUNCTION drydock.factor_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.person_id, NEW.key_id, NEW.sealed, NEW.made_at) IS DISTINCT FROM (OLD.person_id, OLD.key_id, OLD.sealed, OLD.made_at)
        OR (OLD.confirmed_at IS NOT NULL AND NEW.confirmed_at IS DISTINCT FROM OLD.confirmed_at)
        OR NEW.last_step IS NULL OR (OLD.last_step IS NOT NULL AND NEW.last_step <= OLD.last_step) THEN
        RAISE EXCEPTION 'a code of a second factor works once, and its secret stays what it is' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'factor_steps_forward';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER factor_guard BEFORE UPDATE ON drydock.factor FOR EACH ROW EXECUTE FUNCTION drydock.factor_guard();
ALTER TABLE drydock.factor ENABLE ALWAYS TRIGGER factor_guard;

CREATE TABLE drydock.recovery_code (
    person_id uuid NOT NULL REFERENCES drydock.factor (person_id) ON DELETE CASCADE,
    mac bytea NOT NULL CHECK (length(mac) = 32),
    used_at timestamptz,
    PRIMARY KEY (person_id, mac)
);
COMMENT ON TABLE drydock.recovery_code IS 'A code that stands in for the app once, for whoever lost it. It goes with its factor.';
COMMENT ON COLUMN drydock.recovery_code.person_id IS 'Whose.';
COMMENT ON COLUMN drydock.recovery_code.mac IS 'HMAC-SHA256 of it, under the key of the web process: from this table alone none is found by trying.';
COMMENT ON COLUMN drydock.recovery_code.used_at IS 'When it was used: it works once.';

CREATE FUNCTION drydock.recovery_code_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.used_at IS NOT NULL OR NEW.used_at IS NULL OR (NEW.person_id, NEW.mac) IS DISTINCT FROM (OLD.person_id, OLD.mac) THEN
        RAISE EXCEPTION 'a recovery code is used once' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'recovery_code_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER recovery_code_guard BEFORE UPDATE ON drydock.recovery_code FOR EACH ROW EXECUTE FUNCTION drydock.recovery_code_guard();
ALTER TABLE drydock.recovery_code ENABLE ALWAYS TRIGGER recovery_code_guard;

ALTER TABLE drydock.session ADD COLUMN factor boolean NOT NULL DEFAULT false;
ALTER TABLE drydock.session ADD COLUMN half_person_id uuid REFERENCES drydock.person (id);
ALTER TABLE drydock.session ADD COLUMN half_epoch bigint;
ALTER TABLE drydock.session ADD COLUMN half_until timestamptz;
COMMENT ON COLUMN drydock.session.factor IS 'The second factor was shown at the sign-in, or when it was set up in this session.';
COMMENT ON COLUMN drydock.session.half_person_id IS 'Whose password was typed, while the second factor is waited for: this session is nobody''s until then.';
COMMENT ON COLUMN drydock.session.half_epoch IS 'The account''s epoch when the password was typed: sessions ended since then end this sign-in, too.';
COMMENT ON COLUMN drydock.session.half_until IS 'The code has to come before it.';
ALTER TABLE drydock.session ADD CONSTRAINT session_half CHECK ((half_person_id IS NULL) = (half_epoch IS NULL) AND (half_person_id IS NULL) = (half_until IS NULL));
ALTER TABLE drydock.session ADD CONSTRAINT session_half_is_nobodys CHECK (half_person_id IS NULL OR person_id IS NULL);
ALTER TABLE drydock.session ADD CONSTRAINT session_factor_is_somebodys CHECK (NOT factor OR person_id IS NOT NULL);

-- Whoever has a second factor is signed in with it or not at all.
CREATE FUNCTION drydock.session_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.person_id IS NOT NULL AND OLD.person_id IS NULL AND NOT NEW.factor
        AND EXISTS (SELECT FROM drydock.factor f WHERE f.person_id = NEW.person_id AND f.confirmed_at IS NOT NULL) THEN
        RAISE EXCEPTION 'this person signs in with a second factor' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'session_with_factor';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER session_guard BEFORE UPDATE ON drydock.session FOR EACH ROW EXECUTE FUNCTION drydock.session_guard();
ALTER TABLE drydock.session ENABLE ALWAYS TRIGGER session_guard;

-- A vote says "with second factor" only for somebody who has one.
CREATE FUNCTION drydock.vote_factor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.assurance = 'account_factor' AND NOT EXISTS (SELECT FROM drydock.factor f WHERE f.person_id = NEW.person_id AND f.confirmed_at IS NOT NULL) THEN
        RAISE EXCEPTION 'this person has no second factor' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'vote_with_factor';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER vote_factor BEFORE INSERT ON drydock.vote FOR EACH ROW EXECUTE FUNCTION drydock.vote_factor();
ALTER TABLE drydock.vote ENABLE ALWAYS TRIGGER vote_factor;

-- Whoever's factor was taken away does not vote for a day, and never on windows of whoever took it.
ALTER TABLE drydock.identity_change DROP CONSTRAINT identity_change_what_check;
ALTER TABLE drydock.identity_change ADD CONSTRAINT identity_change_what_check CHECK (what IN ('address', 'role', 'password', 'factor', 'return'));
COMMENT ON COLUMN drydock.identity_change.person_id IS 'Whose address, role, password or second factor.';
