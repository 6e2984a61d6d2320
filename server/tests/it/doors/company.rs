//! What the doors lead to: databases, windows and runs in every state that a door asks for, of two teams.

use super::cast::Cast;
use super::table::OWN_PROCEDURE;
use crate::browser::{Browser, Place};
use crate::house::{House, person};
use crate::stage::{Staged, When};
use axum::Router;
use domain::glass::AskForm;
use domain::ids::{FeedId, PersonId, RunId, SeriesId, TargetId, TeamId};
use domain::people::GlobalRole;
use domain::permission::Actor;
use domain::procedure::Shelf;
use domain::proposal::ProposalForm;
use domain::series::form::SeriesForm;
use domain::webhook::Draft;
use domain::window::WindowState;
use engine::actions::Caller;
use engine::actions::add_webhook::add_webhook;
use engine::actions::ask_break_glass::ask_break_glass;
use engine::actions::ask_series::{self, ask_series};
use engine::actions::confirm_break_glass::{self, confirm_break_glass};
use engine::actions::end_series::{self, end_series};
use engine::actions::make_feed::{self, make_feed};
use engine::actions::make_series::{Step, make_series};
use engine::actions::propose_procedure::{self, propose_procedure};
use engine::actions::propose_window::propose_window;
use engine::actions::revoke_feed::revoke_feed;
use engine::actions::write_comment::{Input, write_comment};
use engine::queries::procedures;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The whole company.
pub struct Company {
    pub house: House,
    pub cast: Cast,
    pub other: TeamId,
    /// By name: what the doors of this test need.
    pub databases: BTreeMap<&'static str, TargetId>,
    pub windows: BTreeMap<&'static str, i64>,
    pub runs: BTreeMap<&'static str, RunId>,
    pub freezes: BTreeMap<&'static str, Uuid>,
    /// Calendar feeds of the stakeholder of the database, by name.
    pub feeds: BTreeMap<&'static str, (FeedId, PersonId)>,
    /// On the page of the stakeholder of the database.
    pub message: (Uuid, PersonId),
    /// By name of the team whose member is away.
    pub absences: BTreeMap<&'static str, Uuid>,
    /// By name of the window.
    pub comments: BTreeMap<&'static str, String>,
    pub series: BTreeMap<&'static str, SeriesId>,
    /// Of the plan that waits for votes.
    pub digest: String,
    /// Of plans that cannot wait, by name of the window.
    pub digests: BTreeMap<&'static str, String>,
    /// Of the window that was approved by it.
    pub glass: Uuid,
    pub notice: String,
    pub policy: String,
    /// Of an own procedure, which waits for a second person, and its digest.
    pub version: String,
    pub version_digest: String,
    pub webhook: String,
    /// Something it was sent.
    pub delivery: String,
}

impl Company {
    /// People and the databases of both teams; no window yet.
    pub async fn new() -> Self {
        let house = House::new().await;
        let web = Place::web_of(house.engine.clone());
        let nobody = Browser::of_router(server::router::router(web, Router::new()));
        let other = house.foreigner.actor.teams[0].team;
        let cast = Cast::assemble(&house, other, &nobody).await;
        let mut company = Self {
            house,
            cast,
            other,
            databases: BTreeMap::new(),
            windows: BTreeMap::new(),
            runs: BTreeMap::new(),
            freezes: BTreeMap::new(),
            feeds: BTreeMap::new(),
            message: (Uuid::nil(), PersonId(Uuid::nil())),
            absences: BTreeMap::new(),
            comments: BTreeMap::new(),
            series: BTreeMap::new(),
            digest: String::new(),
            digests: BTreeMap::new(),
            glass: Uuid::nil(),
            notice: String::new(),
            policy: String::new(),
            version: String::new(),
            version_digest: String::new(),
            webhook: String::new(),
            delivery: String::new(),
        };
        company.databases.insert("prod-orders", company.house.target);
        company.database("spare", company.house.team, "staging").await;
        company.database("gone", company.house.team, "staging").await;
        company.database("billing", other, "production").await;
        company.run("UPDATE drydock.target SET state = 'retired' WHERE short_name = 'gone'").await;
        company
    }

