//! Registered databases: what a registration must say, when a connection may go without TLS, and when a database is ready for windows.

use crate::decision::{FieldError, FormCheck, Refusal};
use crate::people::{self, words};
use serde::{Deserialize, Serialize};

/// What a database is for; chooses the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// For trying things out.
    Development,
    /// For automatic and manual tests.
    Test,
    /// The last stop before production.
    Staging,
    /// Somebody's business depends on it.
    Production,
}

words!(Environment {
    Environment::Development = "development" / "Development",
    Environment::Test = "test" / "Test",
    Environment::Staging = "staging" / "Staging",
    Environment::Production = "production" / "Production",
});

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// Encrypted; host name and authority are verified.
    VerifyFull,
    /// Not encrypted: loopback and sockets, elsewhere only with a stated reason.
    None,
}

words!(Tls {
    Tls::VerifyFull = "verify_full" / "TLS, host name and certificate verified",
    Tls::None = "none" / "No TLS",
});

/// Where a registration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetState {
    /// No connection test has passed since the address was last changed.
    Unverified,
    /// A worker reached it and found everything a window needs.
    Ready,
    /// Put away: no windows, and its password was destroyed. It can be taken back.
    Retired,
    /// Gone for ever: only its history is left, and its name is free.
    Deleted,
}

words!(TargetState {
    TargetState::Unverified = "unverified" / "Not verified",
    TargetState::Ready = "ready" / "Ready",
    TargetState::Retired = "retired" / "Retired",
    TargetState::Deleted = "deleted" / "Deleted",
});

/// A registration as typed; everything but the password, so that it can be shown again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// As people call it.
    pub name: String,
    /// What people type to confirm.
    pub short_name: String,
    /// Host name, address, or folder of a socket.
    pub host: String,
    /// TCP port.
    pub port: String,
    /// Database on that server.
    pub database: String,
    /// Role used for maintenance.
    pub username: String,
    /// `verify_full` or `none`.
    pub tls: String,
    /// Why no TLS is acceptable; needed off this machine only.
    pub tls_reason: String,
    /// Own certificate authority as PEM; empty for those the worker's machine trusts.
    pub ca_pem: String,
    /// One of [`Environment`].
    pub environment: String,
    /// IANA zone its windows are planned in.
    pub zone: String,
    /// Whom to call at three in the morning.
    pub on_call: String,
    /// One stakeholder a line: `Name <address>` or the address alone.
    pub stakeholders: String,
}

/// Where the database is and how it is reached: everything its password is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Host name, address, or folder of a socket (begins with `/`).
    pub host: String,
    /// 1 to 65535.
    pub port: u16,
    /// As the catalog spells it.
    pub database: String,
    /// As the catalog spells it.
    pub username: String,
    /// How the connection is protected.
    pub tls: Tls,
    /// Own certificate authority as PEM.
    pub ca_pem: Option<String>,
}

impl Place {
    /// True for a socket folder: the operating system says who calls, so a password may be missing.
    #[must_use]
    pub fn is_socket(&self) -> bool {
        self.host.starts_with('/')
    }
}

/// A registration that can be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// As people call it.
    pub name: String,
    /// What people type to confirm.
    pub short_name: String,
    /// Where it is.
    pub place: Place,
    /// Why no TLS was accepted; `None` where none was needed.
    pub tls_reason: Option<String>,
    /// Chooses the policy.
    pub environment: Environment,
    /// IANA zone.
    pub zone: String,
    /// Whom to call.
    pub on_call: String,
}

/// A stakeholder as typed: known by address; the name is used only for somebody new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Stored form of the address.
    pub email: String,
    /// A name, where one was typed.
    pub name: Option<String>,
}

impl Contact {
    /// The name of a new person: as typed, else the part of the address before the @.
    #[must_use]
    pub fn display_name(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.email.split('@').next().unwrap_or(&self.email).chars().take(120).collect())
    }
}

