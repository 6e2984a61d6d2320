//! Ends every right of a person at once, and leaves nothing without somebody: windows change hands, those that lose their quorum wait again.

use super::withdraw_vote::approve;
use super::{Caller, audience, cast_vote::standing, elevated};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::queries::departures::votes;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::{FieldError, FormCheck, Refusal};
use domain::fact::NewFact;
use domain::ids::{PersonId, TeamId, WindowId};
use domain::notice::NoticeKind;
use domain::people::{self, GlobalRole};
use domain::permission::{Verb, authorize};
use domain::view::departures::{Follows, heir_field};
use domain::window::WindowState;
use serde_json::Map;
use std::collections::BTreeMap;

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// Why, for the trail and for whoever takes something over.
    pub reason: String,
}

/// Who takes over which window, as typed: number of the window and the new owner.
pub type Heirs = BTreeMap<i64, String>;

/// What a deactivation led to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Left {
    /// Windows that changed hands.
    pub handed_over: Vec<i64>,
    /// Windows that were approved and wait for approval again.
    pub lost_quorum: Vec<i64>,
    /// Windows that run, and whose next step will not begin.
    pub stopped: Vec<i64>,
    /// Proposals that nobody could approve any more.
    pub unreachable: Vec<i64>,
}

/// Deactivates. Refused: oneself, the last administrator, and an open window that nobody was chosen for though somebody could be.
pub async fn deactivate_person(engine: &Engine, caller: &Caller, person: PersonId, input: &Input, heirs: &Heirs) -> Result<Left> {
    let permit = authorize(&caller.actor, Verb::ManagePeople, None)?;
    elevated(&caller.actor)?;
    if person == caller.actor.person {
        return Err(Refusal::new("own_account", "You cannot deactivate yourself.", "Ask another administrator.").into());
    }
    let reason = people::text("reason", &input.reason, 1, 2000).map_err(|error| vec![error])?;
    let (request, heirs) = (caller.request.clone(), heirs.clone());
    let left = transaction::run(engine.pool(), "deactivate_person", move |db| {
        let (permit, request, reason, heirs) = (permit.clone(), request.clone(), reason.clone(), heirs.clone());
        Box::pin(async move {
            store::people::lock_first_run(db).await?;
            // Windows before people, as a vote takes them.
            let owned = store::departures::take_owned(db, person).await?;
            let at_stake = votes(db, person).await?;
            let mut ledger = Ledger::open(db, &permit, &request);
            for window in at_stake.iter().filter(|window| window.follows.changes_state()) {
                let id = store::windows::by_number(ledger.db(), window.number).await?.id;
                ledger.lock_window(id).await?;
            }
            let known = store::people::lock(ledger.db(), person).await?.ok_or(Error::NotFound)?;
            if !known.active {
                return Err(Refusal::new("inactive", "This person is deactivated already.", "").into());
            }
            let others = store::people::other_admins(ledger.db(), person).await?;
            people::an_admin_stays(known.global.contains(&GlobalRole::Admin), false, others)?;
            let chosen = choose(ledger.db(), person, &owned, &heirs).await?;
            let number_of =
                |follows| at_stake.iter().filter(move |window| window.follows == follows).map(|window| window.number).collect::<Vec<_>>();
            let mut left = Left {
                handed_over: chosen.iter().map(|(number, _, _)| *number).collect(),
                lost_quorum: Vec::new(),
                stopped: number_of(Follows::StopsRun),
                unreachable: number_of(Follows::Unreachable),
            };
            let counting: Vec<i64> = at_stake.iter().filter(|window| window.part.counts()).map(|window| window.number).collect();
            let fact = NewFact::done("person.deactivate", "person", person)
                .with("reason", reason.clone())
                .with("windows_counting_on_them", counting)
                .with("handed_over", left.handed_over.clone());
            ledger.fact(fact).await?;
            ledger.end_links_of(person, None, "This person was deactivated.").await?;
            store::sign_ins::end_all(ledger.db(), person).await?;
            store::people::set_active(ledger.db(), person, false).await?;
            for (_, (window, team), heir) in &chosen {
                hand_over(&mut ledger, *window, *team, person, *heir, &reason).await?;
            }
            for window in &at_stake {
                if window.follows.changes_state() && lose_quorum(&mut ledger, window.number, &known.name).await? {
                    left.lost_quorum.push(window.number);
                }
            }
            Ok(left)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer, Wake::Runner, Wake::Notifier]).await;
    Ok(left)
}

/// A window that changes hands: number, identity and owner team, new owner.
type Handed = (i64, (WindowId, TeamId), PersonId);

/// The new owner of each owned window; a window whose team has nobody else keeps its owner, who acts no more.
async fn choose(
    db: &mut sqlx::PgConnection,
    person: PersonId,
    owned: &BTreeMap<i64, (WindowId, TeamId)>,
    heirs: &Heirs,
) -> Result<Vec<Handed>> {
    let teams: Vec<_> = owned.values().map(|(_, team)| team.0).collect();
    let proposers = store::groups::proposers_of(db, &teams).await?;
    let (mut form, mut chosen) = (FormCheck::default(), Vec::new());
    for (number, place) in owned {
        let fit: Vec<PersonId> =
            proposers.get(&place.1).into_iter().flatten().map(|(heir, _)| *heir).filter(|heir| *heir != person).collect();
        if fit.is_empty() {
            continue;
        }
        let typed = heirs.get(number).and_then(|typed| typed.parse::<PersonId>().ok());
        let heir = typed.filter(|heir| fit.contains(heir));
        let error = || FieldError::new(&heir_field(*number), format!("Choose who answers for window #{number} from now on."));
        chosen.extend(form.take(heir.ok_or_else(error)).map(|heir| (*number, *place, heir)));
    }
    Ok(form.finish(Some(chosen))?)
}

async fn hand_over(ledger: &mut Ledger<'_>, id: WindowId, team: TeamId, from: PersonId, to: PersonId, reason: &str) -> Result<()> {
    let fact = NewFact::done("window.hand_over", "window", id)
        .of_window(id)
        .of_team(team)
        .with("from", from.to_string())
        .with("to", to.to_string())
        .with("reason", reason);
    let fact = ledger.fact(fact).await?;
    ledger.hand_over(id, to).await?;
    let window = store::windows::load(ledger.db(), id).await?;
    audience::tell_one(ledger, &window, NoticeKind::HandedOver, to, fact).await
}

/// Back to waiting for approval, unless the votes suffice after all; those who have not decided are asked again.
async fn lose_quorum(ledger: &mut Ledger<'_>, number: i64, name: &str) -> Result<bool> {
    let window = store::windows::by_number(ledger.db(), number).await?;
    let plan = window.plan()?;
    let left = standing(ledger.db(), &window, &plan).await?;
    let glass = store::glass::holds(ledger.db(), window.id, window.digest).await?;
    // A window that two people let run stands by both of them, and by no votes as long as it bears their mark.
    if window.state != WindowState::Approved || glass.unwrap_or(left.approved) {
        return Ok(false);
    }
    let reason = match glass {
        Some(_) => format!("{name}, one of the two who broke the glass for it, was deactivated."),
        None => format!("{name}, whose approval counted, was deactivated."),
    };
    let fact = NewFact::done("window.lose_quorum", "window", window.id)
        .of_window(window.id)
        .of_team(window.team)
        .with("digest", window.digest.hex())
        .with("reason", reason.clone());
    let fact = ledger.fact(fact).await?;
    ledger.move_window(window.id, window.revision, WindowState::Approved, WindowState::Proposed, Some(&reason), fact).await?;
    ledger.end_links(window.id, "An approval no longer counts; a new mail was sent.").await?;
    if left.suffices() {
        // The mark is gone with the approval it stood for; what people approved meanwhile stands by itself.
        let window = store::windows::load(ledger.db(), window.id).await?;
        approve(ledger, &window, &plan, &left, &format!("The votes suffice without the break-glass. {reason}")).await?;
        return Ok(false);
    }
    let voted = store::votes::standing(ledger.db(), window.id, window.digest).await?.into_iter().map(|(_, vote)| vote.person).collect();
    let asked = audience::ask_the_others(ledger, &window, &plan, &voted, fact).await?;
    audience::tell_but(ledger, &window, &plan, NoticeKind::ApprovalLost, Map::new(), fact, &asked).await?;
    Ok(true)
}
