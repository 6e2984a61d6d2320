//! How the holder of a link is known who approves: by the link alone, or by a code that was mailed just now.

use super::ballot::{Admitted, Ballot};
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::{store, vote_code};
use domain::approval::{Assurance, code, factor_needed};
use domain::decision::{FieldError, Refusal};
use domain::fact::NewFact;
use domain::ids::{LinkId, VoteCodeId};
use secrecy::{ExposeSecret as _, SecretString};

/// What was shown beside the link.
pub(super) enum Shown {
    /// No code, and none is needed.
    Nothing,
    /// The code that was mailed.
    Right(VoteCodeId),
    /// Another one: it was counted, which has to be committed.
    Wrong(FieldError),
}

/// Compares what was typed with what was mailed. Refused: an approval that would count for nothing whatever is typed here, a code that is
/// needed and missing, and one for another browser.
pub(super) async fn known(
    ledger: &mut Ledger<'_>,
    ballot: &Ballot,
    admitted: &Admitted<'_>,
    link: LinkId,
    typed: &SecretString,
    browser: Option<&SecretString>,
) -> Result<Shown> {
    let person = admitted.person;
    by_link_at_all(admitted)?;
    let need = admitted.polls.code_need(person);
    if need.is_none() {
        return Ok(Shown::Nothing);
    }
    let Some(digits) = code::typed(typed.expose_secret()).map_err(|slip| Error::Invalid(vec![slip]))? else {
        let missing = "The policy counts your approval only with a code from your mailbox: have one mailed, and type it here.";
        return if need.is_must() { Err(Error::field("code", missing)) } else { Ok(Shown::Nothing) };
    };
    let Some(mailed) = store::vote_codes::alive(ledger.db(), link).await? else {
        let text =
            "No code is waiting to be typed: none was asked for, or its ten minutes passed, or it died of wrong tries. Have one mailed.";
        return Err(Error::field("code", text));
    };
    let Some(browser) = browser.filter(|browser| mailed.is_of(Some(browser))) else {
        let text = "That code was asked for in another browser, and works only there. Type it there, or have a new one mailed from here.";
        return Err(Error::field("code", text));
    };
    if vote_code::is_right(browser, link, ballot.window.digest, &digits, &mailed.mac)? {
        return Ok(Shown::Right(mailed.id));
    }
    let left = ledger.wrong_vote_code(mailed.id).await?;
    if left <= 0 {
        let fact = NewFact::refused("code.try", "window", ballot.window.id)
            .of_window(ballot.window.id)
            .of_team(ballot.window.team)
            .with("person", person.to_string())
            .with("reason", "The last try was wrong: the code is dead.");
        ledger.fact(fact).await?;
    }
    Ok(Shown::Wrong(code::wrong(left)))
}

/// Refuses where every rule that asks wants more than a mailbox can prove.
pub(super) fn by_link_at_all(admitted: &Admitted<'_>) -> Result<()> {
    if !admitted.polls.must_be_known_better(admitted.person, Assurance::LinkCode) {
        return Ok(());
    }
    let better = admitted.polls.must_be_known_better(admitted.person, Assurance::Account);
    let (signed_in, with) = if better { ("signed in with your second factor", " with it") } else { ("signed in", "") };
    Err(Refusal::new(
        "sign_in_needed",
        format!("The policy of this plan counts your approval only when you are {signed_in}, so by this link it would count for nothing."),
        format!("Sign in{with} by the link at your decision, and approve there."),
    )
    .into())
}

/// Refuses an approval of somebody signed in where every rule that asks wants a second factor, and this session did not see one.
pub(super) fn signed_in_well_enough(admitted: &Admitted<'_>, known: Assurance) -> Result<()> {
    if admitted.polls.must_be_known_better(admitted.person, known) { Err(factor_needed().into()) } else { Ok(()) }
}
