//! A mail server that is away for a day, or for good: nothing is lost or given up early, the page says what hangs since when, and what still has to be
//! said leaves once it is back, in the order in which it was owed.

use crate::house::{House, person};
use crate::notifier::{SHORT, all, context, header, pins};
use crate::smtp_sink::{Closed, Mode};
use domain::people::GlobalRole;
use domain::view::mail::Shown;
use engine::actions::Caller;
use engine::actions::cast_vote::{Input, cast_vote_by_link};
use engine::actions::end_window::cancel_window;
use engine::actions::resend_notice::resend_parked;
use engine::notifier::{Notifier, Step};
use engine::queries::{home, outbox};
use engine::store::outbox::DeliveryResult;
use jiff::SignedDuration;

const HOUR_S: f64 = 3600.0;

/// Lets the time pass until the next message is due, and gives how long that took: what waits is that much older, and nearer to its try.
async fn until_next(house: &House) -> f64 {
    sqlx::query_scalar(
        "WITH next AS (SELECT greatest(min(o.next_at) - clock_timestamp(), interval '0') AS pause FROM drydock.outbox o WHERE o.state = 'waiting'),
              passed AS (UPDATE drydock.outbox o SET next_at = o.next_at - next.pause, created_at = o.created_at - next.pause FROM next WHERE o.state = 'waiting')
         SELECT extract(epoch FROM next.pause)::float8 FROM next",
    )
    .fetch_one(&house.admin)
    .await
    .expect("something waits")
}

/// Every try of so many hours, none of which finds the mail server. Gives the seconds that went by.
async fn nobody_there(house: &House, notifier: &mut Notifier, hours: f64) -> f64 {
    let mut passed_s = 0.0;
    loop {
        for result in all(notifier).await {
            assert_eq!(result, DeliveryResult::Deferred);
        }
        if passed_s >= hours * HOUR_S {
            return passed_s;
        }
        passed_s += until_next(house).await;
    }
}

/// What hangs, as the outbox page shows it, from the oldest on: about which window, for how many hours.
async fn hanging(house: &House, admin: &Caller, port: u16) -> Vec<(i64, f64)> {
    let page = outbox::list(&house.engine, admin, Shown::Open, None).await.expect("an administrator");
    assert_eq!((usize::try_from(page.waiting).expect("few"), page.parked), (page.rows.len(), 0));
    let now = house.engine.clock().now();
    let why = format!("The mail server 127.0.0.1:{port} cannot be used: ");
    for row in &page.rows {
        assert!(row.state == "waiting" && row.attempts > 0 && row.sent_at.is_none(), "{row:?}");
        assert!(row.last_error.as_ref().is_some_and(|said| said.starts_with(&why) && said.contains("refused")), "{row:?}");
        assert!(row.next_at > now && row.next_at < now + SignedDuration::from_hours(5), "{row:?}");
    }
    let hours = |row: &domain::view::mail::OutboxRow| now.duration_since(row.created_at).as_secs_f64() / HOUR_S;
    page.rows.iter().rev().map(|row| (row.window.expect("about one"), hours(row))).collect()
}

/// Message-IDs of what waits, in the order in which it was owed.
async fn owed(house: &House) -> Vec<String> {
    sqlx::query_scalar("SELECT '<' || o.message_id || '>' FROM drydock.outbox o WHERE o.state = 'waiting' ORDER BY o.fact_id, o.id")
        .fetch_all(&house.admin)
        .await
        .expect("messages")
}

fn ids(mails: &[String]) -> Vec<String> {
    mails.iter().map(|mail| header(mail, "Message-ID").to_owned()).collect()
}

