//! `drydock create-admin` against real state: the first administrator, and the way back after a lost password.

use std::{
    io::Write as _,
    process::{Output, Stdio},
};

use engine::test_support::ServiceRole;
use http::StatusCode;

use crate::browser::{PASSWORD, Place};
use crate::program::{data_folder, drydock, run};

const NEW_PASSWORD: &str = "lantern orchid twelve bicycles";

#[tokio::test]
async fn a_lost_password_is_replaced_from_the_shell() {
    let (place, mut ada) = Place::set_up().await;
    let mut command = drydock(&["create-admin", "--email", "Ada@Example.org", "--password-file", "-"]);
    command.env("DRYDOCK_WEB_DATABASE_URL", place.database.url(ServiceRole::Web)).env("SUDO_USER", "olga");
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    writeln!(process.stdin.take().expect("piped"), "{NEW_PASSWORD}").expect("read");
    let Output { status, stdout, stderr } = process.wait_with_output().expect("it ends");
    let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success() && said.contains("is an administrator now"), "{said}");
    assert!(!said.contains(NEW_PASSWORD) && !said.contains("shown this once"), "a given password is not repeated: {said}");

    let answer = ada.get("/people").await;
    assert_eq!((answer.status, answer.to()), (StatusCode::SEE_OTHER, "/login?next=%2Fpeople"), "the old session is over");
    let mut again = place.browser();
    let answer = again.post("/login", &[("email", "ada@example.org"), ("password", PASSWORD)]).await;
    assert_ne!(answer.to(), "/", "the lost password opens nothing");
    let answer = again.post("/login", &[("email", "ada@example.org"), ("password", NEW_PASSWORD)]).await;
    assert_eq!((answer.status, answer.to()), (StatusCode::SEE_OTHER, "/"), "{}", answer.body);
    assert_eq!(again.get("/people/new").await.status, StatusCode::OK, "an administrator");
    assert_eq!(
        place.count("SELECT count(*) FROM drydock.person WHERE name = 'Ada' AND may_vote_from > now() + interval '23 hours'").await,
        1
    );
    assert_eq!(
        place.count("SELECT count(*) FROM drydock.fact WHERE action = 'person.restore_admin' AND actor_kind = 'operator' AND convert_from(bytes, 'UTF8') LIKE '%olga%'").await,
        1
    );
}

#[tokio::test]
async fn what_is_wrong_is_said_for_every_field_and_nothing_changes() {
    let (place, mut ada) = Place::set_up().await;
    let facts = place.count("SELECT count(*) FROM drydock.fact").await;
    let mut command = drydock(&["create-admin", "--email", "nonsense", "--zone", "Mars/Olympus"]);
    command.env("DRYDOCK_WEB_DATABASE_URL", place.database.url(ServiceRole::Web)).env("DRYDOCK_ADMIN_PASSWORD", "tooshort");
    let (code, said) = run(command);
    assert_eq!(code, 1, "{said}");
    for sentence in ["--email: An e-mail address has an @", "--zone: Choose a time zone", "the password: At least 12 characters"] {
        assert!(said.contains(sentence), "{sentence} is missing in {said}");
    }
    assert!(!said.contains("tooshort"), "{said}");
    assert_eq!(place.count("SELECT count(*) FROM drydock.fact").await, facts);
    assert_eq!(ada.get("/people").await.status, StatusCode::OK, "nobody was signed out");
}

#[test]
fn the_private_cluster_gets_its_first_administrator_before_any_page_is_seen() {
    let home = data_folder();
    let data_dir = home.path().join("data");
    let on_it = |words: &[&str]| {
        let mut command = drydock(words);
        command.arg("--data-dir").arg(&data_dir);
        run(command)
    };
    let create = ["create-admin", "--email", "ada@example.org", "--name", "Ada", "--zone", "Europe/Berlin"];
    let (code, said) = on_it(&create);
    assert_eq!((code, said.contains("no state") && said.contains("drydock migrate")), (1, true), "{said}");
    assert!(!data_dir.exists(), "a typing error in the folder makes no cluster");

    let (code, said) = on_it(&["migrate"]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = on_it(&create);
    assert_eq!(code, 0, "{said}");
    let password = said.lines().find_map(|line| line.strip_prefix("Password, shown this once: ")).unwrap_or_else(|| panic!("{said}"));
    assert_eq!(password.len(), 29, "five groups of five: {password}");
}
