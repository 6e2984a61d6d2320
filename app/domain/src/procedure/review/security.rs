//! Who may do what, and by which way they come in (PG-24, PG-25).

use super::{ATTENTION, NOTE, URGENT, found};
use crate::procedure::select::step::SECURITY_REVIEW as STEP;
use crate::procedure::{Finding, Selection};

/// A role that may log in and has more than the rights of its objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleRow {
    /// Its name, as people write it.
    pub role: String,
    /// May do everything.
    pub superuser: bool,
    /// Further powers: `CREATEROLE`, `BYPASSRLS`, `REPLICATION`.
    pub powers: Vec<String>,
    /// Its password has an end.
    pub expires: bool,
}

/// How a password is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordRow {
    /// Whose, as people write it.
    pub role: String,
    /// `md5` or `scram`; whatever else the server says.
    pub kind: String,
    /// Rounds of a SCRAM verifier.
    pub iterations: Option<u64>,
}

/// Until when a login is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginRow {
    /// Its name, as people write it.
    pub role: String,
    /// Whole days until its password ends (`VALID UNTIL`), negative once it has; `None` without an end.
    pub left_days: Option<i64>,
}

/// The least rounds of a SCRAM verifier: what servers make unless somebody sets less (RFC 7677).
const LEAST_ITERATIONS: u64 = 4_096;
/// An end of a password is said so long before, in days: two weekly windows come before it.
const SOON_DAYS: i64 = 14;
/// Names in one sentence at most.
const NAMED: usize = 10;

/// Makes the function by which a role that is no superuser sees how passwords are stored, and not what is stored. A superuser runs it in the
/// database of the review; the role's name goes into the GRANT.
pub const PASSWORD_KINDS_SQL: &str = "CREATE FUNCTION drydock_password_kinds() RETURNS TABLE (rolname name, kind text, iterations bigint) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT rolname, CASE WHEN starts_with(rolpassword, ''md5'') THEN ''md5'' WHEN starts_with(rolpassword, ''SCRAM-SHA-256$'') THEN ''scram'' ELSE ''other'' END, substring(rolpassword, ''^SCRAM-SHA-256[$]([0-9]{1,9}):'')::bigint FROM pg_authid WHERE rolcanlogin AND rolpassword IS NOT NULL ORDER BY 1'; REVOKE ALL ON FUNCTION drydock_password_kinds() FROM PUBLIC; GRANT EXECUTE ON FUNCTION drydock_password_kinds() TO ";

/// A right of everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicRow {
    /// On what, as people write it.
    pub object: String,
    /// Which rights.
    pub rights: String,
    /// It is a schema in which everybody may make objects.
    pub creates: bool,
}

/// A line of `pg_hba.conf`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HbaRow {
    /// Its line.
    pub line: u64,
    /// `host`, `local`, …
    pub kind: String,
    /// From where; empty for sockets.
    pub address: String,
    /// How it asks.
    pub method: String,
    /// What is wrong with the line itself.
    pub error: Option<String>,
}

/// An extension that is older than what the server has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtensionRow {
    /// Its name, as people write it.
    pub name: String,
    /// What is installed.
    pub installed: String,
    /// What there is.
    pub available: String,
}

/// Powerful logins. The role that looks is named like all others.
pub fn roles(rows: &[RoleRow]) -> Selection {
    let finding = |row: &RoleRow| {
        let (level, said) = if row.superuser {
            (ATTENTION, "It logs in as a superuser: no right, no policy and no limit holds it.".to_owned())
        } else {
            (NOTE, format!("It logs in with {}.", row.powers.join(", ")))
        };
        let end = if row.expires { "" } else { " Its password has no end." };
        Finding::new(
            STEP,
            "powerful_login",
            level,
            format!("{said}{end}"),
            "Is it a person, or a program? Programs rarely need it; persons should come by a role of their own.",
        )
        .called(&row.role)
    };
    found(rows.iter().map(finding).collect())
}

/// How passwords are stored.
pub fn stored(rows: &[PasswordRow]) -> Selection {
    let finding = |row: &PasswordRow| {
        let few = row.iterations.filter(|iterations| *iterations < LEAST_ITERATIONS);
        let (kind, level, said) = match (row.kind.as_str(), few) {
            ("md5", _) => (
                "password_md5",
                ATTENTION,
                "Its password is stored as MD5: deprecated, and soon guessed by whoever gets a copy of the catalog.".to_owned(),
            ),
            (_, Some(few)) => {
                ("password_few_rounds", NOTE, format!("Its password is stored with {few} rounds of SCRAM, fewer than {LEAST_ITERATIONS}."))
            }
            _ => return None,
        };
        let advice = "Set password_encryption = scram-sha-256 (and scram_iterations), then set the password again.";
        Some(Finding::new(STEP, kind, level, said, advice).called(&row.role))
    };
    found(rows.iter().filter_map(finding).collect())
}

/// What is said where nobody may see how passwords are stored.
#[must_use]
pub fn unseen(own_role: &str) -> Finding {
    Finding::cannot_see(
        STEP,
        "How passwords are stored was not looked at: the role may not see that.",
        format!("It need not see what is stored. Let a superuser run: {PASSWORD_KINDS_SQL}{own_role};"),
    )
}

