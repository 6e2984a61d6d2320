//! One file per verb. Each reads like the six beats: authorize, load, ask the domain, ledger, commit, wake.

pub mod accept_invite;
pub mod accept_new_address;
pub mod accept_red;
pub mod acknowledge_clock;
pub mod acknowledge_superuser;
pub mod add_contact;
pub mod add_critical_query;
pub mod add_person;
pub mod add_webhook;
pub mod agree_policy;
pub mod agree_procedure;
pub mod amend_window;
pub mod announce_worker_key;
pub mod approve_series;
pub mod ask_break_glass;
pub mod ask_delegates;
pub mod ask_examination;
pub mod ask_new_address;
pub mod ask_reset;
pub mod ask_series;
pub(crate) mod audience;
mod ballot;
pub mod bear_window;
pub mod begin_factor;
pub mod call_off_window;
pub mod cancel_many;
pub mod cast_vote;
pub mod change_password;
pub mod close_window;
pub mod confirm_break_glass;
pub mod confirm_factor;
mod covered;
pub mod create_admin;
pub mod create_freeze;
pub mod deactivate_person;
pub mod delegate_vote;
pub mod delete_target;
pub mod delete_webhook;
pub mod edit_notices;
pub mod edit_person;
pub mod edit_profile;
pub mod edit_series;
pub mod edit_target;
pub mod edit_webhook;
pub mod end_absence;
pub mod end_procedure;
pub mod end_series;
pub mod end_sessions;
pub mod end_waves;
pub mod end_window;
pub mod escalate_window;
pub mod export_trail;
pub(crate) mod factor;
pub mod forget_example;
pub mod hold_run;
pub mod hold_window;
pub mod import_freezes;
pub mod invite_person;
pub mod keep_example;
pub mod keep_session;
pub mod lift_freeze;
pub mod link_target;
pub mod mail_code;
pub mod mail_fresh_link;
pub mod make_feed;
pub mod make_series;
pub mod move_absence;
pub mod move_date;
pub mod move_freeze_end;
pub mod move_window;
mod new_account;
mod new_window;
pub mod note_refusal;
pub mod open_run;
mod open_runs;
pub mod open_wave;
pub mod override_freeze;
pub mod pass_factor;
pub mod pause_all;
pub mod pause_webhook;
mod policy_check;
mod pre_approve;
pub mod preview_freeze_import;
pub mod preview_proposal;
pub mod probe_again;
pub mod propose_policy;
pub mod propose_procedure;
pub mod propose_window;
pub mod put_team;
pub mod reactivate_person;
pub mod read_evidence;
pub mod read_messages;
pub mod read_trail;
pub mod record_backup;
pub mod register_target;
pub mod reinstate_target;
pub mod remind_voters;
pub mod remove_factor;
pub mod replace_password;
pub mod resend_delivery;
pub mod resend_notice;
pub mod reset_password;
pub mod resolve_hold;
pub mod restore_date;
pub mod resume_all;
pub mod resume_webhook;
pub mod retire_critical_query;
pub mod retire_target;
pub mod retract_comment;
pub mod review_break_glass;
pub mod revoke_feed;
pub mod rotate_password;
pub mod rotate_webhook_secret;
pub mod say_absence;
pub(crate) mod scope;
pub(crate) mod seal_revision;
pub mod send_test_mail;
mod series;
pub mod set_hours;
pub mod set_member;
pub mod set_public_url;
pub mod set_stakeholders;
pub mod set_tags;
pub mod set_up;
mod show_code;
pub mod sign_in;
pub mod sign_out;
pub mod skip_date;
pub(crate) mod start_gate;
pub mod stop_run;
pub mod stop_window;
pub mod test_webhook;
pub mod tick_item;
pub mod transfer_target;
mod typed;
pub mod unlink_target;
pub mod verify_trail;
pub mod watch;
pub mod watch_quorum;
pub mod withdraw_invite;
pub mod withdraw_override;
pub mod withdraw_policy;
pub mod withdraw_series_vote;
pub mod withdraw_vote;
pub mod write_comment;
pub mod write_issues_met;

pub(crate) use series::over as series_over;

use crate::error::Error;
use domain::decision::Refusal;
use domain::ids::TeamId;
use domain::permission::{Actor, Verb, holds};

/// Who asks, and under which request id: what every action starts from.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The person, with today's rights.
    pub actor: Actor,
    /// Request id, for the trail and the log.
    pub request: String,
}

/// A refusal for people who may see the team's work; for everybody else the thing does not exist.
pub(crate) fn hide(actor: &Actor, team: TeamId, refusal: Refusal) -> Error {
    if holds(actor, Verb::SeeTeam, Some(team)) { refusal.into() } else { Error::Hidden }
}

/// Passes for people who typed their password within the last minutes; what they asked for is kept meanwhile.
pub(crate) fn elevated(actor: &Actor) -> crate::error::Result<()> {
    if actor.elevated {
        return Ok(());
    }
    Err(Refusal::new(ELEVATE, "This needs your password once more.", "Type it, and you come back here with everything you typed.").into())
}

/// Code of the refusal that asks for the password again; the web side answers it with the page for it.
pub const ELEVATE: &str = "elevate";
