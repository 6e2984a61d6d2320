-- The hours in which a database may be maintained, as its owner team says.

ALTER TABLE drydock.target ADD COLUMN allowed_hours text NOT NULL DEFAULT '' CHECK (length(allowed_hours) <= 2000);
COMMENT ON COLUMN drydock.target.allowed_hours IS 'When it may be maintained, by its zone''s clock: “Mon-Fri 22:00-06:00; Sat,Sun 00:00-24:00”; empty is always.';
