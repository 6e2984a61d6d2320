//! Series: their dates are shown before they are saved, each date is proposed once and in time, and what cannot be done asks for a person.

use crate::house::{House, code};
use crate::stage::When;
use domain::ids::SeriesId;
use domain::procedure::Shelf;
use domain::procedure::library::OLD_ROWS_POSTGRESQL;
use domain::proposal::ProposalForm;
use domain::series::form::SeriesForm;
use domain::view::series::SeriesState;
use domain::window::WindowState;
use engine::Engine;
use engine::actions::bear_window::bear_window;
use engine::actions::create_freeze::create_freeze;
use engine::actions::edit_series::edit_series;
use engine::actions::end_series::{self, end_series};
use engine::actions::lift_freeze::lift_freeze;
use engine::actions::make_series::{Step, make_series};
use engine::actions::move_date::{self, move_date};
use engine::actions::restore_date::restore_date;
use engine::actions::skip_date::{self, skip_date};
use engine::queries;
use engine::scheduler::series::tend;
use engine::test_support::ServiceRole;
use jiff::civil::Date;

/// The house with a worker's own way to the state database.
pub struct Yard {
    pub house: House,
    pub worker: Engine,
}

impl Yard {
    pub async fn new() -> Self {
        let house = House::new().await;
        // Whoever makes a series has signed in.
        sqlx::query("INSERT INTO drydock.account (person_id, password_hash) SELECT p.id, '$argon2id$x' FROM drydock.person p")
            .execute(&house.admin)
            .await
            .expect("accounts");
        let worker = Engine::connect(house.database.options(ServiceRole::Worker), 8).await.expect("the worker role connects");
        Self { house, worker }
    }

    /// Every day at 02:00 from `days` from now on, `times` times. Three days ahead: the first two of tomorrow are due at any hour.
    pub fn daily(&self, days: i64, times: u32) -> SeriesForm {
        let (ends, count) = ("count".into(), times.to_string());
        SeriesForm { proposal: self.house.form(days), repeat: "daily".into(), ends, count, lead_days: "3".into(), ..SeriesForm::blank() }
    }

    pub async fn made(&self, form: &SeriesForm) -> SeriesId {
        let mut db = self.house.admin.acquire().await.expect("a connection");
        let shelf = engine::store::own_procedures::shelf(&mut db).await.expect("readable");
        let seen = form.parse(&shelf, &engine::change::read_typed).expect("good").seen("Europe/Berlin");
        match make_series(&self.house.engine, &self.house.engineer, form, &seen).await.expect("saved") {
            Step::Saved(id) => id,
            Step::Look => panic!("its dates were seen"),
        }
    }

    /// What the scheduler does when the look is due.
    pub async fn look(&self, id: SeriesId) -> Vec<i64> {
        sqlx::query("UPDATE drydock.series SET next_look_at = now() WHERE id = $1 AND ended_at IS NULL")
            .bind(id.0)
            .execute(&self.house.admin)
            .await
            .expect("due");
        tend(&self.worker, id).await.expect("looked at")
    }

    /// A copy of this series that began three days sooner and that no worker has looked at since.
    pub async fn slept(&self, id: SeriesId) -> SeriesId {
        let slept = SeriesId(uuid::Uuid::from_u128(7));
        sqlx::query(
            "WITH s AS (
                 INSERT INTO drydock.series (id, team_id, target_id, author_id, title, form, rule, starts_at, zone, lead_days, looked_at, edited_at)
                 SELECT $2, team_id, target_id, author_id, title, form, rule, starts_at - interval '3 days', zone, 3, looked_at - interval '60 hours', edited_at - interval '60 hours'
                 FROM drydock.series WHERE id = $1 RETURNING id, author_id)
             INSERT INTO drydock.series_author (series_id, person_id) SELECT id, author_id FROM s",
        )
        .bind(id.0)
        .bind(slept.0)
        .execute(&self.house.admin)
        .await
        .expect("a series");
        slept
    }

    pub async fn page(&self, id: SeriesId) -> domain::view::series::ShowPage {
        queries::series::show(&self.house.engine, &self.house.engineer.actor, id, None).await.expect("a page")
    }

    pub async fn run(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.house.admin).await.expect(sql);
    }

    pub fn day(&self, days: i64) -> Date {
        self.house.form(days).date.parse().expect("a day")
    }
}

