//! Own procedures: proposed as a file, agreed to by somebody else, sealed whole into plans, and run from there.

use crate::changes::sends_with;
use crate::house::{House, code};
use crate::policies::Town;
use crate::rehearsals::plan as plan_of;
use crate::run_stage::RunStage;
use crate::series::Yard;
use domain::approval::Policy;
use domain::approval::policy::Scope;
use domain::change::ChangeForm;
use domain::ids::OwnProcedureId;
use domain::plan::{Plan, PlanProcedure};
use domain::procedure::{Procedure, library};
use domain::proposal::ProposalForm;
use domain::view::procedures::ProcedurePage;
use engine::actions::Caller;
use engine::actions::agree_procedure::{self, agree_procedure};
use engine::actions::amend_window::amend_window;
use engine::actions::approve_series::{self, approve_series};
use engine::actions::end_procedure::{self, end_procedure};
use engine::actions::move_window::{self, move_window};
use engine::actions::propose_procedure::{Input, propose_procedure};
use engine::actions::propose_window::propose_window;
use engine::store::own_procedures;
use engine::{Engine, queries};

pub const KEY: &str = "own_shop_nightly";

/// A good file with these steps.
pub fn file(steps: &str, more: &str) -> String {
    format!(
        "key = \"{KEY}\"\nname = \"nightly for the shop\"\nabout = \"Every night.\"\ndbms = \"postgresql\"\nsteps = [{steps}]\n{more}\n"
    )
}

const FIRST: &str = "\"freeze\", \"vacuum\", \"analyze\"";
const MORE: &str = "[thresholds]\nvacuum_min_dead_rows = 5000\n[[check]]\ntitle = \"The shop takes orders\"\nrule = \"Place one.\"";

pub async fn propose(engine: &Engine, by: &Caller, text: &str) -> engine::Result<String> {
    // As its page sends it, where there is one.
    let shown = queries::procedures::show(engine, by, KEY).await.ok();
    let of = shown.as_ref().map(|page| page.key.clone()).unwrap_or_default();
    let base = shown.and_then(|page| page.current).map(|(_, procedure)| procedure.version.to_string()).unwrap_or_default();
    propose_procedure(engine, by, &Input { text: text.into(), of, base, ..Input::default() }).await
}

pub async fn page(engine: &Engine, by: &Caller) -> ProcedurePage {
    queries::procedures::show(engine, by, KEY).await.expect("a page")
}

/// Lets the version count that waits.
pub async fn agree(engine: &Engine, by: &Caller) -> engine::Result<String> {
    let waiting = page(engine, by).await.waiting.expect("a version waits");
    agree_procedure(engine, by, waiting.id, &agree_procedure::Input { digest: waiting.digest.hex() }).await
}

/// Lets a good file count, by two people; gives what it says.
pub async fn shelved(house: &House, text: &str) -> Procedure {
    propose(&house.engine, &house.lead, text).await.expect("a good file");
    agree(&house.engine, &house.deputy).await.expect("a second person");
    let mut db = house.admin.acquire().await.expect("a connection");
    own_procedures::shelf(&mut db).await.expect("readable").own.remove(0)
}

fn shown_as(shown: &str) -> end_procedure::Input {
    end_procedure::Input { shown: shown.into() }
}

