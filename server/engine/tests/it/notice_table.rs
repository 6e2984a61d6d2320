//! The table of messages, walked against the ledger: one person for each part, every message, and nobody but those whom the table names.

use crate::house::{House, person};
use crate::inventory::worker;
use crate::run_stage::RunStage;
use crate::stage::When;
use crate::voices::account;
use domain::hold::HoldVerb;
use domain::ids::{PersonId, WindowId};
use domain::notice::NoticeKind;
use domain::notice::table::{Part, cell, told_of};
use domain::people::{GlobalRole, TeamRole};
use domain::window::WindowState;
use engine::actions::Caller;
use engine::actions::cast_vote::{self, cast_vote};
use engine::actions::close_window;
use engine::actions::end_window::cancel_window;
use engine::actions::hold_run;
use engine::actions::watch::{self, Thing, watch};
use engine::actions::withdraw_vote::withdraw_vote;
use engine::test_support::notices::tell;
use std::collections::{BTreeMap, BTreeSet};

/// A window in which everybody has one part and no other.
async fn cast(house: &House) -> (WindowId, i64, BTreeMap<Part, Vec<PersonId>>) {
    let number = house.proposed(5).await.number;
    let id: uuid::Uuid =
        sqlx::query_scalar("SELECT id FROM drydock.window WHERE number = $1").bind(number).fetch_one(&house.admin).await.expect("a window");
    let engineer = |name: &'static str| person(&house.admin, name, Some((house.team, TeamRole::Engineer, false)), &[]);
    let (owner, executor) = (engineer("Olga").await, engineer("Emil").await);
    let leader = person(&house.admin, "Leo", Some((house.team, TeamRole::Lead, false)), &[]).await;
    let depends = person(&house.admin, "Stine", None, &[]).await;
    let called = person(&house.admin, "Otto", None, &[]).await;
    let administers = person(&house.admin, "Adele", None, &[GlobalRole::Admin]).await;
    let invited = person(&house.admin, "Inga", None, &[]).await;
    for who in [&owner, &executor, &leader] {
        account(house, who.actor.person).await;
    }
    watch(&house.engine, &house.engineer, Thing::Window(number), &watch::Input { email: "wanda@example.org".into(), name: "Wanda".into() })
        .await
        .expect("a watcher");
    // Those who were asked when it was sealed are nothing else any more; others came after them.
    for (sql, who) in [
        ("UPDATE drydock.window SET owner_id = $1", owner.actor.person),
        ("INSERT INTO drydock.target_stakeholder (target_id, person_id) SELECT t.id, $1 FROM drydock.target t", depends.actor.person),
        ("DELETE FROM drydock.target_stakeholder WHERE person_id = $1", house.stakeholder.actor.person),
        ("DELETE FROM drydock.membership WHERE person_id = $1", house.stakeholder.actor.person),
        ("DELETE FROM drydock.membership WHERE person_id = $1", house.lead.actor.person),
        ("DELETE FROM drydock.membership WHERE person_id = $1", house.deputy.actor.person),
        ("UPDATE drydock.target SET on_call = 'Otto, +49 30 7' WHERE $1::uuid IS NOT NULL", called.actor.person),
    ] {
        sqlx::query(sql).bind(who.0).execute(&house.admin).await.expect(sql);
    }
    sqlx::query(
        "INSERT INTO drydock.fact (system_identifier, actor_kind, actor_id, window_id, action, object_kind, object_id, result, bytes, leaf)
         VALUES ('test', 'person', $1, $2, 'run.open', 'window', 'staged', 'done', '\\x00', sha256('\\x0000'::bytea))",
    )
    .bind(executor.actor.person.0)
    .bind(id)
    .execute(&house.admin)
    .await
    .expect("he started it");
    // She was asked once, and nothing connects her with the window but the entry in her calendar.
    sqlx::query(
        "INSERT INTO drydock.outbox (id, kind, person_id, window_id, message_id, fact_id, fact_at, state, sent_at)
         SELECT gen_random_uuid(), 'approval_needed', $1, $2, 'earlier', f.id, f.at, 'sent', now() FROM drydock.fact f WHERE f.object_id = 'staged'",
    )
    .bind(invited.actor.person.0)
    .bind(id)
    .execute(&house.admin)
    .await
    .expect("an earlier message");
    let wanda: uuid::Uuid =
        sqlx::query_scalar("SELECT id FROM drydock.person WHERE name = 'Wanda'").fetch_one(&house.admin).await.expect("a watcher");
    let one = |caller: &Caller| vec![caller.actor.person];
    let parts = BTreeMap::from([
        (Part::Owner, one(&owner)),
        (Part::Contributors, one(&house.engineer)),
        (Part::Executor, one(&executor)),
        (Part::Asked, vec![house.stakeholder.actor.person, house.lead.actor.person, house.deputy.actor.person]),
        (Part::Stakeholders, one(&depends)),
        (Part::Watchers, vec![PersonId(wanda)]),
        (Part::Invited, one(&invited)),
        (Part::OnCall, one(&called)),
        (Part::Leads, one(&leader)),
        (Part::Auditors, one(&house.auditor)),
        (Part::Administrators, one(&administers)),
    ]);
    (WindowId(id), number, parts)
}

