use super::*;
use crate::pause::PauseLevel;
use crate::plan;

/// Evidence borrows; a test's few bytes may stay.
fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn standing(approved: bool) -> Standing {
    Standing { rules: vec![], stage: 0, rejected_by: vec![], changes_asked_by: vec![], approved, rejected: false, reachable: true }
}

/// Opens the gate for the path, lets `change` spoil one thing, and returns the codes of what is in the way.
fn codes(path: StartPath, change: impl FnOnce(&mut Evidence<'static>)) -> Vec<String> {
    let plan = leak(plan::tests::sample());
    let (_, digest) = plan.seal().expect("integers only");
    let state = match path {
        StartPath::Item | StartPath::Wave => WindowState::Running,
        StartPath::Resume => WindowState::Hold,
        _ => WindowState::Approved,
    };
    let mut evidence = Evidence {
        path,
        now: plan.times.start,
        state,
        revision: plan.revision,
        digest,
        newest_digest: Some(digest),
        plan,
        standings: leak([standing(true)]),
        unrehearsed: None,
        glass: None,
        freezes: &[],
        pause: None,
        clock_frozen: None,
        identity_difference: None,
        newest_backup_at: Some(plan.times.start - SignedDuration::from_hours(2)),
        proof_max_age_hours: None,
        newest_proven_at: None,
        other_run: None,
        red_checks: &[],
        stop_asked: false,
        hold_asked: false,
        approver_executes: false,
        begin_by: None,
    };
    change(&mut evidence);
    gate(&evidence).err().unwrap_or_default().into_iter().map(|refusal| refusal.code).collect()
}

const PATHS: [StartPath; 6] =
    [StartPath::Schedule, StartPath::ByHand, StartPath::Begin, StartPath::Wave, StartPath::Item, StartPath::Resume];

#[test]
fn the_gate_opens_when_nothing_is_in_the_way() {
    for path in PATHS {
        assert_eq!(codes(path, |_| ()), [""; 0], "{path:?}");
    }
}

#[test]
fn a_rehearsal_is_asked_for_before_the_first_change_and_not_in_the_middle() {
    let lacks = leak(Refusal::new("rehearsal", "None.", "Rehearse it."));
    for path in PATHS {
        let starts = !matches!(path, StartPath::Item | StartPath::Resume);
        let expected: &[&str] = if starts { &["rehearsal"] } else { &[] };
        assert_eq!(codes(path, |e| e.unrehearsed = Some(lacks)), expected, "{path:?}");
    }
}

#[test]
fn what_no_path_gets_past() {
    let bad = leak([standing(true), standing(false)]);
    let freezes = leak(["Year end".to_owned()]);
    for path in PATHS {
        assert_eq!(codes(path, |e| e.state = WindowState::Proposed), ["wrong_state"], "{path:?}");
        assert_eq!(codes(path, |e| e.digest = Digest([0; 32])), ["digest"], "{path:?}");
        assert_eq!(codes(path, |e| e.newest_digest = None), ["digest"], "{path:?}");
        assert_eq!(codes(path, |e| e.revision += 1), ["digest"], "{path:?}");
        assert_eq!(codes(path, |e| e.standings = &[]), ["quorum"], "{path:?}");
        assert_eq!(codes(path, |e| e.standings = bad), ["quorum"], "{path:?}");
        assert_eq!(codes(path, |e| e.freezes = freezes), ["freeze"], "{path:?}");
        assert_eq!(codes(path, |e| e.clock_frozen = Some("it went back.")), ["clock"], "{path:?}");
        assert_eq!(codes(path, |e| e.identity_difference = Some("another cluster")), ["identity"], "{path:?}");
        assert_eq!(codes(path, |e| e.other_run = Some("busy")), ["run_open"], "{path:?}");
        assert_eq!(codes(path, |e| e.stop_asked = true), ["stop_asked"], "{path:?}");
    }
}

#[test]
fn a_hold_of_one_database_keeps_the_others_from_beginning_and_lets_items_end() {
    for path in PATHS {
        let expected: &[&str] = if path == StartPath::Begin { &["hold_asked"] } else { &[] };
        assert_eq!(codes(path, |e| e.hold_asked = true), expected, "{path:?}");
    }
}

#[test]
fn a_break_glass_stands_for_the_votes_and_for_nothing_else() {
    let none: &[Standing] = leak([standing(false)]);
    let freezes = leak(["Year end".to_owned()]);
    let pause = leak(Pause {
        level: PauseLevel::HoldRunning,
        since: Timestamp::UNIX_EPOCH,
        by: crate::ids::PersonId(uuid::Uuid::nil()),
        by_name: "Lena".into(),
        reason: "storage".into(),
    });
    for path in PATHS {
        let broken = |spoil: fn(&mut Evidence<'static>)| {
            codes(path, |e| {
                (e.standings, e.glass) = (none, Some(true));
                spoil(e);
            })
        };
        assert_eq!(broken(|_| ()), [""; 0], "{path:?}");
        assert_eq!(codes(path, |e| (e.standings, e.glass) = (none, Some(false))), ["glass"], "{path:?}: it counts no more");
        assert_eq!(codes(path, |e| e.glass = Some(false)), ["glass"], "{path:?}: what was approved so is not approved by votes");
        assert_eq!(broken(|e| e.digest = Digest([0; 32])), ["digest"], "{path:?}");
        assert_eq!(broken(|e| e.state = WindowState::Proposed), ["wrong_state"], "{path:?}");
        assert_eq!(broken(|e| e.clock_frozen = Some("it went back.")), ["clock"], "{path:?}");
        assert_eq!(broken(|e| e.identity_difference = Some("another cluster")), ["identity"], "{path:?}");
        assert_eq!(broken(|e| e.other_run = Some("busy")), ["run_open"], "{path:?}");
        let kept = codes(path, |e| (e.standings, e.glass, e.freezes, e.pause) = (none, Some(true), freezes, Some(pause)));
        assert!(kept.contains(&"freeze".to_owned()) && kept.contains(&"paused".to_owned()), "{path:?}: {kept:?}");
    }
    let late = |e: &mut Evidence<'static>| {
        e.glass = Some(true);
        e.now = e.plan.times.latest_start + SignedDuration::from_micros(1);
    };
    assert_eq!(codes(StartPath::ByHand, late), ["missed"]);
    let bare = |e: &mut Evidence<'static>| (e.glass, e.newest_backup_at) = (Some(true), None);
    assert_eq!(codes(StartPath::Begin, bare), ["backup"]);
}

