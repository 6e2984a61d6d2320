//! Whether everything is paused, and the page that says so.

use crate::engine::Engine;
use crate::error::Result;
use crate::store::pauses;
use crate::{store, transaction};
use domain::pause::{Pause, PauseLevel, may_resume};
use domain::permission::{Actor, Verb, holds};
use domain::view::pauses::PausePage;

/// Pauses listed on the page.
const MOST: i64 = 20;

/// The pause that lasts: read for the banner of every page.
pub async fn open(engine: &Engine) -> Result<Option<Pause>> {
    let mut db = engine.pool().acquire().await?;
    pauses::open(&mut db).await
}

/// The page `/pause`.
pub async fn page(engine: &Engine, actor: &Actor) -> Result<PausePage> {
    let actor = actor.clone();
    transaction::read(engine.pool(), "pause_page", move |db| {
        let actor = actor.clone();
        Box::pin(async move {
            let open = pauses::open(db).await?;
            let (running, due) = pauses::met(db).await?;
            let earlier = pauses::newest(db, MOST).await?.into_iter().filter(|row| row.resumed.is_some()).collect();
            let farther = open.as_ref().is_none_or(|pause| pause.level == PauseLevel::StartNothing);
            Ok(PausePage {
                may_pause: farther && holds(&actor, Verb::PauseAll, None),
                may_resume: open.as_ref().is_some_and(|pause| may_resume(&actor, pause.by).is_ok()),
                open,
                running,
                due,
                earlier,
                now: store::examinations::now(db).await?,
            })
        })
    })
    .await
}
