//! A series about several databases: each date is proposed for all of them in their waves, under the names they bear by then, and never for fewer.

use crate::house::{code, person, with_account};
use crate::series::Yard;
use crate::several::database;
use domain::ids::{SeriesId, TargetId};
use domain::people::TeamRole;
use domain::series::form::SeriesForm;
use engine::actions::Caller;
use engine::actions::bear_window::bear_window;
use engine::actions::edit_series::edit_series;
use engine::queries;
use std::collections::BTreeMap;

/// A yard with two more databases: `staging-orders`, and `prod-invoices` whose stakeholder is Ines.
struct Harbour {
    yard: Yard,
    ines: Caller,
    invoices: TargetId,
}

impl Harbour {
    async fn new() -> Self {
        let yard = Yard::new().await;
        let house = &yard.house;
        let ines = person(&house.admin, "Ines", Some((house.team, TeamRole::Stakeholder, false)), &[]).await;
        with_account(house, &ines).await;
        database(house, "staging-orders", "staging", &house.stakeholder).await;
        let invoices = database(house, "prod-invoices", "production", &ines).await;
        Self { yard, ines, invoices }
    }

    /// Every day, on all three.
    fn daily(&self, times: u32) -> SeriesForm {
        let mut form = self.yard.daily(1, times);
        let wave = |name: &str, wave: &str| (name.to_owned(), wave.to_owned());
        form.proposal.waves = BTreeMap::from([wave("staging-orders", "1"), wave("prod-orders", "2"), wave("prod-invoices", "2")]);
        form.proposal.soak_min = "5".into();
        form.lead_days = "7".into();
        form
    }

    /// Databases of a window by their names today, in the order of the plan.
    async fn databases(&self, number: i64) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT t.short_name FROM drydock.window w JOIN drydock.window_target g ON g.window_id = w.id AND g.revision = w.revision
             JOIN drydock.target t ON t.id = g.target_id WHERE w.number = $1 ORDER BY g.position",
        )
        .bind(number)
        .fetch_all(&self.yard.house.admin)
        .await
        .expect("databases")
    }

    async fn run(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.yard.house.admin).await.expect(sql);
    }

    async fn leave_out(&self, id: SeriesId, name: &str) {
        let house = &self.yard.house;
        let page = queries::series::edit_form(&house.engine, &house.engineer.actor, id, None).await.expect("the form");
        let mut form = page.form;
        form.proposal.waves.remove(name);
        let seen = form.parse(&page.shelf, &engine::change::read_typed).expect("good").seen("Europe/Berlin");
        edit_series(&house.engine, &house.engineer, id, page.edit.expect("a series").revision, &form, &seen).await.expect("saved");
    }
}

#[tokio::test]
async fn each_date_is_for_all_of_them_under_todays_names() {
    let harbour = Harbour::new().await;
    let yard = &harbour.yard;
    let id = yard.made(&harbour.daily(3)).await;
    let first = yard.look(id).await;
    assert_eq!(first.len(), 3);
    assert_eq!(harbour.databases(first[0]).await, ["prod-orders", "staging-orders", "prod-invoices"]);
    let page = yard.page(id).await;
    assert_eq!((page.database.as_str(), page.others.len()), ("prod-orders", 2));

    // Two days: tomorrow's is due at any hour.
    let id = yard.made(&SeriesForm { lead_days: "2".into(), ..harbour.daily(30) }).await;
    harbour.run("UPDATE drydock.target SET short_name = 'rehearsal-orders' WHERE short_name = 'staging-orders'").await;
    // Another one bears its name now, and is no part of the series.
    database(&yard.house, "other-orders", "staging", &yard.house.stakeholder).await;
    harbour.run("UPDATE drydock.target SET short_name = 'staging-orders' WHERE short_name = 'other-orders'").await;
    let number = yard.look(id).await[0];
    assert_eq!(harbour.databases(number).await, ["prod-orders", "rehearsal-orders", "prod-invoices"]);
    let form = queries::series::edit_form(&yard.house.engine, &yard.house.engineer.actor, id, None).await.expect("the form").form;
    assert!(form.proposal.waves.contains_key("rehearsal-orders") && !form.proposal.waves.contains_key("staging-orders"), "{form:?}");
}

#[tokio::test]
async fn where_one_of_them_is_gone_nothing_is_proposed_for_the_others_alone() {
    let harbour = Harbour::new().await;
    let yard = &harbour.yard;
    let id = yard.made(&harbour.daily(2)).await;
    harbour.run("UPDATE drydock.target SET state = 'retired' WHERE short_name = 'prod-invoices'").await;
    assert_eq!(yard.look(id).await, [0; 0]);
    let (said, _) = yard.page(id).await.trouble.expect("it asks for a person");
    assert!(said.starts_with("prod-invoices is retired, so this series proposes nothing."), "{said}");
    harbour.leave_out(id, "prod-invoices").await;
    let number = yard.look(id).await[0];
    assert_eq!(harbour.databases(number).await, ["prod-orders", "staging-orders"]);
    assert_eq!(yard.page(id).await.trouble, None);
}

