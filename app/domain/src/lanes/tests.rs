use super::LaneState as L;
use super::*;
use proptest::prelude::*;
use uuid::Uuid;

fn ended(ending: Ending, clean: bool) -> L {
    L::Ended { ending, clean }
}

/// Lanes in these waves and states, numbered in order.
fn lanes(states: &[(u32, L)]) -> Vec<Lane> {
    states.iter().zip(1..).map(|((wave, state), n)| Lane { target: TargetId(Uuid::from_u128(n)), wave: *wave, state: *state }).collect()
}

fn of(states: &[(u32, L)]) -> Option<WindowState> {
    fold(&lanes(states))
}

const CLEAN: L = L::Ended { ending: Ending::Finished, clean: true };

#[test]
fn a_window_of_one_goes_as_its_run_does() {
    use WindowState as W;
    let table = [
        (L::Waiting, None),
        (L::Opened, None),
        (L::Working, Some(W::Running)),
        (L::Held, Some(W::Hold)),
        (L::Blocked, None),
        (L::Settling, None),
        (L::RollingBack, Some(W::RollingBack)),
        (CLEAN, Some(W::Validating)),
        (ended(Ending::Finished, false), Some(W::Validating)),
        (ended(Ending::CutOff, false), Some(W::Validating)),
        (ended(Ending::Stopped, false), Some(W::Validating)),
        (ended(Ending::Failed, false), Some(W::Failed)),
        (ended(Ending::RolledBack, false), Some(W::RolledBack)),
        (ended(Ending::NotBegun, false), None),
    ];
    for (lane, window) in table {
        assert_eq!(of(&[(1, lane)]), window, "{lane:?}");
    }
}

#[test]
fn the_lane_of_a_run_is_what_its_row_says() {
    let run = RunAt { state: RunState::Leased, phase: Phase::Working, ending: None, clean: None, decided: false, rolling_back: false };
    let lane = |run| L::of(Some(run), false);
    assert_eq!(L::of(None, false), L::Waiting);
    assert_eq!(L::of(None, true), L::NotStarted);
    assert_eq!(lane(RunAt { phase: Phase::PreChecks, ..run }), L::Opened);
    assert_eq!(lane(RunAt { phase: Phase::PreChecks, state: RunState::Waiting, ..run }), L::Opened);
    assert_eq!(lane(RunAt { phase: Phase::PreChecks, state: RunState::Held, ..run }), L::Blocked);
    assert_eq!(lane(run), L::Working);
    assert_eq!(lane(RunAt { phase: Phase::Probing, ..run }), L::Settling);
    assert_eq!(lane(RunAt { decided: true, ..run }), L::Settling);
    assert_eq!(lane(RunAt { state: RunState::Held, decided: true, ..run }), L::Held, "until a worker takes the decision up");
    for state in [RunState::Held, RunState::Leased] {
        assert_eq!(lane(RunAt { state, rolling_back: true, decided: true, ..run }), L::RollingBack, "{state:?}");
    }
    let over = RunAt { state: RunState::Ended, ending: Some(Ending::Finished), rolling_back: true, ..run };
    assert_eq!(lane(over), CLEAN, "a run from before lanes has no verdict of its own");
    assert_eq!(lane(RunAt { clean: Some(false), ..over }), ended(Ending::Finished, false));
}

#[test]
fn waves_follow_each_other_and_a_failure_stops_those_behind() {
    use WindowState as W;
    let two = |first, second| [(1, first), (2, second)];
    assert_eq!(of(&two(L::Working, L::Waiting)), Some(W::Running));
    assert_eq!(next_wave(&lanes(&two(L::Working, L::Waiting))), None);
    assert_eq!(of(&two(CLEAN, L::Waiting)), Some(W::Running), "the next wave may come");
    assert_eq!(next_wave(&lanes(&two(CLEAN, L::Waiting))), Some(2));
    let failed = lanes(&two(ended(Ending::Finished, false), L::Waiting));
    assert_eq!((failed_wave(&failed), next_wave(&failed)), (Some(1), None));
    assert_eq!(cut_off_by_failure(&failed), [failed[1].target]);
    assert_eq!(fold(&failed), Some(W::Validating), "what waits for a wave that will not come keeps nothing open");
    let over = lanes(&two(ended(Ending::Finished, false), L::NotStarted));
    assert_eq!(failures(&over), over, "both are named");
    assert_eq!(over[1].state.label(), "Not started");
}