async fn told(house: &House, kind: NoticeKind) -> Vec<PersonId> {
    let rows: Vec<uuid::Uuid> =
        sqlx::query_scalar("SELECT o.person_id FROM drydock.outbox o WHERE o.kind = $1 AND o.message_id <> 'earlier' ORDER BY 1")
            .bind(kind.word())
            .fetch_all(&house.admin)
            .await
            .expect("rows");
    rows.into_iter().map(PersonId).collect()
}

/// What stands on pages, and what of the mails ought to stand there: those to people with an account.
async fn on_pages(house: &House, kind: NoticeKind) -> (Vec<uuid::Uuid>, Vec<uuid::Uuid>) {
    let rows = |sql: &'static str| sqlx::query_scalar(sql).bind(kind.word()).fetch_all(&house.admin);
    (
        rows("SELECT m.person_id FROM drydock.message m WHERE m.kind = $1 AND m.window_id IS NOT NULL AND m.title <> '' ORDER BY 1")
            .await
            .expect("rows"),
        rows("SELECT o.person_id FROM drydock.outbox o JOIN drydock.account a ON a.person_id = o.person_id WHERE o.kind = $1 AND o.message_id <> 'earlier' ORDER BY 1")
            .await
            .expect("rows"),
    )
}

/// Puts away what is owed by now, but not what was said before the test began.
async fn forget(house: &House) {
    for sql in [
        "DELETE FROM drydock.message",
        "UPDATE drydock.outbox SET state = 'superseded', link_secret = NULL WHERE message_id <> 'earlier'",
        "DELETE FROM drydock.outbox WHERE message_id <> 'earlier'",
    ] {
        sqlx::query(sql).execute(&house.admin).await.expect("put away");
    }
}

#[tokio::test]
async fn every_message_reaches_those_whom_the_table_names_once_and_nobody_else() {
    let house = House::new().await;
    let (window, _, parts) = cast(&house).await;
    forget(&house).await;
    assert_eq!(house.count("SELECT count(*) FROM drydock.outbox").await, 1, "she has it in her calendar");
    // These go to whom the act itself names.
    let of_one = [NoticeKind::VoteCode, NoticeKind::VoteRecorded, NoticeKind::VotedInPlace, NoticeKind::HandedOver, NoticeKind::Mentioned];
    let (mut walked, mut told_on_pages) = (0, 0);
    for kind in NoticeKind::ALL.iter().copied().filter(|kind| kind.is_about_window() && !of_one.contains(kind)) {
        tell(house.engine.pool(), window, kind).await.expect("told");
        let expected: BTreeSet<PersonId> =
            parts.iter().filter(|(part, _)| cell(kind, **part).is_ok()).flat_map(|(_, people)| people.iter().copied()).collect();
        let rows = told(&house, kind).await;
        assert_eq!(rows.iter().copied().collect::<BTreeSet<_>>(), expected, "{}", kind.word());
        assert_eq!(rows.len(), expected.len(), "{}: once each", kind.word());
        let (pages, mails) = on_pages(&house, kind).await;
        assert_eq!(pages, mails, "{}: on the page of whoever has an account, too", kind.word());
        told_on_pages += pages.len();
        forget(&house).await;
        walked += 1;
    }
    assert!(walked >= 14 && told_on_pages >= 14, "only {walked} messages were walked, and {told_on_pages} stood on pages");
}

/// The kinds of messages that lie in the outbox now, without those to the person who acted.
async fn kinds(house: &House) -> BTreeSet<String> {
    let rows: Vec<String> = sqlx::query_scalar("SELECT DISTINCT o.kind FROM drydock.outbox o WHERE o.kind <> 'vote_recorded'")
        .fetch_all(&house.admin)
        .await
        .expect("rows");
    forget(house).await;
    rows.into_iter().collect()
}

