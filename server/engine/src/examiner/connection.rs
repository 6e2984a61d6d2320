//! The connection test: can the database be reached, is it the right one, and may the role do what maintenance needs?

use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::examinations::{self, Claimed};
use crate::store::targets::{self, Target};
use crate::target::connect::Dialer;
use crate::target::fault::ConnectError;
use crate::target::report::{ConnectionReport, examine};
use crate::transaction;
use crate::worker::{WorkerContext, address};
use domain::decision::Refusal;
use domain::examination::ExaminationKind;
use domain::fact::NewFact;
use domain::permission::Permit;
use domain::target::{Found, TargetState, may_be_ready};
use serde_json::{Value, json};
use std::sync::Arc;

/// Tests the connection and writes down what was found: with everything in order the database becomes ready.
pub(super) async fn test(context: &WorkerContext, claimed: &Claimed) -> Result<()> {
    let (target, address) = address(context, claimed.target).await?;
    let dialer = Dialer::new(address).await.map_err(refused)?;
    let report = examine(&dialer).await.map_err(refused)?;
    let report = if target.registration.trial_copy { report.with_trials() } else { report };
    conclude(context, claimed, &target, report).await
}

/// What the driver and the server said, as a refusal: it is a sentence already.
pub(super) fn refused(error: ConnectError) -> Error {
    Refusal::new("connection", error.to_string(), "").into()
}

async fn conclude(context: &WorkerContext, claimed: &Claimed, tested: &Target, report: ConnectionReport) -> Result<()> {
    let (id, target, revision, name) = (claimed.id, claimed.target, tested.revision, Arc::clone(&context.name));
    transaction::run(&context.pool, "conclude_connection_test", move |db| {
        let (name, report) = (Arc::clone(&name), report.clone());
        Box::pin(async move {
            targets::lock(db, target).await?;
            let now = examinations::now(db).await?;
            let current = targets::find(db, target).await?.filter(|current| current.revision == revision).ok_or_else(moved_on)?;
            let identity = serde_json::to_value(&report.identity.stable)?;
            let twin = targets::same_identity(
                db,
                target,
                &report.identity.stable.system_identifier,
                &report.identity.stable.database_oid.to_string(),
            )
            .await?;
            let verdict = judge(&current, &report, &identity, twin.as_deref());
            let state = if verdict.is_ok() { TargetState::Ready } else { TargetState::Unverified };
            let known = if verdict.is_ok() { Some(&identity) } else { current.identity.as_ref() };
            if !targets::set_report(db, target, revision, state, known, &serde_json::to_value(&report)?, now).await? {
                return Err(moved_on());
            }
            let refusal = verdict.err();
            // After a change of address: is it still the same database? Either may be meant, and nobody should have to guess.
            let before = targets::former_identity(db, target).await?;
            let same_as_before = before.filter(|_| current.identity.is_none()).map(|before| before == identity);
            let answer = json!({ "passed": refusal.is_none(), "refusal": refusal, "report": report, "same_as_before": same_as_before });
            if !examinations::finish(db, id, &name, Ok(&answer)).await? {
                return Err(Error::internal("the question was taken by another worker"));
            }
            let permit = Permit::worker(&name);
            let request = format!("examination {id}");
            let mut ledger = Ledger::open(db, &permit, &request);
            let mut fact = fact(&current, &report, &identity, refusal.as_ref());
            if let Some(same) = same_as_before {
                fact = fact.with("same_as_before", same);
            }
            ledger.fact(fact).await?;
            Ok(())
        })
    })
    .await
}

/// Another database at the known address is never taken over silently; everything else is the domain's rule.
fn judge(current: &Target, report: &ConnectionReport, identity: &Value, twin: Option<&str>) -> std::result::Result<(), Refusal> {
    if current.identity.as_ref().is_some_and(|known| known != identity) {
        return Err(Refusal::new(
            "another_database",
            "At this address answers another database than the one that was registered: the server's identity or the database's differs.",
            "If it moved or was restored on purpose, edit the registration and type the password again: the old identity is then forgotten. Otherwise find out who answers there.",
        ));
    }
    if let Some(twin) = twin {
        return Err(Refusal::new(
            "same_database",
            format!("This is the database that is registered as {twin} already: server identity and database are the same."),
            "Use that registration, or retire it first.",
        ));
    }
    let found = Found { in_recovery: !report.primary, superuser: report.role.superuser };
    may_be_ready(found, current.registration.environment, current.superuser_reason.is_some())
}

fn fact(target: &Target, report: &ConnectionReport, identity: &Value, refusal: Option<&Refusal>) -> NewFact {
    let fact = if refusal.is_none() {
        NewFact::done("target.test", "target", target.id)
    } else {
        NewFact::refused("target.test", "target", target.id)
    };
    let words = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect::<Vec<_>>();
    fact.of_team(target.team)
        .with("server_version", report.server_version.clone())
        .with("identity", identity.clone())
        .with("primary", report.primary)
        .with("encrypted", report.tls.encrypted)
        .with("superuser", report.role.superuser)
        .with("missing", words(report.missing.iter().map(|missing| missing.privilege.as_str()).collect()))
        .with("excess", words(report.excess.iter().map(|excess| excess.privilege.as_str()).collect()))
        .with("refused", refusal.map(|refusal| refusal.code.clone()))
}

fn moved_on() -> Error {
    Refusal::new("moved_on", "The registration was changed while the test ran, so its answer was not kept.", "Test the connection again.")
        .into()
}

/// Notes why there is no answer; a failed connection test is a fact too.
pub(super) async fn fail(context: &WorkerContext, claimed: &Claimed, sentence: String) -> Result<()> {
    let (claimed, name) = (claimed.clone(), Arc::clone(&context.name));
    transaction::run(&context.pool, "fail_examination", move |db| {
        let (claimed, name, sentence) = (claimed.clone(), Arc::clone(&name), sentence.clone());
        Box::pin(async move {
            let action = match claimed.kind {
                ExaminationKind::ConnectionTest => "target.test",
                ExaminationKind::PasswordRotation => "target.rotate_password",
                ExaminationKind::BackupProof => "backup.prove",
                ExaminationKind::Preview | ExaminationKind::Probe => "",
            };
            if !examinations::finish(db, claimed.id, &name, Err(&sentence)).await? || action.is_empty() {
                return Ok(());
            }
            let Some(target) = targets::find(db, claimed.target).await? else { return Ok(()) };
            let permit = Permit::worker(&name);
            let request = format!("examination {}", claimed.id);
            let mut ledger = Ledger::open(db, &permit, &request);
            ledger.fact(NewFact::refused(action, "target", target.id).of_team(target.team).with("reason", sentence)).await?;
            Ok(())
        })
    })
    .await
}
