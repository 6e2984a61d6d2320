-- Windows: what is planned, who agreed, and the sealed plan that binds both.

CREATE TABLE drydock.policy (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    environments text[] NOT NULL CHECK (cardinality(environments) >= 1),
    current_version integer NOT NULL,
    CONSTRAINT policy_name_once UNIQUE (name)
);
COMMENT ON TABLE drydock.policy IS 'Who must approve; a named series of immutable versions.';
COMMENT ON COLUMN drydock.policy.id IS 'Identity over all versions.';
COMMENT ON COLUMN drydock.policy.name IS 'As people call it.';
COMMENT ON COLUMN drydock.policy.environments IS 'Environments it rules.';
COMMENT ON COLUMN drydock.policy.current_version IS 'Version new windows take.';

CREATE TABLE drydock.policy_version (
    policy_id uuid NOT NULL REFERENCES drydock.policy (id),
    version integer NOT NULL CHECK (version >= 1),
    bytes bytea NOT NULL,
    digest bytea NOT NULL,
    created_by uuid REFERENCES drydock.person (id),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (policy_id, version),
    CONSTRAINT policy_digest_matches CHECK (digest = sha256('policy'::bytea || '\x00'::bytea || bytes))
);
COMMENT ON TABLE drydock.policy_version IS 'One version of a policy, for ever.';
COMMENT ON COLUMN drydock.policy_version.policy_id IS 'Of which policy.';
COMMENT ON COLUMN drydock.policy_version.version IS 'Counts up.';
COMMENT ON COLUMN drydock.policy_version.bytes IS 'Canonical JSON of the rules.';
COMMENT ON COLUMN drydock.policy_version.digest IS 'SHA-256(purpose ‖ 0 ‖ bytes).';
COMMENT ON COLUMN drydock.policy_version.created_by IS 'Who saved it; null for the first ones.';
COMMENT ON COLUMN drydock.policy_version.created_at IS 'When.';
CREATE TRIGGER policy_version_append_only BEFORE UPDATE OR DELETE ON drydock.policy_version FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.policy_version ENABLE ALWAYS TRIGGER policy_version_append_only;

CREATE TABLE drydock.transition (
    thing text NOT NULL CHECK (thing IN ('window', 'run')),
    from_state text NOT NULL,
    to_state text NOT NULL,
    PRIMARY KEY (thing, from_state, to_state)
);
COMMENT ON TABLE drydock.transition IS 'The only changes of state that exist.';
COMMENT ON COLUMN drydock.transition.thing IS 'Of what.';
COMMENT ON COLUMN drydock.transition.from_state IS 'Before.';
COMMENT ON COLUMN drydock.transition.to_state IS 'After.';
INSERT INTO drydock.transition (thing, from_state, to_state) VALUES
    ('window', 'draft', 'proposed'), ('window', 'draft', 'withdrawn'),
    ('window', 'proposed', 'approved'), ('window', 'proposed', 'draft'), ('window', 'proposed', 'rejected'),
    ('window', 'proposed', 'expired'), ('window', 'proposed', 'withdrawn'),
    ('window', 'approved', 'running'), ('window', 'approved', 'proposed'), ('window', 'approved', 'cancelled'), ('window', 'approved', 'missed'),
    ('window', 'running', 'validating'), ('window', 'running', 'hold'), ('window', 'running', 'rolling_back'), ('window', 'running', 'failed'),
    ('window', 'hold', 'running'), ('window', 'hold', 'validating'), ('window', 'hold', 'rolling_back'), ('window', 'hold', 'failed'),
    ('window', 'validating', 'completed'), ('window', 'validating', 'hold'), ('window', 'validating', 'rolling_back'),
    ('window', 'rolling_back', 'rolled_back'), ('window', 'rolling_back', 'failed'),
    ('run', 'waiting', 'leased'), ('run', 'leased', 'held'), ('run', 'leased', 'ended'), ('run', 'held', 'leased'),
    ('run', 'held', 'ended'), ('run', 'waiting', 'ended');
