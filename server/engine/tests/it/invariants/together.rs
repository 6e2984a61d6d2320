//! Dates of a series together: what was asked stands, votes are of those who may, and only a plan that is the same is covered.

use super::yard::By::{Auditor, Owner, Replica, Web, Worker};
use super::yard::{DENIED, FIXED, Yard};
use domain::ids::{PersonId, SeriesId};
use domain::procedure::Shelf;
use domain::series::form::SeriesForm;
use engine::Engine;
use engine::actions::ask_series::{self, ask_series};
use engine::actions::bear_window::bear_window;
use engine::actions::make_series::{Step, make_series};
use engine::test_support::ServiceRole;

/// A series of three days of which the first two were put together by the deputy.
async fn asked(yard: &Yard) -> SeriesId {
    yard.set("INSERT INTO drydock.account (person_id, password_hash) SELECT p.id, '$argon2id$x' FROM drydock.person p").await;
    let house = &yard.house;
    let form = SeriesForm {
        proposal: house.form(2),
        repeat: "daily".into(),
        ends: "count".into(),
        count: "3".into(),
        lead_days: "5".into(),
        ..SeriesForm::blank()
    };
    let seen = form.parse(&Shelf::default(), &engine::change::read_typed).expect("good").seen("Europe/Berlin");
    let Step::Saved(id) = make_series(&house.engine, &house.engineer, &form, &seen).await.expect("saved") else {
        panic!("its dates were seen")
    };
    ask_series(&house.engine, &house.deputy, id, &ask_series::Input { dates: "2".into() }).await.expect("put together");
    id
}

fn a_vote(person: PersonId, known: &str, columns: &str, values: &str) -> String {
    format!(
        "INSERT INTO drydock.series_vote (id, series_digest_id, digest, person_id, assurance{columns})
         SELECT gen_random_uuid(), d.id, d.digest, '{person}', '{known}'{values} FROM drydock.series_digest d ORDER BY d.asked_at LIMIT 1"
    )
}

/// The same dates, asked about once more.
const AGAIN: &str = "INSERT INTO drydock.series_digest (id, series_id, team_id, revision, digest, bytes, first_start_at, last_start_at, asked_by)
     SELECT gen_random_uuid(), series_id, team_id, revision, digest, bytes, first_start_at, last_start_at, asked_by FROM drydock.series_digest";

#[tokio::test]
async fn what_was_asked_stands_and_says_what_its_bytes_say() {
    let yard = Yard::new().await;
    asked(&yard).await;
    yard.allows(Web, AGAIN).await;
    let with = |from: &str, to: &str| AGAIN.replacen(from, to, 2).replacen(to, from, 1);
    for by in [Owner, Replica] {
        yard.refuses(&[
            (by, with("bytes,", "bytes || '\\x20'::bytea,"), "series_digest_matches"),
            (by, with("revision,", "revision + 1,"), "series_digest_speaks"),
            (by, with("last_start_at,", "last_start_at + interval '1 day',"), "series_digest_speaks"),
            (by, with("series_id,", "gen_random_uuid(),"), "series_digest_speaks"),
            (by, "UPDATE drydock.series_digest SET revision = 2".into(), FIXED),
            (by, "DELETE FROM drydock.series_digest".into(), FIXED),
            (by, "TRUNCATE drydock.series_digest CASCADE".into(), FIXED),
        ])
        .await;
    }
    yard.refuses(&[
        (Worker, AGAIN.into(), DENIED),
        (Auditor, AGAIN.into(), DENIED),
        (Web, AGAIN.replace("asked_by)", "asked_by, asked_at)").replace("asked_by FROM", "asked_by, now() FROM"), DENIED),
        (Owner, "UPDATE drydock.series SET ended_at = now(), ended_by = author_id, ended_reason = ''; ".to_owned() + AGAIN, "series_over"),
    ])
    .await;
}

