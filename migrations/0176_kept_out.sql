-- Accounts that a run keeps out of a database while it works: on record before the first of them is shut, with what each could do before, so
-- that whoever comes later knows exactly what to give back.

CREATE TABLE drydock.kept_out (
    run_id uuid NOT NULL REFERENCES drydock.run (id),
    number integer NOT NULL CHECK (number >= 1),
    account_oid bigint NOT NULL CHECK (account_oid > 0),
    account text NOT NULL CHECK (account <> ''),
    server text NOT NULL CHECK (server <> ''),
    could_sign_in boolean NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    let_in_at timestamptz,
    said text CHECK (length(said) BETWEEN 1 AND 4000),
    PRIMARY KEY (run_id, number, account_oid),
    CONSTRAINT kept_out_over CHECK (num_nonnulls(let_in_at, said) IN (0, 2))
);
COMMENT ON TABLE drydock.kept_out IS 'Accounts of target servers that runs keep out while they work; each time they do it anew has rows of its own.';
COMMENT ON COLUMN drydock.kept_out.run_id IS 'Which run keeps it out.';
COMMENT ON COLUMN drydock.kept_out.number IS 'Which time in this run, from 1.';
COMMENT ON COLUMN drydock.kept_out.account_oid IS 'The account on its server, where a name may change.';
COMMENT ON COLUMN drydock.kept_out.account IS 'Its name at that time.';
COMMENT ON COLUMN drydock.kept_out.server IS 'The server''s system identifier: accounts belong to a whole server.';
COMMENT ON COLUMN drydock.kept_out.could_sign_in IS 'What it could do before, and gets back.';
COMMENT ON COLUMN drydock.kept_out.asked_at IS 'On record before anything was changed: since then it may be out.';
COMMENT ON COLUMN drydock.kept_out.let_in_at IS 'When it was seen to be as before.';
COMMENT ON COLUMN drydock.kept_out.said IS 'How that came, in words.';

-- What one run has shut another one would take for shut before, and leave so.
CREATE UNIQUE INDEX kept_out_once ON drydock.kept_out (server, account_oid) WHERE let_in_at IS NULL;

CREATE FUNCTION drydock.kept_out_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.let_in_at IS NOT NULL OR NOT EXISTS (SELECT FROM drydock.run r WHERE r.id = NEW.run_id AND r.state = 'leased') THEN
            RAISE EXCEPTION 'a run that works keeps accounts out, and has let none in by then' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'kept_out_asked';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.let_in_at IS NOT NULL OR (to_jsonb(NEW) - 'let_in_at' - 'said') IS DISTINCT FROM (to_jsonb(OLD) - 'let_in_at' - 'said') THEN
        RAISE EXCEPTION 'an account is let in once, and what it could do before stays on record' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'kept_out_fixed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER kept_out_guard BEFORE INSERT OR UPDATE ON drydock.kept_out FOR EACH ROW EXECUTE FUNCTION drydock.kept_out_guard();
ALTER TABLE drydock.kept_out ENABLE ALWAYS TRIGGER kept_out_guard;
CREATE TRIGGER kept_out_stays BEFORE DELETE ON drydock.kept_out FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.kept_out ENABLE ALWAYS TRIGGER kept_out_stays;
CREATE TRIGGER kept_out_no_truncate BEFORE TRUNCATE ON drydock.kept_out FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.kept_out ENABLE ALWAYS TRIGGER kept_out_no_truncate;
