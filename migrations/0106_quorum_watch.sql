-- Which plans that wait cannot be approved in time any more: what their owners were told, until it is otherwise.

CREATE TABLE drydock.quorum_short (
    window_id uuid PRIMARY KEY,
    revision integer NOT NULL,
    said jsonb NOT NULL CHECK (jsonb_typeof(said) = 'array' AND jsonb_array_length(said) BETWEEN 1 AND 20),
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    FOREIGN KEY (window_id, revision) REFERENCES drydock.revision (window_id, number)
);
COMMENT ON TABLE drydock.quorum_short IS 'A proposal that today''s people cannot approve in time: one row while it is so, so that its owner is told once.';
COMMENT ON COLUMN drydock.quorum_short.window_id IS 'Which window.';
COMMENT ON COLUMN drydock.quorum_short.revision IS 'Of which revision: another one is told anew.';
COMMENT ON COLUMN drydock.quorum_short.said IS 'What is missing, a sentence for each rule.';
COMMENT ON COLUMN drydock.quorum_short.since IS 'Since when.';
