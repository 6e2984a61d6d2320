//! Keeps the installation's address equal to the settings: links in mails begin with it.

use crate::engine::Engine;
use crate::error::Result;
use crate::ledger::Ledger;
use crate::{store, transaction};
use domain::fact::NewFact;
use domain::permission::Permit;

/// Called when the web process starts. Before the first run there is nothing to keep.
pub async fn set_public_url(engine: &Engine, public_url: &str) -> Result<()> {
    let public_url = public_url.trim_end_matches('/').to_owned();
    transaction::run(engine.pool(), "set_public_url", move |db| {
        let public_url = public_url.clone();
        Box::pin(async move {
            let permit = Permit::system();
            let mut ledger = Ledger::open(db, &permit, "start");
            if store::people::set_public_url(ledger.db(), &public_url).await? {
                ledger.fact(NewFact::done("installation.set_url", "installation", "1").with("public_url", public_url)).await?;
            }
            Ok(())
        })
    })
    .await
}
