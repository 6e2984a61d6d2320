//! Every way an action or a query can end without success, with what people are told.

use domain::approval::executor;
use domain::decision::{FieldError, Refusal};

/// Result of engine calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A rule or a right says no; the sentence says what is missing and who can supply it.
    #[error("{0}")]
    Refused(Refusal),
    /// Fields of a form; everything typed comes back with them.
    #[error("{} field(s) need attention", .0.len())]
    Invalid(Vec<FieldError>),
    /// No such thing, or not for this person: the same answer for both.
    #[error("not found")]
    NotFound,
    /// It exists, and this person may not know: answered like [`Error::NotFound`], and written down as a denied act.
    #[error("not found")]
    Hidden,
    /// The state database does not answer or has no room.
    #[error("the state database is not available: {0}")]
    Database(#[source] sqlx::Error),
    /// Something that should not happen; the log has the details under the request's id.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Error {
    /// An internal error from anything that can be displayed.
    pub fn internal(error: impl std::fmt::Display) -> Self {
        Self::Internal(error.to_string())
    }
    /// An error of one field.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, message)])
    }
    /// What was denied, in words for the trail; `None` for everything that is no question of rights.
    #[must_use]
    pub fn denial(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) if refusal.code == "not_permitted" => Some(&refusal.message),
            Self::Hidden => Some("Another team's: answered as if it did not exist."),
            _ => None,
        }
    }
    /// True for a transaction that may be tried again: serialization failure or deadlock.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error)) if matches!(error.code().as_deref(), Some("40001" | "40P01")))
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Vec<FieldError>> for Error {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::Invalid(errors)
    }
}

impl From<domain::canonical::CanonicalError> for Error {
    fn from(error: domain::canonical::CanonicalError) -> Self {
        Self::internal(error)
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(error)
    }
}

impl From<sqlx::Error> for Error {
    /// Constraints that people can run into speak in sentences; the rest stays a database error.
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::RowNotFound => Self::NotFound,
            sqlx::Error::Database(ref database) => match database.constraint().and_then(sentence) {
                Some(answer) => answer,
                None => Self::Database(error),
            },
            other => Self::Database(other),
        }
    }
}