#[test]
fn one_lane_that_waits_for_a_person_holds_the_window_and_rollback_is_last() {
    use WindowState as W;
    assert_eq!(of(&[(1, L::Held), (1, L::Working)]), Some(W::Hold));
    assert_eq!(of(&[(1, L::RollingBack), (1, L::Held)]), Some(W::Hold));
    assert_eq!(of(&[(1, CLEAN), (2, L::Blocked)]), Some(W::Hold));
    assert_eq!(of(&[(1, L::RollingBack), (1, L::Working)]), Some(W::Running));
    assert_eq!(of(&[(1, L::RollingBack), (1, L::Settling)]), Some(W::Running));
    assert_eq!(of(&[(1, L::RollingBack), (1, CLEAN), (2, L::NotStarted)]), Some(W::RollingBack));
    let undoing = lanes(&[(1, L::RollingBack), (1, CLEAN), (2, L::Waiting)]);
    assert_eq!(
        (failed_wave(&undoing), fold(&undoing)),
        (Some(1), Some(W::RollingBack)),
        "it never ends clean: the next wave will not come"
    );
    assert_eq!(cut_off_by_failure(&undoing), [undoing[2].target]);
    assert!(failures(&undoing).is_empty(), "what is not over has not failed yet");
    let undone = ended(Ending::RolledBack, false);
    assert_eq!(of(&[(1, undone), (1, CLEAN), (2, L::NotStarted)]), Some(W::Validating), "one of them has work to be validated");
    assert_eq!(of(&[(1, undone), (1, ended(Ending::NotBegun, false)), (2, L::NotStarted)]), Some(W::RolledBack));
    assert_eq!(of(&[(1, undone), (1, ended(Ending::Failed, false))]), Some(W::Failed));
    assert_eq!(of(&[(1, L::Opened), (1, L::Opened), (2, L::Waiting)]), None, "nothing has begun: it stays approved");
}

#[test]
fn a_window_goes_on_where_something_is_worked_on_or_begins() {
    let on = |states: &[(u32, L)]| goes_on(&lanes(states));
    assert!(on(&[(1, L::Settling), (1, L::Working)]) && on(&[(1, CLEAN), (1, L::Opened)]));
    assert!(on(&[(1, CLEAN), (2, L::Waiting)]) && on(&[(1, L::Settling), (2, L::Waiting)]), "the next wave may come");
    assert!(!on(&[(1, L::Settling), (1, CLEAN)]), "only measurements are left");
    assert!(!on(&[(1, L::RollingBack), (2, L::Waiting)]) && !on(&[(1, ended(Ending::Failed, false)), (1, L::Settling)]));
}

fn any_state() -> impl Strategy<Value = L> {
    prop_oneof![
        Just(L::Waiting),
        Just(L::Opened),
        Just(L::Working),
        Just(L::Settling),
        Just(L::Held),
        Just(L::Blocked),
        Just(L::RollingBack),
        Just(CLEAN),
        Just(L::NotStarted),
        prop::sample::select(Ending::ALL).prop_map(|ending| ended(ending, false)),
    ]
}

