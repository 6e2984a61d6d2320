//! Measures before the first change and after the last, and writes what it means into the validation list.
//!
//! A probe that cannot measure never passes: the item stays open, and a person says what they saw.

use super::dispatcher::Work;
use super::{Step, fail_point};
use crate::error::{Error, Result};
use crate::ledger::{Ledger, Line};
use crate::store::{self, checks::Check, checks::List};
use crate::target::connect::Dialer;
use crate::target::fault::clean;
use crate::target::probe;
use crate::worker::{WorkerContext, address};
use domain::checklist::CheckState;
use domain::fact::NewFact;
use domain::ids::{TargetId, WindowId};
use domain::permission::Permit;
use domain::plan::{Plan, PlanQuery};
use domain::procedure::probe::{
    Colour, Connections, ProbeVerdict, QueryTiming, judge_connections, judge_invalid_indexes, judge_query, judge_writable,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// Keys of the items that probes answer.
const QUERIES: &str = "critical_queries";
const CONNECTIONS: &str = "connections";
const REACHABLE: &str = "reachable";
/// A query is cut off after three times its own limit, and after a minute at most: a slow answer is an answer too.
const QUERY_AT_MOST_MS: u64 = 60_000;

/// A query with its timing, or why there is none.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct TimedQuery {
    name: String,
    limit_ms: u64,
    #[serde(flatten)]
    timing: Option<QueryTiming>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
}

/// Everything one look at the database gives; `None` or an error inside where it could not be measured.
#[derive(Debug, Clone)]
struct Measured {
    queries: Vec<TimedQuery>,
    connections: Option<Connections>,
    invalid_indexes: Option<Vec<String>>,
    writable: std::result::Result<(), String>,
}

impl Measured {
    /// Nothing could be measured, for one reason.
    fn nothing(queries: &[PlanQuery], problem: &str) -> Self {
        let failed = |query: &PlanQuery| TimedQuery {
            name: query.name.clone(),
            limit_ms: limit_ms(query),
            timing: None,
            failed: Some(problem.to_owned()),
        };
        Self { queries: queries.iter().map(failed).collect(), connections: None, invalid_indexes: None, writable: Err(problem.to_owned()) }
    }
}

fn limit_ms(query: &PlanQuery) -> u64 {
    u64::from(query.limit_ms.unsigned_abs())
}

async fn measure(dialer: &Dialer, queries: &[PlanQuery]) -> Measured {
    let link = match dialer.connect("drydock:probe").await {
        Ok(link) => link,
        Err(error) => return Measured::nothing(queries, &clean(&error.to_string())),
    };
    let mut timed = Vec::new();
    for query in queries {
        let limit_ms = limit_ms(query);
        let result = probe::time_query(&link, &query.sql, limit_ms.saturating_mul(3).clamp(1_000, QUERY_AT_MOST_MS)).await;
        let (timing, failed) = match result {
            Ok(timing) => (Some(timing), None),
            Err(error) => (None, Some(error.to_string())),
        };
        timed.push(TimedQuery { name: query.name.clone(), limit_ms, timing, failed });
    }
    Measured {
        queries: timed,
        connections: probe::connections(&link).await.ok(),
        invalid_indexes: probe::invalid_indexes(&link).await.ok(),
        writable: probe::writable(dialer).await.result,
    }
}

/// Takes the baseline and writes it down, before the first change.
pub(super) async fn baseline(work: &Work, dialer: &Dialer) -> Step<()> {
    let measured = work.unless_over(measure(dialer, work.plan.queries_of(work.run.target))).await?;
    work.go_on()?;
    fail_point("before_baseline");
    let (tenure, list) = (work.hand.tenure, List::of(&work.plan, work.run.target));
    let values = [
        (QUERIES, json!({"queries": measured.queries})),
        (CONNECTIONS, serde_json::to_value(measured.connections).map_err(Error::from)?),
        (REACHABLE, json!({"writable": measured.writable.is_ok(), "invalid_indexes": measured.invalid_indexes})),
    ];
    let words =
        format!("Baseline taken: {} critical queries timed.", measured.queries.iter().filter(|query| query.timing.is_some()).count());
    let written = work.hand.write("baseline", move |ledger| {
        let (values, words) = (values.clone(), words.clone());
        Box::pin(async move {
            for (key, value) in &values {
                store::checks::set_baseline(ledger.db(), &list, key, value).await?;
            }
            ledger.line(tenure, &Line::new("phase", words)).await
        })
    });
    Ok(written.await?)
}

