//! Telling the people concerned: one message a person and transition, in the transition's own transaction.

use super::cast_vote::standing;
use crate::error::{Error, Result};
use crate::ledger::{FactRef, Ledger};
use crate::store::series::Series;
use crate::store::{self, windows::Window};
use domain::absence::Absence;
use domain::ids::{CommentId, FreezeId, PersonId, SeriesId, TeamId, VoteId};
use domain::notice::topics::{Channel, Channels, Off};
use domain::notice::{Concerned, NewNotice, NoticeKind};
use domain::plan::Plan;
use domain::series::Trouble;
use domain::view::freezes::Passing;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The longest life of a decision link.
const LINK_LIFE: SignedDuration = SignedDuration::from_hours(24 * 30);

/// In the payload of a request for a decision that was sent before.
pub(crate) const REMINDER: &str = "reminder";

/// Who is told, and by which ways.
pub(crate) type Told = BTreeMap<PersonId, Channels>;

/// Puts a message of `kind` into the outbox, and on the page of messages, for everybody it concerns, once each, and says how many. Decision requests carry a personal link.
pub(crate) async fn tell(
    ledger: &mut Ledger<'_>,
    window: &Window,
    plan: &Plan,
    kind: NoticeKind,
    payload: Map<String, Value>,
    fact: FactRef,
) -> Result<usize> {
    Ok(tell_but(ledger, window, plan, kind, payload, fact, &Told::new()).await?.len())
}

/// The same, but by no way by which somebody is `told` of this change by another message; gives those to whom it goes.
pub(crate) async fn tell_but(
    ledger: &mut Ledger<'_>,
    window: &Window,
    plan: &Plan,
    kind: NoticeKind,
    payload: Map<String, Value>,
    fact: FactRef,
    told: &Told,
) -> Result<Told> {
    let people = but(concerned(ledger, window, Some(plan), kind).await?, told);
    send(ledger, window, plan, kind, people, payload, fact).await
}

/// Asks these people for their decision, each by a personal link, and gives those who are asked; those who are not active, or want no such
/// mail, are left out.
pub(crate) async fn ask(
    ledger: &mut Ledger<'_>,
    window: &Window,
    plan: &Plan,
    people: BTreeSet<PersonId>,
    payload: Map<String, Value>,
    fact: FactRef,
) -> Result<Told> {
    let asked = people.into_iter().map(|person| (person, BTreeSet::from([Concerned::Eligible])));
    let people = wanting(ledger, NoticeKind::ApprovalNeeded, asked).await?;
    send(ledger, window, plan, NoticeKind::ApprovalNeeded, people, payload, fact).await
}

async fn send(
    ledger: &mut Ledger<'_>,
    window: &Window,
    plan: &Plan,
    kind: NoticeKind,
    people: Told,
    payload: Map<String, Value>,
    fact: FactRef,
) -> Result<Told> {
    let workers = store::votes::worker_keys(ledger.db()).await?;
    for (person, by) in &people {
        let notice = NewNotice::new(kind, *person, payload.clone()).by(by.clone());
        let about = Some((plan.window, window.digest));
        let link = match kind {
            _ if !by.contains(&Channel::Mail) => None,
            NoticeKind::ApprovalNeeded => Some(ledger.link("approve", *person, about, link_end(plan, fact.at()), &workers).await?),
            NoticeKind::VoteRecorded | NoticeKind::Delegated => {
                Some(ledger.link("object", *person, about, object_end(plan, fact.at()), &workers).await?)
            }
            _ => None,
        };
        ledger.notice(&notice, Some(plan.window), Some(window.digest), link.as_ref(), fact).await?;
    }
    Ok(people)
}

/// Says that a window that is not approved has other times, to those alone whose calendar has it at the old ones and who are not `told` by
/// another message. To everybody else it was never announced.
pub(crate) async fn tell_invited(
    ledger: &mut Ledger<'_>,
    window: &Window,
    payload: Map<String, Value>,
    fact: FactRef,
    told: &Told,
) -> Result<()> {
    let kind = NoticeKind::Moved;
    let invited = store::outbox::invited(ledger.db(), window.id).await?;
    let relations = invited.into_iter().map(|person| (person, BTreeSet::from([Concerned::Invited])));
    for (person, by) in but(wanting(ledger, kind, relations).await?, told) {
        let notice = NewNotice::new(kind, person, payload.clone()).by(by);
        ledger.notice(&notice, Some(window.id), Some(window.digest), None, fact).await?;
    }
    Ok(())
}

