//! What is typed to freeze, or to move a freeze's end.

use super::MOST_DAYS;
use super::span::{self, Edge, Unfit};
use crate::decision::{FieldError, FormCheck};
use crate::ids::TeamId;
use crate::people;
use crate::target::Environment;
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};
use serde::{Deserialize, Serialize};

/// The form of a new freeze.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FreezeForm {
    /// As people call it, 1 to 120 characters.
    pub name: String,
    /// Why, 1 to 2,000 characters.
    pub reason: String,
    /// `everything`, `environment:production`, `tag:payments`, `team:<id>` or `database`.
    pub covers: String,
    /// Short name, where it is a database.
    pub database: String,
    /// `YYYY-MM-DD`; blank with a blank time for “at once”.
    pub from_date: String,
    /// `HH:MM`; blank for the beginning of the day.
    pub from_time: String,
    /// `YYYY-MM-DD`.
    pub to_date: String,
    /// `HH:MM`; blank for the end of the day.
    pub to_time: String,
    /// IANA zone of these times.
    pub zone: String,
}

/// What a new freeze is to cover, before its names are looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Covers {
    /// Every database.
    Everything,
    /// An environment.
    Environment(Environment),
    /// What bears a tag.
    Tag(String),
    /// A team's databases.
    Team(TeamId),
    /// One database, by its short name.
    Database(String),
}

/// The form understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// As people call it.
    pub name: String,
    /// Why.
    pub reason: String,
    /// What it is to cover.
    pub covers: Covers,
    /// From then on.
    pub start: Timestamp,
    /// Until then.
    pub end: Timestamp,
}

impl FreezeForm {
    /// Reads every field, all errors at once. `zone` is the typed one, or what is wrong with it.
    pub fn parse(&self, zone: Result<&TimeZone, FieldError>, now: Timestamp) -> Result<Wanted, Vec<FieldError>> {
        let mut form = FormCheck::default();
        let name = form.take(people::label("name", &self.name, 120));
        let covers = form.take(Covers::read(&self.covers, &self.database));
        let known = form.take(zone);
        // Without a zone the rest is still read, so that everything wrong is named at once.
        let utc = TimeZone::UTC;
        let zone = known.unwrap_or(&utc);
        let start = if self.from_date.trim().is_empty() && self.from_time.trim().is_empty() {
            Some(now)
        } else {
            form.take(moment("from_date", "from_time", &self.from_date, &self.from_time, Edge::First, zone))
        };
        let end = form.take(moment("to_date", "to_time", &self.to_date, &self.to_time, Edge::Last, zone));
        let reason = form.take(people::text("reason", &self.reason, 1, 2000));
        if let Some((start, end)) = start.zip(end).filter(|_| known.is_some()) {
            if start < now {
                form.refuse(
                    "from_date",
                    format!(
                        "This lies in the past: it is {} now. Leave date and time blank to freeze at once.",
                        now.strftime("%Y-%m-%d %H:%M UTC")
                    ),
                );
            }
            form.refuse_all(order("to_date", start, end, now).err());
        }
        let wanted = (|| Some(Wanted { name: name?, reason: reason?, covers: covers?, start: start?, end: end? }))();
        form.finish(wanted)
    }
}

impl Covers {
    /// Reads what was chosen, and the short name typed beside it.
    pub fn read(covers: &str, database: &str) -> Result<Self, FieldError> {
        let refuse = || FieldError::new("covers", "Choose what it covers.");
        match covers.trim().split_once(':') {
            None if covers.trim() == "everything" => Ok(Self::Everything),
            None if covers.trim() == "database" => people::short_name("database", database)
                .map(Self::Database)
                .map_err(|_| FieldError::new("database", "Type the database's short name, such as prod-orders.")),
            Some(("environment", word)) => Environment::from_word(word).map(Self::Environment).ok_or_else(refuse),
            Some(("tag", word)) => match crate::approval::form::tags("covers", word) {
                Ok(tags) if tags.len() == 1 => tags.into_iter().next().map(Self::Tag).ok_or_else(refuse),
                _ => Err(refuse()),
            },
            Some(("team", id)) => id.parse().map(Self::Team).map_err(|_| refuse()),
            _ => Err(refuse()),
        }
    }
}

/// The form that moves a freeze's end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EndForm {
    /// `YYYY-MM-DD`, in the freeze's zone.
    pub to_date: String,
    /// `HH:MM`; blank for the end of the day.
    pub to_time: String,
    /// Why, 1 to 2,000 characters.
    pub reason: String,
    /// The revision the page showed.
    pub revision: i32,
}

impl EndForm {
    /// The new end and the reason.
    pub fn parse(&self, start: Timestamp, zone: &TimeZone, now: Timestamp) -> Result<(Timestamp, String), Vec<FieldError>> {
        let mut form = FormCheck::default();
        let end = form.take(
            moment("to_date", "to_time", &self.to_date, &self.to_time, Edge::Last, zone)
                .and_then(|end| order("to_date", start, end, now).map(|()| end)),
        );
        let reason = form.take(people::text("reason", &self.reason, 1, 2000));
        form.finish(end.zip(reason))
    }
}

