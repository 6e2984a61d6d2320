//! Settings against rules that say why; each has its source in the manual of PostgreSQL or a named habit (PG-22, PG-23).

use super::{ATTENTION, NOTE, URGENT, found};
use crate::procedure::select::step::CONFIGURATION_REVIEW as STEP;
use crate::procedure::text::{count, plural};
use crate::procedure::{Finding, FindingLevel, Selection};
use std::collections::BTreeMap;

/// A setting as the server has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its value, in the server's base unit.
    pub value: String,
    /// Where it comes from: `default`, `configuration file`, `database`, …
    pub source: String,
    /// A new value waits for a restart.
    pub pending_restart: bool,
}

/// Everything the rules look at; a figure is `None` where the server does not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Settings by name.
    pub settings: BTreeMap<String, Setting>,
    /// Checkpoints by time, and those that were asked for because WAL was full, since the counters began.
    pub checkpoints: Option<(u64, u64)>,
    /// Client sessions, and how many there may be.
    pub connections: Option<(u64, u64)>,
    /// Deadlocks in this database since the counters began.
    pub deadlocks: Option<u64>,
    /// The archiver's newest failure is later than its newest success.
    pub archiver_fails: Option<bool>,
    /// Replication slots that nobody reads: name, and whether WAL they need is being lost.
    pub idle_slots: Vec<(String, bool)>,
    /// Errors in the configuration files: file and line, and what the server says.
    pub file_errors: Vec<(String, String)>,
    /// Settings kept for one role or database, as people read them.
    pub overrides: Vec<String>,
}

/// One rule about one setting: the finding when its value is one of these.
struct Rule {
    name: &'static str,
    bad: &'static [&'static str],
    level: FindingLevel,
    why: &'static str,
    advice: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        name: "fsync",
        bad: &["off"],
        level: URGENT,
        why: "After a power cut the database may be damaged beyond repair.",
        advice: "Switch it on and reload.",
    },
    Rule {
        name: "full_page_writes",
        bad: &["off"],
        level: URGENT,
        why: "A page that was half written in a power cut cannot be repaired.",
        advice: "Switch it on and reload.",
    },
    Rule {
        name: "autovacuum",
        bad: &["off"],
        level: URGENT,
        why: "Dead rows and old transaction ids pile up in every table until the server refuses to write.",
        advice: "Switch it on and reload; slow it down where it disturbs.",
    },
    Rule {
        name: "track_counts",
        bad: &["off"],
        level: URGENT,
        why: "Autovacuum does not know where to work.",
        advice: "Switch it on and reload.",
    },
    Rule {
        name: "synchronous_commit",
        bad: &["off"],
        level: ATTENTION,
        why: "The last moments before a crash are lost, although the client was told that they are stored.",
        advice: "Keep it only where that is meant, for example for one role.",
    },
    Rule {
        name: "password_encryption",
        bad: &["md5"],
        level: ATTENTION,
        why: "New passwords are stored as MD5, which is deprecated and will be refused.",
        advice: "Set it to scram-sha-256, then set the passwords anew.",
    },
    Rule {
        name: "idle_in_transaction_session_timeout",
        bad: &["0"],
        level: NOTE,
        why: "A session that forgets its transaction keeps locks and dead rows for ever.",
        advice: "Set it, for example to 10 minutes, after asking who needs longer.",
    },
    Rule {
        name: "log_lock_waits",
        bad: &["off"],
        level: NOTE,
        why: "Who waited for whom cannot be found out afterwards.",
        advice: "Switch it on and reload.",
    },
    Rule {
        name: "log_autovacuum_min_duration",
        bad: &["-1"],
        level: NOTE,
        why: "What autovacuum did, and what kept it from it, is not in the log.",
        advice: "Set it to 10 minutes, the default of newer servers.",
    },
    Rule {
        name: "log_checkpoints",
        bad: &["off"],
        level: NOTE,
        why: "Whether checkpoints come too often is not in the log.",
        advice: "Switch it on and reload; newer servers do.",
    },
    Rule {
        name: "track_io_timing",
        bad: &["off"],
        level: NOTE,
        why: "How long reads and writes take is not measured.",
        advice: "Switch it on where the clock is fast (pg_test_timing tells).",
    },
];

/// Connections in use from which on somebody should act, in percent of what there may be.
pub const CONNECTIONS_PERCENT: u64 = 80;
/// Fewer checkpoints than this say nothing about their reason.
const FEW_CHECKPOINTS: u64 = 20;
/// `shared_buffers` of a server that nobody configured, in pages of 8 kB: 128 MB.
const DEFAULT_SHARED_BUFFERS: &str = "16384";

