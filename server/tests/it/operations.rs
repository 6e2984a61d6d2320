//! What an operator's tools meet: health, readiness, metrics, request ids, and a server that is stopping.

use crate::browser::{Browser, Place};
use engine::test_support::ServiceRole;
use http::{Method, StatusCode};
use server::web::Web;
use std::collections::{BTreeMap, BTreeSet};
use tokio_util::sync::CancellationToken;

const TOKEN: &str = "0123456789abcdef-metrics";

/// The same installation behind a web process with a token and a way to ask it to stop.
async fn watched(place: &Place) -> (Browser, CancellationToken) {
    let draining = CancellationToken::new();
    let engine = engine::Engine::connect(place.database.options(ServiceRole::Web), 4).await.expect("connected");
    let web = Web {
        live: server::live::Live::beside(&engine),
        engine,
        hosts: std::sync::Arc::new(server::guard::hosts::Hosts::new(&crate::browser::ORIGIN.parse().expect("a URL"))),
        proxies: std::sync::Arc::default(),
        assets: app::assets::Assets::default(),
        demo: false,
        metrics_token: Some(TOKEN.into()),
        draining: draining.clone(),
    };
    (place.browser().on(server::router::router(web, axum::Router::new())), draining)
}

fn json(body: &str) -> serde_json::Value {
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

#[tokio::test]
async fn readiness_names_each_check_and_a_stopping_server_says_so_everywhere() {
    let (place, mut ada) = Place::set_up().await;
    let (web, draining) = watched(&place).await;
    let mut balancer = web.clone();
    let alive = balancer.get("/healthz").await;
    assert_eq!((alive.status, json(&alive.body)["status"].as_str()), (StatusCode::OK, Some("ok")));
    let ready = balancer.get("/readyz").await;
    let checks = json(&ready.body)["checks"].clone();
    assert_eq!((ready.status, ready.header("content-type")), (StatusCode::OK, "application/json"), "{}", ready.body);
    let names: Vec<&str> = checks.as_object().expect("checks").keys().map(String::as_str).collect();
    assert_eq!(names, ["database", "not_draining", "partitions", "schema"]);
    assert!(!ready.body.contains("drydock_web") && !ready.body.contains("127.0.0.1"), "no role and no machine: {}", ready.body);

    ada = ada.on(web.router());
    assert!(!ada.get("/").await.body.contains("This server is stopping"));
    draining.cancel();
    let ready = balancer.get("/readyz").await;
    assert_eq!(
        (ready.status, json(&ready.body)["checks"]["not_draining"]["status"].as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, Some("failed"))
    );
    assert_eq!(balancer.get("/healthz").await.status, StatusCode::OK, "it lives until it ends");
    assert!(ada.get("/").await.body.contains("This server is stopping"), "the page says so");
    assert!(place.browser().on(web.router()).get("/nothing-here").await.body.contains("This server is stopping"), "error pages too");
}

#[tokio::test]
async fn web_processes_share_their_sessions() {
    let (place, mut ada) = Place::set_up().await;
    let (other, _) = watched(&place).await;
    let mut there = ada.clone().on(other.router());
    assert_eq!(there.get("/people").await.status, StatusCode::OK, "signed in at one, known at the other");
    ada.post("/logout", &[]).await;
    assert_eq!(there.get("/people").await.status, StatusCode::SEE_OTHER, "signed out at one, unknown at the other");
    let mut again = place.browser().on(other.router());
    again.sign_in("ada@example.org", "/").await;
    assert_eq!(again.on(place.router.clone()).get("/people").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_worker_that_hands_over_is_shown_on_every_page() {
    let (place, mut ada) = Place::set_up().await;
    place
        .run("INSERT INTO drydock.service_state (job, process, state, detail) VALUES ('worker', 'host/1/aa', 'draining', 'the run of window #7 is being handed over.')")
        .await;
    let page = ada.get("/windows").await.body;
    assert!(page.contains("This server is stopping") && page.contains("the run of window #7 is being handed over."), "{page}");
    place.run("UPDATE drydock.service_state SET seen_at = now() - interval '1 minute'").await;
    assert!(!ada.get("/windows").await.body.contains("This server is stopping"), "an old word counts for nothing");
}

#[tokio::test]
async fn a_schema_or_partitions_that_do_not_fit_make_it_unready() {
    let (place, _) = Place::set_up().await;
    let (mut balancer, _) = watched(&place).await;
    place.run("INSERT INTO drydock.schema_version (version, description, success, checksum, execution_time) VALUES (999999, 'later', true, '\\x00', 0)").await;
    let ready = balancer.get("/readyz").await;
    let schema = json(&ready.body)["checks"]["schema"].clone();
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(schema["detail"].as_str().expect("why").contains("start the newer drydock"), "{}", ready.body);
    place.run("DELETE FROM drydock.schema_version WHERE version = 999999").await;
    assert_eq!(balancer.get("/readyz").await.status, StatusCode::OK);
    place
        .run("DO $$ BEGIN EXECUTE 'ALTER TABLE drydock.fact_' || to_char(date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC') + interval '1 month', 'YYYY_MM') || ' RENAME TO elsewhere'; END $$")
        .await;
    let ready = balancer.get("/readyz").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE, "next month is missing: {}", ready.body);
    assert!(json(&ready.body)["checks"]["partitions"]["detail"].as_str().expect("why").contains("`drydock migrate`"), "{}", ready.body);
}

#[tokio::test]
async fn the_id_of_a_request_is_in_its_header_its_page_and_its_fact() {
    let (place, mut ada) = Place::set_up().await;
    let lost = ada.get("/nothing-here").await;
    let id = lost.header("x-request-id");
    assert!(lost.body.contains(id) && id.len() == 16, "{id}");
    let done = ada.post("/teams/new", &[("short_name", "harbour"), ("name", "Harbour")]).await;
    let told: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM drydock.fact WHERE convert_from(bytes, 'UTF8') LIKE '%' || $1 || '%')")
        .bind(done.header("x-request-id"))
        .fetch_one(&place.admin)
        .await
        .expect("readable");
    assert!(told, "the fact carries the id of the request that made it: {}", done.status);
}

async fn scrape(browser: &mut Browser, token: &str) -> crate::browser::Answer {
    browser.send(Method::GET, "/metrics", &[("authorization", &format!("Bearer {token}"))], String::new()).await
}

#[tokio::test]
async fn metrics_are_there_with_a_token_and_opened_by_it_alone() {
    let (place, mut ada) = Place::set_up().await;
    assert_eq!(ada.get("/metrics").await.status, StatusCode::NOT_FOUND, "off without a token");
    let (mut web, _) = watched(&place).await;
    for wrong in ["", "x", "0123456789abcdef-metricS"] {
        let answer = scrape(&mut web, wrong).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (StatusCode::UNAUTHORIZED, "Bearer realm=\"metrics\""), "{wrong:?}");
    }
    assert_eq!(web.get("/metrics").await.status, StatusCode::UNAUTHORIZED);
    web.get("/a/some-secret-of-a-link").await;
    web.get("/made-up-by-a-stranger").await;
    web.sign_in("nobody@example.org", "/").await;
    let answer = scrape(&mut web, TOKEN).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.header("content-type").starts_with("application/openmetrics-text; version=1.0.0"), "{:?}", answer.headers);
    let figures = parse(&answer.body);
    for name in [
        "drydock_build",
        "drydock_http_requests",
        "drydock_http_request_duration_seconds",
        "drydock_sign_ins",
        "drydock_pool_connections",
        "drydock_state_database_up",
        "drydock_runs",
        "drydock_windows",
        "drydock_lease_renewal_lateness_seconds",
        "drydock_seal_lag_seconds",
        "drydock_outbox_messages",
        "drydock_outbox_oldest_age_seconds",
        "drydock_examinations",
        "drydock_workers_alive",
    ] {
        assert!(figures.contains_key(name), "{name} is missing:\n{}", answer.body);
    }
    for (line, wanted) in [
        ("drydock_state_database_up 1", true),
        ("route=\"/a/{secret}\"", true),
        ("drydock_sign_ins_total{outcome=\"failed\"} ", true),
        ("some-secret", false),
        ("made-up", false),
        ("nobody@example.org", false),
    ] {
        assert_eq!(answer.body.contains(line), wanted, "{line}:\n{}", answer.body);
    }
}

