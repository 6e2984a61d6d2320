//! The trail: the list, one fact, and how far sealing is.

use crate::actions::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::trail::{self, FactRow, Search};
use crate::store::{seals, service_states};
use crate::trail::ANCHOR_JOB;
use crate::transaction;
use domain::canonical::Digest;
use domain::fact::FactBytes;
use domain::ids::WindowId;
use domain::permission::{Verb, authorize};
use domain::trail::verify::check_fact;
use domain::view::trail::{
    ChangedValue, FactLine, FactPage, FieldChange, SealStatus, TrailFilter, TrailPage, payload_changes, said as said_of,
};
use domain::view::windows::{Change, changes as differing};
use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use sqlx::PgConnection;
use std::collections::HashMap;
use std::net::IpAddr;
use uuid::Uuid;

/// Facts on one page.
pub const PAGE: i64 = 50;

/// A page of the list, for administrators and auditors. `None`, where the filter could not be read, finds nothing: a list that is less
/// narrow than what was asked for would be taken for the answer.
pub async fn list(engine: &Engine, caller: &Caller, filter: Option<&TrailFilter>) -> Result<TrailPage> {
    authorize(&caller.actor, Verb::SeeTrail, None)?;
    let (filter, zone) = (filter.cloned(), caller.actor.zone.clone());
    transaction::read(engine.pool(), "trail", move |db| {
        let (filter, zone) = (filter.clone(), zone.clone());
        Box::pin(async move {
            let search = match &filter {
                Some(filter) => search_of(db, filter, &zone).await?,
                None => None,
            };
            let before = filter.and_then(|filter| filter.before).unwrap_or(i64::MAX);
            let mut rows = match search {
                Some(search) => trail::search(db, &search, before, PAGE + 1).await?,
                None => vec![],
            };
            let more = i64::try_from(rows.len()).is_ok_and(|found| found > PAGE);
            rows.truncate(usize::try_from(PAGE).unwrap_or(usize::MAX));
            let older = rows.last().filter(|_| more).map(|row| row.fact.id);
            Ok(TrailPage { facts: lines(db, &rows).await?, older, teams: trail::teams(db).await?, status: status_in(db).await? })
        })
    })
    .await
}

/// One fact with its bytes, its seal and its neighbours.
pub async fn fact(engine: &Engine, caller: &Caller, id: i64) -> Result<FactPage> {
    authorize(&caller.actor, Verb::SeeTrail, None)?;
    transaction::read(engine.pool(), "trail_fact", move |db| {
        Box::pin(async move {
            let (row, older, newer) = trail::fact(db, id).await?.ok_or(Error::NotFound)?;
            let line = lines(db, std::slice::from_ref(&row)).await?.pop().ok_or(Error::NotFound)?;
            let seal = match row.sealed {
                Some((n, position)) => trail::seal(db, n, position).await?,
                None => None,
            };
            let said: Option<FactBytes> = serde_json::from_slice(&row.fact.bytes).ok();
            let payload = said.as_ref().map(|said| said.payload.clone()).unwrap_or_default();
            let signed_in = match row.fact.actor {
                Some(person) if row.fact.actor_kind == "person" => trail::signed_in(db, person, id).await?,
                _ => None,
            };
            Ok(FactPage {
                line,
                changes: changes(db, &row, &payload).await?,
                said: named(db, said_of(&payload)).await?,
                signed_in,
                pretty: pretty(&row.fact.bytes),
                size_bytes: row.fact.bytes.len(),
                leaf: Digest::from_slice(&row.fact.leaf).ok_or_else(|| Error::internal("a leaf has 32 bytes"))?,
                flaw: check_fact(&row.fact).err().map(|(_, says)| says),
                request: said.map(|said| said.request).unwrap_or_default(),
                seal,
                older,
                newer,
            })
        })
    })
    .await
}

/// Before and after, field by field: from the fact itself, or from the sealed plans or rules whose digests it names.
async fn changes(db: &mut PgConnection, row: &FactRow, payload: &Map<String, Value>) -> Result<Vec<FieldChange>> {
    let number = |key: &str| payload.get(key).and_then(Value::as_i64).and_then(|number| i32::try_from(number).ok());
    let side = |text: Option<String>| text.map_or(ChangedValue::Nothing, ChangedValue::Is);
    let found = match (row.fact.action.as_str(), number("revision"), number("version")) {
        ("window.amend", Some(revision), _) => match row.fact.window {
            Some(window) => super::windows::revision_changes(db, WindowId(window), revision - 1, revision).await?,
            None => None,
        },
        ("policy.save", _, Some(version)) => match row.fact.object_id.parse() {
            Ok(policy) => trail::policy_rules(db, policy, version).await?.map(|(before, after)| differing(&before, &after)),
            Err(_) => None,
        },
        (action, ..) => return Ok(payload_changes(action, payload)),
    };
    let row = |change: Change| FieldChange { field: change.place, before: side(change.before), after: side(change.after) };
    Ok(found.unwrap_or_default().into_iter().map(row).collect())
}

/// Values that are ids of people and things get their names.
async fn named(db: &mut PgConnection, said: Vec<(String, String)>) -> Result<Vec<(String, String)>> {
    Ok(all_named(db, vec![said]).await?.pop().unwrap_or_default())
}