/// At most so many stakeholders of one database: each gets every mail.
pub const MOST_STAKEHOLDERS: usize = 50;
/// Longest password taken, in bytes: far above what PostgreSQL's tools produce.
pub const MOST_PASSWORD_BYTES: usize = 1_000;

/// Checks a whole registration but its password and stakeholders; every wrong field is named. `known_zone` gives the proper spelling of
/// an IANA zone that exists.
pub fn check(draft: &Draft, known_zone: impl Fn(&str) -> Option<String>, form: &mut FormCheck) -> Option<Registration> {
    let name = form.take(people::label("name", &draft.name, 120));
    let short_name = form.take(people::short_name("short_name", &draft.short_name));
    let environment = form.take(
        Environment::from_word(&draft.environment)
            .ok_or_else(|| FieldError::new("environment", "Choose what the database is for: it decides who must approve.")),
    );
    let zone = form.take(zone(&draft.zone, known_zone));
    let on_call = form.take(people::label("on_call", &draft.on_call, 200));
    let host = form.take(host(&draft.host));
    let tls = form.take(Tls::from_word(&draft.tls).ok_or_else(|| FieldError::new("tls", "Choose how the connection is protected.")));
    let reason = host.as_deref().zip(tls).and_then(|(host, tls)| form.take(tls_reason(host, tls, &draft.tls_reason)));
    let ca_pem = form.take(ca(&draft.ca_pem, tls));
    let port = form.take(port(&draft.port));
    let database = form.take(catalog_name("database", &draft.database));
    let username = form.take(catalog_name("username", &draft.username));
    let place = Place { host: host?, port: port?, database: database?, username: username?, tls: tls?, ca_pem: ca_pem? };
    Some(Registration {
        name: name?,
        short_name: short_name?,
        place,
        tls_reason: reason?,
        environment: environment?,
        zone: zone?,
        on_call: on_call?,
    })
}

fn zone(typed: &str, known: impl Fn(&str) -> Option<String>) -> Result<String, FieldError> {
    let zone = typed.trim();
    let found = if zone.is_empty() || zone.len() > 64 { None } else { known(zone) };
    found.ok_or_else(|| FieldError::new("zone", "Choose a time zone by its IANA name, such as Europe/Berlin or Etc/UTC."))
}

fn host(typed: &str) -> Result<String, FieldError> {
    let host = typed.trim();
    let refuse = |why: &str| Err(FieldError::new("host", why));
    if host.is_empty() {
        return refuse("Type a host name, an address, or the folder of a socket such as /run/postgresql.");
    }
    if host.chars().count() > 253 {
        return refuse("At most 253 characters.");
    }
    if host.chars().any(people::is_invisible_or_control) {
        return refuse("The host holds a character that cannot be seen. Type it by hand.");
    }
    if !host.starts_with('/') && host.contains(|c: char| c.is_whitespace() || matches!(c, '/' | ',' | '@' | '?' | '=' | '\'' | '"' | ';')) {
        return refuse("One host only, without user, port or database: those have fields of their own.");
    }
    Ok(host.trim_start_matches('[').trim_end_matches(']').to_owned())
}

fn port(typed: &str) -> Result<u16, FieldError> {
    match typed.trim().parse::<u16>() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(FieldError::new("port", "A whole number from 1 to 65535; PostgreSQL's usual one is 5432.")),
    }
}

fn catalog_name(field: &'static str, typed: &str) -> Result<String, FieldError> {
    let name = typed.trim();
    if name.is_empty() {
        return Err(FieldError::new(field, "Type something here."));
    }
    if name.len() > 63 {
        return Err(FieldError::new(field, format!("PostgreSQL names have at most 63 bytes; this has {}.", name.len())));
    }
    if name.chars().any(people::is_invisible_or_control) {
        return Err(FieldError::new(field, "The name holds a character that cannot be seen. Type it by hand."));
    }
    Ok(name.to_owned())
}