#[tokio::test]
async fn a_server_that_was_away_for_a_day_gets_everything_once_and_in_order() {
    let house = House::new().await;
    let admin = person(&house.admin, "Adam", None, &[GlobalRole::Admin]).await;
    let away = Closed::new();
    let mut notifier = Notifier::new(context(&house, pins(away.port), false).await, SHORT);
    let kept = house.proposed(4).await.number;
    let secret = house.secret("approval_needed", house.stakeholder.actor.person).await;
    let mut passed_s = nobody_there(&house, &mut notifier, 6.0).await;
    let over = house.proposed(5).await.number;
    passed_s += nobody_there(&house, &mut notifier, 6.0).await;
    let hangs = hanging(&house, &admin, away.port).await;
    assert_eq!(hangs.iter().map(|(window, _)| *window).collect::<Vec<_>>(), [kept, kept, kept, over, over, over]);
    assert!(hangs.iter().all(|(window, hours)| if *window == kept { *hours >= 12.0 } else { (6.0..12.0).contains(hours) }), "{hangs:?}");

    cancel_window(&house.engine, &house.engineer, over, "not tonight").await.expect("taken back");
    passed_s += nobody_there(&house, &mut notifier, 10.0).await;
    let late = house.proposed(6).await.number;
    passed_s += nobody_there(&house, &mut notifier, 4.0).await;
    assert!(passed_s > 24.0 * HOUR_S, "{passed_s}");
    let dropped = outbox::list(&house.engine, &admin, Shown::Superseded, None).await.expect("an administrator").rows;
    assert_eq!(dropped.len(), 3, "nobody is asked about what was taken back");
    for row in dropped {
        assert_eq!(
            (row.window, row.last_error.as_deref()),
            (Some(over), Some("This window is withdrawn: there is nothing left to decide."))
        );
    }
    let hangs = hanging(&house, &admin, away.port).await;
    assert!(hangs.iter().filter(|(window, hours)| *window == kept && *hours > 24.0).count() == 3, "{hangs:?}");
    assert!(hangs.iter().filter(|(window, hours)| *window == late && (4.0..10.0).contains(hours)).count() == 3, "{hangs:?}");
    let first = home::home(&house.engine, &admin.actor).await.expect("a page").attention;
    let said = format!("{} messages did not go out yet: the mail server does not take them.", hangs.len());
    assert!(first.iter().any(|line| line.why == said), "{first:?}");
    assert_eq!(house.count("SELECT count(*) FROM drydock.delivery WHERE result <> 'deferred'").await, 0);

    let owed = owed(&house).await;
    let sink = away.open();
    until_next(&house).await;
    assert_eq!(
        all(&mut notifier).await,
        vec![DeliveryResult::Accepted; hangs.len()],
        "all of them with the first one, and not hours later"
    );
    let arrived = ids(&sink.mails());
    let rest: Vec<&String> = owed.iter().filter(|id| **id != arrived[0]).collect();
    assert_eq!(arrived[1..].iter().collect::<Vec<_>>(), rest, "each once, under its own id, what was owed first before the rest");
    assert!(owed.contains(&arrived[0]));
    assert_eq!(
        house.count("SELECT count(*) FROM drydock.outbox WHERE state NOT IN ('sent', 'superseded') OR link_secret IS NOT NULL").await,
        0
    );
    assert_eq!(
        house.count("SELECT count(*) FROM drydock.delivery WHERE result = 'accepted'").await,
        house.count("SELECT count(*) FROM drydock.outbox WHERE state = 'sent'").await
    );

    let link = format!("https://drydock.example/a/{secret}");
    let asks = |mail: &&String| header(mail, "To").contains("sten@example.org") && mail.replace("=\r\n", "").contains(&link);
    assert_eq!(sink.mails().iter().filter(asks).count(), 1);
    let digest = house.digest(kept).await.hex();
    let input = Input { decision: "approve".into(), digest, short_name: "prod-orders".into(), ..Input::default() };
    cast_vote_by_link(&house.engine, &secret, None, &input, "r").await.expect("the link decides a day later");
}

#[tokio::test]
async fn a_server_that_never_comes_back_is_given_up_after_three_days_and_not_before() {
    let house = House::new().await;
    let admin = person(&house.admin, "Adam", None, &[GlobalRole::Admin]).await;
    let away = Closed::new();
    let mut notifier = Notifier::new(context(&house, pins(away.port), false).await, SHORT);
    house.proposed(6).await;
    let owed = owed(&house).await;
    let mut passed_s = nobody_there(&house, &mut notifier, 66.0).await;
    assert_eq!(hanging(&house, &admin, away.port).await.len(), 3, "tried until then, and once more");
    while house.count("SELECT count(*) FROM drydock.outbox WHERE state = 'waiting'").await > 0 {
        passed_s += until_next(&house).await;
        all(&mut notifier).await;
    }
    assert!((72.0 * HOUR_S..120.0 * HOUR_S).contains(&passed_s), "{passed_s}");
    let page = outbox::list(&house.engine, &admin, Shown::Parked, None).await.expect("an administrator");
    assert_eq!((page.rows.len(), page.waiting, page.parked), (3, 0, 3));
    let why = "Given up after three days of trying. Last answer: The mail server ";
    assert!(page.rows.iter().all(|row| row.last_error.as_ref().is_some_and(|said| said.starts_with(why))), "{:?}", page.rows);

    let sink = away.open();
    notifier.sweep().await.expect("looked through");
    assert_eq!(all(&mut notifier).await, [], "three days later a person decides whether it still has to be said");
    assert_eq!(resend_parked(&house.engine, &admin).await.expect("sent anew"), 3);
    assert_eq!(all(&mut notifier).await, [DeliveryResult::Accepted; 3]);
    assert_eq!(ids(&sink.mails()), owed);
}

/// Otherwise one message at which the server hangs up, or a server that answers only now and then, would use up the tries of three days in an hour.
#[tokio::test]
async fn only_what_did_not_reach_a_server_that_was_away_leaves_before_its_time() {
    let house = House::new().await;
    let (sink, mut notifier) = crate::notifier::with_server(&house).await;
    house.proposed(3).await;
    for (mode, result) in
        [(Mode::Ok, DeliveryResult::Accepted), (Mode::CutBeforeData, DeliveryResult::Deferred), (Mode::Silent, DeliveryResult::Deferred)]
    {
        sink.behave(mode);
        let Step::Tried(answer) = notifier.step().await.expect("a step") else { panic!("nothing was due") };
        assert_eq!((answer.result, answer.unreached), (result, mode == Mode::Silent), "{mode:?}");
    }
    sink.behave(Mode::Ok);
    house.proposed(4).await;
    assert_eq!(all(&mut notifier).await, [DeliveryResult::Accepted; 3], "it took a message a moment ago: the other two wait");
    // The one that begins anew knows of no message that was taken.
    let mut notifier = Notifier::new(again(&house, sink.port).await, SHORT);
    house.proposed(5).await;
    assert_eq!(all(&mut notifier).await, [DeliveryResult::Accepted; 4], "and the one that nobody had heard of");
    assert_eq!(house.count("SELECT count(*) FROM drydock.outbox WHERE state = 'waiting' AND NOT unreached AND attempts = 1").await, 1);
}

async fn again(house: &House, port: u16) -> engine::worker::WorkerContext {
    sqlx::query("DELETE FROM drydock.installation").execute(&house.admin).await.expect("made anew by the second worker");
    context(house, pins(port), false).await
}
