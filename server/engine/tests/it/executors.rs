//! Whoever approved does not execute, where the policy demands it: neither a start by hand nor going on after a hold.

use crate::house::{House, code};
use crate::run_stage::RunStage;
use crate::stage::When;
use domain::approval::executor::SEPARATE;
use domain::approval::{Assurance, Group, Policy, Rule};
use domain::hold::{HoldVerb, ResolveForm};
use domain::plan::Plan;
use engine::actions::Caller;
use engine::actions::hold_run::{self, hold_run};
use engine::actions::open_run::{Input, start_now};
use engine::actions::resolve_hold::resolve_hold;
use engine::queries::{runs, windows};
use uuid::Uuid;

fn demanded(plan: &mut Plan) {
    plan.policy.rules.separate_executor = true;
}

#[tokio::test]
async fn an_approver_does_not_start_what_another_engineer_may() {
    let house = House::new().await;
    let window = house.staged(When::NOW, demanded).await;
    house.backed_up().await;
    let page = windows::show(&house.engine, &house.lead.actor, window.number, None).await.expect("the page");
    assert_eq!(page.offers.start.why_not().map(|refusal| refusal.code.as_str()), Some(SEPARATE));
    let typed = Input { short_name: "prod-orders".into() };
    assert_eq!(code(start_now(&house.engine, &house.lead, window.number, &typed).await), SEPARATE);

    // Past the rule, the row itself is refused; the schedule's row, which nobody opened, is not.
    let opened_by = |person: Option<Uuid>| {
        sqlx::query(
            "INSERT INTO drydock.run (id, window_id, revision, target_id, plan_digest, opened_by, state_fact_id, state_fact_at)
             SELECT gen_random_uuid(), w.id, w.revision, t.target_id, p.digest, $2, w.state_fact_id, w.state_fact_at
             FROM drydock.window w JOIN drydock.plan p ON p.window_id = w.id AND p.revision = w.revision
             JOIN drydock.window_target t ON t.window_id = w.id AND t.revision = w.revision WHERE w.id = $1",
        )
        .bind(window.id.0)
        .bind(person)
    };
    let refused = opened_by(Some(house.lead.actor.person.0)).execute(&house.admin).await.expect_err("the guard");
    assert_eq!(refused.as_database_error().and_then(|error| error.constraint()), Some(SEPARATE));
    let mut undone = house.admin.begin().await.expect("begins");
    opened_by(None).execute(&mut *undone).await.expect("the schedule is nobody");
    undone.rollback().await.expect("undone");

    start_now(&house.engine, &house.engineer, window.number, &typed).await.expect("he did not approve");
}

#[tokio::test]
async fn an_approver_ends_a_hold_and_does_not_let_it_go_on() {
    let stage = RunStage::new().await;
    let house = &stage.house;
    stage.gated_index("one").await;
    stage.dead_rows("two", 1_000).await;
    let gate = stage.hold_gate().await;
    stage.due(demanded).await;
    let worker = stage.worker();
    stage.at_the_gate().await;
    let run = stage.run().await;
    let why = hold_run::Input { reason: "the shop is slow".into(), short_name: "prod-orders".into() };
    hold_run(&house.engine, &house.lead, run, &why).await.expect("an approver may always make it safe");
    drop(gate);
    stage.until(60, "SELECT state = 'held' FROM drydock.run").await;

    let decision = |verb: HoldVerb| ResolveForm { verb: verb.word().into(), found: String::new(), reason: "calm again".into() };
    let page = runs::show(&house.engine, &house.lead.actor, run).await.expect("the page");
    assert!(page.may_resolve.is_open() && page.may_not_go_on.is_some_and(|refusal| refusal.code == SEPARATE));
    assert_eq!(code(resolve_hold(&house.engine, &house.lead, run, &decision(HoldVerb::Continue)).await), SEPARATE);
    let go_on = "UPDATE drydock.run SET decision = 'continue', decided_by = $1";
    for (person, constraint) in [(Some(house.lead.actor.person.0), SEPARATE), (None, "run_executor_named")] {
        let refused = sqlx::query(go_on).bind(person).execute(&house.admin).await.expect_err("the guard");
        assert_eq!(refused.as_database_error().and_then(|error| error.constraint()), Some(constraint));
    }

    let page = runs::show(&house.engine, &house.engineer.actor, run).await.expect("the page");
    assert_eq!(page.may_not_go_on, None);
    resolve_hold(&house.engine, &house.engineer, run, &decision(HoldVerb::Continue)).await.expect("he did not approve");
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    worker.stop().await;
    let by = house.count("SELECT count(*) FROM drydock.run r JOIN drydock.person p ON p.id = r.decided_by WHERE p.name = 'Egon'").await;
    assert_eq!(by, 1, "the run says who decided");
}

#[tokio::test]
async fn the_page_offers_what_the_gate_allows_by_the_policy_of_today() {
    let house = House::new().await;
    let window = house.staged(When::NOW, |_| ()).await;
    let offered = async |who: &Caller| {
        let page = windows::show(&house.engine, &who.actor, window.number, None).await.expect("the page");
        (
            page.offers.start.why_not().map(|refusal| refusal.code.clone()),
            page.blocked.iter().map(|one| one.what.clone()).collect::<Vec<_>>(),
        )
    };
    let start = async |who: &Caller| code(start_now(&house.engine, who, window.number, &Input { short_name: "prod-orders".into() }).await);
    let (refused, blocked) = offered(&house.engineer).await;
    assert_eq!((refused.as_deref(), start(&house.engineer).await.as_str()), (Some("backup"), "backup"));
    assert!(blocked[0].starts_with("It is due"), "the schedule opens it, and says so in its pre-checks: {blocked:?}");
    house.backed_up().await;
    assert_eq!(offered(&house.engineer).await.0, None);
    // What was sealed asks for nobody else; what rules from now on does.
    house.ruled_by("Apart", "production", &Policy { separate_executor: true, ..Policy::standard() }).await;
    assert_eq!(offered(&house.lead).await.0.as_deref(), Some(SEPARATE));
    assert_eq!(start(&house.lead).await, SEPARATE);
    assert_eq!(offered(&house.engineer).await.0, None);
    // And what asks for more votes keeps everybody from it, and is said.
    let two = Rule::new("lead", Group::LeadsAndDeputies, 2, Assurance::Link);
    house.ruled_by("More", "production", &Policy::of(vec![two])).await;
    let (refused, blocked) = offered(&house.engineer).await;
    assert_eq!((refused.as_deref(), start(&house.engineer).await.as_str()), (Some("quorum"), "quorum"));
    assert!(blocked.len() == 1 && blocked[0].starts_with("Today's votes do not suffice"), "{blocked:?}");
}
