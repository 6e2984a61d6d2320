-- Rights of the services, applied anew by every `drydock migrate` after the migrations. {web}, {worker} and {auditor} are replaced
-- by the quoted names of the roles, several or none; {worker_alone} is the worker where it has a role of its own. No service role owns a table; what a role does not need, it does not have.

REVOKE ALL ON SCHEMA drydock FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA drydock FROM PUBLIC, {web}, {worker}, {auditor};
REVOKE ALL ON ALL SEQUENCES IN SCHEMA drydock FROM PUBLIC, {web}, {worker}, {auditor};
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA drydock FROM PUBLIC, {web}, {worker}, {auditor};
GRANT USAGE ON SCHEMA drydock TO {web}, {worker}, {auditor};
-- Who writes a fact keeps its indexes.
GRANT EXECUTE ON FUNCTION drydock.fact_says(bytea, text[]) TO {web}, {worker}, {auditor};

-- The web process: pages and actions. It never writes what only a run may write, and cannot seal facts.
GRANT SELECT ON ALL TABLES IN SCHEMA drydock TO {web};
GRANT USAGE ON SEQUENCE drydock.fact_id_seq TO {web}, {worker};
GRANT INSERT ON drydock.installation, drydock.person, drydock.account, drydock.global_role, drydock.team, drydock.membership, drydock.session, drydock.submission, drydock.throttle,
    drydock.setting, drydock.fact, drydock.target, drydock.target_stakeholder, drydock.sealed_secret, drydock.sealed_key, drydock.critical_query,
    drydock.examination, drydock.policy, drydock.policy_version, drydock.window, drydock.plan, drydock.revision,
    drydock.window_target, drydock.contributor, drydock.link, drydock.vote, drydock.outbox, drydock.check_item, drydock.resolution,
    drydock.identity_change, drydock.notice_off, drydock.watcher, drydock.target_watcher, drydock.new_address, drydock.pause, drydock.calendar_feed, drydock.freeze, drydock.freeze_override, drydock.freeze_import,
    drydock.series, drydock.series_author, drydock.series_change, drydock.series_target TO {web};
