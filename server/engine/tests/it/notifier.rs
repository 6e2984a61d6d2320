//! Messages against a mail server that misbehaves: nothing lost, nothing twice without the same Message-ID, the log true.

use crate::house::House;
use crate::smtp_sink::{Mode, SmtpSink};
use engine::actions::amend_window::amend_window;
use engine::actions::cast_vote::{Input, cast_vote_by_link};
use engine::actions::end_window::cancel_window;
use engine::notifier::{Limits, MailPins, Notifier, Step};
use engine::store::outbox::DeliveryResult;
use engine::test_support::ServiceRole;
use engine::worker::{WorkerConfig, WorkerContext};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

pub const SHORT: Limits =
    Limits { connect: Duration::from_millis(500), command: Duration::from_millis(500), message: Duration::from_millis(500) };

pub async fn context(house: &House, mail: MailPins, demo: bool) -> WorkerContext {
    sqlx::query("INSERT INTO drydock.installation (id, demo, public_url) VALUES (gen_random_uuid(), $1, 'https://drydock.example')")
        .bind(demo)
        .execute(&house.admin)
        .await
        .expect("an installation");
    let config = WorkerConfig {
        database: house.database.options(ServiceRole::Worker),
        connections: 4,
        runs_at_once: engine::runner::AT_ONCE,
        data_dir: house.keys.path().to_owned(),
        public_url: "https://drydock.example".parse().expect("a URL"),
        demo,
        mail,
        outbound: engine::outbound::Rules::default(),
        program_folders: engine::cluster::program_folders(&[]),
        backups_dir: None,
        scratch_dir: house.keys.path().join("scratch"),
    };
    WorkerContext::connect(config, CancellationToken::new()).await.expect("a worker")
}

/// The settings of a mail server on this machine.
pub fn pins(port: u16) -> MailPins {
    MailPins {
        host: Some("127.0.0.1".into()),
        port: Some(port),
        tls: Some("none".into()),
        from: Some("drydock@example.org".into()),
        ..MailPins::default()
    }
}

pub async fn with_server(house: &House) -> (SmtpSink, Notifier) {
    let sink = SmtpSink::start();
    let notifier = Notifier::new(context(house, pins(sink.port), false).await, SHORT);
    (sink, notifier)
}

/// Sends until nothing is due, and gives what each try came to.
pub async fn all(notifier: &mut Notifier) -> Vec<DeliveryResult> {
    let mut results = Vec::new();
    loop {
        match notifier.step().await.expect("the state database answers") {
            Step::Idle => return results,
            Step::Tried(answer) => results.push(answer.result),
            Step::Overtaken => {}
        }
    }
}

/// Makes everything that waits due now, as time would.
async fn let_time_pass(house: &House) {
    sqlx::query("UPDATE drydock.outbox SET next_at = now() WHERE state = 'waiting'").execute(&house.admin).await.expect("time passes");
}

async fn reason(house: &House) -> String {
    sqlx::query_scalar("SELECT last_error FROM drydock.outbox WHERE last_error IS NOT NULL LIMIT 1")
        .fetch_one(&house.admin)
        .await
        .expect("a reason")
}

pub fn header<'a>(mail: &'a str, name: &str) -> &'a str {
    mail.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
}

#[tokio::test]
async fn what_is_taken_is_sent_once_and_its_secret_erased() {
    let house = House::new().await;
    let (sink, mut notifier) = with_server(&house).await;
    house.proposed(3).await;
    assert_eq!(all(&mut notifier).await, [DeliveryResult::Accepted; 3]);
    assert_eq!(
        house.count("SELECT count(*) FROM drydock.outbox WHERE state = 'sent' AND link_secret IS NULL AND sent_at IS NOT NULL").await,
        3
    );
    assert_eq!(house.count("SELECT count(*) FROM drydock.delivery WHERE result = 'accepted'").await, 3);
    assert_eq!(all(&mut notifier).await, []);
    let mails = sink.mails();
    assert_eq!(mails.len(), 3);
    for mail in &mails {
        assert_eq!(header(mail, "Auto-Submitted"), "auto-generated");
        assert!(header(mail, "References").starts_with("<window-"), "{mail}");
        assert!(mail.contains("Content-Type: text/calendar; charset=utf-8; method=REQUEST"), "{mail}");
    }
}

