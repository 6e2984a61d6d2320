use super::*;
use crate::approval::{Assurance, Policy, Roll, StandingVote, VoteDecision, count};
use std::sync::LazyLock;
use uuid::Uuid;

fn person(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(n))
}

fn at(min: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + min * 60).expect("in range")
}

static NAMES: LazyLock<BTreeMap<PersonId, String>> =
    LazyLock::new(|| [(1, "Ana"), (2, "Ben"), (3, "Cem")].map(|(n, name)| (person(n), name.to_owned())).into());

/// Ana and Ben are stakeholders, Cem leads.
fn standing(votes: &[(u128, VoteDecision)]) -> Standing {
    let eligible = [("stakeholder".to_owned(), [1, 2].map(person).into()), ("lead".to_owned(), [person(3)].into())].into();
    let votes: Vec<_> = votes
        .iter()
        .map(|(n, decision)| StandingVote { person: person(*n), decision: *decision, assurance: Assurance::Link, at: at(0) })
        .collect();
    count(&Policy::standard(), &Roll::as_sealed(&eligible), &votes)
}

fn say<'a>(state: WindowState, now: i64, change: impl FnOnce(&mut Situation<'a>)) -> Vec<String> {
    let mut situation = Situation {
        pause: None,
        freezes: &[],
        state,
        state_reason: None,
        now: at(now),
        moments: Moments { start: at(60), latest_start: at(90), cut_off: at(110), end: at(120), decide_by: at(30) },
        standing: None,
        names: &NAMES,
        waited: &NAMES,
        short: None,
        overlaps: &[],
        next_wave: None,
        hold_reason: None,
        own_run: None,
        gate: &[],
        red_checks: &[],
        checks: &[],
        owes_issues: false,
    };
    change(&mut situation);
    blocked(&situation).into_iter().map(|blocker| format!("{} {}", blocker.what, blocker.way_out)).collect()
}

#[test]
fn a_rehearsal_that_is_demanded_by_now_is_missing_until_it_begins() {
    let lacks = [Refusal::new("rehearsal", "The policy demands a rehearsal.", "Rehearse it.")];
    let says = |state| say(state, 0, |s| s.gate = &lacks).contains(&"The policy demands a rehearsal. Rehearse it.".to_owned());
    assert!(says(WindowState::Proposed) && says(WindowState::Approved));
    assert!(!says(WindowState::Running) && !says(WindowState::Completed));
}

#[test]
fn missing_votes_name_who_can_give_them() {
    let none = standing(&[]);
    let says = say(WindowState::Proposed, 0, |s| s.standing = Some(&none));
    assert_eq!(
        says,
        [
            "One stakeholder of the database has to approve. Waiting for Ana or Ben.",
            "One lead or deputy of the owner team has to approve. Waiting for Cem."
        ]
    );
    let one = standing(&[(1, VoteDecision::Approve)]);
    let says = say(WindowState::Proposed, 0, |s| s.standing = Some(&one));
    assert_eq!(says, ["One lead or deputy of the owner team has to approve. Waiting for Cem."]);
}

#[test]
fn a_vote_against_and_a_passed_deadline_are_said() {
    let changes = standing(&[(3, VoteDecision::RequestChanges)]);
    let says = say(WindowState::Proposed, 40, |s| s.standing = Some(&changes));
    assert!(says.iter().any(|line| line.starts_with("Cem asked for changes.")), "{says:?}");
    assert!(says.iter().any(|line| line.starts_with("The votes can no longer suffice")), "{says:?}");
    assert!(says.iter().any(|line| line.starts_with("The time to decide has passed.")), "{says:?}");
}

#[test]
fn an_approved_window_waits_for_its_hour() {
    assert!(say(WindowState::Approved, 0, |_| ())[0].starts_with("It is not time yet."));
    assert!(say(WindowState::Approved, 70, |_| ())[0].starts_with("It is due, and no worker has taken it yet."));
    let busy = [Refusal::new("run_open", "The run of window #12 on this database is not over.", "Wait for it.")];
    let busy = say(WindowState::Approved, 70, |s| s.gate = &busy);
    assert_eq!(busy.len(), 1, "{busy:?}");
    assert!(busy[0].contains("#12"));
    assert!(say(WindowState::Approved, 70, |s| s.own_run = Some(true))[0].starts_with("A worker does the pre-checks"));
    let red = ["No backup on record".to_owned()];
    let says = say(WindowState::Approved, 70, |s| (s.own_run, s.red_checks) = (Some(true), &red));
    assert!(says.len() == 1 && says[0].starts_with("Pre-checks are red: No backup on record."), "{says:?}");
    assert!(say(WindowState::Approved, 95, |_| ())[0].starts_with("Its latest start has passed"));
}

