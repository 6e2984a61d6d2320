-- Messages on a page of their own, beside mail.

-- Who sees the work of a team: its members, stakeholders of its databases, and who has a right over the whole installation.
CREATE FUNCTION drydock.sees_team(person uuid, team uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM drydock.membership m WHERE m.person_id = $1 AND m.team_id = $2)
        OR EXISTS (SELECT FROM drydock.global_role g WHERE g.person_id = $1)
        OR EXISTS (SELECT FROM drydock.target_stakeholder s JOIN drydock.target t ON t.id = s.target_id WHERE s.person_id = $1 AND t.team_id = $2)
$$;

ALTER TABLE drydock.notice_off
    ADD COLUMN channel text NOT NULL DEFAULT 'mail' CHECK (channel IN ('mail', 'page')),
    DROP CONSTRAINT notice_off_pkey,
    ADD PRIMARY KEY (person_id, channel, topic);
COMMENT ON TABLE drydock.notice_off IS 'Kinds of messages a person does not get by a channel; without a row they do. What protects somebody, or what only they can decide, has no topic and cannot stand here.';
COMMENT ON COLUMN drydock.notice_off.channel IS 'By which way: mail, or the page of messages.';

CREATE TABLE drydock.message (
    id uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES drydock.person (id),
    kind text NOT NULL CHECK (kind ~ '^[a-z_]+$'),
    title text NOT NULL,
    window_id uuid REFERENCES drydock.window (id),
    series_id uuid REFERENCES drydock.series (id),
    freeze_id uuid REFERENCES drydock.freeze (id),
    target_id uuid REFERENCES drydock.target (id),
    webhook_id uuid REFERENCES drydock.webhook (id),
    fact_id bigint NOT NULL,
    fact_at timestamptz NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    read_at timestamptz,
    FOREIGN KEY (fact_id, fact_at) REFERENCES drydock.fact (id, at),
    CONSTRAINT message_about CHECK (num_nonnulls(window_id, series_id, freeze_id, target_id, webhook_id) <= 1)
);
COMMENT ON TABLE drydock.message IS 'A message as somebody who can sign in finds it on the page of messages.';
COMMENT ON COLUMN drydock.message.id IS 'Identity; in order of time.';
COMMENT ON COLUMN drydock.message.person_id IS 'To whom.';
COMMENT ON COLUMN drydock.message.kind IS 'Which message: the words of the outbox.';
COMMENT ON COLUMN drydock.message.title IS 'What it is about was called so at that time.';
COMMENT ON COLUMN drydock.message.window_id IS 'The window it is about, if about one.';
COMMENT ON COLUMN drydock.message.series_id IS 'The series it is about, if about one.';
COMMENT ON COLUMN drydock.message.freeze_id IS 'The freeze it is about, if about one.';
COMMENT ON COLUMN drydock.message.target_id IS 'The database it is about, if about one.';
COMMENT ON COLUMN drydock.message.webhook_id IS 'The webhook it is about, if about one.';
COMMENT ON COLUMN drydock.message.fact_id IS 'The decision that owes it.';
COMMENT ON COLUMN drydock.message.fact_at IS 'Its time, part of its key.';
COMMENT ON COLUMN drydock.message.at IS 'When it was written.';
COMMENT ON COLUMN drydock.message.read_at IS 'When its person saw it, or what it is about; null until then.';
CREATE INDEX message_person ON drydock.message (person_id, id DESC);
-- Read messages stay, unread ones are few: their count on every page never looks at the others.
CREATE INDEX message_unread ON drydock.message (person_id, window_id) WHERE read_at IS NULL;
