-- A policy changes only with what the old one asked for: other people agree to a proposed version before it counts. And what a policy may say
-- besides its rules: which databases it rules by their tags, who is asked when nobody decides in time, and how often people are reminded.

ALTER TABLE drydock.target ADD COLUMN tags text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN drydock.target.tags IS 'Words by which policies choose; given by whoever may change policies.';
ALTER TABLE drydock.target ADD CONSTRAINT target_tags_few CHECK (cardinality(tags) <= 20);

CREATE TABLE drydock.policy_change (
    id uuid PRIMARY KEY,
    policy_id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    base_version integer NOT NULL CHECK (base_version >= 0),
    bytes bytea NOT NULL CHECK (length(bytes) <= 1048576),
    digest bytea NOT NULL,
    proposed_by uuid NOT NULL REFERENCES drydock.person (id),
    proposed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    needed integer NOT NULL CHECK (needed >= 0),
    asked uuid[] NOT NULL,
    ended_at timestamptz,
    ended_by uuid REFERENCES drydock.person (id),
    adopted boolean NOT NULL DEFAULT false,
    CONSTRAINT policy_change_digest_matches CHECK (digest = sha256('policy'::bytea || '\x00'::bytea || bytes)),
    CONSTRAINT policy_change_never_alone CHECK (NOT proposed_by = ANY (asked) AND needed <= cardinality(asked)),
    CONSTRAINT policy_change_end CHECK ((ended_at IS NULL) = (ended_by IS NULL) AND (NOT adopted OR ended_at IS NOT NULL))
);
COMMENT ON TABLE drydock.policy_change IS 'A version of a policy that somebody proposed.';
COMMENT ON COLUMN drydock.policy_change.id IS 'Identity.';
COMMENT ON COLUMN drydock.policy_change.policy_id IS 'Of which policy; a new one has its row only once it is adopted.';
COMMENT ON COLUMN drydock.policy_change.name IS 'As people call it.';
COMMENT ON COLUMN drydock.policy_change.base_version IS 'The version it would follow; 0 for a new policy.';
COMMENT ON COLUMN drydock.policy_change.bytes IS 'Canonical JSON of the proposed rules.';
COMMENT ON COLUMN drydock.policy_change.digest IS 'SHA-256(purpose ‖ 0 ‖ bytes): what is agreed to.';
COMMENT ON COLUMN drydock.policy_change.proposed_by IS 'Who proposed it, and so never agrees.';
COMMENT ON COLUMN drydock.policy_change.proposed_at IS 'When.';
COMMENT ON COLUMN drydock.policy_change.needed IS 'How many have to agree: what the largest rule of the old policy asks for; 0 where no database is concerned.';
COMMENT ON COLUMN drydock.policy_change.asked IS 'Who may agree: who of the old policy''s people has an account, and who may change policies.';
COMMENT ON COLUMN drydock.policy_change.ended_at IS 'When it was adopted or taken back; null while it waits.';
COMMENT ON COLUMN drydock.policy_change.ended_by IS 'By whom.';
COMMENT ON COLUMN drydock.policy_change.adopted IS 'True when it became a version.';
CREATE UNIQUE INDEX policy_change_one_waits ON drydock.policy_change (policy_id) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX policy_change_name_waits ON drydock.policy_change (name) WHERE ended_at IS NULL;

CREATE TABLE drydock.policy_agreement (
    change_id uuid NOT NULL REFERENCES drydock.policy_change (id),
    person_id uuid NOT NULL REFERENCES drydock.person (id),
    agreed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (change_id, person_id)
);
COMMENT ON TABLE drydock.policy_agreement IS 'Who agreed to a proposed version.';
COMMENT ON COLUMN drydock.policy_agreement.change_id IS 'To which one.';
COMMENT ON COLUMN drydock.policy_agreement.person_id IS 'Who.';
COMMENT ON COLUMN drydock.policy_agreement.agreed_at IS 'When.';
CREATE TRIGGER policy_agreement_append_only BEFORE UPDATE OR DELETE ON drydock.policy_agreement FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.policy_agreement ENABLE ALWAYS TRIGGER policy_agreement_append_only;
CREATE TRIGGER policy_agreement_no_truncate BEFORE TRUNCATE ON drydock.policy_agreement FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.policy_agreement ENABLE ALWAYS TRIGGER policy_agreement_no_truncate;