#[tokio::test]
async fn its_dates_are_seen_before_it_is_saved() {
    let yard = Yard::new().await;
    let (house, form) = (&yard.house, SeriesForm { ends: "never".into(), ..yard.daily(2, 1) });
    let empty = queries::series::new_form(&house.engine, &house.engineer.actor, "prod-orders", None).await.expect("a form");
    assert!(empty.dates.is_none() && empty.form.lead_days == "7");
    assert_eq!(make_series(&house.engine, &house.engineer, &form, "").await.expect("nothing is wrong"), Step::Look);
    assert_eq!(house.count("SELECT count(*) FROM drydock.series").await, 0);
    let other = house.proposed(3).await.number;
    let page = queries::series::new_form(&house.engine, &house.engineer.actor, "prod-orders", Some(form.clone())).await.expect("a form");
    let dates = page.dates.expect("what was typed can be read");
    assert_eq!((dates.lines.len(), dates.at_once, dates.words.as_str()), (5, true, "Every day at 02:00"));
    assert_eq!(dates.lines[1].taken.as_ref().map(|(number, _)| *number), Some(other), "who else takes the database");
    // Other dates than those that were seen are shown first.
    let later = SeriesForm { proposal: house.form(4), ..form.clone() };
    assert_eq!(make_series(&house.engine, &house.engineer, &later, &dates.seen).await.expect("good"), Step::Look);
    let saved = make_series(&house.engine, &house.engineer, &form, &dates.seen).await.expect("good");
    let Step::Saved(id) = saved else { panic!("its dates were seen") };
    assert_eq!(yard.page(id).await.state, SeriesState::Active);
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action = 'series.make' AND team_id IS NOT NULL").await, 1);
}

#[tokio::test]
async fn what_cannot_be_a_series_is_refused_at_its_field() {
    let yard = Yard::new().await;
    let (house, form) = (&yard.house, yard.daily(2, 2));
    let make = |form: SeriesForm| async move { make_series(&house.engine, &house.engineer, &form, "").await };
    let with = |change: fn(&mut SeriesForm)| {
        let mut form = form.clone();
        change(&mut form);
        form
    };
    assert_eq!(code(make(with(|form| form.every = "x".into())).await), "every");
    assert_eq!(code(make(with(|form| form.proposal.duration_min = "2".into())).await), "duration_min,cut_off_min");
    assert_eq!(code(make(with(|form| form.proposal.target = "nobody-s".into())).await), "target");
    let over = SeriesForm {
        proposal: ProposalForm { date: "2020-01-01".into(), ..form.proposal.clone() },
        ends: "count".into(),
        count: "2".into(),
        ..form.clone()
    };
    assert_eq!(code(make(over).await), "date", "none of its dates is to come");
    let far = SeriesForm { proposal: house.form(500), ..form.clone() };
    assert_eq!(code(make(far).await), "date", "more than a year ahead");
    assert_eq!(code(make_series(&house.engine, &house.stakeholder, &form, "").await), "not_permitted");
    assert_eq!(
        code(make_series(&house.engine, &house.foreigner, &form, "").await),
        "target",
        "another team's is answered like a missing one"
    );
    yard.run("UPDATE drydock.target SET state = 'unverified'").await;
    assert_eq!(code(make(form.clone()).await), "target");
    assert_eq!(house.count("SELECT count(*) FROM drydock.series").await, 0);
}

