-- Who else is told, and what somebody does not want by mail.

CREATE TABLE drydock.notice_off (
    person_id uuid NOT NULL REFERENCES drydock.person (id),
    topic text NOT NULL CHECK (topic IN ('asked', 'outcome', 'schedule', 'watching', 'trouble')),
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (person_id, topic)
);
COMMENT ON TABLE drydock.notice_off IS 'Kinds of messages a person does not get by mail; without a row they do. What protects somebody, or what only they can decide, has no topic and cannot stand here.';
COMMENT ON COLUMN drydock.notice_off.person_id IS 'Who.';
COMMENT ON COLUMN drydock.notice_off.topic IS 'What they do not get.';
COMMENT ON COLUMN drydock.notice_off.since IS 'Since when.';

CREATE TABLE drydock.watcher (
    window_id uuid NOT NULL REFERENCES drydock.window (id),
    person_id uuid NOT NULL REFERENCES drydock.person (id),
    added_by uuid NOT NULL REFERENCES drydock.person (id),
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (window_id, person_id)
);
COMMENT ON TABLE drydock.watcher IS 'Who wants to be told about a window. Watching gives no voice.';
COMMENT ON COLUMN drydock.watcher.window_id IS 'The window.';
COMMENT ON COLUMN drydock.watcher.person_id IS 'Who watches.';
COMMENT ON COLUMN drydock.watcher.added_by IS 'Who added them; themselves, mostly.';
COMMENT ON COLUMN drydock.watcher.since IS 'Since when.';
CREATE INDEX watcher_person ON drydock.watcher (person_id);

CREATE TABLE drydock.target_watcher (
    target_id uuid NOT NULL REFERENCES drydock.target (id),
    person_id uuid NOT NULL REFERENCES drydock.person (id),
    added_by uuid NOT NULL REFERENCES drydock.person (id),
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (target_id, person_id)
);
COMMENT ON TABLE drydock.target_watcher IS 'Who wants to be told about every window on a database. Watching gives no voice.';
COMMENT ON COLUMN drydock.target_watcher.target_id IS 'The database.';
COMMENT ON COLUMN drydock.target_watcher.person_id IS 'Who watches.';
COMMENT ON COLUMN drydock.target_watcher.added_by IS 'Who added them; themselves, mostly.';
COMMENT ON COLUMN drydock.target_watcher.since IS 'Since when.';
CREATE INDEX target_watcher_person ON drydock.target_watcher (person_id);

-- The list of people is read in this order, page by page.
CREATE INDEX person_by_name ON drydock.person (lower(name), id);
