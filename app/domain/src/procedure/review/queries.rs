//! What the statements cost, compared with the looks before (PG-10, PG-21). The server counts since some moment; two looks give what was
//! used between them, and three compare one stretch of time with the one before.
//!
//! Blocks say more than milliseconds: the same dropped index showed as 13 times the time on one server and 1,020 times on another, while the
//! blocks for each call told the same on both.

use super::{ATTENTION, NOTE, found};
use crate::procedure::memory::{DAY_S, Measurement, Memory, QUERY, QUERY_LOG, TABLE_SCANS};
use crate::procedure::select::step::QUERY_REVIEW as STEP;
use crate::procedure::text::{count, duration_ms, permille, plural, size};
use crate::procedure::{Finding, ObjectName, Selection};

/// A stretch of time that is compared has at least six days: a week, less what a run is early. A shorter one would compare a Saturday with a month.
pub const STRETCH_S: u64 = 6 * DAY_S;
/// A statement that was called less often says nothing, in either stretch of time.
pub const CALLS_AT_LEAST: u64 = 50;
/// From here on a statement has become worse: blocks for each call, or time for each call.
pub const WORSE_TIMES: u64 = 2;
/// What a slower statement must have cost more, in microseconds: a minute. Below, nobody waits for it.
pub const ADDED_US: u64 = 60_000_000;
/// What a statement that reads more must have read more, in blocks: about 800 MB. Below, one block that became two would be a finding.
pub const ADDED_BLOCKS: u64 = 100_000;
/// So many of the statements that take most of the time are named, each from this share on, in thousandths.
pub const MOST_NAMED: usize = 5;
/// See [`MOST_NAMED`].
pub const NAMED_PERMILLE: u32 = 50;
/// A statement that no look has seen is named from this share of the time on, in thousandths.
pub const NEW_PERMILLE: u32 = 100;
/// The server's list of statements is too small where more than this share of it, in thousandths, is forgotten each day.
pub const FORGOTTEN_PERMILLE_A_DAY: u64 = 10;
/// What the server forgets at once, in thousandths of its list.
const FORGOTTEN_AT_ONCE_PERMILLE: u64 = 50;
/// A table is named when it was read from end to end more often than this in a week, with more rows each time than [`SCAN_ROWS`].
pub const SCANS_A_WEEK: u64 = 50;
/// See [`SCANS_A_WEEK`].
pub const SCAN_ROWS: u64 = 10_000;
/// Smaller tables are read from memory without anybody noticing.
pub const SCANNED_MIN_BYTES: u64 = 64 * 1024 * 1024;

/// What the server counted of one statement of one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryRow {
    /// The server's number for it: the same on one major version as long as the tables it names are.
    pub id: i64,
    /// Oid of the role that sends it.
    pub role_oid: u32,
    /// The role, as people write its name.
    pub role: String,
    /// Sent by a client; otherwise from inside a function.
    pub toplevel: bool,
    /// Its text without any value; `None` where that cannot be promised, or where it is long.
    pub text: Option<String>,
    /// How often it was called.
    pub calls: u64,
    /// What it took together, in microseconds.
    pub total_us: u64,
    /// Blocks that it read, from memory or from disk.
    pub blocks: u64,
    /// The quickest call, in nanoseconds.
    pub min_ns: u64,
    /// The slowest call, in nanoseconds.
    pub max_ns: u64,
    /// When the count of this statement began, in seconds since 1970; 0 where the server does not tell.
    pub since_s: u64,
}

impl QueryRow {
    fn key(&self) -> String {
        let Self { id, role_oid, .. } = self;
        if self.toplevel { format!("{role_oid}/{id}") } else { format!("{role_oid}/{id}/nested") }
    }

    fn used(&self) -> Used {
        Used { calls: self.calls, total_us: self.total_us, blocks: self.blocks }
    }
}

/// All that the server counted, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statements {
    /// The server's major version: numbers of statements mean nothing on another.
    pub major: u16,
    /// The server says of each statement when its count began; otherwise of all of them at most.
    pub each_since: bool,
    /// Those that take most of the time, or are called most often.
    pub rows: Vec<QueryRow>,
    /// What one that is not among them took at most, in microseconds; 0 where all are.
    pub least_us: u64,
    /// What all of this database took together, in microseconds.
    pub total_us: u64,
    /// How many statements the role may not see.
    pub hidden: u64,
    /// How long the server has counted, in seconds; `None` where it does not tell.
    pub counted_s: Option<u64>,
    /// When it began, in seconds since 1970; 0 where it does not tell.
    pub since_s: u64,
    /// How often it had to forget some, and how many it can keep; `None` where it does not tell.
    pub forgotten: Option<(u64, u64)>,
}

