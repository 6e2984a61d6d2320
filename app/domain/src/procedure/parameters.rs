//! The thresholds people may change when they propose a window; every one has a safe default and a range.

use super::Procedure;
use super::select::step;
use crate::decision::FieldError;
use serde::de::Error as _;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// What a form needs to know about one threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterSpec {
    /// The field's name; its last word is the unit.
    pub name: &'static str,
    /// What the form calls it.
    pub label: &'static str,
    /// The unit, as people write it.
    pub unit: &'static str,
    /// The smallest value allowed.
    pub min: u64,
    /// The largest value allowed.
    pub max: u64,
    /// The default.
    pub default: u64,
    /// What it does and where the default comes from.
    pub help: &'static str,
    /// Keys of the steps it belongs to; empty: every procedure has it.
    pub steps: &'static [&'static str],
}

/// Whether a value is the one that is left out of the bytes, where there is such a one.
fn is_one_of(value: u64, absent: &[u64]) -> bool {
    absent.contains(&value)
}

macro_rules! parameters {
    ($($(#[doc = $help:literal])+ $name:ident: $default:literal in $min:literal..=$max:literal $unit:literal $label:literal of [$($step:ident),*] $(absent $absent:literal)?;)*) => {
        /// The thresholds of every procedure. Integers only: they are part of hashed bytes. What was added after the first plans were sealed is left
        /// out of the bytes while it has its absent value, so that their digests stay, and is read as that where it is not there; such a value is
        /// therefore never changed.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Parameters {
            $($(#[doc = $help])+ pub $name: u64,)*
        }

        impl Default for Parameters {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Serialize for Parameters {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut fields = serializer.serialize_map(None)?;
                $(if !is_one_of(self.$name, &[$($absent,)?]) {
                    fields.serialize_entry(stringify!($name), &self.$name)?;
                })*
                fields.end()
            }
        }

        impl<'de> Deserialize<'de> for Parameters {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let mut parameters = Self { $($name: [$($absent,)? $default][0],)* };
                for (name, value) in BTreeMap::<String, u64>::deserialize(deserializer)? {
                    let unknown = || D::Error::custom(format!("there is no parameter `{name}`"));
                    *parameters.slot(&name).ok_or_else(unknown)? = value;
                }
                Ok(parameters)
            }
        }

        impl Parameters {
            /// One entry a field, in the order a form shows them.
            pub const SPECS: &'static [ParameterSpec] = &[$(ParameterSpec {
                name: stringify!($name), label: $label, unit: $unit, min: $min, max: $max, default: $default, help: concat!($($help, "\n"),+),
                steps: &[$(step::$step),*],
            },)*];

            /// These with other values for the fields that are named; names that are none are left out.
            #[must_use]
            pub fn with(mut self, values: &BTreeMap<String, u64>) -> Self {
                for (name, value) in values {
                    if let Some(slot) = self.slot(name) {
                        *slot = *value;
                    }
                }
                self
            }

            /// The value of a field by its name.
            pub fn get(&self, name: &str) -> Option<u64> {
                match name {
                    $(stringify!($name) => Some(self.$name),)*
                    _ => None,
                }
            }

            fn slot(&mut self, name: &str) -> Option<&mut u64> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)*
                    _ => None,
                }
            }
        }
    };
}

