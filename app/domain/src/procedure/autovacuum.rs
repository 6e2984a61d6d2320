//! Whether autovacuum keeps up, and statistics objects without data: measured rows in, findings out. The rules are PG-13 and PG-14 of the procedure
//! library.

use super::select::step;
use super::text::{count, plural};
use super::{Finding, FindingLevel, ObjectName, Selection};

/// From so many rows on, a share of them as the trigger lets too many dead rows pile up: with the default of 20 % more than two million.
const LARGE_ROWS: u64 = 10_000_000;
/// So many tables are named.
const MOST_NAMED: usize = 50;

/// What the whole server is set to, and what its workers do at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workers {
    /// `autovacuum` is on.
    pub on: bool,
    /// `track_counts` is on: without it autovacuum sees no change.
    pub counts: bool,
    /// Most workers.
    pub most: u32,
    /// Workers that run now; `None`: the role does not see them.
    pub busy: Option<u32>,
}

/// A table against autovacuum's own trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerRow {
    /// The table.
    pub name: ObjectName,
    /// Dead rows, the server's count.
    pub dead_rows: u64,
    /// Dead rows at which autovacuum starts, with the table's own settings.
    pub trigger_rows: u64,
    /// Rows, the server's estimate.
    pub live_rows: u64,
    /// The table sets its own share or threshold.
    pub own_settings: bool,
    /// Autovacuum is switched off for it.
    pub off: bool,
}

/// A statistics object that the planner has no data for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatisticsRow {
    /// Its own name.
    pub name: ObjectName,
    /// Its table.
    pub table: ObjectName,
    /// Whether its data can be seen: the role may read the table.
    pub visible: bool,
    /// It has data.
    pub has_data: bool,
}

fn finding(kind: &str, level: FindingLevel, sentence: String, advice: &str) -> Finding {
    Finding::new(step::AUTOVACUUM, kind, level, sentence, advice)
}

/// Whether autovacuum keeps up, and which tables need settings of their own.
pub fn starvation(workers: Workers, rows: &[TriggerRow]) -> Selection {
    let mut findings = Vec::new();
    if !workers.on || !workers.counts {
        let what = if workers.on { "track_counts is off, so autovacuum sees no change" } else { "autovacuum is switched off" };
        let advice =
            "Switch it on (ALTER SYSTEM SET …, then reload): without it dead rows and transaction ids pile up until the server stops.";
        findings.push(finding("autovacuum_off", FindingLevel::Urgent, format!("On this whole server {what}."), advice));
    }
    let over: Vec<&TriggerRow> = rows.iter().filter(|row| !row.off && row.dead_rows / 2 > row.trigger_rows).collect();
    findings.extend(starved(workers, over.len()));
    findings.extend(rows.iter().filter(|row| row.off).take(MOST_NAMED).map(|row| {
        let advice = "Remove the setting autovacuum_enabled from the table, unless something else vacuums it.";
        finding(
            "autovacuum_off_for_table",
            FindingLevel::Attention,
            format!("Autovacuum is switched off for it; {} by now.", plural(row.dead_rows, "dead row", "dead rows")),
            advice,
        )
        .about(&row.name)
        .figure("dead_rows", row.dead_rows)
    }));
    findings.extend(rows.iter().filter(|row| row.live_rows >= LARGE_ROWS && !row.own_settings && !row.off).take(MOST_NAMED).map(|row| {
        let said = format!("Autovacuum waits for {} dead rows of it before it starts.", count(row.trigger_rows));
        let advice = "Give it a smaller share of its own: ALTER TABLE … SET (autovacuum_vacuum_scale_factor = 0.01).";
        finding("autovacuum_waits_long", FindingLevel::Note, said, advice)
            .about(&row.name)
            .figure("trigger_rows", row.trigger_rows)
            .figure("live_rows", row.live_rows)
    }));
    Selection { findings, ..Selection::default() }
}

