//! A small company for tests: one team with a database that is ready, and people in every part.

use domain::approval::Policy;
use domain::canonical::Digest;
use domain::ids::{PersonId, PolicyId, SessionId, TargetId, TeamId};
use domain::people::{GlobalRole, TeamRole};
use domain::permission::{Actor, Member};
use domain::proposal::ProposalForm;
use engine::actions::Caller;
use engine::actions::propose_window::{Proposed, propose_window};
use engine::test_support::{ServiceRole, TestDatabase};
use engine::vault::Keyring;
use engine::{Engine, Error};
use secrecy::ExposeSecret as _;
use sqlx::PgPool;

/// The company. `engine` works under the web role.
#[allow(dead_code, reason = "each test module uses its own part of the house")]
pub struct House {
    pub database: TestDatabase,
    pub engine: Engine,
    pub admin: PgPool,
    pub keyring: Keyring,
    pub keys: tempfile::TempDir,
    pub team: TeamId,
    pub target: TargetId,
    pub lead: Caller,
    pub deputy: Caller,
    pub engineer: Caller,
    pub stakeholder: Caller,
    pub auditor: Caller,
    pub foreigner: Caller,
}

impl House {
    pub async fn new() -> Self {
        let database = TestDatabase::new().await;
        let engine = Engine::connect(database.options(ServiceRole::Web), 8).await.expect("the web role connects");
        let admin = database.superuser().await;
        let keys = tempfile::tempdir().expect("a folder for keys");
        let keyring = Keyring::open(keys.path()).expect("a fresh key");
        let (team, other) = (engine::clock::new_id::<TeamId>(), engine::clock::new_id::<TeamId>());
        for (id, name) in [(team, "orders"), (other, "billing")] {
            sqlx::query("INSERT INTO drydock.team (id, short_name, name) VALUES ($1, $2, $2)")
                .bind(id.0)
                .bind(name)
                .execute(&admin)
                .await
                .expect("a team");
        }
        sqlx::query("INSERT INTO drydock.worker_key (id, public_key, label, admitted_at) VALUES ($1, $2, 'test', now())")
            .bind(keyring.id().0)
            .bind(keyring.public_key().as_slice())
            .execute(&admin)
            .await
            .expect("a worker key");
        let lead = person(&admin, "Lena", Some((team, TeamRole::Lead, false)), &[]).await;
        let deputy = person(&admin, "Dario", Some((team, TeamRole::Engineer, true)), &[]).await;
        let engineer = person(&admin, "Egon", Some((team, TeamRole::Engineer, false)), &[]).await;
        let stakeholder = person(&admin, "Sten", Some((team, TeamRole::Stakeholder, false)), &[]).await;
        let auditor = person(&admin, "Audra", None, &[GlobalRole::Auditor]).await;
        let foreigner = person(&admin, "Fritz", Some((other, TeamRole::Lead, false)), &[]).await;
        let target = engine::clock::new_id::<TargetId>();
        sqlx::query(
            "INSERT INTO drydock.target (id, team_id, short_name, name, dbms, host, port, database, username, tls, environment, zone, on_call, state, identity, created_by)
             VALUES ($1, $2, 'prod-orders', 'Orders', 'postgresql', '127.0.0.1', 5432, 'orders', 'maintainer', 'none', 'production', 'Europe/Berlin', 'Lena, +49 30 1', 'ready',
                     '{\"system_identifier\": \"7\", \"database\": \"orders\", \"database_oid\": 5}', $3)",
        )
        .bind(target.0)
        .bind(team.0)
        .bind(lead.actor.person.0)
        .execute(&admin)
        .await
        .expect("a database");
        sqlx::query("INSERT INTO drydock.target_stakeholder (target_id, person_id) VALUES ($1, $2)")
            .bind(target.0)
            .bind(stakeholder.actor.person.0)
            .execute(&admin)
            .await
            .expect("a stakeholder");
        Self { database, engine, admin, keyring, keys, team, target, lead, deputy, engineer, stakeholder, auditor, foreigner }
    }

    /// A good form for the company's database, starting at 02:00 Berlin time `days` from now.
    pub fn form(&self, days: i64) -> ProposalForm {
        let date = (self.engine.clock().now() + jiff::SignedDuration::from_hours(24 * days)).strftime("%Y-%m-%d").to_string();
        ProposalForm { target: "prod-orders".into(), reason: "weekly work".into(), date, ..ProposalForm::blank() }
    }

    /// A window proposed by the engineer.
    pub async fn proposed(&self, days: i64) -> Proposed {
        propose_window(&self.engine, &self.engineer, &self.form(days), None).await.expect("a good proposal")
    }

