-- Other programs that are told what becomes of windows. What they are owed is written with the transition itself.

CREATE TABLE drydock.webhook (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    origin text NOT NULL CHECK (length(origin) BETWEEN 8 AND 300),
    url bytea NOT NULL,
    format text NOT NULL CHECK (format IN ('cloudevents', 'slack', 'teams', 'mattermost')),
    events text[] NOT NULL DEFAULT '{}',
    team_id uuid REFERENCES drydock.team (id),
    environment text CHECK (environment IN ('development', 'test', 'staging', 'production')),
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'deleted')),
    paused_reason text CHECK (length(paused_reason) BETWEEN 1 AND 2000),
    failing_since timestamptz,
    revision integer NOT NULL DEFAULT 1 CHECK (revision >= 1),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by uuid NOT NULL REFERENCES drydock.person (id),
    CONSTRAINT webhook_paused_why CHECK ((state = 'paused') = (paused_reason IS NOT NULL)),
    CONSTRAINT webhook_address_destroyed CHECK ((state = 'deleted') = (length(url) = 0))
);
COMMENT ON TABLE drydock.webhook IS 'A receiver of events.';
COMMENT ON COLUMN drydock.webhook.id IS 'Identity.';
COMMENT ON COLUMN drydock.webhook.name IS 'For people.';
COMMENT ON COLUMN drydock.webhook.origin IS 'Scheme, host and port: what of the address may be shown.';
COMMENT ON COLUMN drydock.webhook.url IS 'The whole address, sealed to the workers: at many receivers it is the password. It says inside which webhook it belongs to. Empty once deleted.';
COMMENT ON COLUMN drydock.webhook.format IS 'What it understands; chosen once.';
COMMENT ON COLUMN drydock.webhook.events IS 'Events it is called of; empty: every one.';
COMMENT ON COLUMN drydock.webhook.team_id IS 'Only windows of this team; null: all.';
COMMENT ON COLUMN drydock.webhook.environment IS 'Only windows on databases of this environment; null: all.';
COMMENT ON COLUMN drydock.webhook.state IS 'paused: nothing is sent and nothing new is kept for it; deleted: its log is all that is left.';
COMMENT ON COLUMN drydock.webhook.paused_reason IS 'Why it is paused, in words.';
COMMENT ON COLUMN drydock.webhook.failing_since IS 'First failure after the last success; null while it takes what it gets.';
COMMENT ON COLUMN drydock.webhook.revision IS 'Rises with every change of it by a person: an edit names the one it saw.';
COMMENT ON COLUMN drydock.webhook.created_at IS 'When.';
COMMENT ON COLUMN drydock.webhook.created_by IS 'By whom.';

CREATE TABLE drydock.webhook_secret (
    webhook_id uuid NOT NULL REFERENCES drydock.webhook (id),
    version integer NOT NULL CHECK (version >= 1),
    sealed bytea,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    made_by uuid NOT NULL REFERENCES drydock.person (id),
    ends_at timestamptz,
    PRIMARY KEY (webhook_id, version),
    CONSTRAINT webhook_secret_destroyed_when_over CHECK (sealed IS NOT NULL OR ends_at IS NOT NULL)
);
COMMENT ON TABLE drydock.webhook_secret IS 'What events are signed with. After a rotation two are valid for a day, so that the receiver can change over.';
COMMENT ON COLUMN drydock.webhook_secret.webhook_id IS 'Of which webhook.';
COMMENT ON COLUMN drydock.webhook_secret.version IS 'Counts up.';
COMMENT ON COLUMN drydock.webhook_secret.sealed IS 'The secret, sealed to the workers; null once it was destroyed.';
COMMENT ON COLUMN drydock.webhook_secret.made_at IS 'When.';
COMMENT ON COLUMN drydock.webhook_secret.made_by IS 'By whom; shown to them once.';
COMMENT ON COLUMN drydock.webhook_secret.ends_at IS 'It signs until then; null: it is the newest.';
CREATE UNIQUE INDEX webhook_secret_one_newest ON drydock.webhook_secret (webhook_id) WHERE ends_at IS NULL;

CREATE TABLE drydock.webhook_event (
    id uuid PRIMARY KEY,
    event text NOT NULL CHECK (event ~ '^[a-z_]+$'),
    window_id uuid REFERENCES drydock.window (id),
    happening jsonb NOT NULL,
    fact_id bigint NOT NULL,
    fact_at timestamptz NOT NULL,
    FOREIGN KEY (fact_id, fact_at) REFERENCES drydock.fact (id, at)
);
COMMENT ON TABLE drydock.webhook_event IS 'What happened, as it was in that moment: every try and every receiver is told the same.';
COMMENT ON COLUMN drydock.webhook_event.id IS 'Identity: what receivers know an event by.';
COMMENT ON COLUMN drydock.webhook_event.event IS 'Which event.';
COMMENT ON COLUMN drydock.webhook_event.window_id IS 'Of which window; null for a test.';
COMMENT ON COLUMN drydock.webhook_event.happening IS 'What is told.';
COMMENT ON COLUMN drydock.webhook_event.fact_id IS 'The fact of the transition.';
COMMENT ON COLUMN drydock.webhook_event.fact_at IS 'Its time, part of its key.';
CREATE INDEX webhook_event_window ON drydock.webhook_event (window_id) WHERE window_id IS NOT NULL;
CREATE TRIGGER webhook_event_append_only BEFORE UPDATE OR DELETE ON drydock.webhook_event FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.webhook_event ENABLE ALWAYS TRIGGER webhook_event_append_only;
CREATE TRIGGER webhook_event_no_truncate BEFORE TRUNCATE ON drydock.webhook_event FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.webhook_event ENABLE ALWAYS TRIGGER webhook_event_no_truncate;

