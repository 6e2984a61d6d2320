//! A dry run: the approved text tried on an empty copy of the database's schema, and in words what came of it.
//!
//! A copy has no rows. It shows that names, types and syntax are right, and whether the way back leads back; it shows nothing of what depends
//! on rows, on rights, or on other sessions. Whatever was not tried is said with its reason: silence would read as "it works".

mod obstacle;

pub use obstacle::Obstacle;

use super::{STEP, Script};
use crate::people::visible;
use crate::procedure::text::plural;
use crate::procedure::{Finding, FindingLevel, library, quote};
use serde::{Deserialize, Serialize};

/// A trial takes no longer, so that the rest of a preview has its time too, seconds.
pub const WITHIN_S: u64 = 150;
/// A description of a schema larger than this is not copied, MiB: a worker keeps it in memory.
pub const MOST_SCHEMA_MIB: u64 = 32;
/// Statements that fail are told up to so many; the first ones tell the most.
pub const MOST_FAILURES: usize = 10;
/// Objects that differ after the way back are told up to so many.
pub const MOST_DIFFERENCES: usize = 20;
/// Characters of a statement that name it.
const MOST_SHOWN: usize = 120;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "trial")]
pub enum Trial {
    /// There was none.
    NotTried {
        /// Why.
        obstacle: Obstacle,
        /// A copy that was begun and could not be dropped.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left_over: Option<LeftOver>,
    },
    /// There was one.
    Tried(Box<Tried>),
}

/// A copy that is still there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOver {
    /// The database's name.
    pub database: String,
    /// What the server said when it was to be dropped.
    pub said: String,
}

/// Which of the two texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Text {
    /// The change.
    Forth,
    /// What takes it back.
    Back,
}

impl Text {
    /// `Statement 2`, or `Statement 2 of the way back`.
    #[must_use]
    pub fn names(self, number: usize) -> String {
        match self {
            Self::Forth => format!("Statement {number}"),
            Self::Back => format!("Statement {number} of the way back"),
        }
    }
}

/// A statement that failed on the copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Where it stands.
    pub text: Text,
    /// Its number there, from 1.
    pub number: usize,
    /// Its first words.
    pub begins: String,
    /// Five characters; empty where the server did not say.
    pub sqlstate: String,
    /// What the server said.
    pub said: String,
    /// The line of the statement at which the server stopped, from 1, where it has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// A statement that was not run, or only read by the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotRun {
    /// Where it stands.
    pub text: Text,
    /// Its number there, from 1.
    pub number: usize,
    /// Why.
    pub why: String,
    /// The server read it and found its names and types in order; it changes no design, so what follows does not depend on it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read: bool,
}

/// How the way back was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackTried {
    /// The change has none.
    None,
    /// The change itself did not go through.
    NotReached,
    /// It went through.
    Through,
    /// It did not.
    Failed,
}

/// An object that is not after change and way back what it was before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// As `pg_dump` names it: `TABLE shop.orders`.
    pub object: String,
    /// What happened to it.
    pub kind: DifferenceKind,
    /// Lines that were there before and are not after, then those that are new; bounded, and empty where a body of code differs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// It was there before, and is not after.
    Gone,
    /// It was not there before.
    LeftBehind,
    /// It is another one.
    Changed,
}

/// Whether the way back leads back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "after")]
pub enum After {
    /// Nothing was compared: the way back was not tried, or not all of it.
    NotCompared,
    /// It could not be compared.
    Unknown {
        /// Why.
        said: String,
    },
    /// The schema is as it was.
    Same,
    /// It is not.
    Differs {
        /// The first objects.
        objects: Vec<Difference>,
        /// How many more.
        more: u64,
    },
}

/// A trial that took place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// Statements of the change.
    pub statements: usize,
    /// Those that failed, in their order.
    pub failures: Vec<Failure>,
    /// Those that were not run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_run: Vec<NotRun>,
    /// The way back.
    pub back: BackTried,
    /// Whether it leads back.
    pub after: After,
    /// What the copy was made without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// The copy, where it could not be dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_over: Option<LeftOver>,
    /// How long it took, ms.
    pub took_ms: u64,
}

/// What no empty copy can show.
pub const NOT_SHOWN: &str = "An empty copy shows nothing that depends on rows (NOT NULL, unique keys, foreign keys, checks and conversions of what is stored), on who owns what and may do what, or on other sessions: neither waits for locks nor how long anything takes were tried.";