fn ca(typed: &str, tls: Option<Tls>) -> Result<Option<String>, FieldError> {
    let pem = typed.trim().replace("\r\n", "\n");
    if pem.is_empty() || tls == Some(Tls::None) {
        return Ok(None);
    }
    if pem.len() > 100_000 {
        return Err(FieldError::new("ca_pem", "At most 100,000 characters: paste the authority's certificate only."));
    }
    if pem.contains("PRIVATE KEY") {
        return Err(FieldError::new("ca_pem", "This holds a private key. Paste the certificate only, and consider the key exposed."));
    }
    if !pem.contains("-----BEGIN CERTIFICATE-----") || !pem.contains("-----END CERTIFICATE-----") {
        return Err(FieldError::new(
            "ca_pem",
            "Paste the certificate as PEM, from BEGIN CERTIFICATE to END CERTIFICATE, or leave it empty.",
        ));
    }
    Ok(Some(pem))
}

/// True for a socket folder and for the addresses of this machine: nobody stands in between.
///
/// The worker resolves the name again and refuses to go without TLS when it leads elsewhere.
#[must_use]
pub fn is_near(host: &str) -> bool {
    host.starts_with('/') || host.eq_ignore_ascii_case("localhost") || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn tls_reason(host: &str, tls: Tls, typed: &str) -> Result<Option<String>, FieldError> {
    if tls == Tls::VerifyFull {
        if host.starts_with('/') {
            return Err(FieldError::new("tls", "A socket has no TLS and needs none. Choose \"No TLS\" for it."));
        }
        return Ok(None);
    }
    if is_near(host) {
        return Ok(None);
    }
    if typed.trim().is_empty() {
        return Err(FieldError::new(
            "tls_reason",
            "Without TLS the password and all data can be read on the way. Choose TLS, or say why this network may be trusted: the reason goes into the audit trail.",
        ));
    }
    people::text("tls_reason", typed, 10, 500).map(Some)
}

/// Whether a password is needed here, and is one that can be stored.
pub fn check_password(place: &Place, typed: &str, form: &mut FormCheck) {
    if typed.is_empty() {
        if !place.is_socket() {
            form.refuse(
                "password",
                "Type the role's password. It is sealed at once: only workers can open it, and it is never shown again.",
            );
        }
    } else if typed.len() > MOST_PASSWORD_BYTES {
        form.refuse("password", format!("At most {MOST_PASSWORD_BYTES} bytes; this has {}.", typed.len()));
    } else if typed.contains('\0') {
        form.refuse("password", "A password cannot hold a NUL character.");
    }
}

/// Reads the stakeholders, one a line. At least one must be a mailbox that one person reads: shared ones are told, and cannot vote.
pub fn stakeholders(typed: &str) -> Result<Vec<Contact>, FieldError> {
    let field = "stakeholders";
    let mut found: Vec<Contact> = Vec::new();
    for (line, text) in (1..).zip(typed.lines()).filter(|(_, text)| !text.trim().is_empty()) {
        let at_line = |error: FieldError| FieldError::new(field, format!("Line {line}: {}", error.message));
        let (name, address) = match text.trim().strip_suffix('>').and_then(|text| text.split_once('<')) {
            Some((name, address)) => (name.trim().trim_matches('"').trim(), address),
            None => ("", text),
        };
        let email = people::email(field, address).map_err(at_line)?;
        let name = if name.is_empty() { None } else { Some(people::label(field, name, 120).map_err(at_line)?) };
        if !found.iter().any(|contact| contact.email == email) {
            found.push(Contact { email, name });
        }
    }
    if found.is_empty() {
        return Err(FieldError::new(
            field,
            "Name at least one person who depends on this database: without a stakeholder nobody can approve a window.",
        ));
    }
    if found.len() > MOST_STAKEHOLDERS {
        return Err(FieldError::new(field, format!("At most {MOST_STAKEHOLDERS} stakeholders; these are {}.", found.len())));
    }
    if found.iter().all(|contact| people::is_shared_address(&contact.email)) {
        return Err(FieldError::new(
            field,
            "These mailboxes are read by several people, so they are told but cannot vote. Add at least one person's own address.",
        ));
    }
    Ok(found)
}

/// Passes for a database that something can still be done with; the refusal says how one comes back.
pub fn in_use(state: TargetState) -> Result<(), Refusal> {
    match state {
        TargetState::Unverified | TargetState::Ready => Ok(()),
        TargetState::Retired => Err(Refusal::new(
            "retired",
            "This database was retired, and its password destroyed.",
            "Take it back on its page if it is in use again.",
        )),
        TargetState::Deleted => {
            Err(Refusal::new("deleted", "This database was deleted: only its history is left.", "Register it anew if it is in use again."))
        }
    }
}

/// Whether a worker may give Drydock's role another password there. `unfinished`: one was begun and not proven; `stored`: one is in use.
pub fn may_rotate(state: TargetState, unfinished: bool, stored: bool) -> Result<(), Refusal> {
    in_use(state)?;
    if !stored {
        return Err(Refusal::new("no_password", "No password is stored for this database, so there is none to change.", "Type one first."));
    }
    // What was begun is finished in any state: until then nothing runs there.
    if state != TargetState::Ready && !unfinished {
        return Err(Refusal::new(
            "not_ready",
            "No connection test of this database has passed yet.",
            "Run the test: it has to be known whose password is changed.",
        ));
    }
    Ok(())
}

/// What a connection test found, as far as it decides whether windows may be planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// A standby, or a primary still recovering.
    pub in_recovery: bool,
    /// The role is superuser.
    pub superuser: bool,
}