fn finding(kind: &str, level: FindingLevel, said: impl Into<String>, advice: &str) -> Finding {
    Finding::new(STEP, kind, level, said, advice)
}

/// Compares the figures with the rules.
pub fn review(figures: &Figures) -> Selection {
    let mut findings: Vec<Finding> = RULES.iter().filter_map(|rule| broken(rule, figures)).collect();
    findings.extend(figures.settings.iter().filter(|(_, setting)| setting.pending_restart).map(|(name, _)| {
        finding(
            "pending_restart",
            ATTENTION,
            "Its new value waits for a restart of the server.",
            "Restart it in a window of its own, or take the change back.",
        )
        .called(name)
    }));
    if figures.settings.get("shared_buffers").is_some_and(|setting| setting.value == DEFAULT_SHARED_BUFFERS) {
        findings.push(
            finding(
                "setting",
                NOTE,
                "The server's own cache has the 128 MB that every new server has.",
                "A quarter of the memory is the manual's starting point for a machine of its own. Needs a restart.",
            )
            .called("shared_buffers"),
        );
    }
    if let Some((timed, asked)) = figures.checkpoints.filter(|(timed, asked)| timed + asked >= FEW_CHECKPOINTS && asked > timed) {
        findings.push(
            finding(
                "requested_checkpoints",
                ATTENTION,
                format!(
                    "{} of {} checkpoints came because WAL was full, not because it was time: each writes whole pages again.",
                    count(asked),
                    count(timed + asked)
                ),
                "Raise max_wal_size until most come by time; it costs disk space and time after a crash.",
            )
            .figure("requested_checkpoints", asked)
            .figure("timed_checkpoints", timed),
        );
    }
    if let Some((used, usable)) =
        figures.connections.filter(|(used, usable)| used.saturating_mul(100) >= usable.saturating_mul(CONNECTIONS_PERCENT))
    {
        findings.push(
            finding(
                "connections",
                ATTENTION,
                format!("{} of {} connections are in use.", count(used), count(usable)),
                "Put a pooler in between, or let idle sessions go, before you raise max_connections: each costs memory.",
            )
            .figure("used_connections", used),
        );
    }
    if let Some(n) = figures.deadlocks.filter(|n| *n > 0) {
        let said =
            format!("{} in this database since the counters began.", plural(n, "deadlock was broken up", "deadlocks were broken up"));
        findings.push(
            finding("deadlocks", NOTE, said, "The server's log names both statements: let them lock in the same order.")
                .figure("deadlocks", n),
        );
    }
    if figures.archiver_fails == Some(true) {
        findings.push(finding(
            "archiver_fails",
            URGENT,
            "Archiving WAL fails since its last success: backups cannot be brought up to date, and the disk fills.",
            "Look at archive_command and its target.",
        ));
    }
    findings.extend(figures.idle_slots.iter().map(|(name, losing)| {
        let (level, said) = if *losing {
            (URGENT, "Nobody reads this replication slot, and WAL that it needs is being removed: its reader must be built anew.")
        } else {
            (ATTENTION, "Nobody reads this replication slot, yet the server keeps WAL and dead rows for it.")
        };
        finding("idle_slot", level, said, "Bring its reader back, or drop the slot once nobody needs it.").called(name)
    }));
    findings.extend(figures.file_errors.iter().map(|(place, said)| {
        finding("configuration_error", ATTENTION, format!("The line is not applied: {said}."), "Correct it before the next restart.")
            .called(place)
    }));
    if !figures.overrides.is_empty() {
        let shown = figures.overrides.iter().take(10).cloned().collect::<Vec<_>>().join("; ");
        findings.push(finding(
            "overrides",
            NOTE,
            format!("Settings of single roles or databases win over the server's: {shown}."),
            "Keep them in mind when a changed setting seems to have no effect.",
        ));
    }
    found(findings)
}

/// What a rule has against a new value: why, and what to do instead.
pub fn against(name: &str, value: &str) -> Option<(&'static str, &'static str)> {
    let value = value.to_lowercase();
    let value = if ["false", "no", "0"].contains(&value.as_str()) { "off" } else { &value };
    let hit = |rule: &&Rule| rule.name == name && (rule.bad.contains(&value) || (value == "off" && rule.bad.contains(&"0")));
    RULES.iter().find(hit).map(|rule| (rule.why, rule.advice))
}

fn broken(rule: &Rule, figures: &Figures) -> Option<Finding> {
    let setting = figures.settings.get(rule.name)?;
    rule.bad.contains(&setting.value.as_str()).then(|| {
        finding("setting", rule.level, format!("It is {} (from: {}). {}", setting.value, setting.source, rule.why), rule.advice)
            .called(rule.name)
    })
}
