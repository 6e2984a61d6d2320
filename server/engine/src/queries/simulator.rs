//! "Who must approve this, and can they?" for an imagined window.

use super::visible_teams;
use crate::actions::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::policy_cases::{self, Place};
use crate::{store, transaction};
use domain::approval::choose::{Case, Known, by_size, ruled_by_none};
use domain::approval::example::{self, Question};
use domain::approval::{Electorate, Group};
use domain::glass::Raised;
use domain::ids::PersonId;
use domain::permission::{Verb, authorize};
use domain::procedure::text::size;
use domain::procedure::{self, RiskClass, own};
use domain::view::absences::back;
use domain::view::policies::Names;
use domain::view::simulator::{AnswerView, Asked, ExampleRow, SimulatorPage};
use jiff::tz::TimeZone;
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};

/// The page: databases the reader sees, the answer for the chosen one, and the examples that are kept.
pub async fn show(engine: &Engine, caller: &Caller, asked: &Asked) -> Result<SimulatorPage> {
    authorize(&caller.actor, Verb::SeeOwn, None)?;
    let (teams, asked) = (visible_teams(&caller.actor), asked.clone());
    transaction::read(engine.pool(), "simulator", move |db| {
        let (teams, asked) = (teams.clone(), asked.clone());
        Box::pin(async move {
            let places = policy_cases::places(db, teams.as_deref()).await?;
            let known = store::policies::known(db).await?;
            let examples = examples(db, &known, &places).await?;
            let databases =
                places.iter().map(|place| (place.short_name.clone(), format!("{} ({})", place.short_name, place.team_name))).collect();
            let procedures = store::own_procedures::shelf(db).await?.all().into_iter().map(|one| (one.key, one.name)).collect();
            let mut page = SimulatorPage {
                procedures,
                holds: None,
                databases,
                proposers: vec![],
                problem: None,
                answer: None,
                debt: None,
                examples,
                asked,
            };
            if page.asked.database.trim().is_empty() {
                return Ok(page);
            }
            match imagine(db, &places, &mut page.asked, &mut page.proposers).await {
                Ok((place, question)) => {
                    page.holds = by_size(&known).then(|| holds(&page.asked, place.measured_mib));
                    let people = people_at(db, &place, &known).await?;
                    let names = names(db, &people, &question.absent).await?;
                    let answer = example::answer(&known, &question, &people);
                    let beforehand = answer.as_ref().is_some_and(|answer| answer.pre_approved);
                    page.debt = Raised::of(&store::glass::debts(db, place.team).await?, beforehand).map(|raised| raised.said());
                    match answer {
                        Some(answer) => page.answer = Some(AnswerView::of(&answer, &question.absent, &names)),
                        None => page.problem = Some(ruled_by_none(&question.case).to_string()),
                    }
                }
                Err(Error::Invalid(errors)) => page.problem = errors.into_iter().next().map(|error| error.message),
                Err(other) => return Err(other),
            }
            Ok(page)
        })
    })
    .await
}

/// What a database holds, as the page says it: imagined, or measured.
fn holds(asked: &Asked, measured: Option<u64>) -> String {
    let said = |mib: u64| size(mib.saturating_mul(1 << 20));
    match (asked.database_mib.parse().ok(), measured) {
        (Some(mib), _) => format!("{}, as asked here", said(mib)),
        (None, Some(mib)) => format!("{}, as last measured", said(mib)),
        (None, None) => "Not measured yet, so it counts as large".to_owned(),
    }
}

/// A typed number of MiB; `None` where nothing was typed.
fn mib(field: &'static str, typed: &str) -> Result<Option<u64>> {
    if typed.trim().is_empty() {
        return Ok(None);
    }
    let number = typed.trim().parse::<u64>().ok().filter(|mib| *mib <= 1_000_000_000);
    number.map(Some).ok_or_else(|| Error::field(field, "Give it as a whole number of MiB, at most 1,000,000,000."))
}