fn starved(workers: Workers, over: usize) -> Option<Finding> {
    let tables = u64::try_from(over).unwrap_or(u64::MAX);
    if over == 0 {
        return None;
    }
    let waiting = plural(tables, "table is", "tables are");
    let Some(busy) = workers.busy else {
        return Some(Finding::cannot_see(
            step::AUTOVACUUM,
            format!("{waiting} beyond twice autovacuum's own trigger; whether its workers are all busy is not known."),
            "Give the role pg_monitor.",
        ));
    };
    if busy < workers.most {
        return None;
    }
    let said = format!("All {busy} workers of autovacuum are busy while {waiting} beyond twice its own trigger: they wait for their turn.");
    let advice = "If every look says so: lower autovacuum_vacuum_cost_delay or raise its cost limit first, then autovacuum_max_workers.";
    Some(finding("autovacuum_starved", FindingLevel::Attention, said, advice).figure("workers", busy.into()).figure("tables", tables))
}

/// Statistics objects that were made and never filled.
pub fn statistics_objects(rows: &[StatisticsRow]) -> Selection {
    let hidden = rows.iter().filter(|row| !row.visible).count();
    let mut findings: Vec<Finding> = rows
        .iter()
        .filter(|row| row.visible && !row.has_data)
        .take(MOST_NAMED)
        .map(|row| {
            let said = format!("This statistics object of {} has no data: the planner does not use it.", row.table);
            finding(
                "statistics_without_data",
                FindingLevel::Attention,
                said,
                "ANALYZE its table; if it stays empty, look at the statistics targets of its columns.",
            )
            .about(&row.name)
        })
        .collect();
    if hidden > 0 {
        findings.push(Finding::cannot_see(
            step::AUTOVACUUM,
            format!(
                "Whether {} filled is not known: the role may not read their tables.",
                plural(u64::try_from(hidden).unwrap_or(u64::MAX), "statistics object is", "statistics objects are")
            ),
            "Nothing to do while their tables are analysed; GRANT SELECT makes it visible.",
        ));
    }
    Selection { findings, ..Selection::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> ObjectName {
        ObjectName::new("shop", name).expect("no NUL")
    }

    fn row(dead_rows: u64) -> TriggerRow {
        TriggerRow { name: name("orders"), dead_rows, trigger_rows: 1_000, live_rows: 5_000, own_settings: false, off: false }
    }

    const IDLE: Workers = Workers { on: true, counts: true, most: 3, busy: Some(0) };

    fn kinds(workers: Workers, rows: &[TriggerRow]) -> Vec<String> {
        starvation(workers, rows).findings.into_iter().map(|found| found.kind).collect()
    }

    #[test]
    fn starved_is_who_waits_while_all_workers_are_busy() {
        let full = Workers { busy: Some(3), ..IDLE };
        assert_eq!(kinds(full, &[row(2_002)]), ["autovacuum_starved"]);
        assert_eq!(kinds(full, &[row(2_000)]), [""; 0], "nobody waits");
        assert_eq!(kinds(IDLE, &[row(2_002)]), [""; 0], "a worker is free");
        assert_eq!(kinds(Workers { busy: None, ..IDLE }, &[row(2_002)]), ["cannot_see"]);
    }

    #[test]
    fn what_is_switched_off_is_said() {
        assert_eq!(kinds(Workers { on: false, ..IDLE }, &[]), ["autovacuum_off"]);
        assert_eq!(kinds(Workers { counts: false, ..IDLE }, &[]), ["autovacuum_off"]);
        assert_eq!(kinds(IDLE, &[TriggerRow { off: true, ..row(9) }]), ["autovacuum_off_for_table"]);
        let large = TriggerRow { live_rows: LARGE_ROWS, trigger_rows: 2_000_050, ..row(9) };
        assert_eq!(kinds(IDLE, std::slice::from_ref(&large)), ["autovacuum_waits_long"]);
        assert_eq!(kinds(IDLE, &[TriggerRow { own_settings: true, ..large }]), [""; 0]);
    }

    #[test]
    fn statistics_objects_without_data_are_found_where_they_can_be_seen() {
        let row = |visible, has_data| StatisticsRow { name: name("s"), table: name("orders"), visible, has_data };
        let kinds = |rows: &[StatisticsRow]| statistics_objects(rows).findings.into_iter().map(|found| found.kind).collect::<Vec<_>>();
        assert_eq!(kinds(&[row(true, false), row(true, true)]), ["statistics_without_data"]);
        assert_eq!(kinds(&[row(false, false)]), ["cannot_see"]);
    }
}
