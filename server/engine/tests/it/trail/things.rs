//! Plans and votes are compared with the facts that recorded them.

use super::tampered;
use crate::house::House;
use engine::actions::amend_window::amend_window;
use engine::actions::approve_series::{self, approve_series};
use engine::actions::ask_series::{self, ask_series};
use engine::actions::cast_vote::{Input, cast_vote};
use engine::actions::move_window::{Input as Times, move_window};
use engine::actions::withdraw_series_vote::withdraw_series_vote;
use engine::actions::withdraw_vote::withdraw_vote;
use engine::trail::verify::{Known, Scope, verify};

/// A window with one approval and one that was taken back.
async fn decided() -> (House, i64) {
    let house = House::new().await;
    let window = house.proposed(7).await;
    let digest = house.digest(window.number).await.hex();
    for voter in [&house.stakeholder, &house.deputy] {
        let input = Input { decision: "approve".into(), digest: digest.clone(), short_name: "prod-orders".into(), ..Input::default() };
        cast_vote(&house.engine, voter, window.number, &input).await.expect("may vote");
    }
    withdraw_vote(&house.engine, &house.deputy, window.number).await.expect("may change his mind");
    (house, window.number)
}

#[tokio::test]
async fn plans_and_votes_that_match_their_facts_are_counted() {
    let (house, _) = decided().await;
    let report = verify(&mut house.admin.acquire().await.expect("connects"), &Known::nothing(), Scope::Whole).await.expect("verifiable");
    assert_eq!((report.flaw, report.things), (None, 3), "a plan and two votes");
}

#[tokio::test]
async fn an_edited_plan_or_vote_is_named() {
    let (house, number) = decided().await;
    let withdrawn = "(SELECT id FROM drydock.vote WHERE withdrawn_at IS NOT NULL)";
    let standing = "(SELECT id FROM drydock.vote WHERE withdrawn_at IS NULL)";
    for (statement, code) in [
        (
            "ALTER TABLE drydock.plan DROP CONSTRAINT plan_digest_matches; UPDATE drydock.plan SET bytes = bytes || ' '::bytea".to_owned(),
            "plan_digest",
        ),
        ("DELETE FROM drydock.plan".to_owned(), "plan_missing"),
        (
            "UPDATE drydock.plan SET bytes = bytes || ' '::bytea, digest = sha256('plan'::bytea || '\\x00'::bytea || bytes || ' '::bytea)"
                .to_owned(),
            "plan_unsealed",
        ),
        (format!("DELETE FROM drydock.vote WHERE id = {standing}"), "vote_missing"),
        (format!("UPDATE drydock.vote SET person_id = gen_random_uuid() WHERE id = {standing}"), "vote_unsealed"),
        (format!("UPDATE drydock.vote SET decision = 'reject', comment = 'no' WHERE id = {standing}"), "vote_unsealed"),
        (format!("UPDATE drydock.vote SET assurance = 'account_factor' WHERE id = {standing}"), "vote_unsealed"),
        (format!("UPDATE drydock.vote SET withdrawn_at = NULL WHERE id = {withdrawn}"), "vote_edited"),
        (format!("UPDATE drydock.vote SET withdrawn_at = now() WHERE id = {standing}"), "vote_edited"),
        (
            format!(
                "INSERT INTO drydock.vote (id, window_id, digest, person_id, decision, assurance) SELECT gen_random_uuid(), window_id, digest, person_id, 'approve', 'account' FROM drydock.vote WHERE id = {withdrawn}"
            ),
            "vote_unsealed",
        ),
        ("UPDATE drydock.policy_version SET bytes = bytes || ' '::bytea".to_owned(), "policy_digest"),
    ] {
        let prepared = format!(
            "ALTER TABLE drydock.policy_version DISABLE TRIGGER USER; ALTER TABLE drydock.policy_version DROP CONSTRAINT policy_digest_matches; {statement}"
        );
        let report = tampered(&house.admin, &Known::nothing(), &prepared).await;
        let flaw = report.flaw.unwrap_or_else(|| panic!("not found: {statement}"));
        assert_eq!(flaw.code, code, "{statement}: {}", flaw.says);
        assert_eq!(report.end, engine::trail::report::End::NotProven);
    }
    assert_eq!(house.state(number).await, "proposed");
}