#[tokio::test]
async fn it_counts_once_somebody_else_agrees_and_ends() {
    let town = Town::new().await;
    let (house, engine) = (&town.house, &town.house.engine);
    for who in [&house.engineer, &house.stakeholder] {
        assert_eq!(code(propose(engine, who, &file(FIRST, MORE)).await), "not_permitted");
    }
    assert_eq!(code(propose(engine, &house.lead, "steps = 3").await), "text");
    assert_eq!(code(propose(engine, &house.lead, &file("\"drop\"", "")).await), "text");
    assert_eq!(propose(engine, &house.lead, &file(FIRST, MORE)).await.expect("a good file"), KEY);
    assert_eq!(code(propose(engine, &town.ada, &file(FIRST, "")).await), "change_waits");

    // Nothing counts yet.
    let form = ProposalForm { procedure: KEY.into(), ..house.form(3) };
    assert_eq!(code(propose_window(engine, &house.engineer, &form, None).await), "procedure");
    let home = queries::home::home(engine, &town.bert.actor).await.expect("a page");
    assert!(home.attention.iter().any(|entry| entry.to == format!("/procedures/{KEY}")), "{:?}", home.attention);
    let of_lead = queries::home::home(engine, &house.lead.actor).await.expect("a page");
    assert!(of_lead.attention.iter().all(|entry| entry.what != "Procedures"), "not the one who proposed it");

    assert_eq!(code(agree(engine, &house.lead).await), "four_eyes");
    assert_eq!(code(agree(engine, &house.engineer).await), "not_permitted");
    let id = page(engine, &town.bert).await.waiting.expect("it waits").id;
    let other = agree_procedure::Input { digest: "00".repeat(32) };
    assert_eq!(code(agree_procedure(engine, &town.bert, id, &other).await), "moved_on");
    agree(engine, &town.bert).await.expect("a second person");
    assert_eq!(code(agree_procedure(engine, &town.bert, id, &other).await), "moved_on", "once");

    // What was proposed with it holds it whole.
    let number = propose_window(engine, &house.engineer, &form, None).await.expect("it counts").number;
    let sealed = plan_of(house, number).await;
    let own = sealed.procedure.own.clone().expect("its bytes are in the plan");
    assert_eq!((own.key.as_str(), own.version, sealed.procedure.known()), (KEY, 1, Some((*own).clone())));
    assert_eq!(sealed.parameters.vacuum_min_dead_rows, 5_000, "its own threshold, where nobody types another");
    assert_eq!(sealed.envelope.steps, ["freeze", "vacuum", "analyze"]);
    assert_eq!(sealed.checklist.last().map(|check| check.title.as_str()), Some("The shop takes orders"));
    let typed = ProposalForm { parameters: [("vacuum_min_dead_rows".to_owned(), "7".to_owned())].into(), ..form.clone() };
    let later = ProposalForm { date: house.form(5).date, ..typed };
    let number = propose_window(engine, &house.engineer, &later, None).await.expect("it counts").number;
    assert_eq!(plan_of(house, number).await.parameters.vacuum_min_dead_rows, 7, "whoever proposes may type another");

    // The next version.
    assert_eq!(code(propose(engine, &house.lead, &file(FIRST, MORE)).await), "text", "nothing differs");
    let next = file(&format!("{FIRST}, \"space\""), "");
    let stale = Input { text: next.clone(), of: KEY.into(), base: "7".into(), ..Input::default() };
    assert_eq!(code(propose_procedure(engine, &house.lead, &stale).await), "moved_on");
    let by_chance = Input { text: next.clone(), ..Input::default() };
    assert_eq!(code(propose_procedure(engine, &house.lead, &by_chance).await), "text", "somebody else's key");
    propose(engine, &house.lead, &next).await.expect("a good file");
    let waiting = page(engine, &town.ada).await.waiting.expect("it waits");
    let said = waiting.changes.expect("against version 1").join(" ");
    assert!(said.contains("“Look at the space” is new") && said.contains("it was 5000") && said.contains("questions"), "{said}");
    agree(engine, &town.ada).await.expect("a second person");
    let shown = page(engine, &town.ada).await;
    assert_eq!(shown.current.as_ref().map(|(_, one)| one.version), Some(2));
    assert_eq!(shown.versions.iter().map(|one| (one.version, one.ended.is_some())).collect::<Vec<_>>(), [(2, false), (1, true)]);
    assert_eq!(plan_of(house, number).await.procedure.version, 1, "what is sealed stays");

    // Moved, the window does what it did; edited, it does what counts now.
    let moved = move_window::Input { revision: 1, date: house.form(6).date, time: later.time.clone(), ..move_window::Input::default() };
    move_window(engine, &house.engineer, number, &moved).await.expect("moved");
    let after = plan_of(house, number).await;
    assert_eq!((after.revision, after.procedure.version, after.parameters.vacuum_min_dead_rows), (2, 1, 7));
    let again = ProposalForm { date: house.form(6).date, ..later.clone() };
    amend_window(engine, &house.engineer, number, 2, &again, None).await.expect("edited");
    let edited = plan_of(house, number).await;
    assert_eq!(edited.procedure.version, 2);
    // What is said of a change is said in few lines.
    let json = |plan: &Plan| serde_json::to_value(plan).expect("JSON");
    let difference = domain::view::windows::changes(&json(&after), &json(&edited));
    let places: Vec<&str> = difference.iter().map(|change| change.place.as_str()).filter(|place| place.starts_with("procedure")).collect();
    assert!(places.contains(&"procedure › steps") && places.len() < 12, "{places:?}");

    // A policy for the library's procedure rules what does its work.
    let of_weekly = Scope {
        environments: ["production".to_owned()].into(),
        procedures: ["weekly_postgresql".to_owned()].into(),
        precedence: 50,
        ..Scope::default()
    };
    house.ruled_by("Of weekly", "production", &Policy { scope: Some(of_weekly), ..Policy::standard() }).await;
    let ruled = propose_window(engine, &house.engineer, &ProposalForm { date: house.form(8).date, ..form.clone() }, None).await;
    assert_eq!(plan_of(house, ruled.expect("proposed").number).await.policy.name, "Of weekly");

    // A name is taken once, whoever had it first.
    let copy = next.replace(KEY, "own_other");
    assert_eq!(code(propose(engine, &house.lead, &copy).await), "text");
    let weekly = next.replace(KEY, "own_other").replace("nightly for the shop", "Weekly (PostgreSQL)");
    assert_eq!(code(propose(engine, &house.lead, &weekly).await), "text");

    // It ends; a version that was proposed meanwhile is taken back.
    let counting = shown.current.and_then(|(id, _)| id).expect("it counts");
    assert_eq!(code(end_procedure(engine, &house.engineer, counting, &shown_as("counts")).await), "not_permitted");
    assert_eq!(code(end_procedure(engine, &town.bert, counting, &shown_as("waits")).await), "moved_on", "a page of before");
    assert_eq!(end_procedure(engine, &town.bert, counting, &shown_as("counts")).await.expect("ended"), (KEY.to_owned(), true));
    assert_eq!(code(end_procedure(engine, &town.bert, counting, &shown_as("counts")).await), "moved_on");
    assert_eq!(code(propose_window(engine, &house.engineer, &ProposalForm { date: house.form(9).date, ..form }, None).await), "procedure");
    propose(engine, &house.lead, &next).await.expect("it may come again");
    let waits = page(engine, &house.lead).await.waiting.expect("it waits");
    assert_eq!((waits.procedure.version, waits.changes), (3, None));
    assert_eq!(end_procedure(engine, &house.lead, waits.id, &shown_as("waits")).await.expect("taken back"), (KEY.to_owned(), false));

    let facts: Vec<String> =
        sqlx::query_scalar("SELECT action FROM drydock.fact WHERE object_kind = 'procedure' AND result = 'done' ORDER BY id")
            .fetch_all(&house.admin)
            .await
            .expect("facts");
    let twice = ["procedure.propose", "procedure.agree", "procedure.propose", "procedure.agree"];
    assert_eq!(facts[..4], twice);
    assert_eq!(facts[4..], ["procedure.end", "procedure.propose", "procedure.withdraw"]);
}

