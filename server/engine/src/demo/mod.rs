//! A demo to try things on: people for every role, a database with real faults, and a window that waits for approval.
//!
//! Everything is made through the product's own actions where it has one. An interrupted start goes on where it ended.

mod people;
mod shop;

use crate::actions::record_backup::{self, record_backup};
use crate::actions::register_target::{self, register_target};
use crate::actions::{
    Caller, add_critical_query, add_webhook, announce_worker_key, ask_break_glass, ask_series, confirm_break_glass, create_freeze,
    keep_example, make_series, pause_webhook, preview_proposal, propose_window, set_tags, write_comment,
};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::queries::series;
use crate::worker::{WorkerConfig, WorkerContext};
use crate::{examiner, queries, store, transaction};
use domain::freeze::FreezeForm;
use domain::glass::AskForm;
use domain::ids::{SeriesId, TargetId};
use domain::proposal::ProposalForm;
use domain::series::form::SeriesForm;
use domain::target::Draft as Registration;
use domain::webhook::Draft;
use jiff::SignedDuration;
use secrecy::SecretString;
use sqlx::postgres::PgConnectOptions;
use tokio_util::sync::CancellationToken;

pub use people::SignIn;

/// What making a demo needs.
#[derive(Debug, Clone)]
pub struct DemoConfig {
    /// The demo's own cluster, as its superuser.
    pub superuser: PgConnectOptions,
    /// Loopback port of that cluster.
    pub port: u16,
    /// The state database, as the web role: actions are done as people do them.
    pub web: PgConnectOptions,
    /// What the worker gets: the first connection test is answered here, before the processes start.
    pub worker: WorkerConfig,
}

/// What a person needs to try it.
#[derive(Debug, Clone)]
pub struct Demo {
    /// One sign-in for each role.
    pub sign_ins: Vec<SignIn>,
    /// The database, as Drydock calls it.
    pub target: String,
    /// Its name on the server.
    pub database: String,
}

/// Makes the demo, or finds it made. Sign-ins are random per folder and kept in `demo.json` there, readable by its owner only.
pub async fn prepare(config: &DemoConfig) -> Result<Demo> {
    let engine = Engine::connect(config.web.clone(), 4).await?;
    let secrets = people::Secrets::load_or_make(&config.worker.data_dir)?;
    let sign_ins = people::sign_ins(&secrets);
    let mut progress = progress(&engine).await?;
    if !progress.people {
        people::make(&engine, config.worker.public_url.as_str(), &secrets).await?;
    }
    let worker = WorkerContext::connect(config.worker.clone(), CancellationToken::new()).await?;
    announce_worker_key::announce_worker_key(&worker.pool, &worker.keyring, &worker.name, "demo").await?;
    let lead = people::caller(&engine, people::LEAD).await?;
    if progress.target.is_none() {
        let password = shop::create(&config.superuser).await?;
        shop::copy(&config.superuser).await?;
        let shop = Place { short_name: shop::DATABASE, name: "Shop", database: shop::DATABASE.to_owned(), environment: "production" };
        progress.target = Some(register(&engine, &lead, config.port, &shop, password.clone()).await?);
        // Whoever interrupts the start here has a demo of one database.
        let staging = Place { short_name: shop::STAGING, name: "Shop, staging", database: shop::copied(), environment: "staging" };
        register(&engine, &lead, config.port, &staging, password).await?;
        while examiner::answer_next(&worker).await? {}
        load(&worker, progress.target).await?;
        example(&engine).await?;
    }
    repeat(&engine).await?;
    if progress.windows == 0 {
        receiver(&engine).await?;
        people::absence(&engine).await?;
        propose(&engine, &worker).await?;
        broken(&engine).await?;
        freeze(&engine).await?;
    }
    engine.pool().close().await;
    worker.pool.close().await;
    Ok(Demo { sign_ins, target: shop::DATABASE.to_owned(), database: shop::DATABASE.to_owned() })
}

async fn progress(engine: &Engine) -> Result<store::demo::Progress> {
    transaction::read(engine.pool(), "demo_progress", |db| Box::pin(async move { Ok(store::demo::progress(db, shop::DATABASE).await?) }))
        .await
}

/// One of the demo's databases.
struct Place {
    short_name: &'static str,
    name: &'static str,
    database: String,
    environment: &'static str,
}

