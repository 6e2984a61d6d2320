//! Rows to break rules on: an approved window that is due, its run, a work list of two items, an open attempt.

use crate::house::House;
use crate::stage::When;
use domain::canonical::digest;
use engine::test_support::ServiceRole;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, PgPool};

/// Who tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Web,
    Worker,
    Auditor,
    /// Owns the tables, and may switch off nothing that is `ALWAYS` without changing the tables.
    Owner,
    /// A superuser in a replica's session, where ordinary triggers and foreign keys sleep.
    Replica,
}

pub struct Yard {
    pub house: House,
    owner: PgPool,
    worker: PgPool,
    auditor: PgPool,
    /// The window, as `'…'::uuid`.
    pub window: String,
    /// Digest of its plan, as `'\x…'::bytea`.
    pub plan: String,
    /// The run.
    pub run: String,
    /// Digest of its work list.
    pub list: String,
    /// The fact of what was set up: `id` and `at`, as two SQL values.
    pub fact: String,
    /// Facts that nothing points to yet, for transitions.
    pub fresh: [String; 2],
}

fn uuid(id: uuid::Uuid) -> String {
    format!("'{id}'::uuid")
}

fn bytes(raw: &[u8]) -> String {
    format!("'\\x{}'::bytea", hex::encode(raw))
}

async fn a_fact(house: &House) -> String {
    sqlx::query_scalar(
        "INSERT INTO drydock.fact (system_identifier, actor_kind, action, object_kind, object_id, result, bytes, leaf)
         VALUES ('test', 'system', 'thing.happen', 'thing', '1', 'done', '\\x00', sha256('\\x0000'::bytea)) RETURNING format('%s, %L::timestamptz', id, at)",
    )
    .fetch_one(&house.admin)
    .await
    .expect("a fact")
}

impl Yard {
    pub async fn new() -> Self {
        let house = House::new().await;
        let staged = house.staged(When::NOW, |_| {}).await;
        let (fact, one, two) = (a_fact(&house).await, a_fact(&house).await, a_fact(&house).await);
        let run = engine::clock::new_id::<uuid::Uuid>();
        let list = digest("work_list", b"[]").0;
        let yard = Self {
            owner: house.database.pool(ServiceRole::Owner).await,
            worker: house.database.pool(ServiceRole::Worker).await,
            auditor: house.database.pool(ServiceRole::Auditor).await,
            window: uuid(staged.id.0),
            plan: bytes(&house.digest(staged.number).await.0),
            run: uuid(run),
            list: bytes(&list),
            fact,
            fresh: [one, two],
            house,
        };
        yard.set(&yard.a_run("waiting", &yard.run)).await;
        yard.set(&format!(
            "INSERT INTO drydock.work_list (run_id, digest, plan_digest, bytes) VALUES ({}, {}, {}, '[]');
             INSERT INTO drydock.item (run_id, ordinal, work_list_digest, step, class, object, statement, detail)
             VALUES ({0}, 1, {1}, 'vacuum', 'repeatable', 't', 'VACUUM t', '{{}}'), ({0}, 2, {1}, 'sql', 'once', 't', 'DELETE FROM t', '{{}}')",
            yard.run, yard.list, yard.plan
        ))
        .await;
        yard
    }

    /// A transition of the window, with a fact of its own.
    pub fn window_to(&self, state: &str) -> String {
        let fact = if state == "running" { &self.fresh[0] } else { &self.fresh[1] };
        format!("UPDATE drydock.window SET state = '{state}', (state_fact_id, state_fact_at) = ({fact}) WHERE id = {}", self.window)
    }

    /// A transition of the run, with a fact of its own; `more` sets what else the state needs.
    pub fn run_to(&self, state: &str, more: &str) -> String {
        format!(
            "UPDATE drydock.run SET state = '{state}', (state_fact_id, state_fact_at) = ({}){more} WHERE id = {}",
            self.fresh[0], self.run
        )
    }

