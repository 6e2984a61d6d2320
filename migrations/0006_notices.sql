-- Notices: what somebody must be told lies here until it is delivered.

CREATE TABLE drydock.outbox (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind ~ '^[a-z_]+$'),
    person_id uuid NOT NULL REFERENCES drydock.person (id),
    window_id uuid REFERENCES drydock.window (id),
    digest bytea,
    payload jsonb NOT NULL DEFAULT '{}',
    link_id uuid REFERENCES drydock.link (id),
    link_secret bytea,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sending', 'sent', 'parked', 'superseded')),
    attempts integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_error text,
    message_id text NOT NULL,
    fact_id bigint NOT NULL,
    fact_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at timestamptz,
    worker text,
    lease_until timestamptz,
    FOREIGN KEY (fact_id, fact_at) REFERENCES drydock.fact (id, at),
    CONSTRAINT outbox_sent CHECK ((state = 'sent') = (sent_at IS NOT NULL)),
    CONSTRAINT outbox_secret_erased CHECK (state NOT IN ('sent', 'superseded') OR link_secret IS NULL)
);
COMMENT ON TABLE drydock.outbox IS 'One message to one person.';
COMMENT ON COLUMN drydock.outbox.id IS 'Identity.';
COMMENT ON COLUMN drydock.outbox.kind IS 'Which message: approval_needed, approved, started, all_clear …';
COMMENT ON COLUMN drydock.outbox.person_id IS 'To whom.';
COMMENT ON COLUMN drydock.outbox.window_id IS 'About which window; null for invitations and resets.';
COMMENT ON COLUMN drydock.outbox.digest IS 'About which plan.';
COMMENT ON COLUMN drydock.outbox.payload IS 'What the message says beyond window and person; no secret.';
COMMENT ON COLUMN drydock.outbox.link_id IS 'The link it carries.';
COMMENT ON COLUMN drydock.outbox.link_secret IS 'The link''''s secret sealed to the notifier; erased once delivery is certain.';
COMMENT ON COLUMN drydock.outbox.state IS 'Where it is.';
COMMENT ON COLUMN drydock.outbox.attempts IS 'Tries so far.';
COMMENT ON COLUMN drydock.outbox.next_at IS 'Not before.';
COMMENT ON COLUMN drydock.outbox.last_error IS 'Why the last try failed, in words.';
COMMENT ON COLUMN drydock.outbox.message_id IS 'Stable Message-ID: a doubtful second sending carries the same.';
COMMENT ON COLUMN drydock.outbox.fact_id IS 'The decision that owes it.';
COMMENT ON COLUMN drydock.outbox.fact_at IS 'Its time, part of its key.';
COMMENT ON COLUMN drydock.outbox.created_at IS 'When it was owed.';
COMMENT ON COLUMN drydock.outbox.sent_at IS 'When it was accepted by the mail server.';
COMMENT ON COLUMN drydock.outbox.worker IS 'Process that is sending it.';
COMMENT ON COLUMN drydock.outbox.lease_until IS 'Another may take it after this.';
CREATE INDEX outbox_due ON drydock.outbox (next_at) WHERE state IN ('waiting', 'sending');
-- Delivered messages stay for ever, those that are not are few: their list and count never look at the others.
CREATE INDEX outbox_open ON drydock.outbox (id) WHERE state IN ('waiting', 'sending', 'parked');
CREATE INDEX outbox_window ON drydock.outbox (window_id, created_at);

CREATE FUNCTION drydock.outbox_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state NOT IN ('sent', 'superseded') THEN
        RAISE EXCEPTION 'a message that was not delivered is never removed' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'outbox_unsent_stays';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER outbox_guard BEFORE DELETE ON drydock.outbox FOR EACH ROW EXECUTE FUNCTION drydock.outbox_guard();
ALTER TABLE drydock.outbox ENABLE ALWAYS TRIGGER outbox_guard;
CREATE TRIGGER outbox_no_truncate BEFORE TRUNCATE ON drydock.outbox FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.outbox ENABLE ALWAYS TRIGGER outbox_no_truncate;

CREATE TABLE drydock.delivery (
    outbox_id uuid NOT NULL REFERENCES drydock.outbox (id) ON DELETE CASCADE,
    number integer NOT NULL CHECK (number >= 1),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    result text NOT NULL CHECK (result IN ('accepted', 'deferred', 'refused', 'doubtful')),
    detail text NOT NULL CHECK (length(detail) <= 2000),
    PRIMARY KEY (outbox_id, number)
);
COMMENT ON TABLE drydock.delivery IS 'One try to deliver a message.';
COMMENT ON COLUMN drydock.delivery.outbox_id IS 'Which message.';
COMMENT ON COLUMN drydock.delivery.number IS 'Counts tries.';
COMMENT ON COLUMN drydock.delivery.at IS 'When.';
COMMENT ON COLUMN drydock.delivery.result IS 'What the mail server said.';
COMMENT ON COLUMN drydock.delivery.detail IS 'In its words, made harmless.';

CREATE TABLE drydock.mailbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    outbox_id uuid NOT NULL,
    recipient text NOT NULL,
    subject text NOT NULL,
    text_body text NOT NULL,
    html_body text NOT NULL,
    calendar text,
    raw bytea NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE drydock.mailbox IS 'Mails a demo shows instead of sending.';
COMMENT ON COLUMN drydock.mailbox.id IS 'Order of arrival.';
COMMENT ON COLUMN drydock.mailbox.outbox_id IS 'The message.';
COMMENT ON COLUMN drydock.mailbox.recipient IS 'Address.';
COMMENT ON COLUMN drydock.mailbox.subject IS 'Subject line.';
COMMENT ON COLUMN drydock.mailbox.text_body IS 'Plain part.';
COMMENT ON COLUMN drydock.mailbox.html_body IS 'HTML part.';
COMMENT ON COLUMN drydock.mailbox.calendar IS 'ICS part.';
COMMENT ON COLUMN drydock.mailbox.raw IS 'The mail as it would go over the wire.';
COMMENT ON COLUMN drydock.mailbox.at IS 'When.';
CREATE INDEX mailbox_recipient ON drydock.mailbox (recipient, id DESC);