#[tokio::test]
async fn each_date_is_proposed_once_some_days_ahead_by_its_author() {
    let yard = Yard::new().await;
    let (house, id) = (&yard.house, yard.made(&yard.daily(1, 2)).await);
    let numbers = yard.look(id).await;
    assert_eq!(numbers.len(), 2, "both are due");
    assert_eq!(yard.look(id).await, [] as [i64; 0], "and no second time");
    for number in &numbers {
        assert_eq!(house.state(*number).await, "proposed");
    }
    let owned = "SELECT count(*) FROM drydock.window w JOIN drydock.contributor c ON c.window_id = w.id AND c.person_id = w.created_by
                 JOIN drydock.person p ON p.id = w.created_by AND p.id = w.owner_id WHERE p.name = 'Egon'";
    assert_eq!(house.count(owned).await, 2, "the engineer wrote, proposed and owns them");
    let asked = "SELECT count(*) FROM drydock.outbox WHERE kind = 'approval_needed' AND link_secret IS NOT NULL";
    assert!(house.count(asked).await >= 4, "stakeholder and leads, for each");
    let facts = "SELECT count(*) FROM drydock.fact WHERE action = 'window.propose' AND actor_kind = 'system' AND convert_from(bytes, 'UTF8') LIKE '%\"series\":%'";
    assert_eq!(house.count(facts).await, 2, "the trail says that a series did it, and which");
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action = 'series.bear' AND window_id IS NOT NULL").await, 2);
    let page = yard.page(id).await;
    assert_eq!((page.births.len(), page.next.iter().filter(|line| line.window.is_some()).count()), (2, 2));
    // What was sealed is what somebody typed who proposes it by hand.
    let forms: Vec<serde_json::Value> =
        sqlx::query_scalar("SELECT form FROM drydock.revision ORDER BY start_at").fetch_all(&house.admin).await.expect("forms");
    assert_eq!(serde_json::from_value::<ProposalForm>(forms[0].clone()).expect("a form"), house.form(1));
    let next: jiff_sqlx::Timestamp =
        sqlx::query_scalar("SELECT next_look_at FROM drydock.series").fetch_one(&house.admin).await.expect("a time");
    assert!(next.to_jiff() > house.engine.clock().now(), "nothing is to be done now");
}

#[tokio::test]
async fn two_workers_at_once_propose_a_date_once() {
    let yard = Yard::new().await;
    let other = Engine::connect(yard.house.database.options(ServiceRole::Worker), 8).await.expect("another worker");
    // Four days: all three are due, also in the first hour of a day, when the last one is more than three days away.
    let id = yard.made(&SeriesForm { lead_days: "4".into(), ..yard.daily(1, 3) }).await;
    let days: Vec<Date> = (1..4).map(|n| yard.day(n)).collect();
    let mut tries = tokio::task::JoinSet::new();
    for engine in [&yard.worker, &other] {
        for day in days.iter().chain(&days) {
            let (engine, day) = (engine.clone(), *day);
            tries.spawn(async move { bear_window(&engine, id, day).await.expect("no error: the loser sees the window").is_some() });
        }
        let engine = engine.clone();
        tries.spawn(async move { !tend(&engine, id).await.expect("looked at").is_empty() });
    }
    while let Some(done) = tries.join_next().await {
        done.expect("no panic");
    }
    let house = &yard.house;
    assert_eq!(house.count("SELECT count(*) FROM drydock.series_birth").await, 3);
    assert_eq!(house.count("SELECT count(*) FROM drydock.window").await, 3, "and no window beside them");
}

#[tokio::test]
async fn a_date_that_is_taken_waits_for_a_person_and_is_tried_again() {
    let yard = Yard::new().await;
    let house = &yard.house;
    let form = yard.daily(2, 1);
    let start = yard.house.engine.clock().now();
    let from = form
        .proposal
        .parse(&Shelf::default())
        .expect("good")
        .times(&jiff::tz::TimeZone::get("Europe/Berlin").expect("a zone"), "Europe/Berlin", "x", start)
        .expect("good")
        .start;
    let at = from.duration_since(start).as_secs();
    let taken = house.staged(When { start_s: at, latest_s: at + 600, cut_off_s: at + 1200, end_s: at + 1800 }, |_| {}).await;
    let id = yard.made(&form).await;
    assert_eq!(yard.look(id).await, [] as [i64; 0]);
    let page = yard.page(id).await;
    assert_eq!(page.state, SeriesState::NeedsAttention);
    let said = page.next[0].stuck.clone().expect("why");
    assert!(said.contains(&format!("#{}", taken.number)) && said.contains("Choose a time"), "{said}");
    let listed = queries::series::list(&house.engine, &house.lead.actor, None).await.expect("a list");
    assert_eq!(listed.rows[0].state, SeriesState::NeedsAttention);
    let home = queries::home::home(&house.engine, &house.lead.actor).await.expect("the first page");
    assert!(home.attention.iter().any(|entry| entry.to == format!("/series/{id}") && entry.why.contains("This overlaps")), "{home:?}");
    let strangers = queries::home::home(&house.engine, &house.foreigner.actor).await.expect("the first page");
    assert!(strangers.attention.iter().all(|entry| !entry.to.starts_with("/series/")));
    let mails = "SELECT count(*) FROM drydock.outbox WHERE kind = 'series_stuck' AND payload ->> 'said' LIKE 'This overlaps%'";
    assert_eq!(house.count(mails).await, 3, "the author, the lead and the deputy");
    yard.look(id).await;
    assert_eq!(house.count(mails).await, 3, "once");
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action = 'series.stuck'").await, 1);
    house.put(taken.id, 2, WindowState::Cancelled).await;
    yard.run("UPDATE drydock.window_target SET live = false").await;
    assert_eq!(yard.look(id).await.len(), 1, "the other window is gone");
    assert_eq!((yard.page(id).await.state, house.count("SELECT count(*) FROM drydock.series_stuck").await), (SeriesState::Active, 0));
}

