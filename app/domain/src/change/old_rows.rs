//! Old rows: one rule a line, such as `shop.log by logged_at older than 90 days, delete`. What is too old is deleted, or moved to another
//! table, in batches that each are a transaction of their own; the text of one batch stands in the plan.

use super::{Change, Length, Lock, MOST_NAME_BYTES, Reading, Statement, WayBack};
use crate::decision::{FieldError, FormCheck};
use crate::procedure::text::{count, plural};
use crate::procedure::{ObjectName, object, quote};
use serde::{Deserialize, Serialize};

/// More rules than somebody reads before agreeing.
pub const MOST_RULES: usize = 20;
/// Rows of one batch (PROCEDURES PG-20): some tens of milliseconds of row locks.
pub const BATCH_ROWS: u64 = 5_000;
/// Old rows are counted up to here; more are "more than".
pub const MOST_COUNTED_ROWS: u64 = 100_000;
/// Without an index that begins with the column, each batch reads the table from its start: up to this size that is quick.
pub const WITHOUT_INDEX_MOST_BYTES: u64 = 64 * 1024 * 1024;
/// The oldest age in each unit: a hundred years.
const MOST_AGE: [(&str, u32); 4] = [("day", 36_500), ("week", 5_200), ("month", 1_200), ("year", 100)];
const HOW: &str = "write TABLE by COLUMN older than 90 days, delete; or the same with: move to TABLE";

/// Which rows of which table go, and where to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldRows {
    /// The table they leave.
    pub table: ObjectName,
    /// The column that says how old a row is, as the catalog spells it: a date or a time.
    pub column: String,
    /// How old a row stays, as PostgreSQL's `interval` has it, such as `90 days`.
    pub kept_for: String,
    /// The table they are moved to, with the same columns in the same order; `None` deletes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<ObjectName>,
}

impl OldRows {
    /// What tells an old row, in SQL.
    fn is_old(&self) -> String {
        let column = quote::identifier(&self.column).unwrap_or_default();
        let kept_for = quote::literal(&self.kept_for).unwrap_or_default();
        // -infinity says that nobody knows, not that it is old.
        format!("{column} < pg_catalog.now() - {kept_for}::pg_catalog.interval AND pg_catalog.isfinite({column})")
    }
    /// One batch. Gives how many rows were chosen, how many went, and how many arrived: as many as went, or the batch is taken back.
    #[must_use]
    pub fn batch(&self) -> String {
        let (table, old) = (self.table.quoted(), self.is_old());
        let column = quote::identifier(&self.column).unwrap_or_default();
        let which = format!(
            "WITH old AS MATERIALIZED (\n  SELECT ctid FROM ONLY {table} WHERE {old}\n  ORDER BY {column} LIMIT {BATCH_ROWS} FOR UPDATE SKIP LOCKED\n), gone AS (\n  DELETE FROM ONLY {table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM old)) RETURNING *\n)"
        );
        match &self.to {
            None => format!("{which}\nSELECT (SELECT count(*) FROM old), count(*), count(*) FROM gone"),
            Some(to) => format!(
                "{which}, arrived AS (\n  INSERT INTO {} OVERRIDING SYSTEM VALUE SELECT * FROM gone RETURNING 1\n)\nSELECT (SELECT count(*) FROM old), (SELECT count(*) FROM gone), (SELECT count(*) FROM arrived)",
                to.quoted()
            ),
        }
    }
    /// Keeps both tables as they are while a batch runs, without keeping anybody's work on rows waiting.
    #[must_use]
    pub fn lock(&self) -> String {
        let tables: Vec<String> = std::iter::once(&self.table).chain(&self.to).map(ObjectName::quoted).collect();
        format!("LOCK TABLE ONLY {} IN ROW EXCLUSIVE MODE", tables.join(", ONLY "))
    }
    /// Counts the old rows, up to one more than [`MOST_COUNTED_ROWS`].
    #[must_use]
    pub fn counts(&self) -> String {
        let limit = MOST_COUNTED_ROWS + 1;
        format!("SELECT count(*) FROM (SELECT 1 FROM ONLY {} WHERE {} LIMIT {limit}) old", self.table.quoted(), self.is_old())
    }
    /// The rule in words.
    #[must_use]
    pub fn sentence(&self) -> String {
        let column = quote::for_people(&self.column);
        let to = self.to.as_ref().map_or_else(|| "are deleted".to_owned(), |to| format!("are moved to {to}"));
        format!("Rows of {} whose {column} is older than {} {to}.", self.table, self.kept_for)
    }
}

/// Old rows as they were counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldRowsState {
    /// How many are there, up to one more than [`MOST_COUNTED_ROWS`]; `None` where they could not, or should not, be counted.
    pub left_rows: Option<u64>,
}

impl OldRowsState {
    /// The count in words.
    #[must_use]
    pub fn words(self) -> String {
        match self.left_rows {
            None => "an unknown number of rows".to_owned(),
            Some(rows) if rows > MOST_COUNTED_ROWS => format!("more than {} rows", count(MOST_COUNTED_ROWS)),
            Some(rows) => plural(rows, "row", "rows"),
        }
    }
}

