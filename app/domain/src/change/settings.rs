//! A change of the server's settings: one a line, `name = value`. Each becomes an ALTER SYSTEM that people approve, and is given back the
//! value it had before when somebody decides so.

use super::{Change, MOST_NAME_BYTES, Reading, Statement, WayBack};
use crate::decision::{FieldError, FormCheck};
use crate::procedure::review::configuration;
use crate::procedure::{RiskClass, quote};
use serde::{Deserialize, Serialize};

/// Nobody can tell which of more than these made the difference.
pub const MOST_SETTINGS: usize = 20;
/// The longest value, in bytes: a line of a file that people read.
const MOST_VALUE_BYTES: usize = 1_000;
/// What is sent after each, so that the server reads its files again.
pub const RELOAD: &str = "SELECT pg_catalog.pg_reload_conf()";

/// A setting of the server, and what it becomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerSetting {
    /// Its name in lower case, which is how it is looked up.
    pub name: String,
    /// The new value as typed; `None` takes back what ALTER SYSTEM wrote earlier, so that the file or the built-in default counts.
    pub value: Option<String>,
    /// PostgreSQL uses a new value only after a restart.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needs_restart: bool,
    /// It gives back an earlier value, whatever waits for a restart.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gives_back: bool,
}

impl ServerSetting {
    /// The statement that writes it; a reload follows.
    #[must_use]
    pub fn statement(&self) -> String {
        let name = quote::identifier(&self.name).unwrap_or_default();
        match &self.value {
            Some(value) => format!("ALTER SYSTEM SET {name} = {}", quote::literal(value).unwrap_or_default()),
            None => format!("ALTER SYSTEM RESET {name}"),
        }
    }
    /// It concerns the whole server; one that waits for a restart may keep the server from starting.
    #[must_use]
    pub const fn risk(&self) -> RiskClass {
        if self.needs_restart { RiskClass::R3 } else { RiskClass::R2 }
    }
    /// The setting that gives back what was seen before this one was sent.
    #[must_use]
    pub fn back(&self, before: &SettingState) -> Self {
        Self {
            value: before.kept.then(|| before.value.clone()),
            needs_restart: self.needs_restart,
            gives_back: true,
            name: self.name.clone(),
        }
    }
}

/// A setting as the server shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingState {
    /// The value that counts, in the server's base unit.
    pub value: String,
    /// It comes from what ALTER SYSTEM wrote.
    pub kept: bool,
    /// Another value is written, and waits for a restart.
    pub waits: bool,
    /// Why its value for the whole server cannot be seen, or must not be changed, from here; `None` where it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hindered: Option<String>,
}

/// What values a setting takes, as `pg_settings` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Takes {
    /// `bool`, `enum`, `integer`, `real` or `string`.
    pub kind: String,
    /// The unit of a plain number, such as `8kB`; empty where there is none.
    pub unit: String,
    /// The smallest number, in that unit; empty where there is none.
    pub min: String,
    /// The largest.
    pub max: String,
    /// The words of an `enum`.
    pub words: Vec<String>,
}

/// Units of PostgreSQL's settings, each in bytes or in microseconds.
const UNITS: &[(&str, f64)] = &[
    ("B", 1.0),
    ("kB", 1_024.0),
    ("MB", 1_048_576.0),
    ("GB", 1_073_741_824.0),
    ("TB", 1_099_511_627_776.0),
    ("us", 1.0),
    ("ms", 1e3),
    ("s", 1e6),
    ("min", 6e7),
    ("h", 3.6e9),
    ("d", 8.64e10),
];
/// Those of them that measure space; the others measure time.
const OF_SPACE: &[&str] = &["B", "kB", "MB", "GB", "TB"];