CREATE TRIGGER transition_fixed BEFORE UPDATE OR DELETE ON drydock.transition FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.transition ENABLE ALWAYS TRIGGER transition_fixed;

CREATE TABLE drydock.window (
    id uuid PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY,
    team_id uuid NOT NULL REFERENCES drydock.team (id),
    state text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'proposed', 'approved', 'running', 'hold', 'validating', 'rolling_back', 'withdrawn', 'rejected', 'expired', 'cancelled', 'missed', 'completed', 'rolled_back', 'failed')),
    revision integer NOT NULL DEFAULT 1 CHECK (revision >= 1),
    created_by uuid NOT NULL REFERENCES drydock.person (id),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state_reason text,
    state_fact_id bigint NOT NULL,
    state_fact_at timestamptz NOT NULL,
    issues_met text,
    CONSTRAINT window_number_once UNIQUE (number),
    CONSTRAINT window_team UNIQUE (id, team_id),
    FOREIGN KEY (state_fact_id, state_fact_at) REFERENCES drydock.fact (id, at)
);
COMMENT ON TABLE drydock.window IS 'A dated occurrence of maintenance.';
COMMENT ON COLUMN drydock.window.id IS 'Identity.';
COMMENT ON COLUMN drydock.window.number IS 'What people say: #142.';
COMMENT ON COLUMN drydock.window.team_id IS 'Owner team: that of its targets.';
COMMENT ON COLUMN drydock.window.state IS 'Where it is in its life.';
COMMENT ON COLUMN drydock.window.revision IS 'Newest revision; votes are on its digest.';
COMMENT ON COLUMN drydock.window.created_by IS 'Who proposed it first.';
COMMENT ON COLUMN drydock.window.created_at IS 'When.';
COMMENT ON COLUMN drydock.window.state_at IS 'When the state was reached.';
COMMENT ON COLUMN drydock.window.state_reason IS 'Why, in words, where somebody gave or the product knows a reason.';
COMMENT ON COLUMN drydock.window.state_fact_id IS 'The fact that records the transition.';
COMMENT ON COLUMN drydock.window.state_fact_at IS 'Its time, part of its key.';
COMMENT ON COLUMN drydock.window.issues_met IS 'Text owed by failed, cut off, held and accepted-red windows.';
CREATE INDEX window_by_state ON drydock.window (state, number DESC);
CREATE INDEX window_by_team ON drydock.window (team_id, number DESC);

CREATE FUNCTION drydock.window_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> OLD.state THEN
        IF NOT EXISTS (SELECT FROM drydock.transition t WHERE t.thing = 'window' AND t.from_state = OLD.state AND t.to_state = NEW.state) THEN
            RAISE EXCEPTION 'a window does not go from % to %', OLD.state, NEW.state USING ERRCODE = 'restrict_violation', CONSTRAINT = 'window_transition';
        END IF;
        IF NEW.state_fact_id = OLD.state_fact_id THEN
            RAISE EXCEPTION 'a transition needs its fact' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'window_transition_fact';
        END IF;
    END IF;
    IF NEW.revision < OLD.revision OR NEW.id <> OLD.id OR NEW.team_id <> OLD.team_id OR NEW.created_by <> OLD.created_by THEN
        RAISE EXCEPTION 'identity of a window never changes' USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.issues_met IS NOT NULL AND NEW.issues_met IS DISTINCT FROM OLD.issues_met THEN
        RAISE EXCEPTION 'what went wrong is written once' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'window_issues_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER window_guard BEFORE UPDATE ON drydock.window FOR EACH ROW EXECUTE FUNCTION drydock.window_guard();
ALTER TABLE drydock.window ENABLE ALWAYS TRIGGER window_guard;