#[tokio::test]
async fn what_cannot_be_in_it_is_refused_at_its_wave() {
    let harbour = Harbour::new().await;
    let house = &harbour.yard.house;
    let wrong = |form: SeriesForm| async move {
        let made = engine::actions::make_series::make_series(&house.engine, &house.engineer, &form, "").await;
        let Err(engine::Error::Invalid(errors)) = made else { panic!("taken: {made:?}") };
        errors.into_iter().map(|error| (error.field, error.message)).collect::<Vec<_>>()
    };
    let with = |name: &str| {
        let mut form = harbour.daily(2);
        form.proposal.waves.insert(name.to_owned(), "3".to_owned());
        form
    };
    let unknown = wrong(with("nowhere")).await;
    assert_eq!(unknown[0].0, "wave.nowhere", "{unknown:?}");
    harbour.run("UPDATE drydock.target SET state = 'unverified' WHERE short_name = 'staging-orders'").await;
    let unready = wrong(harbour.daily(2)).await;
    assert_eq!(unready[0].0, "wave.staging-orders", "{unready:?}");
    // Nor past the form.
    harbour.run("UPDATE drydock.target SET state = 'ready' WHERE short_name = 'staging-orders'").await;
    let id = harbour.yard.made(&harbour.daily(2)).await;
    let other_team = house.foreigner.actor.teams[0].team;
    sqlx::query("UPDATE drydock.target SET team_id = $1 WHERE id = $2")
        .bind(other_team.0)
        .bind(harbour.invoices.0)
        .execute(&house.admin)
        .await
        .expect("handed over");
    let put = sqlx::query("UPDATE drydock.series_target SET typed_name = 'x' WHERE series_id = $1 AND target_id = $2")
        .bind(id.0)
        .bind(harbour.invoices.0)
        .execute(&house.admin)
        .await;
    assert!(put.expect_err("refused").to_string().contains("other databases of its own team"));
}

/// The policy of each database has to be satisfied by the people it asks, also where dates are approved together.
#[tokio::test]
async fn approved_together_each_database_needs_its_own_people() {
    let harbour = Harbour::new().await;
    let yard = &harbour.yard;
    let house = &yard.house;
    let id = yard.made(&SeriesForm { lead_days: "1".into(), ..harbour.daily(5) }).await;
    yard.look(id).await;
    let asked = yard.ask(id, 2).await;
    assert_eq!((asked.dates, asked.left_out.as_slice()), (2, [].as_slice()));
    assert_eq!(code(yard.approve(&house.engineer, id).await), "four_eyes");
    for who in [&house.stakeholder, &house.lead] {
        yard.approve(who, id).await.expect("a vote");
    }
    let missing = |page: &domain::view::series::ShowPage| page.together.as_ref().expect("asked").dates.iter().all(|date| !date.approved);
    assert!(missing(&yard.page(id).await), "nobody has spoken for the invoices");
    yard.approve(&harbour.ines, id).await.expect("she is asked for the invoices");
    assert!(!missing(&yard.page(id).await));
    sqlx::query("UPDATE drydock.series SET lead_days = 3 WHERE id = $1").bind(id.0).execute(&house.admin).await.expect("sooner");
    let born = yard.look(id).await;
    assert_eq!(house.state(born[0]).await, "approved", "covered, and by everybody");
    assert_eq!(harbour.databases(born[0]).await.len(), 3);
}

/// By rule and by table: one more who may vote for a further database makes another plan.
#[tokio::test]
async fn who_may_vote_for_a_further_database_is_part_of_what_was_approved() {
    let harbour = Harbour::new().await;
    let (yard, house) = (&harbour.yard, &harbour.yard.house);
    let id = yard.made(&harbour.daily(5)).await;
    yard.ask(id, 3).await;
    let born = async |days| bear_window(&yard.worker, id, yard.day(days)).await.expect("no error").expect("proposed").id;
    born(2).await;
    let covers = "SELECT count(*) FROM drydock.series_cover";
    assert_eq!(house.count(covers).await, 1);
    sqlx::query("INSERT INTO drydock.target_stakeholder (target_id, person_id) VALUES ($1, $2)")
        .bind(harbour.invoices.0)
        .bind(house.auditor.actor.person.0)
        .execute(&house.admin)
        .await
        .expect("a stakeholder more");
    let window = born(3).await;
    assert_eq!(house.count(covers).await, 1);
    let why: String = sqlx::query_scalar("SELECT b.uncovered FROM drydock.series_birth b WHERE b.window_id = $1")
        .bind(window.0)
        .fetch_one(&house.admin)
        .await
        .expect("said");
    assert!(why.contains("bars"), "{why}");
    let past_the_rule = sqlx::query(
        "INSERT INTO drydock.series_cover (window_id, plan_digest, series_digest_id, fact_id, fact_at)
         SELECT p.window_id, p.digest, d.id, f.id, f.at FROM drydock.plan p, drydock.series_digest d, (SELECT id, at FROM drydock.fact LIMIT 1) f WHERE p.window_id = $1",
    )
    .bind(window.0)
    .execute(&house.admin)
    .await;
    assert!(past_the_rule.expect_err("refused").to_string().contains("this plan is not what was approved with the series"));
}