parameters! {
    /// VACUUM (FREEZE) a table whose oldest transaction id or multixact is this old: half of what a server can count (2^31). Autovacuum freezes by force from 200 million on, so such an age means that it does not keep up.
    freeze_min_age_xids: 1_073_741_824 in 200_000_000..=1_600_000_000 "transactions" "FREEZE: oldest transaction id" of [FREEZE] absent 1_073_741_824;
    /// A table with fewer dead rows than this is left alone.
    vacuum_min_dead_rows: 1_000 in 0..=1_000_000_000 "rows" "VACUUM: fewest dead rows" of [VACUUM];
    /// VACUUM a table whose dead rows exceed this share of the number at which autovacuum itself would start: 200 % means that autovacuum is not keeping up.
    vacuum_min_trigger_percent: 200 in 10..=10_000 "%" "VACUUM: dead rows, as a share of autovacuum's own trigger" of [VACUUM];
    /// The server's vacuum_cost_limit while we work.
    vacuum_cost_limit: 200 in 1..=10_000 "points" "VACUUM: cost limit" of [VACUUM, ANALYZE, FREEZE];
    /// The server's vacuum_cost_delay while we work; 2 ms with a limit of 200 reads at most about 400 MB/s. 0 means full speed.
    vacuum_cost_delay_ms: 2 in 0..=100 "ms" "VACUUM: cost delay" of [VACUUM, ANALYZE, FREEZE];
    /// A VACUUM counts as done when the dead rows fell by at least this share.
    vacuum_min_fall_percent: 80 in 1..=100 "%" "VACUUM: smallest fall of dead rows that counts as success" of [VACUUM];
    /// Indexes smaller than this are not looked at.
    reindex_look_min_mib: 1 in 0..=1_048_576 "MiB" "REINDEX: smallest index to look at" of [REINDEX];
    /// Rebuild when at least this share is empty and the next limit is met too. Random inserts settle near 23 %, so less than 30 % grows straight back.
    reindex_min_waste_percent: 50 in 10..=99 "%" "REINDEX: empty share" of [REINDEX];
    /// Rebuild when at least this much is empty: an index that fits in memory gains nothing measurable.
    reindex_min_waste_mib: 256 in 0..=1_048_576 "MiB" "REINDEX: empty space" of [REINDEX];
    /// For large indexes a smaller share is enough.
    reindex_large_min_waste_percent: 30 in 10..=99 "%" "REINDEX: empty share of a large index" of [REINDEX];
    /// What makes the smaller share enough.
    reindex_large_min_waste_mib: 1_024 in 0..=1_048_576 "MiB" "REINDEX: empty space of a large index" of [REINDEX];
    /// Memory a rebuild may use for sorting.
    reindex_work_mem_mib: 256 in 1..=1_024 "MiB" "REINDEX: memory for sorting" of [REINDEX, CLEANUP, SIZED, UPKEEP];
    /// Clean the pending list of a GIN index from so many pages on: every search reads it from beginning to end.
    gin_min_pending_pages: 500 in 0..=10_000_000 "pages" "GIN: pending pages" of [UPKEEP] absent 500;
    /// Summarise a BRIN index when so many ranges came since the last VACUUM: every search reads them in full.
    brin_min_new_ranges: 8 in 1..=1_000_000 "ranges" "BRIN: ranges without a summary" of [UPKEEP] absent 8;
    /// GIN, GiST, SP-GiST, hash and vector indexes smaller than this are not looked at.
    sized_look_min_mib: 64 in 0..=1_048_576 "MiB" "REINDEX of other kinds: smallest index to look at" of [SIZED] absent 64;
    /// Rebuild one when it is so many times as large per row as right after its last rebuild.
    sized_min_growth_percent: 200 in 110..=10_000 "%" "REINDEX of other kinds: size per row, against that after the last rebuild" of [SIZED] absent 200;
    /// ANALYZE a table after more changes than this, and than the next share.
    analyze_min_changed_rows: 1_000 in 0..=1_000_000_000 "rows" "ANALYZE: fewest changed rows" of [ANALYZE];
    /// Half the share at which autovacuum analyses by itself: catches tables it will not reach in time.
    analyze_min_changed_percent: 5 in 0..=100 "%" "ANALYZE: changed share of the rows" of [ANALYZE];
    /// ANALYZE a table with any change when its statistics are older than this.
    analyze_max_age_days: 7 in 1..=365 "days" "ANALYZE: oldest statistics of a table with changes" of [ANALYZE];
    /// From this size on, a table is looked at as a candidate for archiving and partitioning by time.
    archive_min_gib: 50 in 1..=1_000_000 "GiB" "Space: smallest table worth archiving" of [SPACE] absent 50;
    /// A transaction older than this holds back concurrent rebuilds and the removal of dead rows.
    blocker_max_age_s: 300 in 10..=86_400 "s" "Pre-check: oldest transaction of others" of [];
    /// A prepared transaction older than this is named before the work starts.
    prepared_max_age_s: 600 in 10..=86_400 "s" "Pre-check: oldest prepared transaction" of [];
    /// No item begins while a standby is further behind. Past the default max_standby_streaming_delay of 30 s its queries are cancelled.
    replica_max_lag_s: 30 in 1..=86_400 "s" "Standbys: longest lag in time" of [];
    /// No item begins while a standby has more still to receive or replay.
    replica_max_lag_mib: 1_024 in 1..=1_048_576 "MiB" "Standbys: longest lag in volume" of [];
    /// The pre-check is red when more of the connections are in use.
    connections_max_used_percent: 80 in 10..=99 "%" "Pre-check: connections in use" of [];
    /// The pre-check is red when the newest backup on record is older.
    backup_max_age_hours: 26 in 1..=744 "h" "Pre-check: oldest backup" of [];
    /// How long one part of a design change may take: a transaction, or a statement on its own. The server ends it then, and it is rolled back.
    change_part_max_min: 10 in 1..=1_440 "min" "Design change: longest time of one part" of [CHANGE, SETTINGS, OLD_ROWS] absent 10;
    /// How long a statement may wait for its lock. While it waits, requests of others queue behind it.
    lock_wait_max_ms: 2_000 in 100..=10_000 "ms" "Longest wait for a lock" of [];
    /// Items of one step that run at once, as vacuumdb -j and reindexdb -j do it; never two on one table. Each has a connection and, while it rebuilds, its own memory for sorting. Plans that were sealed before there was a choice have their items one after the other.
    jobs: 2 in 1..=4 "jobs" "Work at once" of [FREEZE, VACUUM, REINDEX, SIZED, UPKEEP, CLEANUP, ANALYZE] absent 1;
    /// No item begins while more sessions of others are active on the server, whatever they do: the work waits until there are fewer.
    load_max_sessions: 50 in 1..=10_000 "sessions" "Load: most active sessions of others" of [] absent 10_000;
}

