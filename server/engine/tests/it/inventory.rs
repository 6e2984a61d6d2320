//! Registering databases and testing their connections: from what a person types to the sentence the page shows, on real servers.

use crate::house::{House, code, person};
use crate::target_support::{MAINTAINER, PASSWORD, Target};
use domain::examination::{ExaminationKind, ExaminationState, PreviewAnswer, PreviewQuestion, ProbeAnswer, Question};
use domain::ids::TargetId;
use domain::people::GlobalRole;
use domain::procedure::Parameters;
use domain::target::{Draft, TargetState};
use domain::view::targets::Filter;
use engine::actions::Caller;
use engine::actions::acknowledge_superuser::acknowledge_superuser;
use engine::actions::add_critical_query::{self, add_critical_query};
use engine::actions::announce_worker_key::announce_worker_key;
use engine::actions::ask_examination::ask_examination;
use engine::actions::edit_target::{self, edit_target};
use engine::actions::register_target::{Input, register_target};
use engine::actions::replace_password::replace_password;
use engine::actions::retire_critical_query::retire_critical_query;
use engine::actions::retire_target::retire_target;
use engine::actions::set_stakeholders::set_stakeholders;
use engine::examiner;
use engine::store::examinations::{self, Examination};
use engine::store::targets;
use engine::test_support::ServiceRole;
use engine::vault::Keyring;
use engine::worker::{WorkerConfig, WorkerContext};
use tokio_util::sync::CancellationToken;

/// A worker of the house, with the house's key.
pub async fn worker(house: &House) -> WorkerContext {
    let config = WorkerConfig {
        database: house.database.options(ServiceRole::Worker),
        connections: 8,
        runs_at_once: engine::runner::AT_ONCE,
        data_dir: house.keys.path().to_owned(),
        public_url: "http://localhost:8080".parse().expect("a URL"),
        demo: false,
        mail: engine::notifier::MailPins::default(),
        outbound: engine::outbound::Rules::default(),
        program_folders: engine::cluster::program_folders(&[]),
        backups_dir: None,
        scratch_dir: house.keys.path().join("scratch"),
    };
    WorkerContext::connect(config, CancellationToken::new()).await.expect("the worker role connects")
}

/// A good form for a target of the test cluster.
pub fn form(house: &House, target: &Target) -> Input {
    Input {
        team: house.team.to_string(),
        draft: Draft {
            name: "Shop".into(),
            short_name: "shop".into(),
            host: "127.0.0.1".into(),
            port: target.db.port().to_string(),
            database: target.db.name().into(),
            username: MAINTAINER.into(),
            tls: "none".into(),
            environment: "production".into(),
            zone: "Europe/Berlin".into(),
            on_call: "Lena, +49 30 1".into(),
            stakeholders: "Sten <sten@example.org>\nNeva Newcomer <neva@example.org>".into(),
            ..Draft::default()
        },
        password: PASSWORD.into(),
    }
}

/// The person after typing the password again.
fn elevated(caller: &Caller) -> Caller {
    let mut caller = caller.clone();
    caller.actor.elevated = true;
    caller
}

/// Registers, lets the worker answer, and gives the examination as the page finds it.
async fn tested(house: &House, worker: &WorkerContext, input: &Input) -> (TargetId, Examination) {
    let id = register_target(&house.engine, &house.engineer, input).await.expect("a good form");
    assert!(examiner::answer_next(worker).await.expect("the worker works"), "a test was asked for");
    (id, newest(house, id).await)
}

async fn newest(house: &House, id: TargetId) -> Examination {
    let mut db = house.engine.pool().acquire().await.expect("a connection");
    examinations::newest(&mut db, id, ExaminationKind::ConnectionTest).await.expect("readable").expect("asked")
}

/// The newest preview of a database.
pub async fn newest_preview(house: &House, id: TargetId) -> Examination {
    let mut db = house.engine.pool().acquire().await.expect("a connection");
    examinations::newest(&mut db, id, ExaminationKind::Preview).await.expect("readable").expect("asked")
}

