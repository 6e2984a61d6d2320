-- What a reading says besides the load: how far the transaction ids of a database have come.

ALTER TABLE drydock.load_reading
    ADD COLUMN wraparound_per_mille integer CHECK (wraparound_per_mille BETWEEN 0 AND 1000),
    ADD COLUMN freeze_behind boolean,
    ADD CONSTRAINT load_reading_ages CHECK ((wraparound_per_mille IS NULL) = (freeze_behind IS NULL));
COMMENT ON COLUMN drydock.load_reading.wraparound_per_mille IS 'How far the oldest transaction id, or multixact, is on its way to wraparound.';
COMMENT ON COLUMN drydock.load_reading.freeze_behind IS 'The server''s own freezing does not keep up with its settings.';
