//! What happens to a registration later: another address, another password, another owner, put away, taken back, deleted.

use crate::house::{House, code, person};
use crate::inventory::{form, worker};
use crate::target_own_server::with_server;
use crate::target_support::{PASSWORD, Target, until};
use domain::examination::{ExaminationKind, ExaminationState};
use domain::ids::TargetId;
use domain::people::{GlobalRole, TeamRole};
use domain::permission::Permit;
use domain::target::{Place, TargetState};
use engine::actions::Caller;
use engine::actions::delete_target::delete_target;
use engine::actions::edit_target::{self, edit_target};
use engine::actions::open_run::open_due_run;
use engine::actions::register_target::{Input, register_target};
use engine::actions::reinstate_target::reinstate_target;
use engine::actions::replace_password::replace_password;
use engine::actions::retire_target::retire_target;
use engine::actions::rotate_password::rotate_password;
use engine::actions::transfer_target::{self, transfer_target};
use engine::examiner;
use engine::store::examinations::{self, Examination};
use engine::store::targets;
use engine::target::connect::{Address, Dialer, TlsMode};
use engine::test_support::TestDatabase;
use engine::worker::WorkerContext;
use secrecy::SecretString;

fn elevated(caller: &Caller) -> Caller {
    let mut caller = caller.clone();
    caller.actor.elevated = true;
    caller
}

/// A registered, tested database whose role belongs to this test alone: its password will change.
struct Stage {
    house: House,
    target: Target,
    worker: WorkerContext,
    id: TargetId,
    role: String,
}

impl Stage {
    async fn new() -> Self {
        Self::on(Target::new().await).await
    }

    async fn on(target: Target) -> Self {
        let house = House::new().await;
        let worker = worker(&house).await;
        let role = format!("r_{}", engine::clock::new_id::<uuid::Uuid>().simple());
        target.plant(&format!("CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'; GRANT shop_owner, pg_monitor TO {role}")).await;
        let mut input = form(&house, &target);
        input.draft.username.clone_from(&role);
        let id = register_target(&house.engine, &house.engineer, &input).await.expect("a good form");
        let stage = Self { house, target, worker, id, role };
        stage.answered().await;
        assert_eq!(stage.state().await, TargetState::Ready);
        stage
    }

    async fn answered(&self) {
        assert!(examiner::answer_next(&self.worker).await.expect("the worker works"), "something was asked for");
    }

    async fn state(&self) -> TargetState {
        self.registered().await.state
    }

    async fn registered(&self) -> targets::Target {
        let mut db = self.house.engine.pool().acquire().await.expect("a connection");
        targets::find(&mut db, self.id).await.expect("readable").expect("registered")
    }

    async fn newest(&self, kind: ExaminationKind) -> Examination {
        let mut db = self.house.engine.pool().acquire().await.expect("a connection");
        examinations::newest(&mut db, self.id, kind).await.expect("readable").expect("asked")
    }

    async fn rotate(&self) -> Examination {
        rotate_password(&self.house.engine, &elevated(&self.house.engineer), self.id).await.expect("asked");
        self.answered().await;
        self.newest(ExaminationKind::PasswordRotation).await
    }

    /// Whether the role gets in with this password.
    async fn lets_in(&self, password: &str) -> bool {
        let address = Address {
            host: "127.0.0.1".into(),
            port: self.target.db.port(),
            database: self.target.db.name().into(),
            user: self.role.clone(),
            password: Some(password.to_owned().into()),
            tls: TlsMode::None { acknowledged: false },
        };
        Dialer::new(address).await.expect("loopback").connect("test").await.is_ok()
    }

    /// Whether the stored password in use works, as a worker uses it.
    async fn stored_works(&self) -> bool {
        let (_, address) = engine::worker::address(&self.worker, self.id).await.expect("opened");
        Dialer::new(address).await.expect("loopback").connect("test").await.is_ok()
    }

