-- A freeze may cover what bears a tag: the databases of a product, of a release, of a provider, in whatever environment and of whatever team.

ALTER TABLE drydock.freeze
    ADD COLUMN tag text CHECK (tag ~ '^[a-z0-9-]{1,40}$'),
    DROP CONSTRAINT freeze_scope_check,
    ADD CONSTRAINT freeze_scope_check CHECK (scope IN ('everything', 'environment', 'tag', 'team', 'target')),
    DROP CONSTRAINT freeze_scope,
    ADD CONSTRAINT freeze_scope CHECK ((scope = 'environment') = (environment IS NOT NULL) AND (scope = 'team') = (team_id IS NOT NULL)
                                       AND (scope = 'target') = (target_id IS NOT NULL) AND (scope = 'tag') = (tag IS NOT NULL));
COMMENT ON COLUMN drydock.freeze.tag IS 'Every database that bears this tag at that time.';
COMMENT ON COLUMN drydock.freeze.scope IS 'What it covers; another column says which one.';
DROP INDEX drydock.freeze_source_once;
CREATE UNIQUE INDEX freeze_source_once ON drydock.freeze
    (source_uid, scope, coalesce(environment, tag, ''), coalesce(team_id, target_id, '00000000-0000-0000-0000-000000000000')) WHERE source_uid IS NOT NULL;

ALTER TABLE drydock.freeze_import
    ADD COLUMN tag text CHECK (tag ~ '^[a-z0-9-]{1,40}$'),
    DROP CONSTRAINT freeze_import_scope_check,
    ADD CONSTRAINT freeze_import_scope_check CHECK (scope IN ('everything', 'environment', 'tag', 'team', 'target')),
    DROP CONSTRAINT freeze_import_scope,
    ADD CONSTRAINT freeze_import_scope CHECK ((scope = 'environment') = (environment IS NOT NULL) AND (scope = 'team') = (team_id IS NOT NULL)
                                              AND (scope = 'target') = (target_id IS NOT NULL) AND (scope = 'tag') = (tag IS NOT NULL));
COMMENT ON COLUMN drydock.freeze_import.tag IS 'Every database that bears this tag.';
COMMENT ON COLUMN drydock.freeze_import.scope IS 'What its freezes would cover; another column says which one.';

CREATE OR REPLACE FUNCTION drydock.freeze_covers(f drydock.freeze, t drydock.target) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT f.scope = 'everything' OR coalesce(f.environment = t.environment OR f.tag = ANY (t.tags) OR f.team_id = t.team_id OR f.target_id = t.id, false)
$$;

-- Its tag stays with a freeze as its other columns do.
CREATE FUNCTION drydock.freeze_tag_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.tag IS DISTINCT FROM OLD.tag THEN
        RAISE EXCEPTION 'what a freeze covers never changes' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'freeze_fixed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER freeze_tag_guard BEFORE UPDATE ON drydock.freeze FOR EACH ROW EXECUTE FUNCTION drydock.freeze_tag_guard();
ALTER TABLE drydock.freeze ENABLE ALWAYS TRIGGER freeze_tag_guard;

-- No database leaves a freeze in force by losing its tag, nor by being registered anew without it.
CREATE FUNCTION drydock.target_tag_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- As when a freeze begins: what starts or is planned at this moment comes before or after this.
    PERFORM pg_advisory_xact_lock(482671424357);
    IF EXISTS (SELECT FROM drydock.freeze f WHERE f.lifted_at IS NULL AND f.start_at <= clock_timestamp() AND f.end_at > clock_timestamp()
               AND f.tag = ANY (OLD.tags) AND (f.tag <> ALL (NEW.tags) OR NEW.state IN ('retired', 'deleted'))) THEN
        RAISE EXCEPTION 'a freeze covers this tag' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'target_frozen';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER target_tag_guard BEFORE UPDATE OF tags, state ON drydock.target FOR EACH ROW
    WHEN (OLD.tags IS DISTINCT FROM NEW.tags OR (OLD.state <> NEW.state AND NEW.state = 'retired'))
    EXECUTE FUNCTION drydock.target_tag_guard();
ALTER TABLE drydock.target ENABLE ALWAYS TRIGGER target_tag_guard;
