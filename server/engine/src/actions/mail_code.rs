//! "Mail me a code": six digits to the mailbox the link went to, so that an approval by link counts for more.

use super::ballot::{self, Ballot};
use super::show_code::by_link_at_all;
use crate::engine::Engine;
use crate::error::Result;
use crate::ledger::{Ledger, link_spent};
use crate::vote_code::Fresh;
use crate::wake::{Wake, wake};
use crate::{store, throttle, transaction};
use domain::approval::VoteDecision;
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::ids::LinkId;
use domain::notice::{NewNotice, NoticeKind};
use secrecy::SecretString;
use serde_json::Map;

/// A code at most every minute: mail needs about that long to be looked for.
const PAUSE_S: f64 = 60.0;

/// What the browser that asked has to keep.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The link it asked by.
    pub link: LinkId,
    /// Its secret: without it the code opens nothing.
    pub browser: SecretString,
}

/// Makes a code for the link and mails it to the person's address on record; one that was mailed before is dead. `digest` is the one of the page.
///
/// An unknown secret is [`crate::error::Error::NotFound`]. Refused: whatever would be said to an approval, a policy that wants no code, and asking too often.
pub async fn mail_code(engine: &Engine, secret: &str, digest: &str, request: &str) -> Result<Asked> {
    let (secret, digest, request) = (secret.to_owned(), digest.to_owned(), request.to_owned());
    let asked = transaction::run(engine.pool(), "mail_code", move |db| {
        let (secret, digest, request) = (secret.clone(), digest.clone(), request.clone());
        Box::pin(async move {
            let (link, window, permit) = ballot::of_link(db, &secret).await?;
            let mut ledger = Ledger::open(db, &permit, &request);
            let ballot = Ballot::lock(&mut ledger, window).await?;
            let admitted = ballot.admit(&mut ledger, &digest, VoteDecision::Approve).await?;
            let (id, named) = (ballot.window.id, ballot.window.digest);
            if !link.decides(named) {
                return Err(link_spent().into());
            }
            by_link_at_all(&admitted)?;
            if admitted.polls.code_need(link.person).is_none() {
                return Err(Refusal::new("no_code_needed", "Your approval counts without a code.", "Approve on this page.").into());
            }
            not_too_soon(store::vote_codes::newest_age_s(ledger.db(), link.id).await?)?;
            throttle::mail_code(ledger.db(), link.id, link.person).await?;
            let fresh = Fresh::make();
            let (code, mail) = ledger.vote_code(link.id, named, &fresh).await?;
            let fact = NewFact::done("code.mail", "window", id)
                .of_window(id)
                .of_team(ballot.window.team)
                .with("person", link.person.to_string())
                .with("digest", named.hex());
            let fact = ledger.fact(fact).await?;
            let payload = Map::from_iter([("code_id".to_owned(), code.to_string().into())]);
            let notice = NewNotice::new(NoticeKind::VoteCode, link.person, payload);
            ledger.notice(&notice, Some(id), Some(named), Some(&mail), fact).await?;
            Ok(Asked { link: link.id, browser: fresh.browser })
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer]).await;
    Ok(asked)
}

fn not_too_soon(newest_age_s: Option<f64>) -> Result<(), Refusal> {
    match newest_age_s {
        Some(age_s) if age_s < PAUSE_S => Err(Refusal::new(
            "code_just_mailed",
            "A code was mailed less than a minute ago.",
            format!("Look for the newest mail, also among the unwanted ones, or ask again in {:.0} s.", (PAUSE_S - age_s).ceil()),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_a_minute_apart() {
        assert!(not_too_soon(None).is_ok() && not_too_soon(Some(60.0)).is_ok());
        let refusal = not_too_soon(Some(20.5)).expect_err("too soon");
        assert!(refusal.way_out.contains("in 40 s"), "{}", refusal.way_out);
    }
}
