//! Receivers of events: owed with the transition, called at least once under one id, tried for days, paused when nobody answers.

use crate::hook_sink::{HookSink, Says};
use crate::house::{House, code};
use crate::notifier::context;
use crate::stage::When;
use crate::voices::administrator;
use base64::Engine as _;
use domain::ids::{DeliveryId, WebhookId};
use domain::webhook::Draft;
use domain::window::WindowState;
use engine::Error;
use engine::actions::Caller;
use engine::actions::add_webhook::{Added, add_webhook};
use engine::actions::delete_webhook::{self, delete_webhook};
use engine::actions::edit_webhook::{self, edit_webhook};
use engine::actions::end_window::cancel_window;
use engine::actions::pause_webhook::{self, pause_webhook};
use engine::actions::resend_delivery::resend_delivery;
use engine::actions::resume_webhook::resume_webhook;
use engine::actions::rotate_webhook_secret::rotate_webhook_secret;
use engine::actions::test_webhook::test_webhook;
use engine::notifier::MailPins;
use engine::notifier::webhooks::Messenger;
use engine::outbound::{Limits, Outbound, Rules};
use engine::queries;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::ExposeSecret as _;
use std::time::Duration;

fn draft(url: &str) -> Draft {
    Draft { name: "Dashboard".into(), url: url.into(), format: "cloudevents".into(), ..Draft::default() }
}

async fn messenger(house: &House) -> Messenger {
    let rules = Rules { plain_http: true, allowed: vec!["127.0.0.1".parse().expect("a network")] };
    let limits = Limits { connect: Duration::from_millis(500), total: Duration::from_millis(1_500) };
    let outbound = Outbound::new(rules).expect("a client").within(limits);
    Messenger::new(context(house, MailPins::default(), false).await, outbound)
}

async fn add(house: &House, admin: &Caller, draft: &Draft) -> Added {
    add_webhook(&house.engine, admin, draft).await.expect("added")
}

/// Calls until nothing is due.
async fn all(messenger: &Messenger) {
    while messenger.round().await.expect("the state database answers") > 0 {}
}

/// Makes everything that waits due now, as time would.
async fn let_time_pass(house: &House) {
    sqlx::query("UPDATE drydock.webhook_delivery SET next_at = now() WHERE state = 'waiting'")
        .execute(&house.admin)
        .await
        .expect("time passes");
}

async fn deliveries(house: &House, admin: &Caller, id: WebhookId) -> Vec<domain::view::webhooks::DeliveryRow> {
    queries::webhooks::show(&house.engine, admin, id, None).await.expect("a page").deliveries
}

fn signed(secret: &str, id: &str, timestamp: &str, body: &[u8]) -> String {
    let key = base64::engine::general_purpose::STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret")).expect("base64");
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).expect("a key");
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1,{}", base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn a_transition_is_told_once_signed_and_as_it_was() {
    let house = House::new().await;
    let admin = administrator(&house, "Adele").await;
    let (sink, messenger) = (HookSink::start().await, messenger(&house).await);
    let added = add(&house, &admin, &draft(&sink.url("/in?key=canary-of-the-address"))).await;
    let secret = added.secret.expect("shown once");
    let window = house.proposed(5).await.number;
    sink.answer("202 Accepted", "taken at /in?key=canary-of-the-address");
    all(&messenger).await;
    all(&messenger).await;
    let got = sink.got();
    assert_eq!(got.len(), 1, "{got:?}");
    assert!(got[0].head.starts_with("POST /in?key=canary-of-the-address HTTP/1.1\r\n"), "{}", got[0].head);
    assert_eq!(got[0].header("content-type"), "application/cloudevents+json; charset=utf-8");
    let (id, timestamp) = (got[0].header("webhook-id"), got[0].header("webhook-timestamp"));
    assert_eq!(got[0].header("webhook-signature"), signed(secret.expose_secret(), &id, &timestamp, &got[0].body));
    let event = got[0].json();
    assert_eq!((event["type"].as_str(), event["id"].as_str()), (Some("drydock.window.proposed"), Some(id.as_str())));
    assert_eq!(event["subject"], format!("windows/{window}"));
    assert_eq!(event["data"]["window"]["url"], format!("https://drydock.example/windows/{window}"));
    assert_eq!(event["data"]["window"]["digest"], house.digest(window).await.hex());
    assert_eq!((&event["data"]["database"]["short_name"], &event["data"]["window"]["owner"]), (&"prod-orders".into(), &"Egon".into()));

    let log = deliveries(&house, &admin, added.id).await;
    assert_eq!((log.len(), log[0].state.as_str(), log[0].window), (1, "taken", Some(window)));
    assert_eq!((log[0].tries[0].status, log[0].tries[0].taken), (Some(202), true));
    assert_eq!(log[0].tries[0].excerpt, "taken at /in?key=…", "receivers repeat the address, which is a secret");
    // The secrets are nowhere but sealed.
    for canary in ["canary-of-the-address", secret.expose_secret()] {
        for table in ["webhook", "webhook_secret", "webhook_event", "webhook_delivery", "webhook_try", "outbox"] {
            let found: i64 =
                sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM drydock.{table} t WHERE strpos(t::text, $1) > 0")))
                    .bind(canary)
                    .fetch_one(&house.admin)
                    .await
                    .expect("a number");
            assert_eq!(found, 0, "{table}");
        }
        let facts: i64 = sqlx::query_scalar("SELECT count(*) FROM drydock.fact f WHERE position(convert_to($1, 'UTF8') IN f.bytes) > 0")
            .bind(canary)
            .fetch_one(&house.admin)
            .await
            .expect("a number");
        assert_eq!(facts, 0);
    }
}

