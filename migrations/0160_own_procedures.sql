-- Own procedures: composed by people from the steps of the library. A version counts once somebody else agreed to it, and stays as it was proposed;
-- plans hold its bytes themselves, so what is changed or ended here changes nothing about what was sealed.

CREATE TABLE drydock.own_procedure (
    id uuid PRIMARY KEY,
    key text NOT NULL CHECK (key ~ '^own_[a-z][a-z0-9_]{1,49}$'),
    version integer NOT NULL CHECK (version >= 1),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    bytes bytea NOT NULL CHECK (length(bytes) <= 262144),
    digest bytea NOT NULL,
    proposed_by uuid NOT NULL REFERENCES drydock.person (id),
    proposed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    agreed_by uuid REFERENCES drydock.person (id),
    agreed_at timestamptz,
    ended_by uuid REFERENCES drydock.person (id),
    ended_at timestamptz,
    CONSTRAINT own_procedure_version_once UNIQUE (key, version),
    CONSTRAINT own_procedure_digest_matches CHECK (digest = sha256('procedure'::bytea || '\x00'::bytea || bytes)),
    CONSTRAINT own_procedure_four_eyes CHECK (agreed_by <> proposed_by),
    CONSTRAINT own_procedure_agreed CHECK ((agreed_by IS NULL) = (agreed_at IS NULL)),
    CONSTRAINT own_procedure_ended CHECK ((ended_by IS NULL) = (ended_at IS NULL))
);
COMMENT ON TABLE drydock.own_procedure IS 'A version of a procedure that people composed.';
COMMENT ON COLUMN drydock.own_procedure.id IS 'Identity of the version.';
COMMENT ON COLUMN drydock.own_procedure.key IS 'Of the procedure, over all its versions.';
COMMENT ON COLUMN drydock.own_procedure.version IS 'From 1, also of versions that were taken back.';
COMMENT ON COLUMN drydock.own_procedure.name IS 'As people call it; also in the bytes.';
COMMENT ON COLUMN drydock.own_procedure.bytes IS 'Canonical JSON of the procedure.';
COMMENT ON COLUMN drydock.own_procedure.digest IS 'SHA-256(purpose ‖ 0 ‖ bytes): what is agreed to, and what plans name.';
COMMENT ON COLUMN drydock.own_procedure.proposed_by IS 'Who proposed it, and so never agrees.';
COMMENT ON COLUMN drydock.own_procedure.proposed_at IS 'When.';
COMMENT ON COLUMN drydock.own_procedure.agreed_by IS 'Who agreed; null while it waits, or where it was taken back.';
COMMENT ON COLUMN drydock.own_procedure.agreed_at IS 'When it began to count.';
COMMENT ON COLUMN drydock.own_procedure.ended_by IS 'Who took it back, ended it, or agreed to the version that follows it.';
COMMENT ON COLUMN drydock.own_procedure.ended_at IS 'Since when it counts no more; null while it waits or counts.';
CREATE UNIQUE INDEX own_procedure_one_waits ON drydock.own_procedure (key) WHERE agreed_at IS NULL AND ended_at IS NULL;
CREATE UNIQUE INDEX own_procedure_one_counts ON drydock.own_procedure (key) WHERE agreed_at IS NOT NULL AND ended_at IS NULL;
CREATE UNIQUE INDEX own_procedure_name_counts ON drydock.own_procedure (lower(name)) WHERE agreed_at IS NOT NULL AND ended_at IS NULL;

CREATE FUNCTION drydock.own_procedure_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.agreed_at IS NOT NULL OR NEW.ended_at IS NOT NULL THEN
            RAISE EXCEPTION 'a version is proposed before anything else becomes of it' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'own_procedure_begins';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.ended_at IS NOT NULL OR (OLD.agreed_at IS NOT NULL AND (NEW.agreed_by, NEW.agreed_at) IS DISTINCT FROM (OLD.agreed_by, OLD.agreed_at))
        OR (NEW.id, NEW.key, NEW.version, NEW.name, NEW.bytes, NEW.digest, NEW.proposed_by, NEW.proposed_at)
            IS DISTINCT FROM (OLD.id, OLD.key, OLD.version, OLD.name, OLD.bytes, OLD.digest, OLD.proposed_by, OLD.proposed_at) THEN
        RAISE EXCEPTION 'a version stays as it was proposed, is agreed to once, and ends once' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'own_procedure_fixed';
    END IF;
    IF OLD.agreed_at IS NULL AND NEW.agreed_at IS NOT NULL
        AND (NEW.ended_at IS NOT NULL OR NOT EXISTS (SELECT FROM drydock.person p WHERE p.id = NEW.agreed_by AND p.active)) THEN
        RAISE EXCEPTION 'an active person agrees to a version that waits' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'own_procedure_agreed_by';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER own_procedure_guard BEFORE INSERT OR UPDATE ON drydock.own_procedure FOR EACH ROW EXECUTE FUNCTION drydock.own_procedure_guard();
ALTER TABLE drydock.own_procedure ENABLE ALWAYS TRIGGER own_procedure_guard;
CREATE TRIGGER own_procedure_stays BEFORE DELETE ON drydock.own_procedure FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.own_procedure ENABLE ALWAYS TRIGGER own_procedure_stays;
CREATE TRIGGER own_procedure_no_truncate BEFORE TRUNCATE ON drydock.own_procedure FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.own_procedure ENABLE ALWAYS TRIGGER own_procedure_no_truncate;

COMMENT ON COLUMN drydock.check_item.key IS 'critical_queries, connections, reachable, errors, metrics, backups; and own_1 and on, asked by an own procedure.';
