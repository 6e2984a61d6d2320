//! A change of accounts: one a line, such as `lock app_old`. Each becomes a statement that first looks whether it is needed, and whose inverse
//! is therefore known: both stand in the plan. Passwords are not touched.

use super::{Change, Length, Lock, MOST_NAME_BYTES, Reading, Remark, Statement, WayBack};
use crate::decision::{FieldError, FormCheck};
use crate::procedure::quote;

/// More lines than somebody reads before agreeing.
pub const MOST_ACCOUNTS: usize = 50;
/// Ends the text of a statement that looks first, so no name may hold it.
const TAG: &str = "$drydock$";
const WORDS: &str = "lock NAME, unlock NAME, create NAME, create NAME in GROUP, add NAME to GROUP, remove NAME from GROUP, or drop NAME";

/// What one line says; names as the catalog spells them.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Deed {
    Lock(String),
    Unlock(String),
    Create(String, Option<String>),
    Add(String, String),
    Remove(String, String),
    Drop(String),
    /// Takes back a creation; nobody types it.
    Unmake(String),
}

/// Reads the lines of a form.
///
/// # Errors
/// One [`FieldError`] for each line that cannot be taken, named by its number.
pub fn read(typed: &str) -> Result<Change, Vec<FieldError>> {
    let mut form = FormCheck::default();
    let mut deeds: Vec<Deed> = Vec::new();
    for (line, number) in typed.lines().zip(1..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match deed(line) {
            Ok(deed) if deeds.contains(&deed) => {
                form.refuse("accounts", format!("Line {number}: this stands here twice. Leave one of them."));
            }
            Ok(deed) => deeds.push(deed),
            Err(why) => form.refuse("accounts", format!("Line {number}: {why}")),
        }
    }
    let drops = deeds.iter().filter(|deed| matches!(deed, Deed::Drop(_))).count();
    if drops > 0 && drops < deeds.len() {
        form.refuse("accounts", "Dropping cannot be taken back, and the other lines can: propose it in a window of its own.");
    }
    if deeds.len() > MOST_ACCOUNTS {
        form.refuse("accounts", format!("These are {} lines; at most {MOST_ACCOUNTS} are changed at once.", deeds.len()));
    }
    if deeds.is_empty() && form.is_clean() {
        form.refuse("accounts", format!("Write at least one line: {WORDS}."));
    }
    let back = if drops > 0 {
        WayBack::None {
            reason: "a role that was dropped comes back only by making it anew, with another password, and without the rights it had."
                .to_owned(),
        }
    } else {
        WayBack::Statements { statements: deeds.iter().rev().map(|deed| statement(&deed.inverse())).collect() }
    };
    form.finish(Some(Change { statements: deeds.iter().map(statement).collect(), role: None, keep_out: None, back }))
}

impl Deed {
    /// What takes it back, given that it looked whether it was needed.
    fn inverse(&self) -> Self {
        match self.clone() {
            Self::Lock(name) => Self::Unlock(name),
            Self::Unlock(name) => Self::Lock(name),
            Self::Create(name, _) => Self::Unmake(name),
            Self::Add(name, group) => Self::Remove(name, group),
            Self::Remove(name, group) => Self::Add(name, group),
            Self::Drop(name) | Self::Unmake(name) => Self::Create(name, None),
        }
    }
}

/// One line.
fn deed(line: &str) -> Result<Deed, String> {
    let words = words(line)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let verb = words.first().map(|word| word.to_lowercase()).unwrap_or_default();
    let joins = |word: &str, with: &str| word.eq_ignore_ascii_case(with);
    Ok(match (verb.as_str(), words.get(1..).unwrap_or_default()) {
        ("lock", [name]) => Deed::Lock(role(name)?),
        ("unlock", [name]) => Deed::Unlock(role(name)?),
        ("drop", [name]) => Deed::Drop(role(name)?),
        ("create", [name]) => Deed::Create(role(name)?, None),
        ("create", [name, word, group]) if joins(word, "in") => Deed::Create(role(name)?, Some(group_name(group)?)),
        ("add", [name, word, group]) if joins(word, "to") => Deed::Add(role(name)?, group_name(group)?),
        ("remove", [name, word, group]) if joins(word, "from") => Deed::Remove(role(name)?, group_name(group)?),
        _ => return Err(format!("write {WORDS}.")),
    })
}