/// Reads the lines of a form.
///
/// # Errors
/// One [`FieldError`] for each line that cannot be taken, named by its number.
pub fn read(typed: &str) -> Result<Change, Vec<FieldError>> {
    let mut form = FormCheck::default();
    let mut rules: Vec<OldRows> = Vec::new();
    for (line, number) in typed.lines().zip(1..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match rule(line) {
            Ok(rule) if rules.iter().any(|other| other.table == rule.table) => {
                form.refuse("old_rows", format!("Line {number}: {} stands here twice. Leave one of them.", rule.table));
            }
            Ok(rule) => rules.push(rule),
            Err(why) => form.refuse("old_rows", format!("Line {number}: {why}.")),
        }
    }
    if rules.len() > MOST_RULES {
        form.refuse("old_rows", format!("These are {} rules; at most {MOST_RULES} are carried out at once.", rules.len()));
    }
    if rules.is_empty() && form.is_clean() {
        form.refuse("old_rows", format!("Write at least one line: {HOW}."));
    }
    let reason = match rules.iter().filter(|rule| rule.to.is_some()).count() {
        0 => "rows that were deleted come back from a backup only.",
        moved if moved == rules.len() => "rows that were moved stand in the other table, from where they are copied back by hand.",
        _ => "rows that were moved stand in the other table; those that were deleted come back from a backup only.",
    };
    let back = WayBack::None { reason: reason.to_owned() };
    form.finish(Some(Change { statements: rules.into_iter().map(statement).collect(), role: None, keep_out: None, back }))
}

/// One line.
fn rule(line: &str) -> Result<OldRows, String> {
    let words = words(line);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let is = |word: &str, known: &str| word.eq_ignore_ascii_case(known);
    let ([table, by, column, older, than, number, unit, rest @ ..], true) = (words.as_slice(), words.len() > 7) else {
        return Err(HOW.to_owned());
    };
    if !(is(by, "by") && is(older, "older") && is(than, "than")) {
        return Err(HOW.to_owned());
    }
    let to = match rest {
        [delete] if is(delete, "delete") => None,
        [mov, to, name] if is(mov, "move") && is(to, "to") => Some(table_name(name)?),
        _ => return Err("it ends with “delete”, or with “move to TABLE”".to_owned()),
    };
    let rule = OldRows { table: table_name(table)?, column: column_name(column)?, kept_for: age(number, unit)?, to };
    if rule.to.as_ref() == Some(&rule.table) {
        return Err("rows cannot be moved to the table they are in".to_owned());
    }
    Ok(rule)
}

/// Words between spaces and commas; what stands between double quotes is not taken apart.
fn words(line: &str) -> Vec<String> {
    let (mut found, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        if c == '"' {
            quoted = !quoted;
        }
        if !quoted && (c.is_whitespace() || c == ',') {
            found.push(std::mem::take(&mut word));
        } else {
            word.push(c);
        }
    }
    found.push(word);
    found.retain(|word| !word.is_empty());
    found
}

fn table_name(typed: &str) -> Result<ObjectName, String> {
    let name = typed.parse::<ObjectName>();
    let name =
        name.map_err(|_| format!("{typed} is no table: write it with its schema; a part with capitals or spaces in double quotes"))?;
    if name.schema() == "information_schema" || name.schema().starts_with("pg_") {
        return Err(format!("{name} is the server's own"));
    }
    fits(name.schema())?;
    fits(name.name())?;
    Ok(name)
}

/// PostgreSQL would cut a longer name, and might find another table by it.
fn fits(name: &str) -> Result<(), String> {
    if name.len() > MOST_NAME_BYTES { Err(format!("a name has at most {MOST_NAME_BYTES} bytes")) } else { Ok(()) }
}

fn column_name(typed: &str) -> Result<String, String> {
    match object::part(typed) {
        Some((Some(name), "")) => fits(&name).map(|()| name),
        _ => Err(format!("{typed} is no column: one with capitals or spaces stands in double quotes")),
    }
}

fn age(number: &str, unit: &str) -> Result<String, String> {
    let unit = unit.to_lowercase();
    let unit = unit.strip_suffix('s').unwrap_or(&unit);
    let Some((_, most)) = MOST_AGE.iter().find(|(known, _)| *known == unit) else {
        return Err("an age is counted in days, weeks, months or years".to_owned());
    };
    match number.parse::<u32>() {
        Ok(number) if number >= 1 && number <= *most => Ok(format!("{number} {unit}{}", if number == 1 { "" } else { "s" })),
        _ => Err(format!("an age in {unit}s is a whole number of 1 to {}", count((*most).into()))),
    }
}

