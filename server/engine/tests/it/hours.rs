//! Hours in which a database may be maintained: proposals keep to them, or say why not, and what is offered keeps to them.

use crate::freezes::freeze;
use crate::house::{House, code};
use crate::run_stage::RunStage;
use domain::approval::Policy;
use domain::decision::FieldError;
use domain::plan::Plan;
use domain::proposal::ProposalForm;
use engine::Error;
use engine::actions::cast_vote::{Input as Vote, cast_vote};
use engine::actions::move_window::{self, move_window};
use engine::actions::propose_window::propose_window;
use engine::actions::set_hours::{Input, set_hours};
use engine::queries::{proposals, targets};
use engine::sampler;
use engine::worker::WorkerContext;
use tokio_util::sync::CancellationToken;

async fn set(house: &House, hours: &str) {
    let typed = Input { hours: hours.into() };
    set_hours(&house.engine, &house.engineer, house.target, &typed).await.expect("readable");
}

fn fields<T: std::fmt::Debug>(result: engine::Result<T>) -> Vec<FieldError> {
    match result {
        Err(Error::Invalid(errors)) => errors,
        other => panic!("accepted: {other:?}"),
    }
}

async fn sealed(house: &House, number: i64) -> Plan {
    let digest = house.digest(number).await;
    let bytes: Vec<u8> = sqlx::query_scalar("SELECT p.bytes FROM drydock.plan p WHERE p.digest = $1")
        .bind(digest.0.as_slice())
        .fetch_one(&house.admin)
        .await
        .expect("a plan");
    Plan::open(&bytes, digest).expect("sealed")
}

#[tokio::test]
async fn a_time_outside_of_them_needs_a_reason_that_is_approved_with_the_plan() {
    let house = House::new().await;
    set(&house, "daily 01:00-06:00").await;
    let inside = ProposalForm { time: "02:00".into(), ..house.form(3) };
    let number = propose_window(&house.engine, &house.engineer, &inside, None).await.expect("inside").number;
    assert_eq!(sealed(&house, number).await.outside_hours, None);

    let late = ProposalForm { time: "05:00".into(), ..house.form(5) };
    let errors = fields(propose_window(&house.engine, &house.engineer, &late, None).await);
    assert_eq!(errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(), ["date", "outside_hours"]);
    let said = &errors[0].message;
    assert!(said.contains("prod-orders may be maintained Mon-Sun 01:00-06:00 ("), "{said}");
    assert!(said.contains("At that time of day nothing is free on the next 60 days. Other free starts are "), "{said}");
    let starts: usize = [" 01:00", " 02:00", " 03:00", " 04:00"].iter().map(|start| said.matches(start).count()).sum();
    assert_eq!(starts, 4, "its hours, and three starts in them: {said}");

    let reasoned = ProposalForm { outside_hours: "The vendor is here until noon.".into(), ..late };
    let number = propose_window(&house.engine, &house.engineer, &reasoned, None).await.expect("with a reason").number;
    let outside = sealed(&house, number).await.outside_hours.expect("sealed");
    assert!(outside.said().ends_with("at another time. Why: The vendor is here until noon."), "{}", outside.said());
    let short = ProposalForm { outside_hours: "because".into(), ..reasoned };
    assert_eq!(fields(propose_window(&house.engine, &house.engineer, &short, None).await)[0].field, "outside_hours");
}

#[tokio::test]
async fn what_is_offered_keeps_to_them_and_a_move_out_of_them_says_why() {
    let house = House::new().await;
    let window = house.proposed(3).await;
    let offered = |number| {
        let house = &house;
        async move { proposals::move_form(&house.engine, &house.engineer.actor, number, None).await.expect("the page").slots }
    };
    assert!(!offered(window.number).await.is_empty());
    set(&house, "daily 12:00-13:00").await;
    assert_eq!(offered(window.number).await, [], "two hours fit into no hour");
    let form = house.form(6);
    let input = move_window::Input { revision: 1, date: form.date, time: form.time, ..move_window::Input::default() };
    assert_eq!(fields(move_window(&house.engine, &house.engineer, window.number, &input).await)[0].field, "date");
    let input = move_window::Input { outside_hours: "Nobody else has a night left.".into(), ..input };
    assert_eq!(move_window(&house.engine, &house.engineer, window.number, &input).await.expect("with a reason"), 2);
}