/// Puts a message into the outbox for one person, who is concerned by what was just done to them.
pub(crate) async fn tell_one(ledger: &mut Ledger<'_>, window: &Window, kind: NoticeKind, person: PersonId, fact: FactRef) -> Result<()> {
    let notice = NewNotice::new(kind, person, Map::new());
    ledger.notice(&notice, Some(window.id), Some(window.digest), None, fact).await.map(drop)
}

/// Puts a message into the outbox for everybody whom a comment names and who wants to hear, and for those of the others whom comments on this
/// window concern; its author hears nothing. The text stays where it is: a mail quotes it when it leaves, unless it was taken back.
pub(crate) async fn tell_of_comment(
    ledger: &mut Ledger<'_>,
    window: &Window,
    comment: CommentId,
    named: &BTreeSet<PersonId>,
    fact: FactRef,
) -> Result<usize> {
    let author = ledger.permit().person();
    // Readers alone: whoever wrote a revision may have left the team since.
    let mut others = concerned(ledger, window, None, NoticeKind::Commented).await?;
    let readers = store::comments::readers(ledger.db(), window.id, &window.targets, Some(&others.keys().copied().collect())).await?;
    others.retain(|person, _| readers.iter().any(|reader| reader.person == *person) && Some(*person) != author);
    let named =
        wanting(ledger, NoticeKind::Mentioned, named.iter().map(|person| (*person, BTreeSet::from([Concerned::Mentioned])))).await?;
    // Whoever wants to be told of their name by one way alone may want comments by the other.
    let others = but(others, &named);
    let payload = Map::from_iter([("comment_id".to_owned(), comment.to_string().into())]);
    for (kind, told) in [(NoticeKind::Mentioned, &named), (NoticeKind::Commented, &others)] {
        for (person, by) in told {
            let notice = NewNotice::new(kind, *person, payload.clone()).by(by.clone());
            ledger.notice(&notice, Some(window.id), Some(window.digest), None, fact).await?;
        }
    }
    Ok(named.keys().chain(others.keys()).collect::<BTreeSet<_>>().len())
}

/// Those who are waited for and have not voted get a fresh request; whoever voted already keeps the vote. Gives those who are asked.
pub(crate) async fn ask_the_others(
    ledger: &mut Ledger<'_>,
    window: &Window,
    plan: &Plan,
    voted: &BTreeSet<PersonId>,
    fact: FactRef,
) -> Result<Told> {
    let left = standing(ledger.db(), window, plan).await?;
    // A stage that is open again has its own deadline again.
    ledger.turn(window.id, left.stage, fact).await?;
    // Who votes for the absent is asked by the loop that knows their absences; who was named by a link has it ended with the others.
    let named = store::delegations::delegates(ledger.db(), window.id, window.digest).await?;
    let waiting = left.waiting_for();
    let others = waiting.difference(voted).copied();
    let others = others.filter(|person| plan.voters().contains(person) || named.contains(person)).collect();
    ask(ledger, window, plan, others, Map::new(), fact).await
}

/// Puts a message about the whole installation into the outbox of leads and deputies of every team and of administrators.
pub(crate) async fn tell_heads(ledger: &mut Ledger<'_>, kind: NoticeKind, payload: Map<String, Value>, fact: FactRef) -> Result<usize> {
    let people = store::groups::heads(ledger.db()).await?;
    for person in &people {
        ledger.notice(&NewNotice::new(kind, *person, payload.clone()), None, None, None, fact).await?;
    }
    Ok(people.len())
}

/// Puts a message about a freeze into the outbox of people whose windows it meets. It names no window: what it meets is read when it leaves,
/// and no window's row is asked for while the freeze keeps every start waiting.
pub(crate) async fn tell_owners(
    ledger: &mut Ledger<'_>,
    owners: &BTreeSet<PersonId>,
    kind: NoticeKind,
    freeze: FreezeId,
    passing: Option<Passing>,
    fact: FactRef,
) -> Result<()> {
    let mut payload = Map::from_iter([("freeze".to_owned(), Value::from(freeze.to_string()))]);
    if let Some(passing) = passing {
        payload.insert("passing".to_owned(), serde_json::to_value(passing).map_err(Error::internal)?);
    }
    for person in owners {
        ledger.notice(&NewNotice::new(kind, *person, payload.clone()), None, None, None, fact).await?;
    }
    Ok(())
}

/// Puts a message into the outbox of administrators.
pub(crate) async fn tell_administrators(
    ledger: &mut Ledger<'_>,
    kind: NoticeKind,
    payload: Map<String, Value>,
    fact: FactRef,
) -> Result<usize> {
    let people = store::groups::administrators(ledger.db()).await?;
    for person in &people {
        ledger.notice(&NewNotice::new(kind, *person, payload.clone()), None, None, None, fact).await?;
    }
    Ok(people.len())
}