CREATE FUNCTION drydock.policy_agreement_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM drydock.policy_change c JOIN drydock.person p ON p.id = NEW.person_id
                   WHERE c.id = NEW.change_id AND c.ended_at IS NULL AND NEW.person_id = ANY (c.asked) AND p.active) THEN
        RAISE EXCEPTION 'this person is not asked about this change' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'policy_agreement_by_asked';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER policy_agreement_guard BEFORE INSERT ON drydock.policy_agreement FOR EACH ROW EXECUTE FUNCTION drydock.policy_agreement_guard();
ALTER TABLE drydock.policy_agreement ENABLE ALWAYS TRIGGER policy_agreement_guard;

CREATE FUNCTION drydock.policy_change_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL OR (NEW.id, NEW.policy_id, NEW.name, NEW.base_version, NEW.bytes, NEW.digest, NEW.proposed_by, NEW.proposed_at, NEW.needed, NEW.asked)
        IS DISTINCT FROM (OLD.id, OLD.policy_id, OLD.name, OLD.base_version, OLD.bytes, OLD.digest, OLD.proposed_by, OLD.proposed_at, OLD.needed, OLD.asked) THEN
        RAISE EXCEPTION 'a proposed version is adopted or taken back, once, and stays as it was proposed' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'policy_change_fixed';
    END IF;
    IF NEW.adopted AND NEW.needed > (SELECT count(*) FROM drydock.policy_agreement a JOIN drydock.person p ON p.id = a.person_id WHERE a.change_id = NEW.id AND p.active) THEN
        RAISE EXCEPTION 'too few people agreed to this change' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'policy_change_agreed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER policy_change_guard BEFORE UPDATE ON drydock.policy_change FOR EACH ROW EXECUTE FUNCTION drydock.policy_change_guard();
ALTER TABLE drydock.policy_change ENABLE ALWAYS TRIGGER policy_change_guard;
CREATE TRIGGER policy_change_stays BEFORE DELETE ON drydock.policy_change FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.policy_change ENABLE ALWAYS TRIGGER policy_change_stays;
CREATE TRIGGER policy_change_no_truncate BEFORE TRUNCATE ON drydock.policy_change FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.policy_change ENABLE ALWAYS TRIGGER policy_change_no_truncate;

-- No version without an adopted change of exactly these bytes; the first ones come with the installation, which is nobody's.
CREATE FUNCTION drydock.policy_version_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT (NEW.version = 1 AND NEW.created_by IS NULL)
        AND NOT EXISTS (SELECT FROM drydock.policy_change c WHERE c.policy_id = NEW.policy_id AND c.base_version = NEW.version - 1 AND c.digest = NEW.digest
                        AND c.proposed_by = NEW.created_by AND c.adopted) THEN
        RAISE EXCEPTION 'a version of a policy follows from an agreed change' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'policy_version_agreed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER policy_version_guard BEFORE INSERT ON drydock.policy_version FOR EACH ROW EXECUTE FUNCTION drydock.policy_version_guard();
ALTER TABLE drydock.policy_version ENABLE ALWAYS TRIGGER policy_version_guard;

ALTER TABLE drydock.revision ADD COLUMN escalate_at timestamptz;
ALTER TABLE drydock.revision ADD COLUMN remind_every_min integer;
COMMENT ON COLUMN drydock.revision.escalate_at IS 'Without quorum by then the second group of the policy is asked; null where there is none.';
COMMENT ON COLUMN drydock.revision.remind_every_min IS 'Whoever is waited for is asked again after so many minutes; null is never.';
ALTER TABLE drydock.revision ADD CONSTRAINT revision_escalates_in_time CHECK (escalate_at < decide_by_at);
ALTER TABLE drydock.revision ADD CONSTRAINT revision_reminds_seldom CHECK (remind_every_min >= 60);

ALTER TABLE drydock.window ADD COLUMN escalated_revision integer;
ALTER TABLE drydock.window ADD COLUMN reminded_at timestamptz;
COMMENT ON COLUMN drydock.window.escalated_revision IS 'The newest revision about which the second group was asked.';
COMMENT ON COLUMN drydock.window.reminded_at IS 'When those who are waited for were last asked again.';
