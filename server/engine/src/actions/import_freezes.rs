//! Makes freezes of a calendar file that was looked at: one for each event that is new, and nothing for what was imported before.

use super::create_freeze::made;
use super::{Caller, audience};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::freeze_imports::{self, Draft};
use crate::wake::{Wake, wake};
use crate::{clock, ics, store, transaction, zones};
use domain::decision::Refusal;
use domain::freeze::import::{Verdict, judge};
use domain::freeze::repeat::spread;
use domain::freeze::{Freeze, may_freeze};
use domain::ids::FreezeId;
use domain::notice::NoticeKind;
use domain::view::freezes::ImportRow;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sqlx::PgConnection;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Imports, and says how many freezes were made. Owners of windows that they meet are told.
///
/// # Errors
/// No such file of this person; no right over what it covers any more; nothing in it that would be new.
pub async fn import_freezes(engine: &Engine, caller: &Caller, id: Uuid) -> Result<usize> {
    let caller = caller.clone();
    let made = transaction::run(engine.pool(), "import_freezes", move |db| {
        let caller = caller.clone();
        Box::pin(async move {
            let draft = freeze_imports::find(db, id, caller.actor.person).await?.ok_or(Error::NotFound)?;
            let permit = may_freeze(&caller.actor, &draft.scope)?;
            let by = permit.person().ok_or_else(|| Error::internal("a freeze is made by a person"))?;
            // The database's clock is the one that starts things.
            let now = store::runs::now(db).await?;
            let rows = rows(db, &draft, now).await?;
            let mut new = Vec::new();
            for row in rows.into_iter().filter(|row| row.verdict == Verdict::New) {
                let during = row.during.ok_or_else(|| Error::internal("a new freeze without its time"))?;
                let freeze = Freeze {
                    id: clock::new_id(),
                    reason: format!("From a calendar: {}", row.name),
                    name: row.name,
                    scope: draft.scope.clone(),
                    zone: draft.zone.clone(),
                    start: during.start.max(now),
                    end: during.end,
                    by,
                    by_name: caller.actor.name.clone(),
                    lifted_at: None,
                    revision: 1,
                };
                new.push((freeze, row.uid));
            }
            if new.is_empty() {
                return Err(Refusal::new("nothing_new", "Nothing in this file would become a freeze.", "Each line says why.").into());
            }
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            freeze_imports::remove(ledger.db(), id).await?;
            // From here on nothing starts until the commit: what can be asked for all of them at once is.
            let starts = store::freezes::insert_all(ledger.db(), &new).await?;
            let ids: Vec<FreezeId> = starts.keys().copied().collect();
            let mut owners = store::freezes::owners_met_by(ledger.db(), &ids).await?;
            for (freeze, uid) in &mut new {
                freeze.start = *starts.get(&freeze.id).ok_or_else(|| Error::internal("a freeze that was not written"))?;
                let fact = ledger.fact(made(freeze).with("uid", uid.clone())).await?;
                let met = owners.remove(&freeze.id).unwrap_or_default();
                audience::tell_owners(&mut ledger, &met, NoticeKind::Frozen, freeze.id, None, fact).await?;
            }
            Ok(new.len())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Runner, Wake::Notifier, Wake::Sealer]).await;
    Ok(made)
}

/// What becomes of each event of a file; the page before the import reads it, too.
pub(crate) async fn rows(db: &mut PgConnection, draft: &Draft, now: Timestamp) -> Result<Vec<ImportRow>> {
    let zone = TimeZone::get(&draft.zone).map_err(|_| Error::internal(format!("unknown zone {}", draft.zone)))?;
    let events = ics::events("ics", &draft.ics).map_err(|error| vec![error])?;
    let events = spread(events, &zone, zones::in_file, now);
    let uids: Vec<String> = events.iter().map(|event| event.uid.clone()).collect();
    let before = freeze_imports::before(db, &draft.scope, &uids).await?;
    let mut seen = BTreeSet::new();
    Ok(events
        .into_iter()
        .map(|event| {
            let twice = !event.uid.is_empty() && !seen.insert(event.uid.clone());
            let (during, verdict) = judge(event.during(&zone, zones::in_file), before.get(&event.uid).copied(), twice, now);
            ImportRow { name: event.name(), uid: event.uid, during, verdict }
        })
        .collect())
}