/// Measures again after the last change, and writes what it means.
pub(super) async fn after(work: &Work) -> Step<()> {
    let measured = work.unless_over(look(&work.hand.context, work.run.target, &work.plan)).await?;
    work.go_on()?;
    fail_point("before_probe");
    let (target, plan) = (work.run.target, work.plan.clone());
    let written = work.hand.write("probe", move |ledger| {
        let (measured, plan) = (measured.clone(), plan.clone());
        Box::pin(async move { record(ledger, target, &plan, &measured).await })
    });
    Ok(written.await?)
}

async fn look(context: &WorkerContext, target: TargetId, plan: &Plan) -> Measured {
    let dialer = match address(context, target).await {
        Ok((_, address)) => Dialer::new(address).await.map_err(|error| clean(&error.to_string())),
        Err(error) => Err(error.to_string()),
    };
    match dialer {
        Ok(dialer) => measure(&dialer, plan.queries_of(target)).await,
        Err(problem) => Measured::nothing(plan.queries_of(target), &problem),
    }
}

/// Probes a window that is being validated once more, for somebody who asked: every database on which something was begun. The answer goes into
/// the list, and a summary comes back.
pub async fn probe_again(context: &WorkerContext, window: WindowId) -> Result<Value> {
    let mut db = context.pool.acquire().await?;
    let loaded = store::windows::load(&mut db, window).await?;
    let lanes = store::lanes::of(&mut db, window, loaded.revision).await?;
    drop(db);
    let plan = loaded.plan()?;
    let mut measured = Vec::new();
    for lane in lanes.iter().filter(|row| loaded.targets.len() == 1 || row.lane.state.has_begun()) {
        measured.push((lane.lane.target, look(context, lane.lane.target, &plan).await));
    }
    let (name, revision) = (Arc::clone(&context.name), loaded.revision);
    crate::transaction::run(&context.pool, "probe_again", move |db| {
        let (name, measured, plan) = (Arc::clone(&name), measured.clone(), plan.clone());
        Box::pin(async move {
            let permit = Permit::worker(&name);
            let mut ledger = Ledger::open(db, &permit, "probe");
            let (state, now) = ledger.lock_window(window).await?;
            if state != domain::window::WindowState::Validating || now != revision {
                return Err(domain::decision::Refusal::new("moved_on", format!("This window is “{}” now.", state.label()), "").into());
            }
            for (target, measured) in &measured {
                record(&mut ledger, *target, &plan, measured).await?;
            }
            let checks = store::checks::list(ledger.db(), window, revision).await?;
            let name = |check: &Check| match check.target.and_then(|target| plan.lane(target)) {
                Some(lane) => format!("{}: {}", lane.short_name, check.key),
                None => check.key.clone(),
            };
            Ok(Value::Object(checks.iter().map(|check| (name(check), Value::from(check.state.word()))).collect()))
        })
    })
    .await
}

async fn record(ledger: &mut Ledger<'_>, target: TargetId, plan: &Plan, measured: &Measured) -> Result<()> {
    let list = List::of(plan, target);
    let checks = store::checks::list(ledger.db(), list.window, list.revision).await?;
    let mut fact = NewFact::done("check.probe", "window", list.window).of_window(list.window).of_team(plan.target().team);
    if let (Some(_), Some(lane)) = (list.target, plan.lane(target)) {
        fact = fact.with("database", lane.short_name.clone());
    }
    for check in checks.iter().filter(|check| list.holds(check) && check.by_probe) {
        let Some((verdict, figures)) = judge(check, plan, measured) else { continue };
        let mut probe = figures;
        if let Value::Object(map) = &mut probe {
            map.insert("colour".into(), serde_json::to_value(verdict.colour)?);
            map.insert("sentence".into(), verdict.sentence.clone().into());
        }
        let state = state_of(verdict.colour);
        store::checks::set_probe(ledger.db(), &list, &check.key, &probe, state).await?;
        fact = fact.with(&check.key, json!({"state": state.word(), "sentence": verdict.sentence}));
    }
    ledger.fact(fact).await?;
    Ok(())
}

/// Yellow does not block; what cannot be measured is a person's to answer.
fn state_of(colour: Colour) -> CheckState {
    match colour {
        Colour::Pass | Colour::Warn => CheckState::Passed,
        Colour::Fail => CheckState::Failed,
        Colour::NotMeasurable => CheckState::Open,
    }
}

