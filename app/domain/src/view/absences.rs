//! Who is away, as pages say it.

use crate::absence::Absence;
use crate::approval::StandIn;
use crate::ids::{AbsenceId, PersonId};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// Somebody who is away at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwayNow {
    /// Until when.
    pub until: Timestamp,
    /// Name of who votes meanwhile.
    pub delegate: Option<String>,
}

/// An absence that is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbsenceRow {
    /// Which.
    pub id: AbsenceId,
    /// From when.
    pub starts: Timestamp,
    /// Until when.
    pub ends: Timestamp,
    /// The last day, in the zone of whoever is away, as a form takes it.
    pub last_day: String,
    /// Who votes meanwhile.
    pub delegate: Option<String>,
    /// The delegate is away in that time too: until then nobody votes in this one's place.
    pub delegate_back: Option<Timestamp>,
    /// Who said so.
    pub said_by: String,
    /// It has begun.
    pub begun: bool,
}

/// Somebody in whose place the person votes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandsIn {
    /// Who is away.
    pub name: String,
    /// From when.
    pub starts: Timestamp,
    /// Until when.
    pub ends: Timestamp,
}

/// The page of a person's absences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbsencePage {
    /// Whose.
    pub person: PersonId,
    /// As people call them.
    pub name: String,
    /// Zone in which they count days.
    pub zone: String,
    /// The reader is this person.
    pub own: bool,
    /// What is not over, soonest first.
    pub rows: Vec<AbsenceRow>,
    /// In whose place they vote, now or later.
    pub stands_in: Vec<StandsIn>,
    /// Addresses of likely delegates.
    pub colleagues: Vec<String>,
}

/// Names of those who are waited for: `Ana (away until Tue 1 Dec)`, `Ben (for Ana)`. Days are those of the reader's zone.
#[must_use]
pub fn waited(
    names: &BTreeMap<PersonId, String>,
    away: &BTreeMap<PersonId, Absence>,
    stand_ins: &[StandIn],
    zone: &TimeZone,
) -> BTreeMap<PersonId, String> {
    let of = |person: &PersonId| names.get(person).cloned().unwrap_or_default();
    let says = |person: &PersonId, name: &String| {
        let absents: Vec<String> = stand_ins.iter().filter(|one| one.delegate == *person).map(|one| of(&one.absent)).collect();
        let mut notes = Vec::new();
        if !absents.is_empty() {
            notes.push(format!("for {}", absents.join(" and ")));
        }
        if let Some(absence) = away.get(person) {
            notes.push(format!("away until {}", back(absence.ends, zone)));
        }
        if notes.is_empty() { name.clone() } else { format!("{name} ({})", notes.join(", ")) }
    };
    names.iter().map(|(person, name)| (*person, says(person, name))).collect()
}

/// The day somebody is back, as a reader counts days: `Tue 1 Dec`; within it, the time too.
#[must_use]
pub fn back(ends: Timestamp, zone: &TimeZone) -> String {
    let at = ends.to_zoned(zone.clone());
    let midnight = at.start_of_day().is_ok_and(|start| start.timestamp() == ends);
    at.strftime(if midnight { "%a %-d %b" } else { "%a %-d %b %H:%M" }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::Assurance;
    use crate::approval::stand_in::Standing;
    use uuid::Uuid;

    #[test]
    fn whom_we_wait_for_says_who_is_away_and_for_whom_somebody_votes() {
        let person = |n: u128| PersonId(Uuid::from_u128(n));
        let names = [(1, "Ana"), (2, "Ben"), (3, "Cem")].map(|(n, name)| (person(n), name.to_owned())).into_iter().collect();
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        let absence = Absence {
            id: AbsenceId(Uuid::from_u128(9)),
            person: person(1),
            starts: at("2026-11-25T23:00:00Z"),
            ends: at("2026-11-30T23:00:00Z"),
            delegate: Some(person(2)),
            said_by: person(1),
        };
        let stand_in = StandIn { absent: person(1), delegate: person(2), standing: Standing::default(), given: Assurance::AccountFactor };
        let berlin = TimeZone::get("Europe/Berlin").expect("bundled");
        let said = waited(&names, &BTreeMap::from([(person(1), absence)]), &[stand_in], &berlin);
        let said: Vec<&str> = said.values().map(String::as_str).collect();
        assert_eq!(said, ["Ana (away until Tue 1 Dec)", "Ben (for Ana)", "Cem"]);
        assert_eq!(back(at("2026-11-30T23:00:00Z"), &TimeZone::UTC), "Mon 30 Nov 23:00");
    }
}