proptest! {
    #[test]
    fn the_order_of_lanes_means_nothing(
        (states, shuffled) in prop::collection::vec((1_u32..4, any_state()), 1..7).prop_map(|states| lanes(&states)).prop_flat_map(|lanes| (Just(lanes.clone()), Just(lanes).prop_shuffle()))
    ) {
        prop_assert_eq!(fold(&states), fold(&shuffled));
        prop_assert_eq!(failed_wave(&states), failed_wave(&shuffled));
        prop_assert_eq!(next_wave(&states), next_wave(&shuffled));
        let sorted = |mut lanes: Vec<Lane>| { lanes.sort_by_key(|lane| lane.target); lanes };
        prop_assert_eq!(sorted(failures(&states)), sorted(failures(&shuffled)));
    }

    #[test]
    fn every_failure_is_named_once_and_nothing_else(states in prop::collection::vec((1_u32..4, any_state()), 1..7)) {
        let lanes = lanes(&states);
        let named = failures(&lanes);
        for lane in &lanes {
            let failed = matches!(lane.state, L::NotStarted | L::Ended { clean: false, .. });
            prop_assert_eq!(named.iter().filter(|each| each.target == lane.target).count(), usize::from(failed));
        }
    }

    #[test]
    fn a_window_is_over_exactly_when_its_lanes_are(states in prop::collection::vec((1_u32..4, any_state()), 2..7)) {
        let mut lanes = lanes(&states);
        for lost in cut_off_by_failure(&lanes) {
            for lane in lanes.iter_mut().filter(|lane| lane.target == lost) {
                lane.state = L::NotStarted;
            }
        }
        let over = matches!(fold(&lanes), Some(WindowState::Validating | WindowState::Failed | WindowState::RolledBack));
        let all = lanes.iter().all(|lane| lane.state.is_over()) && lanes.iter().any(|lane| lane.state.has_begun());
        prop_assert_eq!(over, all);
        prop_assert_eq!(fold(&lanes) == Some(WindowState::Hold), lanes.iter().any(|lane| lane.state.has_begun()) && lanes.iter().any(|lane| matches!(lane.state, L::Held | L::Blocked)));
    }

    #[test]
    fn nothing_behind_a_failure_is_opened(states in prop::collection::vec((1_u32..4, any_state()), 1..7)) {
        let lanes = lanes(&states);
        if let (Some(failed), Some(next)) = (failed_wave(&lanes), next_wave(&lanes)) {
            prop_assert!(next <= failed);
        }
        if let Some(next) = next_wave(&lanes) {
            let mut before = lanes.iter().filter(|lane| lane.wave < next);
            prop_assert!(before.all(|lane| lane.state == CLEAN));
        }
    }

    #[test]
    fn each_move_of_the_fold_is_one_of_the_life_of_a_window(
        states in prop::collection::vec((1_u32..3, any_state()), 2..5), place in 0_usize..4, next in any_state()
    ) {
        let before = lanes(&states);
        let mut after = before.clone();
        let place = place % after.len();
        // What one lane can do in one step; lanes behind a failure are told so in the same step.
        if !can_follow(before[place].state, next) || settled(&before) != before {
            return Ok(());
        }
        after[place].state = next;
        let after = settled(&after);
        if let (Some(from), Some(to)) = (fold(&before), fold(&after)) {
            prop_assert!(from == to || from.moves().contains(&to), "{:?} to {:?}: {:?} to {:?}", before, after, from, to);
        }
    }
}

fn settled(lanes: &[Lane]) -> Vec<Lane> {
    let lost = cut_off_by_failure(lanes);
    lanes.iter().map(|lane| if lost.contains(&lane.target) { Lane { state: L::NotStarted, ..*lane } } else { *lane }).collect()
}

/// The moves of one lane, as the runner makes them.
fn can_follow(from: L, to: L) -> bool {
    match from {
        L::Waiting | L::Blocked => to == L::Opened,
        L::Opened => matches!(to, L::Working | L::Blocked | L::Ended { ending: Ending::NotBegun, .. }),
        L::Working => matches!(to, L::Held | L::Settling),
        L::Settling => match to {
            L::Held => true,
            L::Ended { ending, .. } => !matches!(ending, Ending::RolledBack | Ending::NotBegun),
            _ => false,
        },
        L::Held => matches!(to, L::Working | L::Settling | L::RollingBack),
        L::RollingBack => matches!(to, L::Ended { ending: Ending::RolledBack | Ending::Failed, .. }),
        L::Ended { .. } | L::NotStarted => false,
    }
}