async fn state(house: &House, id: TargetId) -> TargetState {
    let mut db = house.engine.pool().acquire().await.expect("a connection");
    targets::find(&mut db, id).await.expect("readable").expect("registered").state
}

fn refusal(examination: &Examination) -> &str {
    examination.answer.as_ref().and_then(|answer| answer["refusal"]["code"].as_str()).unwrap_or("none")
}

#[tokio::test]
async fn a_good_registration_becomes_ready() {
    let (house, target) = (House::new().await, Target::new().await);
    let worker = worker(&house).await;
    let (id, examination) = tested(&house, &worker, &form(&house, &target)).await;
    assert_eq!((examination.state, refusal(&examination)), (ExaminationState::Answered, "none"), "{examination:?}");
    assert_eq!(state(&house, id).await, TargetState::Ready);
    let facts: Vec<String> = sqlx::query_scalar("SELECT action FROM drydock.fact WHERE result = 'done' ORDER BY id")
        .fetch_all(&house.admin)
        .await
        .expect("facts");
    assert_eq!(facts, ["target.register", "person.add_contact", "target.set_stakeholders", "target.ask", "target.test"]);
    let leaked: i64 = house.count("SELECT count(*) FROM drydock.fact WHERE convert_from(bytes, 'UTF8') LIKE '%only-in-tests%' OR convert_from(bytes, 'UTF8') LIKE '%neva@%'").await;
    assert_eq!(leaked, 0, "neither passwords nor addresses of people are in the trail");
    let sealed: Vec<u8> = sqlx::query_scalar("SELECT envelope FROM drydock.sealed_secret WHERE target_id = $1")
        .bind(id.0)
        .fetch_one(&house.admin)
        .await
        .expect("stored");
    assert!(!sealed.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes()));
    let contact: (String, bool, bool) = sqlx::query_as("SELECT p.name, p.changed_by = $1, EXISTS (SELECT FROM drydock.account a WHERE a.person_id = p.id) FROM drydock.person p WHERE p.email = 'neva@example.org'")
        .bind(house.engineer.actor.person.0)
        .fetch_one(&house.admin)
        .await
        .expect("a contact");
    assert_eq!(contact, ("Neva Newcomer".to_owned(), true, false));
}

#[tokio::test]
async fn each_wrong_connection_says_what_to_do() {
    type Edit = (&'static str, fn(&mut Input), &'static str);
    let (house, target) = (House::new().await, Target::new().await);
    let worker = worker(&house).await;
    let good = form(&house, &target);
    let edits: [Edit; 5] = [
        ("w-host", |input| input.draft.host = "no-such-host.localhost.invalid".into(), "cannot be resolved. Check its spelling"),
        ("w-port", |input| input.draft.port = "1".into(), "Nothing listens on 127.0.0.1:1. Check host and port"),
        ("w-password", |input| input.password = "wrong-password".into(), "did not accept the password of the role \"shop_maint\""),
        ("w-database", |input| input.draft.database = "shopp".into(), "There is no database \"shopp\" on this server."),
        ("w-tls", |input| input.draft.tls = "verify_full".into(), "does not offer TLS. Switch it on there"),
    ];
    for (short_name, edit, sentence) in edits {
        let mut input = good.clone();
        input.draft.short_name = short_name.into();
        edit(&mut input);
        if input.draft.host.ends_with("invalid") {
            input.draft.tls_reason = "private network between two racks".into();
        }
        let (id, examination) = tested(&house, &worker, &input).await;
        let failure = examination.failure.unwrap_or_default();
        assert!(failure.contains(sentence), "{short_name}: {failure}");
        assert!(!failure.contains("wrong-password") && !failure.contains(PASSWORD), "{failure}");
        assert_eq!((examination.state, state(&house, id).await), (ExaminationState::Failed, TargetState::Unverified));
    }
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action = 'target.test' AND result = 'refused'").await, 5);
}