/// Passwords that ended, that end soon, and those without an end.
pub fn ends(rows: &[LoginRow]) -> Selection {
    let about = |row: &LoginRow| {
        let (kind, level, said, advice) = match row.left_days? {
            ..0 => (
                "password_ended",
                NOTE,
                "Its password has ended: nobody logs in with it any more.".to_owned(),
                "Drop or lock the account by a window of accounts, if nobody misses it; else set another password and a new end.",
            ),
            left @ 0..=SOON_DAYS => (
                "password_ends",
                ATTENTION,
                match left {
                    0 => "Its password ends within a day.".to_owned(),
                    1 => "Its password ends in 1 day.".to_owned(),
                    left => format!("Its password ends in {left} days."),
                },
                "Set another password and a new end before that, or whoever uses it stands outside.",
            ),
            _ => return None,
        };
        Some(Finding::new(STEP, kind, level, said, advice).called(&row.role))
    };
    let mut findings: Vec<Finding> = rows.iter().filter_map(about).collect();
    let endless: Vec<&str> = rows.iter().filter(|row| row.left_days.is_none()).map(|row| row.role.as_str()).collect();
    if !endless.is_empty() {
        let more = endless.len().saturating_sub(NAMED);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let named = endless.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        let said = format!("The passwords of these roles have no end: {named}{more}. PostgreSQL does not keep when a password was set.");
        let advice =
            "Where passwords have to change from time to time, give them an end: ALTER ROLE … VALID UNTIL, by a window of accounts.";
        findings.push(Finding::new(STEP, "password_without_end", NOTE, said, advice));
    }
    found(findings)
}

/// Rights of PUBLIC.
pub fn public(rows: &[PublicRow]) -> Selection {
    let finding = |row: &PublicRow| {
        let (kind, level, said, advice) = if row.creates {
            (
                "public_creates",
                ATTENTION,
                "Everybody may make objects in this schema, also such that others call by mistake.".to_owned(),
                "REVOKE CREATE ON SCHEMA … FROM PUBLIC, by a design change.",
            )
        } else {
            (
                "public_right",
                NOTE,
                format!("Everybody who can connect may {}.", row.rights),
                "Is it meant? Otherwise REVOKE it FROM PUBLIC by a design change, with the GRANT as the way back.",
            )
        };
        Finding::new(STEP, kind, level, said, advice).called(&row.object)
    };
    found(rows.iter().map(finding).collect())
}

/// SECURITY DEFINER functions that look up names by the caller's path.
pub fn definers(functions: &[String]) -> Selection {
    let finding = |function: &String| {
        Finding::new(
            STEP,
            "definer_without_path",
            ATTENTION,
            "It runs with its owner's rights, and finds what it calls by its caller's search path: whoever may create objects can make it run theirs.",
            "ALTER FUNCTION … SET search_path = pg_catalog, pg_temp, by a design change.",
        )
        .called(function)
    };
    found(functions.iter().map(finding).collect())
}

/// Ways in that ask for nothing, or for a password in clear text, or from everywhere.
pub fn hba(rows: &[HbaRow]) -> Selection {
    let mut findings = Vec::new();
    for row in rows {
        let line = format!("pg_hba.conf, line {}", row.line);
        let from = if row.address.is_empty() { "by socket".to_owned() } else { format!("from {}", row.address) };
        let everywhere = matches!(row.address.as_str(), "0.0.0.0" | "0.0.0.0/0" | "::" | "::/0" | "all");
        let clear = row.method == "password" && !matches!(row.kind.as_str(), "hostssl" | "local");
        let mut add =
            |kind: &str, level, said: String, advice: &str| findings.push(Finding::new(STEP, kind, level, said, advice).called(&line));
        if let Some(error) = &row.error {
            add(
                "hba_error",
                ATTENTION,
                format!("The line cannot be used: {error}."),
                "Correct it: after the next reload the server keeps its old rules, after a restart it may not start.",
            );
        } else if row.method == "trust" {
            let level = if everywhere { URGENT } else { ATTENTION };
            add(
                "hba_trust",
                level,
                format!("Whoever comes {from} is let in without a password (trust)."),
                "Use scram-sha-256; by socket peer.",
            );
        } else if clear {
            add(
                "hba_clear_text",
                ATTENTION,
                format!("Passwords cross the network in clear text {from} (password)."),
                "Use scram-sha-256, and hostssl.",
            );
        } else if row.method == "md5" {
            add(
                "hba_md5",
                NOTE,
                format!("Logins {from} may use MD5, which is deprecated."),
                "Set password_encryption to scram-sha-256, set the passwords anew, then use scram-sha-256 here.",
            );
        } else if everywhere && row.kind == "host" && row.method != "reject" {
            add(
                "hba_everywhere",
                NOTE,
                format!("Logins are taken from every address, also without TLS ({}).", row.method),
                "Name the networks, and use hostssl.",
            );
        }
    }
    found(findings)
}

/// Extensions to update.
pub fn extensions(rows: &[ExtensionRow]) -> Selection {
    let finding = |row: &ExtensionRow| {
        Finding::new(
            STEP,
            "extension_update",
            NOTE,
            format!("Version {} is installed, the server has {}.", row.installed, row.available),
            "Try it on a copy first: there is rarely a way back. Then ALTER EXTENSION … UPDATE by a design change.",
        )
        .called(&row.name)
    };
    found(rows.iter().map(finding).collect())
}

/// A database whose texts may hold anything.
pub fn encoding(name: &str) -> Selection {
    if name != "SQL_ASCII" {
        return Selection::default();
    }
    found(vec![Finding::new(
        STEP,
        "sql_ascii",
        ATTENTION,
        "The database's encoding is SQL_ASCII: the server checks no text, so bytes of several encodings may stand beside each other.",
        "Restore a dump into a database with UTF8, and mend what is refused on the way.",
    )])
}