fn statement(rule: OldRows) -> Statement {
    let mut reading = Reading::harmless("DELETE");
    reading.takes(Lock::RowExclusive, Length::Moment);
    reading.alone = true;
    reading.on = vec![rule.table.to_string()];
    reading.destroys = Some(match &rule.to {
        None => format!("every row of {} older than {}", rule.table, rule.kept_for),
        Some(to) => format!("every row of {} older than {}, which then stands in {to} alone", rule.table, rule.kept_for),
    });
    reading.remark(
        format!(
            "Sent again and again until no such row is left, at most {} rows at a time, each time a transaction of its own.",
            count(BATCH_ROWS)
        ),
        "Between two batches it waits while a standby is behind or the server is busy, and ends when it is stopped.",
    );
    reading.remark("A date, or a time without its zone, is taken to be of the time zone that the role's sessions have on the server.", "");
    if rule.to.is_some() {
        reading.remark("A batch of which not every row arrives in the other table is taken back.", "");
    }
    let text = rule.batch();
    reading.old_rows = Some(rule);
    Statement { text, reading }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::procedure::{RiskClass, StepClass};
    use crate::run::{Finding, Outcome};
    use proptest::prelude::*;

    fn why(typed: &str) -> String {
        read(typed).expect_err("refused").into_iter().map(|error| error.message).collect::<Vec<_>>().join(" ")
    }
    fn one(typed: &str) -> OldRows {
        read(typed).expect("good").statements[0].reading.old_rows.clone().expect("a rule")
    }

    #[test]
    fn a_line_becomes_the_text_of_a_batch() {
        let change = read(
            "# logs\nshop.log by logged_at older than 90 days, delete\nshop.\"Old; events\" by \"At\" OLDER than 1 Year move to shop.gone",
        )
        .expect("good");
        let texts: Vec<_> = change.statements.iter().map(|statement| statement.text.as_str()).collect();
        assert!(
            texts[0].contains(r#"FROM ONLY "shop"."log" WHERE "logged_at" < pg_catalog.now() - '90 days'::pg_catalog.interval AND pg_catalog.isfinite("logged_at")"#),
            "{}",
            texts[0]
        );
        assert!(texts[1].contains(r#"DELETE FROM ONLY "shop"."Old; events""#) && texts[1].contains("'1 year'"), "{}", texts[1]);
        assert!(texts[1].contains(r#"INSERT INTO "shop"."gone" OVERRIDING SYSTEM VALUE SELECT * FROM gone"#), "{}", texts[1]);
        let scripts = change.scripts();
        assert_eq!((scripts.len(), scripts[0].class(), change.risk()), (2, StepClass::Resumable, RiskClass::R4));
        assert!(matches!(change.back, WayBack::None { .. }) && scripts[0].is_blocking());
        assert_eq!(
            one("a.b by c older than 2 weeks, move to a.d").sentence(),
            "Rows of a.b whose c is older than 2 weeks are moved to a.d."
        );
    }

    #[test]
    fn a_line_that_cannot_be_taken_is_named() {
        assert!(why("").contains("at least one") && why("a.b by c older than 1 day, delete\nlog").contains("Line 2"));
        assert!(why("log by at older than 1 day, delete").contains("with its schema"));
        assert!(
            why("a.b by c older than 0 days, delete").contains("1 to 36,500")
                && why("a.b by c older than 9 hours, delete").contains("days, weeks")
        );
        assert!(
            why("a.b by c older than 9 days").contains("write TABLE") && why("a.b by c older than 9 days, drop").contains("move to TABLE")
        );
        assert!(
            why("a.b by c older than 9 days, move to a.b").contains("they are in")
                && why("pg_catalog.pg_class by c older than 9 days, delete").contains("server's own")
        );
        assert!(why("a.b by c older than 9 days, delete\na.b by d older than 1 day, delete").contains("twice"));
    }

    #[test]
    fn what_is_left_is_said() {
        let left = |rows| OldRowsState { left_rows: Some(rows) };
        assert_eq!(left(0).verify(false, Some(12_000)).sentence, "12,000 rows deleted; no old one is left.");
        assert_eq!(left(3).verify(true, Some(0)).outcome, Outcome::NoEffect);
        assert!(left(3).verify(true, Some(1)).sentence.contains("Left: 3 rows"));
        assert_eq!(
            (left(5).finding(left(0)), left(5).finding(left(2)), left(0).finding(left(0))),
            (Finding::Done, Finding::NotDone, Finding::NotDone)
        );
        assert!(left(MOST_COUNTED_ROWS + 1).words().contains("more than 100,000"));
        assert!(left(0).verify(false, None).sentence.starts_with("How many rows went was not heard"));
        assert!(left(9).interrupted(left(4), true).expect("some went").contains("9 rows were old before it and 4 rows are left"));
        assert_eq!(left(9).interrupted(left(9), true), None);
        let many = left(MOST_COUNTED_ROWS + 1);
        assert!(many.interrupted(many, false).expect("it cannot be told").contains("cannot be told"));
    }

    proptest! {
        #[test]
        fn a_name_stays_one_name(name in "[ -~éß\n]{1,20}") {
            let typed = format!("shop.\"{}\" by at older than 9 days, delete", name.replace('"', "\"\""));
            if let Ok(change) = read(&typed) {
                let quoted = format!("ONLY \"shop\".{}", quote::identifier(&name).expect("no NUL"));
                prop_assert_eq!(change.statements[0].text.matches(&quoted).count(), 2);
            }
        }
        #[test]
        fn nothing_typed_makes_it_panic(typed in ".{0,120}") {
            let _ = read(&typed);
        }
    }
}