#[tokio::test]
async fn the_same_database_is_not_registered_twice() {
    let (house, target) = (House::new().await, Target::new().await);
    let worker = worker(&house).await;
    tested(&house, &worker, &form(&house, &target)).await;
    let mut again = form(&house, &target);
    assert_eq!(code(register_target(&house.engine, &house.engineer, &again).await), "short_name");
    again.draft.short_name = "shop-two".into();
    let (id, examination) = tested(&house, &worker, &again).await;
    assert_eq!((refusal(&examination), state(&house, id).await), ("same_database", TargetState::Unverified));
    assert!(examination.answer.expect("answered")["refusal"]["message"].as_str().expect("text").contains("registered as shop already"));
}

#[tokio::test]
async fn a_superuser_is_refused_for_production_and_acknowledged_elsewhere() {
    let (house, target) = (House::new().await, Target::new().await);
    let worker = worker(&house).await;
    let url: url::Url = target.db.superuser_url().parse().expect("a URL");
    let mut input = form(&house, &target);
    input.draft.username = url.username().into();
    input.password = url.password().expect("it has one").into();
    let (id, examination) = tested(&house, &worker, &input).await;
    assert_eq!((refusal(&examination), state(&house, id).await), ("superuser", TargetState::Unverified));
    assert_eq!(code(acknowledge_superuser(&house.engine, &house.engineer, id, "we have no other role").await), "superuser");

    input.draft.environment = "test".into();
    input.draft.short_name = "shop-test".into();
    let (id, examination) = tested(&house, &worker, &input).await;
    assert_eq!(refusal(&examination), "superuser_unacknowledged");
    assert_eq!(code(acknowledge_superuser(&house.engine, &house.engineer, id, "short").await), "reason");
    acknowledge_superuser(&house.engine, &house.engineer, id, "a throw-away test server").await.expect("accepted with a reason");
    assert!(examiner::answer_next(&worker).await.expect("works"));
    assert_eq!(state(&house, id).await, TargetState::Ready);
}

#[tokio::test]
async fn a_password_opens_one_address_only() {
    let (house, target) = (House::new().await, Target::new().await);
    let worker = worker(&house).await;
    let (id, _) = tested(&house, &worker, &form(&house, &target)).await;
    // What a taken-over web process could do: point the registration elsewhere and have the worker send the password there.
    sqlx::query("UPDATE drydock.target SET host = 'localhost' WHERE id = $1")
        .bind(id.0)
        .execute(house.engine.pool())
        .await
        .expect("the web role may");
    ask_examination(&house.engine, &house.engineer, id, Question::ConnectionTest).await.expect("asked");
    assert!(examiner::answer_next(&worker).await.expect("works"));
    let failure = newest(&house, id).await.failure.expect("not answered");
    assert!(failure.contains("belongs to another address than the one registered now"), "{failure}");
}

#[tokio::test]
async fn the_web_role_reads_nothing_that_opens_a_password() {
    let (house, target) = (House::new().await, Target::new().await);
    register_target(&house.engine, &house.engineer, &form(&house, &target)).await.expect("registered");
    let columns: Vec<String> = sqlx::query_scalar(
        "SELECT column_name::text FROM information_schema.columns WHERE table_schema = 'drydock' AND table_name = 'worker_key' ORDER BY 1",
    )
    .fetch_all(house.engine.pool())
    .await
    .expect("readable");
    assert!(!columns.iter().any(|column| column.contains("secret") || column.contains("private")), "{columns:?}");
    // Everything the web process can read, tried with a key of its own making.
    let (envelope, sealed): (Vec<u8>, Vec<u8>) =
        sqlx::query_as("SELECT s.envelope, k.sealed FROM drydock.sealed_secret s JOIN drydock.sealed_key k ON k.secret_id = s.id")
            .fetch_one(house.engine.pool())
            .await
            .expect("the web role sees cipher text");
    let folder = tempfile::tempdir().expect("a folder");
    let own = Keyring::open(folder.path()).expect("a key");
    let mut db = house.engine.pool().acquire().await.expect("a connection");
    let id: uuid::Uuid =
        sqlx::query_scalar("SELECT id FROM drydock.target WHERE short_name = 'shop'").fetch_one(&house.admin).await.expect("registered");
    let stored = targets::find(&mut db, TargetId(id)).await.expect("readable").expect("registered");
    let binding = engine::credentials::binding(stored.id, &stored.registration.place, 1);
    assert!(own.open_secret(&envelope, &sealed, &binding).is_err());
    assert!(house.keyring.open_secret(&envelope, &sealed, &binding).is_ok(), "the worker's key does open it");
}

