//! "Mail me a fresh link": to the same person, at the address on record, for the newest plan.

use super::audience::link_end;
use super::cast_vote::tally;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::notice::topics::Channel;
use domain::notice::{NewNotice, NoticeKind};
use domain::permission::Permit;
use domain::window::WindowState;
use serde_json::Map;
use std::collections::BTreeSet;

/// A fresh link at most every five minutes: mail needs about that long to be looked for.
const PAUSE_S: f64 = 300.0;
/// And at most this many a day, the first ones included: nobody floods a mailbox by an old link.
const MOST_A_DAY: i64 = 10;

/// Ends the person's links on the window and mails a new one. Whoever holds the old link proves nothing but that, so the new one goes to
/// the address on record and nowhere else.
///
/// An unknown secret is [`Error::NotFound`]. Refused: nothing left to decide, somebody who may not vote or has voted, and asking too often.
pub async fn mail_fresh_link(engine: &Engine, secret: &str, request: &str) -> Result<()> {
    let (secret, request) = (secret.to_owned(), request.to_owned());
    transaction::run(engine.pool(), "mail_fresh_link", move |db| {
        let (secret, request) = (secret.clone(), request.clone());
        Box::pin(async move {
            let link = store::votes::link(db, &secret).await?.filter(|link| link.purpose == "approve").ok_or(Error::NotFound)?;
            let id = link.window.ok_or(Error::NotFound)?;
            let permit = Permit::link(link.person, link.id);
            let mut ledger = Ledger::open(db, &permit, &request);
            ledger.lock_window(id).await?;
            let window = store::windows::load(ledger.db(), id).await?;
            let plan = window.plan()?;
            may_ask(window.state, store::letters::in_time(ledger.db(), plan.times.latest_start).await?)?;
            let voted = store::votes::standing(ledger.db(), id, window.digest).await?.iter().any(|(_, vote)| vote.person == link.person);
            let active = store::letters::recipient(ledger.db(), link.person).await?.active;
            let (polls, _) = tally(ledger.db(), &window, &plan).await?;
            let asked = plan.voters().contains(&link.person) || !polls.in_place_of(link.person).is_empty();
            if voted || !active || !asked {
                return Err(Refusal::new(
                    "not_eligible",
                    "No decision of yours is waited for on this window.",
                    "Open the link again to see how it stands.",
                )
                .into());
            }
            not_too_often(store::links::recent(ledger.db(), id, link.person).await?)?;
            ledger.replace_links(id, link.person).await?;
            let fact = NewFact::done("link.renew", "window", id)
                .of_window(id)
                .of_team(window.team)
                .with("person", link.person.to_string())
                .with("digest", window.digest.hex());
            let fact = ledger.fact(fact).await?;
            let workers = store::votes::worker_keys(ledger.db()).await?;
            let fresh = ledger.link("approve", link.person, Some((id, window.digest)), link_end(&plan, fact.at()), &workers).await?;
            let notice = NewNotice::new(NoticeKind::ApprovalNeeded, link.person, Map::new()).by(BTreeSet::from([Channel::Mail]));
            ledger.notice(&notice, Some(id), Some(window.digest), Some(&fresh), fact).await?;
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer]).await;
    Ok(())
}

fn may_ask(state: WindowState, in_time: bool) -> Result<(), Refusal> {
    if state == WindowState::Proposed && in_time {
        return Ok(());
    }
    Err(Refusal::new("moved_on", format!("There is nothing to decide any more: this window is “{}”.", state.label()), ""))
}

fn not_too_often(recent: store::links::Recent) -> Result<(), Refusal> {
    if recent.in_a_day >= MOST_A_DAY {
        return Err(Refusal::new(
            "too_many_links",
            format!("{MOST_A_DAY} links were mailed to you within a day; no more go out today."),
            "Look for the newest mail, also among the unwanted ones, or sign in and decide on the page of the window.",
        ));
    }
    match recent.newest_s {
        Some(age_s) if age_s < PAUSE_S => {
            let wait_min = ((PAUSE_S - age_s) / 60.0).ceil();
            Err(Refusal::new(
                "link_just_mailed",
                "A link was mailed to you less than five minutes ago.",
                format!("Look for the newest mail, also among the unwanted ones, or ask again in {wait_min} min."),
            ))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::links::Recent;

    #[test]
    fn nobody_floods_a_mailbox() {
        let code = |newest_s, in_a_day| not_too_often(Recent { newest_s, in_a_day }).err().map(|refusal| refusal.code);
        assert_eq!(code(None, 0), None);
        assert_eq!(code(Some(301.0), 9), None);
        assert_eq!(code(Some(299.0), 1).as_deref(), Some("link_just_mailed"));
        assert_eq!(code(Some(4000.0), 10).as_deref(), Some("too_many_links"));
    }
}