/// A time that nobody could agree to any more is no way out.
#[tokio::test]
async fn what_is_offered_leaves_the_policy_its_lead_time() {
    let house = House::new().await;
    freeze(&house, &house.lead, "database", 50).await;
    let refused = async || fields(propose_window(&house.engine, &house.engineer, &house.form(2), None).await)[0].message.clone();
    let said = refused().await;
    assert!(said.contains(&house.form(4).date), "{said}");
    let slow = Policy { decide_before_start_min: 5 * 24 * 60, ..Policy::standard() };
    house.ruled_by("Slow", "production", &slow).await;
    let said = refused().await;
    assert!(!said.contains(&house.form(4).date) && said.contains(&house.form(7).date), "{said}");
}

#[tokio::test]
async fn only_the_owner_team_sets_them_and_only_what_can_be_read() {
    let house = House::new().await;
    let typed = Input { hours: "weekends".into() };
    let errors = fields(set_hours(&house.engine, &house.engineer, house.target, &typed).await);
    assert!(errors[0].field == "hours" && errors[0].message.starts_with("“weekends” cannot be read"), "{errors:?}");
    let typed = Input { hours: "Sat,Sun 00:00-24:00".into() };
    assert_eq!(code(set_hours(&house.engine, &house.stakeholder, house.target, &typed).await), "not_permitted");
    assert_eq!(code(set_hours(&house.engine, &house.foreigner, house.target, &typed).await), "not_found");
    set(&house, "Sat,Sun 00:00-24:00").await;
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action = 'target.hours'").await, 1);
    set(&house, "").await;
    assert_eq!(house.count("SELECT count(*) FROM drydock.target WHERE allowed_hours = ''").await, 1, "always again");
}

