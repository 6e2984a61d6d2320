//! Dates of a series that are approved together: the page to decide on, what the page of the series says of them, and whom they wait for.

use super::series::of_reader;
use crate::actions::scope;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::series::Series;
use crate::store::series_digests::{self, Asked};
use crate::store::{absences, groups, letters, series, window_forms, window_page, windows};
use crate::transaction;
use domain::approval::{Electorates, Standing, StandingVote};
use domain::ids::{PersonId, SeriesId};
use domain::permission::{Actor, Verb, authorize_asked, holds};
use domain::plan::Plan;
use domain::series::digest::{DigestDate, SeriesDigest};
use domain::series::together::{Stands, Voter};
use domain::view::absences::waited;
use domain::view::people::Attention;
use domain::view::series::{Approval, ApprovalPage, DigestCard, DigestLine, DigestRule, DigestVote, InPlace, LeftApproval};
use domain::view::windows::Offer;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};

/// The page on which the dates that were put together are read and decided on.
///
/// Whoever is asked by them reads it without seeing the rest of the team's work. Whoever approved, and is neither asked nor sees anything of the team
/// any more, reads as much as it takes to take that back.
pub async fn approval(engine: &Engine, actor: &Actor, id: SeriesId) -> Result<Approval> {
    let actor = actor.clone();
    transaction::read(engine.pool(), "series_approval", move |db| {
        let actor = actor.clone();
        Box::pin(async move {
            let now = window_forms::now(db).await?;
            let (of, sees_team) = match of_reader(db, &actor, id).await {
                Err(Error::Hidden) => match asked(db, &actor, id).await? {
                    Some(of) => (of, false),
                    None => return left(db, &actor, id).await.map(Approval::Left),
                },
                found => (found?, true),
            };
            let plan = match series_digests::newest(db, id).await? {
                Some(asked) => Some(read(&asked.open()?, now)?.1),
                None => None,
            };
            Ok(Approval::Whole(Box::new(ApprovalPage {
                card: card(db, &actor, &of, now).await?,
                sees_team,
                id,
                words: of.schedule.rule.words(of.schedule.start),
                title: of.title,
                database: of.database,
                zone: of.zone,
                team: of.team_name,
                author: of.author_name,
                plan,
            })))
        })
    })
    .await
}

/// Whether dates of a series were ever put together.
pub(crate) async fn is_asked(engine: &Engine, id: SeriesId) -> Result<bool> {
    transaction::read(engine.pool(), "series_asked", move |db| Box::pin(async move { Ok(series_digests::newest(db, id).await?.is_some()) }))
        .await
}

/// The series, for whoever sees nothing of its team and is asked by its dates that were put together.
async fn asked(db: &mut PgConnection, actor: &Actor, id: SeriesId) -> Result<Option<Series>> {
    let Some(of) = series::find(db, id).await? else { return Ok(None) };
    // Dates that have passed, too: whoever approved them reads what became of them.
    Ok(scope::is_asked_together(db, &of, actor.person, Timestamp::MIN).await?.then_some(of))
}

/// What somebody approved of a team's series whose work they do not see any more.
async fn left(db: &mut PgConnection, actor: &Actor, id: SeriesId) -> Result<LeftApproval> {
    let own = series_digests::own(db, id, actor.person).await?;
    if own.is_empty() {
        return Err(Error::Hidden);
    }
    let (title, database) = letters::series(db, id).await?;
    Ok(LeftApproval { id, title, database, votes: own.into_iter().map(|vote| (vote.digest, vote.at)).collect() })
}

/// The first date to come, or the last one that was, with its plan.
fn read(digest: &SeriesDigest, now: Timestamp) -> Result<(&DigestDate, Plan)> {
    let next = digest.dates.iter().find(|date| date.times.start > now).or(digest.dates.last());
    let date = next.ok_or_else(|| Error::internal("a digest has dates"))?;
    Ok((date, digest.nameless(date).map_err(Error::internal)?))
}

/// What was put together of a series last, as the reader sees it.
pub(super) async fn card(db: &mut PgConnection, actor: &Actor, of: &Series, now: Timestamp) -> Result<Option<DigestCard>> {
    let Some(asked) = series_digests::newest(db, of.id).await? else { return Ok(None) };
    let digest = asked.open()?;
    let stands = Stands::of((asked.revision, of.revision), of.ended.is_some(), asked.last_start, now);
    let (shown, plan) = read(&digest, now)?;
    let today = groups::of_plan(db, &plan, None).await?;
    let votes = series_digests::votes(db, asked.id).await?;
    let counted: Vec<StandingVote> = votes.iter().rev().filter(|vote| vote.withdrawn.is_none()).map(|vote| vote.vote.clone()).collect();
    let standing = digest.standing(shown, &today, &counted).map_err(Error::internal)?;
    let asks = digest.asks(actor.person, &today, now).map_err(Error::internal)?;
    let offer = if stands == Stands::Now && authorize_asked(actor, Verb::Vote, of.team, asks).is_ok() {
        may(db, of.id, &asked, &digest, (actor, now), &today, &counted).await?.map_or_else(Offer::No, |()| Offer::Yes)
    } else {
        Offer::Absent
    };
    Ok(Some(DigestCard {
        digest: asked.digest,
        asked_by: asked.asked_by_name.clone(),
        asked_at: asked.asked_at,
        stands,
        dates: lines(db, (actor, of, now), &asked, &digest, &today, &counted).await?,
        rules: rules(db, actor, &standing).await?,
        votes: votes
            .into_iter()
            .map(|vote| DigestVote {
                who: vote.who,
                assurance: vote.vote.assurance,
                at: vote.vote.at,
                comment: vote.comment,
                withdrawn: vote.withdrawn,
            })
            .collect(),
        own: !series_digests::own(db, of.id, actor.person).await?.is_empty(),
        offer,
    }))
}