CREATE TABLE drydock.plan (
    window_id uuid NOT NULL REFERENCES drydock.window (id),
    digest bytea NOT NULL,
    revision integer NOT NULL CHECK (revision >= 1),
    bytes bytea NOT NULL CHECK (length(bytes) <= 4194304),
    sealed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sealed_by uuid NOT NULL REFERENCES drydock.person (id),
    PRIMARY KEY (window_id, digest),
    CONSTRAINT plan_one_a_revision UNIQUE (window_id, revision),
    CONSTRAINT plan_revision_digest UNIQUE (window_id, revision, digest),
    CONSTRAINT plan_digest_matches CHECK (digest = sha256('plan'::bytea || '\x00'::bytea || bytes))
);
COMMENT ON TABLE drydock.plan IS 'The sealed envelope of one revision: what people approve and what the runner obeys.';
COMMENT ON COLUMN drydock.plan.window_id IS 'Of which window.';
COMMENT ON COLUMN drydock.plan.digest IS 'SHA-256(purpose ‖ 0 ‖ bytes): shown short everywhere.';
COMMENT ON COLUMN drydock.plan.revision IS 'Which revision.';
COMMENT ON COLUMN drydock.plan.bytes IS 'Canonical JSON of the envelope.';
COMMENT ON COLUMN drydock.plan.sealed_at IS 'When.';
COMMENT ON COLUMN drydock.plan.sealed_by IS 'By whom.';
CREATE TRIGGER plan_append_only BEFORE UPDATE OR DELETE ON drydock.plan FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.plan ENABLE ALWAYS TRIGGER plan_append_only;

CREATE TABLE drydock.revision (
    window_id uuid NOT NULL REFERENCES drydock.window (id),
    number integer NOT NULL CHECK (number >= 1),
    title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    form jsonb NOT NULL,
    preview jsonb,
    start_at timestamptz NOT NULL,
    latest_start_at timestamptz NOT NULL,
    cut_off_at timestamptz NOT NULL,
    end_at timestamptz NOT NULL,
    decide_by_at timestamptz NOT NULL,
    policy_id uuid NOT NULL,
    policy_version integer NOT NULL,
    created_by uuid NOT NULL REFERENCES drydock.person (id),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (window_id, number),
    FOREIGN KEY (policy_id, policy_version) REFERENCES drydock.policy_version (policy_id, version),
    CONSTRAINT revision_order CHECK (start_at <= latest_start_at AND latest_start_at <= cut_off_at AND start_at < cut_off_at AND cut_off_at <= end_at)
);
COMMENT ON TABLE drydock.revision IS 'What was asked for in one revision, and when it would be: the searchable side of a plan.';
COMMENT ON COLUMN drydock.revision.window_id IS 'Of which window.';
COMMENT ON COLUMN drydock.revision.number IS 'Counts up with every edit.';
COMMENT ON COLUMN drydock.revision.title IS 'Short description in lists and subjects.';
COMMENT ON COLUMN drydock.revision.form IS 'What the person typed, to edit it again.';
COMMENT ON COLUMN drydock.revision.preview IS 'What a worker found when asked: information, marked with its time.';
COMMENT ON COLUMN drydock.revision.start_at IS 'Nothing starts before.';
COMMENT ON COLUMN drydock.revision.latest_start_at IS 'Not begun by then: missed.';
COMMENT ON COLUMN drydock.revision.cut_off_at IS 'Nothing new begins after.';
COMMENT ON COLUMN drydock.revision.end_at IS 'Everything has ended by then.';
COMMENT ON COLUMN drydock.revision.decide_by_at IS 'A proposal without quorum expires then.';
COMMENT ON COLUMN drydock.revision.policy_id IS 'Policy whose bytes are in the plan.';
COMMENT ON COLUMN drydock.revision.policy_version IS 'Its version.';
COMMENT ON COLUMN drydock.revision.created_by IS 'Who wrote this revision.';
COMMENT ON COLUMN drydock.revision.created_at IS 'When.';
CREATE INDEX revision_start ON drydock.revision (start_at);