/// Puts a message about a database into the outbox of leads and deputies of these teams.
pub(crate) async fn tell_leads(
    ledger: &mut Ledger<'_>,
    teams: &[TeamId],
    kind: NoticeKind,
    payload: Map<String, Value>,
    fact: FactRef,
) -> Result<usize> {
    let people = store::groups::leads(ledger.db(), teams).await?;
    for person in &people {
        ledger.notice(&NewNotice::new(kind, *person, payload.clone()), None, None, None, fact).await?;
    }
    Ok(people.len())
}

/// Puts a message about a series that needs a person into the outbox of whoever answers for it and of the team's leads.
pub(crate) async fn tell_series(
    ledger: &mut Ledger<'_>,
    of: &Series,
    start: Option<Timestamp>,
    trouble: &Trouble,
    fact: FactRef,
) -> Result<()> {
    let kind = NoticeKind::SeriesStuck;
    let mut relations: BTreeMap<PersonId, BTreeSet<Concerned>> = BTreeMap::from([(of.author, BTreeSet::from([Concerned::SeriesAuthor]))]);
    for lead in store::groups::leads(ledger.db(), &[of.team]).await? {
        relations.entry(lead).or_default().insert(Concerned::Leads);
    }
    let payload = Map::from_iter([
        ("series".to_owned(), Value::from(of.id.to_string())),
        ("start".to_owned(), start.map_or(Value::Null, |start| start.to_string().into())),
        ("said".to_owned(), trouble.message.clone().into()),
    ]);
    for (person, by) in wanting(ledger, kind, relations).await? {
        ledger.notice(&NewNotice::new(kind, person, payload.clone()).by(by), None, None, None, fact).await?;
    }
    Ok(())
}

/// Tells those in whose place a decision was given: each once, because each of their seats is voted for once.
pub(crate) async fn tell_absent(ledger: &mut Ledger<'_>, window: &Window, absent: &BTreeSet<PersonId>, fact: FactRef) -> Result<()> {
    let kind = NoticeKind::VotedInPlace;
    let relations = absent.iter().map(|person| (*person, BTreeSet::from([Concerned::Absent])));
    // Nobody can switch this off.
    for person in wanting(ledger, kind, relations).await?.into_keys() {
        tell_one(ledger, window, kind, person, fact).await?;
    }
    Ok(())
}

/// Puts a message about an absence into the outbox of whoever is away, unless they said it themselves and named nobody, and of the delegate.
pub(crate) async fn tell_of_absence(ledger: &mut Ledger<'_>, kind: NoticeKind, absence: &Absence, fact: FactRef) -> Result<()> {
    let by = ledger.permit().person();
    let absent = Some(absence.person).filter(|person| absence.delegate.is_some() || by != Some(*person));
    let payload = Map::from_iter([("absence".to_owned(), Value::from(absence.id.to_string()))]);
    for person in absent.into_iter().chain(absence.delegate) {
        ledger.notice(&NewNotice::new(kind, person, payload.clone()), None, None, None, fact).await?;
    }
    Ok(())
}

/// Asks everybody whose approval the dates of a series want first, by a message that carries no link to decide by; gives how many.
pub(crate) async fn ask_together(
    ledger: &mut Ledger<'_>,
    of: &Series,
    by: &str,
    starts: &[Timestamp],
    people: BTreeSet<PersonId>,
    fact: FactRef,
) -> Result<usize> {
    let kind = NoticeKind::SeriesAsked;
    let starts: Vec<Value> = starts.iter().map(|start| start.to_string().into()).collect();
    let payload = Map::from_iter([
        ("together".to_owned(), Value::from(of.id.to_string())),
        ("by".to_owned(), by.into()),
        ("starts".to_owned(), starts.into()),
    ]);
    let people = wanting(ledger, kind, people.into_iter().map(|person| (person, BTreeSet::from([Concerned::Eligible])))).await?;
    for (person, by) in &people {
        ledger.notice(&NewNotice::new(kind, *person, payload.clone()).by(by.clone()), None, None, None, fact).await?;
    }
    Ok(people.len())
}

/// Says to whoever approved dates of a series that this was recorded: nobody else can say that it was not them.
pub(crate) async fn tell_series_voter(
    ledger: &mut Ledger<'_>,
    series: SeriesId,
    voter: PersonId,
    vote: VoteId,
    fact: FactRef,
) -> Result<()> {
    let payload =
        Map::from_iter([("series_vote".to_owned(), Value::from(vote.to_string())), ("series".to_owned(), Value::from(series.to_string()))]);
    let notice = NewNotice::new(NoticeKind::SeriesVoted, voter, payload);
    ledger.notice(&notice, None, None, None, fact).await.map(drop)
}