impl Takes {
    /// Why the server would not take this value, as far as that can be told; what cannot is left to the server.
    #[must_use]
    pub fn refuses(&self, value: &str) -> Option<String> {
        let value = value.trim();
        match self.kind.as_str() {
            "bool" => {
                // Any beginning of these words that says which.
                let typed = value.to_lowercase();
                let says = |word: &str, from: usize| typed.len() >= from && word.starts_with(&typed);
                let known = says("true", 1) || says("false", 1) || says("yes", 1) || says("no", 1) || says("on", 2) || says("off", 2);
                (!known && !["1", "0"].contains(&typed.as_str())).then(|| "it takes on or off".to_owned())
            }
            "enum" => {
                let known = self.words.iter().any(|word| word.eq_ignore_ascii_case(value))
                    || ["true", "false", "yes", "no", "0", "1"].contains(&value.to_lowercase().as_str());
                (!known).then(|| format!("it takes one of: {}", self.words.join(", ")))
            }
            "integer" | "real" => self.refuses_number(value),
            _ => None,
        }
    }

    fn refuses_number(&self, value: &str) -> Option<String> {
        let digits = value.find(|c: char| !(c.is_ascii_digit() || "+-.".contains(c))).unwrap_or(value.len());
        let (number, unit) = (value.get(..digits)?, value.get(digits..)?.trim());
        // Hexadecimal and powers of ten are left to the server.
        if unit.starts_with(['x', 'X', 'e', 'E']) {
            return None;
        }
        let Ok(number) = number.parse::<f64>() else { return Some("it takes a number".to_owned()) };
        let in_base = if unit.is_empty() { number } else { number * self.factor(unit)? };
        if let Some(wrong) = in_base.is_nan().then(|| self.units()) {
            return Some(wrong);
        }
        let (min, max) = (self.min.parse::<f64>().unwrap_or(f64::MIN), self.max.parse::<f64>().unwrap_or(f64::MAX));
        // The server rounds to its unit.
        let outside = in_base < min - 0.5 || in_base > max + 0.5;
        let unit = if self.unit.is_empty() { String::new() } else { format!(", counted in {}", self.unit) };
        outside.then(|| format!("it takes {} to {}{unit}", self.min, self.max))
    }

    /// How many of the setting's own units this one is; not a number where the setting does not take it.
    fn factor(&self, unit: &str) -> Option<f64> {
        let digits = self.unit.find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
        let (count, own) = self.unit.split_at(digits);
        let size = |name: &str| UNITS.iter().find(|(known, _)| *known == name).map(|(_, size)| *size);
        if self.unit.is_empty() || OF_SPACE.contains(&own) != OF_SPACE.contains(&unit) {
            return Some(f64::NAN);
        }
        let count: f64 = if count.is_empty() { 1.0 } else { count.parse().ok()? };
        Some(size(unit).map_or(f64::NAN, |typed| typed / (count * size(own).unwrap_or(f64::NAN))))
    }

    fn units(&self) -> String {
        let digits = self.unit.find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
        let own = self.unit.get(digits..).unwrap_or_default();
        if self.unit.is_empty() {
            "it takes a number without a unit".to_owned()
        } else {
            let known = UNITS.iter().map(|(name, _)| *name).filter(|name| OF_SPACE.contains(name) == OF_SPACE.contains(&own));
            format!("its units are {}", known.collect::<Vec<_>>().join(", "))
        }
    }
}

/// What has no place in a change of settings, by the beginning or the end of its name.
struct Refused {
    names: &'static [&'static str],
    begins: &'static [&'static str],
    ends: &'static [&'static str],
    why: &'static str,
}

const REFUSED: &[Refused] = &[
    Refused {
        names: &["archive_library", "jit_provider", "dynamic_library_path", "extension_control_path"],
        begins: &[],
        ends: &["_command", "_preload_libraries"],
        why: "it names a program or a library that the server runs as its own account. Change it on the server itself.",
    },
    Refused {
        names: &["primary_conninfo", "primary_slot_name"],
        begins: &["recovery_", "krb_"],
        ends: &["_password", "_keyfile", "_secret"],
        why: "it may hold a password or steers recovery, and does not belong into a text that many people read. Change it on the server itself.",
    },
    Refused {
        names: &["data_directory", "config_file", "hba_file", "ident_file", "external_pid_file", "listen_addresses", "port", "ssl"],
        begins: &["unix_socket_", "ssl_"],
        ends: &[],
        why: "a mistake in it locks everybody out, Drydock too, so that nothing could give it back. Change it on the server itself.",
    },
    Refused {
        names: &["search_path", "temp_tablespaces"],
        begins: &[],
        ends: &[],
        why: "it is a list of names with rules of quoting of its own. Set it for a role or a database instead.",
    },
    Refused {
        names: &[
            "zero_damaged_pages",
            "ignore_checksum_failure",
            "ignore_system_indexes",
            "ignore_invalid_pages",
            "allow_system_table_mods",
            "allow_in_place_tablespaces",
            "data_sync_retry",
            "session_replication_role",
            "default_transaction_read_only",
            "row_security",
        ],
        begins: &["debug_", "trace_"],
        ends: &[],
        why: "it is for repairing and debugging in one session; for the whole server it endangers data or stops all work.",
    },
];