#[test]
fn starts_keep_their_time_and_items_the_cut_off() {
    let microsecond = SignedDuration::from_micros(1);
    for path in [StartPath::Schedule, StartPath::ByHand, StartPath::Begin] {
        assert_eq!(codes(path, |e| e.now = e.plan.times.start - microsecond), ["too_early"], "{path:?}");
        assert_eq!(codes(path, |e| e.now = e.plan.times.latest_start), [""; 0], "{path:?}");
        assert_eq!(codes(path, |e| e.now = e.plan.times.latest_start + microsecond), ["missed"], "{path:?}");
    }
    for path in [StartPath::Item, StartPath::Resume] {
        assert_eq!(codes(path, |e| e.now = e.plan.times.cut_off - microsecond), [""; 0], "{path:?}");
        assert_eq!(codes(path, |e| e.now = e.plan.times.cut_off), ["cut_off"], "{path:?}");
    }
}

#[test]
fn the_backup_must_be_young_before_the_first_change() {
    for path in PATHS {
        let asked = matches!(path, StartPath::ByHand | StartPath::Begin);
        assert_eq!(!codes(path, |e| e.newest_backup_at = None).is_empty(), asked, "{path:?}");
        let limit = SignedDuration::from_hours(26);
        assert_eq!(codes(path, |e| e.newest_backup_at = Some(e.now - limit)), [""; 0], "{path:?}");
        assert_eq!(codes(path, |e| e.newest_backup_at = Some(e.now - limit - SignedDuration::from_secs(1))).len(), usize::from(asked));
    }
}

#[test]
fn a_policy_may_demand_a_backup_that_a_worker_restored() {
    for path in PATHS {
        let asked = matches!(path, StartPath::ByHand | StartPath::Begin);
        let code = if asked { vec![backup::UNPROVEN.to_owned()] } else { vec![] };
        // What somebody vouches for is not enough then, however young.
        assert_eq!(codes(path, |e| e.proof_max_age_hours = Some(26)), code, "{path:?}");
        let limit = SignedDuration::from_hours(26);
        let proven = |age| codes(path, |e| (e.proof_max_age_hours, e.newest_proven_at) = (Some(26), Some(e.now - age)));
        assert_eq!(proven(limit), [""; 0], "{path:?}");
        assert_eq!(proven(limit + SignedDuration::from_secs(1)), code, "{path:?}");
    }
}

#[test]
fn a_changed_procedure_is_not_run() {
    let mut plan = plan::tests::sample();
    plan.procedure.version += 100;
    assert_eq!(codes(StartPath::Begin, |e| e.plan = leak(plan)), ["procedure"]);
    let mut plan = plan::tests::sample();
    plan.procedure.digest = Digest([7; 32]);
    assert_eq!(codes(StartPath::Begin, |e| e.plan = leak(plan)), ["procedure"], "the same version with another text");
}

