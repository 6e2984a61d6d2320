//! Approved windows whose time is now: the house proposes, and the plan is sealed again with moved times.

use crate::house::House;
use domain::canonical::Digest;
use domain::ids::{RunId, TargetId, WindowId};
use domain::plan::Plan;
use domain::proposal::ProposalForm;
use domain::window::WindowState;
use engine::actions::propose_window::propose_window;
use jiff::{SignedDuration, Timestamp};

/// When a staged window starts, against now.
#[derive(Debug, Clone, Copy)]
pub struct When {
    /// Start, seconds from now.
    pub start_s: i64,
    /// Latest start, seconds from now.
    pub latest_s: i64,
    /// Cut-off, seconds from now.
    pub cut_off_s: i64,
    /// End, seconds from now.
    pub end_s: i64,
}

impl When {
    /// Started a minute ago, lasts two hours.
    pub const NOW: Self = Self { start_s: -60, latest_s: 1_800, cut_off_s: 6_600, end_s: 7_200 };
}

/// A window as the tests see it.
#[derive(Debug, Clone)]
pub struct Staged {
    pub id: WindowId,
    pub number: i64,
}

#[allow(dead_code, reason = "each test module uses its own part of the stage")]
impl House {
    /// An approved window (proposed, edited so that it is due, voted for by stakeholder and lead).
    pub async fn staged(&self, when: When, change: impl FnOnce(&mut Plan)) -> Staged {
        self.staged_on("prod-orders", when, change).await
    }

    /// The same on another database of the team.
    pub async fn staged_on(&self, database: &str, when: When, change: impl FnOnce(&mut Plan)) -> Staged {
        let staged = self.resealed(database, when, change, true).await;
        self.put(staged.id, 2, WindowState::Approved).await;
        staged
    }

    /// A window that is due, and waits for its votes for another half an hour.
    pub async fn due_and_waiting(&self) -> Staged {
        self.due_and_waiting_with(|_| ()).await
    }

    /// The same with changes of the plan.
    pub async fn due_and_waiting_with(&self, change: impl FnOnce(&mut Plan)) -> Staged {
        let staged = self.resealed("prod-orders", When::NOW, change, false).await;
        sqlx::query("UPDATE drydock.revision SET decide_by_at = now() + interval '30 minutes' WHERE window_id = $1 AND number = 2")
            .bind(staged.id.0)
            .execute(&self.admin)
            .await
            .expect("time to decide");
        self.put(staged.id, 2, WindowState::Proposed).await;
        staged
    }

    /// A proposal that is sealed again with other times; `voted` for by stakeholder and lead.
    async fn resealed(&self, database: &str, when: When, change: impl FnOnce(&mut Plan), voted: bool) -> Staged {
        let form = ProposalForm { target: database.to_owned(), ..self.form(3) };
        let number = propose_window(&self.engine, &self.engineer, &form, None).await.expect("a good proposal").number;
        let (id, digest, bytes): (uuid::Uuid, Vec<u8>, Vec<u8>) = sqlx::query_as(
            "SELECT w.id, p.digest, p.bytes FROM drydock.window w JOIN drydock.plan p ON p.window_id = w.id WHERE w.number = $1",
        )
        .bind(number)
        .fetch_one(&self.admin)
        .await
        .expect("a plan");
        let mut plan = Plan::open(&bytes, Digest::from_slice(&digest).expect("32 bytes")).expect("sealed");
        let now: Timestamp = self.engine.clock().now();
        let at = |seconds| now + SignedDuration::from_secs(seconds);
        plan.revision = 2;
        plan.times.start = at(when.start_s);
        plan.times.latest_start = at(when.latest_s);
        plan.times.cut_off = at(when.cut_off_s);
        plan.times.end = at(when.end_s);
        plan.times.extend_to = plan.times.end;
        change(&mut plan);
        let (bytes, digest) = plan.seal().expect("sealed");
        self.reseal(WindowId(id), &plan, &bytes, digest, voted).await;
        Staged { id: WindowId(id), number }
    }