/// How often a table was read from end to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanRow {
    /// The table.
    pub table: ObjectName,
    /// Its oid: another table of this name has counters of its own.
    pub oid: u32,
    /// When the counters began, in seconds since 1970; 0 where the server does not tell.
    pub since_s: u64,
    /// Scans since the counters began.
    pub scans: u64,
    /// Rows that they read.
    pub rows: u64,
    /// Size of the table.
    pub bytes: u64,
}

/// What was used in a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Used {
    calls: u64,
    total_us: u64,
    blocks: u64,
}

impl Used {
    /// What was used since `before`; `None` where a counter fell: the server has begun anew meanwhile.
    fn since(self, before: Self) -> Option<Self> {
        Some(Self {
            calls: self.calls.checked_sub(before.calls)?,
            total_us: self.total_us.checked_sub(before.total_us)?,
            blocks: self.blocks.checked_sub(before.blocks)?,
        })
    }

    /// `value` for each call, in thousandths.
    fn each(self, value: u64) -> u128 {
        u128::from(value) * 1000 / u128::from(self.calls.max(1))
    }

    /// What the calls would have cost at the price of `before`, and did beyond that.
    fn added(self, value: u64, before: Self, value_before: u64) -> u64 {
        let expected = u128::from(value_before) * u128::from(self.calls) / u128::from(before.calls.max(1));
        u64::try_from(u128::from(value).saturating_sub(expected)).unwrap_or(u64::MAX)
    }
}

/// What is remembered of this look.
pub fn measurements(seen: &Statements) -> Vec<Measurement> {
    let one = |row: &QueryRow| {
        let figures = [
            ("calls", row.calls),
            ("total_us", row.total_us),
            ("blocks", row.blocks),
            ("min_ns", row.min_ns),
            ("max_ns", row.max_ns),
            ("since_s", row.since_s),
            ("major", u64::from(seen.major)),
        ];
        Measurement::now(QUERY, &row.key(), figures)
    };
    let mut whole = vec![
        ("total_us", seen.total_us),
        ("since_s", seen.since_s),
        ("least_us", seen.least_us),
        ("hidden", seen.hidden),
        ("major", u64::from(seen.major)),
    ];
    whole.extend(seen.forgotten.map(|(times, _)| ("forgotten", times)));
    seen.rows.iter().map(one).chain([Measurement::now(QUERY_LOG, &"all", whole)]).collect()
}

/// Whether two looks that are so old are one: it is written down within moments.
fn is_one_look(one_s: u64, other_s: u64) -> bool {
    one_s.abs_diff(other_s) <= 60
}

/// The server's count of one statement at an earlier look, where it has gone on since: on the same version, and not begun anew. Where the server
/// does not say when it began to count a statement that it had forgotten, the quickest and the slowest call do: of one count the first only
/// falls and the second only rises.
fn comparable(one: &Measurement, row: &QueryRow, seen: &Statements) -> Option<Used> {
    if one.figure("major") != Some(u64::from(seen.major)) || one.figure("since_s") != Some(row.since_s) {
        return None;
    }
    let goes_on = seen.each_since || (row.min_ns <= one.figure("min_ns")? && row.max_ns >= one.figure("max_ns")?);
    let then = Used { calls: one.figure("calls")?, total_us: one.figure("total_us")?, blocks: one.figure("blocks")? };
    row.used().since(then).filter(|_| goes_on).map(|_| then)
}

/// One statement, in the time since the newest look that is old enough, and in the time before that.
struct Compared {
    now: Used,
    now_s: u64,
    before: Used,
}