    /// Another run of the window, in a state that needs no lease.
    pub fn a_run(&self, state: &str, id: &str) -> String {
        let ended = if state == "ended" { "'finished', now()" } else { "NULL, NULL" };
        format!(
            "INSERT INTO drydock.run (id, window_id, revision, target_id, plan_digest, state, ending, ended_at, state_fact_id, state_fact_at)
             VALUES ({id}, {}, 2, {}, {}, '{state}', {ended}, {})",
            self.window,
            uuid(self.house.target.0),
            self.plan,
            self.fact
        )
    }

    /// A rollback of the window that has ended.
    pub fn a_rollback(&self) -> String {
        let run = self.a_run("ended", "gen_random_uuid()");
        run.replace("plan_digest, state", "plan_digest, kind, state").replace("'ended'", "'rollback', 'ended'")
    }

    /// An attempt at an item, in a state.
    pub fn an_attempt(&self, ordinal: i32, number: i32, state: &str) -> String {
        let (started, ended) = match state {
            "intent" => ("NULL, NULL, NULL", "NULL, NULL"),
            "done" => ("now(), '{}', '{}'", "now(), 'failed'"),
            _ => ("now(), '{}', '{}'", "NULL, NULL"),
        };
        format!(
            "INSERT INTO drydock.attempt (id, run_id, ordinal, number, epoch, plan_digest, work_list_digest, state, session_name, started_at, backend, observed, ended_at, outcome, fact_id, fact_at)
             VALUES (gen_random_uuid(), {}, {ordinal}, {number}, 0, {}, {}, '{state}', 's', {started}, {ended}, {})",
            self.run, self.plan, self.list, self.fact
        )
    }

    /// Sets the scene, as a superuser.
    pub async fn set(&self, statements: &str) {
        let mut db = self.house.admin.acquire().await.expect("connects");
        if let Err(error) = db.execute(sqlx::raw_sql(AssertSqlSafe(statements.to_owned()))).await {
            panic!("{statements}: {error}");
        }
    }

    async fn connection(&self, by: By) -> PgConnection {
        let pool = match by {
            By::Web => self.house.engine.pool(),
            By::Worker => &self.worker,
            By::Auditor => &self.auditor,
            By::Owner => &self.owner,
            By::Replica => &self.house.admin,
        };
        let mut db = pool.acquire().await.expect("connects").detach();
        if by == By::Replica {
            db.execute("SET session_replication_role = replica").await.expect("a superuser");
        }
        db
    }

    /// What the database says to `statements`, of which nothing stays: the name of the constraint, or the message.
    pub async fn said(&self, by: By, statements: &str) -> Result<(), String> {
        let mut db = self.connection(by).await;
        let mut trial = db.begin().await.expect("begins");
        // Deferred constraints speak at commit, which never comes here.
        let sql = format!("{statements}; SET CONSTRAINTS ALL IMMEDIATE");
        let done = (&mut *trial).execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.map(drop);
        trial.rollback().await.expect("taken back");
        done.map_err(|error| match &error {
            sqlx::Error::Database(database) => database.constraint().map_or_else(|| database.message().to_owned(), str::to_owned),
            other => other.to_string(),
        })
    }

    /// Asserts that each statement is refused with these words.
    pub async fn refuses(&self, cases: &[(By, String, &str)]) {
        for (by, statements, expected) in cases {
            match self.said(*by, statements).await {
                Err(said) => assert!(said.contains(expected), "{by:?}: {statements}\n was refused with “{said}”, not “{expected}”"),
                Ok(()) => panic!("{by:?} may: {statements}"),
            }
        }
    }

    /// Asserts that the statement is possible: the refusals above mean something.
    pub async fn allows(&self, by: By, statements: &str) {
        if let Err(said) = self.said(by, statements).await {
            panic!("{by:?} may not: {statements}\n {said}");
        }
    }
}

/// Expected words of a missing right.
pub const DENIED: &str = "permission denied";
/// Expected words of the guard of what never changes.
pub const FIXED: &str = "are never changed or removed";
