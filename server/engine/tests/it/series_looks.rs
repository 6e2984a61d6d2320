//! Looks at series: what is shown and remembered is about the dates there are, one that fails keeps none of the others, and time must be trusted.

use crate::house::code;
use crate::series::Yard;
use crate::stage::When;
use domain::ids::SeriesId;
use domain::procedure::Shelf;
use domain::series::form::SeriesForm;
use domain::view::series::SeriesState;
use engine::Error;
use engine::actions::bear_window::bear_window;
use engine::actions::create_freeze::create_freeze;
use engine::actions::edit_series::edit_series;
use engine::actions::end_series::{self, end_series};
use engine::actions::make_series::Step;
use engine::queries;
use engine::scheduler::{self, series};
use std::time::Duration;

impl Yard {
    async fn edited(&self, id: SeriesId, revision: i32, form: &SeriesForm) {
        let seen = form.parse(&Shelf::default(), &engine::change::read_typed).expect("good").seen("Europe/Berlin");
        let step = edit_series(&self.house.engine, &self.house.engineer, id, revision, form, &seen).await.expect("good");
        assert_eq!(step, Step::Saved(id));
    }

    async fn until(&self, sql: &'static str) {
        let late = tokio::time::Instant::now() + Duration::from_secs(8);
        while self.house.count(sql).await == 0 {
            assert!(tokio::time::Instant::now() < late, "never: {sql}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

const STUCK: &str = "SELECT count(*) FROM drydock.series_stuck";

#[tokio::test]
async fn what_kept_the_old_dates_is_forgotten_when_it_is_saved_anew_or_ended() {
    for end in [false, true] {
        let yard = Yard::new().await;
        let (house, form) = (&yard.house, yard.daily(1, 2));
        let id = yard.made(&form).await;
        create_freeze(&house.engine, &house.lead, &crate::freezes::form(house, "database", 96)).await.expect("a freeze");
        yard.look(id).await;
        assert_eq!((house.count(STUCK).await, yard.page(id).await.state), (2, SeriesState::NeedsAttention));
        yard.run("INSERT INTO drydock.series_stuck (series_id, day, start_at, code, message) SELECT id, '2026-01-01', '2026-01-01', 'passed', 'x' FROM drydock.series").await;
        if end {
            end_series(&house.engine, &house.lead, id, &end_series::Input::default()).await.expect("ended");
        } else {
            yard.edited(id, 1, &SeriesForm { proposal: house.form(20), ..form }).await;
            assert_eq!(yard.page(id).await.state, SeriesState::Active, "its new dates are free");
        }
        assert_eq!(house.count(STUCK).await, 1, "what passed stays readable");
        let home = queries::home::home(&house.engine, &house.lead.actor).await.expect("the first page");
        assert!(home.attention.iter().all(|entry| !entry.to.starts_with("/series/")), "{home:?}");
    }
}

#[tokio::test]
async fn the_next_dates_know_their_windows_however_many_lie_behind_them() {
    let yard = Yard::new().await;
    let form = SeriesForm { lead_days: "30".into(), ..yard.daily(1, 40) };
    let id = yard.made(&form).await;
    assert!(yard.look(id).await.len() >= 28);
    let page = yard.page(id).await;
    assert!(page.next.len() == 5 && page.next.iter().all(|line| line.window.is_some()), "{:?}", page.next);
    let edit = queries::series::edit_form(&yard.house.engine, &yard.house.engineer.actor, id, Some(form)).await.expect("a form");
    let dates = edit.dates.expect("dates");
    assert!(dates.lines.iter().all(|line| line.window.is_some() && line.taken.is_none()), "{:?}", dates.lines);
}

#[tokio::test]
async fn what_a_series_waits_for_keeps_no_window_from_its_start() {
    let yard = Yard::new().await;
    let house = &yard.house;
    house.backed_up().await;
    yard.made(&yard.daily(1, 1)).await;
    let worker = crate::inventory::worker(house).await;
    let mut held = house.admin.begin_with("BEGIN").await.expect("a transaction");
    sqlx::query("LOCK TABLE drydock.series_birth IN EXCLUSIVE MODE").execute(&mut *held).await.expect("held");
    let mut loops = tokio::task::JoinSet::new();
    loops.spawn(scheduler::run(worker.clone()));
    loops.spawn(series::run(worker.clone()));
    yard.until("SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE c.relname = 'series_birth' AND NOT l.granted")
        .await;
    house.staged(When::NOW, |_| {}).await;
    yard.until("SELECT count(*) FROM drydock.run").await;
    assert_eq!(house.count("SELECT count(*) FROM drydock.series_birth").await, 0, "it waits still");
    held.rollback().await.expect("let go");
    yard.until("SELECT count(*) FROM drydock.series_birth").await;
    worker.stop.cancel();
    while let Some(ended) = loops.join_next().await {
        ended.expect("no panic").expect("it ends without an error");
    }
}

#[tokio::test]
async fn a_date_that_fails_inside_keeps_no_other() {
    let yard = Yard::new().await;
    let (house, id) = (&yard.house, yard.made(&yard.daily(1, 2)).await);
    yard.run("CREATE FUNCTION public.fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$").await;
    let fails = format!(
        "CREATE TRIGGER fails BEFORE INSERT ON drydock.series_birth FOR EACH ROW WHEN (NEW.day = '{}') EXECUTE FUNCTION public.fails()",
        yard.day(1)
    );
    sqlx::query(sqlx::AssertSqlSafe(fails)).execute(&house.admin).await.expect("a trigger");
    assert_eq!(yard.look(id).await.len(), 1, "the other one is proposed");
    let page = yard.page(id).await;
    let said = page.next[0].stuck.clone().expect("why");
    assert!(said.contains("tried again") && !said.contains("broken"), "{said}");
    assert_eq!(house.count("SELECT count(*) FROM drydock.series_stuck WHERE code = 'failed'").await, 1);
    yard.run("DROP TRIGGER fails ON drydock.series_birth").await;
    assert_eq!(yard.look(id).await.len(), 1, "and this one, once it can be");
    assert_eq!(house.count(STUCK).await, 0);
}

#[tokio::test]
async fn series_that_cannot_be_read_keep_no_other() {
    let yard = Yard::new().await;
    let house = &yard.house;
    let id = yard.made(&yard.daily(1, 1)).await;
    // More of them than one tick looks at, and all overdue for longer.
    sqlx::query(
        "WITH s AS (
             INSERT INTO drydock.series (id, team_id, target_id, author_id, title, form, rule, starts_at, zone, lead_days, next_look_at)
             SELECT gen_random_uuid(), team_id, target_id, author_id, title, form, 'FREQ=NONSENSE', starts_at, zone, 3, now() - interval '1 hour'
             FROM drydock.series, generate_series(1, 12) WHERE id = $1 RETURNING id, author_id)
         INSERT INTO drydock.series_author (series_id, person_id) SELECT id, author_id FROM s",
    )
    .bind(id.0)
    .execute(&house.admin)
    .await
    .expect("series");
    let worker = crate::inventory::worker(house).await;
    for _ in 0..2 {
        series::tick(&worker).await.expect("ticks");
    }
    assert_eq!(house.count("SELECT count(*) FROM drydock.series_birth").await, 1);
    let waiting = "SELECT count(*) FROM drydock.series WHERE rule = 'FREQ=NONSENSE' AND next_look_at > now() + interval '4 minutes'";
    assert_eq!(house.count(waiting).await, 12, "they are looked at again later");
}

#[tokio::test]
async fn whoever_typed_over_another_s_change_learns_that_first() {
    let yard = Yard::new().await;
    let (house, form) = (&yard.house, yard.daily(1, 2));
    let id = yard.made(&form).await;
    yard.edited(id, 1, &form).await;
    let wrong = SeriesForm { every: "x".into(), ..form };
    let late = edit_series(&house.engine, &house.engineer, id, 1, &wrong, "").await.expect_err("of yesterday").to_string();
    assert!(late.contains("Somebody else changed this series meanwhile."), "{late}");
    assert_eq!(code(edit_series(&house.engine, &house.engineer, id, 2, &wrong, "").await), "every");
}

#[tokio::test]
async fn nothing_is_proposed_nor_settled_while_the_clock_is_not_trusted() {
    let yard = Yard::new().await;
    let house = &yard.house;
    let slept = yard.slept(yard.made(&yard.daily(1, 4)).await).await;
    let worker = crate::inventory::worker(house).await;
    yard.run(
        "INSERT INTO drydock.clock_guard (highest_at, system_identifier, timeline, frozen_reason) VALUES (now(), '7', 1, 'it went back by 9 s.')
         ON CONFLICT (singleton) DO UPDATE SET frozen_reason = excluded.frozen_reason",
    )
    .await;
    series::tick(&worker).await.expect("ticks");
    assert_eq!(yard.look(slept).await, [] as [i64; 0]);
    let Err(Error::Refused(refusal)) = bear_window(&yard.worker, slept, yard.day(1)).await else { panic!("not refused") };
    assert_eq!((refusal.code.as_str(), refusal.message.contains("it went back by 9 s.")), ("clock", true));
    let settled =
        "SELECT count(*) FROM drydock.series WHERE looked_at > now() - interval '1 day' AND id = '00000000-0000-0000-0000-000000000007'";
    let facts = "SELECT count(*) FROM drydock.fact WHERE action = 'series.stuck'";
    assert_eq!((house.count(settled).await, house.count(STUCK).await, house.count(facts).await), (0, 0, 0));
    yard.run("UPDATE drydock.clock_guard SET frozen_reason = NULL").await;
    assert!(!yard.look(slept).await.is_empty(), "and goes on afterwards");
}

#[tokio::test]
async fn a_date_that_is_not_due_any_more_waits() {
    let yard = Yard::new().await;
    let (house, form) = (&yard.house, yard.daily(2, 2));
    let id = yard.made(&form).await;
    // Between the look of a worker and its act, somebody gives people less time ahead.
    yard.edited(id, 1, &SeriesForm { lead_days: "1".into(), ..form }).await;
    assert_eq!(bear_window(&yard.worker, id, yard.day(3)).await.expect("no error"), None);
    assert_eq!(house.count("SELECT count(*) FROM drydock.window").await, 0);
}

#[tokio::test]
async fn dates_of_before_it_was_saved_never_passed() {
    let yard = Yard::new().await;
    let (house, form) = (&yard.house, yard.daily(1, 4));
    let slept = yard.slept(yard.made(&form).await).await;
    let earlier = SeriesForm {
        proposal: domain::proposal::ProposalForm { date: yard.day(-3).to_string(), ..house.form(1) },
        ends: "never".into(),
        ..form
    };
    yard.edited(slept, 1, &earlier).await;
    assert!(!yard.look(slept).await.is_empty());
    assert_eq!(house.count(STUCK).await, 0, "what its new rule would have given before is nobody's loss");
}

#[tokio::test]
async fn what_keeps_the_whole_series_is_said_without_a_date() {
    let yard = Yard::new().await;
    let (house, id) = (&yard.house, yard.made(&yard.daily(1, 1)).await);
    create_freeze(&house.engine, &house.lead, &crate::freezes::form(house, "database", 48)).await.expect("a freeze");
    yard.look(id).await;
    let said = async || {
        let home = queries::home::home(&house.engine, &house.lead.actor).await.expect("the first page");
        home.attention.into_iter().find(|entry| entry.to == format!("/series/{id}")).expect("it waits for a person").why
    };
    let one = said().await;
    assert!(one.starts_with(&yard.day(1).strftime("%-d %b: ").to_string()), "{one}");
    yard.run("UPDATE drydock.target SET state = 'unverified'").await;
    yard.look(id).await;
    let whole = said().await;
    assert!(whole.starts_with("The database has not passed"), "{whole}");
}
