//! Lets somebody else decide on one plan: said by the holder of a mailed link, who needs no account for it.

use super::audience;
use super::ballot::{self, Admitted, Ballot};
use super::cast_vote::stand_ins;
use super::show_code::{self, Shown};
use super::withdraw_vote::delegation_ends;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::{Ledger, NewDelegation, link_spent};
use crate::store::{absences, delegations, window_page};
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::absence::{Candidate, Span, may_stand_in};
use domain::approval::VoteDecision;
use domain::decision::{FieldError, Refusal};
use domain::fact::NewFact;
use domain::ids::{PersonId, VoteCodeId};
use domain::notice::NoticeKind;
use domain::people;
use jiff::SignedDuration;
use secrecy::SecretString;
use serde_json::Map;
use std::collections::BTreeSet;

/// Most people who are named one after the other for one seat in one plan: each gets a mail, and a link must not flood mailboxes.
const MOST_GIVEN: i64 = 3;

/// What was typed to let somebody else decide.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// Digest of the plan the page showed, 64 hex digits.
    pub digest: String,
    /// Address of who decides instead.
    pub delegate: String,
    /// The code from the mail, where an approval would be given with one.
    pub delegate_code: SecretString,
}

/// Gives the holder's own seats in this plan to somebody else, who is asked by a link of their own; who was named before is asked no more. The
/// holder's link still decides: their own decision counts instead of the delegate's.
///
/// An unknown secret is [`Error::NotFound`]. Refused: whatever would be said to an approval by this link, with its code where one adds anything; a
/// seat that was voted for; whoever votes in somebody's place themselves; and a delegate who could not take the seat. A wrong code is counted,
/// and nothing else is written.
pub async fn delegate_vote(engine: &Engine, secret: &str, browser: Option<&SecretString>, input: &Input, request: &str) -> Result<()> {
    let (secret, browser, input, request) = (secret.to_owned(), browser.cloned(), input.clone(), request.to_owned());
    let done = transaction::run(engine.pool(), "delegate_vote", move |db| {
        let (secret, browser, input, request) = (secret.clone(), browser.clone(), input.clone(), request.clone());
        Box::pin(async move {
            let (link, window, permit) = ballot::of_link(db, &secret).await?;
            let mut ledger = Ledger::open(db, &permit, &request);
            let ballot = Ballot::lock(&mut ledger, window).await?;
            let admitted = ballot.admit(&mut ledger, &input.digest, VoteDecision::Approve).await?;
            if !link.decides(ballot.window.digest) {
                return Err(link_spent().into());
            }
            own_seat(&mut ledger, &ballot, &admitted).await?;
            let email = people::email("delegate", &input.delegate).map_err(|error| vec![error])?;
            let shown = show_code::known(&mut ledger, &ballot, &admitted, link.id, &input.delegate_code, browser.as_ref()).await;
            let code = match shown.map_err(of_this_form)? {
                Shown::Nothing if admitted.polls.code_need(link.person).is_none() => None,
                // Seats that a code opens are given with one.
                Shown::Nothing => return Err(Error::field("delegate_code", "Type the code from the mail to give away what it opens.")),
                Shown::Right(code) => Some(code),
                Shown::Wrong(error) => return Ok(Err(FieldError { field: "delegate_code".into(), ..error })),
            };
            let delegate = candidate(&mut ledger, link.person, &email).await?;
            let new = NewDelegation {
                window: ballot.window.id,
                digest: ballot.window.digest,
                person: link.person,
                delegate: delegate.person,
                link: link.id,
                code,
            };
            give(&mut ledger, &ballot, &new, &delegate).await.map(Ok)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer]).await;
    done.map_err(|wrong| Error::Invalid(vec![wrong]))
}

/// The page has two fields for a code: what is wrong with one is said beside it.
fn of_this_form(error: Error) -> Error {
    match error {
        Error::Invalid(errors) => {
            Error::Invalid(errors.into_iter().map(|error| FieldError { field: "delegate_code".into(), ..error }).collect())
        }
        other => other,
    }
}

/// Whoever votes in somebody's place passes nothing on, and a seat that was voted for is nobody's to give.
async fn own_seat(ledger: &mut Ledger<'_>, ballot: &Ballot, admitted: &Admitted<'_>) -> Result<()> {
    let (window, person) = (&ballot.window, admitted.person);
    if !ballot.plan.as_sealed(&window.escalated).asked().contains(&person) {
        return Err(Refusal::new(
            "not_your_seat",
            "You were asked in somebody's place, and pass nothing on.",
            "Decide yourself, or tell whoever named you that you do not.",
        )
        .into());
    }
    if delegations::given(ledger.db(), window.id, window.digest, person).await? >= MOST_GIVEN {
        return Err(Refusal::new(
            "too_many_delegates",
            format!("{MOST_GIVEN} people were named for this plan already, and each of them was asked by mail."),
            "Decide yourself: your decision counts instead of theirs.",
        )
        .into());
    }
    if let Some((_, voter)) = delegations::vote_in_place(ledger.db(), window.id, window.digest, person).await? {
        let names = window_page::names(ledger.db(), &BTreeSet::from([voter])).await?;
        let name = names.into_values().next().unwrap_or_default();
        return Err(Refusal::new(
            "voted_in_place",
            format!("{name} has decided in your place already."),
            "Decide yourself if you see it otherwise: your decision counts instead.",
        )
        .into());
    }
    Ok(())
}

async fn candidate(ledger: &mut Ledger<'_>, person: PersonId, email: &str) -> Result<Candidate> {
    let unknown =
        || Error::field("delegate", "Nobody here has this address. Name somebody whom the owner team or an administrator put on record.");
    let candidate = absences::candidate(ledger.db(), email).await?.ok_or_else(unknown)?;
    let now = store::runs::now(ledger.db()).await?;
    let span = Span { starts: now, ends: now + SignedDuration::from_mins(1) };
    let away = absences::open(ledger.db(), &[candidate.person]).await?;
    may_stand_in(person, person, &candidate, span, &away).map_err(|error| vec![error])?;
    Ok(candidate)
}

async fn give(ledger: &mut Ledger<'_>, ballot: &Ballot, new: &NewDelegation, delegate: &Candidate) -> Result<()> {
    let (window, plan) = (&ballot.window, &ballot.plan);
    if store::windows::contributors(ledger.db(), window.id).await?.contains(&new.delegate) {
        let why = format!("{} had a hand in this window, so they do not decide on it. Name somebody else.", delegate.name);
        return Err(Error::field("delegate", why));
    }
    if let Some(before) = delegations::of(ledger.db(), window.id, window.digest, new.person).await? {
        if before.delegate == new.delegate {
            return Err(Error::field("delegate", format!("{} decides in your place already, and was asked.", delegate.name)));
        }
        let why = "Somebody else was named.";
        ledger.fact(delegation_ends(window, new.person, before.delegate, why)).await?;
        ledger.end_delegation(before.id, why).await?;
    }
    if let Some(code) = new.code {
        ledger.use_vote_code(code).await?;
    }
    ledger.delegate(new).await?;
    let stand_ins = stand_ins(ledger.db(), window, plan).await?;
    let today = store::groups::of_plan(ledger.db(), plan, None).await?;
    let polls = plan.today(&today, &window.escalated).with_stand_ins(&stand_ins);
    if !polls.in_place_of(new.delegate).contains(&new.person) {
        let why = format!(
            "{} cannot take your place here: they are asked themselves, their votes rest, or the policy asks for a role, an account or a second factor that they do not have. Name somebody else.",
            delegate.name
        );
        return Err(Error::field("delegate", why));
    }
    let fact = NewFact::done("vote.delegate", "window", window.id)
        .of_window(window.id)
        .of_team(window.team)
        .with("digest", window.digest.hex())
        .with("person", new.person.to_string())
        .with("delegate", new.delegate.to_string())
        .with("code", new.code.as_ref().map(VoteCodeId::to_string));
    let fact = ledger.fact(fact).await?;
    ledger.replace_links(window.id, new.delegate).await?;
    if audience::ask(ledger, window, plan, BTreeSet::from([new.delegate]), Map::new(), fact).await?.is_empty() {
        let why = format!("{} wants no messages that ask for decisions, so nobody would ask them. Name somebody else.", delegate.name);
        return Err(Error::field("delegate", why));
    }
    audience::tell(ledger, window, plan, NoticeKind::Delegated, Map::new(), fact).await?;
    Ok(())
}
