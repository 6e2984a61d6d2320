-- Freezes from calendar files: where one came from, and what somebody looks at before it becomes freezes.

ALTER TABLE drydock.freeze ADD COLUMN source_uid text CHECK (length(source_uid) BETWEEN 1 AND 255);
COMMENT ON COLUMN drydock.freeze.source_uid IS 'Identity (UID) of the calendar event it was made from; null for those made by hand. Never changes.';
-- The same file twice adds nothing twice: not even when its freeze was lifted since.
CREATE UNIQUE INDEX freeze_source_once ON drydock.freeze (source_uid, scope, coalesce(environment, ''), coalesce(team_id, target_id, '00000000-0000-0000-0000-000000000000'))
    WHERE source_uid IS NOT NULL;

CREATE FUNCTION drydock.freeze_source_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.source_uid IS DISTINCT FROM OLD.source_uid THEN
        RAISE EXCEPTION 'where a freeze came from never changes' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'freeze_fixed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER freeze_source_guard BEFORE UPDATE ON drydock.freeze FOR EACH ROW EXECUTE FUNCTION drydock.freeze_source_guard();
ALTER TABLE drydock.freeze ENABLE ALWAYS TRIGGER freeze_source_guard;

CREATE TABLE drydock.freeze_import (
    id uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES drydock.person (id),
    scope text NOT NULL CHECK (scope IN ('everything', 'environment', 'team', 'target')),
    environment text CHECK (environment IN ('development', 'test', 'staging', 'production')),
    team_id uuid REFERENCES drydock.team (id),
    target_id uuid REFERENCES drydock.target (id),
    zone text NOT NULL CHECK (length(zone) BETWEEN 1 AND 64),
    ics text NOT NULL CHECK (octet_length(ics) BETWEEN 1 AND 200000),
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT freeze_import_one_a_person UNIQUE (person_id),
    CONSTRAINT freeze_import_scope CHECK ((scope = 'environment') = (environment IS NOT NULL) AND (scope = 'team') = (team_id IS NOT NULL)
                                          AND (scope = 'target') = (target_id IS NOT NULL))
);
COMMENT ON TABLE drydock.freeze_import IS 'A calendar file that somebody looks at before it becomes freezes; one a person, gone when it was imported or replaced.';
COMMENT ON COLUMN drydock.freeze_import.id IS 'Identity.';
COMMENT ON COLUMN drydock.freeze_import.person_id IS 'Who looks at it; nobody else sees it.';
COMMENT ON COLUMN drydock.freeze_import.scope IS 'What its freezes would cover; the next three columns say which one.';
COMMENT ON COLUMN drydock.freeze_import.environment IS 'Every database of this environment.';
COMMENT ON COLUMN drydock.freeze_import.team_id IS 'Every database of this team.';
COMMENT ON COLUMN drydock.freeze_import.target_id IS 'This database.';
COMMENT ON COLUMN drydock.freeze_import.zone IS 'IANA zone in which whole days, and times without a zone, are taken.';
COMMENT ON COLUMN drydock.freeze_import.ics IS 'The file as it came.';
COMMENT ON COLUMN drydock.freeze_import.made_at IS 'When.';
