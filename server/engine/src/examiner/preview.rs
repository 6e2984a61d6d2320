//! The preview: what a procedure would do on the database now. Information, marked with its time; the run selects anew.

use super::connection::refused;
use super::trial;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::memory;
use crate::store::examinations::{self, Claimed};
use crate::store::past_lists;
use crate::store::targets::Target;
use crate::store::{self, critical_queries};
use crate::target::connect::Dialer;
use crate::target::fault::StatementError;
use crate::target::link::Link;
use crate::target::postgres::survey::{Asked, Surveyed, survey};
use crate::target::postgres::{Evidence, old_rows, settings};
use crate::target::{identity, keep_out, report};
use crate::transaction;
use crate::worker::{WorkerContext, address};
use domain::change::trial::Trial;
use domain::change::{self, OLD_ROWS_STEP, SETTINGS_STEP};
use domain::decision::Refusal;
use domain::examination::{PreviewAnswer, PreviewQuestion};
use domain::fact::NewFact;
use domain::ids::TargetId;
use domain::permission::Permit;
use domain::plan::PlanQuery;
use domain::procedure::fair::{self, Span};
use domain::procedure::probe::Colour;
use domain::procedure::{Finding, FindingLevel, PassedOver, Selection, WorkItem};
use std::sync::Arc;
use std::time::Duration;

/// What page-by-page measuring of indexes may take; what is left unmeasured then is listed as such.
const EXACT_WITHIN: Duration = Duration::from_secs(180);

/// Measures the database, selects by need and keeps the answer, with the window's revision where it is about one.
pub(super) async fn look(context: &WorkerContext, claimed: &Claimed) -> Result<()> {
    let question: PreviewQuestion = serde_json::from_value(claimed.question.clone())?;
    let procedure = question.known().ok_or_else(|| unknown_procedure(&question.procedure))?;
    let (target, address) = address(context, claimed.target).await?;
    let dialer = Dialer::new(address).await.map_err(refused)?;
    let link = dialer.connect("drydock:preview").await.map_err(refused)?;
    same_database(&target, &link).await?;
    let items = change::items(&question.scripts, &question.parameters);
    let sent_ms = change::sent_ms(&items);
    let mut sent = with_settings(&link, items).await.map_err(broken)?;
    with_old_rows(&link, &mut sent).await.map_err(broken)?;
    sent.findings.extend(kept_out(context, &link, &question).await?);
    let trial = trial::on_copy(context, claimed, &target, &dialer, &question).await?;
    sent.findings.extend(trial.iter().flat_map(Trial::findings));
    if !question.scripts.is_empty() && !procedure.selects() {
        // Nothing is selected by need: what is approved is what is sent.
        let answer = PreviewAnswer { measured_at: context.clock.now().to_string(), selection: sent, trial };
        return conclude(context, claimed, &target, &question, &answer).await;
    }
    let rates = crate::target::postgres::measure::Rates::default();
    let mut db = context.pool.acquire().await?;
    let memory = memory::recall(&mut db, claimed.target).await?;
    let queries = critical_queries::active(&mut db, claimed.target).await?;
    drop(db);
    let queries: Vec<PlanQuery> =
        queries.into_iter().map(|query| PlanQuery { name: query.name, sql: query.sql, limit_ms: query.limit_ms }).collect();
    let all = procedure.surveyed();
    let steps: Vec<String> = all.iter().filter(|step| !change::is_sent(step)).cloned().collect();
    let budget_ms = question.budget_ms.saturating_sub(sent_ms);
    let asked = Asked {
        steps: &steps,
        parameters: &question.parameters,
        rates: &rates,
        admits: &|object| !question.excluded.iter().any(|rule| rule.matches(object)),
        queries: &queries,
        memory: &memory,
        exact_within: EXACT_WITHIN,
        budget_ms,
    };
    let Surveyed { selection, measured } = survey(&link, &asked).await.map_err(broken)?;
    memory::remember(&context.pool, claimed.target, measured).await?;
    let mut selection = fitting(context, claimed.target, selection, &steps, &question, budget_ms).await?;
    selection.items = change::beside(selection.items, sent.items, &all);
    selection.findings.extend(sent.findings);
    let answer = PreviewAnswer { measured_at: context.clock.now().to_string(), selection, trial };
    conclude(context, claimed, &target, &question, &answer).await
}

/// The items, where settings are changed with what the server says of them now; what hinders one is a finding.
async fn with_settings(link: &Link, mut items: Vec<WorkItem>) -> Result<Selection, StatementError> {
    let mut findings = Vec::new();
    for item in &mut items {
        let Some(setting) = item.script.as_ref().and_then(|script| script.setting.clone()) else { continue };
        let shown = settings::look(link, &setting.name).await?;
        let hindered = settings::refused(link, &setting, shown.as_ref()).await?.or_else(|| {
            let shown = shown.as_ref()?;
            setting.value.as_ref().and_then(|value| shown.takes.refuses(value))
        });
        if let Some(why) = hindered {
            let sentence = format!("It would not be written: {why}.");
            findings.push(
                Finding::new(
                    SETTINGS_STEP,
                    "setting_refused",
                    FindingLevel::Urgent,
                    sentence,
                    "Put this right, or take the line out, then look again.",
                )
                .called(&setting.name),
            );
        }
        if let Some(shown) = shown {
            let wanted = setting.value.as_deref().unwrap_or("what the server's files say");
            let unit = if shown.takes.unit.is_empty() { String::new() } else { format!(" (unit {})", shown.takes.unit) };
            item.measure.sentence = format!("{}: now {}{unit}, from: {}; then {wanted}.", setting.name, shown.state.value, shown.source);
        }
    }
    Ok(Selection { items, findings, ..Selection::default() })
}