impl Parameters {
    /// What a procedure is steered by; everything, where the procedure is not known.
    pub fn specs_of(procedure: Option<&Procedure>) -> impl Iterator<Item = &'static ParameterSpec> {
        Self::SPECS.iter().filter(move |spec| procedure.is_none_or(|procedure| spec.is_of(procedure)))
    }

    /// Reads what a form sent: absent or blank fields keep the value they have here.
    ///
    /// # Errors
    /// One [`FieldError`] for each field that is unknown, no whole number, or outside its range.
    pub fn parse(&self, fields: &BTreeMap<String, String>) -> Result<Self, Vec<FieldError>> {
        let mut parameters = self.clone();
        let mut errors = Vec::new();
        for (name, text) in fields {
            let Some(slot) = parameters.slot(name) else {
                errors.push(FieldError::new(name, format!("There is no parameter \"{name}\". Leave it out.")));
                continue;
            };
            let digits: String = text.chars().filter(|c| !matches!(c, ' ' | ',' | '_' | '\u{a0}' | '\u{202f}')).collect();
            if digits.is_empty() {
                continue;
            }
            match digits.parse() {
                Ok(value) => *slot = value,
                Err(_) => errors.extend(Self::SPECS.iter().find(|spec| spec.name == name).map(|spec| spec.refuse(text, self))),
            }
        }
        match parameters.checked(self) {
            Ok(()) if errors.is_empty() => Ok(parameters),
            Ok(()) => Err(errors),
            Err(more) => {
                errors.extend(more);
                Err(errors)
            }
        }
    }

    /// Checks every field against its range, and fields against each other.
    ///
    /// # Errors
    /// One [`FieldError`] for each field that breaks a rule.
    pub fn validate(&self) -> Result<(), Vec<FieldError>> {
        self.checked(&Self::default())
    }

    fn checked(&self, defaults: &Self) -> Result<(), Vec<FieldError>> {
        let mut errors: Vec<FieldError> = Self::SPECS
            .iter()
            .filter_map(|spec| {
                let value = self.get(spec.name)?;
                (!(spec.min..=spec.max).contains(&value)).then(|| spec.refuse(&value.to_string(), defaults))
            })
            .collect();
        if errors.is_empty() && self.reindex_large_min_waste_percent > self.reindex_min_waste_percent {
            let message = format!(
                "The empty share of a large index ({} %) must not be above that of any index ({} %). Lower it, or raise the other.",
                self.reindex_large_min_waste_percent, self.reindex_min_waste_percent
            );
            errors.push(FieldError::new("reindex_large_min_waste_percent", message));
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}

impl ParameterSpec {
    /// Whether it steers a step of this procedure, or every procedure.
    pub fn is_of(&self, procedure: &Procedure) -> bool {
        self.steps.is_empty() || self.steps.iter().any(|step| procedure.step(step).is_some())
    }

    fn refuse(&self, value: &str, defaults: &Parameters) -> FieldError {
        let Self { label, unit, min, max, .. } = self;
        let default = defaults.get(self.name).unwrap_or(self.default);
        let shown: String = value.chars().take(40).collect();
        FieldError::new(
            self.name,
            format!(
                "{label}: \"{shown}\" is not allowed. Enter a whole number from {min} to {max} ({unit}), or leave it empty for {default}."
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical;
    use proptest::prelude::*;

    #[test]
    fn defaults_are_valid_and_hashable() {
        let parameters = Parameters::default();
        assert_eq!(parameters.validate(), Ok(()));
        let bytes = canonical::bytes(&parameters).expect("integers only");
        assert_eq!(serde_json::from_slice::<Parameters>(&bytes).expect("own bytes"), parameters);
    }

    #[test]
    fn every_bad_field_is_named_with_limit_and_way_out() {
        let fields = [
            ("analyze_max_age_days", "0"),
            ("lock_wait_max_ms", "a lot"),
            ("colour", "1"),
            ("vacuum_min_dead_rows", "1,000"),
            ("reindex_min_waste_mib", ""),
        ];
        let errors = Parameters::default().parse(&fields.map(|(k, v)| (k.to_owned(), v.to_owned())).into()).expect_err("three are wrong");
        let mut names: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["analyze_max_age_days", "colour", "lock_wait_max_ms"]);
        let days = errors.iter().find(|error| error.field == "analyze_max_age_days").expect("named");
        assert!(days.message.contains("from 1 to 365 (days)") && days.message.contains("empty for 7"), "{days:?}");
    }

    #[test]
    fn old_bytes_keep_their_digest_and_their_meaning() {
        let mut old = serde_json::to_value(Parameters::default()).expect("integers");
        for later in ["jobs", "load_max_sessions"] {
            old.as_object_mut().expect("a map").remove(later).expect("it is written where it is chosen");
        }
        let read: Parameters = serde_json::from_value(old.clone()).expect("still readable");
        assert_eq!((read.jobs, read.load_max_sessions), (1, 10_000), "one at a time, under any load");
        assert_eq!(serde_json::to_value(&read).expect("integers"), old, "the same bytes again");
    }

    #[test]
    fn unknown_fields_are_refused_when_read_from_bytes() {
        assert!(serde_json::from_str::<Parameters>(r#"{"vacuum_everything":1}"#).is_err());
    }

    #[test]
    fn units_stand_last_in_names() {
        for spec in Parameters::SPECS {
            let last = spec.name.rsplit('_').next().unwrap_or_default();
            assert!(
                [
                    "rows", "xids", "pages", "ranges", "percent", "ms", "s", "mib", "gib", "days", "hours", "limit", "jobs", "sessions",
                    "min"
                ]
                .contains(&last),
                "{}",
                spec.name
            );
            assert!((spec.min..=spec.max).contains(&spec.default), "{}", spec.name);
        }
    }

    #[test]
    fn a_procedure_shows_its_own_thresholds_and_those_of_all() {
        use crate::procedure::library::{carried, space, weekly};
        let names = |procedure: &Procedure| Parameters::specs_of(Some(procedure)).map(|spec| spec.name).collect::<Vec<_>>();
        let (weekly, space) = (names(&weekly::version_1()), names(&space::versions().remove(0)));
        assert!(weekly.contains(&"vacuum_min_dead_rows") && weekly.contains(&"backup_max_age_hours"), "{weekly:?}");
        assert!(
            space.iter().all(|name| weekly.contains(name) || *name == "archive_min_gib") && space.contains(&"backup_max_age_hours"),
            "{space:?}"
        );
        assert!(!space.iter().any(|name| name.starts_with("vacuum") || name.starts_with("reindex")), "{space:?}");
        assert_eq!(Parameters::specs_of(None).count(), Parameters::SPECS.len());
        for spec in Parameters::SPECS {
            assert!(carried().iter().any(|procedure| spec.is_of(procedure)), "{} steers nothing", spec.name);
        }
    }

    #[test]
    fn what_was_added_later_is_in_the_bytes_only_where_it_was_changed() {
        let bytes = |parameters: &Parameters| String::from_utf8(canonical::bytes(parameters).expect("integers only")).expect("JSON");
        let changed = Parameters { freeze_min_age_xids: 300_000_000, ..Parameters::default() };
        assert!(!bytes(&Parameters::default()).contains("freeze_min_age_xids"));
        assert!(bytes(&changed).contains("\"freeze_min_age_xids\":300000000"));
        assert_eq!(serde_json::from_str::<Parameters>(&bytes(&changed)).expect("own bytes"), changed);
    }

    /// Plans that leave these out mean these values.
    #[test]
    fn defaults_of_what_was_added_later_never_change() {
        let defaults = Parameters::default();
        assert_eq!(defaults.freeze_min_age_xids, 1_073_741_824);
        assert_eq!((defaults.gin_min_pending_pages, defaults.brin_min_new_ranges), (500, 8));
        assert_eq!((defaults.sized_look_min_mib, defaults.sized_min_growth_percent, defaults.archive_min_gib), (64, 200, 50));
    }

    proptest! {
        #[test]
        fn parse_never_yields_what_validate_refuses(values in proptest::collection::vec((0..Parameters::SPECS.len(), any::<u64>()), 0..8)) {
            let fields = values.into_iter().map(|(at, value)| (Parameters::SPECS[at].name.to_owned(), value.to_string())).collect();
            if let Ok(parameters) = Parameters::default().parse(&fields) {
                prop_assert_eq!(parameters.validate(), Ok(()));
            }
        }
    }
}