impl Tried {
    /// Whether a failure may be one of the copy alone: it may follow from what was not run before it, or from what the copy lacks.
    #[must_use]
    pub fn may_be_of_the_copy(&self, failure: &Failure) -> bool {
        // Names that are missing, and rights: both are not those of the database.
        let lacks = matches!(failure.sqlstate.as_str(), "42P01" | "42703" | "42704" | "42883" | "3F000");
        let rights = failure.sqlstate == "42501";
        let skipped = self.not_run.iter().any(|other| !other.read && (other.text, other.number) < (failure.text, failure.number));
        let followed = self.failures.first().is_some_and(|first| first != failure);
        rights || (lacks && (skipped || followed || !self.left_out.is_empty()))
    }

    /// Whether everything was tried and went through, and the way back leads back where there is one.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let back = match self.back {
            BackTried::None => true,
            BackTried::Through => self.after == After::Same,
            BackTried::NotReached | BackTried::Failed => false,
        };
        back && self.failures.is_empty() && self.not_run.iter().all(|other| other.read)
    }

    /// In one sentence what came of it.
    #[must_use]
    pub fn sentence(&self) -> String {
        let of = |text: Text| self.failures.iter().filter(|failure| failure.text == text).count();
        let (failed, skipped) = (of(Text::Forth), self.not_run.iter().filter(|other| other.text == Text::Forth).count());
        let ran = plural(self.statements.saturating_sub(skipped).try_into().unwrap_or(u64::MAX), "statement", "statements");
        let but = if skipped == 0 { String::new() } else { format!(", {skipped} of {} not run", self.statements) };
        let forth = match failed {
            0 => format!("{ran} went through{but}"),
            1 => format!("a statement failed{but}"),
            many => format!("{many} statements failed{but}"),
        };
        let back = match (self.back, &self.after) {
            (BackTried::None, _) => "; there is no way back to try",
            (BackTried::NotReached, _) => "; the way back was not tried",
            (BackTried::Failed, _) => "; the way back failed",
            (BackTried::Through, After::Same) => "; so did the way back, after which the schema is as it was",
            (BackTried::Through, After::Differs { .. }) => "; so did the way back, after which the schema is not as it was",
            (BackTried::Through, After::NotCompared | After::Unknown { .. }) => "; so did what was tried of the way back",
        };
        format!("{}{back}.", capitalized(&forth))
    }
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

impl Trial {
    /// Nothing was tried, for this reason.
    #[must_use]
    pub fn not_tried(obstacle: Obstacle) -> Self {
        Self::NotTried { obstacle, left_over: None }
    }

    /// In one sentence what came of it.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::NotTried { obstacle, .. } => obstacle.sentence(),
            Self::Tried(tried) => tried.sentence(),
        }
    }

    /// A copy that is still there.
    #[must_use]
    pub fn left_over(&self) -> Option<&LeftOver> {
        match self {
            Self::NotTried { left_over, .. } => left_over.as_ref(),
            Self::Tried(tried) => tried.left_over.as_ref(),
        }
    }

    /// What whoever proposes and whoever approves has to know, the most pressing first.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = match self {
            Self::NotTried { obstacle, .. } => {
                let level = if *obstacle == Obstacle::Off { FindingLevel::Note } else { FindingLevel::Attention };
                vec![Finding::new(STEP, "copy_not_tried", level, obstacle.sentence(), obstacle.advice())]
            }
            Self::Tried(tried) => {
                let mut findings: Vec<Finding> = tried.failures.iter().map(|failure| failed(tried, failure)).collect();
                findings.extend(tried.not_run.iter().map(not_run));
                findings.extend(not_back(tried));
                findings
            }
        };
        if let Some(LeftOver { database, said }) = self.left_over() {
            let drop = quote::identifier(database).map(|name| format!("DROP DATABASE {name};")).unwrap_or_default();
            let sentence = format!("The copy {} could not be dropped: {}.", visible(database), visible(said));
            let advice = format!("The next trial drops it, or run there: {drop}");
            findings.push(Finding::new(STEP, "copy_left_over", FindingLevel::Attention, sentence, advice));
        }
        findings
    }
}