#[tokio::test]
async fn every_transition_has_its_event_in_the_same_transaction_and_nothing_else_has() {
    let house = House::new().await;
    let admin = administrator(&house, "Adele").await;
    let id = add(&house, &admin, &draft("https://hooks.example.org/")).await.id;
    let window = house.proposed(5).await.number;
    engine::actions::write_comment::write_comment(
        &house.engine,
        &house.lead,
        window,
        &engine::actions::write_comment::Input { text: "hm".into() },
    )
    .await
    .expect("written");
    cancel_window(&house.engine, &house.engineer, window, "not this week").await.expect("called off");
    let events = "SELECT string_agg(e.event, ' ' ORDER BY e.fact_id) FROM drydock.webhook_event e JOIN drydock.window w ON w.id = e.window_id AND w.number = $1";
    let told: String = sqlx::query_scalar(events).bind(window).fetch_one(&house.admin).await.expect("events");
    assert_eq!(told, "proposed withdrawn");
    let facts = "SELECT count(*) FROM drydock.webhook_event e JOIN drydock.fact f ON f.id = e.fact_id AND f.at = e.fact_at AND f.window_id = e.window_id AND f.xid = e.xmin::text::xid8";
    assert_eq!(house.count(facts).await, 2, "written by the transaction that wrote the fact");
    let reason: String = sqlx::query_scalar("SELECT happening ->> 'reason' FROM drydock.webhook_event WHERE event = 'withdrawn'")
        .fetch_one(&house.admin)
        .await
        .expect("a reason");
    assert_eq!(reason, "not this week");
    // A transition that fails owes nothing.
    assert!(cancel_window(&house.engine, &house.engineer, window, "again").await.is_err());
    assert_eq!(house.count("SELECT count(*) FROM drydock.webhook_event").await, 2);
    assert_eq!(deliveries(&house, &admin, id).await.len(), 2);
}

#[tokio::test]
async fn a_webhook_hears_of_what_it_is_narrowed_to() {
    let house = House::new().await;
    let admin = administrator(&house, "Adele").await;
    let other = house.foreigner.actor.teams[0].team;
    let narrowed = |name: &str, change: fn(&mut Draft, String, String)| {
        let mut draft = Draft { name: name.into(), ..draft("https://hooks.example.org/") };
        change(&mut draft, house.team.to_string(), other.to_string());
        draft
    };
    let drafts = [
        narrowed("all", |_, _, _| ()),
        narrowed("ours", |draft, own, _| (draft.team, draft.environment) = (own, "production".into())),
        narrowed("theirs", |draft, _, other| draft.team = other),
        narrowed("staging", |draft, _, _| draft.environment = "staging".into()),
        narrowed("ends", |draft, _, _| draft.events = vec!["withdrawn".into(), "all_clear".into()]),
        narrowed("deaf", |_, _, _| ()),
    ];
    for draft in &drafts {
        add(&house, &admin, draft).await;
    }
    let deaf =
        queries::webhooks::list(&house.engine, &admin).await.expect("listed").into_iter().find(|row| row.name == "deaf").expect("there");
    pause_webhook(&house.engine, &admin, deaf.id, &pause_webhook::Input { reason: "moving house".into() }).await.expect("paused");
    let window = house.proposed(5).await.number;
    cancel_window(&house.engine, &house.engineer, window, "not this week").await.expect("called off");
    let told: Vec<(String, String)> = sqlx::query_as(
        "SELECT h.name, string_agg(e.event, ' ' ORDER BY e.fact_id) FROM drydock.webhook_delivery d JOIN drydock.webhook h ON h.id = d.webhook_id JOIN drydock.webhook_event e ON e.id = d.event_id
         GROUP BY 1 ORDER BY 1",
    )
    .fetch_all(&house.admin)
    .await
    .expect("rows");
    let told: Vec<(&str, &str)> = told.iter().map(|(name, events)| (name.as_str(), events.as_str())).collect();
    assert_eq!(told, [("all", "proposed withdrawn"), ("ends", "withdrawn"), ("ours", "proposed withdrawn")]);
    assert_eq!(house.count("SELECT count(*) FROM drydock.webhook_event").await, 2, "one event, however many hear of it");
}

