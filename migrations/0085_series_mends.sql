-- Series: what was in the way of dates that no longer are says nothing, whoever answers for one wrote it, and no rule counts from antiquity.

ALTER TABLE drydock.series ADD COLUMN edited_at timestamptz NOT NULL DEFAULT clock_timestamp();
COMMENT ON COLUMN drydock.series.edited_at IS 'When it was last saved: dates before this were none of its own, so none of them passed without a window.';

-- Checked at commit: the series and its author are written one after the other.
ALTER TABLE drydock.series ADD CONSTRAINT series_author_wrote
    FOREIGN KEY (id, author_id) REFERENCES drydock.series_author (series_id, person_id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE drydock.series ADD CONSTRAINT series_first_year CHECK (starts_at >= '2000-01-01');

-- A date of a series that was changed or ended before this: nobody is to wait for it.
DELETE FROM drydock.series_stuck k USING drydock.series s WHERE s.id = k.series_id AND k.code <> 'passed' AND s.ended_at IS NOT NULL;
COMMENT ON COLUMN drydock.series_stuck.code IS 'Stable word: date, no_policy, failed, passed …';

-- Nothing asks by them: lists go by team, and a date is found by its series.
DROP INDEX drydock.series_by_target;
DROP INDEX drydock.series_stuck_by_start;
