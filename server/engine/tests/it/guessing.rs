//! Guessing of passwords: every attempt costs the same and reads the same, whoever has the address, and no more of them run than the machine
//! can carry.

use crate::house::House;
use engine::Error;
use engine::actions::Caller;
use engine::actions::ask_reset::{self, ask_reset};
use engine::actions::sign_in::{Input, confirm_password, sign_in};
use engine::passwords;
use std::net::IpAddr;
use std::time::{Duration, Instant};

const PASSWORD: &str = "harbour violet seven drumsticks";
const HERE: &str = "192.0.2.44";

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

async fn with_account(house: &House, who: &Caller) {
    let hash = passwords::hash(&PASSWORD.to_owned().into()).await.expect("hashed");
    sqlx::query("INSERT INTO drydock.account (person_id, password_hash) VALUES ($1, $2)")
        .bind(who.actor.person.0)
        .bind(hash)
        .execute(&house.admin)
        .await
        .expect("an account");
}

async fn tried(house: &House, email: &str, password: &str, from: &str) -> Result<(), String> {
    let input = Input { email: email.into(), password: password.to_owned().into() };
    match sign_in(&house.engine, "test", &input, address(from)).await {
        Ok(_) => Ok(()),
        Err(Error::Refused(refusal)) => Err(refusal.code),
        Err(error) => Err(error.to_string()),
    }
}

async fn run(house: &House, sql: &'static str) {
    sqlx::query(sql).execute(&house.admin).await.expect("done");
}