/// Settings that PostgreSQL 13 to 18 read at their start only (`context = 'postmaster'` in pg_settings), without those that are refused.
const AT_RESTART: &[&str] = &[
    "archive_mode",
    "autovacuum_freeze_max_age",
    "autovacuum_max_workers",
    "autovacuum_multixact_freeze_max_age",
    "autovacuum_worker_slots",
    "bonjour",
    "bonjour_name",
    "cluster_name",
    "commit_timestamp_buffers",
    "dynamic_shared_memory_type",
    "event_source",
    "hot_standby",
    "huge_page_size",
    "huge_pages",
    "io_max_combine_limit",
    "io_max_concurrency",
    "io_method",
    "logging_collector",
    "max_active_replication_origins",
    "max_connections",
    "max_files_per_process",
    "max_locks_per_transaction",
    "max_logical_replication_workers",
    "max_notify_queue_pages",
    "max_pred_locks_per_transaction",
    "max_prepared_transactions",
    "max_replication_slots",
    "max_wal_senders",
    "max_worker_processes",
    "min_dynamic_shared_memory",
    "multixact_member_buffers",
    "multixact_offset_buffers",
    "notify_buffers",
    "old_snapshot_threshold",
    "reserved_connections",
    "serializable_buffers",
    "shared_buffers",
    "shared_memory_type",
    "subtransaction_buffers",
    "superuser_reserved_connections",
    "track_activity_query_size",
    "track_commit_timestamp",
    "transaction_buffers",
    "wal_buffers",
    "wal_decode_buffer_size",
    "wal_level",
    "wal_log_hints",
];

/// Why a setting is not changed here; `None` where it may be.
#[must_use]
pub fn refused(name: &str) -> Option<&'static str> {
    let hit = |refused: &&Refused| {
        refused.names.contains(&name)
            || refused.begins.iter().any(|begin| name.starts_with(begin))
            || refused.ends.iter().any(|end| name.ends_with(end))
    };
    REFUSED.iter().find(hit).map(|refused| refused.why)
}

/// Whether a new value waits for a restart. Settings of extensions (with a point in their name) are taken for the worse.
#[must_use]
pub fn needs_restart(name: &str) -> bool {
    AT_RESTART.contains(&name) || name.contains('.')
}

/// Reads the lines of a form.
///
/// # Errors
/// One [`FieldError`] for each line that cannot be taken, named by its number.
pub fn read(typed: &str) -> Result<Change, Vec<FieldError>> {
    let mut form = FormCheck::default();
    let mut statements: Vec<Statement> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for (line, number) in typed.lines().zip(1..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match setting(line) {
            Ok(setting) if names.contains(&setting.name) => {
                form.refuse("settings", format!("Line {number}: {} stands here twice. Leave one of them.", setting.name));
            }
            Ok(setting) => {
                names.push(setting.name.clone());
                statements.push(statement(setting));
            }
            Err(why) => form.refuse("settings", format!("Line {number}: {why}")),
        }
    }
    if statements.len() > MOST_SETTINGS {
        form.refuse("settings", format!("These are {} settings; at most {MOST_SETTINGS} are changed at once.", statements.len()));
    }
    let nothing = statements.is_empty();
    let change = form.finish(Some(Change { statements, role: None, keep_out: None, back: WayBack::Former }))?;
    if nothing {
        return Err(vec![FieldError::new("settings", "Name at least one setting, such as: work_mem = 64MB")]);
    }
    Ok(change)
}