-- A person vouches for a backup; only a worker says that it restored one.
GRANT INSERT (id, target_id, taken_at, location, verified_how, recorded_by) ON drydock.backup_record TO {web};
GRANT INSERT (id, target_id, taken_at, location, verified_how, recorded_by, examination_id, proof) ON drydock.backup_record TO {worker};
GRANT INSERT, DELETE ON drydock.factor, drydock.recovery_code TO {web};
GRANT UPDATE (confirmed_at, last_step) ON drydock.factor TO {web};
GRANT UPDATE (used_at) ON drydock.recovery_code TO {web};
GRANT INSERT ON drydock.vote_code TO {web};
GRANT UPDATE (tries, used_at, ended_at) ON drydock.vote_code TO {web};
GRANT INSERT ON drydock.absence TO {web};
GRANT INSERT (id, window_id, digest, person_id, delegate_id, link_id, code_id) ON drydock.delegation TO {web};
GRANT UPDATE (ended_at, ended_reason) ON drydock.delegation TO {web};
GRANT UPDATE (ends_at, ended_at, ended_by) ON drydock.absence TO {web};
GRANT INSERT ON drydock.policy_change, drydock.policy_agreement, drydock.policy_case TO {web};
GRANT INSERT (id, key, version, name, bytes, digest, proposed_by) ON drydock.own_procedure TO {web};
GRANT UPDATE (agreed_by, agreed_at, ended_by, ended_at) ON drydock.own_procedure TO {web};
GRANT INSERT ON drydock.revision_stage TO {web}, {worker};
GRANT INSERT (id, window_id, revision, target_id, plan_digest, opened_by, state_fact_id, state_fact_at) ON drydock.run TO {web};
GRANT UPDATE (name, email, zone, shared_address, active, may_vote_from, changed_by) ON drydock.person TO {web};
GRANT UPDATE (password_hash, password_changed_at, epoch, theme) ON drydock.account TO {web};
GRANT UPDATE (name, public_url, zone) ON drydock.installation TO {web};
GRANT UPDATE (short_name, name) ON drydock.team TO {web};
GRANT UPDATE (role, deputy, since) ON drydock.membership TO {web};
GRANT UPDATE ON drydock.session TO {web};
GRANT UPDATE (failures, since, blocked_until) ON drydock.throttle TO {web};
GRANT UPDATE (answer) ON drydock.submission TO {web};
GRANT UPDATE (value, changed_at, changed_by) ON drydock.setting TO {web};
GRANT UPDATE (team_id, short_name, name, host, port, database, username, tls, tls_acknowledged_reason, superuser_acknowledged_reason, ca_pem, environment, zone, on_call, trial_copy, state, identity, report, verified_at, revision, former_identity, tags, allowed_hours) ON drydock.target TO {web};
GRANT UPDATE (active) ON drydock.critical_query TO {web};
GRANT UPDATE (state) ON drydock.sealed_secret TO {web}, {worker};
GRANT INSERT ON drydock.sealed_secret, drydock.sealed_key TO {worker};
GRANT DELETE ON drydock.sealed_key TO {worker};
GRANT UPDATE (admitted_at) ON drydock.worker_key TO {web};
GRANT UPDATE (environments, current_version) ON drydock.policy TO {web};
GRANT UPDATE (ended_at, ended_by, adopted) ON drydock.policy_change TO {web};
GRANT UPDATE (state, revision, state_at, state_reason, state_fact_id, state_fact_at, issues_met, owner_id, stage, asked_at, escalated_stages) ON drydock.window TO {web};
GRANT UPDATE (preview, decide_by_at) ON drydock.revision TO {web};
GRANT UPDATE (live, not_started) ON drydock.window_target TO {web};
GRANT UPDATE (opened_at, used_at, ended_at, ended_reason) ON drydock.link TO {web};
GRANT UPDATE (withdrawn_at, withdrawn_reason) ON drydock.vote TO {web};
GRANT UPDATE (state, link_secret, next_at, last_error, attempts) ON drydock.outbox TO {web};
GRANT UPDATE (state, decision, decided_by, stop_asked_at, stop_asked_by, stop_reason, hold_asked_at, hold_asked_by, hold_asked_reason, ended_at, ending, phase, state_fact_id, state_fact_at, hold_reason, hold_verbs) ON drydock.run TO {web};
GRANT UPDATE (state, note, decided_by, decided_at) ON drydock.check_item TO {web};
GRANT UPDATE (highest_at, system_identifier, timeline, frozen_reason) ON drydock.clock_guard TO {web};
GRANT UPDATE (used_at, revoked_at) ON drydock.calendar_feed TO {web};
GRANT UPDATE (level, resumed_at, resumed_by, resume_reason) ON drydock.pause TO {web};
GRANT UPDATE (end_at, revision, lifted_at, lifted_by, lift_reason) ON drydock.freeze TO {web};
GRANT UPDATE (withdrawn_at, withdrawn_by, withdraw_reason) ON drydock.freeze_override TO {web};
-- Whoever starts something asks it.
GRANT EXECUTE ON FUNCTION drydock.freeze_between(uuid, uuid, bytea, timestamptz, timestamptz), drydock.freeze_covers(drydock.freeze, drydock.target),
    drydock.may_freeze(uuid, drydock.freeze) TO {web}, {worker};