/// Five weeks of hours: a thousand transactions a minute; five thousand in the first six hours of a day, but on Sundays ten all day.
const WEEKS: &str = "INSERT INTO drydock.load_hour (target_id, hour, transactions, seconds)
    SELECT t.id, h, CASE WHEN extract(isodow FROM h AT TIME ZONE t.zone) = 7 THEN 600
                         WHEN extract(hour FROM h AT TIME ZONE t.zone) < 6 THEN 300000 ELSE 60000 END, 3600
    FROM drydock.target t, generate_series(date_trunc('hour', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - interval '34 days', now(), interval '1 hour') h
    WHERE t.short_name = 'prod-orders'";

#[tokio::test]
async fn a_quiet_day_is_offered_before_a_busy_one() {
    let house = House::new().await;
    let window = house.proposed(3).await;
    let slots = || async { proposals::move_form(&house.engine, &house.engineer.actor, window.number, None).await.expect("the page").slots };
    assert!(slots().await.iter().all(|slot| slot.load.is_none()), "nothing is known");
    sqlx::query(WEEKS).execute(&house.admin).await.expect("five weeks");
    let known = slots().await;
    assert!(
        !known.is_empty() && known.iter().all(|slot| slot.load.is_some_and(|load| (load.per_min, load.usual_per_min) == (10, 1000))),
        "Sundays, though there are days before the first of them: {known:?}"
    );
    let page = targets::show(&house.engine, &house.engineer, house.target).await.expect("the page");
    let (quietest, usual) = page.load.expect("known");
    assert!(usual == 1000 && quietest.iter().all(|(hour, per_min)| hour.starts_with("Sun ") && *per_min == 10), "{quietest:?}");
}

#[tokio::test]
async fn a_worker_reads_the_servers_own_count() {
    let stage = RunStage::new().await;
    let context = WorkerContext::connect(stage.config(), CancellationToken::new()).await.expect("connects");
    sqlx::query("UPDATE drydock.target SET verified_at = now() - interval '1 hour'").execute(&stage.house.admin).await.expect("tested");
    assert_eq!(sampler::read_due(&context).await.expect("answers"), 0, "a new database is not read at once");
    for _ in 0..2 {
        sqlx::query("UPDATE drydock.load_reading SET due_at = now(), read_at = read_at - interval '5 minutes'")
            .execute(&stage.house.admin)
            .await
            .expect("due");
        assert_eq!(sampler::read_due(&context).await.expect("answers"), 1);
    }
    let hours: Vec<(i64, i32)> =
        sqlx::query_as("SELECT transactions, seconds FROM drydock.load_hour").fetch_all(&stage.house.admin).await.expect("hours");
    assert!(hours.len() == 1 && hours[0].0 >= 0 && (300..400).contains(&hours[0].1), "{hours:?}");
    let (wraparound, behind): (i32, bool) = sqlx::query_as("SELECT wraparound_per_mille, freeze_behind FROM drydock.load_reading")
        .fetch_one(&stage.house.admin)
        .await
        .expect("read");
    assert!(wraparound < 500 && !behind, "{wraparound} {behind}");
    let measured: i64 =
        sqlx::query_scalar("SELECT drydock.measured_mib(t) FROM drydock.target t").fetch_one(&stage.house.admin).await.expect("measured");
    let held: i64 = sqlx::query_scalar("SELECT pg_database_size(current_database()) >> 20")
        .fetch_one(&stage.target.db.superuser().await)
        .await
        .expect("a size");
    assert!((held - measured).abs() <= 5, "{held} MiB, and {measured} were read");
    assert_eq!(sampler::read_due(&context).await.expect("answers"), 0, "due again in ten minutes");
}

#[tokio::test]
async fn where_every_day_is_busy_at_that_hour_quieter_ones_are_offered() {
    let house = House::new().await;
    // Busy around the clock, but for four hours in the evening.
    sqlx::query(
        "INSERT INTO drydock.load_hour (target_id, hour, transactions, seconds)
         SELECT t.id, h, CASE WHEN extract(hour FROM h AT TIME ZONE t.zone) BETWEEN 18 AND 21 THEN 600 ELSE 60000 + 6000 * extract(hour FROM h AT TIME ZONE t.zone)::int % 12 END, 3600
         FROM drydock.target t, generate_series(date_trunc('hour', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - interval '34 days', now(), interval '1 hour') h
         WHERE t.short_name = 'prod-orders'",
    )
    .execute(&house.admin)
    .await
    .expect("five weeks");
    sqlx::query("UPDATE drydock.load_hour h SET transactions = 300000 FROM drydock.target t WHERE t.id = h.target_id AND extract(hour FROM h.hour AT TIME ZONE t.zone) < 6")
        .execute(&house.admin)
        .await
        .expect("nights are the worst");
    let window = house.proposed(3).await;
    let page = proposals::move_form(&house.engine, &house.engineer.actor, window.number, None).await.expect("the page");
    assert!(!page.slots.is_empty(), "at its own time of day the database is free, though busy");
    let hours: Vec<String> = page.other_hours.iter().map(|slot| slot.time()).collect();
    assert!(hours.len() == 3 && hours.iter().all(|hour| hour == "18:00" || hour == "19:00" || hour == "20:00"), "{hours:?}");
}

#[tokio::test]
async fn a_time_that_is_taken_names_free_ones() {
    let house = House::new().await;
    let taken = house.proposed(3).await.number;
    for who in [&house.stakeholder, &house.lead] {
        let digest = house.digest(taken).await.hex();
        let vote = Vote { decision: "approve".into(), digest, short_name: "prod-orders".into(), ..Vote::default() };
        cast_vote(&house.engine, who, taken, &vote).await.expect("a vote");
    }
    let errors = fields(propose_window(&house.engine, &house.engineer, &house.form(3), None).await);
    let said = &errors[0].message;
    assert!(errors.len() == 1 && errors[0].field == "date", "{errors:?}");
    assert!(
        said.starts_with(&format!("This overlaps #{taken} ")) && said.contains("The next free starts at that time of day are "),
        "{said}"
    );
    let form = house.form(3);
    let check = proposals::check_times(&house.engine, &house.engineer.actor, &form, None).await.expect("an answer");
    assert!(check.free.is_some_and(|free| free.starts_with("The next free starts at that time of day are ")), "also while it is typed");
    let check = proposals::check_times(&house.engine, &house.engineer.actor, &house.form(5), None).await.expect("an answer");
    assert_eq!(check.free, None, "nothing is in the way");
}
