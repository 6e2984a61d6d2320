//! A session that is being ended, and everything that could bring it back at the same moment: a request that saves it, one that moves its
//! idle end, one that gives it a new key, and a sign-in that is under way. The one who ends it wins.

use crate::house::{House, with_account};
use domain::ids::SessionId;
use engine::Engine;
use engine::actions::Caller;
use engine::actions::end_sessions::{Which, end_sessions};
use engine::actions::keep_session::{Gain, SessionKey, begin, park, unpark};
use engine::actions::sign_in::SignedIn;
use engine::actions::sign_out::sign_out;
use engine::store::sessions;
use engine::store::sign_ins::Origin;
use futures_util::future::join_all;
use serde_json::json;
use sqlx::PgPool;

const ROUNDS: usize = 200;

fn origin() -> Origin {
    Origin { address: "192.0.2.44".into(), agent: "test".into() }
}

async fn fresh(engine: &Engine) -> SessionKey {
    let key = engine::clock::random::<32>();
    assert!(sessions::create(engine.pool(), &key, &json!({})).await.expect("made"));
    key
}

async fn epoch(admin: &PgPool, who: &Caller) -> i64 {
    sqlx::query_scalar("SELECT epoch FROM drydock.account WHERE person_id = $1")
        .bind(who.actor.person.0)
        .fetch_one(admin)
        .await
        .expect("an account")
}

async fn signed_in(engine: &Engine, admin: &PgPool, who: &Caller) -> (SessionKey, SessionId) {
    let key = fresh(engine).await;
    let proven = SignedIn { person: who.actor.person, epoch: epoch(admin, who).await, factor: false };
    begin(engine, key, proven, origin()).await.expect("nothing ended it");
    (key, sessions::holder(engine.pool(), &key).await.expect("readable").expect("there").id)
}

/// A request under the session that gives it a new key, as the confirmed password does; true when it got one.
async fn rotate(engine: &Engine, key: SessionKey, who: &Caller) -> bool {
    let Ok(parked) = park(engine, key, who.actor.person).await else { return false };
    let new = fresh(engine).await;
    unpark(engine, parked, new, Gain { control: true, factor: false }).await.is_ok()
}

/// A request under the session that keeps a message in it and moves its idle end.
async fn use_it(engine: &Engine, key: SessionKey) {
    for turn in 0..3 {
        sessions::save(engine.pool(), &key, &json!({ "flash": turn })).await.expect("saved or not");
        sessions::touch(engine.pool(), &key).await.expect("moved or not");
    }
}

async fn races(house: &House, who: &Caller) -> usize {
    let (engine, mut late) = (&house.engine, 0);
    for round in 0..ROUNDS {
        let (key, id) = signed_in(engine, &house.admin, who).await;
        if round % 4 == 0 {
            let (ended, rotated, ()) = tokio::join!(sign_out(engine, who, Some(id)), rotate(engine, key, who), use_it(engine, key));
            ended.expect("signed out");
            late += usize::from(rotated);
        } else if round % 4 == 1 {
            // Half way to its new key already: the last step and the end begin together.
            let parked = park(engine, key, who.actor.person).await.expect("it lives");
            let new = fresh(engine).await;
            let (rotated, ended, ()) = tokio::join!(
                unpark(engine, parked, new, Gain { control: true, factor: false }),
                sign_out(engine, who, Some(id)),
                use_it(engine, new)
            );
            ended.expect("signed out");
            late += usize::from(rotated.is_ok());
        } else {
            let proven = SignedIn { person: who.actor.person, epoch: epoch(&house.admin, who).await, factor: false };
            let other = fresh(engine).await;
            let (ended, rotated, _, ()) = tokio::join!(
                end_sessions(engine, who, Which::All),
                rotate(engine, key, who),
                begin(engine, other, proven, origin()),
                use_it(engine, key)
            );
            ended.expect("ended");
            late += usize::from(rotated);
            assert!(begin(engine, other, proven, origin()).await.is_err(), "a sign-in from before the end began a session");
        }
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM drydock.session WHERE person_id = $1")
            .bind(who.actor.person.0)
            .fetch_one(&house.admin)
            .await
            .expect("a number");
        assert_eq!(left, 0, "round {round}: a session came back");
    }
    late
}

#[tokio::test]
async fn a_thousand_sessions_that_are_ended_stay_ended() {
    let house = House::new().await;
    let people = [&house.lead, &house.deputy, &house.engineer, &house.stakeholder, &house.auditor];
    for who in people {
        with_account(&house, who).await;
    }
    let late = join_all(people.map(|who| races(&house, who))).await;
    // Some new keys were given just before the end, and ended with their session: else nothing was raced here.
    assert!(late.iter().sum::<usize>() > 0, "{late:?}");
}

#[tokio::test]
async fn a_new_key_keeps_name_origin_and_end_of_its_session() {
    let house = House::new().await;
    with_account(&house, &house.lead).await;
    let engine = &house.engine;
    let (old, id) = signed_in(engine, &house.admin, &house.lead).await;
    sqlx::query("UPDATE drydock.session SET absolute_end_at = now() + interval '1 hour', created_at = now() - interval '11 hours', elevated_until = '-infinity'")
        .execute(&house.admin)
        .await
        .expect("later");
    let parked = park(engine, old, house.lead.actor.person).await.expect("it lives");
    assert!(sessions::holder(engine.pool(), &old).await.expect("readable").is_none(), "the old key opens nothing at once");
    assert!(park(engine, old, house.lead.actor.person).await.is_err(), "nor twice");
    let new = fresh(engine).await;
    unpark(engine, parked, new, Gain::default()).await.expect("it was not ended");
    let holder = sessions::holder(engine.pool(), &new).await.expect("readable").expect("there");
    assert_eq!((holder.id, holder.person, holder.elevated), (id, Some(house.lead.actor.person), false));
    let kept = "SELECT count(*) FROM drydock.session WHERE address = '192.0.2.44' AND absolute_end_at < now() + interval '2 hours' AND created_at < now() - interval '10 hours'";
    assert_eq!(house.count(kept).await, 1);
    assert!(unpark(engine, parked, fresh(engine).await, Gain::default()).await.is_err(), "a parked session is given once");
}

#[tokio::test]
async fn a_form_under_way_lives_through_a_new_key() {
    let house = House::new().await;
    with_account(&house, &house.lead).await;
    let (key, _) = signed_in(&house.engine, &house.admin, &house.lead).await;
    assert!(sessions::claim_submission(house.engine.pool(), &[7; 32], &key).await.expect("claimed"));
    park(&house.engine, key, house.lead.actor.person).await.expect("it moves with its form");
    assert_eq!(house.count("SELECT count(*) FROM drydock.submission").await, 1);
}