fn moment(date_field: &str, time_field: &str, date: &str, time: &str, edge: Edge, zone: &TimeZone) -> Result<Timestamp, FieldError> {
    let date: civil::Date =
        date.trim().parse().map_err(|_| FieldError::new(date_field, "Give a date as YYYY-MM-DD, such as 2026-12-20."))?;
    let far = || FieldError::new(date_field, "This date is too far away.");
    let local = match (time.trim(), edge) {
        ("", Edge::First) => date.to_datetime(civil::Time::midnight()),
        ("", Edge::Last) => date.tomorrow().map_err(|_| far())?.to_datetime(civil::Time::midnight()),
        (typed, _) => {
            let time = typed.parse::<civil::Time>().map_err(|_| FieldError::new(time_field, "Give a time as HH:MM, such as 18:00."))?;
            date.to_datetime(time)
        }
    };
    edge.instant(local, zone).ok_or_else(far)
}

fn order(field: &str, start: Timestamp, end: Timestamp, now: Timestamp) -> Result<(), FieldError> {
    let said = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M UTC").to_string();
    match span::fit(start, end) {
        Err(Unfit::Empty | Unfit::Backwards) => Err(FieldError::new(field, format!("It has to end after its start, {}.", said(start)))),
        _ if end <= now => {
            Err(FieldError::new(field, format!("This end has passed: it is {} now. To end it at once, lift it.", said(now))))
        }
        Err(Unfit::Long) => Err(FieldError::new(field, format!("A freeze lasts {MOST_DAYS} days at most. Choose an earlier end."))),
        Ok(()) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a valid rule")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    fn good() -> FreezeForm {
        FreezeForm {
            name: "Year end".into(),
            reason: "the books are closed".into(),
            covers: "everything".into(),
            from_date: "2026-12-20".into(),
            to_date: "2027-01-03".into(),
            zone: "Europe/Berlin".into(),
            ..FreezeForm::default()
        }
    }

    fn now() -> Timestamp {
        at("2026-11-26T12:00:00Z")
    }

    fn fields(form: &FreezeForm) -> Vec<String> {
        form.parse(Ok(&berlin()), now()).err().unwrap_or_default().into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn days_without_times_are_whole_days() {
        let wanted = good().parse(Ok(&berlin()), now()).expect("good");
        assert_eq!((wanted.start, wanted.end), (at("2026-12-19T23:00:00Z"), at("2027-01-03T23:00:00Z")));
        let today = FreezeForm { from_date: String::new(), ..good() };
        assert_eq!(today.parse(Ok(&berlin()), now()).expect("at once").start, now());
    }

    #[test]
    fn where_the_clocks_change_it_reaches_too_far_rather_than_not_far_enough() {
        let night = |date: &str| FreezeForm {
            from_date: date.into(),
            from_time: "02:30".into(),
            to_date: date.into(),
            to_time: "02:30".into(),
            ..good()
        };
        let fold = night("2027-10-31").parse(Ok(&berlin()), now()).expect("twice: from the first to the second");
        assert_eq!((fold.start, fold.end), (at("2027-10-31T00:30:00Z"), at("2027-10-31T01:30:00Z")));
        let gap = night("2027-03-28").parse(Ok(&berlin()), now()).expect("never: around it");
        assert!(gap.start <= at("2027-03-28T01:00:00Z") && gap.end >= at("2027-03-28T01:00:00Z"), "{gap:?}");
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        assert_eq!(
            fields(&FreezeForm { from_time: "noon".into(), ..FreezeForm::default() }),
            ["name", "covers", "from_date", "to_date", "reason"]
        );
        let zone = FreezeForm::default().parse(Err(FieldError::new("zone", "no")), now()).expect_err("nothing typed");
        assert!(zone.iter().any(|error| error.field == "zone") && zone.len() == 5, "{zone:?}");
        assert_eq!(fields(&FreezeForm { covers: "database".into(), ..good() }), ["database"]);
        for covers in ["environment:moon", "team:x", "tag:", "tag:a b", "tag:<b>", "all", ""] {
            assert_eq!(fields(&FreezeForm { covers: covers.into(), ..good() }), ["covers"], "{covers}");
        }
    }

    #[test]
    fn a_tag_is_one_word() {
        assert_eq!(Covers::read("tag:Payments", ""), Ok(Covers::Tag("payments".into())));
    }

    #[test]
    fn it_lies_ahead_in_order_and_is_bounded() {
        assert_eq!(fields(&FreezeForm { from_date: "2026-11-25".into(), ..good() }), ["from_date"]);
        assert_eq!(fields(&FreezeForm { to_date: "2026-12-19".into(), ..good() }), ["to_date"]);
        assert_eq!(fields(&FreezeForm { to_date: "2028-12-20".into(), ..good() }), ["to_date"]);
        assert_eq!(fields(&FreezeForm { to_date: "9999-12-31".into(), ..good() }), ["to_date"]);
        let end = |date: &str| {
            let form = EndForm { to_date: date.into(), reason: "the audit takes longer".into(), ..EndForm::default() };
            form.parse(at("2026-11-20T00:00:00Z"), &berlin(), now()).map_err(|errors| errors[0].field.clone()).map(|(end, _)| end)
        };
        assert_eq!(end("2026-12-01"), Ok(at("2026-12-01T23:00:00Z")));
        assert_eq!(end("2026-11-25"), Err("to_date".to_owned()), "the past is no end: that is what lifting is for");
    }
}