#[tokio::test]
async fn every_plan_of_a_window_that_was_moved_and_edited_has_its_fact() {
    let house = House::new().await;
    let number = house.proposed(3).await.number;
    let form = house.form(5);
    let to = Times { revision: 1, date: form.date, time: form.time, ..Times::default() };
    move_window(&house.engine, &house.engineer, number, &to).await.expect("moved");
    amend_window(&house.engine, &house.engineer, number, 2, &house.form(6), None).await.expect("edited");
    let report = verify(&mut house.admin.acquire().await.expect("connects"), &Known::nothing(), Scope::Whole).await.expect("verifiable");
    assert_eq!((report.flaw, report.things), (None, 3), "three plans");
}

#[tokio::test]
async fn dates_approved_together_are_compared_too() {
    let yard = crate::series::Yard::new().await;
    let (house, id) = (&yard.house, yard.made(&yard.daily(1, 1)).await);
    ask_series(&house.engine, &house.engineer, id, &ask_series::Input { dates: "1".into() }).await.expect("put together");
    let digest: Vec<u8> = sqlx::query_scalar("SELECT digest FROM drydock.series_digest").fetch_one(&house.admin).await.expect("a digest");
    let ballot =
        approve_series::Input { digest: hex::encode(digest), short_name: "prod-orders".into(), ..approve_series::Input::default() };
    for voter in [&house.stakeholder, &house.lead] {
        approve_series(&house.engine, voter, id, &ballot).await.expect("may vote");
    }
    withdraw_series_vote(&house.engine, &house.stakeholder, id).await.expect("may change his mind");
    assert_eq!(yard.look(id).await.len(), 1);
    let report = verify(&mut house.admin.acquire().await.expect("connects"), &Known::nothing(), Scope::Whole).await.expect("verifiable");
    assert_eq!((report.flaw, report.things), (None, 5), "a plan, a digest, two votes and a covered window");
    let withdrawn = "(SELECT id FROM drydock.series_vote WHERE withdrawn_at IS NOT NULL)";
    let standing = "(SELECT id FROM drydock.series_vote WHERE withdrawn_at IS NULL)";
    for (statement, code) in [
        (
            "ALTER TABLE drydock.series_digest DROP CONSTRAINT series_digest_matches; UPDATE drydock.series_digest SET bytes = bytes || ' '::bytea".to_owned(),
            "series_digest",
        ),
        ("DELETE FROM drydock.series_digest".to_owned(), "series_missing"),
        (
            "UPDATE drydock.series_digest SET bytes = bytes || ' '::bytea, digest = sha256('series'::bytea || '\\x00'::bytea || bytes || ' '::bytea)".to_owned(),
            "series_unsealed",
        ),
        (format!("DELETE FROM drydock.series_vote WHERE id = {standing}"), "series_vote_missing"),
        (format!("UPDATE drydock.series_vote SET person_id = gen_random_uuid() WHERE id = {standing}"), "series_vote_unsealed"),
        (format!("UPDATE drydock.series_vote SET assurance = 'account_factor' WHERE id = {standing}"), "series_vote_unsealed"),
        (format!("UPDATE drydock.series_vote SET withdrawn_at = NULL, withdrawn_reason = NULL WHERE id = {withdrawn}"), "series_vote_edited"),
        (format!("UPDATE drydock.series_vote SET withdrawn_at = now(), withdrawn_reason = '' WHERE id = {standing}"), "series_vote_edited"),
        ("DELETE FROM drydock.series_cover".to_owned(), "cover_missing"),
        ("UPDATE drydock.series_cover SET plan_digest = '\\x00'".to_owned(), "cover_unsealed"),
        ("UPDATE drydock.series_cover SET fact_id = fact_id - 1".to_owned(), "cover_unsealed"),
    ] {
        let report = tampered(&house.admin, &Known::nothing(), &statement).await;
        assert_eq!(report.flaw.map(|flaw| flaw.code), Some(code), "{statement}");
    }
}
