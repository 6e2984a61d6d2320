//! Edits a registration. A changed address demands the password again, because the stored one is bound to the old address.

use super::{Caller, ask_examination, elevated, scope};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{credentials, store, transaction, zones};
use domain::decision::{FormCheck, Refusal};
use domain::examination::Question;
use domain::fact::NewFact;
use domain::freeze::may_leave_environment;
use domain::ids::TargetId;
use domain::permission::{Actor, Verb};
use domain::target::{self, Draft, Environment, Registration};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// The revision the form was filled from.
    pub revision: i32,
    /// Everything but password and stakeholders.
    #[serde(flatten)]
    pub draft: Draft,
    /// Needed when the address changes; otherwise empty keeps the stored one.
    pub password: SecretString,
}

/// Replaces the registration. What the last test found is forgotten when the address, the password or the environment changes, and a
/// new test is asked for.
///
/// # Errors
/// All wrong fields at once; a password missing for a new address; another environment under windows that are not over or under a freeze; somebody
/// else's edit in between; an open run; no right in that team.
pub async fn edit_target(engine: &Engine, caller: &Caller, id: TargetId, input: &Input) -> Result<()> {
    let (before, permit) = scope::target(engine, caller, id, Verb::ManageTarget).await?;
    target::in_use(before.state)?;
    let by = permit.person().ok_or_else(|| Error::internal("a registration is edited by a person"))?;
    let new = check(input, &before.registration)?;
    if before.revision != input.revision {
        return Err(scope::moved_on());
    }
    let (request, password, revision) = (caller.request.clone(), input.password.clone(), input.revision);
    let typed = !password.expose_secret().is_empty();
    let moved = new.place != before.registration.place;
    if moved || typed {
        elevated(&caller.actor)?;
    }
    let renamed = new.environment != before.registration.environment;
    let (forget, actor) = (moved || typed || renamed, caller.actor.clone());
    transaction::run(engine.pool(), "edit_target", move |db| {
        let (permit, request, password, new, old) =
            (permit.clone(), request.clone(), password.clone(), new.clone(), before.registration.clone());
        let actor = actor.clone();
        Box::pin(async move {
            store::targets::lock(db, id).await?;
            if renamed {
                may_change_environment(db, &actor, id, old.environment).await?;
            }
            if forget {
                super::rotate_password::refuse_while_rotating(db, id).await?;
            }
            if forget && store::targets::has_open_run(db, id).await? {
                return Err(run_open());
            }
            if !store::targets::update(db, id, revision, &new, forget).await? {
                return Err(scope::moved_on());
            }
            let mut ledger = Ledger::open(db, &permit, &request);
            if typed {
                credentials::store_password(ledger.db(), id, &new.place, &password, by).await?;
            } else if moved {
                store::secrets::destroy(ledger.db(), id).await?;
            }
            ledger
                .fact(
                    NewFact::done("target.edit", "target", id)
                        .of_team(before.team)
                        .with("changed", changes(&old, &new))
                        .with("password_replaced", typed),
                )
                .await?;
            // What the role lacks, or has too much, depends on what it is for.
            if forget || new.trial_copy != old.trial_copy {
                ask_examination::apply(&mut ledger, id, before.team, &Question::ConnectionTest).await?;
            }
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Examiner, Wake::Sealer]).await;
    Ok(())
}

fn check(input: &Input, before: &Registration) -> Result<Registration> {
    let mut form = FormCheck::default();
    let new = target::check(&input.draft, zones::known, &mut form);
    let password = input.password.expose_secret();
    if let Some(new) = &new {
        if new.place != before.place && password.is_empty() && !new.place.is_socket() {
            form.refuse(
                "password",
                "The address changed, and the stored password may be sent to the old one only. Type the password again.",
            );
        } else if !password.is_empty() {
            target::check_password(&new.place, password, &mut form);
        }
    }
    Ok(form.finish(new)?)
}

/// The environment says which policy judges a window and which freezes keep it: it changes under neither.
async fn may_change_environment(db: &mut PgConnection, actor: &Actor, id: TargetId, from: Environment) -> Result<()> {
    super::retire_target::refuse_wanted(&store::targets::open_windows(db, id).await?)?;
    let standing = store::freezes::over_environment(db, from).await?;
    Ok(may_leave_environment(actor, &standing, store::runs::now(db).await?)?)
}

fn run_open() -> Error {
    Refusal::new(
        "run_open",
        "A run on this database is not over, and it must not be moved under it.",
        "Wait for the run, or decide on it if it is on hold.",
    )
    .into()
}

/// Before and after of each field that changed. Whom to call is personal: only that it changed is in the trail.
fn changes(old: &Registration, new: &Registration) -> Value {
    let fields = |r: &Registration| {
        [
            ("name", json!(r.name)),
            ("short_name", json!(r.short_name)),
            ("host", json!(r.place.host)),
            ("port", json!(r.place.port)),
            ("database", json!(r.place.database)),
            ("username", json!(r.place.username)),
            ("tls", json!(r.place.tls.word())),
            ("tls_reason", json!(r.tls_reason)),
            ("environment", json!(r.environment.word())),
            ("zone", json!(r.zone)),
            ("trial_copy", json!(r.trial_copy)),
        ]
    };
    let mut changed: Map<String, Value> = fields(old)
        .into_iter()
        .zip(fields(new))
        .filter(|((_, before), (_, after))| before != after)
        .map(|((name, before), (_, after))| (name.to_owned(), json!({ "before": before, "after": after })))
        .collect();
    for (name, differs) in [("on_call", old.on_call != new.on_call), ("own_authority", old.place.ca_pem != new.place.ca_pem)] {
        if differs {
            changed.insert(name.to_owned(), json!("changed"));
        }
    }
    Value::Object(changed)
}
