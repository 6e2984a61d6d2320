//! The rules of a series against an oracle: python-dateutil on local times, for thousands of random rules; and the zones that jiff bundles, at
//! every change of their clocks.

use domain::recurrence::place::{ClockNote, place};
use domain::recurrence::text::weekday;
use domain::recurrence::{ByDay, End, Frequency, Parts, Rule};
use domain::series::{Change, Schedule};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// Random rules that are asked about.
const RULES: usize = 3000;
/// Dates compared of each.
const MOST: usize = 60;

/// Reads a line, answers a line: the dates of a set of rules, as far as they are wanted.
const ORACLE: &str = r#"
import json, sys
from datetime import datetime
try:
    from dateutil.rrule import rrulestr
except ImportError:
    sys.exit("the Debian package python3-dateutil is missing")
for line in sys.stdin:
    ask = json.loads(line)
    until, dates = datetime.fromisoformat(ask["until"]), []
    for at in rrulestr(ask["text"], forceset=True):
        if at > until or len(dates) == ask["most"]:
            break
        dates.append(at.isoformat())
    print(json.dumps(dates), flush=True)
"#;

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
    fn within(&mut self, least: i8, most: i8) -> i8 {
        least + i8::try_from(self.below(u64::from(most.abs_diff(least)) + 1)).expect("small")
    }
    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).expect("small")]
    }
    fn start(&mut self) -> DateTime {
        let day =
            jiff::civil::date(2020 + i16::from(self.within(0, 30)), self.within(1, 12), 1).checked_add(self.below(31).cast_signed().days());
        day.expect("within the calendar").at(self.within(0, 23), self.within(0, 59), 0, 0)
    }
    fn rule(&mut self, start: DateTime) -> Rule {
        let frequency = self.pick(Frequency::ALL);
        let mut parts = Parts::every(i32::from(self.within(1, 12)), frequency);
        // The oracle takes "every Monday and the second Tuesday" for both at once, which is a known fault of it: one kind a rule.
        let counted = frequency == Frequency::Monthly && self.below(2) == 0;
        for _ in 0..self.below(4) {
            let nth = if counted { self.pick(&[-5, -4, -3, -2, -1, 1, 2, 3, 4, 5]) } else { 0 };
            let day = self.pick(&["MO", "TU", "WE", "TH", "FR", "SA", "SU"]);
            parts.by_day.push(ByDay { nth, weekday: weekday(day).expect("one of them") });
        }
        for _ in 0..if frequency == Frequency::Weekly { 0 } else { self.below(4) } {
            let day = self.within(1, 31);
            parts.by_month_day.push(if self.below(3) == 0 { -day } else { day });
        }
        // Every 7th day has one weekday alone; the oracle would look for another until the year 9999.
        if frequency == Frequency::Daily && parts.interval % 7 == 0 && !parts.by_day.is_empty() {
            parts.interval += 1;
        }
        parts.end = match self.below(3) {
            0 => End::Never,
            1 => End::Count(u32::try_from(self.below(40) + 1).expect("small")),
            _ => End::Until(start.checked_add((self.below(900).cast_signed()).days()).expect("within the calendar")),
        };
        Rule::new(parts).expect("every part is within its limits")
    }
    /// Some dates left out, some moved.
    fn schedule(&mut self) -> Schedule {
        let start = self.start();
        let rule = self.rule(start);
        let mut changes = BTreeMap::new();
        for at in rule.dates(start).take(12) {
            match self.below(8) {
                0 => drop(changes.insert(at.date(), Change::Skipped)),
                1 => drop(changes.insert(at.date(), Change::Moved(at.checked_add(90.minutes()).expect("within the calendar")))),
                _ => {}
            }
        }
        Schedule { start, rule, changes }
    }
}

fn python() -> Command {
    // The package belongs to the system's own Python, whatever else is on the path.
    Command::new(if Path::new("/usr/bin/python3").exists() { "/usr/bin/python3" } else { "python3" })
}