fn sentence(constraint: &str) -> Option<Error> {
    let refused = |code: &str, message: &str, way_out: &str| Some(Error::Refused(Refusal::new(code, message, way_out)));
    match constraint {
        "person_email_once" => {
            Some(Error::field("email", "Somebody with this address is known already. Use the existing person, or another address."))
        }
        "team_short_name_once" => Some(Error::field("short_name", "Another team has this short name. Choose a different one.")),
        "target_short_name_once" => Some(Error::field("short_name", "Another database has this short name. Choose a different one.")),
        "target_identity_once" => refused(
            "same_database",
            "This is a database that is registered already: server identity and database are the same.",
            "Use the registered one, or retire it first.",
        ),
        "critical_query_name_once" => Some(Error::field("name", "This database has a critical query of that name already.")),
        "window_target_no_overlap" => refused(
            "overlap",
            "Another approved window uses this database during that time.",
            "Choose a time that does not overlap, or cancel the other window.",
        ),
        "run_one_open_a_target" => {
            refused("run_open", "Another run on this database is not over yet.", "Wait for it, or decide on it if it is on hold.")
        }
        "paused" => refused(
            "paused",
            "All maintenance is paused: the banner on every page says since when, by whom and why.",
            "Whoever paused it or an administrator resumes it on the page Pause.",
        ),
        "series_over" => refused("series_over", "This series was ended.", "Make a new one; what was proposed by it stays as it is."),
        "series_change_born" | "series_birth_pkey" => refused(
            "date_born",
            "The window of this date was proposed at this very moment.",
            "Move or withdraw that window on its own page.",
        ),
        "series_birth_past" => refused("passed", "Its start has passed.", "Propose a window for another time by hand."),
        "pause_one_open" => refused(
            "paused_already",
            "Somebody paused all maintenance at this very moment.",
            "Nothing starts: the banner on every page says why.",
        ),
        "freeze" => refused(
            "freeze",
            "A freeze covers this database: the window's page says which one, until when and why.",
            "Wait for its end, have it lifted on the page Freezes, or have somebody with that right let this window pass.",
        ),
        "freeze_order" => Some(Error::field("to_date", "It has to end after its start, within 400 days.")),
        "freeze_over" => {
            refused("freeze_over", "This freeze ended at this very moment.", "Make a new one if something has to be frozen again.")
        }
        "freeze_override_by_right" => refused(
            "not_permitted",
            "Your right over what this freeze covers ended at this very moment.",
            "Ask somebody who holds it, or an administrator to give you the role.",
        ),
        "target_frozen" => refused(
            "freeze",
            "A freeze covers this database by its environment or by a tag, and it keeps both meanwhile.",
            "Wait for its end, or have it lifted on the page Freezes.",
        ),
        "calendar_feed_limit" => {
            refused("too_many", "You have as many calendar feeds as anybody may have.", "Revoke one that no calendar uses any more.")
        }
        "freeze_source_once" => {
            refused("moved_on", "Somebody imported one of these events at this very moment.", "Look at the file again.")
        }
        "freeze_override_once" => refused("moved_on", "Somebody let this window pass the freeze at this very moment.", "Look at its page."),
        "freeze_override_not_by_contributor" => refused(
            "four_eyes",
            "You wrote a revision of this window, so you do not let it pass a freeze.",
            "Ask somebody else with that right.",
        ),
        "break_glass_one_open" => refused(
            "asked_already",
            "Somebody asked for a break-glass at this very moment.",
            "Look at the window's page, and confirm that.",
        ),
        "break_glass_in_time" => refused(
            "lapsed",
            "Half an hour went by at this very moment, and nobody had confirmed.",
            "Have somebody ask on the window's page, and confirm within half an hour.",
        ),
        "break_glass_soon" => refused(
            "moved_on",
            "Its latest start passed at this very moment, or it starts in more than a day.",
            "Propose it again, and break the glass for that window.",
        ),
        "break_glass_fixed" | "break_glass_newest" | "break_glass_once" => {
            refused("moved_on", "Somebody was faster: the window or its break-glass is another one by now.", "Look at its page.")
        }
        "break_glass_heard" => refused(
            "not_heard",
            "You cannot confirm: you got the right after this window was made, or your account was changed within the last 24 hours.",
            "Call another lead or deputy of the owner team, or an administrator, who wrote no revision.",
        ),
        "break_glass_by_right" => refused(
            "not_permitted",
            "One of the two lost the right at this very moment.",
            "Ask somebody who holds it: leads and deputies of the owner team, and administrators.",
        ),
        "glass_holds" => refused(
            "glass",
            "The break-glass that approved this window counts no more.",
            "Edit the window, so that the people named on its page are asked anew.",
        ),
        "glass_review_pkey" => refused("moved_on", "Somebody reviewed it at this very moment.", "Look at the window's page."),
        "target_still_wanted" => {
            refused("still_wanted", "Windows on this database are not over.", "Withdraw, cancel or finish them first.")
        }
        "window_target_owner" | "series_target_owner" => {
            refused("moved_on", "The database was given to another team, or put away, at this very moment.", "Look at its page again.")
        }
        "rotation_under_run" => refused(
            "run_open",
            "A run on this database is not over: its password is not changed under it.",
            "Wait for the run, or decide on it if it is on hold.",
        ),
        "run_under_rotation" => refused(
            "rotation_unfinished",
            "The password of this database is being changed: until that is finished, no run starts.",
            "Its page says how far it is. It is looked at again until the latest start.",
        ),
        "run_wave_order" | "run_not_started" => refused(
            "moved_on",
            "The wave of this database is not the next one: an earlier one has not ended clean.",
            "Look at the window's page: it names what became of each database.",
        ),
        executor::SEPARATE => executor::may_execute(true, true).err().map(Error::Refused),
        "run_once" => refused("run_once", "This plan was run already, and a plan runs once.", "Propose a new revision to run it again."),
        "vote_once" => refused("already_voted", "You already decided on this plan.", "Withdraw that vote first if you changed your mind."),
        "vote_not_by_contributor" => refused(
            "four_eyes",
            "You wrote a revision of this window, so your vote does not count on it.",
            "Ask the other approvers named on the page.",
        ),
        "vote_by_eligible_person" => refused(
            "not_eligible",
            "You may not vote at the moment: your account is closed, shared, or its address, role, password or second factor changed within the last 24 hours.",
            "Ask another approver, or wait.",
        ),
        "session_with_factor" => {
            refused("sign_in_again", "This account has a second factor since this very moment.", "Sign in again, with it.")
        }
        "vote_with_factor" => refused(
            "sign_in_again",
            "Your second factor was removed at this very moment, so this vote cannot say that you showed it.",
            "Sign in again, and decide then.",
        ),
        "vote_not_by_whom_an_author_changed" => refused(
            "changed_by_author",
            "Somebody who wrote a revision of this window changed your address, role, password or second factor, so you do not vote on it.",
            "The others named on the page decide.",
        ),
        "policy_agreement_heard" => refused(
            "votes_rest",
            "Your address, role, password or second factor was changed at this very moment, so your agreement does not count now.",
            "The page says from when it counts, and who else is asked.",
        ),
        "policy_agreement_not_by_whom_the_proposer_changed" => refused(
            "changed_by_proposer",
            "Whoever proposed this change changed your address, role, password or second factor, so you do not agree to it.",
            "The others named on the page agree.",
        ),
        "policy_agreement_with_factor" => refused(
            "factor_needed",
            "The policy that rules now counts your agreement only with a second factor, and yours ended at this very moment.",
            "Set one up on your profile.",
        ),
        "window_owner_may_propose" => refused(
            "owner_unfit",
            "A window is owned by an active lead, deputy or engineer of its team, and one of those chosen is none any more.",
            "Look at the page again and choose somebody else.",
        ),
        "last_admin_stays" => refused("last_admin", "This is the last administrator.", "Make somebody else an administrator first."),
        "person_role_name_is_shared" => Some(Error::field(
            "shared",
            "This address is named after a function, so several people read it: leave it marked as shared, or give a person's own address.",
        )),
        "vote_comment" => Some(Error::field("comment", "Say why: a rejection or a request for changes needs a comment.")),
        "window_transition" | "run_transition" => {
            refused("moved_on", "The state changed meanwhile, and this step is no longer possible.", "Look at the page again.")
        }
        "window_closes_when_checked" => {
            refused("list_not_done", "The validation list is not done.", "Tick what is open; a failed item needs a lead who accepts it.")
        }
        "attempt_once_only" => refused(
            "once_only",
            "A once-only step is not tried again without proof that it did not run.",
            "Two people have to find out and say so.",
        ),
        _ => None,
    }
}