CREATE TABLE drydock.window_target (
    window_id uuid NOT NULL,
    revision integer NOT NULL,
    target_id uuid NOT NULL,
    team_id uuid NOT NULL,
    during tstzrange NOT NULL CHECK (NOT isempty(during)),
    live boolean NOT NULL DEFAULT false,
    PRIMARY KEY (window_id, revision, target_id),
    FOREIGN KEY (window_id, revision) REFERENCES drydock.revision (window_id, number),
    FOREIGN KEY (window_id, team_id) REFERENCES drydock.window (id, team_id),
    FOREIGN KEY (target_id, team_id) REFERENCES drydock.target (id, team_id),
    CONSTRAINT window_target_no_overlap EXCLUDE USING gist (target_id WITH =, during WITH &&) WHERE (live)
);
COMMENT ON TABLE drydock.window_target IS 'Which database a revision is about, and when it is taken.';
COMMENT ON COLUMN drydock.window_target.window_id IS 'The window.';
COMMENT ON COLUMN drydock.window_target.revision IS 'Its revision.';
COMMENT ON COLUMN drydock.window_target.target_id IS 'The database.';
COMMENT ON COLUMN drydock.window_target.team_id IS 'Owner of both: no window points across teams.';
COMMENT ON COLUMN drydock.window_target.during IS 'Start to end.';
COMMENT ON COLUMN drydock.window_target.live IS 'True from approved to rolling back: then nothing may overlap.';
CREATE INDEX window_target_by_target ON drydock.window_target (target_id, window_id);

CREATE TABLE drydock.contributor (
    window_id uuid NOT NULL REFERENCES drydock.window (id),
    person_id uuid NOT NULL REFERENCES drydock.person (id),
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (window_id, person_id)
);
COMMENT ON TABLE drydock.contributor IS 'Who wrote any revision of a window: never votes on it.';
COMMENT ON COLUMN drydock.contributor.window_id IS 'The window.';
COMMENT ON COLUMN drydock.contributor.person_id IS 'The contributor.';
COMMENT ON COLUMN drydock.contributor.since IS 'Since when.';
CREATE TRIGGER contributor_append_only BEFORE UPDATE OR DELETE ON drydock.contributor FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.contributor ENABLE ALWAYS TRIGGER contributor_append_only;

CREATE TABLE drydock.link (
    id uuid PRIMARY KEY,
    secret_hash bytea NOT NULL CHECK (length(secret_hash) = 32),
    purpose text NOT NULL CHECK (purpose IN ('approve', 'object', 'invite', 'reset')),
    person_id uuid NOT NULL REFERENCES drydock.person (id),
    window_id uuid,
    digest bytea,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    opened_at timestamptz,
    used_at timestamptz,
    ended_at timestamptz,
    ended_reason text,
    CONSTRAINT link_secret_once UNIQUE (secret_hash),
    FOREIGN KEY (window_id, digest) REFERENCES drydock.plan (window_id, digest),
    CONSTRAINT link_about CHECK ((purpose IN ('approve', 'object')) = (window_id IS NOT NULL AND digest IS NOT NULL))
);
COMMENT ON TABLE drydock.link IS 'A secret address in a mail: one person, one digest, one decision.';
COMMENT ON COLUMN drydock.link.id IS 'Identity.';
COMMENT ON COLUMN drydock.link.secret_hash IS 'SHA-256 of the 256-bit secret; the secret itself is not stored here.';
COMMENT ON COLUMN drydock.link.purpose IS 'What it decides.';
COMMENT ON COLUMN drydock.link.person_id IS 'For whom.';
COMMENT ON COLUMN drydock.link.window_id IS 'About which window; null for invite and reset.';
COMMENT ON COLUMN drydock.link.digest IS 'About which plan.';
COMMENT ON COLUMN drydock.link.created_at IS 'When made.';
COMMENT ON COLUMN drydock.link.expires_at IS 'Dead from then.';
COMMENT ON COLUMN drydock.link.opened_at IS 'First opened, by whom is not known: proves nothing.';
COMMENT ON COLUMN drydock.link.used_at IS 'When it decided.';
COMMENT ON COLUMN drydock.link.ended_at IS 'When it was replaced or killed by an edit, a veto or a lost role.';
COMMENT ON COLUMN drydock.link.ended_reason IS 'Why, as the page says it.';
CREATE INDEX link_window ON drydock.link (window_id, person_id);