/// A database, its tag, its backup on record, and two queries whose speed matters.
async fn register(engine: &Engine, lead: &Caller, port: u16, place: &Place, password: SecretString) -> Result<TargetId> {
    let team = transaction::read(engine.pool(), "demo_team", |db| Box::pin(async move { Ok(store::demo::team(db).await?) })).await?;
    let draft = Registration {
        name: place.name.into(),
        short_name: place.short_name.into(),
        host: "127.0.0.1".into(),
        port: port.to_string(),
        database: place.database.clone(),
        username: shop::MAINTAINER.into(),
        tls: "none".into(),
        environment: place.environment.into(),
        zone: "Europe/Berlin".into(),
        on_call: "Lena Lindqvist, +49 30 0000 0142".into(),
        stakeholders: format!("Sten Sommer <{}>\nMara Market <{}>", people::STAKEHOLDER, people::CONTACT),
        ..Registration::default()
    };
    let target = register_target(engine, lead, &register_target::Input { team: team.to_string(), draft, password }).await?;
    let taken_at = (engine.clock().now() - SignedDuration::from_hours(5)).to_string();
    let backup = record_backup::Input {
        taken_at,
        location: format!("s3://backups.shop.example/{}/daily", place.short_name),
        verified_how: "Restored to the scratch server by the nightly job; row counts compared.".into(),
    };
    record_backup(engine, lead, target, &backup).await?;
    let admin = people::caller(engine, people::ADMIN).await?;
    set_tags::set_tags(engine, &admin, target, &set_tags::Input { tags: "shop".into() }).await?;
    for (name, sql, limit_ms) in [
        (
            "Orders of one customer",
            "SELECT id, state, placed_at FROM shop.orders WHERE customer_id = 4711 ORDER BY placed_at DESC LIMIT 20",
            "200",
        ),
        (
            "Gift wraps of the last month",
            "SELECT count(*) FROM shop.orders WHERE note LIKE '%gift%' AND placed_at > now() - interval '30 days'",
            "1500",
        ),
    ] {
        let input = add_critical_query::Input { name: name.into(), sql: sql.into(), limit_ms: limit_ms.into() };
        add_critical_query::add_critical_query(engine, lead, target, &input).await?;
    }
    Ok(target)
}

/// A chat that would be told; paused, because a demo calls nobody.
async fn receiver(engine: &Engine) -> Result<()> {
    let admin = people::caller(engine, people::ADMIN).await?;
    if !queries::webhooks::list(engine, &admin).await?.is_empty() {
        return Ok(());
    }
    let draft = Draft {
        name: "Chat of the database team".into(),
        url: "https://chat.shop.example/hooks/0123456789abcdef".into(),
        format: "mattermost".into(),
        events: ["approved", "started", "held", "all_clear", "failed"].map(str::to_owned).to_vec(),
        environment: "production".into(),
        ..Draft::default()
    };
    let added = add_webhook::add_webhook(engine, &admin, &draft).await?;
    let reason = "A demo calls nobody.".to_owned();
    pause_webhook::pause_webhook(engine, &admin, added.id, &pause_webhook::Input { reason }).await
}

/// A series whose first window is proposed in two weeks: a window of this minute is enough to begin with. Its next dates wait for an approval
/// together.
async fn repeat(engine: &Engine) -> Result<()> {
    let engineer = people::caller(engine, people::ENGINEER).await?;
    let known = series::list(engine, &engineer.actor, None).await?.rows.first().map(|row| row.id);
    let id = match known {
        Some(id) => id,
        None => make_sundays(engine, &engineer).await?,
    };
    if queries::series_together::is_asked(engine, id).await? {
        return Ok(());
    }
    ask_series::ask_series(engine, &engineer, id, &ask_series::Input { dates: "2".into() }).await.map(drop)
}

async fn make_sundays(engine: &Engine, engineer: &Caller) -> Result<SeriesId> {
    let from = (engine.clock().now() + SignedDuration::from_hours(24 * 21)).strftime("%Y-%m-%d").to_string();
    let proposal = ProposalForm {
        target: shop::DATABASE.into(),
        title: "Sunday maintenance".into(),
        reason: "Indexes and statistics of the shop are kept in shape while nobody orders. Expect nothing but a little more load.".into(),
        date: from,
        time: "03:00".into(),
        ..ProposalForm::blank()
    };
    let form = SeriesForm { proposal, weekdays: vec!["SU".into()], ..SeriesForm::blank() };
    let seen = form.parse()?.seen("Europe/Berlin");
    match make_series::make_series(engine, engineer, &form, &seen).await? {
        make_series::Step::Saved(id) => Ok(id),
        make_series::Step::Look => Err(Error::internal("the dates of the demo's series were seen")),
    }
}

/// Five imagined weeks of load on the shop, so that its quiet hours are seen before a worker has read any.
async fn load(worker: &WorkerContext, target: Option<TargetId>) -> Result<()> {
    let Some(target) = target else { return Ok(()) };
    transaction::run(&worker.pool, "demo_load", move |db| Box::pin(async move { Ok(store::demo::add_load(db, target).await?) })).await
}

