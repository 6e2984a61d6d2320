//! A person changes what others call them, their zone and their colours.

use super::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction, zones};
use domain::decision::{FieldError, FormCheck};
use domain::fact::NewFact;
use domain::people;
use domain::permission::{Verb, authorize};

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// As people call them.
    pub name: String,
    /// IANA zone in which times are shown.
    pub zone: String,
    /// `system`, `light` or `dark`.
    pub theme: String,
}

/// Changes the own profile; returns the colours chosen, for the cookie.
pub async fn edit_profile(engine: &Engine, caller: &Caller, input: &Input) -> Result<String> {
    let permit = authorize(&caller.actor, Verb::SeeOwn, None)?;
    let mut form = FormCheck::default();
    let name = form.take(people::label("name", &input.name, 120));
    let zone = form.take(zones::take("zone", &input.zone));
    let known = matches!(input.theme.as_str(), "system" | "light" | "dark");
    let theme = form.take(known.then(|| input.theme.clone()).ok_or_else(|| FieldError::new("theme", "Choose one of the three.")));
    let ((name, zone), theme) = form.finish(name.zip(zone).zip(theme))?;
    let (request, person, chosen) = (caller.request.clone(), caller.actor.person, theme.clone());
    transaction::run(engine.pool(), "edit_profile", move |db| {
        let (permit, request, name, zone, theme) = (permit.clone(), request.clone(), name.clone(), zone.clone(), theme.clone());
        Box::pin(async move {
            let known = store::people::lock(db, person).await?.ok_or(Error::NotFound)?;
            let changes = [("name", known.name != name), ("zone", known.zone != zone)];
            let changed: Vec<&str> = changes.iter().filter(|(_, changed)| *changed).map(|(what, _)| *what).collect();
            let mut ledger = Ledger::open(db, &permit, &request);
            if !changed.is_empty() {
                ledger.fact(NewFact::done("person.edit", "person", person).with("changed", changed)).await?;
                store::people::update(ledger.db(), person, &name, &known.email, &zone, known.shared).await?;
            }
            Ok(store::people::set_theme(ledger.db(), person, &theme).await?)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(chosen)
}
