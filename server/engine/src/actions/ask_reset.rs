//! "Forgot your password?": a link goes to the address, if somebody there can sign in. The answer is always the same.

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::{Ledger, Made};
use crate::wake::{Wake, wake};
use crate::{store, throttle, transaction};
use domain::account_link::{AccountLink, Way};
use domain::fact::NewFact;
use domain::ids::PersonId;
use domain::notice::{NewNotice, NoticeKind};
use domain::permission::Permit;
use serde_json::Map;
use sqlx::PgConnection;
use std::net::IpAddr;
use std::time::Duration;

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// The address.
    pub email: String,
}

/// A fresh link at most every five minutes: mail needs about that long to be looked for.
const PAUSE_S: f64 = 300.0;
/// And at most this many a day: nobody floods a mailbox by its address.
const MOST_A_DAY: i64 = 10;
/// The answer comes this long after the question at the earliest, many times what the work takes: a link made and no link made take equally long.
const ANSWER_AFTER: Duration = Duration::from_millis(400);

/// Mails a link to the person with this address, unless nobody there can sign in, or one was mailed lately: which of these is told to nobody.
/// Refused: what is no address, and asking too often from one network.
pub async fn ask_reset(engine: &Engine, request: &str, input: &Input, address: IpAddr) -> Result<()> {
    let email = domain::people::email("email", &input.email).map_err(|error| Error::Invalid(vec![error]))?;
    throttle::admit_asking(engine.pool(), address).await?;
    let answer_at = tokio::time::Instant::now() + ANSWER_AFTER;
    let request = request.to_owned();
    let done = transaction::run(engine.pool(), "ask_reset", move |db| {
        let (email, request) = (email.clone(), request.clone());
        Box::pin(async move {
            let tell = throttle::asked(db, &email, address).await?;
            let person = who(db, &email).await?;
            let permit = Permit::system();
            let mut ledger = Ledger::open(db, &permit, &request);
            let Some(person) = person else {
                if tell {
                    ledger.fact(NewFact::refused("person.ask_reset", "person", "unknown").with("address", address.to_string())).await?;
                }
                return Ok(());
            };
            let fact = ledger.fact(NewFact::done("person.ask_reset", "person", person).with("address", address.to_string())).await?;
            let made = ledger.account_link(AccountLink::Reset, person, Way::Mail, None, fact.at() + AccountLink::Reset.life()).await?;
            if let Made::ForMail(link) = &made {
                let notice = NewNotice::new(NoticeKind::ResetAsked, person, Map::new());
                ledger.notice(&notice, None, None, Some(link), fact).await?;
            }
            Ok(())
        })
    })
    .await;
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer]).await;
    tokio::time::sleep_until(answer_at).await;
    done
}

/// The person to whom a link goes now: active, with an account, and not mailed one lately.
async fn who(db: &mut PgConnection, email: &str) -> Result<Option<PersonId>> {
    let Some(person) = store::people::by_email(db, email).await? else { return Ok(None) };
    // Two who ask at once ask one after the other, and the second is too early.
    let active = store::people::lock(db, person).await?.is_some_and(|known| known.active);
    let account = store::people::actor(db, person, false).await?.is_some();
    let recent = store::account_links::recent_resets(db, person).await?;
    let early = recent.newest_s.is_some_and(|age_s| age_s < PAUSE_S) || recent.in_a_day >= MOST_A_DAY;
    Ok((active && account && !early).then_some(person))
}