#[tokio::test]
async fn editing_the_address_demands_the_password_and_a_new_test() {
    let (house, target) = (House::new().await, Target::new().await);
    let worker = worker(&house).await;
    let good = form(&house, &target);
    let (id, _) = tested(&house, &worker, &good).await;
    let mut input = edit_target::Input { revision: 1, draft: good.draft.clone(), password: "".into() };
    input.draft.name = "Shop of the east".into();
    edit_target(&house.engine, &house.engineer, id, &input).await.expect("a new name needs nothing");
    assert_eq!(state(&house, id).await, TargetState::Ready);
    assert_eq!(code(edit_target(&house.engine, &house.lead, id, &input).await), "moved_on", "the form was filled from revision 1");

    input.revision = 2;
    input.draft.host = "localhost".into();
    assert_eq!(code(edit_target(&house.engine, &house.engineer, id, &input).await), "password");
    input.password = PASSWORD.into();
    assert_eq!(
        code(edit_target(&house.engine, &house.engineer, id, &input).await),
        "elevate",
        "credentials need the own password once more"
    );
    edit_target(&house.engine, &elevated(&house.engineer), id, &input).await.expect("with the password");
    assert_eq!(state(&house, id).await, TargetState::Unverified);
    assert!(examiner::answer_next(&worker).await.expect("works"));
    assert_eq!(state(&house, id).await, TargetState::Ready);
    assert_eq!(
        house.count("SELECT count(*) FROM drydock.sealed_key").await,
        1,
        "the password of the old address can never be opened again"
    );
}

#[tokio::test]
async fn another_database_at_the_same_address_is_not_taken_over() {
    let (house, target) = (House::new().await, Target::new().await);
    let worker = worker(&house).await;
    let (id, _) = tested(&house, &worker, &form(&house, &target)).await;
    sqlx::query("UPDATE drydock.target SET identity = jsonb_set(identity, '{system_identifier}', '\"1\"') WHERE id = $1")
        .bind(id.0)
        .execute(&house.admin)
        .await
        .expect("another server answers");
    replace_password(&house.engine, &elevated(&house.engineer), id, &PASSWORD.into()).await.expect("replaced");
    assert!(examiner::answer_next(&worker).await.expect("works"));
    assert_eq!((refusal(&newest(&house, id).await), state(&house, id).await), ("another_database", TargetState::Unverified));
}

#[tokio::test]
async fn foreign_teams_see_nothing_and_readers_change_nothing() {
    let (house, target) = (House::new().await, Target::new().await);
    let input = form(&house, &target);
    let id = register_target(&house.engine, &house.engineer, &input).await.expect("registered");
    let edit = edit_target::Input { revision: 1, draft: input.draft.clone(), password: PASSWORD.into() };
    let admin = person(&house.admin, "Adele", None, &[GlobalRole::Admin]).await;
    for (who, expected) in [
        (&house.foreigner, "not_found"),
        (&house.auditor, "not_permitted"),
        (&admin, "not_permitted"),
        (&house.stakeholder, "not_permitted"),
    ] {
        let answers = [
            code(edit_target(&house.engine, who, id, &edit).await),
            code(replace_password(&house.engine, who, id, &PASSWORD.into()).await),
            code(set_stakeholders(&house.engine, who, id, "a@example.org").await),
            code(ask_examination(&house.engine, who, id, Question::ConnectionTest).await),
            code(acknowledge_superuser(&house.engine, who, id, "a long enough reason").await),
            code(retire_target(&house.engine, who, id, "shop").await),
        ];
        assert_eq!(answers, [expected; 6], "{}", who.actor.name);
    }
    let other = house.foreigner.actor.teams[0].team;
    assert_eq!(
        code(register_target(&house.engine, &house.engineer, &Input { team: other.to_string(), ..input.clone() }).await),
        "not_permitted"
    );
    assert_eq!(code(register_target(&house.engine, &house.engineer, &Input { team: "nonsense".into(), ..input }).await), "team");
    assert_eq!(house.count("SELECT revision::bigint FROM drydock.target WHERE short_name = 'shop'").await, 1);
}