/// An imagined window whose answer every change of policy has to keep true.
async fn example(engine: &Engine) -> Result<()> {
    let admin = people::caller(engine, people::ADMIN).await?;
    let input =
        keep_example::Input { name: "Weekly on the shop".into(), database: shop::DATABASE.into(), ..keep_example::Input::default() };
    keep_example::keep_example(engine, &admin, &input).await.map(drop)
}

/// A window that waits for approval and begins in a few minutes, with thresholds so small that its run really rebuilds something.
async fn propose(engine: &Engine, worker: &WorkerContext) -> Result<()> {
    let engineer = people::caller(engine, people::ENGINEER).await?;
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").map_err(Error::internal)?;
    let start = (engine.clock().now() + SignedDuration::from_mins(2)).to_zoned(zone);
    let parameters = [
        ("reindex_min_waste_mib", "1"),
        ("vacuum_min_dead_rows", "1000"),
        ("vacuum_min_trigger_percent", "100"),
        ("vacuum_cost_delay_ms", "0"),
        // One after the other, so that each can be watched.
        ("jobs", "1"),
    ];
    let form = ProposalForm {
        target: shop::DATABASE.into(),
        title: "Weekly maintenance".into(),
        reason: "Carts were cleaned up last week: their indexes kept the old size, and the planner's statistics are out of date.".into(),
        date: start.strftime("%Y-%m-%d").to_string(),
        time: start.strftime("%H:%M").to_string(),
        duration_min: "240".into(),
        cut_off_min: "20".into(),
        latest_start_min: "220".into(),
        parameters: parameters.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        ..ProposalForm::blank()
    };
    // As a person would: look first, then seal, so that the window shows what its run will find.
    let look = preview_proposal::preview_proposal(engine, &engineer, &form, None).await?;
    while examiner::answer_next(worker).await? {}
    let window = propose_window::propose_window(engine, &engineer, &form, Some(look)).await?;
    let lead = people::caller(engine, people::LEAD).await?;
    let text = "@Egon the parcel service collects at the full hour: watch its queue when it begins.".to_owned();
    write_comment::write_comment(engine, &lead, window.number, &write_comment::Input { text }).await.map(drop)
}

/// A window that could not wait for its approvals: two people broke the glass for it, and their review is owed.
async fn broken(engine: &Engine) -> Result<()> {
    let (engineer, deputy) = (people::caller(engine, people::ENGINEER).await?, people::caller(engine, people::DEPUTY).await?);
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").map_err(Error::internal)?;
    let start = (engine.clock().now() + SignedDuration::from_hours(20)).to_zoned(zone);
    let form = ProposalForm {
        target: shop::STAGING.into(),
        title: "Statistics before the release".into(),
        reason: "The copy has no statistics, and the release is tried on it tonight: its queries run into their limits.".into(),
        date: start.strftime("%Y-%m-%d").to_string(),
        time: start.strftime("%H:%M").to_string(),
        // In the night in which the clocks go back, the first of the two.
        fold: "first".into(),
        duration_min: "60".into(),
        ..ProposalForm::blank()
    };
    let number = propose_window::propose_window(engine, &engineer, &form, None).await?.number;
    let page = queries::windows::show(engine, &engineer.actor, number, None).await?;
    let digest = page.head.digest.hex();
    let reason = "The release is tried tonight, and nobody who could approve this answers until tomorrow.".to_owned();
    let ask = AskForm { digest: digest.clone(), short_name: shop::STAGING.into(), reason };
    ask_break_glass::ask_break_glass(engine, &engineer, number, &ask).await?;
    let confirm = confirm_break_glass::Input { digest, short_name: shop::STAGING.into() };
    confirm_break_glass::confirm_break_glass(engine, &deputy, number, &confirm).await
}

/// A freeze three weeks away, which keeps nothing of what is shown before.
async fn freeze(engine: &Engine) -> Result<()> {
    let admin = people::caller(engine, people::ADMIN).await?;
    let date = |days: i64| (engine.clock().now() + SignedDuration::from_hours(24 * days)).strftime("%Y-%m-%d").to_string();
    let form = FreezeForm {
        name: "Winter sale".into(),
        reason: "The shop sells most in this week: nothing that could slow it down, whatever its risk.".into(),
        covers: "environment:production".into(),
        from_date: date(21),
        to_date: date(27),
        zone: "Europe/Berlin".into(),
        ..FreezeForm::default()
    };
    create_freeze::create_freeze(engine, &admin, &form).await.map(drop)
}
