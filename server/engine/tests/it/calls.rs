//! Calls of own procedures on a real run, to a real receiver: nothing goes on before it says yes, what nobody answers is decided by a person,
//! and what a call began is taken back however the run ends.

use crate::changes::sends_with;
use crate::hook_sink::{HookSink, Says};
use crate::house::code;
use crate::own_procedures::{KEY, agree, file, propose, shelved};
use crate::run_stage::{RunStage, Worker};
use crate::voices::administrator;
use domain::hold::HoldVerb;
use domain::plan::PlanProcedure;
use domain::proposal::ProposalForm;
use domain::webhook::Draft;
use engine::Error;
use engine::actions::Caller;
use engine::actions::add_webhook::add_webhook;
use engine::actions::pause_webhook::{self, pause_webhook};
use engine::outbound::Rules;
use engine::queries;
use engine::test_support::fail_points::Deed;
use std::time::Duration;

const PATIENCE_S: u64 = 180;
const STEPS: &str = "\"webhook_pause\", \"freeze\", \"vacuum\", \"webhook_resume\", \"analyze\"";

fn calls(origin: &str) -> String {
    let one = |key: &str, title: &str, more: &str| {
        format!(
            "[[webhook]]\nkey = \"webhook_{key}\"\ntitle = \"{title}\"\nreceiver = \"pool manager\"\norigin = \"{origin}\"\ndoes = \"On the pooler.\"\nback = \"RESUME by hand.\"\nrisk = \"R3\"\n{more}\n"
        )
    };
    one("pause", "The pool is paused", "") + &one("resume", "The pool is open again", "closes = \"webhook_pause\"")
}

/// A house with a receiver, and an administrator who registered it.
struct Pool {
    stage: RunStage,
    sink: HookSink,
    admin: Caller,
    webhook: domain::ids::WebhookId,
}

impl Pool {
    async fn new() -> Self {
        let (stage, sink) = (RunStage::new().await, HookSink::start().await);
        stage.dead_rows("orders", 20_000).await;
        let admin = administrator(&stage.house, "Adele").await;
        let draft = Draft {
            name: "pool manager".into(),
            url: sink.url("/do?key=canary"),
            format: "cloudevents".into(),
            // Of nothing that happens here: the calls alone reach it.
            events: vec!["expired".into()],
            ..Draft::default()
        };
        let webhook = add_webhook(&stage.house.engine, &admin, &draft).await.expect("registered").id;
        Self { stage, sink, admin, webhook }
    }

    fn origin(&self) -> String {
        format!("http://{}", self.sink.address)
    }

    /// The same with a run of a procedure that calls it, due now.
    async fn due() -> Self {
        let pool = Self::new().await;
        let procedure = shelved(&pool.stage.house, &file(STEPS, &calls(&pool.origin()))).await;
        let (of, steps) = (PlanProcedure::of(&procedure), procedure.surveyed());
        pool.stage.due(move |plan| (plan.procedure, plan.envelope.steps) = (of, steps)).await;
        pool
    }

    fn worker(&self) -> Worker {
        let outbound = Rules { plain_http: true, allowed: vec!["127.0.0.1".parse().expect("a network")] };
        RunStage::worker_of(engine::worker::WorkerConfig { outbound, ..self.stage.config() })
    }

    /// Which steps it was called for, in their order.
    fn called(&self) -> Vec<String> {
        let key = |got: &crate::hook_sink::Got| got.json()["data"]["step"]["key"].as_str().unwrap_or_default().to_owned();
        self.sink.got().iter().map(key).collect()
    }

    async fn held(&self, step: &str) {
        let sql = format!("SELECT EXISTS (SELECT FROM drydock.run WHERE state = 'held' AND hold_step = 'webhook_{step}')");
        self.stage.until_text(PATIENCE_S, &sql).await;
    }

