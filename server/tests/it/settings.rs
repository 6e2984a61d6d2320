//! What the program says when it is told something it cannot do.

use crate::program::{data_folder, drydock, run};

#[test]
fn the_demo_refuses_other_addresses_and_other_databases_at_once_and_shows_no_secret() {
    let mut command = drydock(&["demo", "--listen", "0.0.0.0:8080"]);
    command.env("DATABASE_URL", "postgres://someone:hunter2@db.example/x");
    let (code, said) = run(command);
    assert_eq!(code, 78, "{said}");
    assert!(said.contains("this machine only") && said.contains("unset DATABASE_URL"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn config_check_names_every_problem_or_says_that_all_is_sound() {
    let mut command = drydock(&["config", "check"]);
    command.env("DRYDOCK_LISTEN", "nowhere").env("DRYDOCK_LOG_FORMAT", "xml");
    let (code, said) = run(command);
    assert_eq!(code, 78);
    assert!(said.contains("2 problems") && said.contains("DRYDOCK_LISTEN") && said.contains("DRYDOCK_LOG_FORMAT"), "{said}");
    let (code, said) = run(drydock(&["config", "check"]));
    assert_eq!((code, said.contains("sound")), (0, true), "{said}");
}

#[test]
fn a_missing_site_is_named_with_the_way_out() {
    let home = data_folder();
    let mut command = drydock(&["demo", "--listen", "127.0.0.1:0", "--data-dir"]);
    command.arg(home.path().join("data")).env("DRYDOCK_SITE_DIR", home.path());
    let (code, said) = run(command);
    assert_eq!(code, 78, "{said}");
    assert!(said.contains("manifest.json") && said.contains("make build"), "{said}");
    assert!(!home.path().join("data").exists(), "nothing was made before");
}

#[test]
fn a_taken_address_is_a_sentence() {
    let thief = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = thief.local_addr().expect("bound").to_string();
    let (code, said) = run(drydock(&["demo", "--listen", &address]));
    assert_eq!(code, 1);
    assert!(said.contains(&format!("{address} is in use")) && said.contains("--listen"), "{said}");
}