CREATE TABLE drydock.webhook_delivery (
    id uuid PRIMARY KEY,
    webhook_id uuid NOT NULL REFERENCES drydock.webhook (id),
    event_id uuid NOT NULL REFERENCES drydock.webhook_event (id),
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sending', 'taken', 'parked')),
    attempts integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_error text,
    taken_at timestamptz,
    worker text,
    lease_until timestamptz,
    CONSTRAINT webhook_delivery_once UNIQUE (webhook_id, event_id),
    CONSTRAINT webhook_delivery_taken CHECK ((state = 'taken') = (taken_at IS NOT NULL))
);
COMMENT ON TABLE drydock.webhook_delivery IS 'One event on its way to one receiver.';
COMMENT ON COLUMN drydock.webhook_delivery.id IS 'Identity; ordered by time.';
COMMENT ON COLUMN drydock.webhook_delivery.webhook_id IS 'To which receiver.';
COMMENT ON COLUMN drydock.webhook_delivery.event_id IS 'Which event.';
COMMENT ON COLUMN drydock.webhook_delivery.state IS 'Where it is; parked: given up, until somebody sends it again.';
COMMENT ON COLUMN drydock.webhook_delivery.attempts IS 'Tries since it was owed, or last sent again.';
COMMENT ON COLUMN drydock.webhook_delivery.next_at IS 'Not before.';
COMMENT ON COLUMN drydock.webhook_delivery.last_error IS 'Why the last try failed, in words.';
COMMENT ON COLUMN drydock.webhook_delivery.taken_at IS 'When the receiver took it.';
COMMENT ON COLUMN drydock.webhook_delivery.worker IS 'Process that is sending it.';
COMMENT ON COLUMN drydock.webhook_delivery.lease_until IS 'Another may take it after this.';
CREATE INDEX webhook_delivery_due ON drydock.webhook_delivery (next_at) WHERE state IN ('waiting', 'sending');
CREATE INDEX webhook_delivery_log ON drydock.webhook_delivery (webhook_id, id DESC);

CREATE FUNCTION drydock.webhook_delivery_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (NEW.id, NEW.webhook_id, NEW.event_id) IS DISTINCT FROM (OLD.id, OLD.webhook_id, OLD.event_id) THEN
        RAISE EXCEPTION 'what was owed stays owed to the same receiver' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'webhook_delivery_fixed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER webhook_delivery_guard BEFORE UPDATE OR DELETE ON drydock.webhook_delivery FOR EACH ROW EXECUTE FUNCTION drydock.webhook_delivery_guard();
ALTER TABLE drydock.webhook_delivery ENABLE ALWAYS TRIGGER webhook_delivery_guard;
CREATE TRIGGER webhook_delivery_no_truncate BEFORE TRUNCATE ON drydock.webhook_delivery FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.webhook_delivery ENABLE ALWAYS TRIGGER webhook_delivery_no_truncate;

CREATE TABLE drydock.webhook_try (
    delivery_id uuid NOT NULL REFERENCES drydock.webhook_delivery (id),
    number integer NOT NULL CHECK (number >= 1),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    taken boolean NOT NULL,
    status integer CHECK (status BETWEEN 100 AND 999),
    took_ms bigint NOT NULL CHECK (took_ms >= 0),
    detail text NOT NULL CHECK (length(detail) <= 1000),
    excerpt text NOT NULL CHECK (length(excerpt) <= 4000),
    PRIMARY KEY (delivery_id, number)
);
COMMENT ON TABLE drydock.webhook_try IS 'One try to call a receiver.';
COMMENT ON COLUMN drydock.webhook_try.delivery_id IS 'Which delivery.';
COMMENT ON COLUMN drydock.webhook_try.number IS 'Counts tries.';
COMMENT ON COLUMN drydock.webhook_try.at IS 'When.';
COMMENT ON COLUMN drydock.webhook_try.taken IS 'Whether the receiver took it.';
COMMENT ON COLUMN drydock.webhook_try.status IS 'HTTP status of its answer; null when there was none.';
COMMENT ON COLUMN drydock.webhook_try.took_ms IS 'How long it took, in milliseconds.';
COMMENT ON COLUMN drydock.webhook_try.detail IS 'What came of it, in our words.';
COMMENT ON COLUMN drydock.webhook_try.excerpt IS 'The beginning of the answer, made harmless.';
CREATE TRIGGER webhook_try_append_only BEFORE UPDATE OR DELETE ON drydock.webhook_try FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.webhook_try ENABLE ALWAYS TRIGGER webhook_try_append_only;
CREATE TRIGGER webhook_try_no_truncate BEFORE TRUNCATE ON drydock.webhook_try FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.webhook_try ENABLE ALWAYS TRIGGER webhook_try_no_truncate;
