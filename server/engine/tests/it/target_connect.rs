//! Connection tests: every way to fail says what to do, and success says everything registration needs.

use super::target_support::{MAINTAINER, PASSWORD, STRANGER, Target};
use engine::target::connect::{Address, Dialer, TlsMode};
use engine::target::fault::ConnectError;
use engine::target::report::{ConnectionReport, examine};
use std::time::Duration;
use tokio::net::TcpListener;

async fn test(address: Address) -> Result<ConnectionReport, ConnectError> {
    examine(&Dialer::new(address).await?.within(Duration::from_secs(5))).await
}

async fn failure(address: Address) -> ConnectError {
    let error = test(address).await.expect_err("this address must not work");
    assert!(!error.to_string().contains(PASSWORD), "{error}");
    error
}

#[tokio::test]
async fn each_wrong_field_has_its_own_sentence() {
    let target = Target::new().await;
    let right = target.address(MAINTAINER);
    let error = failure(Address { host: "no-such-host.invalid".to_owned(), ..right.clone() }).await;
    assert!(matches!(error, ConnectError::UnknownHost { .. }), "{error}");
    let error = failure(Address { password: Some("wrong".into()), ..right.clone() }).await;
    assert!(matches!(error, ConnectError::BadPassword { .. }), "{error}");
    let error = failure(Address { password: None, ..right.clone() }).await;
    assert!(matches!(error, ConnectError::PasswordNeeded { .. }), "{error}");
    let error = failure(Address { user: "nobody".to_owned(), ..right.clone() }).await;
    assert!(matches!(error, ConnectError::BadPassword { .. }), "{error}");
    let error = failure(Address { database: "shopp".to_owned(), ..right.clone() }).await;
    assert!(matches!(error, ConnectError::UnknownDatabase { .. }), "{error}");
    let error = failure(Address { tls: TlsMode::VerifyFull { ca_pem: None }, ..right.clone() }).await;
    assert!(matches!(error, ConnectError::NoTls { .. }), "{error}");
    target.plant(&format!("REVOKE CONNECT ON DATABASE {} FROM PUBLIC", target.db.name())).await;
    let error = failure(target.address(STRANGER)).await;
    assert!(error.to_string().contains(&format!("GRANT CONNECT ON DATABASE \"{}\" TO \"{STRANGER}\";", target.db.name())), "{error}");
}

#[tokio::test]
async fn a_closed_port_a_silent_and_a_strange_server_differ() {
    let target = Target::new().await;
    let right = target.address(MAINTAINER);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let port = listener.local_addr().expect("bound").port();

    let silent = Dialer::new(Address { port, ..right.clone() }).await.expect("resolves").within(Duration::from_millis(200));
    let error = examine(&silent).await.expect_err("nobody answers");
    assert!(matches!(error, ConnectError::Timeout { .. }), "{error}");

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let port = listener.local_addr().expect("bound").port();
    let web_server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("listening");
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await.expect("open");
    });
    let error = failure(Address { port, ..right.clone() }).await;
    assert!(matches!(error, ConnectError::NotPostgres { .. }), "{error}");
    web_server.await.expect("no panic");

    let error = failure(Address { port, ..right }).await;
    assert!(matches!(error, ConnectError::Refused { .. }), "{error}");
}

#[tokio::test]
async fn a_careful_set_up_has_nothing_missing_and_nothing_too_much() {
    let target = Target::new().await;
    target.plant_as_owner("CREATE TABLE shop.orders (id int PRIMARY KEY)").await;
    let report = test(target.address(MAINTAINER)).await.expect("the maintainer may connect");
    assert_eq!((report.missing.as_slice(), report.excess.as_slice()), (&[][..], &[][..]));
    assert!(report.primary && report.has_pgstattuple && !report.read_only_procedures_only, "{report:?}");
    assert_eq!(report.identity.stable.database, target.db.name());
    assert!(report.identity.stable.system_identifier.parse::<u64>().is_ok() && report.identity.volatile.timeline >= 1);
    assert!(report.extensions.iter().any(|extension| extension.name == "pgstattuple" && extension.schema == "tools"));
    // The test cluster runs without autovacuum, and that is worth a sentence.
    assert!(report.warnings.iter().any(|warning| warning.contains("autovacuum is off")), "{:?}", report.warnings);
    let stored = serde_json::to_value(&report).expect("a report is data");
    assert_eq!(serde_json::from_value::<ConnectionReport>(stored).expect("its own form"), report);
}