fn compared(row: &QueryRow, seen: &Statements, memory: &Memory) -> Option<Compared> {
    let looks: Vec<(u64, Used)> = memory
        .of_object(QUERY, &row.key())
        .iter()
        .filter(|one| one.age_s >= STRETCH_S)
        .filter_map(|one| Some((one.age_s, comparable(one, row, seen)?)))
        .collect();
    let (now_s, last) = *looks.last()?;
    let now = row.used().since(last)?;
    // Without an earlier look everything until the last one is what was before: the count began at zero.
    let earlier = looks.iter().rev().find(|(age_s, _)| *age_s >= now_s + STRETCH_S).map(|(_, used)| *used);
    let before = earlier.map_or(Some(last), |earlier| last.since(earlier))?;
    Some(Compared { now, now_s, before })
}

/// Whether the server may have begun to count anew without saying so, as version 13 does: then some counter is lower than it was.
fn may_be_anew(seen: &Statements, memory: &Memory) -> bool {
    let fell = |row: &QueryRow| {
        let last = memory.of_object(QUERY, &row.key()).iter().rev().find(|one| one.age_s >= STRETCH_S);
        last.is_some_and(|last| last.figure("calls").is_some_and(|calls| calls > row.calls))
    };
    seen.since_s == 0 && seen.rows.iter().any(fell)
}

fn said_of(row: &QueryRow) -> String {
    match &row.text {
        Some(text) => text.clone(),
        None => "Its text is not shown: it is long, or may hold values. SELECT query FROM pg_stat_statements WHERE queryid is its number."
            .to_owned(),
    }
}

fn about(finding: Finding, row: &QueryRow) -> Finding {
    let nested = if row.toplevel { "" } else { ", inside a function" };
    finding.called(format!("query {} of {}{nested}", row.id, row.role)).figure("calls", row.calls).figure("total_us", row.total_us)
}

/// Thousandths as people read them: `0.4`, `4,256`.
fn decimal(thousandths: u128) -> String {
    let whole = u64::try_from(thousandths / 1000).unwrap_or(u64::MAX);
    if whole >= 10 { count(whole) } else { format!("{whole}.{}", thousandths / 100 % 10) }
}

/// Microseconds for each call, given in thousandths of them.
fn each_ms(thousandths_of_us: u128) -> String {
    format!("{} ms", decimal(thousandths_of_us / 1000))
}

/// A statement that has become worse.
fn regression(row: &QueryRow, seen: &Statements, memory: &Memory) -> Option<Finding> {
    let Compared { now, now_s, before } = compared(row, seen, memory)?;
    if now.calls < CALLS_AT_LEAST || before.calls < CALLS_AT_LEAST {
        return None;
    }
    let times = u128::from(WORSE_TIMES);
    let (blocks, blocks_before) = (now.each(now.blocks), before.each(before.blocks));
    let (us, us_before) = (now.each(now.total_us), before.each(before.total_us));
    let twice_the_blocks = blocks >= times * blocks_before && blocks > 0;
    let reads_more = twice_the_blocks && now.added(now.blocks, before, before.blocks) >= ADDED_BLOCKS;
    let slower = us >= times * us_before && now.added(now.total_us, before, before.total_us) >= ADDED_US;
    if !reads_more && !slower {
        return None;
    }
    let sentence = format!(
        "{} in the last {}: each reads {} blocks, before that {}, and takes {}, before that {}. {}",
        plural(now.calls, "call", "calls"),
        duration_ms(now_s.saturating_mul(1000)),
        decimal(blocks),
        decimal(blocks_before),
        each_ms(us),
        each_ms(us_before),
        said_of(row)
    );
    let advice = if twice_the_blocks {
        "It reads more for each call: look at its plan (EXPLAIN (ANALYZE, BUFFERS)) and at what changed: a dropped index, stale statistics, more rows, another condition."
    } else {
        "It does not read twice as much, and takes longer: look for waiting (pg_stat_activity, locks), for the disk, and for load beside it."
    };
    let per_call = |thousandths: u128| u64::try_from(thousandths / 1000).unwrap_or(u64::MAX);
    Some(
        about(Finding::new(STEP, "query_regression", ATTENTION, sentence, advice), row)
            .figure("blocks_each", per_call(blocks))
            .figure("blocks_each_before", per_call(blocks_before))
            .figure("mean_us", per_call(us))
            .figure("mean_before_us", per_call(us_before)),
    )
}

