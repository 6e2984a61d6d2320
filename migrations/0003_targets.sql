-- Targets: registered databases, their sealed credentials, what workers found out about them.

CREATE TABLE drydock.target (
    id uuid PRIMARY KEY,
    team_id uuid NOT NULL REFERENCES drydock.team (id),
    short_name text NOT NULL CHECK (short_name ~ '^[a-z][a-z0-9-]{1,30}$'),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    dbms text NOT NULL CHECK (dbms IN ('postgresql', 'mariadb')),
    host text NOT NULL CHECK (length(host) BETWEEN 1 AND 253),
    port integer NOT NULL CHECK (port BETWEEN 1 AND 65535),
    database text NOT NULL CHECK (length(database) BETWEEN 1 AND 63),
    username text NOT NULL CHECK (length(username) BETWEEN 1 AND 63),
    tls text NOT NULL CHECK (tls IN ('verify_full', 'none')),
    tls_acknowledged_reason text,
    superuser_acknowledged_reason text,
    ca_pem text,
    environment text NOT NULL CHECK (environment IN ('development', 'test', 'staging', 'production')),
    zone text NOT NULL,
    on_call text NOT NULL CHECK (length(on_call) BETWEEN 1 AND 200),
    state text NOT NULL DEFAULT 'unverified' CHECK (state IN ('unverified', 'ready', 'retired')),
    identity jsonb,
    report jsonb,
    verified_at timestamptz,
    revision integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by uuid NOT NULL REFERENCES drydock.person (id),
    CONSTRAINT target_short_name_once UNIQUE (short_name),
    CONSTRAINT target_team UNIQUE (id, team_id)
);
COMMENT ON TABLE drydock.target IS 'A registered database.';
COMMENT ON COLUMN drydock.target.id IS 'Identity issued here; fingerprints of the server are evidence, not identity.';
COMMENT ON COLUMN drydock.target.team_id IS 'Owner team.';
COMMENT ON COLUMN drydock.target.short_name IS 'What people type to confirm; unique.';
COMMENT ON COLUMN drydock.target.name IS 'As people call it.';
COMMENT ON COLUMN drydock.target.dbms IS 'Kind of server.';
COMMENT ON COLUMN drydock.target.host IS 'Host name, address, or socket folder.';
COMMENT ON COLUMN drydock.target.port IS 'TCP port.';
COMMENT ON COLUMN drydock.target.database IS 'Database on that server.';
COMMENT ON COLUMN drydock.target.username IS 'Role used for maintenance.';
COMMENT ON COLUMN drydock.target.tls IS 'none only for loopback and sockets, or acknowledged.';
COMMENT ON COLUMN drydock.target.tls_acknowledged_reason IS 'Why an unencrypted connection was accepted; null when none was needed.';
COMMENT ON COLUMN drydock.target.superuser_acknowledged_reason IS 'Why a superuser''s role was accepted outside production; null when none was.';
COMMENT ON COLUMN drydock.target.ca_pem IS 'Own certificate authority; null for the system''''s.';
COMMENT ON COLUMN drydock.target.environment IS 'Chooses the policy.';
COMMENT ON COLUMN drydock.target.zone IS 'IANA zone its windows are planned in.';
COMMENT ON COLUMN drydock.target.on_call IS 'Whom to call at three in the morning.';
COMMENT ON COLUMN drydock.target.state IS 'ready after a passed connection test.';
COMMENT ON COLUMN drydock.target.identity IS 'Stable identity evidence of the last passed test; null before.';
COMMENT ON COLUMN drydock.target.report IS 'Whole answer of the last passed connection test.';
COMMENT ON COLUMN drydock.target.verified_at IS 'When that was.';
COMMENT ON COLUMN drydock.target.revision IS 'Rises with every edit: guards against lost updates.';
COMMENT ON COLUMN drydock.target.created_at IS 'When registered.';
COMMENT ON COLUMN drydock.target.created_by IS 'By whom.';
-- One physical database is one target: equal evidence is refused, not doubled.
CREATE UNIQUE INDEX target_identity_once ON drydock.target ((identity ->> 'system_identifier'), (identity ->> 'database_oid')) WHERE identity IS NOT NULL AND state <> 'retired';
CREATE INDEX target_owner ON drydock.target (team_id);

CREATE TABLE drydock.target_stakeholder (
    target_id uuid NOT NULL REFERENCES drydock.target (id),
    person_id uuid NOT NULL REFERENCES drydock.person (id),
    PRIMARY KEY (target_id, person_id)
);
COMMENT ON TABLE drydock.target_stakeholder IS 'Who must be told and may be asked about a database.';
COMMENT ON COLUMN drydock.target_stakeholder.target_id IS 'The database.';
COMMENT ON COLUMN drydock.target_stakeholder.person_id IS 'The stakeholder, with or without account.';
CREATE INDEX target_stakeholder_person ON drydock.target_stakeholder (person_id);

CREATE TABLE drydock.worker_key (
    id uuid PRIMARY KEY,
    public_key bytea NOT NULL CHECK (length(public_key) = 32),
    label text NOT NULL CHECK (length(label) BETWEEN 1 AND 120),
    admitted_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT worker_key_once UNIQUE (public_key)
);
COMMENT ON TABLE drydock.worker_key IS 'Public keys of workers: secrets are sealed to each admitted one.';
COMMENT ON COLUMN drydock.worker_key.id IS 'Identity of the key.';
COMMENT ON COLUMN drydock.worker_key.public_key IS 'X25519 public key.';
COMMENT ON COLUMN drydock.worker_key.label IS 'Host and folder the key lives on.';
COMMENT ON COLUMN drydock.worker_key.admitted_at IS 'Since when secrets are sealed to it; null while it waits for an administrator.';
COMMENT ON COLUMN drydock.worker_key.created_at IS 'When it announced itself.';
COMMENT ON COLUMN drydock.worker_key.seen_at IS 'When a worker with this key last looked for questions: tells waiting pages whether anybody is there.';

-- Only the first key admits itself; every later one waits for an administrator.
CREATE FUNCTION drydock.worker_key_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.admitted_at IS NOT NULL AND EXISTS (SELECT FROM drydock.worker_key) THEN
        RAISE EXCEPTION 'a later worker key waits for an administrator' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'worker_key_admission';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER worker_key_guard BEFORE INSERT ON drydock.worker_key FOR EACH ROW EXECUTE FUNCTION drydock.worker_key_guard();
ALTER TABLE drydock.worker_key ENABLE ALWAYS TRIGGER worker_key_guard;

CREATE TABLE drydock.sealed_secret (
    id uuid PRIMARY KEY,
    target_id uuid NOT NULL REFERENCES drydock.target (id),
    field text NOT NULL CHECK (field IN ('password')),
    version integer NOT NULL CHECK (version >= 1),
    envelope bytea NOT NULL CHECK (get_byte(envelope, 0) = 1 AND length(envelope) BETWEEN 42 AND 8192),
    set_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    set_by uuid NOT NULL REFERENCES drydock.person (id),
    CONSTRAINT sealed_secret_version_once UNIQUE (target_id, field, version)
);
COMMENT ON TABLE drydock.sealed_secret IS 'A credential that only workers can open.';
COMMENT ON COLUMN drydock.sealed_secret.id IS 'Identity, part of the bound data.';
COMMENT ON COLUMN drydock.sealed_secret.target_id IS 'Database it opens.';
COMMENT ON COLUMN drydock.sealed_secret.field IS 'Which credential.';
COMMENT ON COLUMN drydock.sealed_secret.version IS 'Rises with every replacement.';
COMMENT ON COLUMN drydock.sealed_secret.envelope IS 'Format 1: XChaCha20-Poly1305, bound to target, field, version and address.';
COMMENT ON COLUMN drydock.sealed_secret.set_at IS 'When set: shown instead of the secret.';
COMMENT ON COLUMN drydock.sealed_secret.set_by IS 'By whom.';

CREATE TABLE drydock.sealed_key (
    secret_id uuid NOT NULL REFERENCES drydock.sealed_secret (id) ON DELETE CASCADE,
    worker_key_id uuid NOT NULL REFERENCES drydock.worker_key (id),
    sealed bytea NOT NULL CHECK (length(sealed) = 80),
    PRIMARY KEY (secret_id, worker_key_id)
);
COMMENT ON TABLE drydock.sealed_key IS 'The data key of a secret, sealed to one worker key.';
COMMENT ON COLUMN drydock.sealed_key.secret_id IS 'The secret.';
COMMENT ON COLUMN drydock.sealed_key.worker_key_id IS 'Who can open it.';
COMMENT ON COLUMN drydock.sealed_key.sealed IS 'crypto_box seal of 32 bytes.';

CREATE TABLE drydock.critical_query (
    id uuid PRIMARY KEY,
    target_id uuid NOT NULL REFERENCES drydock.target (id),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    sql_text text NOT NULL CHECK (length(sql_text) BETWEEN 1 AND 20000),
    limit_ms integer NOT NULL CHECK (limit_ms BETWEEN 1 AND 600000),
    active boolean NOT NULL DEFAULT true,
    created_by uuid NOT NULL REFERENCES drydock.person (id),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE drydock.critical_query IS 'A query whose speed matters; timed before and after a window.';
COMMENT ON COLUMN drydock.critical_query.id IS 'Identity.';
COMMENT ON COLUMN drydock.critical_query.target_id IS 'On which database.';
COMMENT ON COLUMN drydock.critical_query.name IS 'As people call it.';
COMMENT ON COLUMN drydock.critical_query.sql_text IS 'One SELECT.';
COMMENT ON COLUMN drydock.critical_query.limit_ms IS 'Expected time at most.';
COMMENT ON COLUMN drydock.critical_query.active IS 'False once retired.';
COMMENT ON COLUMN drydock.critical_query.created_by IS 'Who registered it.';
COMMENT ON COLUMN drydock.critical_query.created_at IS 'When.';
CREATE UNIQUE INDEX critical_query_name_once ON drydock.critical_query (target_id, name) WHERE active;

CREATE TABLE drydock.backup_record (
    id uuid PRIMARY KEY,
    target_id uuid NOT NULL REFERENCES drydock.target (id),
    taken_at timestamptz NOT NULL,
    location text NOT NULL CHECK (length(location) BETWEEN 1 AND 500),
    verified_how text NOT NULL CHECK (length(verified_how) BETWEEN 1 AND 2000),
    recorded_by uuid NOT NULL REFERENCES drydock.person (id),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT backup_record_past CHECK (taken_at <= recorded_at + interval '5 minutes')
);
COMMENT ON TABLE drydock.backup_record IS 'An outside backup that an engineer vouches for.';
COMMENT ON COLUMN drydock.backup_record.id IS 'Identity.';
COMMENT ON COLUMN drydock.backup_record.target_id IS 'Of which database.';
COMMENT ON COLUMN drydock.backup_record.taken_at IS 'When the backup ended.';
COMMENT ON COLUMN drydock.backup_record.location IS 'Where it lies.';
COMMENT ON COLUMN drydock.backup_record.verified_how IS 'How somebody made sure that it restores.';
COMMENT ON COLUMN drydock.backup_record.recorded_by IS 'Who vouches.';
COMMENT ON COLUMN drydock.backup_record.recorded_at IS 'When it was recorded.';
CREATE INDEX backup_record_newest ON drydock.backup_record (target_id, taken_at DESC);

CREATE TABLE drydock.examination (
    id uuid PRIMARY KEY,
    target_id uuid NOT NULL REFERENCES drydock.target (id),
    window_id uuid,
    kind text NOT NULL CHECK (kind IN ('connection_test', 'preview', 'probe')),
    question jsonb NOT NULL DEFAULT '{}',
    state text NOT NULL DEFAULT 'asked' CHECK (state IN ('asked', 'working', 'answered', 'failed')),
    answer jsonb,
    failure text,
    asked_by uuid REFERENCES drydock.person (id),
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    worker text,
    lease_until timestamptz,
    answered_at timestamptz
);
COMMENT ON TABLE drydock.examination IS 'A question the web asks and a worker answers: only workers reach targets.';
COMMENT ON COLUMN drydock.examination.id IS 'Identity.';
COMMENT ON COLUMN drydock.examination.target_id IS 'About which database.';
COMMENT ON COLUMN drydock.examination.window_id IS 'For which window, where it is about one.';
COMMENT ON COLUMN drydock.examination.kind IS 'What is asked.';
COMMENT ON COLUMN drydock.examination.question IS 'Parameters of the question.';
COMMENT ON COLUMN drydock.examination.state IS 'How far it is.';
COMMENT ON COLUMN drydock.examination.answer IS 'What the worker found; null until then.';
COMMENT ON COLUMN drydock.examination.failure IS 'Why there is no answer, as a sentence that says what to do.';
COMMENT ON COLUMN drydock.examination.asked_by IS 'Who asked; null for the product itself.';
COMMENT ON COLUMN drydock.examination.asked_at IS 'When.';
COMMENT ON COLUMN drydock.examination.worker IS 'Process that took it.';
COMMENT ON COLUMN drydock.examination.lease_until IS 'Another worker may take it after this.';
COMMENT ON COLUMN drydock.examination.answered_at IS 'When the answer came.';
CREATE INDEX examination_open ON drydock.examination (asked_at) WHERE state IN ('asked', 'working');
CREATE INDEX examination_target ON drydock.examination (target_id, kind, asked_at DESC);