#[tokio::test]
async fn a_busy_server_gets_it_later_and_nothing_is_lost() {
    let house = House::new().await;
    let (sink, mut notifier) = with_server(&house).await;
    house.proposed(3).await;
    sink.behave(Mode::Later);
    assert_eq!(all(&mut notifier).await, [DeliveryResult::Deferred; 3]);
    assert_eq!(house.count("SELECT count(*) FROM drydock.outbox WHERE state = 'waiting' AND next_at BETWEEN now() + interval '50 s' AND now() + interval '80 s'").await, 3);
    assert_eq!(
        reason(&house).await,
        "The mail server asks to try again later: “451 4.3.2 mailbox busy⟨U+0007⟩, come back”",
        "foreign text is made visible"
    );
    sink.behave(Mode::Ok);
    let_time_pass(&house).await;
    assert_eq!(all(&mut notifier).await, [DeliveryResult::Accepted; 3]);
    assert_eq!(sink.mails().len(), 3);
    assert_eq!(house.count("SELECT count(*) FROM drydock.delivery").await, 6);
}

#[tokio::test]
async fn what_the_server_refuses_is_parked_with_its_words() {
    let house = House::new().await;
    let (sink, mut notifier) = with_server(&house).await;
    house.proposed(3).await;
    for mode in [Mode::Refuse, Mode::RefuseAfterData] {
        sink.behave(mode);
        let Step::Tried(answer) = notifier.step().await.expect("a step") else { panic!("nothing was due") };
        assert_eq!(answer.result, DeliveryResult::Refused);
        assert!(!answer.server_down, "the next message has its own chance");
    }
    assert_eq!(house.count("SELECT count(*) FROM drydock.outbox WHERE state = 'parked' AND link_secret IS NOT NULL").await, 2);
    assert_eq!(house.count("SELECT count(*) FROM drydock.outbox WHERE last_error = 'The mail server refused the message: “550 5.1.1 no such person here”'").await, 1);
    assert_eq!(
        house
            .count(
                "SELECT count(*) FROM drydock.outbox WHERE last_error = 'The mail server refused the message: “554 5.7.1 looks like spam”'"
            )
            .await,
        1
    );
}

#[tokio::test]
async fn a_cut_after_the_message_is_doubtful_and_comes_again_under_the_same_id() {
    let house = House::new().await;
    let (sink, mut notifier) = with_server(&house).await;
    house.proposed(3).await;
    sink.behave(Mode::CutAfterData);
    let Step::Tried(answer) = notifier.step().await.expect("a step") else { panic!("nothing was due") };
    assert_eq!((answer.result, answer.server_down), (DeliveryResult::Doubtful, true));
    assert_eq!(
        house.count("SELECT count(*) FROM drydock.outbox WHERE state = 'waiting' AND attempts = 1 AND link_secret IS NOT NULL").await,
        1
    );
    sink.behave(Mode::Ok);
    let_time_pass(&house).await;
    assert_eq!(all(&mut notifier).await, [DeliveryResult::Accepted; 3]);
    let mut ids: Vec<String> = sink.mails().iter().map(|mail| header(mail, "Message-ID").to_owned()).collect();
    assert_eq!(ids.len(), 4, "one arrived twice");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3, "under the same id");
    assert_eq!(house.count("SELECT count(*) FROM drydock.delivery WHERE result = 'doubtful'").await, 1);
}

#[tokio::test]
async fn a_server_that_is_down_silent_or_hangs_up_early_defers() {
    let house = House::new().await;
    let (sink, mut notifier) = with_server(&house).await;
    house.proposed(3).await;
    for (mode, word) in [(Mode::CutBeforeData, "lost before it had the message"), (Mode::Silent, "no answer within 0 s")] {
        sink.behave(mode);
        let Step::Tried(answer) = notifier.step().await.expect("a step") else { panic!("nothing was due") };
        assert_eq!((answer.result, answer.server_down), (DeliveryResult::Deferred, true), "{mode:?}");
        assert!(answer.detail.contains(word), "{}", answer.detail);
    }
    assert_eq!(house.count("SELECT count(*) FROM drydock.outbox WHERE state = 'waiting'").await, 3);
    assert!(sink.mails().is_empty());
}

#[tokio::test]
async fn a_wrong_password_defers_because_it_can_be_mended() {
    let house = House::new().await;
    let sink = SmtpSink::start();
    sink.behave(Mode::NoSignIn);
    let pins = MailPins {
        host: Some("127.0.0.1".into()),
        port: Some(sink.port),
        tls: Some("none".into()),
        from: Some("drydock@example.org".into()),
        username: Some("drydock".into()),
        password: Some("canary-of-the-mail-password".into()),
    };
    let mut notifier = Notifier::new(context(&house, pins, false).await, SHORT);
    house.proposed(3).await;
    let Step::Tried(answer) = notifier.step().await.expect("a step") else { panic!("nothing was due") };
    assert_eq!((answer.result, answer.server_down), (DeliveryResult::Deferred, true));
    assert!(answer.detail.contains("535 5.7.8 bad credentials") && !answer.detail.contains("canary"), "{}", answer.detail);
}