    /// The stored password in use, and what the server keeps of it.
    async fn kept(&self) -> (String, String) {
        let (_, address) = engine::worker::address(&self.worker, self.id).await.expect("opened");
        let secret = secrecy::ExposeSecret::expose_secret(&address.password.expect("stored")).to_owned();
        let verifier = sqlx::query_scalar("SELECT rolpassword FROM pg_authid WHERE rolname = $1")
            .bind(&self.role)
            .fetch_one(&mut self.target.admin().await)
            .await
            .expect("readable");
        (secret, verifier)
    }

    /// What a worker leaves that dies after it sealed a candidate.
    async fn left_behind(&self, password: &str) {
        let mut db = self.house.admin.acquire().await.expect("a connection");
        let place: Place = targets::find(&mut db, self.id).await.expect("readable").expect("there").registration.place;
        let by = self.house.engineer.actor.person;
        engine::credentials::store_candidate(&mut db, self.id, &place, &SecretString::from(password), by).await.expect("sealed");
    }

    async fn states(&self) -> Vec<String> {
        sqlx::query_scalar("SELECT s.state || CASE WHEN EXISTS (SELECT FROM drydock.sealed_key k WHERE k.secret_id = s.id) THEN '' ELSE ', no key' END FROM drydock.sealed_secret s WHERE s.target_id = $1 ORDER BY s.version")
            .bind(self.id.0)
            .fetch_all(&self.house.admin)
            .await
            .expect("secrets")
    }
}

#[tokio::test]
async fn a_new_password_is_proven_before_the_old_one_is_forgotten() {
    let stage = Stage::new().await;
    stage.target.plant(&format!("ALTER DATABASE {} SET log_statement = 'all'", stage.target.db.name())).await;
    assert_eq!(code(rotate_password(&stage.house.engine, &stage.house.engineer, stage.id).await), "elevate");
    assert_eq!(code(rotate_password(&stage.house.engine, &elevated(&stage.house.stakeholder), stage.id).await), "not_permitted");
    assert_eq!(code(rotate_password(&stage.house.engine, &elevated(&stage.house.foreigner), stage.id).await), "not_found");
    let done = stage.rotate().await;
    assert_eq!(done.state, ExaminationState::Answered, "{done:?}");
    assert_eq!(done.answer.expect("answered")["old_refused"], true);
    assert!(!stage.lets_in(PASSWORD).await, "the old one is over");
    assert!(stage.stored_works().await, "the new one is stored");
    assert_eq!(stage.states().await, ["former, no key", "current"]);
    // What the server keeps is a verifier, not a password that it hashed itself.
    let (secret, verifier) = stage.kept().await;
    assert!(verifier.starts_with("SCRAM-SHA-256$4096:"), "{verifier}");
    // The new password is in no fact, no answer, no question.
    for sql in [
        "SELECT count(*) FROM drydock.fact WHERE position($1 IN convert_from(bytes, 'UTF8')) > 0 OR position($2 IN convert_from(bytes, 'UTF8')) > 0",
        "SELECT count(*) FROM drydock.examination e WHERE position($1 IN e::text) > 0 OR position($2 IN e::text) > 0",
        "SELECT count(*) FROM drydock.sealed_secret s WHERE position($1::bytea IN s.envelope) > 0 OR position($2::bytea IN s.envelope) > 0",
    ] {
        let leaked: i64 = sqlx::query_scalar(sql).bind(&secret).bind(&verifier).fetch_one(&stage.house.admin).await.expect("a number");
        assert_eq!(leaked, 0, "{sql}");
    }
    let again = stage.rotate().await;
    assert_eq!(again.state, ExaminationState::Answered, "{again:?}");
    assert!(stage.stored_works().await && !stage.lets_in(&secret).await, "and once more");
}

/// Settings of a server that keeps every statement it can.
const CURIOUS: &[(&str, &str)] = &[
    ("log_statement", "all"),
    ("log_min_duration_statement", "0"),
    ("log_min_duration_sample", "0"),
    ("log_statement_sample_rate", "1"),
    ("log_transaction_sample_rate", "1"),
    ("log_min_error_statement", "debug5"),
    ("log_connections", "on"),
];

