//! Freezes a part of the installation: from its start on nothing starts there by any path, until it ends or somebody lifts it.

use super::{Caller, audience};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{clock, store, transaction, zones};
use domain::decision::FieldError;
use domain::fact::NewFact;
use domain::freeze::{Covers, Freeze, FreezeForm, Scope, may_freeze, may_freeze_something};
use domain::ids::FreezeId;
use domain::notice::NoticeKind;
use domain::permission::{Actor, Verb, holds};
use jiff::tz::TimeZone;
use sqlx::PgConnection;

/// Freezes. Owners of windows that it meets are told.
///
/// # Errors
/// Neither administrator nor lead or deputy of the team that owns what it covers; fields, all at once.
pub async fn create_freeze(engine: &Engine, caller: &Caller, form: &FreezeForm) -> Result<FreezeId> {
    may_freeze_something(&caller.actor)?;
    let (form, caller) = (form.clone(), caller.clone());
    let id = transaction::run(engine.pool(), "create_freeze", move |db| {
        let (form, caller) = (form.clone(), caller.clone());
        Box::pin(async move {
            let name = zones::take("zone", &form.zone);
            let zone = name.clone().and_then(|name| TimeZone::get(&name).map_err(|_| FieldError::new("zone", "This zone is not known.")));
            // The database's clock is the one that starts things.
            let wanted = form.parse(zone.as_ref().map_err(Clone::clone), store::runs::now(db).await?)?;
            let zone = name.map_err(|error| vec![error])?;
            let scope = scope(db, &caller.actor, &wanted.covers).await?;
            let permit = may_freeze(&caller.actor, &scope)?;
            let by = permit.person().ok_or_else(|| Error::internal("a freeze is made by a person"))?;
            let mut new = Freeze {
                id: clock::new_id(),
                name: wanted.name,
                reason: wanted.reason,
                scope,
                zone,
                start: wanted.start,
                end: wanted.end,
                by,
                by_name: caller.actor.name.clone(),
                lifted_at: None,
                revision: 1,
            };
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            new.start = store::freezes::insert(ledger.db(), &new).await?;
            let fact = ledger.fact(made(&new)).await?;
            let owners = store::freezes::owners_met(ledger.db(), new.id).await?;
            audience::tell_owners(&mut ledger, &owners, NoticeKind::Frozen, new.id, None, fact).await?;
            Ok(new.id)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Runner, Wake::Notifier, Wake::Sealer]).await;
    Ok(id)
}

/// What is to be covered, its names looked up. A database of a team the actor does not see is answered like a missing one.
pub(super) async fn scope(db: &mut PgConnection, actor: &Actor, covers: &Covers) -> Result<Scope> {
    Ok(match covers {
        Covers::Everything => Scope::Everything,
        Covers::Environment(environment) => Scope::Environment(*environment),
        Covers::Tag(tag) => Scope::Tag(tag.clone()),
        Covers::Team(team) => {
            if !store::teams::exists(db, *team).await? {
                return Err(Error::field("covers", "There is no such team. Choose one from the list."));
            }
            Scope::Team(*team)
        }
        Covers::Database(name) => {
            let found = match store::windows::proposal_target(db, name).await {
                Ok(target) => Some(target.plan).filter(|plan| holds(actor, Verb::SeeTeam, Some(plan.team))),
                Err(Error::NotFound) => None,
                Err(other) => return Err(other),
            };
            let plan =
                found.ok_or_else(|| Error::field("database", "There is no database with this short name. Look it up under Databases."))?;
            Scope::Target(plan.id, plan.team)
        }
    })
}

/// The fact of a new freeze.
pub(super) fn made(new: &Freeze) -> NewFact {
    let mut fact = NewFact::done("freeze.create", "freeze", new.id)
        .with("name", new.name.clone())
        .with("scope", new.scope.word())
        .with("start", new.start.to_string())
        .with("end", new.end.to_string())
        .with("reason", new.reason.clone());
    if let Some(team) = new.scope.team() {
        fact = fact.of_team(team);
    }
    match &new.scope {
        Scope::Environment(environment) => fact.with("environment", environment.word()),
        Scope::Tag(tag) => fact.with("tag", tag.clone()),
        Scope::Target(target, _) => fact.with("target", target.to_string()),
        Scope::Everything | Scope::Team(_) => fact,
    }
}