/// The rules once more, held by the tables alone.
#[tokio::test]
async fn the_tables_hold_what_the_rules_say() {
    let town = Town::new().await;
    let (house, engine) = (&town.house, &town.house.engine);
    propose(engine, &house.lead, &file(FIRST, "")).await.expect("a good file");
    let said = async |sql: &'static str| {
        let error = sqlx::query(sql).execute(&house.admin).await.expect_err(sql);
        error.as_database_error().and_then(|error| error.constraint().map(str::to_owned)).unwrap_or_else(|| error.to_string())
    };
    assert_eq!(
        said("UPDATE drydock.own_procedure SET agreed_by = proposed_by, agreed_at = clock_timestamp()").await,
        "own_procedure_four_eyes"
    );
    assert_eq!(
        said("UPDATE drydock.own_procedure SET bytes = 'x', digest = sha256('procedure'::bytea || '\\x00'::bytea || 'x'::bytea)").await,
        "own_procedure_fixed"
    );
    assert_eq!(said("UPDATE drydock.own_procedure SET digest = sha256('x'::bytea)").await, "own_procedure_fixed");
    assert_eq!(
        said("INSERT INTO drydock.own_procedure (id, key, version, name, bytes, digest, proposed_by) SELECT gen_random_uuid(), key, 9, name, 'x'::bytea, digest, proposed_by FROM drydock.own_procedure").await,
        "own_procedure_digest_matches"
    );
    assert_eq!(
        said("INSERT INTO drydock.own_procedure (id, key, version, name, bytes, digest, proposed_by) SELECT gen_random_uuid(), key, 2, name, bytes, digest, proposed_by FROM drydock.own_procedure").await,
        "own_procedure_one_waits"
    );
    assert_eq!(
        said("INSERT INTO drydock.own_procedure (id, key, version, name, bytes, digest, proposed_by, agreed_by, agreed_at) SELECT gen_random_uuid(), 'own_other', 1, name, bytes, digest, proposed_by, (SELECT id FROM drydock.person WHERE name = 'Ada'), clock_timestamp() FROM drydock.own_procedure").await,
        "own_procedure_begins"
    );
    assert!(
        said("DELETE FROM drydock.own_procedure").await.contains("append") || !said("DELETE FROM drydock.own_procedure").await.is_empty()
    );
    sqlx::query("UPDATE drydock.person SET active = false WHERE name = 'Bert'").execute(&house.admin).await.expect("left");
    assert_eq!(
        said("UPDATE drydock.own_procedure SET agreed_by = (SELECT id FROM drydock.person WHERE name = 'Bert'), agreed_at = clock_timestamp()").await,
        "own_procedure_agreed_by"
    );
    agree(engine, &town.ada).await.expect("a second person");
    assert_eq!(
        said("UPDATE drydock.own_procedure SET agreed_by = (SELECT id FROM drydock.person WHERE name = 'Egon')").await,
        "own_procedure_fixed"
    );
    sqlx::query("UPDATE drydock.own_procedure SET ended_by = proposed_by, ended_at = clock_timestamp()")
        .execute(&house.admin)
        .await
        .expect("once");
    assert_eq!(said("UPDATE drydock.own_procedure SET ended_by = NULL, ended_at = NULL").await, "own_procedure_fixed");
}