/// Whether windows may be planned on a database, after what a worker found; the refusal says what to do first.
pub fn may_be_ready(found: Found, environment: Environment, superuser_acknowledged: bool) -> Result<(), Refusal> {
    if found.in_recovery {
        return Err(Refusal::new(
            "standby",
            "This server is a standby: maintenance has to run on its primary, and reaches the standby by replication.",
            "Edit the registration and give the primary's address.",
        ));
    }
    if found.superuser && environment == Environment::Production {
        return Err(Refusal::new(
            "superuser",
            "The role is a superuser, which is refused for production: one mistake or one stolen password would reach everything on that server.",
            "Create a role of its own (CREATE ROLE drydock LOGIN PASSWORD '…'; GRANT pg_monitor TO drydock;), then edit the registration and give its name and password. The next test lists every right it still lacks.",
        ));
    }
    if found.superuser && !superuser_acknowledged {
        return Err(Refusal::new(
            "superuser_unacknowledged",
            "The role is a superuser. That is more than maintenance needs.",
            "Better: give Drydock a role of its own (CREATE ROLE drydock LOGIN PASSWORD '…'; GRANT pg_monitor TO drydock;). Or accept this one with a reason: the reason goes into the audit trail.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> Draft {
        Draft {
            name: "Shop".into(),
            short_name: "shop".into(),
            host: "db.example.org".into(),
            port: "5432".into(),
            database: "shop".into(),
            username: "drydock".into(),
            tls: "verify_full".into(),
            environment: "production".into(),
            zone: "Europe/Berlin".into(),
            on_call: "DBA rota, +49 30 1234".into(),
            ..Draft::default()
        }
    }

    fn fields(draft: &Draft) -> Vec<String> {
        let mut form = FormCheck::default();
        let found = check(draft, |zone| (zone == "Europe/Berlin").then(|| zone.to_owned()), &mut form);
        form.finish(found).err().unwrap_or_default().into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        assert_eq!(fields(&draft()), Vec::<String>::new());
        assert_eq!(
            fields(&Draft::default()),
            ["name", "short_name", "environment", "zone", "on_call", "host", "tls", "port", "database", "username"]
        );
    }

    #[test]
    fn without_tls_only_near_or_with_a_reason() {
        let plain =
            |host: &str, reason: &str| fields(&Draft { host: host.into(), tls: "none".into(), tls_reason: reason.into(), ..draft() });
        assert_eq!(plain("db.example.org", ""), ["tls_reason"]);
        assert_eq!(plain("db.example.org", "short"), ["tls_reason"]);
        assert_eq!(plain("db.example.org", "private link between two racks"), Vec::<String>::new());
        for near in ["localhost", "127.0.0.1", "127.8.8.8", "::1", "[::1]", "/run/postgresql"] {
            assert_eq!(plain(near, ""), Vec::<String>::new(), "{near}");
        }
        assert_eq!(fields(&Draft { host: "/run/postgresql".into(), ..draft() }), ["tls"], "a socket has no TLS");
        for far in ["127.0.0.1.example.org", "localhost.example.org", "10.0.0.1"] {
            assert!(!is_near(far), "{far}");
        }
    }

    #[test]
    fn connection_strings_are_no_hosts() {
        for bad in ["postgres://db/shop", "db,evil", "user@db", "db port=1", "a b", "db\u{200b}", "h?sslmode=disable"] {
            assert_eq!(fields(&Draft { host: bad.into(), ..draft() }), ["host"], "{bad}");
        }
        for bad in ["0", "65536", "-1", "x", ""] {
            assert_eq!(fields(&Draft { port: bad.into(), ..draft() }), ["port"], "{bad}");
        }
    }

    #[test]
    fn a_private_key_is_not_a_certificate() {
        assert_eq!(fields(&Draft { ca_pem: "-----BEGIN PRIVATE KEY-----".into(), ..draft() }), ["ca_pem"]);
        assert_eq!(fields(&Draft { ca_pem: "hello".into(), ..draft() }), ["ca_pem"]);
    }

    #[test]
    fn a_password_may_be_missing_on_a_socket_only() {
        let check = |host: &str, password: &str| {
            let mut form = FormCheck::default();
            let place = Place { host: host.into(), port: 5432, database: "d".into(), username: "u".into(), tls: Tls::None, ca_pem: None };
            check_password(&place, password, &mut form);
            form.is_clean()
        };
        assert!(check("/run/postgresql", ""));
        assert!(!check("localhost", ""));
        assert!(check("localhost", "s3cret"));
        assert!(!check("localhost", &"x".repeat(MOST_PASSWORD_BYTES + 1)));
        assert!(!check("localhost", "a\0b"));
    }

    #[test]
    fn stakeholders_are_read_by_line() {
        let contacts =
            stakeholders("Ana Ruiz <Ana@Example.org>\n\n bo@example.org \nbo@example.org\n\"Kim\" <kim@example.org>").expect("good");
        assert_eq!(
            contacts.iter().map(|c| (c.email.as_str(), c.display_name())).collect::<Vec<_>>(),
            [("ana@example.org", "Ana Ruiz".to_owned()), ("bo@example.org", "bo".to_owned()), ("kim@example.org", "Kim".to_owned()),]
        );
        assert!(stakeholders("ana@example.org\nnonsense").expect_err("line 2").message.starts_with("Line 2:"));
        assert!(stakeholders(" \n").is_err());
        assert!(stakeholders("dba@example.org\nops@example.org").expect_err("nobody votes").message.contains("cannot vote"));
    }

    #[test]
    fn a_superuser_is_refused_for_production_and_asked_about_elsewhere() {
        let found = |superuser| Found { in_recovery: false, superuser };
        let code = |found, environment, acknowledged| may_be_ready(found, environment, acknowledged).err().map(|refusal| refusal.code);
        assert_eq!(code(found(true), Environment::Production, true).as_deref(), Some("superuser"));
        assert_eq!(code(found(true), Environment::Test, false).as_deref(), Some("superuser_unacknowledged"));
        assert_eq!(code(found(true), Environment::Test, true), None);
        assert_eq!(code(found(false), Environment::Production, false), None);
        assert_eq!(code(Found { in_recovery: true, superuser: false }, Environment::Test, false).as_deref(), Some("standby"));
    }
}
