-- A change of a policy takes the old policy's quorum, seat by seat; before, as many as its largest rule.

ALTER TABLE drydock.policy_change ADD COLUMN seats jsonb NOT NULL DEFAULT '{"policies": []}';
COMMENT ON COLUMN drydock.policy_change.seats IS 'The demands of each policy that ruled when it was proposed: how many people, out of whom.';
COMMENT ON COLUMN drydock.policy_change.needed IS 'How many have to agree at least: the seats of the old policy that asks for most; 0 where no database is concerned.';
COMMENT ON COLUMN drydock.policy_change.asked IS 'Who may agree: who of the old policy''s people has an account, and who may change policies where those do not suffice.';

-- Nobody writes a change that has ended already, and what it asks for stays.
CREATE FUNCTION drydock.policy_change_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND (NEW.adopted OR NEW.ended_at IS NOT NULL) THEN
        RAISE EXCEPTION 'a change is proposed before it is adopted' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'policy_change_begins';
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.seats IS DISTINCT FROM OLD.seats THEN
        RAISE EXCEPTION 'a proposed version is adopted or taken back, once, and stays as it was proposed' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'policy_change_fixed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER policy_change_begins BEFORE INSERT OR UPDATE ON drydock.policy_change FOR EACH ROW EXECUTE FUNCTION drydock.policy_change_begins();
ALTER TABLE drydock.policy_change ENABLE ALWAYS TRIGGER policy_change_begins;