-- What lists say of a window of several databases.
GRANT EXECUTE ON FUNCTION drydock.measured_mib(drydock.target), drydock.plan_wants_another_executor(bytea), drydock.more_databases(uuid, integer), drydock.environments(uuid, integer), drydock.first_found(uuid, integer, integer, text, text), drydock.plan_rolls(bytea), drydock.plan_asks(bytea), drydock.may_speak_of(drydock.absence, uuid), drydock.asked_for(uuid, uuid, bytea, uuid), drydock.digest_asks(bytea) TO {web}, {worker};
-- A worker asks for a step by hand, and has no way to say that somebody did it.
GRANT INSERT (run_id, step) ON drydock.by_hand TO {worker};
GRANT UPDATE (done_at, done_by, said) ON drydock.by_hand TO {web};
-- A worker says what a receiver answered; only a person says that a call is done which nobody answered.
GRANT INSERT (run_id, step, id), UPDATE (done_at, answered_at, said) ON drydock.run_call TO {worker};
GRANT UPDATE (done_at, settled_by, said) ON drydock.run_call TO {web};
-- Only a worker shuts accounts out and lets them in.
GRANT INSERT (run_id, number, account_oid, account, server, could_sign_in), UPDATE (let_in_at, said) ON drydock.kept_out TO {worker};
GRANT INSERT ON drydock.break_glass, drydock.glass_review TO {web};
GRANT UPDATE (confirmed_by, confirmed_factor, confirmed_at, review_due_at, ended_at) ON drydock.break_glass TO {web};
-- The mark of a break-glass is set by whoever confirms one, and by no worker.
GRANT UPDATE (glass_id) ON drydock.window TO {web};
GRANT EXECUTE ON FUNCTION drydock.may_break_glass(uuid, uuid, boolean), drydock.glass_holds(uuid, bytea) TO {web}, {worker};
-- A message on the page says what it said: whoever writes it cannot change it, nor say for its reader that it was read.
GRANT INSERT (id, person_id, kind, title, window_id, series_id, freeze_id, target_id, webhook_id, fact_id, fact_at) ON drydock.message TO {web}, {worker};
GRANT UPDATE (read_at) ON drydock.message TO {web};
GRANT EXECUTE ON FUNCTION drydock.sees_team(uuid, uuid) TO {web}, {worker};
GRANT INSERT ON drydock.comment, drydock.mention TO {web};
GRANT UPDATE (retracted_at) ON drydock.comment TO {web};
GRANT INSERT ON drydock.webhook, drydock.webhook_secret, drydock.webhook_event, drydock.webhook_delivery TO {web};
GRANT UPDATE (name, origin, url, events, team_id, environment, state, paused_reason, failing_since, revision) ON drydock.webhook TO {web};
GRANT UPDATE (sealed, ends_at) ON drydock.webhook_secret TO {web};
GRANT UPDATE (state, attempts, next_at, taken_at) ON drydock.webhook_delivery TO {web};
-- Which dates are put together, when, and by whom a vote is: by columns, so that nothing is asked or voted on at another time.
GRANT INSERT (id, series_id, team_id, revision, digest, bytes, first_start_at, last_start_at, asked_by) ON drydock.series_digest TO {web};
GRANT INSERT (id, series_digest_id, digest, person_id, assurance, comment) ON drydock.series_vote TO {web};
GRANT UPDATE (withdrawn_at, withdrawn_reason) ON drydock.series_vote TO {web};
GRANT UPDATE (author_id, title, form, rule, starts_at, zone, lead_days, revision, edited_at, next_look_at, ended_at, ended_by, ended_reason) ON drydock.series TO {web};
GRANT UPDATE (moved_to, reason, changed_by, changed_at) ON drydock.series_change TO {web};
GRANT DELETE ON drydock.series_change, drydock.series_stuck, drydock.series_target TO {web};
GRANT DELETE ON drydock.freeze_import, drydock.notice_off, drydock.watcher, drydock.target_watcher, drydock.session, drydock.submission, drydock.throttle, drydock.membership, drydock.target_stakeholder, drydock.global_role, drydock.sealed_key, drydock.sealed_secret TO {web};
GRANT DELETE ON drydock.policy_case TO {web};
GRANT INSERT (target_id, other_id, kind, added_by), DELETE ON drydock.target_link TO {web};

-- The worker process: runs, probes, messages, seals. It has no way to read passwords or sessions of people.
GRANT SELECT ON ALL TABLES IN SCHEMA drydock TO {worker};
REVOKE SELECT ON drydock.account, drydock.session, drydock.submission, drydock.throttle, drydock.calendar_feed, drydock.vote_code, drydock.factor,
    drydock.recovery_code FROM {worker_alone};
-- A code that opens nothing any more is not mailed.
GRANT SELECT (id, used_at, ended_at, expires_at) ON drydock.vote_code TO {worker};
GRANT INSERT ON drydock.fact, drydock.seal_batch, drydock.seal_member, drydock.service_lease, drydock.service_state, drydock.clock_guard, drydock.worker_key, drydock.run,
    drydock.work_list, drydock.item, drydock.attempt, drydock.run_event, drydock.outbox, drydock.delivery, drydock.mailbox, drydock.link, drydock.check_item, drydock.examination, drydock.undo_part TO {worker};