#[tokio::test]
async fn dates_are_voted_on_once_by_those_who_may_and_while_they_count() {
    let yard = Yard::new().await;
    asked(&yard).await;
    let (lead, sten) = (yard.house.lead.actor.person, yard.house.stakeholder.actor.person);
    let vote = a_vote(lead, "account", "", "");
    yard.allows(Web, &vote).await;
    let saved = "UPDATE drydock.series SET revision = revision + 1";
    for by in [Owner, Replica] {
        yard.refuses(&[
            (by, format!("{vote}; {vote}"), "series_vote_once"),
            (by, a_vote(yard.house.engineer.actor.person, "account", "", ""), "series_vote_not_by_author"),
            (by, a_vote(yard.house.deputy.actor.person, "account", "", ""), "series_vote_not_by_author"),
            (by, a_vote(yard.house.auditor.actor.person, "account", "", ""), "series_vote_by_eligible_person"),
            (by, format!("UPDATE drydock.person SET active = false WHERE id = '{sten}'; {}", a_vote(sten, "account", "", "")), "series_vote_by_eligible_person"),
            (by, a_vote(lead, "link", "", ""), "series_vote_assurance_check"),
            (by, a_vote(lead, "account_factor", "", ""), "series_vote_with_factor"),
            (by, format!("{saved}; {vote}"), "series_vote_current"),
            (by, format!("{AGAIN}; {vote}"), "series_vote_current"),
            (by, format!("{vote}; UPDATE drydock.series_vote SET comment = 'x'"), "series_vote_fixed"),
            (by, format!("{vote}; UPDATE drydock.series_vote SET withdrawn_at = now(), withdrawn_reason = 'x'; UPDATE drydock.series_vote SET withdrawn_at = NULL, withdrawn_reason = NULL"), "series_vote_fixed"),
            (by, format!("{vote}; DELETE FROM drydock.series_vote"), FIXED),
            (by, "TRUNCATE drydock.series_vote".into(), FIXED),
            (
                by,
                format!(
                    "INSERT INTO drydock.identity_change (person_id, changed_by, what) VALUES ('{lead}', '{}', 'role'); {vote}",
                    yard.house.engineer.actor.person
                ),
                "series_vote_not_by_whom_an_author_changed",
            ),
        ])
        .await;
    }
    yard.refuses(&[
        (Worker, vote.clone(), DENIED),
        (Web, a_vote(lead, "account", ", cast_at", ", now()"), DENIED),
        (Web, "UPDATE drydock.series_vote SET comment = 'x'".into(), DENIED),
    ])
    .await;
}

#[tokio::test]
async fn only_a_plan_that_is_the_same_is_covered() {
    let yard = Yard::new().await;
    let id = asked(&yard).await;
    let worker = Engine::connect(yard.house.database.options(ServiceRole::Worker), 4).await.expect("the worker role connects");
    let born = |days: i64| {
        let (worker, day) = (worker.clone(), yard.house.form(days).date.parse().expect("a day"));
        async move { bear_window(&worker, id, day).await.expect("no error").expect("proposed").id }
    };
    let first = born(2).await;
    assert_eq!(yard.house.count("SELECT count(*) FROM drydock.series_cover").await, 1, "the first date is what was asked about");
    // Somebody more may vote on the second one.
    yard.set(&format!(
        "INSERT INTO drydock.target_stakeholder (target_id, person_id) VALUES ('{}', '{}')",
        yard.house.target, yard.house.auditor.actor.person
    ))
    .await;
    let (second, third) = (born(3).await, born(4).await);
    assert_eq!(yard.house.count("SELECT count(*) FROM drydock.series_cover").await, 1);
    assert_eq!(yard.house.count("SELECT count(*) FROM drydock.series_birth WHERE uncovered IS NOT NULL").await, 2);
    let cover = |window: &str, revision: i32| {
        format!(
            "INSERT INTO drydock.series_cover (window_id, plan_digest, series_digest_id, fact_id, fact_at)
             SELECT p.window_id, p.digest, (SELECT d.id FROM drydock.series_digest d ORDER BY d.asked_at LIMIT 1), {} FROM drydock.plan p WHERE p.window_id = {window} AND p.revision = {revision}",
            yard.fact
        )
    };
    let of = |window: domain::ids::WindowId| cover(&format!("'{window}'::uuid"), 1);
    for by in [Worker, Owner, Replica] {
        yard.refuses(&[
            (by, of(second), "series_cover_equal"),
            (by, of(third), "series_cover_equal"),
            (by, cover(&yard.window, 1), "series_cover_born"),
        ])
        .await;
    }
    for by in [Owner, Replica] {
        yard.refuses(&[
            (by, format!("{AGAIN}; {}", of(second)), "series_cover_current"),
            (by, format!("UPDATE drydock.series SET revision = revision + 1; {}", of(second)), "series_cover_current"),
            (by, of(first), "series_cover_pkey"),
            (by, "UPDATE drydock.series_cover SET covered_at = now()".into(), FIXED),
            (by, "DELETE FROM drydock.series_cover".into(), FIXED),
            (by, "TRUNCATE drydock.series_cover".into(), FIXED),
        ])
        .await;
    }
    yard.refuses(&[(Web, of(second), DENIED), (Auditor, of(second), DENIED)]).await;
}
