//! Approves the dates of a series that were put together: one vote, for every window whose plan is what they give.

use super::{Caller, audience, covered, scope};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::{Ledger, NewSeriesVote};
use crate::store::series_digests::{self, Asked};
use crate::store::{series::Series, window_forms};
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::approval::{Assurance, StandingVote};
use domain::canonical::Digest;
use domain::decision::{FieldError, Refusal};
use domain::fact::NewFact;
use domain::ids::{PersonId, SeriesId};
use domain::people;
use domain::plan::Plan;
use domain::series::together::{Stands, Voter};
use domain::window::WindowState;
use jiff::Timestamp;
use serde::Deserialize;
use sqlx::PgConnection;

/// What was typed to approve.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Input {
    /// Digest of what the page showed, 64 hex digits.
    pub digest: String,
    /// Short name of the database.
    pub short_name: String,
    /// May be empty.
    pub comment: String,
}

/// Approves, and counts every covered window that waits; gives the numbers of those that are approved now.
///
/// # Errors
/// Other dates than those the page showed; whoever wrote the series or asked; who may not vote, or did; a policy that wants the voter known better.
pub async fn approve_series(engine: &Engine, caller: &Caller, id: SeriesId, input: &Input) -> Result<Vec<i64>> {
    let (caller, input) = (caller.clone(), input.clone());
    let approved = transaction::run(engine.pool(), "approve_series", move |db| {
        let (caller, input) = (caller.clone(), input.clone());
        Box::pin(async move {
            let of = store::series::lock(db, id).await?.ok_or(Error::NotFound)?;
            let now = window_forms::now(db).await?;
            let permit = scope::series_voter(db, &caller, &of, now).await?;
            let person = permit.person().ok_or_else(|| Error::internal("a vote is cast by a person"))?;
            let asked = on(db, &of, &input.digest, now).await?;
            let plan = admitted(db, &of, &asked, (person, caller.actor.known()), now).await?;
            let comment = check(&input, &plan)?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            let vote = NewSeriesVote { asked: asked.id, digest: asked.digest, person, assurance: caller.actor.known(), comment };
            let fact = NewFact::done("series.vote", "series", id)
                .of_team(of.team)
                .with("digest", vote.digest.hex())
                .with("voter", person.to_string())
                .with("assurance", vote.assurance.word())
                .with("comment", vote.comment.clone());
            let fact = ledger.fact(fact).await?;
            let cast = ledger.series_vote(&vote).await?;
            audience::tell_series_voter(&mut ledger, id, person, cast, fact).await?;
            let mut approved = Vec::new();
            for window in series_digests::covered(ledger.db(), asked.id, &[WindowState::Proposed]).await? {
                if covered::count(&mut ledger, window, &asked, fact).await? {
                    approved.push(store::windows::load(ledger.db(), window).await?.number);
                }
            }
            Ok(approved)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Runner, Wake::Sealer]).await;
    Ok(approved)
}

/// What the page showed, if that is still what counts.
async fn on(db: &mut PgConnection, of: &Series, shown: &str, now: Timestamp) -> Result<Asked> {
    let asked = series_digests::newest(db, of.id).await?;
    let Some(asked) = asked.filter(|asked| Digest::from_hex(shown.trim()) == Some(asked.digest)) else {
        return Err(Refusal::new(
            "stale_plan",
            "Other dates were put together since your page was made.",
            "Read those and decide on them.",
        )
        .into());
    };
    match Stands::of((asked.revision, of.revision), of.ended.is_some(), asked.last_start, now).said() {
        Some(why) => Err(Refusal::new("moved_on", why, "Whoever plans the series can ask for the next dates.").into()),
        None => Ok(asked),
    }
}

/// The plan of a date on which this person may vote now.
async fn admitted(
    db: &mut PgConnection,
    of: &Series,
    asked: &Asked,
    (person, known): (PersonId, Assurance),
    now: Timestamp,
) -> Result<Plan> {
    let digest = asked.open()?;
    let first = digest.dates.first().ok_or_else(|| Error::internal("a digest has dates"))?;
    let today = store::groups::of_plan(db, &digest.nameless(first).map_err(Error::internal)?, None).await?;
    let votes: Vec<StandingVote> = series_digests::standing(db, asked.id).await?;
    let authors = series_digests::authors(db, of.id).await?;
    let voter = Voter { person, known, asked_by: asked.asked_by, authors: &authors, votes: &votes, today: &today, now };
    let plan = digest.may_approve(&voter).map_err(Error::internal)??;
    store::voices::on_series(db, of.id, asked.id, person).await?.heard()?;
    Ok(plan)
}

fn check(input: &Input, plan: &Plan) -> Result<String> {
    let short_name = &plan.target().short_name;
    let mut errors = Vec::new();
    if !input.short_name.trim().eq_ignore_ascii_case(short_name) {
        errors.push(FieldError::new("short_name", format!("To approve, type the database's short name: {short_name}.")));
    }
    match people::text("comment", &input.comment, 0, 4000) {
        Ok(comment) if errors.is_empty() => Ok(comment),
        Ok(_) => Err(errors.into()),
        Err(error) => {
            errors.push(error);
            Err(errors.into())
        }
    }
}
