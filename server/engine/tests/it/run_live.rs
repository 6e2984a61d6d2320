//! What the feed of watched runs reads, and who may watch.

use crate::house::House;
use crate::run_rows::working;
use domain::ids::RunId;
use domain::run::Outcome;
use domain::window::RunState;
use engine::Error;
use engine::queries::live::{self, Fresh, Key, Known};
use engine::queries::runs;

async fn look(house: &House, known: Known) -> Fresh {
    live::look(&house.engine, vec![known]).await.expect("readable").pop().expect("the run")
}

fn has(fresh: &Fresh) -> Known {
    Known { run: fresh.run, seq: Some(fresh.head.seq), version: fresh.version }
}

async fn line(house: &House, run: RunId, kind: &str, message: &str) {
    sqlx::query("INSERT INTO drydock.run_event (run_id, seq, ordinal, kind, message) SELECT $1, max(e.seq) + 1, 2, $2, $3 FROM drydock.run_event e WHERE e.run_id = $1")
        .bind(run.0)
        .bind(kind)
        .bind(message)
        .execute(&house.admin)
        .await
        .expect("a line");
}

#[tokio::test]
async fn the_first_look_is_the_page_and_the_next_ones_are_what_changed() {
    let house = House::new().await;
    let (_, run) = working(&house).await;
    let first = look(&house, Known { run, seq: None, version: 0 }).await;
    let page = runs::show(&house.engine, &house.engineer.actor, run).await.expect("the page").news();
    assert_eq!((first.items.as_ref(), &first.lines), (Some(&page.items), &page.lines));
    assert_eq!((first.head.seq, first.head.heard_ms, &first.head.progress), (page.head.seq, page.head.heard_ms, &page.head.progress));

    let quiet = look(&house, has(&first)).await;
    assert_eq!((quiet.items.as_ref(), quiet.lines.len()), (None, 0));
    line(&house, run, "progress", "3 of 4 blocks").await;
    let progress = look(&house, has(&first)).await;
    assert_eq!((progress.items.as_ref(), progress.lines.len()), (None, 0), "progress is where the run stands, not a line");
    assert_eq!(progress.head.progress.iter().map(|doing| doing.says.as_str()).collect::<Vec<_>>(), ["3 of 4 blocks"]);
    assert_eq!(progress.head.seq, first.head.seq + 1);

    line(&house, run, "outcome", "done").await;
    sqlx::query("UPDATE drydock.attempt SET state = 'done', outcome = 'done', ended_at = clock_timestamp() WHERE ordinal = 2")
        .execute(&house.admin)
        .await
        .expect("done");
    let done = look(&house, has(&progress)).await;
    assert_eq!(done.lines.iter().map(|line| line.message.as_str()).collect::<Vec<_>>(), ["done"]);
    let items = done.items.as_ref().expect("one changed");
    assert_eq!(items[1].tries[0].outcome, Some(Outcome::Done));
    assert_eq!(done.head.state, RunState::Leased);
}

#[tokio::test]
async fn a_run_is_admitted_to_those_who_see_its_team() {
    let house = House::new().await;
    let (_, run) = working(&house).await;
    for who in [&house.engineer, &house.stakeholder, &house.auditor] {
        assert_eq!(live::admit(&house.engine, &who.actor, run).await.expect("admitted"), house.team, "{}", who.actor.name);
    }
    assert!(matches!(live::admit(&house.engine, &house.foreigner.actor, run).await, Err(Error::Hidden)));
    assert!(matches!(live::admit(&house.engine, &house.engineer.actor, engine::clock::new_id()).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn only_living_sessions_of_active_people_watch_and_watching_keeps_none_alive() {
    let house = House::new().await;
    let keys: Vec<Key> = (1..=4).map(|n| [n; 32]).collect();
    for (key, who) in keys.iter().zip([&house.engineer, &house.lead, &house.deputy, &house.stakeholder]) {
        sqlx::query("INSERT INTO drydock.account (person_id, password_hash) VALUES ($1, '$argon2id$x')")
            .bind(who.actor.person.0)
            .execute(&house.admin)
            .await
            .expect("an account");
        sqlx::query("INSERT INTO drydock.session (key, person_id, data, last_seen_at, expires_at, absolute_end_at) VALUES ($1, $2, '{}', now() - interval '5 min', now() + interval '1 min', now() + interval '1 h')")
            .bind(key.as_slice())
            .bind(who.actor.person.0)
            .execute(&house.admin)
            .await
            .expect("a session");
    }
    sqlx::query("UPDATE drydock.session SET expires_at = now() - interval '1 s' WHERE key = $1")
        .bind(keys[1].as_slice())
        .execute(&house.admin)
        .await
        .expect("idle");
    sqlx::query("UPDATE drydock.person SET active = false WHERE id = $1")
        .bind(house.deputy.actor.person.0)
        .execute(&house.admin)
        .await
        .expect("left");
    let watchers = live::watchers(&house.engine, keys.clone()).await.expect("readable");
    assert_eq!(watchers.keys().copied().collect::<Vec<_>>(), [keys[0], keys[3]]);
    assert_eq!(watchers[&keys[0]].person, house.engineer.actor.person);
    assert_eq!(watchers[&keys[0]].teams, house.engineer.actor.teams);
    let touched = "SELECT count(*) FROM drydock.session WHERE last_seen_at > now() - interval '4 min'";
    assert_eq!(house.count(touched).await, 0);
}