/// A link lives until the latest start, at most 30 days.
pub(crate) fn link_end(plan: &Plan, now: Timestamp) -> Timestamp {
    plan.times.latest_start.min(now + LINK_LIFE)
}

/// A link that takes a vote back lives as long as what runs by that vote may, and a day more: a hold may last beyond the end.
fn object_end(plan: &Plan, now: Timestamp) -> Timestamp {
    (plan.times.extend_to + SignedDuration::from_hours(24)).min(now + LINK_LIFE)
}

/// What is left of these people's ways without those by which they are `told` already.
fn but(people: Told, told: &Told) -> Told {
    let left = people.into_iter().map(|(person, by)| match told.get(&person) {
        Some(told) => (person, by.difference(told).copied().collect()),
        None => (person, by),
    });
    left.filter(|(_, by): &(PersonId, Channels)| !by.is_empty()).collect()
}

/// Everybody concerned who is active and wants it, or gets it in any case.
async fn concerned(ledger: &mut Ledger<'_>, window: &Window, plan: Option<&Plan>, kind: NoticeKind) -> Result<Told> {
    let actor = ledger.permit().person();
    let (mut stakeholders, mut leads) = (BTreeSet::new(), BTreeSet::new());
    let (mut watchers, mut on_call) = (BTreeSet::new(), BTreeSet::new());
    for target in &window.targets {
        let (of_target, of_team) = store::groups::told(ledger.db(), *target, window.team).await?;
        stakeholders.extend(of_target);
        leads.extend(of_team);
        watchers.extend(store::watchers::told(ledger.db(), window.id, *target).await?);
        on_call.extend(store::watchers::on_call(ledger.db(), *target).await?);
    }
    let mut relations: BTreeMap<PersonId, BTreeSet<Concerned>> = BTreeMap::new();
    for relation in kind.audience() {
        let people = match relation {
            Concerned::Eligible if kind == NoticeKind::ApprovalNeeded => plan.map(Plan::first_asked).unwrap_or_default(),
            Concerned::Eligible => plan.map(Plan::voters).unwrap_or_default(),
            Concerned::Stakeholders => stakeholders.clone(),
            Concerned::Leads => leads.clone(),
            Concerned::Contributors => store::windows::contributors(ledger.db(), window.id).await?,
            Concerned::Voter | Concerned::Owner => actor.into_iter().collect(),
            Concerned::WindowOwner => BTreeSet::from([window.owner]),
            Concerned::Executor => store::runs::executors(ledger.db(), window.id).await?,
            Concerned::Watchers => watchers.clone(),
            Concerned::Heads => store::groups::heads(ledger.db()).await?,
            Concerned::Administrators => store::groups::administrators(ledger.db()).await?,
            Concerned::Auditors => store::groups::auditors(ledger.db()).await?,
            // Told by `tell_leads`, which knows both teams, and by `tell_of_comment`, which knows whom it names.
            // And by `tell_series`, where there is no window; by `tell_of_absence`, likewise; and by `tell_absent`, which knows the seats.
            Concerned::BothLeads
            | Concerned::Mentioned
            | Concerned::SeriesAuthor
            | Concerned::FreezeMaker
            | Concerned::Absent
            | Concerned::Delegate => BTreeSet::new(),
            Concerned::Invited => store::outbox::invited(ledger.db(), window.id).await?,
            Concerned::OnCall => on_call.clone(),
        };
        for person in people {
            relations.entry(person).or_default().insert(*relation);
        }
    }
    wanting(ledger, kind, relations).await
}

/// Those of these people, by their relations, who are active and want a message of this kind by some way, or get it in any case.
async fn wanting(
    ledger: &mut Ledger<'_>,
    kind: NoticeKind,
    relations: impl IntoIterator<Item = (PersonId, BTreeSet<Concerned>)>,
) -> Result<Told> {
    let relations: BTreeMap<PersonId, BTreeSet<Concerned>> = relations.into_iter().collect();
    let active = store::groups::active(ledger.db(), &relations.keys().copied().collect()).await?;
    let off = store::watchers::off(ledger.db(), &active.iter().copied().collect::<Vec<_>>()).await?;
    let nothing = Off::new();
    let by = |person| kind.channels(&relations[&person], off.get(&person).unwrap_or(&nothing));
    Ok(active.into_iter().map(|person| (person, by(person))).filter(|(_, by)| !by.is_empty()).collect())
}