/// One line.
fn setting(line: &str) -> Result<ServerSetting, String> {
    let Some((name, value)) = line.split_once('=') else {
        return Err("write it as name = value; or name = DEFAULT to take back what was set earlier.".to_owned());
    };
    let name = name.trim().to_lowercase();
    let sound = name.len() <= MOST_NAME_BYTES
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '.');
    if !sound {
        return Err("before the = stands the name of a setting, as SHOW ALL spells it: letters, digits, _ and a point.".to_owned());
    }
    if let Some(why) = refused(&name) {
        return Err(format!("{name}: {why}"));
    }
    let value = value.trim();
    let value = if value.eq_ignore_ascii_case("default") { None } else { Some(unquoted(value)?) };
    Ok(ServerSetting { needs_restart: needs_restart(&name), gives_back: false, name, value })
}

/// The value without the quotes around it, as a configuration file has them.
fn unquoted(value: &str) -> Result<String, String> {
    let text = match value.strip_prefix('\'').map(|rest| rest.strip_suffix('\'')) {
        None => value.to_owned(),
        Some(Some(inside)) if !inside.replace("''", "").contains('\'') => inside.replace("''", "'"),
        Some(_) => return Err("the quote at the beginning of the value is not closed at its end.".to_owned()),
    };
    if value.is_empty() {
        return Err("there is no value after the =. Write '' for an empty one, or DEFAULT to take back what was set earlier.".to_owned());
    }
    if text.len() > MOST_VALUE_BYTES || text.chars().any(char::is_control) {
        return Err(format!("a value has at most {MOST_VALUE_BYTES} bytes, and no control characters."));
    }
    Ok(text)
}