    async fn reseal(&self, id: WindowId, plan: &Plan, bytes: &[u8], digest: Digest, voted: bool) {
        let stamp = |at: Timestamp| jiff_sqlx::ToSqlx::to_sqlx(at);
        let times = &plan.times;
        sqlx::query(
            "INSERT INTO drydock.revision (window_id, number, title, form, start_at, latest_start_at, cut_off_at, end_at, decide_by_at, policy_id, policy_version, created_by)
             SELECT window_id, 2, title, form, $2, $3, $4, $5, $2, policy_id, policy_version, created_by FROM drydock.revision WHERE window_id = $1",
        )
        .bind(id.0)
        .bind(stamp(times.start))
        .bind(stamp(times.latest_start))
        .bind(stamp(times.cut_off))
        .bind(stamp(times.end))
        .execute(&self.admin)
        .await
        .expect("a revision");
        sqlx::query("INSERT INTO drydock.plan (window_id, digest, revision, bytes, sealed_by) SELECT $1, $2, 2, $3, created_by FROM drydock.window WHERE id = $1")
            .bind(id.0)
            .bind(digest.0.as_slice())
            .bind(bytes)
            .execute(&self.admin)
            .await
            .expect("a plan");
        for (target, place) in plan.targets.iter().zip(1_i32..) {
            sqlx::query("INSERT INTO drydock.window_target (window_id, revision, target_id, team_id, during, live, wave, position) VALUES ($1, 2, $2, $3, tstzrange($4, $5), $8, $6, $7)")
                .bind(id.0)
                .bind(target.id.0)
                .bind(target.team.0)
                .bind(stamp(times.start))
                .bind(stamp(times.end))
                .bind(i32::try_from(plan.wave_of(target.id)).expect("few waves"))
                .bind(place)
                .bind(voted)
                .execute(&self.admin)
                .await
                .expect("its time");
            sqlx::query(
                "INSERT INTO drydock.check_item (window_id, revision, ordinal, key, title, by_probe, target_id)
                 SELECT window_id, 2, ordinal + 6 * ($2 - 1), key, title, by_probe, $3 FROM drydock.check_item WHERE window_id = $1 AND revision = 1",
            )
            .bind(id.0)
            .bind(place)
            .bind(plan.is_many().then_some(target.id.0))
            .execute(&self.admin)
            .await
            .expect("its validation list");
        }
        for who in [&self.stakeholder, &self.lead].into_iter().filter(|_| voted) {
            sqlx::query("INSERT INTO drydock.vote (id, window_id, digest, person_id, decision, assurance) VALUES ($1, $2, $3, $4, 'approve', 'account')")
                .bind(engine::clock::new_id::<RunId>().0)
                .bind(id.0)
                .bind(digest.0.as_slice())
                .bind(who.actor.person.0)
                .execute(&self.admin)
                .await
                .expect("a vote");
        }
    }

    /// Puts a window into a state that can follow its present one.
    pub async fn put(&self, id: WindowId, revision: i32, state: WindowState) {
        sqlx::query(
            "WITH f AS (INSERT INTO drydock.fact (system_identifier, actor_kind, action, object_kind, object_id, result, bytes, leaf)
                        VALUES ('test', 'system', 'window.move', 'window', 'staged', 'done', '\\x00', sha256('\\x0000'::bytea)) RETURNING id, at)
             UPDATE drydock.window w SET state = $2, revision = $3, state_fact_id = f.id, state_fact_at = f.at FROM f WHERE w.id = $1",
        )
        .bind(id.0)
        .bind(state.word())
        .bind(revision)
        .execute(&self.admin)
        .await
        .expect("a state that follows");
    }

    /// A backup that ended an hour ago.
    pub async fn backed_up(&self) {
        self.backup_of(self.target).await;
    }

    /// The same of another database.
    pub async fn backup_of(&self, target: TargetId) {
        sqlx::query("INSERT INTO drydock.backup_record (id, target_id, taken_at, location, verified_how, recorded_by) VALUES ($1, $2, now() - interval '1 hour', 's3', 'restored', $3)")
            .bind(engine::clock::new_id::<RunId>().0)
            .bind(target.0)
            .bind(self.engineer.actor.person.0)
            .execute(&self.admin)
            .await
            .expect("a backup");
    }
}