#[tokio::test]
async fn the_same_question_is_asked_once() {
    let (house, target) = (House::new().await, Target::new().await);
    let id = register_target(&house.engine, &house.engineer, &form(&house, &target)).await.expect("registered");
    let (one, two) = tokio::join!(
        ask_examination(&house.engine, &house.engineer, id, Question::ConnectionTest),
        ask_examination(&house.engine, &house.lead, id, Question::ConnectionTest)
    );
    assert_eq!(one.expect("asked"), two.expect("asked"));
    assert_eq!(house.count("SELECT count(*) FROM drydock.examination").await, 1);
    assert_eq!(code(ask_examination(&house.engine, &house.lead, id, Question::Probe { window: None }).await), "not_ready");
}

#[tokio::test]
async fn retiring_needs_the_name_and_destroys_the_password() {
    let (house, target) = (House::new().await, Target::new().await);
    let id = register_target(&house.engine, &house.engineer, &form(&house, &target)).await.expect("registered");
    assert_eq!(code(retire_target(&house.engine, &house.lead, id, "shoq").await), "confirm");
    retire_target(&house.engine, &house.lead, id, "shop").await.expect("retired");
    assert_eq!(house.count("SELECT count(*) FROM drydock.sealed_key").await, 0);
    assert_eq!(code(ask_examination(&house.engine, &house.lead, id, Question::ConnectionTest).await), "retired");
    house.proposed(3).await;
    let refused = retire_target(&house.engine, &house.lead, house.target, "prod-orders").await;
    assert_eq!(code(refused), "still_wanted");
}

#[tokio::test]
async fn the_first_worker_key_admits_itself_and_later_ones_wait() {
    let house = House::new().await;
    sqlx::query("DELETE FROM drydock.worker_key").execute(&house.admin).await.expect("a fresh installation");
    let pool = house.database.pool(ServiceRole::Worker).await;
    let (a, b) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let (first, second) = (Keyring::open(a.path()).expect("a key"), Keyring::open(b.path()).expect("a key"));
    let (one, two) = tokio::join!(announce_worker_key(&pool, &first, "w1", "host a"), announce_worker_key(&pool, &second, "w2", "host b"));
    assert_eq!(
        [one.expect("announced"), two.expect("announced")].into_iter().filter(|admitted| *admitted).count(),
        1,
        "exactly one, however they race"
    );
    assert!(announce_worker_key(&pool, &first, "w1", "host a").await.is_ok(), "again at the next start");
    let cheat = sqlx::query(
        "INSERT INTO drydock.worker_key (id, public_key, label, admitted_at) VALUES (gen_random_uuid(), decode(repeat('00', 32), 'hex'), 'x', now())",
    );
    assert!(cheat.execute(&pool).await.expect_err("the database says so too").to_string().contains("waits for an administrator"));
}

#[tokio::test]
async fn the_loop_answers_a_wake_up_and_stops_softly() {
    let (house, target) = (House::new().await, Target::new().await);
    let worker = worker(&house).await;
    let mut answered = sqlx::postgres::PgListener::connect_with(&house.admin).await.expect("a listener");
    let id = register_target(&house.engine, &house.engineer, &form(&house, &target)).await.expect("registered");
    answered.listen("drydock_sealer").await.expect("listening");
    let running = tokio::spawn(examiner::run(worker.clone()));
    tokio::time::timeout(std::time::Duration::from_secs(30), async {
        while newest(&house, id).await.state.is_open() {
            answered.recv().await.expect("the examiner wakes the sealer when it wrote a fact");
        }
    })
    .await
    .expect("answered");
    assert_eq!(state(&house, id).await, TargetState::Ready);
    worker.stop.cancel();
    running.await.expect("no panic").expect("a soft end");
}