    /// Another database that is ready, like the house's own.
    pub async fn database(&mut self, name: &'static str, team: TeamId, environment: &str) {
        let id: TargetId = engine::clock::new_id();
        sqlx::query(
            "INSERT INTO drydock.target (id, team_id, short_name, name, dbms, host, port, database, username, tls, environment, zone, on_call, state, identity, created_by)
             SELECT $1, $2, $3, $3, dbms, host, port, $3, username, tls, $4, zone, on_call, 'ready', jsonb_set(identity, '{database_oid}', to_jsonb($6)), created_by FROM drydock.target WHERE id = $5",
        )
        .bind(id.0)
        .bind(team.0)
        .bind(name)
        .bind(environment)
        .bind(self.house.target.0)
        .bind(i32::try_from(self.databases.len() + 100).expect("few"))
        .execute(&self.house.admin)
        .await
        .expect("a database");
        let stakeholder = if team == self.other { &self.cast.other_stakeholder } else { &self.house.stakeholder };
        sqlx::query("INSERT INTO drydock.target_stakeholder (target_id, person_id) VALUES ($1, $2)")
            .bind(id.0)
            .bind(stakeholder.actor.person.0)
            .execute(&self.house.admin)
            .await
            .expect("a stakeholder");
        self.databases.insert(name, id);
    }

    /// A password is stored for this database, as people type it.
    pub async fn password(&self, name: &str) {
        let (target, by) = (self.databases[name], self.house.engineer.actor.person);
        let mut db = self.house.admin.acquire().await.expect("a connection");
        let place = engine::store::targets::find(&mut db, target).await.expect("readable").expect("there").registration.place;
        let password = crate::browser::PASSWORD.to_owned().into();
        engine::credentials::store_password(&mut db, target, &place, &password, by).await.expect("sealed");
    }

    /// A window of the owner team that waits for votes, and one of the other team.
    pub async fn proposed(&mut self) {
        let number = self.house.proposed(3).await.number;
        self.windows.insert("proposed", number);
        let form = ProposalForm { target: "billing".into(), ..self.house.form(3) };
        let foreign = propose_window(&self.house.engine, &self.cast.other_engineer, &form, None).await.expect("proposed");
        self.windows.insert("foreign", foreign.number);
    }

    /// Windows that start within hours, each on a database of its own: one that waits for votes, one for which a break-glass was asked, and one
    /// that was approved by one, of which none of those who try had a part.
    pub async fn urgent(&mut self) {
        self.database("asked", self.house.team, "staging").await;
        self.database("broken", self.house.team, "staging").await;
        // Whoever confirms held the right before the windows were made.
        let second = person(&self.house.admin, "Zoe", None, &[GlobalRole::Admin]).await;
        sqlx::query("INSERT INTO drydock.account (person_id, password_hash) VALUES ($1, '$argon2id$x')")
            .bind(second.actor.person.0)
            .execute(&self.house.admin)
            .await
            .expect("an account");
        let present = |caller: &Caller| Caller { actor: Actor { elevated: true, ..caller.actor.clone() }, ..caller.clone() };
        let zone = jiff::tz::TimeZone::get("Europe/Berlin").expect("bundled");
        let start = (self.house.engine.clock().now() + jiff::SignedDuration::from_hours(3)).to_zoned(zone);
        for (name, database) in [("urgent", "spare"), ("asked", "asked"), ("broken", "broken")] {
            let form = ProposalForm {
                target: database.into(),
                date: start.strftime("%Y-%m-%d").to_string(),
                time: start.strftime("%H:%M").to_string(),
                fold: "first".into(),
                ..self.house.form(3)
            };
            let number = propose_window(&self.house.engine, &self.cast.changed, &form, None).await.expect("proposed").number;
            self.windows.insert(name, number);
            self.digests.insert(name, self.house.digest(number).await.hex());
        }
        let asker = present(&self.cast.changed);
        for name in ["asked", "broken"] {
            let reason = "orders cannot be placed since one o'clock".to_owned();
            let ask = AskForm { digest: self.digests[name].clone(), short_name: name.into(), reason };
            ask_break_glass(&self.house.engine, &asker, self.windows[name], &ask).await.expect("asked");
        }
        let input = confirm_break_glass::Input { digest: self.digests["broken"].clone(), short_name: "broken".into() };
        confirm_break_glass(&self.house.engine, &present(&second), self.windows["broken"], &input).await.expect("confirmed");
        self.glass = self.id("SELECT id FROM drydock.break_glass WHERE confirmed_at IS NOT NULL").await;
    }

    /// Series of the owner team, one that was ended, and one of the other team.
    pub async fn repeated(&mut self) {
        for (name, database, by) in [
            ("daily", "prod-orders", self.house.engineer.clone()),
            ("ended", "prod-orders", self.house.engineer.clone()),
            ("foreign", "billing", self.cast.other_engineer.clone()),
        ] {
            let id = self.made(database, &by).await;
            self.series.insert(name, id);
        }
        let next = ask_series::Input { dates: "3".into() };
        ask_series(&self.house.engine, &self.house.engineer, self.series["daily"], &next).await.expect("put together");
        let why = end_series::Input::default();
        end_series(&self.house.engine, &self.house.engineer, self.series["ended"], &why).await.expect("ended");
    }