/// Words between spaces; what stands between double quotes is one word, as SQL has it.
fn words(line: &str) -> Result<Vec<String>, String> {
    let (mut found, mut rest) = (Vec::new(), line.trim());
    while !rest.is_empty() {
        let word = if let Some(quoted) = rest.strip_prefix('"') {
            let mut end = None;
            let mut chars = quoted.char_indices().peekable();
            while let Some((at, c)) = chars.next() {
                if c == '"' {
                    if chars.peek().is_some_and(|(_, next)| *next == '"') {
                        chars.next();
                    } else {
                        end = Some(at);
                        break;
                    }
                }
            }
            let end = end.ok_or("a double quote is not closed.")?;
            rest = quoted.get(end + 1..).unwrap_or_default();
            quoted.get(..end).unwrap_or_default().replace("\"\"", "\"")
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            rest = after;
            word.to_owned()
        };
        found.push(word);
        rest = rest.trim_start();
    }
    Ok(found)
}

fn sound(name: &str) -> Result<(), String> {
    let bad = name.is_empty() || name.len() > MOST_NAME_BYTES || name.chars().any(char::is_control) || name.contains(TAG);
    if bad { Err(format!("a role's name has 1 to {MOST_NAME_BYTES} bytes; one with spaces stands between double quotes.")) } else { Ok(()) }
}

/// A role whose account is changed: none of the server's own.
fn role(name: &str) -> Result<String, String> {
    sound(name)?;
    if name == "postgres" || name.starts_with("pg_") || ["none", "public"].contains(&name) {
        return Err(format!("{name} is the server's own. Its account is not changed here."));
    }
    Ok(name.to_owned())
}

/// A role that others are members of.
fn group_name(name: &str) -> Result<String, String> {
    sound(name)?;
    // Whoever is in these runs programs, reads and writes files, or everything: by their word alone.
    let mighty = ["pg_execute_server_program", "pg_read_server_files", "pg_write_server_files", "pg_write_all_data"];
    if mighty.contains(&name) || name == "postgres" || ["none", "public"].contains(&name) {
        return Err(format!("membership in {name} is as good as the whole server, and is not given here."));
    }
    Ok(name.to_owned())
}