fn statement(setting: ServerSetting) -> Statement {
    let mut reading = Reading { alone: true, ..Reading::harmless("ALTER SYSTEM") };
    if setting.needs_restart {
        reading.remark("It counts only after a restart of the server, which is not part of this window.", "");
    } else {
        reading.remark("It counts at once, in every database of the server; sessions that set it themselves keep theirs.", "");
    }
    if let Some((why, advice)) = setting.value.as_ref().and_then(|value| configuration::against(&setting.name, value)) {
        reading.remark(why, advice);
    }
    let text = setting.statement();
    reading.setting = Some(setting);
    Statement { text, reading }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::procedure::StepClass;
    use proptest::prelude::*;

    fn texts(typed: &str) -> Vec<String> {
        read(typed).expect("good").statements.into_iter().map(|statement| statement.text).collect()
    }
    fn why(typed: &str) -> String {
        read(typed).expect_err("refused").into_iter().map(|error| error.message).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn lines_become_statements() {
        assert_eq!(
            texts(
                "# for the import\nwork_mem = 64MB\n\nLog_Min_Duration_Statement='5s'\ncluster_name = 'it''s = a\\b'\nwal_compression = default"
            ),
            [
                r#"ALTER SYSTEM SET "work_mem" = '64MB'"#,
                r#"ALTER SYSTEM SET "log_min_duration_statement" = '5s'"#,
                r#"ALTER SYSTEM SET "cluster_name" = E'it''s = a\\b'"#,
                r#"ALTER SYSTEM RESET "wal_compression""#
            ]
        );
        assert_eq!(texts("log_line_prefix = ''"), [r#"ALTER SYSTEM SET "log_line_prefix" = ''"#]);
    }

    #[test]
    fn each_is_a_part_of_its_own_and_may_be_sent_again() {
        let change = read("work_mem = 64MB\nshared_buffers = 1GB").expect("good");
        let parts = change.scripts();
        assert_eq!(parts.len(), 2);
        assert!(parts.iter().all(|part| part.class() == StepClass::Resumable && part.texts[1] == RELOAD && part.alone && !part.blocks));
        assert_eq!((parts[0].risk, parts[1].risk, change.risk()), (RiskClass::R2, RiskClass::R3, RiskClass::R3));
        assert!(change.way_back().is_empty() && change.back_scripts().is_empty());
        assert!(change.impact().contains("whole server") && change.undone().contains("the value it had"));
    }

    #[test]
    fn what_it_had_is_given_back() {
        let set = read("work_mem = 64MB").expect("good").statements.remove(0).reading.setting.expect("one");
        let state = |kept| SettingState { value: "4096".into(), kept, waits: false, hindered: None };
        assert_eq!(set.back(&state(true)).statement(), r#"ALTER SYSTEM SET "work_mem" = '4096'"#);
        assert_eq!(set.back(&state(false)).statement(), r#"ALTER SYSTEM RESET "work_mem""#);
    }

    #[test]
    fn what_locks_out_runs_programs_or_hides_is_refused() {
        for name in [
            "archive_command",
            "shared_preload_libraries",
            "restore_command",
            "primary_conninfo",
            "port",
            "ssl_key_file",
            "recovery_target_time",
            "search_path",
            "debug_discard_caches",
            "zero_damaged_pages",
            "data_directory",
        ] {
            assert!(why(&format!("{name} = 1")).contains(name), "{name}");
        }
    }

    #[test]
    fn a_line_that_cannot_be_taken_is_named() {
        assert!(why("").contains("at least one") && why("# nothing").contains("at least one"));
        assert!(why("work_mem = 1MB\nwork mem = 2").contains("Line 2") && why("work_mem").contains("name = value"));
        assert!(why("work_mem =").contains("no value") && why("work_mem = 'a").contains("not closed"));
        assert!(why("work_mem = 1MB\nWORK_MEM = 2MB").contains("twice"));
        assert!(why(&(0..21).map(|n| format!("a.b{n} = 1\n")).collect::<String>()).contains("at most 20"));
        let two = read("x y = 1\nport = 2").expect_err("both");
        assert_eq!(two.len(), 2);
    }

    #[test]
    fn what_endangers_data_is_said() {
        let remarks = |typed: &str| read(typed).expect("good").statements.remove(0).reading.remarks.len();
        assert_eq!((remarks("fsync = off"), remarks("fsync = on"), remarks("autovacuum = OFF")), (2, 1, 2));
    }

    #[test]
    fn values_that_the_server_would_refuse_are_told_before() {
        let takes = |kind: &str, unit: &str, min: &str, max: &str| Takes {
            kind: kind.into(),
            unit: unit.into(),
            min: min.into(),
            max: max.into(),
            words: vec!["minimal".into(), "replica".into()],
        };
        let (memory, pages) = (takes("integer", "kB", "64", "2147483647"), takes("integer", "8kB", "16", "1073741823"));
        let (wait, scale) = (takes("integer", "ms", "0", "2147483647"), takes("real", "", "0", "100"));
        for good in ["64MB", "64 MB", "1GB", "64", "4096kB", "0x1000"] {
            assert_eq!(memory.refuses(good), None, "{good}");
        }
        assert_eq!((pages.refuses("128kB"), pages.refuses("16384"), wait.refuses("10min"), scale.refuses("0.2")), (None, None, None, None));
        assert!(memory.refuses("10kB").is_some_and(|why| why.contains("64 to 2147483647, counted in kB")));
        assert!(pages.refuses("8kB").is_some() && memory.refuses("9TB").is_some());
        assert!(memory.refuses("64MBs").is_some_and(|why| why.contains("units are B, kB, MB")));
        assert!(wait.refuses("5 MB").is_some_and(|why| why.contains("us, ms, s, min")) && memory.refuses("5s").is_some());
        assert!(scale.refuses("5s").is_some_and(|why| why.contains("without a unit")) && scale.refuses("high").is_some());
        assert!(takes("bool", "", "", "").refuses("maybe").is_some() && takes("bool", "", "", "").refuses("off").is_none());
        assert!(takes("bool", "", "", "").refuses("o").is_some() && takes("bool", "", "", "").refuses("t").is_none());
        assert!(takes("enum", "", "", "").refuses("logical").is_some() && takes("enum", "", "", "").refuses("Replica").is_none());
        assert_eq!(takes("string", "", "", "").refuses("anything"), None);
    }

    proptest! {
        #[test]
        fn a_value_stays_one_constant(value in "[ -~é]{1,80}") {
            prop_assume!(!value.trim().is_empty() && !value.trim().eq_ignore_ascii_case("default"));
            if let Ok(change) = read(&format!("work_mem = {value}")) {
                let setting = change.statements[0].reading.setting.clone().expect("one");
                prop_assert_eq!(&change.statements[0].text, &format!("ALTER SYSTEM SET \"work_mem\" = {}", quote::literal(setting.value.as_ref().expect("set")).expect("no NUL")));
            }
        }
    }
}