#[tokio::test]
async fn a_freeze_keeps_a_date_until_it_is_lifted() {
    let yard = Yard::new().await;
    let (house, id) = (&yard.house, yard.made(&yard.daily(1, 1)).await);
    let freeze = create_freeze(&house.engine, &house.lead, &crate::freezes::form(house, "database", 48)).await.expect("a freeze");
    assert_eq!(yard.look(id).await, [] as [i64; 0]);
    let said = yard.page(id).await.next[0].stuck.clone().expect("why");
    assert!(said.contains("Year end"), "{said}");
    lift_freeze(&house.engine, &house.lead, freeze, "the books are open").await.expect("lifted");
    assert_eq!(yard.look(id).await.len(), 1);
}

#[tokio::test]
async fn a_series_whose_author_left_asks_for_another_who_then_votes_on_nothing() {
    let yard = Yard::new().await;
    let (house, form) = (&yard.house, yard.daily(1, 2));
    let id = yard.made(&form).await;
    yard.run("UPDATE drydock.person SET active = false WHERE name = 'Egon'").await;
    assert_eq!(yard.look(id).await, [] as [i64; 0]);
    let page = queries::series::show(&house.engine, &house.lead.actor, id, None).await.expect("a page");
    let (said, _) = page.trouble.expect("it says so");
    assert!(said.starts_with("Egon, who answers for this series, may not propose") && said.contains("take it over"), "{said}");
    assert_eq!(page.state, SeriesState::NeedsAttention);
    let told = "SELECT count(*) FROM drydock.outbox o JOIN drydock.person p ON p.id = o.person_id WHERE o.kind = 'series_stuck' AND p.name IN ('Lena', 'Dario')";
    assert_eq!((house.count(told).await, house.count("SELECT count(*) FROM drydock.outbox WHERE kind = 'series_stuck'").await), (2, 2));
    let seen = form.parse(&Shelf::default(), &engine::change::read_typed).expect("good").seen("Europe/Berlin");
    assert_eq!(code(edit_series(&house.engine, &house.deputy, id, 9, &form, &seen).await), "moved_on");
    assert_eq!(edit_series(&house.engine, &house.deputy, id, 1, &form, "").await.expect("good"), Step::Look);
    assert_eq!(edit_series(&house.engine, &house.deputy, id, 1, &form, &seen).await.expect("good"), Step::Saved(id));
    assert_eq!(yard.look(id).await.len(), 2);
    let wrote = "SELECT count(*) FROM drydock.contributor c JOIN drydock.person p ON p.id = c.person_id WHERE p.name IN ('Egon', 'Dario')";
    assert_eq!(house.count(wrote).await, 4, "both wrote every one of them");
    let owned = "SELECT count(*) FROM drydock.window w JOIN drydock.person p ON p.id = w.owner_id WHERE p.name = 'Dario'";
    assert_eq!(house.count(owned).await, 2);
    let facts = "SELECT count(*) FROM drydock.fact WHERE action IN ('series.edit', 'series.go_on')";
    assert_eq!(house.count(facts).await, 2);
}