#[test]
fn thousands_of_rules_give_the_dates_that_dateutil_gives() {
    let mut oracle = python()
        .args(["-c", ORACLE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 starts: the Debian packages python3 and python3-dateutil are needed for this test");
    let (mut ask, answers) = (oracle.stdin.take().expect("piped"), oracle.stdout.take().expect("piped"));
    let (mut answers, mut dice, mut dates) = (BufReader::new(answers), Dice(0x5eed_0f17), 0);
    for n in 0..RULES {
        let schedule = dice.schedule();
        let until = schedule.start.checked_add(6.years()).expect("within the calendar");
        let text = schedule.text("Etc/UTC").replace(";TZID=Etc/UTC", "");
        let question = json!({"text": text, "until": until.strftime("%Y-%m-%dT%H:%M:%S").to_string(), "most": MOST});
        writeln!(ask, "{question}").expect("the oracle listens: see above what it says");
        let mut line = String::new();
        answers.read_line(&mut line).expect("the oracle answers");
        let wanted: Vec<String> = serde_json::from_str(&line).unwrap_or_else(|_| panic!("the oracle answers to {text}: {line}"));
        let mut own: Vec<DateTime> = schedule
            .occurrences(&TimeZone::UTC)
            .take_while(|date| date.day <= until.date())
            .filter(|date| !date.is_skipped() && date.placed.wanted <= until)
            .map(|date| date.placed.wanted)
            .collect();
        own.sort_unstable();
        let own: Vec<String> = own.into_iter().take(MOST).map(|at| at.strftime("%Y-%m-%dT%H:%M:%S").to_string()).collect();
        assert_eq!(own, wanted, "rule {n}:\n{text}");
        dates += own.len();
    }
    drop(ask);
    assert!(oracle.wait().expect("it ends").success());
    assert!(dates > 15 * RULES, "{dates} dates were compared: too few to prove anything");
}

/// Zones whose clocks change by an hour, half an hour, two hours or a whole day, at midnight, in the small hours, and in the evening.
const ZONES: [&str; 20] = [
    "Europe/Berlin",
    "Europe/London",
    "Europe/Lisbon",
    "Europe/Dublin",
    "Europe/Chisinau",
    "Atlantic/Azores",
    "America/New_York",
    "America/Los_Angeles",
    "America/St_Johns",
    "America/Santiago",
    "America/Havana",
    "America/Nuuk",
    "Asia/Jerusalem",
    "Asia/Beirut",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Antarctica/Troll",
];

#[test]
fn every_gap_and_fold_of_twenty_zones_is_placed_as_it_is_said() {
    let from: Timestamp = "2010-01-01T00:00:00Z".parse().expect("an instant");
    let to: Timestamp = "2045-01-01T00:00:00Z".parse().expect("an instant");
    let (mut gaps, mut folds) = (0, 0);
    for name in ZONES {
        let zone = TimeZone::get(name).expect("bundled");
        for change in zone.following(from).take_while(|change| change.timestamp() < to) {
            let at = change.timestamp();
            let (before, after) = (zone.to_offset(at - 1.second()), change.offset());
            // The wall clock on both sides of the change, from the offsets alone.
            let (old, new) = (before.to_datetime(at), after.to_datetime(at));
            let length = after.seconds() - before.seconds();
            let minute = |n: i32| i64::from(n).minutes();
            if length > 0 {
                gaps += 1;
                for n in [0, length / 120, length / 60 - 1] {
                    let wanted = old.checked_add(minute(n)).expect("within the calendar");
                    let placed = place(wanted, &zone).expect("within the calendar");
                    assert_eq!((placed.start, placed.local, placed.note), (at, new, Some(ClockNote::Gap)), "{name} {wanted}");
                    assert!(placed.said().is_some_and(|said| said.contains("the first minute there is")), "{name} {wanted}");
                }
            } else if length < 0 {
                folds += 1;
                for n in [0, -length / 120, -length / 60 - 1] {
                    let wanted = new.checked_add(minute(n)).expect("within the calendar");
                    let placed = place(wanted, &zone).expect("within the calendar");
                    let first = before.to_timestamp(wanted).expect("within the calendar");
                    assert_eq!((placed.start, placed.local, placed.note), (first, wanted, Some(ClockNote::Fold)), "{name} {wanted}");
                    assert!(placed.start < at, "{name} {wanted}: the first of the two");
                }
            } else {
                continue;
            }
            // A minute outside on either side there is no question.
            let outside =
                [old.min(new).checked_sub(1.minute()), old.max(new).checked_add(0.minute())].map(|at| at.expect("within the calendar"));
            for wanted in outside {
                let placed = place(wanted, &zone).expect("within the calendar");
                assert_eq!((placed.local, placed.note), (wanted, None), "{name} {wanted}");
                assert_eq!(zone.to_datetime(placed.start), wanted, "{name}");
            }
        }
    }
    assert!(gaps > 400 && folds > 400, "{gaps} gaps and {folds} folds: the zones were not read");
}

#[test]
fn the_oracle_is_one_that_can_disagree() {
    let Value::Array(answer) = one_answer("DTSTART:20261129T020000\nRRULE:FREQ=WEEKLY;COUNT=2") else { panic!("a list") };
    assert_eq!(answer, [json!("2026-11-29T02:00:00"), json!("2026-12-06T02:00:00")]);
}

fn one_answer(text: &str) -> Value {
    let mut oracle = python().args(["-c", ORACLE]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python3 starts");
    let question = json!({"text": text, "until": "2030-01-01T00:00:00", "most": MOST});
    writeln!(oracle.stdin.take().expect("piped"), "{question}").expect("it listens");
    let said = oracle.wait_with_output().expect("it ends");
    serde_json::from_slice(&said.stdout).expect("the oracle answers: python3-dateutil is installed")
}