/// A server that logs and counts all statements gets no password into its log and statistics; and where the role may silence its session, not even
/// the verifier.
#[tokio::test]
async fn neither_log_nor_statistics_of_the_server_hold_a_password() {
    with_server(async |cluster| {
        let stage = Stage::on(Target::on(TestDatabase::empty_on(cluster).await).await).await;
        stage.target.plant("CREATE EXTENSION pg_stat_statements SCHEMA tools").await;
        for (setting, value) in CURIOUS {
            stage.target.plant(&format!("ALTER SYSTEM SET {setting} = '{value}'")).await;
        }
        stage.target.plant("SELECT pg_reload_conf()").await;
        until("it logs", async || {
            let set = "SELECT current_setting('log_transaction_sample_rate') = '1'";
            sqlx::query_scalar(set).fetch_one(&mut stage.target.admin().await).await.expect("readable")
        })
        .await;
        // What is looked for is never sent: it would be logged by that.
        let holds = async |text: &str| {
            let counted: Vec<String> = sqlx::query_scalar("SELECT query FROM tools.pg_stat_statements")
                .fetch_all(&mut stage.target.admin().await)
                .await
                .expect("readable");
            let log = std::fs::read(cluster.folder().join("server.log")).expect("readable");
            (String::from_utf8_lossy(&log).contains(text), counted.iter().any(|query| query.contains(text)))
        };
        let done = stage.rotate().await;
        assert_eq!(done.state, ExaminationState::Answered, "{done:?}");
        let (first, verifier) = stage.kept().await;
        assert_eq!(holds(&first).await, (false, false));
        assert!(holds(&verifier).await.0, "the role may not silence its session: the log has what nobody can sign in with");

        let version: i32 = sqlx::query_scalar("SELECT current_setting('server_version_num')::int")
            .fetch_one(&mut stage.target.admin().await)
            .await
            .expect("one");
        // Before 15 no such right can be given.
        if version >= 150_000 {
            let rights =
                "log_statement, log_min_duration_statement, log_min_duration_sample, log_transaction_sample_rate, log_min_error_statement,
                          pg_stat_statements.track_utility";
            stage.target.plant(&format!("GRANT SET ON PARAMETER {rights} TO {}", stage.role)).await;
            let done = stage.rotate().await;
            assert_eq!(done.state, ExaminationState::Answered, "{done:?}");
            let (second, verifier) = stage.kept().await;
            for text in [&second, &verifier, &first] {
                assert_eq!(holds(text).await, (false, false));
            }
            assert!(stage.lets_in(&second).await && !stage.lets_in(&first).await);
        }
    })
    .await;
}