#[test]
fn a_hold_and_a_red_list_say_who_decides() {
    assert!(say(WindowState::Hold, 70, |s| s.hold_reason = Some("the outcome of item 3 is unknown"))[0].contains("item 3"));
    let checks =
        [("Queries".to_owned(), CheckState::Failed), ("Pool".to_owned(), CheckState::Passed), ("Backups".to_owned(), CheckState::Open)];
    let says = say(WindowState::Validating, 100, |s| s.checks = &checks);
    assert_eq!(says.len(), 2);
    assert!(says[0].starts_with("1 item failed: Queries.") && says[1].starts_with("1 item is still open: Backups."), "{says:?}");
    let done = [("Pool".to_owned(), CheckState::Passed)];
    assert!(say(WindowState::Validating, 100, |s| s.checks = &done)[0].contains("sign-off is missing"));
}

#[test]
fn nothing_blocks_what_is_over_unless_a_text_is_owed() {
    assert!(say(WindowState::Completed, 200, |_| ()).is_empty());
    assert_eq!(say(WindowState::Failed, 200, |s| s.owes_issues = true).len(), 1);
}

#[test]
fn a_freeze_is_said_first_with_its_name_its_reason_and_the_way_out() {
    let freeze = |start, end| crate::freeze::Freeze {
        id: crate::ids::FreezeId(Uuid::nil()),
        name: "Year end".into(),
        reason: "the books are closed".into(),
        scope: crate::freeze::Scope::Everything,
        zone: "Etc/UTC".into(),
        start: at(start),
        end: at(end),
        by: person(1),
        by_name: "Ana".into(),
        lifted_at: None,
        revision: 1,
    };
    let (coming, over) = ([freeze(70, 200)], [freeze(-20, -10)]);
    for (state, says) in [
        (WindowState::Proposed, "Nothing starts from then on. Move the window, have the freeze lifted"),
        (WindowState::Approved, "Nothing starts from then on. Move the window, have the freeze lifted"),
        (
            WindowState::Running,
            "The run is held before its next item from then on, and waits until somebody decides. Wait, have the freeze lifted",
        ),
    ] {
        let said = say(state, 0, |s| s.freezes = leak(&coming));
        assert!(said[0].starts_with("The freeze “Year end” of Ana covers this database: the books are closed. "), "{said:?}");
        assert!(said[0].contains(says), "{said:?}");
    }
    assert!(
        say(WindowState::Hold, 80, |s| s.freezes = leak(&coming))[0]
            .contains("It cannot go on until then, and waits for a decision afterwards too.")
    );
    for state in [WindowState::Validating, WindowState::Completed, WindowState::RollingBack] {
        assert!(!say(state, 80, |s| s.freezes = leak(&coming)).iter().any(|said| said.contains("freeze")), "{}", state.word());
    }
    assert!(!say(WindowState::Approved, 0, |s| s.freezes = leak(&over)).iter().any(|said| said.contains("freeze")));
}

/// Evidence borrows; a test's few bytes may stay.
fn leak(freezes: &[crate::freeze::Freeze]) -> &'static [crate::freeze::Freeze] {
    Box::leak(freezes.to_vec().into_boxed_slice())
}

#[test]
fn between_two_waves_it_is_said_why_nothing_runs_and_until_when_it_may() {
    let wave = |in_the_way| NextWave { number: 2, databases: vec!["prod-b".into(), "prod-c".into()], in_the_way, begin_by: at(100) };
    let free = wave(vec![]);
    let says = say(WindowState::Running, 80, |s| s.next_wave = Some(&free));
    assert!(says.len() == 1 && says[0].starts_with("Wave 2 (prod-b, prod-c) is next, and has not been opened yet."), "{says:?}");
    let pause =
        Pause { level: PauseLevel::HoldRunning, reason: "the storage fails".into(), since: at(70), by: person(1), by_name: "Ana".into() };
    let kept = wave(vec![Refusal::new("identity", "prod-b: The database is “Unverified”.", "Test it."), pause.refusal()]);
    let says = say(WindowState::Running, 80, |s| (s.next_wave, s.pause) = (Some(&kept), Some(&pause)));
    assert_eq!(says.len(), 2, "the pause is told once: {says:?}");
    assert!(
        says[0].starts_with("Wave 2 (prod-b, prod-c) does not begin. prod-b: The database is “Unverified”.")
            && says[0].ends_with("Test it.")
    );
    assert!(says.iter().all(|said| said.contains("left out unless it begins by then")), "{says:?}");
}

#[test]
fn a_window_that_the_gate_keeps_from_starting_never_seems_to_wait_for_a_worker() {
    let refusal = |code: &str| Refusal::new(code, format!("For the {code}."), "Do it.");
    let due = |code: &str| {
        let gate = [refusal(code)];
        say(WindowState::Approved, 70, |s| s.gate = &gate)
    };
    for code in ["quorum", "glass", "identity", "clock", "no_policy", "run_open"] {
        assert_eq!(due(code), [format!("For the {code}. Do it.")]);
    }
    assert!(due("paused").is_empty() && due("freeze").is_empty(), "they are said with their own words");
    for code in [executor::SEPARATE, "backup", "backup_proof"] {
        assert!(due(code).len() == 1 && due(code)[0].starts_with("It is due"), "the schedule starts it, or says so in its pre-checks");
    }
}