    async fn over(&self) -> String {
        self.stage.until(PATIENCE_S, "SELECT EXISTS (SELECT FROM drydock.run WHERE state = 'ended')").await;
        self.stage.page().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_after_a_call_begins_when_it_says_yes() {
    let pool = Pool::due().await;
    let worker = pool.worker();
    let said = pool.over().await;
    assert_eq!(pool.stage.text("SELECT ending FROM drydock.run").await, "finished", "{said}");
    assert_eq!(pool.called(), ["webhook_pause", "webhook_resume"], "{said}");
    let (got, run) = (pool.sink.got(), pool.stage.run().await);
    let event = got[0].json();
    assert_eq!((event["type"].as_str(), event["id"].as_str()), (Some("drydock.run.step"), Some(got[0].header("webhook-id").as_str())));
    assert_eq!(
        (event["data"]["run"]["id"].as_str(), &event["data"]["database"]["short_name"]),
        (Some(run.to_string().as_str()), &"prod-orders".into())
    );
    assert!(got[0].header("webhook-signature").starts_with("v1,"));
    // The first one was answered before anything was begun, the second one between the two items.
    let order = "SELECT bool_and(CASE c.step WHEN 'webhook_pause' THEN c.done_at < v.started_at ELSE c.done_at BETWEEN v.ended_at AND a.started_at END)
                 FROM drydock.run_call c, drydock.attempt v JOIN drydock.item i ON i.run_id = v.run_id AND i.ordinal = v.ordinal AND i.step = 'vacuum',
                      drydock.attempt a JOIN drydock.item j ON j.run_id = a.run_id AND j.ordinal = a.ordinal AND j.step = 'analyze'";
    pool.stage.until(1, order).await;
    let shown = queries::runs::show(&pool.stage.house.engine, &pool.stage.house.engineer.actor, run).await.expect("a page").outside;
    let said: Vec<_> = shown.iter().map(|row| (row.is_called, row.done.as_ref().map(|done| done.said.as_str()))).collect();
    assert_eq!(said, [(true, Some("Taken, with 204.")), (true, Some("Taken, with 204."))]);
    for table in ["run_call", "run_event", "fact"] {
        let sql = format!("SELECT count(*) FROM drydock.{table} t WHERE strpos(t::text, 'canary') > 0");
        let found: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&pool.stage.house.admin).await.expect("a number");
        assert_eq!(found, 0, "{table}: the address is a secret");
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_answers_is_decided_by_a_person() {
    let pool = Pool::due().await;
    pool.sink.answer("503 Service Unavailable", "starting");
    let worker = pool.worker();
    pool.held("pause").await;
    let reason = pool.stage.text("SELECT hold_reason FROM drydock.run").await;
    assert!(reason.contains("did not say yes. It could not take the call: 503.") && !reason.contains("starting"), "{reason}");
    assert_eq!(pool.called(), ["webhook_pause"; 3]);
    let ids: std::collections::BTreeSet<_> = pool.sink.got().iter().map(|got| got.header("webhook-id")).collect();
    assert_eq!(ids.len(), 1, "one id over all tries");
    assert_eq!(pool.stage.house.count("SELECT count(*) FROM drydock.attempt").await, 0, "nothing begins before");
    let page =
        queries::runs::show(&pool.stage.house.engine, &pool.stage.house.engineer.actor, pool.stage.run().await).await.expect("a page");
    assert!(page.asks_of_call && !page.asks_what_was_found);
    let engineer = &pool.stage.house.engineer;
    assert_eq!(code(pool.stage.decide(engineer, HoldVerb::Continue, "", "looked").await), "found");
    // It is called again, refuses at once, and then a person says that it is done.
    pool.sink.answer("422 Unprocessable Content", "");
    pool.stage.decide(engineer, HoldVerb::Continue, "did_not_run", "it was starting").await.expect("a decision");
    pool.stage.until(PATIENCE_S, "SELECT count(*) = 2 FROM drydock.run_event WHERE kind = 'warning' AND message LIKE 'On hold:%'").await;
    pool.held("pause").await;
    assert_eq!(pool.called().len(), 4, "a refusal is an answer");
    pool.sink.answer("200 OK", "");
    pool.stage.decide(engineer, HoldVerb::Continue, "ran", "paused it myself").await.expect("a decision");
    let said = pool.over().await;
    assert_eq!(pool.called()[4..], ["webhook_resume"], "{said}");
    assert_eq!(pool.stage.text("SELECT said FROM drydock.run_call WHERE settled_by IS NOT NULL").await, "paused it myself");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_call_began_is_taken_back_however_the_run_ends() {
    for (verb, ending) in [(HoldVerb::RollBack, "rolled_back"), (HoldVerb::Fail, "failed"), (HoldVerb::Validate, "finished")] {
        let pool = Pool::due().await;
        // It hangs up: whether it paused the pool is not known.
        pool.sink.say(Says::HangUp);
        let worker = pool.worker();
        pool.held("pause").await;
        pool.sink.answer("200 OK", "");
        pool.stage.decide(&pool.stage.house.engineer, verb, "", "leave it").await.expect("a decision");
        let said = pool.over().await;
        assert_eq!(pool.stage.text("SELECT ending FROM drydock.run").await, ending, "{said}");
        assert_eq!(pool.called().last().map(String::as_str), Some("webhook_resume"), "{verb:?}: {said}");
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_a_text_that_failed_is_not_called() {
    let pool = Pool::new().await;
    let house = &pool.stage.house;
    let cutover = "[[webhook]]\nkey = \"webhook_cutover\"\ntitle = \"The shop uses it\"\nreceiver = \"pool manager\"\norigin = \"ORIGIN\"\ndoes = \"It cuts over.\"\nback = \"Back again.\"\nrisk = \"R3\"\n";
    let text = "[sql]\nstatements = \"ALTER TABLE shop.nowhere ADD COLUMN x int\"\nno_way_back = \"There is none, by choice.\"\n";
    let steps = "\"webhook_pause\", \"sql\", \"webhook_cutover\", \"webhook_resume\"";
    let all = calls(&pool.origin()) + &cutover.replace("ORIGIN", &pool.origin()) + text;
    let procedure = shelved(house, &file(steps, &all)).await;
    let form = ProposalForm { procedure: KEY.into(), ..house.form(3) };
    let change = engine::change::of_form(&procedure, &form).expect("a text");
    pool.stage.due(move |plan| sends_with(plan, &procedure, change)).await;
    let worker = pool.worker();
    let said = pool.over().await;
    assert_eq!(pool.called(), ["webhook_pause", "webhook_resume"], "{said}");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_taken_back_is_said() {
    let pool = Pool::due().await;
    pool.sink.say(Says::HangUp);
    let worker = pool.worker();
    pool.held("pause").await;
    pool.stage.decide(&pool.stage.house.engineer, HoldVerb::Fail, "", "nobody is there").await.expect("a decision");
    let said = pool.over().await;
    let reason = pool.stage.text("SELECT state_reason FROM drydock.window").await;
    assert!(
        reason.contains("NOT taken back: “pool manager” did not say yes") && reason.contains("By hand: RESUME by hand."),
        "{reason}\n{said}"
    );
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_there_calls_again_under_the_same_id() {
    for (point, times) in [("after_ask_call", 1), ("after_call", 2)] {
        let pool = Pool::due().await;
        let first = pool.stage.worker_process_with(point, 1, Deed::Die);
        first.died(Duration::from_secs(PATIENCE_S)).await.expect("it dies there");
        assert_eq!(pool.stage.house.count("SELECT count(*) FROM drydock.run_call WHERE done_at IS NULL").await, 1);
        pool.stage.expire_lease().await;
        let worker = pool.worker();
        let said = pool.over().await;
        let pauses: Vec<_> = pool
            .sink
            .got()
            .iter()
            .filter(|got| got.json()["data"]["step"]["key"] == "webhook_pause")
            .map(|got| got.header("webhook-id"))
            .collect();
        assert_eq!(pauses.len(), times, "{point}: {said}");
        assert!(pauses.iter().all(|id| *id == pauses[0]), "{pauses:?}");
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_whom_people_agreed_to_is_called() {
    let pool = Pool::new().await;
    let (house, engine) = (&pool.stage.house, &pool.stage.house.engine);
    let refused = async |text: String| match propose(engine, &house.lead, &text).await {
        Err(Error::Invalid(errors)) => errors.into_iter().map(|error| error.message).collect::<Vec<_>>().join(" "),
        other => panic!("{other:?}"),
    };
    let good = file(STEPS, &calls(&pool.origin()));
    let said = refused(file(STEPS, &calls("https://elsewhere.example"))).await;
    assert!(said.contains("webhook 1, receiver: No receiver is called “pool manager” at https://elsewhere.example"), "{said}");
    let said = refused(good.replace("\"pool manager\"", "\"other\"")).await;
    assert!(said.contains("No receiver is called “other”"), "{said}");
    propose(engine, &house.lead, &good).await.expect("a good file");
    agree(engine, &house.deputy).await.expect("a second person");
    let procedure = {
        let mut db = house.admin.acquire().await.expect("a connection");
        engine::store::own_procedures::shelf(&mut db).await.expect("readable").own.remove(0)
    };
    let page = queries::webhooks::show(engine, &pool.admin, pool.webhook, None).await.expect("a page");
    assert_eq!(page.called_by, [(KEY.to_owned(), procedure.name.clone())], "whoever changes it is told who calls it");
    assert_eq!(
        queries::webhooks::form(engine, &pool.admin, Some(pool.webhook)).await.expect("a form").called_by,
        std::slice::from_ref(&procedure.name)
    );
    let (of, steps) = (PlanProcedure::of(&procedure), procedure.surveyed());
    pool.stage.due(move |plan| (plan.procedure, plan.envelope.steps) = (of, steps)).await;
    sqlx::query("UPDATE drydock.own_procedure SET ended_by = $1, ended_at = now()")
        .bind(house.lead.actor.person.0)
        .execute(&house.admin)
        .await
        .expect("it is offered no more");
    let page = queries::webhooks::show(engine, &pool.admin, pool.webhook, None).await.expect("a page");
    assert_eq!(page.called_by, [(KEY.to_owned(), procedure.name.clone())], "the window that is planned keeps its version");
    let why = pause_webhook::Input { reason: "being moved".into() };
    pause_webhook(engine, &pool.admin, pool.webhook, &why).await.expect("paused");
    let worker = pool.worker();
    pool.held("pause").await;
    let reason = pool.stage.text("SELECT hold_reason FROM drydock.run").await;
    assert!(reason.contains("“pool manager” is paused, and nothing is sent to it: being moved"), "{reason}");
    assert_eq!(pool.called(), [""; 0]);
    // Nor for the windows of another environment than the one it is kept for.
    sqlx::query("UPDATE drydock.webhook SET state = 'active', paused_reason = NULL, environment = 'staging'")
        .execute(&pool.stage.house.admin)
        .await
        .expect("kept for copies");
    pool.stage.decide(&pool.stage.house.engineer, HoldVerb::Continue, "did_not_run", "it was moved").await.expect("a decision");
    pool.stage
        .until(PATIENCE_S, "SELECT hold_reason LIKE '%“pool manager” was not called for the step %It is kept for windows of another environment.%' FROM drydock.run")
        .await;
    assert_eq!(pool.called(), [""; 0]);
    worker.stop().await;
}
