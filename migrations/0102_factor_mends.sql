-- Nobody agrees to a change of a policy whose votes rest, or whom its proposer changed: whoever sets passwords or takes factors away could
-- otherwise agree in somebody's name to what he proposed himself. Where the old policy wants a second factor, whoever agrees has one.
CREATE OR REPLACE FUNCTION drydock.policy_agreement_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM drydock.policy_change c JOIN drydock.person p ON p.id = NEW.person_id
                   WHERE c.id = NEW.change_id AND c.ended_at IS NULL AND NEW.person_id = ANY (c.asked) AND p.active) THEN
        RAISE EXCEPTION 'this person is not asked about this change' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'policy_agreement_by_asked';
    END IF;
    IF EXISTS (SELECT FROM drydock.person p WHERE p.id = NEW.person_id AND p.may_vote_from > clock_timestamp()) THEN
        RAISE EXCEPTION 'the votes of this person rest' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'policy_agreement_heard';
    END IF;
    IF EXISTS (SELECT FROM drydock.policy_change c JOIN drydock.identity_change i ON i.changed_by = c.proposed_by AND i.person_id = NEW.person_id
               WHERE c.id = NEW.change_id AND c.proposed_at < i.at + interval '24 hours') THEN
        RAISE EXCEPTION 'the proposer changed this person' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'policy_agreement_not_by_whom_the_proposer_changed';
    END IF;
    IF EXISTS (SELECT FROM drydock.policy_change c, jsonb_path_query(c.seats, '$.policies[*][*] ? (@.factor == true).by[*]') person
               WHERE c.id = NEW.change_id AND person #>> '{}' = NEW.person_id::text)
        AND NOT EXISTS (SELECT FROM drydock.factor f WHERE f.person_id = NEW.person_id AND f.confirmed_at IS NOT NULL) THEN
        RAISE EXCEPTION 'this person has no second factor' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'policy_agreement_with_factor';
    END IF;
    RETURN NEW;
END $$;

-- Whoever has a second factor is signed in with it or not at all, whenever a session becomes somebody's: made so, or handed from one to another.
CREATE OR REPLACE FUNCTION drydock.session_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.person_id IS NOT NULL AND NOT NEW.factor AND (TG_OP = 'INSERT' OR NEW.person_id IS DISTINCT FROM OLD.person_id)
        AND EXISTS (SELECT FROM drydock.factor f WHERE f.person_id = NEW.person_id AND f.confirmed_at IS NOT NULL) THEN
        RAISE EXCEPTION 'this person signs in with a second factor' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'session_with_factor';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER session_guard ON drydock.session;
CREATE TRIGGER session_guard BEFORE INSERT OR UPDATE ON drydock.session FOR EACH ROW EXECUTE FUNCTION drydock.session_guard();
ALTER TABLE drydock.session ENABLE ALWAYS TRIGGER session_guard;

-- Facts that hold an address are found by it: since there are second factors, half a sign-in and a wrong code, too.
DROP INDEX drydock.fact_address;
CREATE INDEX fact_address ON drydock.fact (drydock.fact_says(bytes, 'payload', 'address'), id DESC)
    WHERE action IN ('session.start', 'session.confirm', 'session.password', 'session.factor');
COMMENT ON INDEX drydock.fact_address IS 'Sign-ins from one address, whole and half: the only facts that hold one.';
