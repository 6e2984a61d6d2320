//! Checked SQL on our own schema, one file per thing. Reads are here; writes of windows, votes, runs, facts and messages are in the ledger.

pub mod absences;
pub mod account_links;
pub mod backups;
pub mod beside;
pub mod by_hand;
pub mod calendar;
pub mod checks;
pub mod clock_guard;
pub mod comments;
pub mod critical_queries;
pub mod delegations;
pub mod demo;
pub mod departures;
pub mod evidence;
pub mod examinations;
pub mod factors;
pub mod feeds;
pub mod freeze_imports;
pub mod freeze_overrides;
pub mod freezes;
pub mod glass;
pub mod groups;
pub mod home;
pub mod hours;
pub mod kept_out;
pub mod lanes;
pub mod letters;
pub mod links;
pub mod live;
pub mod load;
pub mod mailbox;
pub mod measurements;
pub mod messages;
pub mod new_addresses;
pub mod outbox;
pub mod own_procedures;
pub mod past_lists;
pub mod pauses;
pub mod people;
pub mod people_pages;
pub mod policies;
pub mod policy_cases;
pub mod policy_changes;
pub mod quorum_shorts;
pub mod registered;
pub mod rehearsals;
pub mod run_calls;
pub mod run_page;
pub mod runs;
pub mod seals;
pub mod secrets;
pub mod series;
pub mod series_dates;
pub mod series_digests;
pub mod series_pages;
pub mod service_leases;
pub mod service_states;
pub mod sessions;
pub mod settings;
pub mod sign_ins;
pub mod stand_ins;
pub mod target_links;
pub mod target_pages;
pub mod targets;
pub mod teams;
pub mod throttle;
pub mod trail;
pub mod trail_check;
pub mod undo;
pub mod vitals;
pub mod voices;
pub mod vote_codes;
pub mod votes;
pub mod watchers;
pub mod webhook_deliveries;
pub mod webhooks;
pub mod window_forms;
pub mod window_list;
pub mod window_many;
pub mod window_page;
pub mod windows;

/// An instant on its way to or from the database.
pub type Stamp = jiff_sqlx::Timestamp;

/// A day of the calendar on its way to or from the database.
pub type Day = jiff_sqlx::Date;

/// A wall time without a zone on its way to or from the database.
pub type Wall = jiff_sqlx::DateTime;

/// Puts an instant on its way to the database.
#[must_use]
pub fn stamp(at: jiff::Timestamp) -> Stamp {
    jiff_sqlx::ToSqlx::to_sqlx(at)
}

/// Sends an empty notification.
pub(crate) async fn notify(pool: &sqlx::PgPool, channel: &str) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_notify($1, '') IS NULL AS sent", channel).fetch_one(pool).await.map(drop)
}