/// Two people agree at once: one does, the other is told.
#[tokio::test]
async fn two_agree_at_once_and_it_counts_once() {
    let town = Town::new().await;
    let (house, engine) = (&town.house, &town.house.engine);
    propose(engine, &house.lead, &file(FIRST, "")).await.expect("a good file");
    let waiting = page(engine, &town.ada).await.waiting.expect("a version waits");
    let input = agree_procedure::Input { digest: waiting.digest.hex() };
    let (one, other) =
        tokio::join!(agree_procedure(engine, &town.ada, waiting.id, &input), agree_procedure(engine, &town.bert, waiting.id, &input));
    assert_eq!(u8::from(one.is_ok()) + u8::from(other.is_ok()), 1, "{one:?} {other:?}");
    assert_eq!(code(if one.is_ok() { other } else { one }), "moved_on");
    let mut db = house.admin.acquire().await.expect("a connection");
    assert_eq!(own_procedures::shelf(&mut db).await.expect("readable").own.len(), 1);
}

#[tokio::test]
async fn a_new_version_asks_for_a_new_approval_of_the_dates_of_a_series() {
    let yard = Yard::new().await;
    let (house, engine) = (&yard.house, &yard.house.engine);
    propose(engine, &house.lead, &file(FIRST, MORE)).await.expect("a good file");
    agree(engine, &house.deputy).await.expect("a second person");
    let mut form = yard.daily(1, 2);
    form.lead_days = "7".into();
    form.proposal.procedure = KEY.into();
    let id = yard.made(&form).await;
    yard.ask(id, 2).await;
    let approve = async || {
        let digest: Vec<u8> = sqlx::query_scalar("SELECT digest FROM drydock.series_digest ORDER BY asked_at DESC LIMIT 1")
            .fetch_one(&house.admin)
            .await
            .expect("put together");
        let ballot = approve_series::Input { digest: hex::encode(digest), short_name: "prod-orders".into(), comment: String::new() };
        for who in [&house.stakeholder, &house.lead] {
            approve_series(engine, who, id, &ballot).await.expect("a vote");
        }
    };
    approve().await;
    propose(engine, &house.lead, &file(FIRST, "")).await.expect("a good file");
    agree(engine, &house.deputy).await.expect("a second person");
    let numbers = yard.look(id).await;
    assert_eq!(numbers.len(), 2);
    for number in numbers {
        assert_eq!(house.state(number).await, "proposed", "it asks by itself");
        let page = queries::windows::show(engine, &house.engineer.actor, number, None).await.expect("a page");
        let of = page.series.expect("born of one");
        assert!(!of.covered && of.alone.as_ref().is_some_and(|why| why.contains("procedure")), "{of:?}");
    }
    // It ends: no more windows, and the series says why.
    let counting = page(engine, &house.lead).await.current.and_then(|(id, _)| id).expect("it counts");
    let mut later = yard.daily(4, 1);
    later.lead_days = "7".into();
    later.proposal.procedure = KEY.into();
    later.proposal.title = "later".into();
    let other = yard.made(&later).await;
    end_procedure(engine, &house.deputy, counting, &shown_as("counts")).await.expect("ended");
    assert!(yard.look(other).await.is_empty());
    let shown = yard.page(other).await;
    let stuck: Vec<String> = shown.next.iter().filter_map(|line| line.stuck.clone()).chain(shown.trouble.map(|(said, _)| said)).collect();
    assert!(stuck.iter().any(|said| said.contains("counts no more")), "{stuck:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_runs_the_own_procedure_that_is_sealed_in_it_and_nothing_else() {
    let stage = RunStage::new().await;
    stage.dead_rows("orders", 20_000).await;
    let text = file(
        "\"freeze\", \"vacuum\", \"space\"",
        "[thresholds]\nvacuum_min_dead_rows = 1000\n[[check]]\ntitle = \"The shop takes orders\"\nrule = \"Place one.\"",
    );
    let (engine, house) = (&stage.house.engine, &stage.house);
    let procedure = shelved(house, &text).await;
    // Nobody has it any more: the plan does.
    let id: OwnProcedureId = page(engine, &house.lead).await.current.and_then(|(id, _)| id).expect("it counts");
    end_procedure(engine, &house.lead, id, &shown_as("counts")).await.expect("ended");
    let (of, steps, parameters) = (PlanProcedure::of(&procedure), procedure.surveyed(), procedure.parameters());
    stage.due(move |plan| (plan.procedure, plan.envelope.steps, plan.parameters) = (of, steps, parameters)).await;
    let worker = stage.worker();
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    let said = stage.page().await;
    assert_eq!(stage.text("SELECT ending FROM drydock.run").await, "finished", "{said}");
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.item WHERE step = 'vacuum'").await, 1, "{said}");
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.item WHERE step <> 'vacuum'").await, 0, "no ANALYZE: {said}");
    let list: Vec<u8> = sqlx::query_scalar("SELECT bytes FROM drydock.work_list").fetch_one(&stage.house.admin).await.expect("a list");
    assert!(String::from_utf8_lossy(&list).contains("table_size"), "it looked at the space");
    worker.stop().await;
}

/// A file that sends this text, with a day and a name typed for it.
fn sql_file(statements: &str) -> String {
    format!(
        "key = \"{KEY}\"\nname = \"old carts\"\nabout = \"Removes old carts.\"\ndbms = \"postgresql\"\n\
         [sql]\nstatements = \"\"\"{statements}\"\"\"\nno_way_back = \"Old carts are gone.\"\n\
         [[value]]\nname = \"before\"\nlabel = \"Not changed since\"\nkind = \"date\"\n\
         [[value]]\nname = \"word\"\nlabel = \"Note\"\nkind = \"text\"\nusual = \"old\"\n"
    )
}

const CARTS: &str = "DELETE FROM shop.carts WHERE changed_on < {{before}};\nUPDATE shop.carts SET note = {{word}};";

fn values(before: &str, word: &str) -> ChangeForm {
    ChangeForm {
        values: [("before", before), ("word", word)].map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ..ChangeForm::default()
    }
}

#[tokio::test]
async fn sql_is_agreed_on_once_and_proposed_with_its_values_again_and_again() {
    let yard = Yard::new().await;
    let (house, engine) = (&yard.house, &yard.house.engine);
    for (text, says) in [
        ("DELETE FROM shop.carts WHERE note = '{{word}}' AND changed_on < {{before}}", "{{word}} has to stand by itself"),
        ("DO $$ BEGIN PERFORM {{word}}; END $$; SELECT {{before}}", "{{word}} has to stand by itself"),
        ("SELECT {{before}} -- {{word}}", "{{word}} has to stand by itself"),
        ("SELECT {{before}}, E{{word}}", "{{word}} has to stand by itself"),
        (
            "DO $$ BEGIN EXECUTE {{word}}; END $$; COMMENT ON TABLE shop.carts IS 'a value'; SELECT {{before}}",
            "{{word}} has to stand by itself",
        ),
        ("DO {{word}}; SELECT {{before}}", "{{word}} would be code"),
        ("CREATE OR REPLACE FUNCTION shop.f() RETURNS int LANGUAGE sql AS {{word}}; SELECT {{before}}", "{{word}} would be code"),
        ("DELET FROM shop.carts WHERE {{before}} = {{word}}", "sql, statements: "),
        ("BEGIN; DELETE FROM shop.carts WHERE {{before}} = {{word}}; COMMIT", "sql, statements: "),
    ] {
        let Err(engine::Error::Invalid(errors)) = propose(engine, &house.lead, &sql_file(text)).await else { panic!("{text} was taken") };
        assert!(errors.iter().any(|error| error.field == "text" && error.message.contains(says)), "{text}: {errors:?}");
    }
    propose(engine, &house.lead, &sql_file(CARTS)).await.expect("a good file");
    agree(engine, &house.deputy).await.expect("a second person");

    let form = ProposalForm { procedure: KEY.into(), change: values("2026-01-31", "it's; DROP TABLE x; --"), ..house.form(3) };
    let bad = ProposalForm { change: values("soon", ""), ..form.clone() };
    assert_eq!(code(propose_window(engine, &house.engineer, &bad, None).await), "value.before,value.word");
    let number = propose_window(engine, &house.engineer, &form, None).await.expect("proposed").number;
    let sealed = plan_of(house, number).await;
    let texts: Vec<&str> = sealed.change.iter().flat_map(|change| &change.statements).map(|one| one.text.as_str()).collect();
    assert_eq!(
        texts,
        ["DELETE FROM shop.carts WHERE changed_on < '2026-01-31'", "UPDATE shop.carts SET note = 'it''s; DROP TABLE x; --'"],
        "people approve this word by word"
    );
    let of_change = library::by_key(library::DESIGN_CHANGE_POSTGRESQL).expect("on the shelf");
    assert_eq!(sealed.envelope.steps, of_change.surveyed());
    assert_eq!(sealed.envelope.scripts.len(), 1, "both in one transaction");

    // Moved, it keeps its values.
    let moved = move_window::Input { revision: 1, date: house.form(6).date, time: form.time.clone(), ..move_window::Input::default() };
    move_window(engine, &house.engineer, number, &moved).await.expect("moved");
    assert_eq!(plan_of(house, number).await.change, sealed.change);

    // And in a series, which a text that is typed for one occasion cannot.
    let mut daily = yard.daily(1, 2);
    daily.lead_days = "7".into();
    daily.proposal.procedure = KEY.into();
    daily.proposal.change = values("2026-01-31", "old");
    let id = yard.made(&daily).await;
    let born = yard.look(id).await;
    assert_eq!(born.len(), 2);
    for number in born {
        let plan = plan_of(house, number).await;
        assert_eq!(plan.change.expect("a text").statements[1].text, "UPDATE shop.carts SET note = 'old'");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn agreed_sql_runs_as_it_stands_in_the_plan() {
    let stage = RunStage::new().await;
    stage
        .target
        .plant_as_owner("CREATE TABLE shop.carts (changed_on date, note text); INSERT INTO shop.carts SELECT date '2026-01-01' + n, '' FROM generate_series(0, 59) n")
        .await;
    let house = &stage.house;
    let procedure = shelved(house, &sql_file(CARTS)).await;
    let form = ProposalForm { procedure: KEY.into(), change: values("2026-02-01", "kept"), ..house.form(3) };
    let change = engine::change::of_form(&procedure, &form).expect("a text");
    stage.due(move |plan| sends_with(plan, &procedure, change)).await;
    let worker = stage.worker();
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    let said = stage.page().await;
    assert_eq!(stage.text("SELECT ending FROM drydock.run").await, "finished", "{said}");
    assert_eq!(stage.on_target("SELECT count(*) FROM shop.carts").await, 29, "{said}");
    assert_eq!(stage.on_target("SELECT count(*) FROM shop.carts WHERE note = 'kept'").await, 29);
    worker.stop().await;
}

#[tokio::test]
async fn the_library_is_on_the_list_and_can_be_taken_along() {
    let town = Town::new().await;
    let engine = &town.house.engine;
    let rows = queries::procedures::list(engine, &town.house.stakeholder).await.expect("for everybody");
    assert_eq!(rows.len(), library::all().len());
    for row in rows {
        let shown = queries::procedures::show(engine, &town.house.stakeholder, &row.procedure.key).await.expect("a page");
        assert_eq!(shown.file.is_none(), library::is_typed(&row.procedure.key));
        assert!(!shown.may_manage && !shown.versions.is_empty());
    }
    assert_eq!(code(queries::procedures::show(engine, &town.ada, "own_gone").await), "not_found");
    assert_eq!(code(queries::procedures::form(engine, &town.house.engineer, None).await), "not_permitted");
    let form = queries::procedures::form(engine, &town.house.lead, Some("weekly_postgresql")).await.expect("a form");
    assert_eq!(propose(engine, &town.house.lead, &form.text).await.expect("as it is"), "own_weekly");
}