#[tokio::test]
async fn what_people_do_to_a_window_is_told_by_the_message_of_its_transition() {
    use WindowState as W;
    let house = House::new().await;
    let vote = |who: Caller, number: i64, decision: &'static str| {
        let (engine, house) = (house.engine.clone(), &house);
        async move {
            let digest = house.digest(number).await.hex();
            let input = cast_vote::Input {
                decision: decision.into(),
                digest,
                short_name: "prod-orders".into(),
                comment: "so".into(),
                ..cast_vote::Input::default()
            };
            cast_vote(&engine, &who, number, &input).await.expect("a vote")
        }
    };
    let expected = |from, to| BTreeSet::from([told_of(from, to).expect("told").word().to_owned()]);
    let window = house.proposed(5).await.number;
    assert_eq!(kinds(&house).await, expected(W::Draft, W::Proposed));
    vote(house.stakeholder.clone(), window, "approve").await;
    assert_eq!(kinds(&house).await, BTreeSet::new(), "no transition yet");
    vote(house.lead.clone(), window, "approve").await;
    assert_eq!(kinds(&house).await, expected(W::Proposed, W::Approved));
    // Whoever else could decide instead is asked again, by a message of its own.
    withdraw_vote(&house.engine, &house.lead, window).await.expect("taken back");
    let asked = told_of(W::Draft, W::Proposed).expect("told").word().to_owned();
    assert_eq!(kinds(&house).await, expected(W::Approved, W::Proposed).into_iter().chain([asked]).collect());
    vote(house.deputy.clone(), window, "approve").await;
    assert_eq!(kinds(&house).await, expected(W::Proposed, W::Approved));
    cancel_window(&house.engine, &house.engineer, window, "not this week").await.expect("called off");
    assert_eq!(kinds(&house).await, expected(W::Approved, W::Cancelled));
    for (decision, to) in [("reject", W::Rejected), ("request_changes", W::Draft)] {
        let window = house.proposed(5).await.number;
        forget(&house).await;
        vote(house.stakeholder.clone(), window, decision).await;
        assert_eq!(kinds(&house).await, expected(W::Proposed, to));
    }
    let window = house.proposed(5).await.number;
    forget(&house).await;
    cancel_window(&house.engine, &house.engineer, window, "not needed").await.expect("taken back");
    assert_eq!(kinds(&house).await, expected(W::Proposed, W::Withdrawn));
}

#[tokio::test]
async fn what_a_worker_does_to_a_window_by_itself_is_told_by_the_message_of_its_transition() {
    use WindowState as W;
    let house = House::new().await;
    let worker = worker(&house).await;
    let run = |sql: &'static str| sqlx::query(sql).execute(&house.admin);
    let expected = |from, to| BTreeSet::from([told_of(from, to).expect("told").word().to_owned()]);
    // Nobody decides in time.
    let number = house.proposed(5).await.number;
    forget(&house).await;
    for sql in [
        "UPDATE drydock.revision SET decide_by_at = now() - interval '1 minute'",
        "UPDATE drydock.revision_stage SET decide_by_at = now() - interval '1 minute'",
    ] {
        run(sql).await.expect(sql);
    }
    engine::scheduler::tick(&worker).await.expect("ticks");
    assert_eq!(house.state(number).await, "expired");
    assert_eq!(kinds(&house).await, expected(W::Proposed, W::Expired));
    // Approved, and nothing lets it begin in time.
    let missed = house.staged(When { start_s: -3_600, latest_s: -60, cut_off_s: 3_600, end_s: 7_200 }, |_| ()).await;
    forget(&house).await;
    engine::scheduler::tick(&worker).await.expect("ticks");
    assert_eq!(house.state(missed.number).await, "missed");
    assert_eq!(kinds(&house).await, expected(W::Approved, W::Missed));
}

/// Real work on a real database: begun, held, gone on, and measured again; then begun, held, and given up.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_does_to_a_window_is_told_by_the_message_of_its_transition() {
    use WindowState as W;
    let of =
        |moves: &[(W, W)]| moves.iter().map(|(from, to)| told_of(*from, *to).expect("told").word().to_owned()).collect::<BTreeSet<_>>();
    for (verb, then) in [(HoldVerb::Continue, of(&[(W::Running, W::Validating)])), (HoldVerb::Fail, of(&[(W::Hold, W::Failed)]))] {
        let stage = RunStage::new().await;
        let house = &stage.house;
        stage.gated_index("invoices").await;
        stage.gated_index("letters").await;
        let gate = stage.hold_gate().await;
        stage.due(|_| ()).await;
        forget(house).await;
        let worker = stage.worker();
        stage.at_the_gate().await;
        let why = hold_run::Input { short_name: "prod-orders".into(), reason: "the web shop is slow".into() };
        hold_run::hold_run(&house.engine, &house.engineer, stage.run().await, &why).await.expect("it may be held");
        drop(gate);
        stage.until(60, "SELECT state = 'hold' FROM drydock.window").await;
        assert_eq!(kinds(house).await, of(&[(W::Approved, W::Running), (W::Running, W::Hold)]));
        stage.decide(&house.engineer, verb, "", "it is known by now").await.expect("a decision");
        stage.until(60, "SELECT state IN ('validating', 'failed') FROM drydock.window").await;
        // That it goes on is told by nothing, for a reason.
        assert!(told_of(W::Hold, W::Running).is_err());
        assert_eq!(kinds(house).await, then, "{verb:?}");
        worker.stop().await;
        if verb == HoldVerb::Continue {
            sqlx::query("UPDATE drydock.check_item SET state = CASE WHEN state = 'failed' THEN 'accepted' ELSE 'passed' END, note = 'seen', decided_by = $1 WHERE state IN ('open', 'failed')")
                .bind(house.lead.actor.person.0)
                .execute(&house.admin)
                .await
                .expect("answered");
            let number: i64 = sqlx::query_scalar("SELECT number FROM drydock.window").fetch_one(&house.admin).await.expect("one");
            let closing = close_window::Input { issues_met: "It was held for a while.".into() };
            close_window::close_window(&house.engine, &house.lead, number, &closing).await.expect("closed");
            assert_eq!(kinds(house).await, of(&[(W::Validating, W::Completed)]));
        }
    }
}