fn judge(check: &Check, plan: &Plan, measured: &Measured) -> Option<(ProbeVerdict, Value)> {
    let base = check.baseline.as_ref();
    match check.key.as_str() {
        QUERIES => Some((judge_queries(base, &measured.queries), json!({"queries": measured.queries}))),
        CONNECTIONS => {
            let before = base.and_then(|base| serde_json::from_value(base.clone()).ok());
            let verdict = judge_connections(before, measured.connections, plan.parameters.connections_max_used_percent);
            Some((verdict, measured.connections.map_or_else(|| json!({}), |now| json!({"used": now.used, "usable": now.usable}))))
        }
        REACHABLE => {
            let before: Vec<String> = base
                .and_then(|base| base.get("invalid_indexes"))
                .and_then(|list| serde_json::from_value(list.clone()).ok())
                .unwrap_or_default();
            let writable = judge_writable(measured.writable.clone().as_ref().copied().map_err(String::as_str));
            let verdict = worst([writable, judge_invalid_indexes(&before, measured.invalid_indexes.as_deref())]);
            Some((verdict, json!({"writable": measured.writable.is_ok(), "invalid_indexes": measured.invalid_indexes})))
        }
        _ => None,
    }
}

fn judge_queries(base: Option<&Value>, now: &[TimedQuery]) -> ProbeVerdict {
    let before: Vec<TimedQuery> =
        base.and_then(|base| base.get("queries")).and_then(|list| serde_json::from_value(list.clone()).ok()).unwrap_or_default();
    if now.is_empty() {
        return ProbeVerdict::new(Colour::NotMeasurable, "No critical query is registered for this database, so none was timed.");
    }
    worst(now.iter().map(|query| {
        let earlier = before.iter().find(|earlier| earlier.name == query.name).and_then(|earlier| earlier.timing.as_ref());
        let verdict = judge_query(earlier, query.timing.as_ref(), query.limit_ms);
        let why = query.failed.as_deref().map(|why| format!(" ({why})")).unwrap_or_default();
        ProbeVerdict::new(verdict.colour, format!("{}: {}{why}", query.name, verdict.sentence))
    }))
}

/// The worst colour decides, every sentence is kept. A failure weighs more than what could not be measured.
fn worst(verdicts: impl IntoIterator<Item = ProbeVerdict>) -> ProbeVerdict {
    let weight = |colour: Colour| match colour {
        Colour::Pass => 0,
        Colour::Warn => 1,
        Colour::NotMeasurable => 2,
        Colour::Fail => 3,
    };
    let mut all: Vec<ProbeVerdict> = verdicts.into_iter().collect();
    all.sort_by_key(|verdict| std::cmp::Reverse(weight(verdict.colour)));
    let colour = all.first().map_or(Colour::NotMeasurable, |first| first.colour);
    ProbeVerdict::new(colour, all.into_iter().map(|verdict| verdict.sentence).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timed(name: &str, p50_us: u64) -> TimedQuery {
        let timing = QueryTiming { p50_us, max_us: p50_us, runs: 5, plan_hash: None };
        TimedQuery { name: name.into(), limit_ms: 1_000, timing: Some(timing), failed: None }
    }

    #[test]
    fn one_slow_query_fails_the_item_and_is_named_first() {
        let base = json!({"queries": [timed("fast", 1_000), timed("slow", 1_000)]});
        let verdict = judge_queries(Some(&base), &[timed("fast", 1_100), timed("slow", 90_000)]);
        assert_eq!(verdict.colour, Colour::Fail);
        assert!(verdict.sentence.starts_with("slow: "), "{}", verdict.sentence);
    }

    #[test]
    fn no_query_and_no_baseline_are_not_a_pass() {
        assert_eq!(judge_queries(None, &[]).colour, Colour::NotMeasurable);
        assert_eq!(judge_queries(None, &[timed("a", 1)]).colour, Colour::NotMeasurable);
        assert_eq!(state_of(Colour::NotMeasurable), CheckState::Open);
    }

    #[test]
    fn a_timed_query_comes_back_from_its_json() {
        let value = serde_json::to_value(timed("a", 7)).expect("plain");
        let back: TimedQuery = serde_json::from_value(value).expect("the same");
        assert_eq!(back.timing.expect("timed").p50_us, 7);
        let failed = TimedQuery { timing: None, failed: Some("timeout".into()), ..timed("b", 1) };
        let back: TimedQuery = serde_json::from_value(serde_json::to_value(failed).expect("plain")).expect("the same");
        assert!(back.timing.is_none() && back.failed.is_some());
    }
}