fn failed(tried: &Tried, failure: &Failure) -> Finding {
    let line = failure.line.map(|line| format!(", at its line {line}")).unwrap_or_default();
    let state = if failure.sqlstate.is_empty() { String::new() } else { format!(" ({})", visible(&failure.sqlstate)) };
    let sentence = format!("{} fails on an empty copy{line}: {}{state}.", failure.text.names(failure.number), visible(&failure.said));
    let (level, advice) = if tried.may_be_of_the_copy(failure) {
        let mut why = vec!["It may be so on the copy alone: owners and rights are not copied"];
        if tried.failures.first().is_some_and(|first| first != failure) {
            why.push("another statement failed before it");
        }
        if tried.not_run.iter().any(|other| !other.read) {
            why.push("some statements were not run");
        }
        let lacks =
            if tried.left_out.is_empty() { String::new() } else { format!(", and it lacks {}", visible(&tried.left_out.join(", "))) };
        (FindingLevel::Attention, format!("{}{lacks}. Look at it all the same.", why.join(", ")))
    } else {
        (FindingLevel::Urgent, "The run would stop there. Mend the statement, then look again.".to_owned())
    };
    let kind = if failure.text == Text::Forth { "copy_failed" } else { "copy_back_failed" };
    Finding::new(STEP, kind, level, sentence, advice).called(visible(&failure.begins))
}

fn not_run(other: &NotRun) -> Finding {
    let name = other.text.names(other.number);
    if other.read {
        let sentence = format!("{name} was read by the server on the copy, not run: {}.", visible(&other.why));
        return Finding::new(
            STEP,
            "copy_read",
            FindingLevel::Note,
            sentence,
            "Its names and types are right; what it does to rows was not tried.",
        );
    }
    let sentence = format!("{name} was not tried on the copy: {}.", visible(&other.why));
    Finding::new(
        STEP,
        "copy_not_run",
        FindingLevel::Attention,
        sentence,
        "Read it with care: nothing but the run itself will show whether it works.",
    )
}

fn not_back(tried: &Tried) -> Option<Finding> {
    let advice = "Mend the way back, or say in the reason what stays. Then look again.";
    match &tried.after {
        After::NotCompared | After::Same => None,
        After::Unknown { said } => Some(Finding::new(
            STEP,
            "copy_not_compared",
            FindingLevel::Attention,
            format!("Whether the way back leads back is not known: {}.", visible(said)),
            "Look again, or compare it by hand.",
        )),
        After::Differs { objects, more } => {
            let names: Vec<String> = objects.iter().take(5).map(|object| visible(&object.object)).collect();
            let others = more + u64::try_from(objects.len().saturating_sub(names.len())).unwrap_or(u64::MAX);
            let and = if others == 0 { String::new() } else { format!(" and {others} more") };
            let sentence = format!("After the change and its way back the schema of the copy is not as it was: {}{and}.", names.join(", "));
            Some(Finding::new(STEP, "copy_back_differs", FindingLevel::Attention, sentence, advice))
        }
    }
}

/// Whether these parts are of a change of design: settings and accounts belong to the whole server, and old rows are looked at where they are.
#[must_use]
pub fn is_of_design(procedure: &str, scripts: &[Script]) -> bool {
    !scripts.is_empty()
        && !library::is_of_server(procedure)
        && scripts.iter().all(|script| script.setting.is_none() && script.old_rows.is_none())
}