/// What the statements say against the looks before.
pub fn statements(seen: &Statements, memory: &Memory) -> Selection {
    let mut findings = Vec::new();
    if seen.hidden > 0 {
        findings.push(Finding::cannot_see(
            STEP,
            format!("{} of other roles are hidden from ours.", plural(seen.hidden, "statement", "statements")),
            "GRANT pg_read_all_stats (or pg_monitor) to the role.",
        ));
    }
    if seen.rows.is_empty() && seen.hidden == 0 {
        findings.push(Finding::cannot_see(
            STEP,
            "The server has counted no statement of this database.",
            "Look at pg_stat_statements.track and compute_query_id, and whether somebody resets the counts.",
        ));
        return found(findings);
    }
    findings.extend(forgotten(seen, memory));
    if !may_be_anew(seen, memory) {
        findings.extend(seen.rows.iter().filter_map(|row| regression(row, seen, memory)));
        findings.extend(shares(seen, memory));
    }
    found(findings)
}

/// The newest look that is old enough, of the same count: the server has not begun anew since.
fn last_look<'m>(seen: &Statements, memory: &'m Memory) -> Option<&'m Measurement> {
    let same = |one: &&Measurement| one.figure("major") == Some(u64::from(seen.major)) && one.figure("since_s") == Some(seen.since_s);
    memory.of_object(QUERY_LOG, &"all").iter().rev().find(|one| one.age_s >= STRETCH_S).filter(same)
}

/// A list that is too small makes the comparison miss what was forgotten.
fn forgotten(seen: &Statements, memory: &Memory) -> Option<Finding> {
    let (times, most) = seen.forgotten?;
    let last = last_look(seen, memory).and_then(|one| Some((one.figure("forgotten")?, one.age_s))).filter(|(before, _)| *before <= times);
    let (times, over_s) = match last {
        Some((before, age_s)) => (times - before, age_s),
        None => (times, seen.counted_s?),
    };
    let permille = u128::from(times) * u128::from(FORGOTTEN_AT_ONCE_PERMILLE) * u128::from(DAY_S);
    // Less than a day of counting says nothing about a day.
    if over_s < DAY_S || permille <= u128::from(FORGOTTEN_PERMILLE_A_DAY) * u128::from(over_s) {
        return None;
    }
    let sentence = format!(
        "The server had to forget statements {} in {}, each time five in a hundred of the {} that it keeps: comparisons miss those.",
        plural(times, "time", "times"),
        duration_ms(over_s.saturating_mul(1000)),
        count(most)
    );
    let advice = "Raise pg_stat_statements.max (needs a restart). If it goes on, look for statements that differ only in what they list, such as temporary tables or long IN lists.";
    Some(
        Finding::new(STEP, "statements_forgotten", ATTENTION, sentence, advice)
            .called("pg_stat_statements.max")
            .figure("forgotten_times", times),
    )
}

/// What a statement took since the look `last` at least, and whether that look had not listed it.
fn recent(row: &QueryRow, seen: &Statements, memory: &Memory, last: &Measurement) -> (u64, bool) {
    let then = memory.of_object(QUERY, &row.key()).iter().find(|one| is_one_look(one.age_s, last.age_s));
    match then {
        // What it had then is not in its count any more where that began anew.
        Some(then) => (comparable(then, row, seen).map_or(row.total_us, |then| row.total_us - then.total_us), false),
        None => (row.total_us.saturating_sub(last.figure("least_us").unwrap_or(u64::MAX)), true),
    }
}

fn share_permille(part: u64, whole: u64) -> u32 {
    u32::try_from(u128::from(part) * 1000 / u128::from(whole.max(1))).unwrap_or(u32::MAX).min(1000)
}

