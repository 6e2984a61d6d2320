-- Runs: what was done, by whom, under which lease, with which outcome.

CREATE TABLE drydock.run (
    id uuid PRIMARY KEY,
    window_id uuid NOT NULL,
    revision integer NOT NULL,
    target_id uuid NOT NULL REFERENCES drydock.target (id),
    plan_digest bytea NOT NULL,
    kind text NOT NULL DEFAULT 'maintenance' CHECK (kind IN ('maintenance', 'rollback')),
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'leased', 'held', 'ended')),
    ending text CHECK (ending IN ('finished', 'cut_off', 'stopped', 'failed', 'rolled_back', 'not_begun')),
    epoch bigint NOT NULL DEFAULT 0,
    owner text,
    lease_until timestamptz,
    opened_by uuid REFERENCES drydock.person (id),
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    phase text NOT NULL DEFAULT 'pre_checks' CHECK (phase IN ('pre_checks', 'baseline', 'selecting', 'working', 'probing', 'over')),
    stop_asked_at timestamptz,
    stop_asked_by uuid REFERENCES drydock.person (id),
    stop_reason text,
    hold_reason text,
    hold_verbs text[],
    decision text CHECK (decision IN ('continue', 'validate', 'roll_back', 'fail')),
    volatile jsonb,
    pre_checks jsonb,
    state_fact_id bigint NOT NULL,
    state_fact_at timestamptz NOT NULL,
    CONSTRAINT run_once UNIQUE (window_id, revision, target_id, kind),
    CONSTRAINT run_digest UNIQUE (id, plan_digest),
    FOREIGN KEY (window_id, revision, plan_digest) REFERENCES drydock.plan (window_id, revision, digest),
    FOREIGN KEY (window_id, revision, target_id) REFERENCES drydock.window_target (window_id, revision, target_id),
    FOREIGN KEY (state_fact_id, state_fact_at) REFERENCES drydock.fact (id, at),
    CONSTRAINT run_lease CHECK ((state = 'leased') = (owner IS NOT NULL) AND (owner IS NULL) = (lease_until IS NULL)),
    CONSTRAINT run_ending CHECK ((state = 'ended') = (ending IS NOT NULL AND ended_at IS NOT NULL))
);
COMMENT ON TABLE drydock.run IS 'The execution of an approved revision on one target.';
COMMENT ON COLUMN drydock.run.id IS 'Identity.';
COMMENT ON COLUMN drydock.run.window_id IS 'Of which window.';
COMMENT ON COLUMN drydock.run.revision IS 'Of which revision.';
COMMENT ON COLUMN drydock.run.target_id IS 'On which database.';
COMMENT ON COLUMN drydock.run.plan_digest IS 'The approved bytes.';
COMMENT ON COLUMN drydock.run.kind IS 'What it is.';
COMMENT ON COLUMN drydock.run.state IS 'How far it is.';
COMMENT ON COLUMN drydock.run.ending IS 'How it ended.';
COMMENT ON COLUMN drydock.run.epoch IS 'Rises by one with every owner: a write under an older one is refused.';
COMMENT ON COLUMN drydock.run.owner IS 'Worker that holds it.';
COMMENT ON COLUMN drydock.run.lease_until IS 'Until when, by this database''''s clock.';
COMMENT ON COLUMN drydock.run.opened_by IS 'Who started it; null when the schedule did.';
COMMENT ON COLUMN drydock.run.opened_at IS 'When it was opened.';
COMMENT ON COLUMN drydock.run.ended_at IS 'When it ended.';
COMMENT ON COLUMN drydock.run.phase IS 'What it is busy with.';
COMMENT ON COLUMN drydock.run.stop_asked_at IS 'When somebody asked to stop it.';
COMMENT ON COLUMN drydock.run.stop_asked_by IS 'Who.';
COMMENT ON COLUMN drydock.run.stop_reason IS 'Why.';
COMMENT ON COLUMN drydock.run.hold_reason IS 'What is known, in words, while held.';
COMMENT ON COLUMN drydock.run.hold_verbs IS 'What a person may decide while held.';
COMMENT ON COLUMN drydock.run.decision IS 'What the person decided, until a worker has taken it up.';
COMMENT ON COLUMN drydock.run.volatile IS 'Volatile identity seen at the first gate; must stay equal.';
COMMENT ON COLUMN drydock.run.pre_checks IS 'Findings before the start.';
COMMENT ON COLUMN drydock.run.state_fact_id IS 'The fact that records the newest transition.';
COMMENT ON COLUMN drydock.run.state_fact_at IS 'Its time, part of its key.';
CREATE UNIQUE INDEX run_one_open_a_target ON drydock.run (target_id) WHERE state <> 'ended';
CREATE INDEX run_open ON drydock.run (state, lease_until) WHERE state <> 'ended';

CREATE FUNCTION drydock.run_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.epoch <> OLD.epoch AND NEW.epoch <> OLD.epoch + 1 THEN
        RAISE EXCEPTION 'an epoch rises by one' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'run_epoch_step';
    END IF;
    IF NEW.owner IS DISTINCT FROM OLD.owner AND NEW.owner IS NOT NULL AND NEW.epoch <> OLD.epoch + 1 THEN
        RAISE EXCEPTION 'a new owner needs a new epoch' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'run_epoch_owner';
    END IF;
    IF NEW.state <> OLD.state THEN
        IF NOT EXISTS (SELECT FROM drydock.transition t WHERE t.thing = 'run' AND t.from_state = OLD.state AND t.to_state = NEW.state) THEN
            RAISE EXCEPTION 'a run does not go from % to %', OLD.state, NEW.state USING ERRCODE = 'restrict_violation', CONSTRAINT = 'run_transition';
        END IF;
        IF NEW.state_fact_id = OLD.state_fact_id THEN
            RAISE EXCEPTION 'a transition needs its fact' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'run_transition_fact';
        END IF;
    END IF;
    IF (NEW.id, NEW.window_id, NEW.revision, NEW.target_id, NEW.plan_digest, NEW.kind) IS DISTINCT FROM (OLD.id, OLD.window_id, OLD.revision, OLD.target_id, OLD.plan_digest, OLD.kind) THEN
        RAISE EXCEPTION 'identity of a run never changes' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER run_guard BEFORE UPDATE ON drydock.run FOR EACH ROW EXECUTE FUNCTION drydock.run_guard();
ALTER TABLE drydock.run ENABLE ALWAYS TRIGGER run_guard;

CREATE TABLE drydock.work_list (
    run_id uuid NOT NULL,
    digest bytea NOT NULL,
    plan_digest bytea NOT NULL,
    bytes bytea NOT NULL,
    sealed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run_id, digest),
    CONSTRAINT work_list_one_a_run UNIQUE (run_id),
    FOREIGN KEY (run_id, plan_digest) REFERENCES drydock.run (id, plan_digest),
    CONSTRAINT work_list_digest_matches CHECK (digest = sha256('work_list'::bytea || '\x00'::bytea || bytes))
);
COMMENT ON TABLE drydock.work_list IS 'The concrete items a worker selected inside the envelope.';
COMMENT ON COLUMN drydock.work_list.run_id IS 'Of which run.';
COMMENT ON COLUMN drydock.work_list.digest IS 'SHA-256(purpose ‖ 0 ‖ bytes).';
COMMENT ON COLUMN drydock.work_list.plan_digest IS 'The envelope it lies within.';
COMMENT ON COLUMN drydock.work_list.bytes IS 'Canonical JSON of the items and of what was left out.';
COMMENT ON COLUMN drydock.work_list.sealed_at IS 'When.';
CREATE TRIGGER work_list_append_only BEFORE UPDATE OR DELETE ON drydock.work_list FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.work_list ENABLE ALWAYS TRIGGER work_list_append_only;

CREATE TABLE drydock.item (
    run_id uuid NOT NULL,
    ordinal integer NOT NULL CHECK (ordinal >= 1),
    work_list_digest bytea NOT NULL,
    step text NOT NULL,
    class text NOT NULL CHECK (class IN ('read', 'repeatable', 'resumable', 'once', 'safing')),
    object text NOT NULL,
    statement text NOT NULL,
    detail jsonb NOT NULL,
    outcome text CHECK (outcome IN ('done', 'skipped', 'skipped_lock', 'deferred', 'no_effect', 'failed', 'cancelled', 'needs_cleanup', 'unknown')),
    outcome_detail text,
    figures jsonb,
    PRIMARY KEY (run_id, ordinal),
    FOREIGN KEY (run_id, work_list_digest) REFERENCES drydock.work_list (run_id, digest)
);
COMMENT ON TABLE drydock.item IS 'One entry of the work list: an object and a statement.';
COMMENT ON COLUMN drydock.item.run_id IS 'Of which run.';
COMMENT ON COLUMN drydock.item.ordinal IS 'Order of work.';
COMMENT ON COLUMN drydock.item.work_list_digest IS 'The sealed list it stands in.';
COMMENT ON COLUMN drydock.item.step IS 'Step of the procedure: vacuum, reindex, analyze.';
COMMENT ON COLUMN drydock.item.class IS 'What may happen after an unknown outcome.';
COMMENT ON COLUMN drydock.item.object IS 'Quoted name, as people read it.';
COMMENT ON COLUMN drydock.item.statement IS 'Exact text.';
COMMENT ON COLUMN drydock.item.detail IS 'The work item whole: measure, estimate, lock, debris.';
COMMENT ON COLUMN drydock.item.outcome IS 'How it ended; null while open.';
COMMENT ON COLUMN drydock.item.outcome_detail IS 'In words, with the blocker where there was one.';
COMMENT ON COLUMN drydock.item.figures IS 'Before and after.';

CREATE TABLE drydock.attempt (
    id uuid PRIMARY KEY,
    run_id uuid NOT NULL,
    ordinal integer NOT NULL,
    number integer NOT NULL CHECK (number >= 1),
    epoch bigint NOT NULL,
    plan_digest bytea NOT NULL,
    work_list_digest bytea NOT NULL,
    state text NOT NULL CHECK (state IN ('intent', 'started', 'unknown', 'done')),
    session_name text NOT NULL,
    backend jsonb,
    observed jsonb,
    intent_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at timestamptz,
    ended_at timestamptz,
    outcome text,
    outcome_detail text,
    notices jsonb NOT NULL DEFAULT '[]',
    fact_id bigint NOT NULL,
    fact_at timestamptz NOT NULL,
    CONSTRAINT attempt_once UNIQUE (run_id, ordinal, number),
    FOREIGN KEY (run_id, ordinal) REFERENCES drydock.item (run_id, ordinal),
    FOREIGN KEY (run_id, plan_digest) REFERENCES drydock.run (id, plan_digest),
    FOREIGN KEY (run_id, work_list_digest) REFERENCES drydock.work_list (run_id, digest),
    FOREIGN KEY (fact_id, fact_at) REFERENCES drydock.fact (id, at),
    CONSTRAINT attempt_started CHECK ((state <> 'started' OR started_at IS NOT NULL) AND (started_at IS NULL OR (state <> 'intent' AND observed IS NOT NULL AND backend IS NOT NULL))),
    CONSTRAINT attempt_done CHECK ((state = 'done') = (outcome IS NOT NULL AND ended_at IS NOT NULL))
);
COMMENT ON TABLE drydock.attempt IS 'One try at an item.';
COMMENT ON COLUMN drydock.attempt.id IS 'Identity.';
COMMENT ON COLUMN drydock.attempt.run_id IS 'Of which run.';
COMMENT ON COLUMN drydock.attempt.ordinal IS 'At which item.';
COMMENT ON COLUMN drydock.attempt.number IS 'Counts tries.';
COMMENT ON COLUMN drydock.attempt.epoch IS 'Under which lease.';
COMMENT ON COLUMN drydock.attempt.plan_digest IS 'Approved bytes it obeys.';
COMMENT ON COLUMN drydock.attempt.work_list_digest IS 'Sealed list it stands in.';
COMMENT ON COLUMN drydock.attempt.state IS 'How far it is.';
COMMENT ON COLUMN drydock.attempt.session_name IS 'application_name on the target, to find it again.';
COMMENT ON COLUMN drydock.attempt.backend IS 'Process and start time on the target, once started.';
COMMENT ON COLUMN drydock.attempt.observed IS 'Identity seen in the executing session, once started.';
COMMENT ON COLUMN drydock.attempt.intent_at IS 'When it was decided.';
COMMENT ON COLUMN drydock.attempt.started_at IS 'When the session was ready and the statement about to be sent.';
COMMENT ON COLUMN drydock.attempt.ended_at IS 'When its outcome was known.';
COMMENT ON COLUMN drydock.attempt.outcome IS 'As in item.';
COMMENT ON COLUMN drydock.attempt.outcome_detail IS 'In words.';
COMMENT ON COLUMN drydock.attempt.notices IS 'What the server said meanwhile.';
COMMENT ON COLUMN drydock.attempt.fact_id IS 'The committed intent.';
COMMENT ON COLUMN drydock.attempt.fact_at IS 'Its time, part of its key.';
CREATE UNIQUE INDEX attempt_one_open ON drydock.attempt (run_id, ordinal) WHERE state IN ('intent', 'started', 'unknown');

CREATE TABLE drydock.resolution (
    attempt_id uuid NOT NULL REFERENCES drydock.attempt (id),
    person_id uuid NOT NULL REFERENCES drydock.person (id),
    second_person_id uuid REFERENCES drydock.person (id),
    found text NOT NULL CHECK (found IN ('ran', 'did_not_run')),
    reason text NOT NULL CHECK (length(btrim(reason)) BETWEEN 1 AND 4000),
    resolved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (attempt_id),
    CONSTRAINT resolution_two_people CHECK (second_person_id IS NULL OR second_person_id <> person_id)
);
COMMENT ON TABLE drydock.resolution IS 'What a person found out about an attempt whose outcome was unknown.';
COMMENT ON COLUMN drydock.resolution.attempt_id IS 'Which attempt.';
COMMENT ON COLUMN drydock.resolution.person_id IS 'Who answers for it.';
COMMENT ON COLUMN drydock.resolution.second_person_id IS 'Who confirms, for once-only and destructive steps.';
COMMENT ON COLUMN drydock.resolution.found IS 'What they found.';
COMMENT ON COLUMN drydock.resolution.reason IS 'How they know.';
COMMENT ON COLUMN drydock.resolution.resolved_at IS 'When.';
CREATE TRIGGER resolution_append_only BEFORE UPDATE OR DELETE ON drydock.resolution FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.resolution ENABLE ALWAYS TRIGGER resolution_append_only;

CREATE FUNCTION drydock.attempt_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE item_class text; last drydock.attempt%ROWTYPE;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.state = 'done' OR (NEW.run_id, NEW.ordinal, NEW.number, NEW.plan_digest, NEW.work_list_digest) IS DISTINCT FROM (OLD.run_id, OLD.ordinal, OLD.number, OLD.plan_digest, OLD.work_list_digest) THEN
            RAISE EXCEPTION 'an attempt that is over stays as it is' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'attempt_fixed';
        END IF;
        RETURN NEW;
    END IF;
    SELECT i.class INTO item_class FROM drydock.item i WHERE i.run_id = NEW.run_id AND i.ordinal = NEW.ordinal;
    SELECT * INTO last FROM drydock.attempt a WHERE a.run_id = NEW.run_id AND a.ordinal = NEW.ordinal ORDER BY a.number DESC LIMIT 1;
    IF last.id IS NOT NULL AND item_class = 'once' AND NOT (last.started_at IS NULL AND last.state = 'done')
        AND NOT EXISTS (SELECT FROM drydock.resolution r WHERE r.attempt_id = last.id AND r.second_person_id IS NOT NULL AND r.found = 'did_not_run') THEN
        RAISE EXCEPTION 'a once-only step is not tried again without proof that it did not run' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'attempt_once_only';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER attempt_guard BEFORE INSERT OR UPDATE ON drydock.attempt FOR EACH ROW EXECUTE FUNCTION drydock.attempt_guard();
ALTER TABLE drydock.attempt ENABLE ALWAYS TRIGGER attempt_guard;

CREATE TABLE drydock.run_event (
    run_id uuid NOT NULL REFERENCES drydock.run (id),
    seq bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ordinal integer,
    kind text NOT NULL CHECK (kind IN ('phase', 'progress', 'notice', 'outcome', 'warning', 'session')),
    message text NOT NULL CHECK (length(message) <= 8000),
    detail jsonb,
    PRIMARY KEY (run_id, seq)
);
COMMENT ON TABLE drydock.run_event IS 'What happened during a run, line by line, for the page.';
COMMENT ON COLUMN drydock.run_event.run_id IS 'Of which run.';
COMMENT ON COLUMN drydock.run_event.seq IS 'Order inside the run, from 1.';
COMMENT ON COLUMN drydock.run_event.at IS 'When.';
COMMENT ON COLUMN drydock.run_event.ordinal IS 'About which item.';
COMMENT ON COLUMN drydock.run_event.kind IS 'What kind of line.';
COMMENT ON COLUMN drydock.run_event.message IS 'In words.';
COMMENT ON COLUMN drydock.run_event.detail IS 'Figures for the page.';

CREATE TABLE drydock.check_item (
    window_id uuid NOT NULL,
    revision integer NOT NULL,
    ordinal integer NOT NULL CHECK (ordinal >= 1),
    key text NOT NULL,
    title text NOT NULL,
    by_probe boolean NOT NULL,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'passed', 'failed', 'not_applicable', 'accepted')),
    baseline jsonb,
    probe jsonb,
    probed_at timestamptz,
    note text NOT NULL DEFAULT '' CHECK (length(note) <= 4000),
    decided_by uuid REFERENCES drydock.person (id),
    decided_at timestamptz,
    PRIMARY KEY (window_id, revision, ordinal),
    FOREIGN KEY (window_id, revision) REFERENCES drydock.revision (window_id, number),
    CONSTRAINT check_item_accepted CHECK (state <> 'accepted' OR (decided_by IS NOT NULL AND length(btrim(note)) > 0)),
    CONSTRAINT check_item_evidence CHECK (by_probe OR state = 'open' OR length(btrim(note)) > 0)
);
COMMENT ON TABLE drydock.check_item IS 'One item of the validation list of a window.';
COMMENT ON COLUMN drydock.check_item.window_id IS 'Of which window.';
COMMENT ON COLUMN drydock.check_item.revision IS 'Of which revision.';
COMMENT ON COLUMN drydock.check_item.ordinal IS 'Order on the page.';
COMMENT ON COLUMN drydock.check_item.key IS 'critical_queries, connections, health, errors, metrics, backups.';
COMMENT ON COLUMN drydock.check_item.title IS 'As people read it.';
COMMENT ON COLUMN drydock.check_item.by_probe IS 'True when a probe answers first.';
COMMENT ON COLUMN drydock.check_item.state IS 'Where it stands.';
COMMENT ON COLUMN drydock.check_item.baseline IS 'Measured before the first change.';
COMMENT ON COLUMN drydock.check_item.probe IS 'Measured after the last.';
COMMENT ON COLUMN drydock.check_item.probed_at IS 'When that was.';
COMMENT ON COLUMN drydock.check_item.note IS 'Evidence, or the reason of an acceptance.';
COMMENT ON COLUMN drydock.check_item.decided_by IS 'Who ticked it; null when a probe did.';
COMMENT ON COLUMN drydock.check_item.decided_at IS 'When.';

CREATE FUNCTION drydock.window_closing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state = 'completed' AND OLD.state <> 'completed' AND (
        EXISTS (SELECT FROM drydock.check_item c WHERE c.window_id = NEW.id AND c.revision = NEW.revision AND c.state IN ('open', 'failed'))
        OR NOT EXISTS (SELECT FROM drydock.check_item c WHERE c.window_id = NEW.id AND c.revision = NEW.revision)) THEN
        RAISE EXCEPTION 'a window closes only when its list is done' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'window_closes_when_checked';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER window_closing BEFORE UPDATE ON drydock.window FOR EACH ROW EXECUTE FUNCTION drydock.window_closing();
ALTER TABLE drydock.window ENABLE ALWAYS TRIGGER window_closing;

-- What is never changed or removed is never emptied at once either. The trail's own tables say so where they are made.
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['policy_version', 'transition', 'window', 'plan', 'revision', 'contributor', 'link', 'vote', 'run', 'work_list', 'item', 'attempt', 'resolution'] LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON drydock.%I FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change()', name || '_no_truncate', name);
        EXECUTE format('ALTER TABLE drydock.%I ENABLE ALWAYS TRIGGER %I', name, name || '_no_truncate');
    END LOOP;
END $$;