#[test]
fn every_version_that_the_program_carries_is_run() {
    for procedure in crate::procedure::library::carried() {
        let mut plan = plan::tests::sample();
        plan.procedure = plan::PlanProcedure::of(&procedure);
        let (_, digest) = plan.seal().expect("integers only");
        let found = codes(StartPath::Begin, |e| (e.plan, e.digest, e.newest_digest) = (leak(plan), digest, Some(digest)));
        assert_eq!(found, [""; 0], "{} version {}", procedure.name, procedure.version);
    }
}

#[test]
fn everything_in_the_way_is_said_at_once() {
    let red = leak(["3 sessions are too old.".to_owned()]);
    let found = codes(StartPath::Begin, |e| {
        e.state = WindowState::Cancelled;
        e.red_checks = red;
        e.newest_backup_at = None;
    });
    assert_eq!(found, ["wrong_state", "backup", "pre_check_red"]);
    let both = together(&[Refusal::new("a", "One.", ""), Refusal::new("b", "Two.", "Do it.")]);
    assert_eq!((both.code.as_str(), both.message.as_str(), both.way_out.as_str()), ("a", "One. Two.", "Do it."));
}

#[test]
fn a_pause_closes_every_path_and_the_next_item_only_when_it_holds_what_runs() {
    let pause = |level| {
        leak(Pause {
            level,
            since: Timestamp::UNIX_EPOCH,
            by: crate::ids::PersonId(uuid::Uuid::nil()),
            by_name: "Ana".into(),
            reason: "storage is failing".into(),
        })
    };
    for path in PATHS {
        let goes_on: &[&str] = if path == StartPath::Item { &[] } else { &["paused"] };
        assert_eq!(codes(path, |e| e.pause = Some(pause(PauseLevel::StartNothing))), goes_on, "{path:?}");
        assert_eq!(codes(path, |e| e.pause = Some(pause(PauseLevel::HoldRunning))), ["paused"], "{path:?}");
    }
}

#[test]
fn a_lane_begins_beside_others_and_works_while_another_waits_for_a_person() {
    use WindowState::{Hold, Running};
    let of_three = leak(plan::tests::sample_of_three());
    for (path, state) in [(StartPath::Begin, Running), (StartPath::Item, Hold)] {
        assert_eq!(codes(path, |e| e.state = state), ["wrong_state"], "{path:?} of one");
        assert_eq!(codes(path, |e| (e.state, e.plan) = (state, of_three)), [""; 0], "{path:?} of several");
    }
    assert_eq!(codes(StartPath::Begin, |e| (e.state, e.plan) = (Hold, of_three)), ["wrong_state"], "nothing begins while one is held");
    assert_eq!(codes(StartPath::Wave, |e| (e.state, e.plan) = (Hold, of_three)), ["wrong_state"]);
}

#[test]
fn a_later_wave_has_a_latest_start_of_its_own() {
    let microsecond = SignedDuration::from_micros(1);
    for path in [StartPath::Begin, StartPath::Wave] {
        let by = |e: &mut Evidence<'static>, after| {
            e.begin_by = Some(e.plan.times.latest_start + SignedDuration::from_mins(10));
            e.now = e.plan.times.latest_start + SignedDuration::from_mins(10) + after;
        };
        assert_eq!(codes(path, |e| by(e, SignedDuration::ZERO)), [""; 0], "{path:?}");
        assert_eq!(codes(path, |e| by(e, microsecond)), ["missed"], "{path:?}");
    }
}

#[test]
fn what_concerns_one_database_names_it_and_the_rest_is_said_once() {
    let refusals = |codes: &[&str]| codes.iter().map(|code| Refusal::new(code, format!("The {code}."), "")).collect::<Vec<_>>();
    let said = |lanes: &[(&str, &[&str])]| {
        let lanes = lanes.iter().map(|(name, codes)| ((*name).to_owned(), refusals(codes))).collect();
        over_lanes(lanes).into_iter().map(|refusal| refusal.message).collect::<Vec<_>>()
    };
    assert_eq!(said(&[("a", &["quorum", "backup"])]), ["The quorum.", "The backup."], "one database as ever");
    assert_eq!(
        said(&[("a", &["quorum", "backup"]), ("b", &["quorum", "freeze"]), ("c", &[])]),
        ["The quorum.", "a: The backup.", "b: The freeze."]
    );
}

#[test]
fn whoever_approved_is_told_to_leave_the_start_to_somebody_else() {
    for path in [StartPath::ByHand, StartPath::Resume] {
        assert_eq!(codes(path, |e| e.approver_executes = true), [executor::SEPARATE], "{path:?}");
    }
}