#[tokio::test]
async fn what_keeps_every_date_is_said_before_any_is_due() {
    for (sql, wanted) in [
        ("UPDATE drydock.target SET state = 'retired'", "database_retired"),
        ("UPDATE drydock.target SET state = 'unverified'", "database_unverified"),
        ("UPDATE drydock.target SET zone = 'Asia/Tokyo'", "zone_changed"),
        ("UPDATE drydock.target SET team_id = (SELECT id FROM drydock.team WHERE short_name = 'billing')", "database_moved"),
        ("DELETE FROM drydock.membership WHERE role = 'engineer' AND NOT deputy", "author_gone"),
    ] {
        let yard = Yard::new().await;
        let id = yard.made(&yard.daily(20, 2)).await;
        yard.run(sql).await;
        yard.look(id).await;
        let found: Option<String> =
            sqlx::query_scalar("SELECT trouble_code FROM drydock.series").fetch_one(&yard.house.admin).await.expect("a row");
        assert_eq!(found.as_deref(), Some(wanted), "{sql}");
        assert_eq!(code(bear_window(&yard.worker, id, yard.day(20)).await), wanted, "{sql}");
    }
}

#[tokio::test]
async fn without_a_policy_it_waits_and_nothing_is_half_written() {
    let yard = Yard::new().await;
    let id = yard.made(&yard.daily(1, 1)).await;
    yard.run("UPDATE drydock.policy SET environments = ARRAY['test']").await;
    yard.look(id).await;
    let stuck: String = sqlx::query_scalar("SELECT code FROM drydock.series_stuck").fetch_one(&yard.house.admin).await.expect("a row");
    assert_eq!((stuck.as_str(), yard.house.count("SELECT count(*) FROM drydock.window").await), ("no_policy", 0));
}

#[tokio::test]
async fn the_past_is_never_proposed_and_a_date_that_passed_is_said() {
    let yard = Yard::new().await;
    let house = &yard.house;
    let id = yard.made(&yard.daily(1, 4)).await;
    let slept = yard.slept(id).await;
    let numbers = yard.look(slept).await;
    assert!((1..=2).contains(&numbers.len()), "the one of tomorrow, and in its first hour that of today: {numbers:?}");
    assert_eq!(house.count("SELECT count(*) FROM drydock.revision WHERE start_at < now()").await, 0);
    let passed = "SELECT count(*) FROM drydock.series_stuck WHERE code = 'passed' AND message LIKE 'This date passed without a window.%' AND start_at < now()";
    let passed = house.count(passed).await;
    assert!((1..=3).contains(&passed), "{passed}");
    assert_eq!(yard.look(slept).await, [] as [i64; 0]);
    let page = yard.page(slept).await;
    assert_eq!((page.state, page.without.len()), (SeriesState::NeedsAttention, usize::try_from(passed).expect("few")));
    assert_eq!(code(bear_window(&yard.worker, slept, yard.day(-1)).await), "passed");
}

#[tokio::test]
async fn one_date_is_left_out_another_moved_and_both_are_put_back() {
    let yard = Yard::new().await;
    let (house, id) = (&yard.house, yard.made(&yard.daily(1, 6)).await);
    let engine = &house.engine;
    let skip = |day: Date| skip_date::Input { day: day.to_string(), reason: "a sale".into() };
    let to = |day: Date, date: Date, time: &str| move_date::Input {
        day: day.to_string(),
        date: date.to_string(),
        time: time.into(),
        reason: String::new(),
    };
    assert_eq!(code(skip_date(engine, &house.stakeholder, id, &skip(yard.day(3))).await), "not_permitted");
    assert_eq!(code(skip_date(engine, &house.foreigner, id, &skip(yard.day(3))).await), "not_found");
    assert_eq!(code(skip_date(engine, &house.lead, id, &skip(yard.day(-3))).await), "no_such_date");
    skip_date(engine, &house.lead, id, &skip(yard.day(1))).await.expect("left out");
    assert_eq!(code(move_date(engine, &house.lead, id, &to(yard.day(2), yard.day(3), "02:00")).await), "date", "the next one is there");
    assert_eq!(code(move_date(engine, &house.lead, id, &to(yard.day(4), yard.day(-1), "02:00")).await), "date", "the past");
    assert_eq!(code(move_date(engine, &house.lead, id, &to(yard.day(4), yard.day(4), "2 am")).await), "time");
    let moved = move_date(engine, &house.lead, id, &to(yard.day(2), yard.day(2), "23:30")).await.expect("moved");
    assert_eq!(moved.local.to_string(), format!("{}T23:30:00", yard.day(2)));
    assert!(!yard.look(id).await.is_empty());
    let form: serde_json::Value =
        sqlx::query_scalar("SELECT form FROM drydock.revision ORDER BY start_at LIMIT 1").fetch_one(&house.admin).await.expect("a form");
    assert_eq!((form["date"].as_str(), form["time"].as_str()), (Some(yard.day(2).to_string().as_str()), Some("23:30")));
    let wrote = "SELECT count(*) FROM drydock.contributor c JOIN drydock.person p ON p.id = c.person_id
                 JOIN drydock.window w ON w.id = c.window_id WHERE p.name = 'Lena' AND w.number = (SELECT min(number) FROM drydock.window)";
    assert_eq!(house.count(wrote).await, 1, "who moved it does not vote on it");
    assert_eq!(code(skip_date(engine, &house.lead, id, &skip(yard.day(2))).await), "date_born");
    assert_eq!(code(restore_date(engine, &house.lead, id, &skip(yard.day(2))).await), "date_born");
    let page = yard.page(id).await;
    assert!(page.next.iter().any(|line| line.date.day == yard.day(1) && line.date.is_skipped()), "{:?}", page.next);
    restore_date(engine, &house.engineer, id, &skip(yard.day(1))).await.expect("put back");
    assert_eq!(code(restore_date(engine, &house.engineer, id, &skip(yard.day(1))).await), "moved_on");
    yard.look(id).await;
    assert_eq!(house.count("SELECT count(*) FROM drydock.series_birth WHERE day = (now() AT TIME ZONE 'UTC')::date + 1").await, 1);
    let facts = "SELECT count(*) FROM drydock.fact WHERE action IN ('series.skip', 'series.move', 'series.restore')";
    assert_eq!(house.count(facts).await, 3);
}