#[tokio::test]
async fn whatever_breaks_off_one_stored_password_works_and_the_next_worker_finishes() {
    // Sealed, and the server was not told: the old one works.
    let stage = Stage::new().await;
    stage.left_behind("candidate-one").await;
    assert!(stage.stored_works().await);
    let done = stage.rotate().await;
    assert_eq!((done.state, stage.stored_works().await), (ExaminationState::Answered, true), "{done:?}");
    assert!(stage.lets_in("candidate-one").await, "what was sealed was used");
    assert_eq!(stage.states().await, ["former, no key", "current"]);

    // The server was told, and nobody wrote it down: the candidate works, and is found.
    stage.left_behind("candidate-two").await;
    stage.target.plant(&format!("ALTER ROLE {} PASSWORD 'candidate-two'", stage.role)).await;
    assert!(!stage.stored_works().await && stage.lets_in("candidate-two").await);
    let done = stage.rotate().await;
    assert_eq!((done.state, stage.stored_works().await), (ExaminationState::Answered, true), "{done:?}");
    assert_eq!(stage.states().await, ["former, no key", "former, no key", "current"]);

    // Somebody else changed it: neither is thrown away, and a typed one replaces both.
    stage.left_behind("candidate-three").await;
    stage.target.plant(&format!("ALTER ROLE {} PASSWORD 'set-by-hand'", stage.role)).await;
    let failed = stage.rotate().await;
    assert!(failed.failure.as_deref().is_some_and(|said| said.contains("neither the old nor the new password")), "{failed:?}");
    assert_eq!(stage.states().await[2..], ["current", "candidate"]);
    replace_password(&stage.house.engine, &elevated(&stage.house.engineer), stage.id, &"set-by-hand".into()).await.expect("typed");
    assert!(stage.stored_works().await);
    assert_eq!(stage.states().await[2..], ["former, no key", "former, no key", "current"]);
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_or_refuses_changes_nothing() {
    let stage = Stage::new().await;
    // A standby, or a read-only role: the server says no.
    stage.target.plant(&format!("ALTER ROLE {} SET default_transaction_read_only = on", stage.role)).await;
    let failed = stage.rotate().await;
    assert!(failed.failure.as_deref().is_some_and(|said| said.contains("did not change the password")), "{failed:?}");
    assert_eq!(stage.states().await, ["current", "former, no key"]);
    assert!(stage.lets_in(PASSWORD).await && stage.stored_works().await);
    stage.target.plant(&format!("ALTER ROLE {} RESET default_transaction_read_only", stage.role)).await;
    // Another database answers at the address.
    sqlx::query("UPDATE drydock.target SET identity = jsonb_set(identity, '{system_identifier}', '\"1\"') WHERE id = $1")
        .bind(stage.id.0)
        .execute(&stage.house.admin)
        .await
        .expect("another server answers");
    let failed = stage.rotate().await;
    assert!(failed.failure.as_deref().is_some_and(|said| said.contains("another PostgreSQL cluster")), "{failed:?}");
    assert!(stage.lets_in(PASSWORD).await, "nobody else's password is changed");
}

#[tokio::test]
async fn no_password_is_changed_under_a_run_and_no_run_starts_under_a_change() {
    let stage = Stage::new().await;
    let house = &stage.house;
    house.backed_up().await;
    // The house's own database has the windows; its change of password is only asked for here.
    let mut db = house.admin.acquire().await.expect("a connection");
    let place = targets::find(&mut db, house.target).await.expect("readable").expect("there").registration.place;
    let by = house.engineer.actor.person;
    engine::credentials::store_password(&mut db, house.target, &place, &SecretString::from("x-password"), by).await.expect("sealed");
    let window = house.staged(crate::stage::When::NOW, |_| ()).await;
    engine::credentials::store_candidate(&mut db, house.target, &place, &SecretString::from("y-password"), by).await.expect("sealed");
    assert_eq!(code(open_due_run(house.engine.pool(), &Permit::system(), window.id, "due").await), "rotation_unfinished");
    let mut secrets = house.admin.acquire().await.expect("a connection");
    engine::store::secrets::destroy(&mut secrets, house.target).await.expect("put away");
    engine::credentials::store_password(&mut secrets, house.target, &place, &SecretString::from("z-password"), by).await.expect("sealed");
    open_due_run(house.engine.pool(), &Permit::system(), window.id, "due").await.expect("open");
    assert_eq!(code(rotate_password(&house.engine, &elevated(&house.engineer), house.target).await), "run_open");
    let forced = engine::credentials::store_candidate(&mut secrets, house.target, &place, &SecretString::from("w-password"), by).await;
    assert_eq!(code(forced), "run_open", "the database says so too");
}

#[tokio::test]
async fn while_a_worker_is_at_it_nobody_else_touches_the_password() {
    let stage = Stage::new().await;
    let engineer = elevated(&stage.house.engineer);
    rotate_password(&stage.house.engine, &engineer, stage.id).await.expect("asked");
    assert_eq!(code(replace_password(&stage.house.engine, &engineer, stage.id, &"another".into()).await), "rotating");
    assert_eq!(code(retire_target(&stage.house.engine, &engineer, stage.id, "shop").await), "rotating");
}

#[tokio::test]
async fn a_new_address_needs_the_password_and_says_whether_it_is_the_same_database() {
    let stage = Stage::new().await;
    let (house, engineer) = (&stage.house, elevated(&stage.house.engineer));
    let mut input = form(house, &stage.target);
    input.draft.username.clone_from(&stage.role);
    input.draft.host = "localhost".into();
    let edit = |input: &Input, revision, password: &str| edit_target::Input {
        revision,
        draft: input.draft.clone(),
        password: password.to_owned().into(),
    };
    assert_eq!(code(edit_target(&house.engine, &engineer, stage.id, &edit(&input, 1, "")).await), "password");
    edit_target(&house.engine, &engineer, stage.id, &edit(&input, 1, PASSWORD)).await.expect("moved");
    assert!(stage.registered().await.identity.is_none());
    stage.answered().await;
    let test = stage.newest(ExaminationKind::ConnectionTest).await;
    assert_eq!(test.answer.expect("answered")["same_as_before"], true);
    assert_eq!(stage.state().await, TargetState::Ready);
    // The same server, another database.
    let other = Target::new().await;
    input.draft.port = other.db.port().to_string();
    input.draft.database = other.db.name().into();
    edit_target(&house.engine, &engineer, stage.id, &edit(&input, 2, PASSWORD)).await.expect("moved");
    stage.answered().await;
    let test = stage.newest(ExaminationKind::ConnectionTest).await;
    assert_eq!(test.answer.expect("answered")["same_as_before"], false, "it says so");
    let fact = house.count(
        "SELECT count(*) FROM drydock.fact WHERE action = 'target.test' AND convert_from(bytes, 'UTF8') LIKE '%\"same_as_before\":false%'",
    );
    assert_eq!(fact.await, 1);
}

#[tokio::test]
async fn a_retired_database_is_taken_back_with_its_password() {
    let stage = Stage::new().await;
    let (house, engineer) = (&stage.house, elevated(&stage.house.engineer));
    assert_eq!(code(reinstate_target(&house.engine, &engineer, stage.id, &PASSWORD.into()).await), "not_retired");
    retire_target(&house.engine, &engineer, stage.id, "shop").await.expect("retired");
    assert_eq!(code(reinstate_target(&house.engine, &engineer, stage.id, &"".into()).await), "password");
    assert_eq!(code(reinstate_target(&house.engine, &house.engineer, stage.id, &PASSWORD.into()).await), "elevate");
    reinstate_target(&house.engine, &engineer, stage.id, &PASSWORD.into()).await.expect("taken back");
    assert_eq!(stage.state().await, TargetState::Unverified);
    stage.answered().await;
    let test = stage.newest(ExaminationKind::ConnectionTest).await;
    assert_eq!((stage.state().await, &test.answer.expect("answered")["same_as_before"]), (TargetState::Ready, &serde_json::json!(true)));
}

#[tokio::test]
async fn a_deleted_database_leaves_its_history_and_frees_its_name() {
    let stage = Stage::new().await;
    let (house, lead) = (&stage.house, elevated(&stage.house.lead));
    assert_eq!(code(delete_target(&house.engine, &lead, stage.id, "shop").await), "not_retired");
    retire_target(&house.engine, &lead, stage.id, "shop").await.expect("retired");
    assert_eq!(code(delete_target(&house.engine, &elevated(&house.engineer), stage.id, "shop").await), "not_permitted");
    assert_eq!(code(delete_target(&house.engine, &lead, stage.id, "shoq").await), "confirm");
    delete_target(&house.engine, &lead, stage.id, "shop").await.expect("deleted");
    assert_eq!(stage.state().await, TargetState::Deleted);
    assert!(stage.states().await.is_empty(), "its secrets are erased");
    assert_eq!(
        house
            .count(
                "SELECT count(*) FROM drydock.target_stakeholder s JOIN drydock.target t ON t.id = s.target_id WHERE t.state = 'deleted'"
            )
            .await,
        0
    );
    for act in [
        code(reinstate_target(&house.engine, &lead, stage.id, &PASSWORD.into()).await),
        code(replace_password(&house.engine, &lead, stage.id, &PASSWORD.into()).await),
        code(rotate_password(&house.engine, &lead, stage.id).await),
    ] {
        assert!(matches!(act.as_str(), "not_retired" | "deleted"), "{act}");
    }
    // Name and database are free: the same one is registered anew.
    let mut again = form(house, &stage.target);
    again.draft.username.clone_from(&stage.role);
    let id = register_target(&house.engine, &house.engineer, &again).await.expect("the name is free");
    stage.answered().await;
    assert_ne!(id, stage.id);
    let mut db = house.engine.pool().acquire().await.expect("a connection");
    assert_eq!(targets::find(&mut db, id).await.expect("readable").expect("there").state, TargetState::Ready);
}

#[tokio::test]
async fn windows_of_a_deleted_database_stay_readable() {
    let house = House::new().await;
    let number = house.proposed(3).await.number;
    let lead = elevated(&house.lead);
    assert_eq!(code(retire_target(&house.engine, &lead, house.target, "prod-orders").await), "still_wanted");
    engine::actions::end_window::cancel_window(&house.engine, &house.engineer, number, "the database goes").await.expect("withdrawn");
    retire_target(&house.engine, &lead, house.target, "prod-orders").await.expect("retired");
    delete_target(&house.engine, &lead, house.target, "prod-orders").await.expect("deleted");
    let shown = engine::queries::windows::show(&house.engine, &house.lead.actor, number, None).await.expect("readable");
    assert!(shown.head.database_deleted && shown.head.database == "prod-orders");
    let again = engine::queries::proposals::again_form(&house.engine, &house.lead.actor, number).await.map(|_| ());
    assert_eq!(code(again), "deleted");
}

#[tokio::test]
async fn a_database_gets_another_owner_when_nothing_is_planned_on_it() {
    let house = House::new().await;
    let other = house.foreigner.actor.teams[0].team;
    let admin = elevated(&person(&house.admin, "Adele", None, &[GlobalRole::Admin]).await);
    let foreign_engineer = person(&house.admin, "Elsa", Some((other, TeamRole::Engineer, false)), &[]).await;
    let number = house.proposed(3).await.number;
    let input = transfer_target::Input { team: other.to_string(), reason: "billing took it over".into(), confirm: "prod-orders".into() };
    let give = |who: &Caller, input: &transfer_target::Input| {
        let (engine, who, input, id) = (house.engine.clone(), who.clone(), input.clone(), house.target);
        async move { transfer_target(&engine, &who, id, &input).await }
    };
    assert_eq!(code(give(&elevated(&house.engineer), &input).await), "not_permitted");
    assert_eq!(code(give(&elevated(&house.foreigner), &input).await), "not_found", "it is not theirs to take");
    assert_eq!(code(give(&house.lead, &input).await), "elevate");
    let same = transfer_target::Input { team: house.team.to_string(), reason: " ".into(), confirm: "x".into() };
    assert_eq!(code(give(&elevated(&house.lead), &same).await), "team,reason,confirm");
    assert_eq!(code(give(&elevated(&house.lead), &input).await), "still_wanted");
    engine::actions::end_window::cancel_window(&house.engine, &house.engineer, number, "it goes to billing").await.expect("withdrawn");
    give(&admin, &input).await.expect("given");
    let mut db = house.engine.pool().acquire().await.expect("a connection");
    let target = targets::find(&mut db, house.target).await.expect("readable").expect("there");
    assert_eq!(target.team, other);
    let told: i64 = house.count("SELECT count(*) FROM drydock.outbox WHERE kind = 'owner_changed'").await;
    assert_eq!(told, 3, "Lena, Dario and Fritz");
    // From now on the new owner plans, and the old one does not.
    let proposed = engine::actions::propose_window::propose_window(&house.engine, &house.engineer, &house.form(4), None).await;
    assert_eq!(code(proposed), "target");
    engine::actions::propose_window::propose_window(&house.engine, &foreign_engineer, &house.form(4), None)
        .await
        .expect("the new owner plans");
    // The history stays with whoever made it.
    assert!(engine::queries::windows::show(&house.engine, &house.lead.actor, number, None).await.is_ok());
    let foreign = engine::queries::windows::show(&house.engine, &foreign_engineer.actor, number, None).await.map(|_| ());
    assert_eq!(code(foreign), "not_found");
}