/// A family of the exposition.
#[derive(Debug, Default)]
struct Figures {
    kind: String,
    unit: String,
    samples: Vec<(String, BTreeMap<String, String>, f64)>,
}

/// Reads OpenMetrics text as strictly as its specification: every line is a comment of the format or a sample of the family before it.
fn parse(text: &str) -> BTreeMap<String, Figures> {
    let mut families: BTreeMap<String, Figures> = BTreeMap::new();
    let mut current = String::new();
    let mut lines = text.split('\n').peekable();
    let mut ended = false;
    while let Some(line) = lines.next() {
        if ended {
            assert!(line.is_empty() && lines.peek().is_none(), "something follows # EOF: {line:?}");
            break;
        }
        if line == "# EOF" {
            ended = true;
        } else if let Some(comment) = line.strip_prefix("# ") {
            let mut parts = comment.splitn(3, ' ');
            let (word, name, rest) = (parts.next().unwrap_or_default(), parts.next().expect("a name"), parts.next().expect("a value"));
            assert!(name.starts_with("drydock_") && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{line}");
            if name != current {
                assert!(!families.contains_key(name), "{name} is interrupted by another family");
                name.clone_into(&mut current);
            }
            let family = families.entry(current.clone()).or_default();
            assert!(family.samples.is_empty(), "metadata after samples: {line}");
            match word {
                "HELP" => assert!(!rest.is_empty()),
                "TYPE" => rest.clone_into(&mut family.kind),
                "UNIT" => rest.clone_into(&mut family.unit),
                other => panic!("unknown metadata {other}: {line}"),
            }
        } else {
            let family = families.get_mut(&current).unwrap_or_else(|| panic!("a sample of no family: {line}"));
            let (name, labels, value) = sample(line);
            let suffix = name.strip_prefix(current.as_str()).unwrap_or_else(|| panic!("{name} does not belong to {current}"));
            let suffixes: &[&str] = match family.kind.as_str() {
                "counter" => &["_total"],
                "gauge" => &[""],
                "histogram" => &["_bucket", "_sum", "_count"],
                "info" => &["_info"],
                other => panic!("unknown type {other:?} of {current}"),
            };
            assert!(suffixes.contains(&suffix), "{name} is no sample of a {}", family.kind);
            assert!(family.unit.is_empty() || current.ends_with(&family.unit), "{current} does not end in its unit {}", family.unit);
            assert!(value.is_finite(), "{line}");
            family.samples.push((name, labels, value));
        }
    }
    assert!(ended, "no # EOF");
    for (name, family) in &families {
        let each: BTreeSet<_> = family.samples.iter().map(|(name, labels, _)| (name, labels)).collect();
        assert_eq!(each.len(), family.samples.len(), "{name} has a sample twice");
        if family.kind == "histogram" {
            buckets_rise(name, family);
        }
    }
    families
}

/// Buckets are cumulative, and the last one, without bound, is the count.
fn buckets_rise(name: &str, family: &Figures) {
    let mut last: BTreeMap<Vec<(String, String)>, (f64, f64)> = BTreeMap::new();
    for (sample, labels, value) in family.samples.iter().filter(|(sample, ..)| sample.ends_with("_bucket")) {
        let bound: f64 = match labels["le"].as_str() {
            "+Inf" => f64::INFINITY,
            bound => bound.parse().expect("a bound"),
        };
        let others: Vec<_> = labels.iter().filter(|(key, _)| *key != "le").map(|(key, value)| (key.clone(), value.clone())).collect();
        let before = last.insert(others, (bound, *value));
        assert!(before.is_none_or(|(b, v)| b < bound && v <= *value), "{sample} does not rise");
    }
    for (sample, labels, value) in family.samples.iter().filter(|(sample, ..)| sample.ends_with("_count")) {
        let labels: Vec<_> = labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        assert_eq!(last.get(&labels), Some(&(f64::INFINITY, *value)), "{name}: {sample}");
    }
}

/// `name{label="value",…} value`
fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let (head, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line:?}"));
    let (name, labels) = head.split_once('{').map_or((head, ""), |(name, rest)| (name, rest.strip_suffix('}').expect("closed")));
    let mut found = BTreeMap::new();
    let mut rest = labels;
    while !rest.is_empty() {
        let (key, after) = rest.split_once("=\"").expect("a label");
        assert!(key.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{line}");
        // None of our values holds a quote or a backslash, so none needs an escape.
        let (value, after) = after.split_once('"').expect("closed");
        assert!(!value.contains(['\\', '\n']) && found.insert(key.to_owned(), value.to_owned()).is_none(), "{line}");
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    (name.to_owned(), found, value.parse().unwrap_or_else(|error| panic!("{error}: {line}")))
}
