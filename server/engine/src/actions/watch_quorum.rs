//! Says at once, and once, that a proposal cannot be approved in time any more: because people are away, left, may not vote, or wrote it.

use super::audience;
use crate::error::Result;
use crate::ledger::Ledger;
use crate::store::absences;
use crate::store::quorum_shorts::{self, Told};
use crate::store::stand_ins::{self, Counting};
use crate::store::{self, windows::Window};
use crate::transaction;
use crate::wake::{Wake, wake};
use domain::approval::Electorate;
use domain::approval::outlook::{self, Ask, Presence, Short, Waiting};
use domain::fact::NewFact;
use domain::ids::{PersonId, WindowId};
use domain::notice::NoticeKind;
use domain::permission::Permit;
use domain::plan::Plan;
use domain::window::WindowState;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Map;
use sqlx::{PgConnection, PgPool};
use std::collections::{BTreeMap, BTreeSet};

/// Looks at one window, and tells its owner when its quorum went out of reach; a new revision, or another time, is told anew. The scheduler
/// calls it. True when something was told.
pub async fn watch_quorum(pool: &PgPool, permit: &Permit, window: WindowId) -> Result<bool> {
    let permit = permit.clone();
    if !transaction::read(pool, "quorum_look", move |db| Box::pin(async move { Ok(look(db, window).await?.is_news()) })).await? {
        return Ok(false);
    }
    let told = transaction::run(pool, "watch_quorum", move |db| {
        let permit = permit.clone();
        Box::pin(async move {
            let mut ledger = Ledger::open(db, &permit, "scheduler");
            ledger.lock_window(window).await?;
            // Another worker was faster, or something changed meanwhile.
            let found = look(ledger.db(), window).await?;
            if !found.is_news() {
                return Ok(false);
            }
            let action = if found.now.is_some() { "window.quorum_short" } else { "window.quorum_in_reach" };
            let mut fact = NewFact::done(action, "window", window)
                .of_window(window)
                .of_team(found.window.team)
                .with("revision", found.window.revision)
                .with("digest", found.window.digest.hex());
            if let Some(now) = &found.now {
                fact = fact.with("reasons", now.said.clone());
            }
            let Some(now) = &found.now else {
                // What ended says so itself; what goes on is in reach again.
                if found.window.state == WindowState::Proposed {
                    ledger.fact(fact).await?;
                }
                quorum_shorts::forget(ledger.db(), window).await?;
                return Ok(false);
            };
            quorum_shorts::put(ledger.db(), window, now).await?;
            if !found.is_another_time() {
                return Ok(false);
            }
            let fact = ledger.fact(fact).await?;
            let payload = Map::from_iter([("said".to_owned(), now.said.clone().into())]);
            let plan = found.window.plan()?;
            audience::tell(&mut ledger, &found.window, &plan, NoticeKind::QuorumShort, payload, fact).await?;
            Ok(true)
        })
    })
    .await?;
    if told {
        wake(pool, &[Wake::Notifier, Wake::Sealer]).await;
    }
    Ok(told)
}

/// A window, what was told of it, and how it is.
struct Found {
    window: Window,
    before: Option<Told>,
    now: Option<Told>,
}

impl Found {
    fn is_news(&self) -> bool {
        self.before != self.now
    }
    /// Other reasons of the same revision are no news for its owner, who knows already.
    fn is_another_time(&self) -> bool {
        let of = |told: &Option<Told>| told.as_ref().map(|told| told.revision);
        self.now.is_some() && of(&self.before) != of(&self.now)
    }
}

async fn look(db: &mut PgConnection, id: WindowId) -> Result<Found> {
    let window = store::windows::load(db, id).await?;
    let before = quorum_shorts::told(db, id).await?;
    if window.state != WindowState::Proposed {
        return Ok(Found { window, before, now: None });
    }
    let plan = window.plan()?;
    let zone = TimeZone::get(&absences::zone(db, window.owner).await?).unwrap_or(TimeZone::UTC);
    let said = short(db, &window, &plan, &zone).await?;
    let now = said.map(|said| Told { revision: window.revision, said });
    Ok(Found { window, before, now })
}

/// What is short in sentences, with days of this zone; `None` while the plan can be approved in time.
pub(crate) async fn short(db: &mut PgConnection, window: &Window, plan: &Plan, zone: &TimeZone) -> Result<Option<Vec<String>>> {
    if plan.is_pre_approved() {
        return Ok(None);
    }
    let voters = plan.voters();
    let counting = Counting { window: window.id, digest: window.digest, team: window.team, voters: &voters };
    let stand_ins = stand_ins::of(db, &counting).await?;
    let today = store::groups::of_plan(db, plan, Some(Timestamp::MAX)).await?;
    let contributors = store::windows::contributors(db, window.id).await?;
    let votes: Vec<_> = store::votes::standing(db, window.id, window.digest).await?.into_iter().map(|(_, vote)| vote).collect();
    let people: BTreeSet<PersonId> = voters
        .iter()
        .copied()
        .chain(today.values().flat_map(Electorate::everybody))
        .chain(stand_ins.iter().map(|one| one.delegate))
        .collect();
    let presences = presences(db, window.id, &people, &votes.iter().map(|vote| vote.person).collect()).await?;
    let nobody = Electorate::default();
    let several = plan.is_many();
    let each = plan.asks().map(|(target, policy, sealed)| Ask {
        name: several.then_some(target.short_name.as_str()),
        policy: &policy.rules,
        sealed,
        today: today.get(&target.id).unwrap_or(&nobody),
    });
    let asks: Vec<Ask<'_>> = each.collect();
    let waiting = Waiting {
        asks: &asks,
        risk: plan.risk(),
        contributors: &contributors,
        stand_ins: &stand_ins,
        votes: &votes,
        deadlines: &quorum_shorts::deadlines(db, window.id, window.revision).await?,
        people: &presences,
        now: store::runs::now(db).await?,
    };
    let found = outlook::outlook(&waiting, zone);
    if found.is_empty() { Ok(None) } else { said(db, &found).await.map(Some) }
}

async fn said(db: &mut PgConnection, found: &[Short]) -> Result<Vec<String>> {
    let named = found.iter().flat_map(Short::people).collect();
    Ok(outlook::sentences(found, &store::window_page::names(db, &named).await?))
}

/// How each of these people stands towards the window; a change that bars somebody leaves the vote that was there before.
async fn presences(
    db: &mut PgConnection,
    window: WindowId,
    people: &BTreeSet<PersonId>,
    voted: &BTreeSet<PersonId>,
) -> Result<BTreeMap<PersonId, Presence>> {
    let voices = store::voices::of(db, window, people).await?;
    let silent = domain::voice::silent(&voices, voted);
    let mut away = absences::now(db, &people.iter().copied().collect::<Vec<_>>()).await?;
    let of = |person: PersonId| {
        let mute = voices.get(&person).filter(|_| silent.contains(&person)).and_then(domain::voice::Voice::reason);
        (person, Presence { mute, away: away.remove(&person) })
    };
    Ok(people.iter().copied().map(of).collect())
}
