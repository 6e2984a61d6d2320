-- What was measured on a database, to be compared with later: sizes of tables, sizes of indexes per row. A year of it is kept.

CREATE TABLE drydock.measurement (
    target_id uuid NOT NULL REFERENCES drydock.target (id),
    kind text NOT NULL CHECK (kind ~ '^[a-z][a-z_]{0,39}$'),
    object text NOT NULL CHECK (length(object) BETWEEN 1 AND 300),
    day date NOT NULL,
    measured_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    figures jsonb NOT NULL CHECK (jsonb_typeof(figures) = 'object'),
    PRIMARY KEY (target_id, kind, object, day)
);
COMMENT ON TABLE drydock.measurement IS 'Figures of one object on one day, to be compared with later.';
COMMENT ON COLUMN drydock.measurement.target_id IS 'On which database.';
COMMENT ON COLUMN drydock.measurement.kind IS 'What was measured: a word of the procedure library.';
COMMENT ON COLUMN drydock.measurement.object IS 'Of what, as people write its name.';
COMMENT ON COLUMN drydock.measurement.day IS 'On which day, in UTC: one look a day is kept, the newest.';
COMMENT ON COLUMN drydock.measurement.measured_at IS 'When exactly.';
COMMENT ON COLUMN drydock.measurement.figures IS 'Whole numbers by name; each name ends in its unit.';
CREATE INDEX measurement_day ON drydock.measurement (target_id, day);