#[tokio::test]
async fn what_is_not_taken_is_tried_again_under_the_same_id_and_given_up_after_days() {
    let house = House::new().await;
    let admin = administrator(&house, "Adele").await;
    let (sink, messenger) = (HookSink::start().await, messenger(&house).await);
    let id = add(&house, &admin, &draft(&sink.url("/"))).await.id;
    house.proposed(5).await;
    for (n, (status, says)) in [
        ("503 Busy", "It could not take the call: 503."),
        ("404 Not Found", "It refused the call with 404."),
        ("302 Found", "It answered 302, a redirect: none is followed."),
    ]
    .into_iter()
    .enumerate()
    {
        sink.answer(status, "come \u{202e}back");
        all(&messenger).await;
        let log = deliveries(&house, &admin, id).await;
        assert_eq!((log[0].state.as_str(), log[0].tries.len()), ("waiting", n + 1), "{log:?}");
        assert!(log[0].last_error.as_deref().is_some_and(|error| error.starts_with(says)), "{log:?}");
        assert_eq!(log[0].tries[0].excerpt, "come ⟨U+202E⟩back");
        let_time_pass(&house).await;
    }
    sink.say(Says::HangUp);
    all(&messenger).await;
    let ids: std::collections::BTreeSet<String> = sink.got().iter().map(|got| got.header("webhook-id")).collect();
    assert_eq!((sink.got().len(), ids.len()), (4, 1));

    // Three days later.
    sqlx::query("UPDATE drydock.webhook_delivery SET attempts = 25, next_at = now()").execute(&house.admin).await.expect("time passes");
    sqlx::query("UPDATE drydock.webhook SET failing_since = now() - interval '73 hours'").execute(&house.admin).await.expect("time passes");
    sink.answer("500 Oops", "");
    all(&messenger).await;
    let page = queries::webhooks::show(&house.engine, &admin, id, None).await.expect("a page");
    assert_eq!((page.deliveries[0].state.as_str(), page.webhook.parked), ("parked", 1));
    let paused = page.webhook.paused.expect("paused by itself");
    assert!(paused.starts_with("It took nothing for three days. The last answer: It could not take the call: 500."), "{paused}");
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action = 'webhook.give_up' AND actor_kind = 'worker'").await, 1);
    let told = "SELECT count(*) FROM drydock.outbox o JOIN drydock.person p ON p.id = o.person_id WHERE o.kind = 'webhook_paused'";
    assert_eq!(house.count(told).await, 1, "administrators hear of it, and nobody else");

    // Back again: what was given up leaves as soon as somebody resumes it.
    sink.answer("200 OK", "");
    let delivery: DeliveryId = page.deliveries[0].id;
    all(&messenger).await;
    assert_eq!(deliveries(&house, &admin, id).await[0].state, "parked", "nothing leaves while it is paused");
    resume_webhook(&house.engine, &admin, id).await.expect("resumed");
    all(&messenger).await;
    let page = queries::webhooks::show(&house.engine, &admin, id, None).await.expect("a page");
    assert_eq!((page.deliveries[0].state.as_str(), page.webhook.failing_since), ("taken", None));
    resend_delivery(&house.engine, &admin, id, delivery).await.expect("what was taken can be sent again");
    all(&messenger).await;
    assert_eq!(sink.got().last().expect("a call").header("webhook-id"), sink.got()[0].header("webhook-id"));
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_paused_at_once_and_a_silent_one_makes_nobody_wait() {
    let house = House::new().await;
    let admin = administrator(&house, "Adele").await;
    let (gone, silent, good, messenger) =
        (HookSink::start().await, HookSink::start().await, HookSink::start().await, messenger(&house).await);
    gone.answer("410 Gone", "");
    silent.say(Says::Silence);
    for (name, sink) in [("gone", &gone), ("silent", &silent), ("good", &good)] {
        add(&house, &admin, &Draft { name: name.into(), ..draft(&sink.url("/")) }).await;
    }
    house.proposed(5).await;
    assert_eq!(messenger.round().await.expect("one round"), 3);
    assert_eq!((good.got().len(), gone.got().len(), silent.got().len()), (1, 1, 1));
    let states: Vec<(String, String)> = sqlx::query_as(
        "SELECT h.name, h.state || ' ' || d.state FROM drydock.webhook h JOIN drydock.webhook_delivery d ON d.webhook_id = h.id ORDER BY 1",
    )
    .fetch_all(&house.admin)
    .await
    .expect("rows");
    let states: Vec<(&str, &str)> = states.iter().map(|(name, state)| (name.as_str(), state.as_str())).collect();
    assert_eq!(states, [("gone", "paused waiting"), ("good", "active taken"), ("silent", "active waiting")]);
    assert_eq!(house.count("SELECT count(*) FROM drydock.webhook_try WHERE detail = 'No answer within 1 s.' AND status IS NULL").await, 1);
}

#[tokio::test]
async fn a_silent_receiver_keeps_none_of_anothers_events_back() {
    let house = House::new().await;
    let admin = administrator(&house, "Adele").await;
    let (silent, good) = (HookSink::start().await, HookSink::start().await);
    silent.say(Says::Silence);
    for (name, sink) in [("silent", &silent), ("good", &good)] {
        add(&house, &admin, &Draft { name: name.into(), ..draft(&sink.url("/")) }).await;
    }
    for days in [5, 7, 9] {
        house.proposed(days).await;
    }
    let patience = Duration::from_mins(1);
    let limits = Limits { connect: patience, total: patience };
    let rules = Rules { plain_http: true, allowed: vec!["127.0.0.1".parse().expect("a network")] };
    let context = context(&house, MailPins::default(), false).await;
    let outbound = Outbound::new(rules).expect("a client").within(limits);
    let calls = tokio::spawn(engine::notifier::webhooks::run_through(context, outbound));
    let end = tokio::time::Instant::now() + patience / 2;
    while good.got().len() < 3 {
        assert!(tokio::time::Instant::now() < end, "{} of 3 events arrived while the other is silent", good.got().len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(silent.got().len(), 1, "who is being called is not called again");
    calls.abort();
}

#[tokio::test]
async fn after_a_rotation_both_secrets_sign_and_then_the_new_one_alone() {
    let house = House::new().await;
    let admin = administrator(&house, "Adele").await;
    let (sink, messenger) = (HookSink::start().await, messenger(&house).await);
    let added = add(&house, &admin, &draft(&sink.url("/"))).await;
    let first = added.secret.expect("shown");
    let second = rotate_webhook_secret(&house.engine, &admin, added.id).await.expect("rotated").secret.expect("shown");
    let signatures = |got: &crate::hook_sink::Got| {
        let (id, timestamp) = (got.header("webhook-id"), got.header("webhook-timestamp"));
        let own = [&second, &first].map(|secret| signed(secret.expose_secret(), &id, &timestamp, &got.body));
        (got.header("webhook-signature"), own)
    };
    test_webhook(&house.engine, &admin, added.id).await.expect("a test");
    all(&messenger).await;
    let (header, own) = signatures(&sink.got()[0]);
    assert_eq!(header, own.join(" "), "the newest first");
    // A new one within the day breaks no promise.
    let third = rotate_webhook_secret(&house.engine, &admin, added.id).await.expect("rotated").secret.expect("shown");
    test_webhook(&house.engine, &admin, added.id).await.expect("a test");
    all(&messenger).await;
    let got = sink.got()[1].clone();
    let newest = signed(third.expose_secret(), &got.header("webhook-id"), &got.header("webhook-timestamp"), &got.body);
    let (header, own) = signatures(&got);
    assert_eq!(header, format!("{newest} {}", own.join(" ")));
    assert_eq!(sink.got()[0].json()["type"], "drydock.test");
    sqlx::query("UPDATE drydock.webhook_secret SET ends_at = now() - interval '1 s' WHERE version < 3")
        .execute(&house.admin)
        .await
        .expect("a day later");
    test_webhook(&house.engine, &admin, added.id).await.expect("a test");
    all(&messenger).await;
    let got = sink.got()[2].clone();
    let newest = signed(third.expose_secret(), &got.header("webhook-id"), &got.header("webhook-timestamp"), &got.body);
    assert_eq!(got.header("webhook-signature"), newest);
    rotate_webhook_secret(&house.engine, &admin, added.id).await.expect("rotated");
    assert_eq!(house.count("SELECT count(*) FROM drydock.webhook_secret WHERE sealed IS NULL").await, 2, "what is over is destroyed");
    let chat = add(&house, &admin, &Draft { format: "slack".into(), ..draft(&sink.url("/chat")) }).await;
    assert!(chat.secret.is_none());
    assert_eq!(code(rotate_webhook_secret(&house.engine, &admin, chat.id).await), "not_signed");
}

#[tokio::test]
async fn chats_get_their_own_kind_of_message() {
    let house = House::new().await;
    let admin = administrator(&house, "Adele").await;
    let (sink, messenger) = (HookSink::start().await, messenger(&house).await);
    for format in ["slack", "teams", "mattermost"] {
        add(&house, &admin, &Draft { name: format.into(), format: format.into(), ..draft(&sink.url(&format!("/{format}"))) }).await;
    }
    let staged = house.staged(When::NOW, |_| {}).await;
    assert_eq!(house.state(staged.number).await, WindowState::Approved.word());
    all(&messenger).await;
    for got in sink.got() {
        assert_eq!(got.header("content-type"), "application/json; charset=utf-8");
        let message = got.json().to_string();
        assert!(message.contains(&format!("Approval needed: window #{} on prod-orders", staged.number)), "{message}");
        assert!(!got.head.contains("webhook-signature"), "{}", got.head);
    }
    assert_eq!(sink.got().len(), 3);
}

#[tokio::test]
async fn only_administrators_who_proved_themselves_add_change_and_delete() {
    let house = House::new().await;
    let admin = administrator(&house, "Adele").await;
    let url = "https://hooks.example.org/a";
    for who in [&house.lead, &house.auditor] {
        assert_eq!(code(add_webhook(&house.engine, who, &draft(url)).await), "not_permitted");
        assert_eq!(code(queries::webhooks::list(&house.engine, who).await), "not_permitted");
    }
    let mut tired = admin.clone();
    tired.actor.elevated = false;
    assert_eq!(code(add_webhook(&house.engine, &tired, &draft(url)).await), "elevate");
    let Err(Error::Invalid(errors)) =
        add_webhook(&house.engine, &admin, &Draft { url: "https://me@x.example/".into(), ..Draft::default() }).await
    else {
        panic!("taken")
    };
    let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(fields, ["format", "url", "name"]);

    let id = add(&house, &admin, &draft(url)).await.id;
    let edited = |revision: &str, url: &str| edit_webhook::Input {
        revision: revision.into(),
        name: "Board".into(),
        url: url.into(),
        events: vec!["held".into()],
        ..edit_webhook::Input::default()
    };
    edit_webhook(&house.engine, &admin, id, &edited("1", "")).await.expect("its name and events");
    assert_eq!(code(edit_webhook(&house.engine, &admin, id, &edited("1", "")).await), "moved_on");
    let row = queries::webhooks::list(&house.engine, &admin).await.expect("listed").remove(0);
    assert_eq!(
        (row.name.as_str(), row.origin.as_str(), row.called_of().as_str()),
        ("Board", "https://hooks.example.org", "On hold: decision needed")
    );
    edit_webhook(&house.engine, &admin, id, &edited("2", "https://other.example.org/b")).await.expect("another address");
    assert_eq!(queries::webhooks::list(&house.engine, &admin).await.expect("listed")[0].origin, "https://other.example.org");

    assert!(matches!(
        delete_webhook(&house.engine, &admin, id, &delete_webhook::Input { confirm: "Bord".into() }).await,
        Err(Error::Invalid(_))
    ));
    delete_webhook(&house.engine, &admin, id, &delete_webhook::Input { confirm: "board".into() }).await.expect("deleted");
    assert_eq!(house.count("SELECT count(*) FROM drydock.webhook WHERE length(url) > 0").await, 0);
    assert_eq!(house.count("SELECT count(*) FROM drydock.webhook_secret WHERE sealed IS NOT NULL").await, 0);
    assert!(matches!(queries::webhooks::show(&house.engine, &admin, id, None).await, Err(Error::NotFound)));
    assert!(matches!(test_webhook(&house.engine, &admin, id).await, Err(Error::NotFound)));
    house.proposed(5).await;
    assert_eq!(house.count("SELECT count(*) FROM drydock.webhook_event").await, 0);
}
