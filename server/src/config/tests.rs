use std::path::Path;

use super::*;
use secrecy::ExposeSecret;

fn read(values: &[(&str, &str)], purpose: Purpose) -> Result<Settings, Problems> {
    Settings::read(&Environment::of(values), &Flags::default(), purpose)
}

fn problems(values: &[(&str, &str)], purpose: Purpose) -> String {
    read(values, purpose).expect_err("refused").to_string()
}

#[test]
fn nothing_set_is_a_working_demo() {
    let settings = read(&[], Purpose::Demo).expect("sound");
    assert_eq!(settings.listen, DEFAULT_LISTEN);
    assert_eq!(settings.public_url.as_str(), "http://127.0.0.1:8080/");
    assert_eq!(settings.data_dir, Path::new("/somewhere/.drydock"));
    assert!(!settings.data_dir_chosen && !settings.database.is_external());
}

#[test]
fn all_problems_are_told_at_once_and_no_secret_is_shown() {
    let said = problems(
        &[
            ("DRYDOCK_LISTEN", "everywhere"),
            ("DRYDOCK_PUBLIC_URL", "https://x.example/path"),
            ("DATABASE_URL", "mysql://root:hunter2@db/x"),
            ("DRYDOCK_LOG_FORMAT", "xml"),
            ("DRYDOCK_TRUSTED_PROXIES", "10.0.0.0/99"),
            ("DRYDOCK_LISTN", "x"),
        ],
        Purpose::Serve,
    );
    assert!(said.starts_with("6 problems"), "{said}");
    for name in ["DRYDOCK_LISTEN", "DRYDOCK_PUBLIC_URL", "DATABASE_URL", "DRYDOCK_LOG_FORMAT", "DRYDOCK_TRUSTED_PROXIES"] {
        assert!(said.contains(name), "{name}: {said}");
    }
    assert!(said.contains("DRYDOCK_LISTN is no setting of Drydock; did you mean DRYDOCK_LISTEN?"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn calls_to_the_outside_go_to_public_addresses_unless_networks_are_let_in() {
    let rules = read(&[], Purpose::Process).expect("sound").outbound;
    assert!(rules.allowed.is_empty() && !rules.plain_http);
    let set = [("DRYDOCK_OUTBOUND_ALLOW", " 10.1.0.0/16, fd00::/8,"), ("DRYDOCK_OUTBOUND_PLAIN_HTTP", "1")];
    let rules = read(&set, Purpose::Process).expect("sound").outbound;
    assert!(rules.allowed.len() == 2 && rules.plain_http);
    let said = problems(&[("DRYDOCK_OUTBOUND_ALLOW", "10.1.0.0/64"), ("DRYDOCK_OUTBOUND_PLAIN_HTTP", "perhaps")], Purpose::Process);
    assert!(said.starts_with("2 problems") && said.contains("10.1.0.0/64"), "{said}");
}

#[test]
fn the_demo_stays_on_this_machine_and_off_other_databases() {
    let said = problems(&[("DRYDOCK_LISTEN", "0.0.0.0:8080"), ("DATABASE_URL", "postgres://u:hunter2@db/x")], Purpose::Demo);
    assert!(said.contains("this machine only") && said.contains("touches no other") && !said.contains("hunter2"), "{said}");
    for loopback in ["127.0.0.1:0", "[::1]:8080", "localhost:9000", "127.5.5.5:80"] {
        assert!(read(&[("DRYDOCK_LISTEN", loopback)], Purpose::Demo).is_ok(), "{loopback}");
    }
}

#[test]
fn plain_http_for_others_must_be_said_aloud() {
    let open = ("DRYDOCK_LISTEN", "10.1.2.3:80");
    assert!(problems(&[open], Purpose::Serve).contains("DRYDOCK_ALLOW_PLAIN_HTTP=1"));
    assert!(read(&[open, ("DRYDOCK_ALLOW_PLAIN_HTTP", "1")], Purpose::Serve).is_ok());
    assert!(read(&[open, ("DRYDOCK_PUBLIC_URL", "https://drydock.example")], Purpose::Serve).is_ok());
    assert!(problems(&[("DRYDOCK_LISTEN", "0.0.0.0:80")], Purpose::Serve).contains("DRYDOCK_PUBLIC_URL"));
}

#[test]
fn a_secret_may_lie_in_a_file_but_not_in_both() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("url");
    std::fs::write(&file, "postgres://u:p@db/drydock\n").expect("written");
    let path = file.to_str().expect("plain");
    let settings = read(&[("DATABASE_URL_FILE", path)], Purpose::Serve).expect("sound");
    assert_eq!(settings.database.any.expect("set").expose_secret(), "postgres://u:p@db/drydock");
    let both = problems(&[("DATABASE_URL_FILE", path), ("DATABASE_URL", "postgres://u@db/x")], Purpose::Serve);
    assert!(both.contains("both set"), "{both}");
    assert!(problems(&[("DRYDOCK_WEB_DATABASE_URL_FILE", "/nowhere")], Purpose::Serve).contains("/nowhere"));
}

#[test]
fn the_command_line_wins() {
    let flags = Flags { listen: Some("127.0.0.1:9999".into()), data_dir: Some("/data".into()), demo: false };
    let environment = Environment::of(&[("DRYDOCK_LISTEN", "127.0.0.1:1"), ("DRYDOCK_DATA_DIR", "elsewhere")]);
    let settings = Settings::read(&environment, &flags, Purpose::Demo).expect("sound");
    assert_eq!((settings.listen.port(), settings.data_dir.as_path()), (9999, Path::new("/data")));
    assert!(settings.data_dir_chosen);
}

#[test]
fn children_inherit_the_settings_but_no_connection_url_and_no_password_of_a_person() {
    let environment = Environment::of(&[
        ("DRYDOCK_ADMIN_PASSWORD", "x"),
        ("DRYDOCK_ADMIN_PASSWORD_FILE", "/x"),
        ("DRYDOCK_LOG", "debug"),
        ("DATABASE_URL", "x"),
        ("DRYDOCK_OWNER_DATABASE_URL_FILE", "y"),
        ("HOME", "/h"),
    ]);
    assert_eq!(environment.plain_settings().collect::<Vec<_>>(), [("DRYDOCK_LOG", "debug")]);
    assert_eq!(environment.without_settings().collect::<Vec<_>>(), [("HOME", "/h")]);
}

#[test]
fn a_proxy_is_believed_by_network() {
    let proxies: TrustedProxies = "10.0.0.0/8, 192.168.1.7, fd00::/8".parse().expect("sound");
    for (peer, trusted) in [
        ("10.9.8.7", true),
        ("11.0.0.1", false),
        ("192.168.1.7", true),
        ("192.168.1.8", false),
        ("fd12::1", true),
        ("fe80::1", false),
        ("::ffff:10.0.0.1", true),
    ] {
        assert_eq!(proxies.contains(peer.parse().expect("an address")), trusted, "{peer}");
    }
    assert!("0.0.0.0/0".parse::<TrustedProxies>().expect("sound").contains("8.8.8.8".parse().expect("an address")));
}

#[test]
fn the_table_holds_every_setting_that_is_read() {
    // A name that is read and stands not in the table stops the reader; one that stands there and is not read would be called a stranger.
    let all: Vec<(&str, &str)> = table::SETTINGS.iter().map(|setting| (setting.name, "x")).collect();
    let said = problems(&all, Purpose::Serve);
    assert!(!said.contains("is no setting"), "{said}");
    assert!(table::markdown().lines().count() == table::SETTINGS.len() + 2 && table::help().contains("DRYDOCK_METRICS_TOKEN"));
}

#[test]
fn metrics_beyond_this_machine_need_a_token() {
    let open = ("DRYDOCK_METRICS_LISTEN", "10.0.0.1:9464");
    assert!(problems(&[open], Purpose::Serve).contains("DRYDOCK_METRICS_TOKEN"));
    assert!(problems(&[("DRYDOCK_METRICS_TOKEN", "short")], Purpose::Serve).contains("at least 16"));
    let settings = read(&[open, ("DRYDOCK_METRICS_TOKEN", "0123456789abcdef")], Purpose::Serve).expect("sound");
    assert_eq!(settings.metrics.web.map(|door| door.port()), Some(9464));
    assert!(read(&[("DRYDOCK_WORKER_METRICS_LISTEN", "127.0.0.1:9465")], Purpose::Serve).is_ok());
    assert!(problems(&[("DRYDOCK_DRAIN_SECONDS", "61")], Purpose::Serve).contains("0 to 60"));
}