/// Where the time goes: what is new and takes much of it, and what takes most.
fn shares(seen: &Statements, memory: &Memory) -> Vec<Finding> {
    let last = last_look(seen, memory);
    let used: Vec<(u64, bool, &QueryRow)> = seen
        .rows
        .iter()
        .map(|row| {
            let (us, unlisted) = last.map_or((row.total_us, false), |last| recent(row, seen, memory, last));
            (us, unlisted, row)
        })
        .collect();
    // What was forgotten since is in no count any more; what is there adds up to this at least.
    let listed = used.iter().fold(0_u64, |sum, (us, ..)| sum.saturating_add(*us));
    let before = last.and_then(|one| one.figure("total_us")).unwrap_or(0);
    let whole = listed.max(seen.total_us.saturating_sub(before));
    let since = match (last, seen.counted_s) {
        (Some(last), _) => format!("in the last {}", duration_ms(last.age_s.saturating_mul(1000))),
        (None, Some(counted_s)) => format!("in the {} of counting", duration_ms(counted_s.saturating_mul(1000))),
        (None, None) => "since the count began".to_owned(),
    };
    let mut findings = Vec::new();
    // Where some were hidden, they are new to us alone.
    if let Some(last) = last.filter(|last| last.figure("hidden") == Some(0)) {
        let new = used.iter().filter(|(us, unlisted, row)| {
            *unlisted && row.calls >= CALLS_AT_LEAST && *us >= ADDED_US && share_permille(*us, whole) >= NEW_PERMILLE
        });
        findings.extend(new.map(|(us, _, row)| new_one(row, share_permille(*us, whole), last)));
    }
    let mut most = used.clone();
    most.sort_by_key(|(us, _, row)| (std::cmp::Reverse(*us), row.id));
    let heavy = most.iter().take(MOST_NAMED).filter(|(us, ..)| share_permille(*us, whole) >= NAMED_PERMILLE);
    findings.extend(heavy.map(|(us, _, row)| heavy_one(row, *us, share_permille(*us, whole), &since)));
    findings
}

fn new_one(row: &QueryRow, share: u32, last: &Measurement) -> Finding {
    let sentence = format!(
        "It was not among the statements of the look {} ago, and takes {} of the time counted since: {} of {} each. {}",
        duration_ms(last.age_s.saturating_mul(1000)),
        permille(share),
        plural(row.calls, "call", "calls"),
        each_ms(row.used().each(row.total_us)),
        said_of(row)
    );
    let advice = "Ask what brought it: a release, a report, somebody's session. Then look at its plan.";
    about(Finding::new(STEP, "new_query", ATTENTION, sentence, advice), row).figure("share_permille", share.into())
}

fn heavy_one(row: &QueryRow, us: u64, share: u32, since: &str) -> Finding {
    let sentence = format!("{} of the time counted {since} ({}). {}", permille(share), duration_ms(us / 1000), said_of(row));
    let advice = "Where time is to be won, it is here first: look at its plan, and at how often it is called.";
    about(Finding::new(STEP, "heavy_query", NOTE, sentence, advice), row).figure("share_permille", share.into())
}

/// Large tables that are read from end to end again and again, by what the counters gained since the last look.
pub fn scans(rows: &[ScanRow], memory: &Memory) -> Selection {
    let finding = |row: &ScanRow| {
        let last = memory.of_object(TABLE_SCANS, &row.table).iter().rev().find(|one| one.age_s >= STRETCH_S)?;
        if last.figure("oid") != Some(row.oid.into()) || last.figure("since_s") != Some(row.since_s) {
            return None;
        }
        let scans = row.scans.checked_sub(last.figure("scans")?)?;
        let read = row.rows.checked_sub(last.figure("rows")?)?;
        let a_week = u128::from(scans) * 7 * u128::from(DAY_S) / u128::from(last.age_s.max(1));
        let each = read / scans.max(1);
        if a_week <= u128::from(SCANS_A_WEEK) || each <= SCAN_ROWS || row.bytes <= SCANNED_MIN_BYTES {
            return None;
        }
        let sentence = format!(
            "Read from end to end {} in the last {}, {} rows each time; it has {}. Each process of a parallel query counts as one.",
            plural(scans, "time", "times"),
            duration_ms(last.age_s.saturating_mul(1000)),
            count(each),
            size(row.bytes)
        );
        let advice = "Find the statements that name it among those above, and look at their plans: an index may be missing, or the whole table is wanted (reports, exports). Nothing is created here.";
        let finding = Finding::new(STEP, "read_whole", NOTE, sentence, advice).about(&row.table);
        Some(finding.figure("scans", scans).figure("rows_each", each).figure("table_bytes", row.bytes))
    };
    found(rows.iter().filter_map(finding).collect())
}

/// What is remembered of them.
pub fn scan_measurements(rows: &[ScanRow]) -> Vec<Measurement> {
    let figures = |row: &ScanRow| [("scans", row.scans), ("rows", row.rows), ("oid", row.oid.into()), ("since_s", row.since_s)];
    rows.iter().map(|row| Measurement::now(TABLE_SCANS, &row.table, figures(row))).collect()
}

#[cfg(test)]
#[path = "queries_tests.rs"]
mod tests;