/// What is asked, understood; empty fields get their usual values. Errors name the field.
pub(crate) async fn imagine(
    db: &mut PgConnection,
    places: &[Place],
    asked: &mut Asked,
    proposers: &mut Vec<(PersonId, String)>,
) -> Result<(Place, Question)> {
    let place = places.iter().find(|place| place.short_name == asked.database.trim());
    let place = place.ok_or_else(|| Error::field("database", "There is no database with this name. Choose one from the list."))?.clone();
    *proposers = store::groups::proposers(db, place.team).await?;
    let procedure = match asked.procedure.trim() {
        "" => procedure::weekly_postgresql(),
        key => store::own_procedures::shelf(db)
            .await?
            .by_key(key)
            .ok_or_else(|| Error::field("procedure", "Choose a procedure from the list."))?,
    };
    let risk = match asked.risk.trim() {
        "" => procedure.highest_risk(),
        word => RiskClass::from_word(word).ok_or_else(|| Error::field("risk", "Choose a risk class from the list."))?,
    };
    let most_mib = mib("most_mib", &asked.most_mib)?.unwrap_or(0);
    let database_mib = mib("database_mib", &asked.database_mib)?;
    let proposer = match asked.proposer.trim() {
        "" => proposers.first().map(|(person, _)| *person),
        id => id.parse().ok().filter(|id| proposers.iter().any(|(person, _)| person == id)),
    };
    let proposer = proposer.ok_or_else(|| {
        Error::field("proposer", format!("Nobody of that name may propose windows on {}. Choose somebody from the list.", place.short_name))
    })?;
    let absent = asked.absent.iter().filter_map(|id| id.parse().ok()).collect();
    (asked.procedure, asked.risk) = (procedure.key.clone(), risk.word().to_owned());
    (asked.most_mib, asked.proposer) = (most_mib.to_string(), proposer.to_string());
    asked.database_mib = database_mib.map(|mib| mib.to_string()).unwrap_or_default();
    let case = Case {
        environment: place.environment.clone(),
        tags: place.tags.clone(),
        alike: own::alike(&procedure),
        procedure: procedure.key,
        risk,
        most_mib,
        database_mib: database_mib.or(place.measured_mib),
    };
    Ok((place, Question { case, proposer, absent }))
}

/// The people behind every group that a policy could ask on a database.
pub(crate) async fn people_at(db: &mut PgConnection, place: &Place, known: &[Known]) -> Result<Electorate> {
    let groups: BTreeSet<Group> = known.iter().flat_map(|one| one.policy.rules.groups()).collect();
    Ok(store::groups::eligible(db, place.id, place.team, &groups).await?)
}

async fn names(db: &mut PgConnection, people: &Electorate, absent: &BTreeSet<PersonId>) -> Result<Names> {
    let everybody: BTreeSet<PersonId> = people.everybody().union(absent).copied().collect();
    let called = store::people_pages::called(db, &everybody).await?;
    let away = store::absences::now(db, &everybody.iter().copied().collect::<Vec<_>>()).await?;
    let noted = |person: PersonId, name: String| match away.get(&person) {
        Some(absence) => format!("{name} (away until {})", back(absence.ends, &TimeZone::UTC)),
        None => name,
    };
    let teams = store::teams::rows(db).await?;
    Ok(Names {
        people: called.into_iter().map(|(person, (name, _))| (person, noted(person, name))).collect(),
        addresses: BTreeMap::new(),
        teams: teams.into_iter().map(|team| (team.id, team.name)).collect(),
    })
}

async fn examples(db: &mut PgConnection, known: &[Known], places: &[Place]) -> Result<Vec<ExampleRow>> {
    let mut rows = Vec::new();
    for kept in policy_cases::all(db).await? {
        let Some(place) = places.iter().find(|place| place.id == kept.target) else { continue };
        let people = people_at(db, place, known).await?;
        let now = example::answer(known, &kept.question, &people).map(|answer| answer.verdict());
        let differs = match now {
            Some(now) if kept.expected.agrees(&now) => None,
            Some(now) => Some(now.says()),
            None => Some("ruled by no policy".to_owned()),
        };
        rows.push(ExampleRow {
            id: kept.id,
            name: kept.name,
            asked: Asked {
                database: kept.database,
                procedure: kept.question.case.procedure,
                risk: kept.question.case.risk.word().to_owned(),
                most_mib: kept.question.case.most_mib.to_string(),
                database_mib: kept.question.case.database_mib.map(|mib| mib.to_string()).unwrap_or_default(),
                proposer: kept.question.proposer.to_string(),
                absent: kept.question.absent.iter().map(ToString::to_string).collect(),
            },
            proposer: kept.proposer,
            expected: kept.expected.says(),
            differs,
        });
    }
    Ok(rows)
}