    async fn made(&self, database: &str, by: &Caller) -> SeriesId {
        let form = daily(&self.house, database);
        let seen = form.parse(&Shelf::default(), &engine::change::read_typed).expect("good").seen("Europe/Berlin");
        match make_series(&self.house.engine, by, &form, &seen).await.expect("saved") {
            Step::Saved(id) => id,
            Step::Look => panic!("its dates were seen"),
        }
    }

    /// An approved window that is due, on a database of its own, moved on through these states.
    pub async fn staged(&mut self, name: &'static str, states: &[WindowState]) -> Staged {
        self.database(name, self.house.team, "production").await;
        let window = self.house.staged_on(name, When::NOW, |_| ()).await;
        for state in states {
            if *state == WindowState::Completed {
                self.settle_list(&window).await;
            }
            self.house.put(window.id, 2, *state).await;
        }
        self.windows.insert(name, window.number);
        window
    }

    /// The stakeholder of the database, who is the first of those who may, wrote about this window.
    pub async fn commented(&mut self, name: &'static str) {
        let actor = self.cast.part("a stakeholder of the database").actor.clone().expect("an account");
        let by = Caller { actor, request: "test".into() };
        write_comment(&self.house.engine, &by, self.windows[name], &Input { text: "why?".into() }).await.expect("written");
        let id = self.id("SELECT id FROM drydock.comment ORDER BY fact_id DESC LIMIT 1").await;
        self.comments.insert(name, id.to_string());
    }

    /// The stakeholder of the database has a feed, and has revoked another one.
    pub async fn with_feeds(&mut self) {
        let actor = self.cast.part("a stakeholder of the database").actor.clone().expect("an account");
        let by = Caller { actor: Actor { elevated: true, ..actor }, request: "test".into() };
        let session = Some(self.house.session(&by).await);
        for name in ["living", "revoked"] {
            make_feed(&self.house.engine, &by, session, &make_feed::Input { about: "person".into() }).await.expect("made");
            let id = FeedId(self.id("SELECT id FROM drydock.calendar_feed ORDER BY made_at DESC LIMIT 1").await);
            self.feeds.insert(name, (id, by.actor.person));
        }
        revoke_feed(&self.house.engine, &by, self.feeds["revoked"].0).await.expect("revoked");
    }

    /// A message on the page of the stakeholder of the database.
    pub async fn told(&mut self) {
        let person = self.cast.part("a stakeholder of the database").actor.as_ref().expect("an account").person;
        let id = sqlx::query_scalar(
            "INSERT INTO drydock.message (id, person_id, kind, title, fact_id, fact_at)
             SELECT gen_random_uuid(), $1, 'paused', '', f.id, f.at FROM drydock.fact f ORDER BY f.id LIMIT 1 RETURNING id",
        );
        let id = id.bind(person.0).fetch_one(&self.house.admin).await.expect("a message");
        self.message = (id, person);
    }

    /// A version of an own procedure that the lead proposed.
    pub async fn procedure(&mut self) {
        let input = propose_procedure::Input { text: OWN_PROCEDURE.into(), ..Default::default() };
        propose_procedure(&self.house.engine, &self.house.lead, &input).await.expect("a good file");
        let shown = procedures::show(&self.house.engine, &self.house.lead, "own_nightly").await.expect("a page");
        let waiting = shown.waiting.expect("it waits");
        (self.version, self.version_digest) = (waiting.id.to_string(), waiting.digest.hex());
    }

    /// A webhook, and the event that a proposal owed it.
    pub async fn webhook(&mut self) {
        let actor = self.cast.part("an administrator").actor.clone().expect("an account");
        let by = Caller { actor: Actor { elevated: true, ..actor }, request: "test".into() };
        let draft = Draft {
            name: "Chat of all".into(),
            format: "cloudevents".into(),
            url: "https://hooks.example.org/b".into(),
            ..Draft::default()
        };
        let added = add_webhook(&self.house.engine, &by, &draft).await.expect("added");
        self.webhook = added.id.to_string();
        self.house.proposed(9).await;
        self.delivery = self.id("SELECT id FROM drydock.webhook_delivery").await.to_string();
    }

    /// Everything on a window's validation list is answered.
    pub async fn settle_list(&self, window: &Staged) {
        sqlx::query("UPDATE drydock.check_item SET state = 'passed', note = 'looked' WHERE window_id = $1 AND revision = 2")
            .bind(window.id.0)
            .execute(&self.house.admin)
            .await
            .expect("answered");
    }