#[tokio::test]
async fn people_of_another_team_may_be_stakeholders_and_then_may_read() {
    let (house, target) = (House::new().await, Target::new().await);
    let mut input = form(&house, &target);
    input.draft.stakeholders = "fritz@example.org".into();
    register_target(&house.engine, &house.engineer, &input).await.expect("registered");
    let stakeholders: i64 = house.count("SELECT count(*) FROM drydock.target_stakeholder s JOIN drydock.person p ON p.id = s.person_id WHERE p.email = 'fritz@example.org'").await;
    assert_eq!(stakeholders, 1);
    sqlx::query("UPDATE drydock.person SET active = false WHERE email = 'fritz@example.org'")
        .execute(&house.admin)
        .await
        .expect("deactivated");
    input.draft.short_name = "shop-two".into();
    assert_eq!(code(register_target(&house.engine, &house.engineer, &input).await), "stakeholders");
}

async fn examined(house: &House, worker: &WorkerContext, id: TargetId, question: Question) -> Examination {
    let asked = ask_examination(&house.engine, &house.engineer, id, question).await.expect("asked");
    assert!(examiner::answer_next(worker).await.expect("works"));
    let mut db = house.engine.pool().acquire().await.expect("a connection");
    examinations::find(&mut db, asked).await.expect("readable").expect("asked")
}

#[tokio::test]
async fn a_preview_says_what_would_be_done_and_why() {
    let (house, target) = (House::new().await, Target::new().await);
    let worker = worker(&house).await;
    target.plant_as_owner("CREATE TABLE shop.orders (id int PRIMARY KEY, note text); INSERT INTO shop.orders SELECT n, 'x' FROM generate_series(1, 5000) n").await;
    target.plant("SELECT pg_stat_force_next_flush()").await;
    let (id, _) = tested(&house, &worker, &form(&house, &target)).await;
    let question = |procedure: &str, excluded: &str| {
        let rules = if excluded.is_empty() { vec![] } else { vec![excluded.parse().expect("a rule")] };
        let question = PreviewQuestion {
            procedure: procedure.into(),
            own: None,
            parameters: Parameters::default(),
            excluded: rules,
            budget_ms: 3_600_000,
            scripts: vec![],
            back: vec![],
            keep_out: None,
            revision: None,
            form: None,
            also: std::collections::BTreeMap::new(),
        };
        Question::Preview { window: None, question }
    };
    let answered = examined(&house, &worker, id, question("weekly_postgresql", "")).await;
    let answer: PreviewAnswer = serde_json::from_value(answered.answer.expect("answered")).expect("its own form");
    let orders = answer.selection.items.iter().find(|item| item.object.name.to_string() == "shop.orders").expect("never analysed");
    assert_eq!(orders.statement, "ANALYZE (SKIP_LOCKED) \"shop\".\"orders\"");
    assert!(orders.measure.sentence.contains("Never analysed"), "{}", orders.measure.sentence);
    assert!(answer.measured_at.parse::<jiff::Timestamp>().is_ok());

    let without = examined(&house, &worker, id, question("weekly_postgresql", "shop.*")).await;
    let answer: PreviewAnswer = serde_json::from_value(without.answer.expect("answered")).expect("its own form");
    assert!(answer.selection.items.is_empty(), "{:?}", answer.selection.items);
    // A text among steps stands where it is sent.
    let text = "key = \"own_both\"\nname = \"both\"\nabout = \"Both.\"\ndbms = \"postgresql\"\nsteps = [\"freeze\", \"sql\", \"analyze\"]\n[sql]\nstatements = \"COMMENT ON TABLE shop.orders IS 'x'\"\nno_way_back = \"There is none, by choice.\"\n";
    let procedure = engine::procedure_file::read(text).expect("a file").read(1, &std::collections::BTreeSet::new()).expect("a procedure");
    let change = engine::change::of_form(&procedure, &house.form(3)).expect("a text");
    let Question::Preview { question: mut both, .. } = question("own_both", "") else { panic!("a preview") };
    (both.own, both.scripts) = (Some(Box::new(procedure)), change.scripts());
    let answered = examined(&house, &worker, id, Question::Preview { window: None, question: both }).await;
    let answer: PreviewAnswer = serde_json::from_value(answered.answer.expect("answered")).expect("its own form");
    let steps: Vec<&str> = answer.selection.items.iter().map(|item| item.step.as_str()).collect();
    assert_eq!((steps.first(), steps.get(1)), (Some(&"change"), Some(&"analyze")), "{steps:?}");
    let unknown = examined(&house, &worker, id, question("yearly", "")).await;
    assert!(unknown.failure.expect("refused").contains("does not know the procedure"));
}

