use super::*;
use std::fmt::Write as _;
use uuid::Uuid;

fn time(text: &str) -> Timestamp {
    format!("2026-11-29T{text}Z").parse().expect("a time")
}

/// Start 02:00, latest start 02:30, decision by 01:00; numbers tell them apart.
fn window(number: i64, state: WindowState, run: Option<RunState>) -> WindowAtHand {
    WindowAtHand {
        id: WindowId(Uuid::from_u128(number.unsigned_abs().into())),
        number,
        revision: 1,
        state,
        start: time("02:00:00"),
        latest_start: time("02:30:00"),
        decide_by: time("01:00:00"),
        escalate_at: None,
        remind_at: None,
        run,
    }
}

fn golden(windows: &[WindowAtHand], nows: &[&str]) -> String {
    let mut text = String::new();
    for now in nows {
        let snapshot = Snapshot { now: time(now), windows: windows.to_vec(), waves: vec![] };
        let _ = writeln!(text, "at {now}");
        for found in plan(&snapshot) {
            let _ = writeln!(text, "  #{} r{} {:?}: {}", found.number, found.revision, found.deed, found.reason);
        }
    }
    text
}

#[test]
fn a_night() {
    use WindowState::{Approved, Draft, Proposed, Running, Validating};
    let windows = [
        window(1, Draft, None),
        window(2, Proposed, None),
        window(3, Approved, None),
        window(4, Approved, Some(RunState::Waiting)),
        window(5, Approved, Some(RunState::Leased)),
        window(6, Running, Some(RunState::Leased)),
        window(7, Validating, Some(RunState::Ended)),
    ];
    insta::assert_snapshot!(golden(&windows, &["00:59:59", "01:00:00", "01:59:59", "02:00:00", "02:30:00", "02:30:01"]), @r"
    at 00:59:59
    at 01:00:00
      #2 r1 Expire: Nobody's decision completed the approval by 2026-11-29 01:00 UTC.
    at 01:59:59
      #2 r1 Expire: Nobody's decision completed the approval by 2026-11-29 01:00 UTC.
    at 02:00:00
      #2 r1 Expire: Nobody's decision completed the approval by 2026-11-29 01:00 UTC.
      #3 r1 OpenRun: Due since 2026-11-29 02:00 UTC.
    at 02:30:00
      #2 r1 Expire: Nobody's decision completed the approval by 2026-11-29 01:00 UTC.
      #3 r1 OpenRun: Due since 2026-11-29 02:00 UTC.
    at 02:30:01
      #2 r1 Expire: Nobody's decision completed the approval by 2026-11-29 01:00 UTC.
      #3 r1 MarkMissed: It had not begun by its latest start, 2026-11-29 02:30 UTC.
      #4 r1 MarkMissed: It had not begun by its latest start, 2026-11-29 02:30 UTC.
    ");
}

#[test]
fn a_late_wake_up_opens_what_may_still_start_and_marks_the_rest() {
    let early = WindowAtHand { start: time("01:00:00"), latest_start: time("01:15:00"), ..window(1, WindowState::Approved, None) };
    let late = window(2, WindowState::Approved, None);
    insta::assert_snapshot!(golden(&[late, early], &["02:10:00"]), @r"
    at 02:10:00
      #1 r1 MarkMissed: It had not begun by its latest start, 2026-11-29 01:15 UTC.
      #2 r1 OpenRun: Due since 2026-11-29 02:00 UTC.
    ");
}

#[test]
fn an_autumn_night_has_one_start() {
    // 02:30 happens twice in Berlin that night; the plan holds the instant people chose, so the planner never sees the wall time.
    let first = WindowAtHand { start: time("00:30:00"), latest_start: time("00:45:00"), ..window(1, WindowState::Approved, None) };
    insta::assert_snapshot!(golden(&[first], &["00:30:00", "01:30:00"]), @r"
    at 00:30:00
      #1 r1 OpenRun: Due since 2026-11-29 00:30 UTC.
    at 01:30:00
      #1 r1 MarkMissed: It had not begun by its latest start, 2026-11-29 00:45 UTC.
    ");
}

#[test]
fn a_proposal_is_reminded_then_escalated_then_expires() {
    let proposal =
        WindowAtHand { escalate_at: Some(time("00:30:00")), remind_at: Some(time("00:10:00")), ..window(1, WindowState::Proposed, None) };
    let asked = WindowAtHand { escalate_at: None, remind_at: None, ..window(2, WindowState::Proposed, None) };
    insta::assert_snapshot!(golden(&[proposal, asked], &["00:09:59", "00:10:00", "00:30:00", "01:00:00"]), @r"
    at 00:09:59
    at 00:10:00
      #1 r1 Remind: Votes are still missing.
    at 00:30:00
      #1 r1 Escalate: The quorum did not stand by 2026-11-29 00:30 UTC.
    at 01:00:00
      #1 r1 Expire: Nobody's decision completed the approval by 2026-11-29 01:00 UTC.
      #2 r1 Expire: Nobody's decision completed the approval by 2026-11-29 01:00 UTC.
    ");
}

#[test]
fn the_next_wave_is_opened_until_its_time_is_up() {
    let next = WaveAtHand { id: WindowId(Uuid::from_u128(9)), number: 9, revision: 2, wave: 2, begin_by: time("03:00:00") };
    let said = |now: &str| {
        let found = plan(&Snapshot { now: time(now), windows: vec![], waves: vec![next.clone()] });
        (found[0].deed, found[0].reason.clone())
    };
    assert_eq!(said("03:00:00"), (Deed::OpenWave(2), "Every database before wave 2 ended clean.".to_owned()));
    assert_eq!(said("03:00:01"), (Deed::EndWaves(2), "Wave 2 had not begun by 2026-11-29 03:00 UTC.".to_owned()));
}
