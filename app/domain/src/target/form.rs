//! A registration as it is typed: every wrong field is named, with its limit and the way out.

use super::{Contact, Draft, Environment, Place, Registration, Tls};
use crate::decision::{FieldError, FormCheck};
use crate::people;

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
        trial_copy: draft.trial_copy == "on",
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
}
