//! Several databases in one proposal: each has a wave, and the first of them is the one that the form was begun on.

use crate::decision::FieldError;
use crate::lanes::waves::{SOAK_MAX_MIN, TARGETS_MAX, WAVE_MAX};
use crate::people;
use crate::target::Environment;
use std::collections::BTreeMap;

/// What the names of the fields begin with; the database's short name follows.
pub const FIELD: &str = "wave.";

/// The field of a database.
#[must_use]
pub fn field(database: &str) -> String {
    format!("{FIELD}{database}")
}

/// The order of several databases, by short name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Several {
    /// Wave after wave; the numbers typed only say which comes first.
    pub waves: Vec<Vec<String>>,
    /// How long each wave is watched before the next one begins, in minutes.
    pub soak_min: u32,
}

impl Several {
    /// The databases besides `first`, in their order.
    pub fn others<'a>(&'a self, first: &'a str) -> impl Iterator<Item = &'a str> {
        self.waves.iter().flatten().map(String::as_str).filter(move |name| *name != first)
    }

    /// The wave of a database, from 1.
    #[must_use]
    pub fn wave_of(&self, database: &str) -> Option<u32> {
        self.waves.iter().zip(1..).find(|(wave, _)| wave.iter().any(|name| name == database)).map(|(_, number)| number)
    }
}

/// Waves for databases that are chosen together, each with the word of its environment, as a form holds them: others come before production.
pub fn production_last<'a>(databases: impl IntoIterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, String> {
    let is_production = |environment: &str| environment == Environment::Production.word();
    let (last, first): (Vec<_>, Vec<_>) = databases.into_iter().partition(|(_, environment)| is_production(environment));
    let behind = if first.is_empty() { "1" } else { "2" };
    let wave =
        |databases: Vec<(&'a str, _)>, wave: &'static str| databases.into_iter().map(move |(name, _)| (name.to_owned(), wave.to_owned()));
    wave(first, "1").chain(wave(last, behind)).collect()
}

/// What a form holds by the names of a sealed plan, with those that its databases bear today. What is not in `today` takes no part any more:
/// its database was deleted, and another one may bear its name by now.
#[must_use]
pub fn in_todays_names(typed: BTreeMap<String, String>, today: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    typed.into_iter().filter_map(|(name, wave)| Some((today.get(&name.trim().to_lowercase())?.clone(), wave))).collect()
}