async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !so().await {
        assert!(Instant::now() < end, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn whoever_is_tried_the_work_and_the_answer_are_the_same() {
    let house = House::new().await;
    for who in [&house.lead, &house.deputy, &house.engineer] {
        with_account(&house, who).await;
    }
    run(&house, "UPDATE drydock.person SET active = false WHERE email = 'dario@example.org'").await;
    for _ in 0..5 {
        assert_eq!(tried(&house, "egon@example.org", "a wrong password", "198.51.100.1").await, Err("sign_in_failed".into()));
    }
    run(&house, "UPDATE drydock.throttle SET blocked_until = now() + interval '5 minutes' WHERE blocked_until > '-infinity'").await;

    let turns = passwords::hold_turns().await.expect("all of them");
    // A wrong password, nobody, somebody deactivated, a contact without account, a paused account with the right password, no address at all.
    let attempts = [
        ("lena@example.org", "a wrong password"),
        ("nobody@example.org", PASSWORD),
        ("dario@example.org", PASSWORD),
        ("sten@example.org", PASSWORD),
        ("egon@example.org", PASSWORD),
        ("not an address", PASSWORD),
    ];
    let all = futures_util::future::join_all(attempts.map(|(email, password)| tried(&house, email, password, HERE)));
    let seen = async {
        // Each of them waits for the one thing that costs: none was answered before it.
        until("all six wait to be hashed", async || passwords::waiting() == attempts.len()).await;
        drop(turns);
    };
    let (answers, ()) = tokio::join!(all, seen);
    assert_eq!(answers, vec![Err::<(), _>("sign_in_failed".to_owned()); attempts.len()]);
    // And each left as much behind: its address and its fact, beside the network and the whole.
    assert_eq!(house.count("SELECT count(*) FROM drydock.throttle").await, 2 * 6 + 1 + 2 + 1);
    assert_eq!(tried(&house, "lena@example.org", PASSWORD, HERE).await, Ok(()));
}

#[tokio::test]
async fn the_queue_is_short_and_who_finds_it_full_is_sent_away() {
    let house = House::new().await;
    with_account(&house, &house.lead).await;
    let turns = passwords::hold_turns().await.expect("all of them");
    let waiting = futures_util::future::join_all((0..32).map(|_| tried(&house, "lena@example.org", PASSWORD, HERE)));
    let full = async {
        until("the queue is full", async || passwords::waiting() == 32).await;
        assert_eq!(tried(&house, "lena@example.org", PASSWORD, HERE).await, Err("busy".into()));
        assert_eq!(tried(&house, "nobody@example.org", PASSWORD, HERE).await, Err("busy".into()), "and so is a stranger");
        assert_eq!(
            tried(&house, "lena@example.org", &"x".repeat(1025), HERE).await,
            Err("sign_in_failed".into()),
            "too long to be hashed at all"
        );
        drop(turns);
    };
    let (answers, ()) = tokio::join!(waiting, full);
    assert!(answers.iter().all(Result::is_ok), "who waited is served: {answers:?}");
    assert_eq!(passwords::waiting(), 0);
}

#[tokio::test]
async fn an_account_pauses_for_every_process_and_a_burst_counts_whole() {
    let house = House::new().await;
    with_account(&house, &house.lead).await;
    // All of them begin before the first one failed.
    let turns = passwords::hold_turns().await.expect("all of them");
    let burst = futures_util::future::join_all((0..12).map(|_| tried(&house, "Lena@Example.org ", "a wrong password", HERE)));
    let seen = async {
        until("all twelve wait to be hashed", async || passwords::waiting() == 12).await;
        drop(turns);
    };
    let (burst, ()) = tokio::join!(burst, seen);
    assert!(burst.iter().all(|answer| answer == &Err("sign_in_failed".to_owned())), "{burst:?}");
    assert_eq!(house.count("SELECT max(failures)::bigint FROM drydock.throttle WHERE blocked_until > since").await, 12);
    assert_eq!(
        house.count("SELECT extract(epoch FROM max(blocked_until) - now())::bigint FROM drydock.throttle").await / 10,
        12,
        "128 s, a little less"
    );
    assert_eq!(tried(&house, "lena@example.org", PASSWORD, "203.0.113.9").await, Err("sign_in_failed".into()), "from everywhere");
    assert_eq!(
        house.count("SELECT max(failures)::bigint FROM drydock.throttle WHERE blocked_until > since").await,
        12,
        "what fails during a pause does not prolong it"
    );
    run(&house, "UPDATE drydock.throttle SET blocked_until = '-infinity'").await;
    assert_eq!(tried(&house, "lena@example.org", PASSWORD, HERE).await, Ok(()));
    assert_eq!(
        house.count("SELECT count(*) FROM drydock.throttle WHERE failures = 12 AND blocked_until = '-infinity'").await,
        2,
        "the account is forgotten, its network and facts stay"
    );
}

#[tokio::test]
async fn one_network_and_the_whole_wait_and_known_networks_get_in() {
    let house = House::new().await;
    with_account(&house, &house.lead).await;
    for guess in 0..30 {
        let email = format!("nobody{guess}@example.org");
        assert_eq!(tried(&house, &email, "a wrong password", "2001:db8:1:2::1").await, Err("sign_in_failed".into()), "{guess}");
    }
    assert_eq!(tried(&house, "lena@example.org", PASSWORD, "2001:db8:1:2:9::7").await, Err("throttled".into()), "the same network");
    assert_eq!(tried(&house, "lena@example.org", PASSWORD, "2001:db8:1:3::1").await, Ok(()));

    // As if a thousand networks had failed: what is left is to be known.
    run(
        &house,
        "UPDATE drydock.throttle SET blocked_until = now() + interval '5 minutes' WHERE subject = sha256('total'::bytea || '\\x00'::bytea)",
    )
    .await;
    assert_eq!(
        house.count("SELECT count(*) FROM drydock.throttle WHERE blocked_until > now() + interval '4 minutes'").await / 2,
        1,
        "network and whole"
    );
    assert_eq!(tried(&house, "lena@example.org", PASSWORD, HERE).await, Err("throttled".into()));
    run(&house, "INSERT INTO drydock.session (key, data, person_id, expires_at, absolute_end_at, address) SELECT sha256('k'::bytea), '{}', id, now(), now(), '192.0.2.44' FROM drydock.person WHERE email = 'lena@example.org'").await;
    assert_eq!(tried(&house, "lena@example.org", PASSWORD, HERE).await, Ok(()), "somebody signed in from here before");
    assert_eq!(tried(&house, "lena@example.org", PASSWORD, "192.0.2.45").await, Err("throttled".into()));
}

#[tokio::test]
async fn whoever_holds_a_session_does_not_guess_its_password_and_no_stranger_blocks_its_owner() {
    let house = House::new().await;
    with_account(&house, &house.lead).await;
    for _ in 0..6 {
        assert_eq!(tried(&house, "lena@example.org", "a wrong password", "198.51.100.1").await, Err("sign_in_failed".into()));
    }
    let confirm =
        async |typed: &str| confirm_password(&house.engine, &house.lead, "password", &typed.to_owned().into(), address(HERE)).await;
    confirm(PASSWORD).await.expect("strangers paused the sign-in, not this");
    for _ in 0..5 {
        assert!(matches!(confirm("a wrong password").await, Err(Error::Invalid(_))));
    }
    run(&house, "UPDATE drydock.throttle SET blocked_until = now() + interval '5 minutes' WHERE blocked_until > '-infinity'").await;
    let Err(Error::Refused(refusal)) = confirm(PASSWORD).await else { panic!("guessing goes on") };
    assert_eq!((refusal.code.as_str(), refusal.way_out.as_str()), ("throttled", "Wait 5 minutes, then try again."));
}

#[tokio::test]
async fn a_link_asked_for_tells_nobody_who_has_an_address() {
    let house = House::new().await;
    for who in [&house.lead, &house.deputy] {
        with_account(&house, who).await;
    }
    run(&house, "UPDATE drydock.person SET active = false WHERE email = 'dario@example.org'").await;
    for email in ["lena@example.org", "nobody@example.org", "dario@example.org", "sten@example.org", " Lena@example.org"] {
        let began = Instant::now();
        ask_reset(&house.engine, "test", &ask_reset::Input { email: email.into() }, address(HERE)).await.expect("always the same");
        assert!(began.elapsed() >= Duration::from_millis(400), "{email} was answered as soon as it was known");
    }
    assert_eq!(
        house.count("SELECT count(*) FROM drydock.link WHERE purpose = 'reset'").await,
        1,
        "one to Lena, and not a second one at once"
    );
    assert_eq!(house.count("SELECT count(*) FROM drydock.outbox WHERE kind = 'reset_asked' AND link_secret IS NOT NULL").await, 1);
    run(&house, "UPDATE drydock.throttle SET blocked_until = now() + interval '5 minutes'").await;
    let refused = ask_reset(&house.engine, "test", &ask_reset::Input { email: "lena@example.org".into() }, address(HERE)).await;
    assert!(matches!(refused, Err(Error::Refused(refusal)) if refusal.code == "throttled"));
}
