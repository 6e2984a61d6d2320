//! The page behind a mailed link.

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::queries::windows::revision_changes;
use crate::store::letters::{self, ToldVote};
use crate::store::stand_ins::{self, Counting};
use crate::store::{delegations, groups, pauses, voices, vote_codes, votes};
use crate::{store, transaction};
use domain::approval::code::MOST_TRIES;
use domain::approval::{Assurance, Polls, Rule, VoteDecision};
use domain::ids::{LinkId, PersonId};
use domain::view::links::{About, Answer, Code, Facts, Mailed, RuleRow, TrialOf, Vote};
use jiff::Timestamp;
use secrecy::SecretString;
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// What a link leads to: what the plan says, and what can still be decided.
#[derive(Debug, Clone)]
pub struct LinkPage {
    /// The link, to mark it as opened.
    pub link: LinkId,
    /// The plan and who stands where.
    pub about: About,
    /// What the page is.
    pub answer: Answer,
    /// What is recorded in the reader's name on this plan.
    pub recorded: Option<VoteDecision>,
    /// Why nothing starts at the moment, whatever is decided here.
    pub paused: Option<String>,
}

/// The page behind a secret; [`Error::NotFound`] for every secret that opens no such page, whatever the reason. `browser` is the secret that this
/// browser got when it asked for a code, if it did.
pub async fn page(engine: &Engine, secret: &str, browser: Option<&SecretString>) -> Result<LinkPage> {
    let (secret, browser) = (secret.to_owned(), browser.cloned());
    transaction::read(engine.pool(), "link_page", move |db| {
        let (secret, browser) = (secret.clone(), browser.clone());
        Box::pin(async move { load(db, &secret, browser.as_ref()).await })
    })
    .await
}

/// Notes that a link was opened: by whom is not known, so it proves nothing. The only thing a GET of the page writes.
pub async fn mark_opened(engine: &Engine, link: LinkId) -> Result<()> {
    let mut db = engine.pool().acquire().await?;
    Ok(votes::mark_opened(&mut db, link).await?)
}

async fn load(db: &mut PgConnection, secret: &str, browser: Option<&SecretString>) -> Result<LinkPage> {
    let link = votes::link(db, secret).await?.ok_or(Error::NotFound)?;
    let objects = match link.purpose.as_str() {
        "approve" => false,
        "object" => true,
        _ => return Err(Error::NotFound),
    };
    let (window, digest) = link.window.zip(link.digest).ok_or(Error::NotFound)?;
    let subject = letters::subject(db, window, Some(digest)).await?;
    let newest = letters::subject(db, window, None).await?;
    let reader = letters::recipient(db, link.person).await?;
    let told = letters::votes(db, window, digest).await?;
    let own = told.iter().find(|vote| vote.person == link.person).map(vote).transpose()?;

    let voters = newest.plan.voters();
    let counting = Counting { window, digest: newest.digest, team: newest.plan.target().team, voters: &voters };
    let stand_ins = stand_ins::of(db, &counting).await?;
    let anybody = groups::of_plan(db, &newest.plan, Some(Timestamp::MAX)).await?;
    let asked = newest.plan.today(&anybody, &newest.escalated).with_stand_ins(&stand_ins).asked();
    let voice = voices::one(db, window, link.person).await?;
    let today = groups::of_plan(db, &newest.plan, None).await?;
    let polls = newest.plan.today(&today, &newest.escalated).with_stand_ins(&stand_ins);
    let counted: Vec<_> = votes::standing(db, window, newest.digest).await?.into_iter().map(|(_, vote)| vote).collect();
    let standing = polls.count(&counted);

    let delegate = delegations::of(db, window, digest, link.person).await?.map(|found| found.name);

    let mut answer = Facts {
        objects,
        used: link.used_at.is_some(),
        ended_reason: link.ended_at.and(link.ended_reason.as_deref()),
        expired: link.expired,
        newest: newest.digest == digest,
        state: subject.state,
        state_reason: subject.state_reason.as_deref(),
        may_vote: reader.active && asked.contains(&reader.id),
        unheard: voice.heard().err(),
        in_time: letters::in_time(db, newest.plan.times.latest_start).await?,
        vote: own.as_ref(),
        delegate: delegate.as_deref(),
        decided_newest: counted.iter().any(|vote| vote.person == link.person),
    }
    .answer();
    if let Answer::Over(over) = &mut answer
        && newest.digest != digest
    {
        over.changes = revision_changes(db, window, subject.plan.revision, newest.plan.revision).await?.unwrap_or_default();
    }
    let kept = store::windows::preview(db, window, subject.plan.revision).await?;
    let about = About {
        trials: TrialOf::all(&subject.plan, kept.as_ref()),
        reader: reader.name.clone(),
        zone: reader.zone,
        number: subject.number,
        state: subject.state,
        digest,
        author: subject.author,
        team: subject.team,
        decide_by: subject.decide_by,
        votes: told.iter().map(vote).collect::<Result<_>>()?,
        rules: standing.lines().iter().map(|rule| RuleRow { who: rule.who(), have: rule.have.len(), need: rule.need }).collect(),
        in_place_of: letters::active(db, &polls.in_place_of(reader.id).into_iter().collect::<Vec<_>>())
            .await?
            .into_iter()
            .map(|(_, name)| name)
            .collect(),
        delegate,
        holds_seat: newest.plan.as_sealed(&newest.escalated).asked().contains(&reader.id),
        sign_in_to_approve: polls.must_be_known_better(reader.id, Assurance::LinkCode),
        code: code(db, &polls, reader.id, link.id, browser).await?,
        plan: subject.plan,
    };
    let paused = pauses::open(db).await?.map(|pause| pause.refusal().message);
    Ok(LinkPage { link: link.id, about, answer, recorded: own.map(|vote| vote.decision), paused })
}

/// What a code does for the reader's approval, and whether this browser can type one.
async fn code(
    db: &mut PgConnection,
    polls: &Polls<'_>,
    reader: PersonId,
    link: LinkId,
    browser: Option<&SecretString>,
) -> Result<Option<Code>> {
    let need = polls.code_need(reader);
    if need.is_none() {
        return Ok(None);
    }
    let mailed = match vote_codes::alive(db, link).await? {
        None => Mailed::None,
        Some(code) if code.is_of(browser) => Mailed::Here { until: code.expires_at, left: MOST_TRIES - code.tries },
        Some(_) => Mailed::Elsewhere,
    };
    let words = |rules: &[&Rule]| once(rules.iter().map(|rule| rule.group.label()));
    Ok(Some(Code { needed: need.is_must(), for_whom: words(&need.with), without: words(&need.without), mailed }))
}

/// Each word once, where it was first said: several databases may ask the same group.
fn once(words: impl Iterator<Item = &'static str>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    words.filter(|word| seen.insert(*word)).map(str::to_owned).collect()
}

fn vote(told: &ToldVote) -> Result<Vote> {
    let unknown = || Error::internal("a vote has an unknown word");
    Ok(Vote {
        name: told.name.clone(),
        decision: VoteDecision::from_word(&told.decision).ok_or_else(unknown)?,
        assurance: Assurance::from_word(&told.assurance).ok_or_else(unknown)?,
        comment: told.comment.clone(),
        at: told.at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_several_databases_ask_is_named_once() {
        assert_eq!(once(["stakeholder", "lead", "stakeholder", "lead"].into_iter()), ["stakeholder", "lead"]);
        assert_eq!(once(["lead"].into_iter()), ["lead"]);
    }
}
