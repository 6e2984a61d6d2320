-- How busy databases are: their own count of transactions, read every ten minutes, summed up by hour and kept for five weeks.

CREATE TABLE drydock.load_reading (
    target_id uuid PRIMARY KEY REFERENCES drydock.target (id),
    due_at timestamptz NOT NULL,
    read_at timestamptz,
    transactions bigint CHECK (transactions >= 0),
    since text CHECK (length(since) <= 100),
    CONSTRAINT load_reading_whole CHECK ((read_at IS NULL) = (transactions IS NULL) AND (read_at IS NULL) = (since IS NULL))
);
COMMENT ON TABLE drydock.load_reading IS 'The newest reading of each database, and when the next one is due.';
COMMENT ON COLUMN drydock.load_reading.target_id IS 'Of which database.';
COMMENT ON COLUMN drydock.load_reading.due_at IS 'When a worker looks again.';
COMMENT ON COLUMN drydock.load_reading.read_at IS 'When it was read; null before the first reading.';
COMMENT ON COLUMN drydock.load_reading.transactions IS 'Transactions since the server began to count.';
COMMENT ON COLUMN drydock.load_reading.since IS 'When the server began to count, as it says it.';
CREATE INDEX load_reading_due ON drydock.load_reading (due_at);

CREATE TABLE drydock.load_hour (
    target_id uuid NOT NULL REFERENCES drydock.target (id),
    hour timestamptz NOT NULL,
    transactions bigint NOT NULL CHECK (transactions >= 0),
    seconds integer NOT NULL CHECK (seconds > 0),
    PRIMARY KEY (target_id, hour),
    CONSTRAINT load_hour_begins CHECK (date_trunc('hour', hour AT TIME ZONE 'UTC') = hour AT TIME ZONE 'UTC')
);
COMMENT ON TABLE drydock.load_hour IS 'What was measured in an hour.';
COMMENT ON COLUMN drydock.load_hour.target_id IS 'On which database.';
COMMENT ON COLUMN drydock.load_hour.hour IS 'Begin of the hour, in UTC.';
COMMENT ON COLUMN drydock.load_hour.transactions IS 'Transactions between two readings, the second of them in this hour.';
COMMENT ON COLUMN drydock.load_hour.seconds IS 'Seconds between those readings.';
