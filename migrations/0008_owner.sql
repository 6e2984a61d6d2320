-- Who answers for a window: its proposer, until somebody else takes it over. Owning is a duty, not authorship: an owner who writes nothing may vote.

ALTER TABLE drydock.window ADD COLUMN owner_id uuid REFERENCES drydock.person (id);
COMMENT ON COLUMN drydock.window.owner_id IS 'Who answers for it: is told of everything, and is asked when it is sent back or held.';
UPDATE drydock.window SET owner_id = created_by;
CREATE INDEX window_owner ON drydock.window (owner_id, number DESC);
CREATE INDEX contributor_person ON drydock.contributor (person_id, window_id);
CREATE INDEX vote_person ON drydock.vote (person_id, window_id) WHERE withdrawn_at IS NULL;

CREATE FUNCTION drydock.window_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.owner_id := coalesce(NEW.owner_id, NEW.created_by);
        RETURN NEW;
    END IF;
    IF NEW.owner_id IS DISTINCT FROM OLD.owner_id AND NOT EXISTS (
        SELECT FROM drydock.membership m JOIN drydock.person p ON p.id = m.person_id
        WHERE m.team_id = NEW.team_id AND m.person_id = NEW.owner_id AND p.active AND (m.role IN ('lead', 'engineer') OR m.deputy)) THEN
        RAISE EXCEPTION 'a window is owned by an active lead, deputy or engineer of its team' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'window_owner_may_propose';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER window_owner BEFORE INSERT OR UPDATE ON drydock.window FOR EACH ROW EXECUTE FUNCTION drydock.window_owner();
ALTER TABLE drydock.window ENABLE ALWAYS TRIGGER window_owner;
