//! Edits a window: a new revision with zero votes, new links, and a visible difference.

use super::seal_revision::Found;
use super::{Caller, audience, pre_approve, seal_revision};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::windows::Window;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::ids::ExaminationId;
use domain::notice::NoticeKind;
use domain::permission::{Verb, authorize};
use domain::proposal::ProposalForm;
use domain::window::WindowState;
use serde_json::{Map, Value};

/// Seals the next revision of window `number`. `expected` is the revision the person's page showed.
///
/// Refused: a window that runs or is over, a revision written meanwhile, another database, and whatever a proposal is refused for.
pub async fn amend_window(
    engine: &Engine,
    caller: &Caller,
    number: i64,
    expected: i32,
    form: &ProposalForm,
    preview: Option<ExaminationId>,
) -> Result<i32> {
    seal_next(engine, caller, number, expected, form, How::Edited(preview)).await
}

/// What makes the next revision.
#[derive(Debug, Clone, Copy)]
pub(super) enum How {
    /// Anything may be another; with what a worker found when asked.
    Edited(Option<ExaminationId>),
    /// Only the times are others, so what a worker found still stands.
    Moved,
}

/// The same for a move: a revision like any other, told as what it is.
pub(super) async fn seal_next(engine: &Engine, caller: &Caller, number: i64, expected: i32, form: &ProposalForm, how: How) -> Result<i32> {
    let (engine_of_work, caller, form) = (engine.clone(), caller.clone(), form.clone());
    let revision = transaction::run(engine.pool(), "amend_window", move |db| {
        let (engine, caller, form) = (engine_of_work.clone(), caller.clone(), form.clone());
        Box::pin(async move {
            let before = store::windows::by_number(db, number).await?;
            let permit = authorize(&caller.actor, Verb::ProposeWindow, Some(before.team))
                .map_err(|refusal| super::hide(&caller.actor, before.team, refusal))?;
            let by = permit.person().ok_or_else(|| Error::internal("a window is edited by a person"))?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            let (state, current) = ledger.lock_window(before.id).await?;
            may_amend(state, current, expected)?;
            let preview = match how {
                How::Edited(look) => Found::Look(look),
                How::Moved => Found::Kept(store::windows::preview(ledger.db(), before.id, expected).await?),
            };
            let shelf = store::own_procedures::shelf(ledger.db()).await?;
            let shelf = match how {
                How::Edited(_) => shelf,
                // Only the times are others: the work stays what it was, whatever counts by now.
                How::Moved => shelf.with(store::windows::load(ledger.db(), before.id).await?.plan()?.procedure.known()),
            };
            let draft = seal_revision::read_by(&engine, ledger.db(), &caller.actor, &form, (preview, &shelf)).await?;
            if draft.target.plan.id != before.target {
                return Err(Error::field("target", "A window stays on its database: propose a new window for another one."));
            }
            // As when it was proposed.
            store::freezes::hold_off(ledger.db()).await?;
            draft.check(ledger.db(), Some(before.id)).await?;
            ledger.bump_revision(before.id, expected).await?;
            let revision = expected + 1;
            let sealed = draft.write(&mut ledger, before.id, number, revision, by).await?;
            ledger
                .end_links(
                    before.id,
                    &format!("The window was {} after this mail was sent; votes on the earlier plan no longer count.", how.word()),
                )
                .await?;
            let mut fact = NewFact::done(how.action(), "window", before.id)
                .of_window(before.id)
                .of_team(before.team)
                .with("revision", revision)
                .with("before", before.digest.hex())
                .with("digest", sealed.digest.hex());
            let moved = how.moved(&before);
            for (key, value) in &moved {
                fact = fact.with(key, value.clone());
            }
            let fact = ledger.fact(fact).await?;
            if state != WindowState::Proposed {
                ledger.move_window(before.id, revision, state, WindowState::Proposed, Some(how.word()), fact).await?;
            }
            let window = store::windows::load(ledger.db(), before.id).await?;
            let told = pre_approve::ask_or_approve(&mut ledger, &window, &sealed.plan, moved.clone(), fact).await?.told;
            let (plan, is_moved) = (&sealed.plan, matches!(how, How::Moved));
            // What its policy approves beforehand is approved still, unless its time is another one.
            if state == WindowState::Approved && (is_moved || !plan.is_pre_approved()) {
                // Whoever was told that it was approved has it in a calendar, at the old time and for certain.
                let kind = if is_moved { NoticeKind::Moved } else { NoticeKind::ApprovalLost };
                audience::tell_but(&mut ledger, &window, plan, kind, moved, fact, &told).await?;
            } else if (before.start_at, before.end_at) != (plan.times.start, plan.times.end) {
                audience::tell_invited(&mut ledger, &window, times_of(&before), fact, &told).await?;
            }
            Ok(revision)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer]).await;
    Ok(revision)
}

impl How {
    fn action(self) -> &'static str {
        match self {
            Self::Edited(_) => "window.amend",
            Self::Moved => "window.move",
        }
    }
    fn word(self) -> &'static str {
        match self {
            Self::Edited(_) => "edited",
            Self::Moved => "moved",
        }
    }
    /// The times it had, for the trail and the messages of a move.
    fn moved(self, before: &Window) -> Map<String, Value> {
        match self {
            Self::Edited(_) => Map::new(),
            Self::Moved => times_of(before),
        }
    }
}

/// The times it had, as messages about a move carry them.
fn times_of(before: &Window) -> Map<String, Value> {
    Map::from_iter([
        ("moved_from".to_owned(), before.start_at.to_string().into()),
        ("moved_from_end".to_owned(), before.end_at.to_string().into()),
    ])
}

fn may_amend(state: WindowState, current: i32, expected: i32) -> Result<(), Refusal> {
    if current != expected {
        return Err(Refusal::new(
            "moved_on",
            format!("This window was edited meanwhile: it is at revision {current}, your page showed revision {expected}."),
            "Your text is still in the form: compare it with the difference shown, then save again.",
        ));
    }
    editable(state)
}

/// Whether a window in this state may have another revision.
pub(super) fn editable(state: WindowState) -> Result<(), Refusal> {
    if matches!(state, WindowState::Draft | WindowState::Proposed | WindowState::Approved) {
        return Ok(());
    }
    Err(Refusal::new("not_editable", format!("This window is “{}” and can no longer be edited.", state.label()), "Propose a new window."))
}