GRANT UPDATE (state, started_at, backend, evidence, ended_at, outcome, detail) ON drydock.undo_part TO {worker};
GRANT UPDATE ON drydock.service_lease, drydock.service_state, drydock.clock_guard, drydock.run, drydock.item, drydock.attempt, drydock.examination, drydock.outbox, drydock.check_item TO {worker};
GRANT UPDATE (state, identity, report, verified_at) ON drydock.target TO {worker};
GRANT UPDATE (state, state_at, state_reason, state_fact_id, state_fact_at, stage, asked_at, escalated_stages) ON drydock.window TO {worker};
GRANT UPDATE (seen_at, proves_backups) ON drydock.worker_key TO {worker};
GRANT INSERT, UPDATE ON drydock.load_reading, drydock.load_hour TO {worker};
GRANT INSERT, UPDATE, DELETE ON drydock.measurement TO {worker};
GRANT DELETE ON drydock.load_hour TO {worker};
GRANT INSERT ON drydock.webhook_event, drydock.webhook_delivery, drydock.webhook_try TO {worker};
GRANT UPDATE (state, paused_reason, failing_since) ON drydock.webhook TO {worker};
GRANT UPDATE (state, attempts, next_at, last_error, taken_at, worker, lease_until) ON drydock.webhook_delivery TO {worker};
GRANT UPDATE (preview) ON drydock.revision TO {worker};
GRANT UPDATE (live, not_started) ON drydock.window_target TO {worker};
GRANT UPDATE (ended_at, ended_reason) ON drydock.link TO {worker};
GRANT DELETE ON drydock.outbox, drydock.service_state TO {worker};
-- Windows of a series are proposed by the worker: it can propose, and has no way to vote.
-- By columns: what is not named takes its default, so no window is born in another state, another's, or in the past. Which databases a window
-- takes is the worker's business from the first run on, so that table is whole.
GRANT INSERT (id, team_id, created_by, state_at, state_fact_id, state_fact_at) ON drydock.window TO {worker};
GRANT INSERT (window_id, digest, revision, bytes, sealed_by) ON drydock.plan TO {worker};
GRANT INSERT (window_id, number, title, form, preview, start_at, latest_start_at, cut_off_at, end_at, decide_by_at, policy_id, policy_version, created_by) ON drydock.revision TO {worker};
GRANT INSERT ON drydock.window_target TO {worker};
GRANT INSERT (window_id, person_id) ON drydock.contributor TO {worker};
GRANT INSERT (series_id, day, team_id, window_id, start_at, uncovered) ON drydock.series_birth TO {worker};
-- It says which window equals what was approved, and has no way to approve that.
GRANT INSERT (window_id, plan_digest, series_digest_id, fact_id, fact_at) ON drydock.series_cover TO {worker};
GRANT INSERT (series_id, day, start_at, code, message) ON drydock.series_stuck TO {worker};
GRANT UPDATE (looked_at, next_look_at, trouble_code, trouble, trouble_since) ON drydock.series TO {worker};
GRANT UPDATE (start_at, code, message, since) ON drydock.series_stuck TO {worker};
GRANT DELETE ON drydock.series_stuck TO {worker};
-- Delegates are asked by the worker, as absences begin and plans wait.
GRANT INSERT (window_id, digest, absence_id) ON drydock.asked_in_place TO {worker};
-- What the watch over quorums told, while it is so.
GRANT INSERT (window_id, revision, said), DELETE ON drydock.quorum_short TO {worker};
GRANT UPDATE (revision, said) ON drydock.quorum_short TO {worker};
-- Counting votes asks who has an account at all, and who a second factor.
GRANT SELECT (person_id) ON drydock.account TO {worker};
GRANT SELECT (person_id, confirmed_at) ON drydock.factor TO {worker};
GRANT EXECUTE ON FUNCTION drydock.add_fact_month(date) TO {worker};

-- The auditor: the trail and what it speaks of, read only; no credentials, no sessions, no secrets of links.
GRANT SELECT ON drydock.fact, drydock.seal_batch, drydock.seal_member, drydock.person, drydock.team, drydock.target, drydock.window, drydock.revision,
    drydock.plan, drydock.policy, drydock.policy_version, drydock.policy_change, drydock.policy_agreement, drydock.policy_case, drydock.own_procedure, drydock.vote, drydock.contributor, drydock.run, drydock.work_list, drydock.item, drydock.attempt, drydock.resolution, drydock.check_item, drydock.pause, drydock.freeze, drydock.freeze_override,
    drydock.series, drydock.series_author, drydock.series_birth, drydock.series_change, drydock.series_stuck, drydock.series_target,
    drydock.series_digest, drydock.series_vote, drydock.series_cover, drydock.plan_vote TO {auditor};
GRANT SELECT ON drydock.comment, drydock.mention, drydock.absence, drydock.delegation, drydock.by_hand, drydock.run_call, drydock.asked_in_place, drydock.quorum_short,
    drydock.break_glass, drydock.glass_review, drydock.undo_part, drydock.target_link TO {auditor};