#[tokio::test]
async fn each_missing_privilege_comes_with_a_grant_that_works() {
    let target = Target::new().await;
    target
        .plant(
            "DROP EXTENSION pgstattuple;
             CREATE SCHEMA \"Odd Name\" AUTHORIZATION shop_owner;
             SET ROLE shop_owner; CREATE TABLE \"Odd Name\".\"Mixed \"\"Q\"\" Tab\" (id int); CREATE TABLE shop.orders (id int);
             RESET ROLE; CREATE TABLE public.of_superuser (id int)",
        )
        .await;
    // A role of its own: it gets the grants that the report names.
    let poor = format!("poor_{}", target.db.name());
    target
        .plant(&format!(
            "DROP ROLE IF EXISTS {poor}; CREATE ROLE {poor} LOGIN PASSWORD '{PASSWORD}'; REVOKE TEMP ON DATABASE {} FROM PUBLIC",
            target.db.name()
        ))
        .await;
    let before = test(target.address(&poor)).await.expect("it may connect");
    let grants: Vec<&str> = before.missing.iter().map(|missing| missing.grant.as_str()).filter(|grant| !grant.is_empty()).collect();
    assert!(grants.contains(&format!("GRANT pg_monitor TO \"{poor}\";").as_str()), "{grants:?}");
    assert!(grants.contains(&"CREATE EXTENSION pgstattuple;"), "{grants:?}");
    assert!(!grants.iter().any(|grant| grant.contains("\"postgres\"")), "membership in a superuser is never asked for: {grants:?}");
    for grant in &grants {
        target.plant(grant).await;
    }
    let after = test(target.address(&poor)).await.expect("it may connect");
    assert!(after.missing.iter().all(|missing| missing.grant.is_empty() && !missing.required), "{:?}", after.missing);
    assert!(after.missing.iter().any(|missing| missing.privilege.contains("postgres")), "{:?}", after.missing);
    target.plant(&format!("DROP OWNED BY {poor}; DROP ROLE {poor}")).await;
}

#[tokio::test]
async fn each_excess_privilege_comes_with_a_statement_that_takes_it_away() {
    let target = Target::new().await;
    let rich = format!("rich_{}", target.db.name());
    target
        .plant(&format!(
            "DROP ROLE IF EXISTS {rich};
             CREATE ROLE {rich} LOGIN PASSWORD '{PASSWORD}' CREATEROLE CREATEDB BYPASSRLS REPLICATION;
             GRANT pg_execute_server_program, pg_write_server_files, pg_read_server_files, pg_read_all_data, pg_write_all_data TO {rich}"
        ))
        .await;
    let report = test(target.address(&rich)).await.expect("it may connect");
    let words: Vec<&str> = report.excess.iter().map(|excess| excess.privilege.as_str()).collect();
    for word in
        ["bypassrls", "createrole", "createdb", "replication", "pg_execute_server_program", "pg_write_server_files", "pg_read_server_files"]
    {
        assert!(words.contains(&word), "{word} in {words:?}");
    }
    for excess in &report.excess {
        target.plant(&excess.revoke).await;
    }
    assert_eq!(test(target.address(&rich)).await.expect("it may connect").excess, []);
    target.plant(&format!("ALTER ROLE {rich} SUPERUSER")).await;
    let report = test(target.address(&rich)).await.expect("it may connect");
    assert!(report.role.superuser && report.excess[0].privilege == "superuser" && report.missing.is_empty());
    target.plant(&format!("ALTER ROLE {rich} NOSUPERUSER CONNECTION LIMIT 0")).await;
    let error = failure(target.address(&rich)).await;
    assert_eq!(error, ConnectError::NoConnectionsLeft);
    target.plant(&format!("ALTER ROLE {rich} NOLOGIN")).await;
    let error = failure(target.address(&rich)).await;
    assert!(matches!(error, ConnectError::NoLogin { .. }), "{error}");
    assert!(error.to_string().contains(&format!("ALTER ROLE \"{rich}\" LOGIN;")), "{error}");
    target.plant(&format!("DROP ROLE {rich}")).await;
}