/// The same for several facts at once.
pub(super) async fn all_named(db: &mut PgConnection, said: Vec<Vec<(String, String)>>) -> Result<Vec<Vec<(String, String)>>> {
    let mut ids: Vec<Uuid> = said.iter().flatten().flat_map(|(_, value)| value.split(", ")).filter_map(|part| part.parse().ok()).collect();
    ids.sort_unstable();
    ids.dedup();
    let names = trail::names(db, &ids).await?;
    let called =
        |part: &str| part.parse().ok().and_then(|id: Uuid| names.get(&id)).map_or_else(|| part.to_owned(), |(name, _)| name.clone());
    let one = |(name, value): (String, String)| (name, value.split(", ").map(called).collect::<Vec<_>>().join(", "));
    Ok(said.into_iter().map(|said| said.into_iter().map(one).collect()).collect())
}

/// How far sealing is, for those who may read the trail.
pub async fn status(engine: &Engine, caller: &Caller) -> Result<SealStatus> {
    authorize(&caller.actor, Verb::SeeTrail, None)?;
    transaction::read(engine.pool(), "trail_status", |db| Box::pin(status_in(db))).await
}

async fn status_in(db: &mut PgConnection) -> Result<SealStatus> {
    let newest = seals::newest(db).await?;
    let (waiting, oldest_s) = seals::lag(db).await?;
    let troubles = service_states::troubles(db, ANCHOR_JOB).await?;
    #[expect(clippy::cast_possible_truncation, reason = "seconds of a lag: far below the limit")]
    Ok(SealStatus {
        newest: newest.and_then(|newest| Some((newest.n, Digest::from_slice(&newest.hash)?, newest.sealed_at))),
        waiting,
        oldest_s: oldest_s as i64,
        troubles: troubles.into_iter().map(|trouble| (trouble.process, trouble.detail, trouble.since)).collect(),
    })
}

/// What to look for; `None` when the filter names something that does not exist, so that nothing can match.
pub(crate) async fn search_of(db: &mut PgConnection, filter: &TrailFilter, zone: &str) -> Result<Option<Search>> {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let (from, to) = filter.instants(&TimeZone::get(zone).unwrap_or(TimeZone::UTC));
    let whole = filter.action.contains('.') && !filter.action.ends_with('.');
    let mut search = Search {
        action: given(&filter.action).filter(|_| whole),
        action_begins: given(&filter.action).filter(|_| !whole),
        kind: given(&filter.kind),
        from,
        to,
        result: filter.done.map(|done| if done { "done" } else { "refused" }.to_owned()),
        // Facts hold addresses as programs write them, whatever way they were typed.
        address: filter.address.parse().ok().map(|address: IpAddr| address.to_string()),
        request: given(&filter.request),
        ..Search::default()
    };
    match filter.actor.as_str() {
        "" => {}
        kind @ ("worker" | "system" | "operator") => search.actor_kind = Some(kind.to_owned()),
        text => search.actors = Some(trail::people_like(db, text).await?),
    }
    if !filter.object.is_empty() {
        search.objects = Some(trail::objects_called(db, &filter.object).await?);
    }
    if !filter.team.is_empty() {
        search.team = trail::team_named(db, &filter.team).await?;
        if search.team.is_none() {
            return Ok(None);
        }
    }
    if let Some(number) = filter.window {
        search.window = trail::window_numbered(db, number).await?;
        if search.window.is_none() {
            return Ok(None);
        }
    }
    Ok(Some(search))
}

pub(super) async fn lines(db: &mut PgConnection, rows: &[FactRow]) -> Result<Vec<FactLine>> {
    let objects = rows.iter().filter_map(|row| row.fact.object_id.parse::<Uuid>().ok());
    let mut ids: Vec<Uuid> = objects.chain(rows.iter().flat_map(|row| [row.fact.actor, row.fact.window].into_iter().flatten())).collect();
    ids.sort_unstable();
    ids.dedup();
    let names = trail::names(db, &ids).await?;
    Ok(rows.iter().map(|row| line(row, &names)).collect())
}

fn line(row: &FactRow, names: &HashMap<Uuid, (String, String)>) -> FactLine {
    let fact = &row.fact;
    let object = fact.object_id.parse::<Uuid>().ok().and_then(|id| names.get(&id));
    let (actor, known) = match (fact.actor, fact.actor_kind.as_str()) {
        (Some(person), kind) => {
            let name = names.get(&person).map_or_else(|| person.to_string(), |(name, _)| name.clone());
            (name, (kind == "link").then(|| "holder of a mailed link".to_owned()))
        }
        (None, kind) => (kind.to_owned(), None),
    };
    FactLine {
        id: fact.id,
        at: row.at,
        actor,
        known,
        action: fact.action.clone(),
        object_kind: fact.object_kind.clone(),
        object: object.map_or_else(|| fact.object_id.clone(), |(name, _)| name.clone()),
        object_page: object.map(|(_, page)| page.clone()),
        window: fact.window.and_then(|window| names.get(&window)).and_then(|(name, _)| name.strip_prefix('#')?.parse().ok()),
        done: fact.result == "done",
        batch: row.sealed.map(|(n, _)| n),
    }
}

/// The bytes as indented JSON; what is no JSON as it is. Hidden and direction-changing characters are made visible.
fn pretty(bytes: &[u8]) -> String {
    let text = match serde_json::from_slice::<serde_json::Value>(bytes).and_then(|value| serde_json::to_string_pretty(&value)) {
        Ok(text) => text,
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    };
    domain::people::visible(&text)
}