/// The statement, which fails where there is nothing to do: what takes it back would undo what somebody else did.
fn statement(deed: &Deed) -> Statement {
    let name = |name: &String| quote::identifier(name).unwrap_or_default();
    let literal = |name: &String| quote::literal(name).unwrap_or_default();
    let member = |who: &String, group: &String| {
        format!(
            "EXISTS (SELECT FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles g ON g.oid = m.roleid JOIN pg_catalog.pg_roles r ON r.oid = m.member WHERE g.rolname = {} AND r.rolname = {})",
            literal(group),
            literal(who)
        )
    };
    let is = |who: &String, what: &str| format!("EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {} AND {what})", literal(who));
    let idle = |who: &String| format!("NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity WHERE usename = {})", literal(who));
    let own = "rolname <> session_user";
    let (command, needed, else_said, act, remark) = match deed {
        Deed::Lock(who) => (
            "ALTER ROLE",
            is(who, &format!("rolcanlogin AND {own}")),
            format!("{who} is not there, is locked already, or is the role Drydock signs in as"),
            format!("ALTER ROLE {} NOLOGIN", name(who)),
            Remark::new("Sessions that are open go on until they end.", "End them once their work is done."),
        ),
        Deed::Unlock(who) => (
            "ALTER ROLE",
            is(who, "NOT rolcanlogin"),
            format!("{who} is not there, or may log in already"),
            format!("ALTER ROLE {} LOGIN", name(who)),
            Remark::new("Its former password counts again.", "Let it be changed if it may be known to others."),
        ),
        Deed::Create(who, group) => (
            "CREATE ROLE",
            format!("NOT {}", is(who, "true")),
            format!("{who} is there already"),
            format!(
                "CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE{}",
                name(who),
                group.as_ref().map(|group| format!(" IN ROLE {}", name(group))).unwrap_or_default()
            ),
            Remark::new(
                "It has no password, so that it cannot sign in with one yet.",
                "Store its password under Databases, or set it on the server.",
            ),
        ),
        Deed::Add(who, group) => (
            "GRANT",
            format!("NOT {}", member(who, group)),
            format!("{who} is a member of {group} already"),
            format!("GRANT {} TO {}", name(group), name(who)),
            Remark::new("Rights take effect at once, for sessions that are open too.", ""),
        ),
        Deed::Remove(who, group) => (
            "REVOKE",
            member(who, group),
            format!("{who} is no member of {group}"),
            format!("REVOKE {} FROM {}", name(group), name(who)),
            Remark::new("Rights end at once, for sessions that are open too.", ""),
        ),
        Deed::Drop(who) => (
            "DROP ROLE",
            format!("{} AND {}", is(who, "NOT rolcanlogin"), idle(who)),
            format!("{who} is not there, is not locked yet, or has open sessions"),
            format!("DROP ROLE {}", name(who)),
            Remark::new(
                "The server refuses it while the role owns something or holds rights.",
                "Lock it first, and drop it some weeks later.",
            ),
        ),
        Deed::Unmake(who) => (
            "DROP ROLE",
            format!("{} AND {}", is(who, own), idle(who)),
            format!("{who} is not there any more, or has open sessions"),
            format!("DROP ROLE {}", name(who)),
            Remark::new("The server refuses it while the role owns something or holds rights.", ""),
        ),
    };
    let mut reading = Reading::harmless(command);
    reading.takes(Lock::RowExclusive, Length::Moment);
    reading.remarks.push(remark);
    if matches!(deed, Deed::Drop(_)) {
        reading.destroys = Some("the role, with its password and its memberships".to_owned());
    }
    let said = quote::literal(&else_said).unwrap_or_default();
    let text = format!("DO {TAG} BEGIN\n  IF NOT ({needed}) THEN RAISE EXCEPTION USING MESSAGE = {said}; END IF;\n  {act};\nEND {TAG}");
    Statement { text, reading }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::procedure::{RiskClass, StepClass};
    use proptest::prelude::*;

    fn why(typed: &str) -> String {
        read(typed).expect_err("refused").into_iter().map(|error| error.message).collect::<Vec<_>>().join(" ")
    }
    fn acts(statements: &[Statement]) -> Vec<String> {
        statements.iter().filter_map(|one| Some(one.text.lines().nth(2)?.trim().to_owned())).collect()
    }

    #[test]
    fn lines_become_statements_and_the_way_back_is_their_inverse_backwards() {
        let change =
            read("# who left\nlock app_old\ncreate \"Odd \"\"Name\" in readers\nADD reporting TO readers\nremove x from readers\nunlock y")
                .expect("good");
        assert_eq!(
            acts(&change.statements),
            [
                r#"ALTER ROLE "app_old" NOLOGIN;"#,
                r#"CREATE ROLE "Odd ""Name" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE IN ROLE "readers";"#,
                r#"GRANT "readers" TO "reporting";"#,
                r#"REVOKE "readers" FROM "x";"#,
                r#"ALTER ROLE "y" LOGIN;"#
            ]
        );
        assert_eq!(
            acts(change.way_back()),
            [
                r#"ALTER ROLE "y" NOLOGIN;"#,
                r#"GRANT "readers" TO "x";"#,
                r#"REVOKE "readers" FROM "reporting";"#,
                r#"DROP ROLE "Odd ""Name";"#,
                r#"ALTER ROLE "app_old" LOGIN;"#
            ]
        );
        assert_eq!((change.risk(), change.scripts().len(), change.scripts()[0].class()), (RiskClass::R2, 1, StepClass::Resumable));
    }

    #[test]
    fn dropping_stands_alone_and_has_no_way_back() {
        let change = read("drop app_old").expect("good");
        assert_eq!(change.risk(), RiskClass::R4);
        assert!(matches!(change.back, WayBack::None { .. }) && change.statements[0].text.contains("NOT rolcanlogin"));
        assert!(why("drop a\nlock b").contains("window of its own"));
    }

    #[test]
    fn a_line_that_cannot_be_taken_is_named() {
        assert!(why("").contains("at least one") && why("lock a\nlok b").contains("Line 2"));
        assert!(why("lock postgres").contains("server's own") && why("unlock pg_monitor").contains("server's own"));
        assert!(why("add x to pg_execute_server_program").contains("whole server") && why("lock \"a").contains("not closed"));
        assert!(why("lock a\nlock a").contains("twice") && why("lock \"a$drydock$b\"").contains("63 bytes"));
        assert!(why(&format!("lock {}", "a".repeat(64))).contains("63 bytes"));
    }

    proptest! {
        #[test]
        fn a_name_stays_one_name(name in "[ -~éß]{1,20}") {
            let typed = format!("lock \"{}\"", name.replace('"', "\"\""));
            if let Ok(change) = read(&typed) {
                let text = &change.statements[0].text;
                prop_assert_eq!(acts(&change.statements).len(), 1);
                let act = format!("ALTER ROLE {} NOLOGIN", quote::identifier(&name).expect("no NUL"));
                prop_assert!(text.contains(&act));
                prop_assert_eq!(text.matches(TAG).count(), 2);
            }
        }
    }
}
