//! Measures the database, selects the work inside the approved envelope, and seals the list before anything is done.

use super::control::{Control, statement};
use super::dispatcher::Work;
use super::{Halt, Step, fail_point};
use crate::error::{Error, Result};
use crate::ledger::Line;
use crate::memory;
use crate::store;
use crate::target::postgres::detect;
use crate::target::postgres::measure::Rates;
use crate::target::postgres::survey::{Asked, Surveyed, survey};
use domain::change;
use domain::fact::NewFact;
use domain::hold::HoldCause;
use domain::ids::TargetId;
use domain::procedure::fair::{self, Span};
use domain::procedure::memory::Memory;
use domain::procedure::text::plural;
use domain::procedure::{Selection, Violation, WorkList, estimate::work_bytes, finding, trim, within};
use domain::run::Phase;
use std::time::Duration;

/// Page-by-page measuring of indexes takes at most a quarter of the time, and at most this long.
const MEASURE_AT_MOST: Duration = Duration::from_secs(600);

/// Selects and seals. Work that is riskier than approved is not begun: a person decides.
pub(super) async fn run(work: &Work, control: &Control) -> Step<()> {
    let list = select(work, control).await?;
    let beyond = within(&work.plan.envelope, &list);
    if let Some(violation) = beyond.first() {
        return Err(Halt::Again(Error::internal(format!("a trimmed list is outside the envelope: {violation}"))));
    }
    fail_point("before_seal");
    seal(work, list).await?;
    fail_point("after_seal");
    Ok(())
}

async fn select(work: &Work, control: &Control) -> Step<WorkList> {
    let (plan, times) = (&work.plan, &work.plan.times);
    let sent = change::items(&plan.envelope.scripts, &plan.parameters);
    if !plan.selects() {
        // Nothing is selected by need: what was approved is what is sent, all of it.
        let (list, violations) = trim(&plan.envelope, Selection { items: sent, ..Selection::default() });
        return match violations.first() {
            None => Ok(list),
            Some(violation) => Err(Halt::Hold(HoldCause::Riskier, format!("The change is not the one that was approved: {violation}."))),
        };
    }
    let mut db = work.hand.context.pool.acquire().await?;
    let rates = rates(&mut db, work.run.target).await?;
    let waited = fair::waited(&store::past_lists::newest(&mut db, work.run.target, store::past_lists::LOOKED_BACK).await?);
    let memory = if plan.envelope.steps.iter().any(|step| detect::remembers(step)) {
        memory::recall(&mut db, work.run.target).await?
    } else {
        Memory::default()
    };
    drop(db);
    let left_ms = work.left_ms().await?;
    let wait_ms = plan.change.as_ref().map_or(0, domain::change::Change::wait_ms);
    let outside_ms = plan.procedure.own.as_ref().map_or(0, |own| own.outside_ms());
    let span = Span::of(times, work.now().await?, plan.parameters.jobs)
        .without(outside_ms.saturating_add(wait_ms).saturating_add(change::sent_ms(&sent)));
    let budget_ms = span.left_ms;
    let steps: Vec<String> = plan.envelope.steps.iter().filter(|step| !change::is_sent(step)).cloned().collect();
    let exact_within = Duration::from_millis(left_ms / 4).min(MEASURE_AT_MOST);
    let asked = Asked {
        steps: &steps,
        parameters: &plan.parameters,
        rates: &rates,
        admits: &|object| plan.envelope.admits(object),
        queries: plan.queries_of(work.run.target),
        memory: &memory,
        exact_within,
        budget_ms,
    };
    let Surveyed { selection, measured } =
        work.unless_over(survey(&control.session.link, &asked)).await?.map_err(|error| statement(&error))?;
    memory::remember(&work.hand.context.pool, work.run.target, measured).await?;
    work.go_on()?;
    let (mut selection, later) = fair::fit(selection, &plan.envelope.steps, span, &waited);
    let parts = sent.len();
    selection.items = change::beside(selection.items, sent, &plan.envelope.steps);
    let (mut list, violations) = trim(&plan.envelope, selection);
    if list.items.iter().filter(|item| item.script.is_some()).count() != parts {
        let why = violations.first().map_or_else(|| "a part of it is missing".to_owned(), Violation::to_string);
        return Err(Halt::Hold(HoldCause::Riskier, format!("The change is not the one that was approved: {why}.")));
    }
    fair::wait(&mut list, &later);
    let riskier: Vec<String> = violations.iter().filter(|violation| violation.raises_risk()).map(Violation::to_string).collect();
    if !riskier.is_empty() {
        return Err(Halt::Hold(
            HoldCause::Riskier,
            format!("The work that is needed is riskier than what was approved: {}.", riskier.join("; ")),
        ));
    }
    Ok(list)
}

async fn seal(work: &Work, list: WorkList) -> Step<()> {
    let (tenure, run, team) = (work.hand.tenure, work.run.clone(), work.plan.target().team);
    let (low_ms, high_ms) = list.total_ms();
    let findings = finding::counted(&list.findings, list.more_findings);
    let words = format!(
        "Sealed the work list {}: {}, {} left out; estimated {} to {}.{}",
        list.digest().short(),
        plural(list.items.len().try_into().unwrap_or(u64::MAX), "item", "items"),
        list.left_out.len(),
        domain::procedure::text::duration_ms(low_ms),
        domain::procedure::text::duration_ms(high_ms),
        findings.map(|said| format!(" {said}.")).unwrap_or_default()
    );
    let written = work.hand.write_with_window("seal_work_list", move |ledger| {
        let (run, list, words) = (run.clone(), list.clone(), words.clone());
        Box::pin(async move {
            let fact = NewFact::done("run.seal_work", "run", run.id)
                .of_window(run.window)
                .of_team(team)
                .with("plan_digest", run.digest.hex())
                .with("work_list_digest", list.digest().hex())
                .with("items", list.items.len())
                .with("left_out", list.left_out.len())
                .with("findings", list.findings.len());
            ledger.fact(fact).await?;
            ledger.seal_work_list(tenure, run.digest, &list).await?;
            ledger.run_phase(tenure, Phase::Working).await?;
            ledger.line(tenure, &Line::new("phase", words)).await
        })
    });
    Ok(written.await?)
}

/// Rates of earlier runs on this database.
pub(crate) async fn rates(db: &mut sqlx::PgConnection, target: TargetId) -> Result<Rates> {
    let mut rates = Rates::default();
    for store::runs::PastWork { act, object, bytes, ms } in store::runs::past_work(db, target).await? {
        let per_s = work_bytes(act, bytes).saturating_mul(1000) / u64::try_from(ms).unwrap_or(0).max(1);
        if per_s > 0 {
            rates.add(act, object, per_s);
        }
    }
    Ok(rates)
}