#[tokio::test]
async fn without_a_mail_server_messages_are_parked_and_leave_once_there_is_one() {
    let house = House::new().await;
    let mut notifier = Notifier::new(context(&house, MailPins::default(), false).await, SHORT);
    house.proposed(3).await;
    assert_eq!(all(&mut notifier).await, [DeliveryResult::Refused; 3]);
    assert_eq!(
        house.count("SELECT count(*) FROM drydock.outbox WHERE state = 'parked' AND last_error = 'No mail server is configured.'").await,
        3
    );
    let sink = SmtpSink::start();
    sqlx::query("INSERT INTO drydock.setting (key, value) VALUES ('smtp.host', '\"127.0.0.1\"'), ('smtp.port', to_jsonb($1)), ('smtp.tls', '\"none\"'), ('smtp.from', '\"drydock@example.org\"')")
        .bind(i32::from(sink.port))
        .execute(&house.admin)
        .await
        .expect("settings");
    notifier.sweep().await.expect("looked through");
    assert_eq!(all(&mut notifier).await, [DeliveryResult::Accepted; 3]);
    assert_eq!(sink.mails().len(), 3);
}

#[tokio::test]
async fn a_demo_keeps_its_mails_in_the_mailbox_with_links_that_work() {
    let house = House::new().await;
    let mut notifier = Notifier::new(context(&house, MailPins::default(), true).await, SHORT);
    let window = house.proposed(3).await;
    all(&mut notifier).await;
    let text: String = sqlx::query_scalar("SELECT text_body FROM drydock.mailbox WHERE recipient = 'sten@example.org'")
        .fetch_one(&house.admin)
        .await
        .expect("a mail");
    let secret =
        text.split("https://drydock.example/a/").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a link in the mail");
    let digest = house.digest(window.number).await;
    assert!(text.contains(&digest.short()), "the mail shows the digest: {text}");
    let input = Input { decision: "approve".into(), digest: digest.hex(), short_name: "prod-orders".into(), ..Input::default() };
    cast_vote_by_link(&house.engine, secret, None, &input, "r").await.expect("the mailed link decides");
}

#[tokio::test]
async fn what_was_overtaken_is_not_sent() {
    let house = House::new().await;
    let (sink, mut notifier) = with_server(&house).await;
    let window = house.proposed(3).await;
    sink.behave(Mode::Refuse);
    notifier.step().await.expect("one is parked");
    sink.behave(Mode::Ok);
    amend_window(&house.engine, &house.engineer, window.number, 1, &house.form(4), None).await.expect("an edit");
    assert_eq!(all(&mut notifier).await, [DeliveryResult::Accepted; 3], "only the new requests");
    cancel_window(&house.engine, &house.engineer, window.number, "not tonight").await.expect("called off");
    let mails = all(&mut notifier).await.len();
    assert_eq!(
        house.count("SELECT count(*) FROM drydock.outbox WHERE kind = 'cancelled' AND state = 'sent'").await,
        i64::try_from(mails).expect("few")
    );
    assert_eq!(house.count("SELECT count(*) FROM drydock.outbox WHERE state NOT IN ('sent', 'superseded')").await, 0);
    assert!(sink.mails().last().expect("a mail").contains("method=CANCEL"));
}

#[tokio::test]
async fn two_notifiers_never_take_the_same_message() {
    let house = House::new().await;
    let (sink, mut one) = with_server(&house).await;
    for _ in 0..4 {
        house.proposed(3).await;
    }
    sqlx::query("DELETE FROM drydock.installation").execute(&house.admin).await.expect("made anew by the second worker");
    let mut two = Notifier::new(context(&house, pins(sink.port), false).await, SHORT);
    let (a, b) = tokio::join!(all(&mut one), all(&mut two));
    assert_eq!(a.len() + b.len(), 12);
    assert_eq!(sink.mails().len(), 12);
}

#[tokio::test]
async fn a_message_left_behind_by_a_dead_worker_is_taken_over_and_counted_as_doubtful() {
    let house = House::new().await;
    let (sink, mut notifier) = with_server(&house).await;
    house.proposed(3).await;
    sqlx::query("UPDATE drydock.outbox SET state = 'sending', worker = 'dead', attempts = 1, lease_until = now() - interval '1 s'")
        .execute(&house.admin)
        .await
        .expect("a worker died");
    assert_eq!(all(&mut notifier).await, [DeliveryResult::Accepted; 3]);
    assert_eq!(house.count("SELECT count(*) FROM drydock.delivery WHERE result = 'doubtful'").await, 3);
    assert_eq!(sink.mails().len(), 3);
}