/// The first words of a statement, on one line.
#[must_use]
pub fn begins(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut shown: String = line.chars().take(MOST_SHOWN).collect();
    if line.chars().nth(MOST_SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried() -> Tried {
        Tried {
            statements: 3,
            failures: Vec::new(),
            not_run: Vec::new(),
            back: BackTried::Through,
            after: After::Same,
            left_out: Vec::new(),
            left_over: None,
            took_ms: 1,
        }
    }

    fn failure(number: usize, sqlstate: &str) -> Failure {
        let (begins, said) = ("ALTER TABLE shop.gone".to_owned(), "relation \"gone\" does not exist".to_owned());
        Failure { text: Text::Forth, number, begins, sqlstate: sqlstate.to_owned(), said, line: Some(2) }
    }

    fn not_run(number: usize, read: bool) -> NotRun {
        NotRun { text: Text::Forth, number, why: "it runs code".to_owned(), read }
    }

    fn levels(tried: Tried) -> Vec<(String, FindingLevel)> {
        Trial::Tried(Box::new(tried)).findings().into_iter().map(|finding| (finding.kind, finding.level)).collect()
    }

    #[test]
    fn what_went_through_is_said_in_one_sentence_and_is_no_finding() {
        assert_eq!(tried().sentence(), "3 statements went through; so did the way back, after which the schema is as it was.");
        assert!(tried().is_whole() && levels(tried()).is_empty());
        let none = Tried { back: BackTried::None, after: After::NotCompared, ..tried() };
        assert_eq!(none.sentence(), "3 statements went through; there is no way back to try.");
    }

    #[test]
    fn a_failure_is_urgent_unless_it_may_be_one_of_the_copy_alone() {
        let urgent = |tried: Tried| levels(tried)[0].1 == FindingLevel::Urgent;
        let failed = |failures: Vec<Failure>| Tried { failures, back: BackTried::NotReached, after: After::NotCompared, ..tried() };
        assert!(urgent(failed(vec![failure(2, "42P01")])), "nothing else can have made it fail");
        assert!(!urgent(Tried { not_run: vec![not_run(1, false)], ..failed(vec![failure(2, "42P01")]) }), "the first may have made it");
        assert!(urgent(Tried { not_run: vec![not_run(3, false)], ..failed(vec![failure(2, "42P01")]) }), "what comes later made nothing");
        assert!(urgent(Tried { not_run: vec![not_run(1, true)], ..failed(vec![failure(2, "42P01")]) }), "rows make no tables");
        assert!(urgent(Tried { left_out: vec!["the extension x".into()], ..failed(vec![failure(2, "42701")]) }), "one column twice");
        assert!(
            !urgent(Tried { left_out: vec!["the extension x".into()], ..failed(vec![failure(2, "42883")]) }),
            "its functions are missing"
        );
        assert!(!urgent(failed(vec![failure(1, "42501")])), "rights are not copied");
        let two = levels(failed(vec![failure(1, "42P01"), failure(2, "42P01")]));
        assert_eq!(two.iter().map(|(_, level)| *level).collect::<Vec<_>>(), [FindingLevel::Urgent, FindingLevel::Attention]);
        let said = Trial::Tried(Box::new(failed(vec![failure(2, "42P01")]))).findings()[0].sentence.clone();
        assert_eq!(said, "Statement 2 fails on an empty copy, at its line 2: relation \"gone\" does not exist (42P01).");
    }

    #[test]
    fn what_was_not_tried_is_never_silent() {
        assert_eq!(levels(Tried { not_run: vec![not_run(1, false)], ..tried() }), [("copy_not_run".to_owned(), FindingLevel::Attention)]);
        assert_eq!(levels(Tried { not_run: vec![not_run(1, true)], ..tried() }), [("copy_read".to_owned(), FindingLevel::Note)]);
        let unknown = Tried { after: After::Unknown { said: "it broke".into() }, ..tried() };
        assert_eq!(levels(unknown), [("copy_not_compared".to_owned(), FindingLevel::Attention)]);
        let role = "o\"b".to_owned();
        let off = Trial::not_tried(Obstacle::Off).findings();
        assert_eq!((off[0].level, off[0].sentence.as_str()), (FindingLevel::Note, "Not tried on a copy: this database does not allow it."));
        assert!(Obstacle::NoCreatedb { role }.advice().contains(r#"ALTER ROLE "o""b" CREATEDB;"#));
        let wrong = Obstacle::NoProgram { server: 17, found: vec![14, 15] };
        assert_eq!(wrong.sentence(), "Not tried on a copy: the worker's machine has pg_dump 14 and 15, which does not fit PostgreSQL 17.");
        assert!(wrong.advice().contains("postgresql-client-17"));
    }

    #[test]
    fn a_copy_that_is_left_over_is_told_with_the_statement_that_drops_it() {
        let left_over = Some(LeftOver { database: "drydock_dry_1".into(), said: "it is in use".into() });
        let found = Trial::NotTried { obstacle: Obstacle::TooSlow, left_over }.findings();
        assert!(found[1].advice.ends_with("DROP DATABASE \"drydock_dry_1\";"), "{found:?}");
    }

    #[test]
    fn only_changes_of_design_are_tried() {
        assert!(!is_of_design("design_change_postgresql", &[]));
        assert_eq!(begins("ALTER\n  TABLE  x"), "ALTER TABLE x");
        assert_eq!(begins(&"x".repeat(500)).chars().count(), MOST_SHOWN + 1);
    }
}