    /// Lets a policy rule databases of an environment, as the first ones do: nobody had to agree to those. One that ruled that environment
    /// alone rules development from then on, where no test has anything.
    pub async fn ruled_by(&self, name: &str, environment: &str, policy: &Policy) {
        let (bytes, digest) = policy.seal().expect("integers");
        let sql = "WITH p AS (INSERT INTO drydock.policy (id, name, environments, current_version) VALUES ($1, $2, ARRAY[$3], 1)
                              RETURNING id),
                        gone AS (UPDATE drydock.policy SET environments = CASE WHEN environments = ARRAY[$3] THEN ARRAY['development'] ELSE array_remove(environments, $3) END
                                  WHERE $3 = ANY (environments))
                   INSERT INTO drydock.policy_version (policy_id, version, bytes, digest) SELECT p.id, 1, $4, $5 FROM p";
        let id = engine::clock::new_id::<PolicyId>();
        sqlx::query(sql)
            .bind(id.0)
            .bind(name)
            .bind(environment)
            .bind(bytes)
            .bind(digest.0.as_slice())
            .execute(&self.admin)
            .await
            .expect("a policy");
    }

    /// A session of theirs that has not ended.
    pub async fn session(&self, who: &Caller) -> SessionId {
        let sql = "INSERT INTO drydock.session (key, data, expires_at, absolute_end_at, person_id)
                   VALUES (sha256(gen_random_uuid()::text::bytea), '{}', now() + interval '1 hour', now() + interval '1 hour', $1) RETURNING id";
        SessionId(sqlx::query_scalar(sql).bind(who.actor.person.0).fetch_one(&self.admin).await.expect("a session"))
    }

    /// Digest of the window's newest plan.
    pub async fn digest(&self, number: i64) -> Digest {
        let raw: Vec<u8> = sqlx::query_scalar(
            "SELECT p.digest FROM drydock.window w JOIN drydock.plan p ON p.window_id = w.id AND p.revision = w.revision WHERE w.number = $1",
        )
        .bind(number)
        .fetch_one(&self.admin)
        .await
        .expect("a plan");
        Digest::from_slice(&raw).expect("32 bytes")
    }

    /// Secret of the newest link of this kind of message to a person, as the notifier would open it.
    pub async fn secret(&self, kind: &str, person: PersonId) -> String {
        let sealed: Vec<u8> = sqlx::query_scalar("SELECT link_secret FROM drydock.outbox WHERE kind = $1 AND person_id = $2 AND link_secret IS NOT NULL ORDER BY id DESC LIMIT 1")
            .bind(kind)
            .bind(person.0)
            .fetch_one(&self.admin)
            .await
            .expect("a message with a link");
        let open = self.keyring.open_small(&sealed).expect("sealed to this worker");
        String::from_utf8(open.expose_secret().to_vec()).expect("text")
    }

    /// The window's state word.
    pub async fn state(&self, number: i64) -> String {
        sqlx::query_scalar("SELECT state FROM drydock.window WHERE number = $1")
            .bind(number)
            .fetch_one(&self.admin)
            .await
            .expect("a window")
    }

    /// One number from the state database.
    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.admin).await.expect("a number")
    }
}

/// A person, with or without a place in a team.
pub async fn person(admin: &PgPool, name: &str, place: Option<(TeamId, TeamRole, bool)>, global: &[GlobalRole]) -> Caller {
    let id = engine::clock::new_person();
    sqlx::query("INSERT INTO drydock.person (id, name, email, zone) VALUES ($1, $2, $3, 'Europe/Berlin')")
        .bind(id.0)
        .bind(name)
        .bind(format!("{}@example.org", name.to_lowercase()))
        .execute(admin)
        .await
        .expect("a person");
    if let Some((team, role, deputy)) = place {
        sqlx::query("INSERT INTO drydock.membership (team_id, person_id, role, deputy) VALUES ($1, $2, $3, $4)")
            .bind(team.0)
            .bind(id.0)
            .bind(role.word())
            .bind(deputy)
            .execute(admin)
            .await
            .expect("a member");
    }
    for role in global {
        sqlx::query("INSERT INTO drydock.global_role (person_id, role) VALUES ($1, $2)")
            .bind(id.0)
            .bind(role.word())
            .execute(admin)
            .await
            .expect("a role");
    }
    let actor = Actor {
        person: id,
        name: name.to_owned(),
        zone: "Europe/Berlin".into(),
        active: true,
        global: global.to_vec(),
        teams: place.map(|(team, role, deputy)| Member { team, role, deputy }).into_iter().collect(),
        stakeholder_of_teams: vec![],
        elevated: false,
        factor: false,
    };
    Caller { actor, request: format!("test-{name}") }
}

/// Gives a person an account, whose password nobody knows.
#[allow(dead_code, reason = "each test crate uses its own part of the house")]
pub async fn with_account(house: &House, who: &Caller) {
    sqlx::query("INSERT INTO drydock.account (person_id, password_hash) VALUES ($1, '$argon2id$x')")
        .bind(who.actor.person.0)
        .execute(&house.admin)
        .await
        .expect("an account");
}

/// What a refusal says: its code, or the fields that are wrong. What is hidden is as good as missing.
#[allow(dead_code, reason = "each test crate uses its own part of the house")]
pub fn code<T: std::fmt::Debug>(result: engine::Result<T>) -> String {
    match result {
        Err(Error::Refused(refusal)) => refusal.code,
        Err(Error::Invalid(errors)) => errors.into_iter().map(|error| error.field).collect::<Vec<_>>().join(","),
        Err(Error::NotFound | Error::Hidden) => "not_found".into(),
        other => panic!("expected a refusal, got {other:?}"),
    }
}
