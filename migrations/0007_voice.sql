-- Whose vote is heard: whoever got another address, role or password does not vote for a day, and never on windows of whoever changed it.
-- Whoever can redirect somebody's mail, or gives out roles, could otherwise vote in that person's name for his own window.

CREATE TABLE drydock.identity_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES drydock.person (id),
    what text NOT NULL CHECK (what IN ('address', 'role', 'password', 'return')),
    changed_by uuid REFERENCES drydock.person (id),
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE drydock.identity_change IS 'Every change after which a person''s votes rest: the latest says why, and all of them say on whose windows the person never votes.';
COMMENT ON COLUMN drydock.identity_change.id IS 'Order of writing.';
COMMENT ON COLUMN drydock.identity_change.person_id IS 'Whose address, role or password.';
COMMENT ON COLUMN drydock.identity_change.what IS 'What was changed; return: reactivated.';
COMMENT ON COLUMN drydock.identity_change.changed_by IS 'Who did it; null for an operator at the shell.';
COMMENT ON COLUMN drydock.identity_change.at IS 'When.';
CREATE INDEX identity_change_person ON drydock.identity_change (person_id, id DESC);
CREATE TRIGGER identity_change_append_only BEFORE UPDATE OR DELETE ON drydock.identity_change FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.identity_change ENABLE ALWAYS TRIGGER identity_change_append_only;
CREATE TRIGGER identity_change_no_truncate BEFORE TRUNCATE ON drydock.identity_change FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.identity_change ENABLE ALWAYS TRIGGER identity_change_no_truncate;

-- The minute is for a transaction that computes the time a little before it writes.
CREATE FUNCTION drydock.person_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.email <> OLD.email OR (OLD.shared_address AND NOT NEW.shared_address) OR (NEW.active AND NOT OLD.active))
        AND NEW.may_vote_from < clock_timestamp() + interval '23 hours 59 minutes' THEN
        RAISE EXCEPTION 'after a change of address or a return votes rest for 24 hours' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'person_change_pauses_votes';
    END IF;
    IF NEW.may_vote_from < OLD.may_vote_from AND OLD.may_vote_from > clock_timestamp() THEN
        RAISE EXCEPTION 'a pause of votes is not shortened' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'person_pause_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER person_guard BEFORE UPDATE ON drydock.person FOR EACH ROW EXECUTE FUNCTION drydock.person_guard();
ALTER TABLE drydock.person ENABLE ALWAYS TRIGGER person_guard;

-- A first role counts at once; another one does not. Asked at commit, because role and pause are two statements.
CREATE FUNCTION drydock.membership_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.role, NEW.deputy) IS DISTINCT FROM (OLD.role, OLD.deputy)
        AND NOT EXISTS (SELECT FROM drydock.person p WHERE p.id = NEW.person_id AND p.may_vote_from >= clock_timestamp() + interval '23 hours 59 minutes') THEN
        RAISE EXCEPTION 'after a change of role votes rest for 24 hours' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'membership_change_pauses_votes';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER membership_guard AFTER UPDATE ON drydock.membership DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION drydock.membership_guard();
ALTER TABLE drydock.membership ENABLE ALWAYS TRIGGER membership_guard;

-- The change is looked for by its author's windows: those that were there when it was made, and those proposed in the day after it.
CREATE OR REPLACE FUNCTION drydock.vote_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF EXISTS (SELECT FROM drydock.contributor c WHERE c.window_id = NEW.window_id AND c.person_id = NEW.person_id) THEN
            RAISE EXCEPTION 'a contributor does not vote on the window' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'vote_not_by_contributor';
        END IF;
        IF NOT EXISTS (SELECT FROM drydock.person p WHERE p.id = NEW.person_id AND p.active AND NOT p.shared_address AND p.may_vote_from <= clock_timestamp()) THEN
            RAISE EXCEPTION 'this person may not vote now' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'vote_by_eligible_person';
        END IF;
        IF EXISTS (SELECT FROM drydock.identity_change i JOIN drydock.contributor c ON c.person_id = i.changed_by JOIN drydock.window w ON w.id = c.window_id
                   WHERE i.person_id = NEW.person_id AND i.changed_by <> NEW.person_id AND w.id = NEW.window_id AND w.created_at < i.at + interval '24 hours') THEN
            RAISE EXCEPTION 'an author of this window changed this person''s address, role or password' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'vote_not_by_whom_an_author_changed';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.withdrawn_at IS NOT NULL OR NEW.withdrawn_at IS NULL
        OR (NEW.id, NEW.window_id, NEW.digest, NEW.person_id, NEW.decision, NEW.assurance, NEW.comment, NEW.cast_at)
           IS DISTINCT FROM (OLD.id, OLD.window_id, OLD.digest, OLD.person_id, OLD.decision, OLD.assurance, OLD.comment, OLD.cast_at) THEN
        RAISE EXCEPTION 'a vote is withdrawn or stays as it is' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'vote_fixed';
    END IF;
    RETURN NEW;