#[tokio::test]
async fn a_preview_for_a_window_is_kept_with_its_revision() {
    let (house, target) = (House::new().await, Target::new().await);
    let worker = worker(&house).await;
    let (id, _) = tested(&house, &worker, &form(&house, &target)).await;
    let proposed = house.proposed(3).await;
    let window: uuid::Uuid = sqlx::query_scalar("SELECT id FROM drydock.window WHERE number = $1")
        .bind(proposed.number)
        .fetch_one(&house.admin)
        .await
        .expect("proposed");
    let question = PreviewQuestion {
        procedure: "weekly_postgresql".into(),
        own: None,
        parameters: Parameters::default(),
        excluded: vec![],
        budget_ms: 1,
        scripts: vec![],
        back: vec![],
        keep_out: None,
        revision: Some(1),
        form: None,
        also: std::collections::BTreeMap::new(),
    };
    examined(&house, &worker, id, Question::Preview { window: Some(window.into()), question }).await;
    assert_eq!(house.count("SELECT count(*) FROM drydock.revision WHERE preview ? 'selection'").await, 1);
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action = 'target.preview' AND window_id IS NOT NULL").await, 1);
}

#[tokio::test]
async fn critical_queries_are_checked_timed_and_retired() {
    let (house, target) = (House::new().await, Target::new().await);
    let worker = worker(&house).await;
    target.plant_as_owner("CREATE TABLE shop.orders (id int PRIMARY KEY)").await;
    let (id, _) = tested(&house, &worker, &form(&house, &target)).await;
    let query = |name: &str, sql: &str| add_critical_query::Input { name: name.into(), sql: sql.into(), limit_ms: "1000".into() };
    let add = async |input: &add_critical_query::Input| add_critical_query(&house.engine, &house.engineer, id, input).await;
    add(&query("orders", "SELECT count(*) FROM shop.orders")).await.expect("reads");
    add(&query("lost", "SELECT count(*) FROM shop.gone")).await.expect("reads");
    assert_eq!(code(add(&query("orders", "SELECT 1")).await), "name");
    assert_eq!(code(add(&query("x", "DROP TABLE shop.orders")).await), "sql");
    assert_eq!(code(add_critical_query(&house.engine, &house.foreigner, id, &query("x", "SELECT 1")).await), "not_found");

    let answered = examined(&house, &worker, id, Question::Probe { window: None }).await;
    let answer: ProbeAnswer = serde_json::from_value(answered.answer.expect("answered")).expect("its own form");
    assert_eq!((answer.not_writable, answer.invalid_indexes), (None, Some(vec![])));
    assert!(answer.connections.is_some_and(|connections| connections.usable > 0));
    let timed: Vec<_> = answer.queries.iter().map(|query| (query.name.as_str(), query.timing.is_some())).collect();
    assert_eq!(timed, [("lost", false), ("orders", true)]);
    assert!(answer.queries[0].failed.as_ref().expect("why").contains("does not exist"));

    let first: uuid::Uuid = sqlx::query_scalar("SELECT id FROM drydock.critical_query WHERE name = 'orders'")
        .fetch_one(&house.admin)
        .await
        .expect("registered");
    assert_eq!(code(retire_critical_query(&house.engine, &house.engineer, house.target, first).await), "moved_on", "another database's");
    retire_critical_query(&house.engine, &house.engineer, id, first).await.expect("retired");
    assert_eq!(code(retire_critical_query(&house.engine, &house.engineer, id, first).await), "moved_on");
    add(&query("orders", "SELECT 1")).await.expect("the name is free again");
}

