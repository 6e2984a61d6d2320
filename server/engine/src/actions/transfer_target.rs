//! Gives a database to another team. From then on that team's people plan on it, and that team's leads vote; stakeholders stay.

use super::{Caller, audience, elevated, scope};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::FormCheck;
use domain::fact::NewFact;
use domain::ids::{TargetId, TeamId};
use domain::notice::NoticeKind;
use domain::people;
use domain::permission::Verb;
use domain::target;
use serde_json::Map;

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize, serde::Serialize)]
#[serde(default)]
pub struct Input {
    /// Identity of the new owner team.
    pub team: String,
    /// Why, 1 to 2,000 characters.
    pub reason: String,
    /// The database's short name, typed as confirmation.
    pub confirm: String,
}

/// Changes the owner team. The windows so far belong to the team that planned them, and stay readable for it.
///
/// # Errors
/// Neither lead of the present owner nor administrator; windows that are not over, each named; an unknown team, or the same one.
pub async fn transfer_target(engine: &Engine, caller: &Caller, id: TargetId, input: &Input) -> Result<()> {
    let (before, permit) = scope::target(engine, caller, id, Verb::TransferTarget).await?;
    target::in_use(before.state)?;
    let (to, reason) = check(input, &before.registration.short_name, before.team)?;
    elevated(&caller.actor)?;
    let request = caller.request.clone();
    transaction::run(engine.pool(), "transfer_target", move |db| {
        let (permit, request, reason, from) = (permit.clone(), request.clone(), reason.clone(), before.team);
        let short_name = before.registration.short_name.clone();
        Box::pin(async move {
            store::targets::lock(db, id).await?;
            super::retire_target::refuse_wanted(&store::targets::open_windows(db, id).await?)?;
            if !store::teams::exists(db, to).await? {
                return Err(Error::field("team", "There is no such team. Choose one from the list."));
            }
            if !store::targets::transfer(db, id, from, to).await? {
                return Err(scope::moved_on());
            }
            let mut ledger = Ledger::open(db, &permit, &request);
            let fact = NewFact::done("target.transfer", "target", id)
                .of_team(from)
                .with("short_name", short_name)
                .with("from", from.to_string())
                .with("to", to.to_string())
                .with("reason", reason.clone());
            let fact = ledger.fact(fact).await?;
            let told = [("target", id.to_string()), ("from", from.to_string()), ("to", to.to_string()), ("reason", reason)];
            let payload: Map<_, _> = told.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
            audience::tell_leads(&mut ledger, &[from, to], NoticeKind::OwnerChanged, payload, fact).await?;
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer]).await;
    Ok(())
}

fn check(input: &Input, short_name: &str, owner: TeamId) -> Result<(TeamId, String)> {
    let mut form = FormCheck::default();
    let team = input.team.trim().parse::<TeamId>().ok().filter(|team| *team != owner);
    if team.is_none() {
        form.refuse("team", "Choose the team that owns it from now on, another one than now.");
    }
    let reason = form.take(people::text("reason", &input.reason, 1, 2000));
    if !input.confirm.trim().eq_ignore_ascii_case(short_name) {
        form.refuse(
            "confirm",
            format!("Type {short_name} to confirm: its people, its windows from now on and its votes are another team's then."),
        );
    }
    Ok(form.finish(team.zip(reason))?)
}