    /// A run of a staged window, moved on through these states.
    pub async fn run_of(&mut self, name: &'static str, window: &Staged, states: &[&str]) {
        let id: RunId = engine::clock::new_id();
        sqlx::query(
            "INSERT INTO drydock.run (id, window_id, revision, target_id, plan_digest, state_fact_id, state_fact_at)
             SELECT $1, w.id, w.revision, t.target_id, p.digest, w.state_fact_id, w.state_fact_at
             FROM drydock.window w JOIN drydock.plan p ON p.window_id = w.id AND p.revision = w.revision
             JOIN drydock.window_target t ON t.window_id = w.id AND t.revision = w.revision WHERE w.id = $2",
        )
        .bind(id.0)
        .bind(window.id.0)
        .execute(&self.house.admin)
        .await
        .expect("a run");
        for state in states {
            self.move_run(id, state).await;
        }
        self.runs.insert(name, id);
    }

    #[expect(clippy::disallowed_methods, reason = "one of three literals")]
    async fn move_run(&self, run: RunId, state: &str) {
        let sql = match state {
            "leased" => {
                "state = 'leased', epoch = r.epoch + 1, owner = 'w', lease_until = clock_timestamp() + interval '1 hour', phase = 'working'"
            }
            "held" => {
                "state = 'held', owner = NULL, lease_until = NULL, hold_reason = 'the fence is gone', hold_verbs = ARRAY['continue', 'validate', 'roll_back', 'fail']"
            }
            "ended" => {
                "state = 'ended', owner = NULL, lease_until = NULL, ending = 'finished', ended_at = clock_timestamp(), phase = 'over'"
            }
            other => panic!("no state {other}"),
        };
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "WITH f AS (INSERT INTO drydock.fact (system_identifier, actor_kind, action, object_kind, object_id, result, bytes, leaf)
                        VALUES ('test', 'system', 'run.move', 'run', 'staged', 'done', '\\x00', sha256('\\x0000'::bytea)) RETURNING id, at)
             UPDATE drydock.run r SET {sql}, state_fact_id = f.id, state_fact_at = f.at FROM f WHERE r.id = $1"
        )))
        .bind(run.0)
        .execute(&self.house.admin)
        .await
        .expect("a state that follows");
    }

    /// Young backups of every database.
    pub async fn backups(&self) {
        for target in self.databases.values() {
            sqlx::query("INSERT INTO drydock.backup_record (id, target_id, taken_at, location, verified_how, recorded_by) VALUES ($1, $2, now() - interval '1 hour', 's3', 'restored', $3)")
                .bind(engine::clock::new_id::<RunId>().0)
                .bind(target.0)
                .bind(self.house.engineer.actor.person.0)
                .execute(&self.house.admin)
                .await
                .expect("a backup");
        }
    }

    /// A freeze over a team's databases, from now on for ten days, by somebody who is none of those who try.
    pub async fn freeze(&mut self, name: &'static str, team: TeamId) {
        let id: Uuid = engine::clock::new_id();
        sqlx::query(
            "INSERT INTO drydock.freeze (id, name, reason, scope, team_id, zone, start_at, end_at, created_by)
             SELECT $1, $2, 'the books are closed', 'team', $3, 'Etc/UTC', now(), now() + interval '10 days', id FROM drydock.person WHERE name = 'Paula'",
        )
        .bind(id)
        .bind(name)
        .bind(team.0)
        .execute(&self.house.admin)
        .await
        .expect("a freeze");
        self.freezes.insert(name, id);
    }

    /// Somebody is away the day after tomorrow.
    pub async fn away(&mut self, name: &'static str, person: PersonId) {
        let id: Uuid = engine::clock::new_id();
        sqlx::query("INSERT INTO drydock.absence (id, person_id, starts_at, ends_at, said_by) VALUES ($1, $2, now() + interval '2 days', now() + interval '3 days', $2)")
            .bind(id)
            .bind(person.0)
            .execute(&self.house.admin)
            .await
            .expect("an absence");
        self.absences.insert(name, id);
    }

    pub async fn run(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.house.admin).await.expect(sql);
    }

    /// One identity from the state database.
    pub async fn id(&self, sql: &'static str) -> Uuid {
        sqlx::query_scalar(sql).fetch_one(&self.house.admin).await.expect(sql)
    }
}

/// Every day from the eighth from now on.
pub fn daily(house: &House, database: &str) -> SeriesForm {
    let proposal = ProposalForm { target: database.to_owned(), ..house.form(8) };
    SeriesForm { proposal, repeat: "daily".into(), ..SeriesForm::blank() }
}