#[tokio::test]
async fn a_silent_worker_loses_its_question_to_another() {
    let (house, target) = (House::new().await, Target::new().await);
    let worker = worker(&house).await;
    let id = register_target(&house.engine, &house.engineer, &form(&house, &target)).await.expect("registered");
    let mut db = worker.pool.acquire().await.expect("a connection");
    let taken = examinations::claim(&mut db, "dead/1/1", 60.0, 60.0, false).await.expect("works").expect("open");
    assert!(!examiner::answer_next(&worker).await.expect("works"), "its lease runs");
    sqlx::query("UPDATE drydock.examination SET lease_until = clock_timestamp() - interval '1 s'")
        .execute(&house.admin)
        .await
        .expect("time passes");
    assert!(examiner::answer_next(&worker).await.expect("works"), "its lease ended");
    assert_eq!(state(&house, id).await, TargetState::Ready);
    assert!(!examinations::finish(&mut db, taken.id, "dead/1/1", Err("late")).await.expect("works"), "the revenant writes nothing");
    sqlx::query("UPDATE drydock.examination SET state = 'asked', answer = NULL, answered_at = NULL, asked_at = clock_timestamp() - interval '16 minutes'").execute(&house.admin).await.expect("nobody came");
    assert_eq!(examinations::expire(&mut db, false, 900.0, "Nobody came.").await.expect("works"), 1);
    assert_eq!(newest(&house, id).await.failure.as_deref(), Some("Nobody came."));
}

#[tokio::test]
async fn the_page_shows_what_the_form_and_the_test_said() {
    use engine::queries::targets as pages;
    let (house, target) = (House::new().await, Target::new().await);
    let worker = worker(&house).await;
    target.plant("CREATE TABLE public.stray (id int)").await;
    let mut input = form(&house, &target);
    input.password = "wrong-password".into();
    let id = register_target(&house.engine, &house.engineer, &input).await.expect("registered");
    let page = pages::show(&house.engine, &house.stakeholder, id).await.expect("stakeholders of the team may read");
    let waiting = page.test.as_ref().and_then(|test| test.waiting(page.worker, page.now)).expect("open");
    assert_eq!((waiting.sentence, waiting.problem.is_some()), ("Waiting for a worker to take the connection test.", false));
    assert!(page.password.is_some_and(|(_, by)| by == "Egon") && page.report.is_none());
    assert!(examiner::answer_next(&worker).await.expect("works"));
    let page = pages::show(&house.engine, &house.engineer, id).await.expect("his team's");
    assert!(page.test.and_then(|test| test.failure).expect("failed").contains("did not accept the password"));

    replace_password(&house.engine, &elevated(&house.engineer), id, &PASSWORD.into()).await.expect("replaced");
    assert!(examiner::answer_next(&worker).await.expect("works"));
    let page = pages::show(&house.engine, &house.engineer, id).await.expect("his team's");
    let report = page.report.expect("found");
    assert!(report.identity().contains(target.db.name()) && report.place().starts_with("Primary, timeline 1") && !report.is_superuser());
    assert!(!report.server_version.is_empty() && !report.missing.is_empty(), "the worker's report is read whole: {report:?}");
    assert_eq!(page.stakeholders.iter().map(|each| each.name.as_str()).collect::<Vec<_>>(), ["Neva Newcomer", "Sten"]);
    assert_eq!(code(pages::show(&house.engine, &house.foreigner, id).await), "not_found");
    assert_eq!(code(pages::edit(&house.engine, &house.stakeholder, id, domain::permission::Verb::ManageTarget).await), "not_permitted");
    let list = pages::list(&house.engine, &house.engineer, &Filter::default()).await.expect("a list");
    assert_eq!(list.rows.iter().map(|row| row.short_name.as_str()).collect::<Vec<_>>(), ["prod-orders", "shop"]);
    assert!(pages::list(&house.engine, &house.foreigner, &Filter::default()).await.expect("a list").rows.is_empty());
}
