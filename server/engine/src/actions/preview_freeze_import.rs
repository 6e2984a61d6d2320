//! Takes a calendar file to be looked at: nothing is frozen yet, and only its person sees it.

use super::Caller;
use super::create_freeze::scope;
use crate::engine::Engine;
use crate::error::Result;
use crate::{clock, ics, store, transaction, zones};
use domain::decision::FormCheck;
use domain::freeze::{Covers, may_freeze, may_freeze_something};
use uuid::Uuid;

/// What was typed, pasted or chosen.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// As in the form of a freeze.
    pub covers: String,
    /// Short name, where it is a database.
    pub database: String,
    /// IANA zone of whole days.
    pub zone: String,
    /// A chosen file.
    pub file: String,
    /// Pasted text, where no file was chosen.
    pub ics: String,
}

/// Keeps the file until it is imported or replaced; returns by which name.
///
/// # Errors
/// Neither administrator nor lead or deputy of the team that owns what it would cover; fields, all at once.
pub async fn preview_freeze_import(engine: &Engine, caller: &Caller, input: &Input) -> Result<Uuid> {
    may_freeze_something(&caller.actor)?;
    let (field, text) = if input.file.trim().is_empty() { ("ics", &input.ics) } else { ("file", &input.file) };
    let mut form = FormCheck::default();
    let covers = form.take(Covers::read(&input.covers, &input.database));
    let zone = form.take(zones::take("zone", &input.zone));
    let events = form.take(ics::events(field, text));
    let ((covers, zone), _) = form.finish(covers.zip(zone).zip(events))?;
    let (text, caller) = (text.trim_start_matches('\u{feff}').trim().to_owned(), caller.clone());
    transaction::run(engine.pool(), "preview_freeze_import", move |db| {
        let (covers, zone, text, caller) = (covers.clone(), zone.clone(), text.clone(), caller.clone());
        Box::pin(async move {
            let scope = scope(db, &caller.actor, &covers).await?;
            may_freeze(&caller.actor, &scope)?;
            let id: Uuid = clock::new_id();
            store::freeze_imports::put(db, id, caller.actor.person, &scope, &zone, &text).await?;
            Ok(id)
        })
    })
    .await
}