/// Reads the waves; `None` where no other database than `target` has one.
///
/// # Errors
/// Each field that is wrong, and limits over all of them at `waves`.
pub fn parse(target: &str, typed: &BTreeMap<String, String>, soak: &str) -> Result<Option<Several>, Vec<FieldError>> {
    let target = target.trim();
    let mut errors = Vec::new();
    let mut by_wave: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    // The database of the form takes part whatever is typed.
    let own = typed.get(target).map_or("1", |wave| wave.trim());
    let others = typed.iter().filter(|(name, wave)| name.trim() != target && !wave.trim().is_empty());
    let mut several = false;
    for (name, wave) in std::iter::once((target, own)).chain(others.map(|(name, wave)| (name.trim(), wave.trim()))) {
        let place = field(name);
        let name = people::short_name("target", name).map_err(|_| FieldError::new(&place, "There is no database with this name."));
        let wave = match wave.parse::<u32>() {
            Ok(wave) if (1..=TARGETS_MAX).contains(&(wave as usize)) => Ok(wave),
            _ => Err(FieldError::new(&place, format!("Give its wave as a number from 1 to {TARGETS_MAX}, or leave it out."))),
        };
        match (name, wave) {
            (Ok(name), Ok(wave)) => {
                several |= name != target;
                by_wave.entry(wave).or_default().push(name);
            }
            (name, wave) => errors.extend([name.err(), wave.err()].into_iter().flatten()),
        }
    }
    let soak_min = match soak.trim() {
        "" => Some(0),
        minutes => minutes.parse::<u32>().ok().filter(|minutes| *minutes <= SOAK_MAX_MIN),
    };
    if soak_min.is_none() && (several || !errors.is_empty()) {
        errors.push(FieldError::new("soak_min", format!("Give a whole number of minutes from 0 to {SOAK_MAX_MIN}.")));
    }
    let waves: Vec<Vec<String>> = by_wave.into_values().collect();
    let count: usize = waves.iter().map(Vec::len).sum();
    if count > TARGETS_MAX {
        errors.push(FieldError::new(
            "waves",
            format!("These are {count} databases; a window has {TARGETS_MAX} at most. Propose another window for the others."),
        ));
    }
    if let Some(full) = waves.iter().find(|wave| wave.len() > WAVE_MAX) {
        errors.push(FieldError::new(
            "waves",
            format!(
                "A wave has {} databases, and {WAVE_MAX} are worked on at the same time at most. Put some into another wave.",
                full.len()
            ),
        ));
    }
    // Errors of a form about a single database speak of its own field only.
    if target.is_empty() {
        errors.retain(|error| error.field != field(""));
    }
    if errors.is_empty() { Ok(several.then(|| Several { waves, soak_min: soak_min.unwrap_or(0) })) } else { Err(errors) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waves_follow_their_databases_to_other_names_and_never_to_other_databases() {
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<BTreeMap<_, _>>();
        let typed = map(&[("orders", "2"), (" Carts", "1"), ("letters", "1"), ("gone", "3")]);
        // Two of them swapped their names; one was deleted.
        let today = map(&[("orders", "carts"), ("carts", "orders"), ("letters", "letters")]);
        assert_eq!(in_todays_names(typed, &today), map(&[("carts", "2"), ("orders", "1"), ("letters", "1")]));
    }

    fn read(target: &str, typed: &[(&str, &str)], soak: &str) -> Result<Option<Several>, Vec<(String, String)>> {
        let typed = typed.iter().map(|(name, wave)| ((*name).to_owned(), (*wave).to_owned())).collect();
        parse(target, &typed, soak).map_err(|errors| errors.into_iter().map(|error| (error.field, error.message)).collect())
    }

    #[test]
    fn one_database_has_no_order() {
        assert_eq!(read("orders", &[], ""), Ok(None));
        assert_eq!(read("orders", &[("orders", "3"), ("invoices", " ")], "soon"), Ok(None), "nothing follows it");
        assert_eq!(read("", &[], ""), Ok(None), "the missing database is said at its own field");
    }

    #[test]
    fn numbers_say_only_which_comes_first() {
        let found = read("orders", &[("orders", "7"), ("invoices", "2"), ("carts", "7")], "30").expect("fine").expect("several");
        assert_eq!(found.waves, [vec!["invoices".to_owned()], vec!["orders".to_owned(), "carts".to_owned()]]);
        assert_eq!(found.soak_min, 30);
        assert_eq!(found.others("orders").collect::<Vec<_>>(), ["invoices", "carts"]);
        let plain = read("orders", &[("invoices", "1")], "").expect("fine").expect("several");
        assert_eq!(plain.waves, [vec!["orders".to_owned(), "invoices".to_owned()]]);
    }

    #[test]
    fn production_comes_last_where_there_is_anything_else() {
        let waves = |databases: &[(&'static str, &'static str)]| production_last(databases.iter().copied()).into_iter().collect::<Vec<_>>();
        let pair = |name: &str, wave: &str| (name.to_owned(), wave.to_owned());
        let mixed = [("orders", "production"), ("tried", "staging"), ("made", "development")];
        assert_eq!(waves(&mixed), [pair("made", "1"), pair("orders", "2"), pair("tried", "1")]);
        assert_eq!(waves(&mixed[..1]), [pair("orders", "1")], "nothing to wait for");
    }

    #[test]
    fn every_wrong_field_is_named() {
        let errors = read("orders", &[("orders", ""), ("invoices", "first"), ("carts", "0")], "-1").expect_err("wrong");
        assert_eq!(
            errors.iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>(),
            ["wave.orders", "wave.carts", "wave.invoices", "soak_min"]
        );
        let names: Vec<String> = (0..20).map(|n| format!("db-{n}")).collect();
        let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
        let errors = read("orders", &many, "").expect_err("too many");
        assert!(errors[0].1.starts_with("These are 21 databases") && errors[1].1.starts_with("A wave has 21"), "{errors:?}");
    }
}