END $$;

-- Names of functions are mailboxes that several people read, whatever somebody ticked.
UPDATE drydock.person SET shared_address = true
    WHERE NOT shared_address AND split_part(split_part(email, '@', 1), '+', 1) IN ('abuse', 'admin', 'administrator', 'all', 'dba', 'dbas', 'dev', 'devops', 'hostmaster', 'info', 'it',
        'noc', 'noreply', 'no-reply', 'office', 'oncall', 'on-call', 'ops', 'postmaster', 'root', 'sales', 'security', 'service', 'support', 'sysadmin', 'team', 'webmaster');
ALTER TABLE drydock.person ADD CONSTRAINT person_role_name_is_shared
    CHECK (shared_address OR split_part(split_part(email, '@', 1), '+', 1) NOT IN ('abuse', 'admin', 'administrator', 'all', 'dba', 'dbas', 'dev', 'devops', 'hostmaster', 'info', 'it',
        'noc', 'noreply', 'no-reply', 'office', 'oncall', 'on-call', 'ops', 'postmaster', 'root', 'sales', 'security', 'service', 'support', 'sysadmin', 'team', 'webmaster'));

-- Somebody must be able to put things right. The lock makes two administrators who end each other's right at the same moment come one after the other.
CREATE FUNCTION drydock.last_admin_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE gone uuid;
BEGIN
    IF TG_TABLE_NAME = 'person' THEN
        gone := OLD.id;
    ELSE
        gone := OLD.person_id;
    END IF;
    PERFORM pg_advisory_xact_lock(28264001133538155);
    IF EXISTS (SELECT FROM drydock.global_role g JOIN drydock.account a ON a.person_id = g.person_id JOIN drydock.person p ON p.id = g.person_id
               WHERE g.role = 'admin' AND p.active AND p.id = gone)
        AND NOT EXISTS (SELECT FROM drydock.global_role g JOIN drydock.account a ON a.person_id = g.person_id JOIN drydock.person p ON p.id = g.person_id
               WHERE g.role = 'admin' AND p.active AND p.id <> gone) THEN
        RAISE EXCEPTION 'the last administrator stays' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'last_admin_stays';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER last_admin_by_role BEFORE DELETE ON drydock.global_role FOR EACH ROW WHEN (OLD.role = 'admin') EXECUTE FUNCTION drydock.last_admin_guard();
ALTER TABLE drydock.global_role ENABLE ALWAYS TRIGGER last_admin_by_role;
CREATE TRIGGER last_admin_by_activity BEFORE UPDATE ON drydock.person FOR EACH ROW WHEN (OLD.active AND NOT NEW.active) EXECUTE FUNCTION drydock.last_admin_guard();
ALTER TABLE drydock.person ENABLE ALWAYS TRIGGER last_admin_by_activity;
CREATE TRIGGER last_admin_by_account BEFORE DELETE ON drydock.account FOR EACH ROW EXECUTE FUNCTION drydock.last_admin_guard();
ALTER TABLE drydock.account ENABLE ALWAYS TRIGGER last_admin_by_account;
CREATE TRIGGER global_role_fixed BEFORE UPDATE ON drydock.global_role FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.global_role ENABLE ALWAYS TRIGGER global_role_fixed;
CREATE TRIGGER global_role_no_truncate BEFORE TRUNCATE ON drydock.global_role FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.global_role ENABLE ALWAYS TRIGGER global_role_no_truncate;