CREATE FUNCTION drydock.link_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.used_at IS NOT NULL AND NEW.used_at IS DISTINCT FROM OLD.used_at) OR (OLD.ended_at IS NOT NULL AND NEW.ended_at IS DISTINCT FROM OLD.ended_at)
        OR (NEW.id, NEW.secret_hash, NEW.purpose, NEW.person_id, NEW.window_id, NEW.digest, NEW.expires_at)
           IS DISTINCT FROM (OLD.id, OLD.secret_hash, OLD.purpose, OLD.person_id, OLD.window_id, OLD.digest, OLD.expires_at) THEN
        RAISE EXCEPTION 'a link that was used or ended stays so, and belongs to one person and one plan' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'link_fixed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER link_guard BEFORE UPDATE ON drydock.link FOR EACH ROW EXECUTE FUNCTION drydock.link_guard();
ALTER TABLE drydock.link ENABLE ALWAYS TRIGGER link_guard;

CREATE TABLE drydock.vote (
    id uuid PRIMARY KEY,
    window_id uuid NOT NULL,
    digest bytea NOT NULL,
    person_id uuid NOT NULL REFERENCES drydock.person (id),
    decision text NOT NULL CHECK (decision IN ('approve', 'reject', 'request_changes')),
    assurance text NOT NULL CHECK (assurance IN ('link', 'link_code', 'account', 'account_factor')),
    comment text NOT NULL DEFAULT '' CHECK (length(comment) <= 4000),
    link_id uuid REFERENCES drydock.link (id),
    cast_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    withdrawn_at timestamptz,
    withdrawn_reason text,
    FOREIGN KEY (window_id, digest) REFERENCES drydock.plan (window_id, digest),
    CONSTRAINT vote_comment CHECK (decision = 'approve' OR length(btrim(comment)) > 0)
);
COMMENT ON TABLE drydock.vote IS 'One person''''s decision on one digest.';
COMMENT ON COLUMN drydock.vote.id IS 'Identity.';
COMMENT ON COLUMN drydock.vote.window_id IS 'On which window.';
COMMENT ON COLUMN drydock.vote.digest IS 'On exactly these bytes.';
COMMENT ON COLUMN drydock.vote.person_id IS 'Who.';
COMMENT ON COLUMN drydock.vote.decision IS 'What.';
COMMENT ON COLUMN drydock.vote.assurance IS 'How the voter was known, never more than proven.';
COMMENT ON COLUMN drydock.vote.comment IS 'Why; required to reject or request changes.';
COMMENT ON COLUMN drydock.vote.link_id IS 'The link used, where it was one.';
COMMENT ON COLUMN drydock.vote.cast_at IS 'When.';
COMMENT ON COLUMN drydock.vote.withdrawn_at IS 'When taken back: it no longer counts.';
COMMENT ON COLUMN drydock.vote.withdrawn_reason IS 'Why.';
CREATE UNIQUE INDEX vote_once ON drydock.vote (window_id, digest, person_id) WHERE withdrawn_at IS NULL;
CREATE UNIQUE INDEX vote_link_once ON drydock.vote (link_id) WHERE link_id IS NOT NULL;

CREATE FUNCTION drydock.vote_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF EXISTS (SELECT FROM drydock.contributor c WHERE c.window_id = NEW.window_id AND c.person_id = NEW.person_id) THEN
            RAISE EXCEPTION 'a contributor does not vote on the window' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'vote_not_by_contributor';
        END IF;
        IF NOT EXISTS (SELECT FROM drydock.person p WHERE p.id = NEW.person_id AND p.active AND NOT p.shared_address AND p.may_vote_from <= clock_timestamp()) THEN
            RAISE EXCEPTION 'this person may not vote now' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'vote_by_eligible_person';
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
CREATE TRIGGER vote_guard BEFORE INSERT OR UPDATE ON drydock.vote FOR EACH ROW EXECUTE FUNCTION drydock.vote_guard();
ALTER TABLE drydock.vote ENABLE ALWAYS TRIGGER vote_guard;
CREATE TRIGGER vote_stays BEFORE DELETE ON drydock.vote FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.vote ENABLE ALWAYS TRIGGER vote_stays;

ALTER TABLE drydock.examination ADD FOREIGN KEY (window_id) REFERENCES drydock.window (id);