async fn may(
    db: &mut PgConnection,
    series: SeriesId,
    asked: &Asked,
    digest: &SeriesDigest,
    (actor, now): (&Actor, Timestamp),
    today: &Electorates,
    votes: &[StandingVote],
) -> Result<Result<(), domain::decision::Refusal>> {
    let authors = series_digests::authors(db, series).await?;
    let voter = Voter { person: actor.person, known: actor.known(), asked_by: asked.asked_by, authors: &authors, votes, today, now };
    Ok(digest.may_approve(&voter).map_err(Error::internal)?.map(drop))
}

/// Each date with its window, where it has one, and what is still missing where it has none.
async fn lines(
    db: &mut PgConnection,
    (actor, of, now): (&Actor, &Series, Timestamp),
    asked: &Asked,
    digest: &SeriesDigest,
    today: &Electorates,
    votes: &[StandingVote],
) -> Result<Vec<DigestLine>> {
    let days = || digest.dates.iter().map(|date| date.day);
    let Some(between) = days().min().zip(days().max()) else { return Ok(vec![]) };
    let fates = series_digests::fates(db, of.id, asked.id, between).await?;
    let sees_team = holds(actor, Verb::SeeTeam, Some(of.team));
    let mut lines = Vec::new();
    for date in &digest.dates {
        let standing = digest.standing(date, today, votes).map_err(Error::internal)?;
        let fate = fates.get(&date.day);
        let may_read = match fate {
            Some(fate) if !sees_team => {
                let window = windows::by_number(db, fate.number).await?;
                scope::may_decide(db, actor, &window).await?
            }
            _ => sees_team,
        };
        lines.push(DigestLine {
            start: date.times.start,
            passed: date.times.start <= now,
            window: fate.map(|fate| (fate.number, fate.state)),
            may_read,
            alone: fate.and_then(series_digests::Fate::alone),
            approved: standing.approved,
            missing: standing.lines().iter().map(domain::approval::RuleStanding::missing).sum(),
        });
    }
    Ok(lines)
}

async fn rules(db: &mut PgConnection, actor: &Actor, standing: &Standing) -> Result<Vec<DigestRule>> {
    let lines = standing.lines();
    let people: BTreeSet<PersonId> = lines.iter().flat_map(|rule| rule.have.iter().chain(&rule.waiting_for)).copied().collect();
    let names: BTreeMap<PersonId, String> = window_page::names(db, &people).await?;
    let away = absences::now(db, &people.iter().copied().collect::<Vec<_>>()).await?;
    let meanwhile = absences::away(db, &people.iter().map(|person| person.0).collect::<Vec<_>>()).await?;
    let waited = waited(&names, &away, &[], &TimeZone::get(&actor.zone).unwrap_or(TimeZone::UTC));
    let named =
        |people: &[PersonId], names: &BTreeMap<PersonId, String>| people.iter().filter_map(|person| names.get(person).cloned()).collect();
    let in_place = |person: &PersonId| {
        let (absent, delegate) = (names.get(person)?.clone(), meanwhile.get(person)?.delegate.clone()?);
        Some(InPlace { absent, delegate })
    };
    Ok(lines
        .iter()
        .map(|rule| DigestRule {
            who: rule.who(),
            need: rule.need,
            have: named(&rule.have, &names),
            waiting_for: named(&rule.waiting_for, &waited),
            in_place: rule.waiting_for.iter().filter_map(in_place).collect(),
            later: rule.later,
            known: rule.rule.assurance,
        })
        .collect())
}

/// Whether the reader's approval is waited for, be it that they have to sign in with more first.
fn asks(offer: &Offer) -> bool {
    offer.is_open() || offer.why_not().is_some_and(|refusal| refusal.code == "factor_needed")
}

/// Series whose dates wait for the reader's approval, for the first page.
pub(super) async fn waiting(db: &mut PgConnection, actor: &Actor) -> Result<Vec<Attention>> {
    let now = window_forms::now(db).await?;
    let ids = series_digests::perhaps_waiting(db, actor.person).await?;
    let mut found = Vec::new();
    for of in series::many(db, &ids).await? {
        let Some(card) = card(db, actor, &of, now).await?.filter(|card| asks(&card.offer)) else { continue };
        let (last, zone) = (card.dates.last().map(|date| date.start), of.zone()?);
        let until = last.map(|at| at.to_zoned(zone).strftime("%-d %b").to_string()).unwrap_or_default();
        let why = format!("Its dates until {until} wait for your approval, all together. {} asks.", card.asked_by);
        found.push(Attention { what: format!("Series {}", of.title), why, to: format!("/series/{}/approval", of.id) });
    }
    Ok(found)
}