/// Whether the accounts can be kept out that are named for it.
async fn kept_out(context: &WorkerContext, link: &Link, question: &PreviewQuestion) -> Result<Option<Finding>> {
    let Some(out) = &question.keep_out else { return Ok(None) };
    let server = identity::observe(link).await.map_err(broken)?.stable.system_identifier;
    let mut db = context.pool.acquire().await?;
    let ours = store::kept_out::our_accounts(&mut db, &server, &out.accounts).await?;
    drop(db);
    let major = report::major(link).await.map_err(broken)?;
    let (colour, said) = keep_out::look(link, major, &out.accounts, &ours).await.map_err(broken)?.said();
    let (level, sentence, advice) = match colour {
        Colour::Fail => {
            (FindingLevel::Urgent, format!("The run would not begin: {said}"), "Put this right, or name others, then look again.")
        }
        Colour::Warn => (FindingLevel::Attention, said, "Name the accounts that sign in."),
        Colour::Pass | Colour::NotMeasurable => (FindingLevel::Note, said, ""),
    };
    Ok(Some(Finding::new(change::STEP, "keep_out", level, sentence, advice)))
}

/// Where old rows go, how many there are now; what hinders a rule is a finding.
async fn with_old_rows(link: &Link, selection: &mut Selection) -> Result<(), StatementError> {
    for item in &mut selection.items {
        let Some(rule) = item.script.as_ref().and_then(|script| script.old_rows.clone()) else { continue };
        if let Some(why) = old_rows::refused(link, &rule).await? {
            selection.findings.push(
                Finding::new(
                    OLD_ROWS_STEP,
                    "old_rows_refused",
                    FindingLevel::Urgent,
                    format!("Nothing would be sent: {why}."),
                    "Put this right, or take the line out, then look again.",
                )
                .called(rule.table.to_string()),
            );
        } else if let Evidence::OldRows { state: Some(state), .. } = old_rows::evidence(link, &rule).await? {
            item.measure.sentence = format!("{} Now: {}.", rule.sentence(), state.words());
            let triggers = old_rows::triggers(link, &rule).await?;
            if !triggers.is_empty() {
                let sentence = format!("Triggers run for its rows, and nobody here can tell what they do: {}.", triggers.join(", "));
                let advice =
                    "Read them: they may delete or keep other rows. If they are meant for single rows, have them disabled meanwhile.";
                selection.findings.push(
                    Finding::new(OLD_ROWS_STEP, "old_rows_triggers", FindingLevel::Attention, sentence, advice)
                        .called(rule.table.to_string()),
                );
            }
        }
    }
    Ok(())
}

/// What has a turn in a window of this length, after those before it; the rest is passed over with its reason.
async fn fitting(
    context: &WorkerContext,
    target: TargetId,
    selection: Selection,
    steps: &[String],
    question: &PreviewQuestion,
    budget_ms: u64,
) -> Result<Selection> {
    let mut db = context.pool.acquire().await?;
    let waited = fair::waited(&past_lists::newest(&mut db, target, past_lists::LOOKED_BACK).await?);
    drop(db);
    let span = Span::empty(budget_ms, question.parameters.jobs);
    let (mut selection, later) = fair::fit(selection, steps, span, &waited);
    selection.passed_over.extend(later.into_iter().map(|later| PassedOver { reason: later.reason(), object: later.item.object }));
    Ok(selection)
}

/// A preview of another database would be worse than none.
pub(super) async fn same_database(target: &Target, link: &Link) -> Result<()> {
    let identity = crate::target::identity::observe(link).await.map_err(broken)?;
    let stable = serde_json::to_value(&identity.stable)?;
    if target.identity.as_ref() == Some(&stable) {
        return Ok(());
    }
    Err(Refusal::new(
        "another_database",
        "At this address answers another database than the one that was tested.",
        "Test the connection on the database's page: it says what differs.",
    )
    .into())
}

/// What the server or the connection said in mid-work.
pub(super) fn broken(error: StatementError) -> Error {
    Refusal::new("target", format!("The database said: {}.", error.said), "Look at the server, then ask again.").into()
}

fn unknown_procedure(key: &str) -> Error {
    Refusal::new(
        "unknown_procedure",
        format!("This worker does not know the procedure \"{key}\"."),
        "It may be older than the web process: update it, then ask again.",
    )
    .into()
}

async fn conclude(
    context: &WorkerContext,
    claimed: &Claimed,
    target: &Target,
    question: &PreviewQuestion,
    answer: &PreviewAnswer,
) -> Result<()> {
    let (claimed, name, team, revision) = (claimed.clone(), Arc::clone(&context.name), target.team, question.revision);
    let (value, selection) = (serde_json::to_value(answer)?, &answer.selection);
    let (items, passed_over, findings) = (selection.items.len(), selection.passed_over.len(), selection.findings.len());
    transaction::run(&context.pool, "conclude_preview", move |db| {
        let (claimed, name, value) = (claimed.clone(), Arc::clone(&name), value.clone());
        Box::pin(async move {
            if !examinations::finish(db, claimed.id, &name, Ok(&value)).await? {
                return Ok(());
            }
            let (permit, request) = (Permit::worker(&name), format!("examination {}", claimed.id));
            let mut fact = NewFact::done("target.preview", "target", claimed.target)
                .of_team(team)
                .with("items", items)
                .with("passed_over", passed_over)
                .with("findings", findings);
            if let Some((window, revision)) = claimed.window.zip(revision) {
                examinations::set_preview(db, window, revision, &value).await?;
                fact = fact.of_window(window).with("revision", revision);
            }
            let mut ledger = Ledger::open(db, &permit, &request);
            ledger.fact(fact).await?;
            Ok(())
        })
    })
    .await
}