#[tokio::test]
async fn an_ended_series_proposes_nothing_and_stays_readable() {
    let yard = Yard::new().await;
    let (house, form) = (&yard.house, yard.daily(1, 2));
    let id = yard.made(&form).await;
    let end = |reason: &str| end_series::Input { reason: reason.into() };
    assert_eq!(code(end_series(&house.engine, &house.auditor, id, &end("")).await), "not_permitted");
    assert_eq!(code(end_series(&house.engine, &house.foreigner, id, &end("")).await), "not_found");
    end_series(&house.engine, &house.deputy, id, &end("the database moves to the cloud")).await.expect("ended");
    assert_eq!(yard.look(id).await, [] as [i64; 0]);
    assert_eq!(bear_window(&yard.worker, id, yard.day(1)).await.expect("no error"), None);
    assert_eq!(code(end_series(&house.engine, &house.deputy, id, &end("")).await), "series_over");
    let seen = form.parse(&Shelf::default(), &engine::change::read_typed).expect("good").seen("Europe/Berlin");
    assert_eq!(code(edit_series(&house.engine, &house.deputy, id, 1, &form, &seen).await), "series_over");
    let page = yard.page(id).await;
    let (_, by, why) = page.ended.expect("it says so");
    assert_eq!(
        (page.state, by.as_str(), why.as_str(), page.next.len()),
        (SeriesState::Ended, "Dario", "the database moves to the cloud", 0)
    );
    assert_eq!(code(queries::series::show(&house.engine, &house.foreigner.actor, id, None).await.map(|_| ())), "not_found");
    assert_eq!(code(queries::series::edit_form(&house.engine, &house.engineer.actor, id, None).await.map(|_| ())), "series_over");
}

/// A rule about old rows is typed once and carried out at each date; each window holds it, and asks for its own approval.
#[tokio::test]
async fn a_rule_about_old_rows_repeats() {
    let yard = Yard::new().await;
    let mut form = yard.daily(1, 2);
    form.proposal.procedure = OLD_ROWS_POSTGRESQL.into();
    form.proposal.change.old_rows = "shop.log by at older than 90 days, delete".into();
    let id = yard.made(&form).await;
    assert_eq!(yard.look(id).await.len(), 2);
    let plans = "SELECT count(DISTINCT p.digest) FROM drydock.plan p WHERE convert_from(p.bytes, 'UTF8') LIKE '%\"kept_for\":\"90 days\"%SKIP LOCKED%'";
    assert_eq!(yard.house.count(plans).await, 2);
    let page = yard.page(id).await;
    assert_eq!((page.procedure.as_str(), page.lines.as_str()), ("old rows (PostgreSQL)", "shop.log by at older than 90 days, delete"));
}
