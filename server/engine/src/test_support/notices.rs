//! Messages as the runner owes them, without a run.

use crate::actions::audience;
use crate::error::Result;
use crate::ledger::Ledger;
use crate::{store, transaction};
use domain::fact::NewFact;
use domain::ids::WindowId;
use domain::notice::NoticeKind;
use domain::permission::Permit;
use serde_json::Map;
use sqlx::PgPool;

/// Tells everybody whom a message of this kind about the window concerns; gives their number.
pub async fn tell(pool: &PgPool, window: WindowId, kind: NoticeKind) -> Result<usize> {
    transaction::run(pool, "tell", move |db| {
        Box::pin(async move {
            let window = store::windows::load(db, window).await?;
            let (plan, permit) = (window.plan()?, Permit::worker("test"));
            let mut ledger = Ledger::open(db, &permit, "test");
            let fact = ledger.fact(NewFact::done("run.hold", "run", "test").of_window(window.id)).await?;
            audience::tell(&mut ledger, &window, &plan, kind, Map::new(), fact).await
        })
    })
    .await
}
