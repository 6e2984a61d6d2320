//! A demo to try things on: people for every role, databases with real faults, two teams with rules of their own, and windows in many states.
//!
//! Everything is made through the product's own actions where it has one. An interrupted start goes on where it ended; a database that was not
//! registered by then stays away, with what is shown on it.

mod backup;
mod billing;
mod people;
mod rehearsal;
mod shop;

use crate::actions::record_backup::{self, record_backup};
use crate::actions::register_target::{self, register_target};
use crate::actions::{
    Caller, add_critical_query, add_webhook, agree_procedure, announce_worker_key, ask_break_glass, ask_series, cast_vote,
    confirm_break_glass, create_freeze, keep_example, make_series, pause_webhook, preview_proposal, propose_procedure, propose_window,
    set_tags, skip_date, write_comment,
};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::queries::series;
use crate::worker::{WorkerConfig, WorkerContext};
use crate::{examiner, queries, store, transaction};
use domain::freeze::FreezeForm;
use domain::glass::AskForm;
use domain::ids::{SeriesId, TargetId, TeamId};
use domain::procedure::Shelf;
use domain::proposal::ProposalForm;
use domain::series::form::SeriesForm;
use domain::target::Draft as Registration;
use domain::webhook::Draft;
use jiff::SignedDuration;
use jiff::civil::DateTime;
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
        shop::invoices(&config.superuser).await?;
        let team = transaction::read(engine.pool(), "demo_team", |db| Box::pin(async move { Ok(store::demo::team(db).await?) })).await?;
        let contacts = format!("Sten Sommer <{}>\nMara Market <{}>", people::STAKEHOLDER, people::CONTACT);
        let shop = Place { short_name: shop::DATABASE, name: "Shop", database: shop::DATABASE.to_owned(), environment: "production" };
        let target = register(&engine, &lead, team, config.port, &shop, password.clone(), &contacts).await?;
        progress.target = Some(target);
        backup::take(&config.worker, config.port, &shop, &password).await;
        // Whoever interrupts the start from here on has a demo without what is missing then.
        let staging = Place { short_name: shop::STAGING, name: "Shop, staging", database: shop::copied(), environment: "staging" };
        let copy = register(&engine, &lead, team, config.port, &staging, password.clone(), &contacts).await?;
        watched(&engine, &lead, &[target, copy]).await?;
        billing::policies(&engine).await?;
        rehearsal::policy(&engine).await?;
        let team = billing::team(&engine).await?;
        billing::databases(&engine, team, config.port, &password).await?;
        while examiner::answer_next(&worker).await? {}
        load(&worker, progress.target).await?;
        example(&engine).await?;
    }
    repeat(&engine).await?;
    if progress.windows == 0 {
        receiver(&engine).await?;
        compose(&engine, &lead).await?;
        people::absence(&engine).await?;
        propose(&engine, &worker).await?;
        broken(&engine).await?;
        if has(&engine, shop::STAGING).await? {
            together(&engine).await?;
        }
        if has(&engine, billing::TRIAL).await? {
            billing::windows(&engine).await?;
        }
        freeze(&engine).await?;
        billing::holidays(&engine).await?;
        billing::month_end(&engine).await?;
        if has(&engine, shop::STAGING).await? {
            rehearsal::propose(&engine).await?;
        }
    }
    engine.pool().close().await;
    worker.pool.close().await;
    Ok(Demo { sign_ins, target: shop::DATABASE.to_owned(), database: shop::DATABASE.to_owned() })
}

/// Makes what only the demo's processes can: called once they run. What was made before is not made again; what could not be made is told.
pub async fn complete(web: PgConnectOptions) -> Result<Option<String>> {
    let engine = Engine::connect(web, 2).await?;
    let missing = match rehearsal::complete(&engine).await {
        Ok(missing) => missing,
        // Somebody who is faster with the first window than this, say: nobody needs it to try the others.
        Err(error) => Some(format!("The demo's rehearsal was not completed: {error}")),
    };
    engine.pool().close().await;
    Ok(missing)
}

/// Where the demo's people are, so long from now.
fn local(engine: &Engine, ahead: SignedDuration) -> Result<DateTime> {
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").map_err(Error::internal)?;
    Ok((engine.clock().now() + ahead).to_zoned(zone).datetime())
}

/// Date and time of day there, as a form takes them.
fn wall(engine: &Engine, ahead: SignedDuration) -> Result<(String, String)> {
    let at = local(engine, ahead)?;
    Ok((at.strftime("%Y-%m-%d").to_string(), at.strftime("%H:%M").to_string()))
}

/// What somebody decides on: the digest that the window's page shows.
async fn digest(engine: &Engine, reader: &Caller, number: i64) -> Result<String> {
    Ok(queries::windows::show(engine, &reader.actor, number, None).await?.head.digest.hex())
}

/// Somebody approves a window that asks them.
async fn approve(engine: &Engine, who: &'static str, number: i64, short_name: &str, comment: &str) -> Result<()> {
    let who = people::caller(engine, who).await?;
    let digest = digest(engine, &who, number).await?;
    let (short_name, comment) = (short_name.to_owned(), comment.to_owned());
    let vote = cast_vote::Input { decision: "approve".into(), digest, short_name, comment, ..cast_vote::Input::default() };
    cast_vote::cast_vote(engine, &who, number, &vote).await.map(drop)
}

/// Whether a database is registered.
async fn has(engine: &Engine, short_name: &'static str) -> Result<bool> {
    let found =
        transaction::read(engine.pool(), "demo_has", move |db| Box::pin(async move { Ok(store::demo::progress(db, short_name).await?) }));
    Ok(found.await?.target.is_some())
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

/// A database with its backup on record.
async fn register(
    engine: &Engine,
    lead: &Caller,
    team: TeamId,
    port: u16,
    place: &Place,
    password: SecretString,
    stakeholders: &str,
) -> Result<TargetId> {
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
        stakeholders: stakeholders.into(),
        trial_copy: "on".into(),
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
    Ok(target)
}

/// The tag of the shop's databases, and two queries whose speed matters there.
async fn watched(engine: &Engine, lead: &Caller, targets: &[TargetId]) -> Result<()> {
    let admin = people::caller(engine, people::ADMIN).await?;
    let queries = [
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
    ];
    for target in targets {
        set_tags::set_tags(engine, &admin, *target, &set_tags::Input { tags: "shop".into() }).await?;
        for (name, sql, limit_ms) in queries {
            let input = add_critical_query::Input { name: name.into(), sql: sql.into(), limit_ms: limit_ms.into() };
            add_critical_query::add_critical_query(engine, lead, *target, &input).await?;
        }
    }
    Ok(())
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

/// The shop's own procedure, as its file says it.
const NIGHTLY: &str = r#"key = "own_shop_nightly"
name = "nightly for the shop"
about = "Removes dead rows and refreshes planner statistics, a little every night."
dbms = "postgresql"
steps = ["freeze", "vacuum", "analyze"]

[thresholds]
vacuum_min_dead_rows = 5000

[[check]]
title = "The shop takes orders"
rule = "Place a test order and see it arrive at the warehouse; note its number."
"#;

/// An own procedure that counts, and a version of it that waits for a second person.
async fn compose(engine: &Engine, lead: &Caller) -> Result<()> {
    let admin = people::caller(engine, people::ADMIN).await?;
    let known = queries::procedures::list(engine, &admin).await?.into_iter().any(|row| row.procedure.is_own());
    if known {
        return Ok(());
    }
    let first = propose_procedure::Input { text: NIGHTLY.into(), ..propose_procedure::Input::default() };
    let key = propose_procedure::propose_procedure(engine, lead, &first).await?;
    if let Some(waiting) = queries::procedures::show(engine, &admin, &key).await?.waiting {
        let input = agree_procedure::Input { digest: waiting.digest.hex() };
        agree_procedure::agree_procedure(engine, &admin, waiting.id, &input).await?;
    }
    let next = NIGHTLY.replace(r#""analyze"]"#, r#""analyze", "space"]"#).replace("5000", "2000");
    let next = propose_procedure::Input { text: next, of: key, base: "1".into(), ..propose_procedure::Input::default() };
    propose_procedure::propose_procedure(engine, lead, &next).await.map(drop)
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
    ask_series::ask_series(engine, &engineer, id, &ask_series::Input { dates: "2".into() }).await?;
    // The one after those is left out.
    let next = series::show(engine, &engineer.actor, id, None).await?.next;
    let Some(third) = next.get(2) else { return Ok(()) };
    let reason = "The warehouse counts its stock that night.".to_owned();
    skip_date::skip_date(engine, &engineer, id, &skip_date::Input { day: third.date.day.to_string(), reason }).await.map(drop)
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
    let seen = form.parse(&Shelf::default(), &crate::change::read_typed)?.seen("Europe/Berlin");
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
    let (date, time) = wall(engine, SignedDuration::from_mins(2))?;
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
        date,
        time,
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

/// A window on both of the shop's databases, the copy first; a stakeholder has approved it.
async fn together(engine: &Engine) -> Result<()> {
    let engineer = people::caller(engine, people::ENGINEER).await?;
    let (date, _) = wall(engine, SignedDuration::from_hours(24 * 12))?;
    let wave = |database: &str, wave: &str| (database.to_owned(), wave.to_owned());
    let form = ProposalForm {
        target: shop::DATABASE.into(),
        title: "Statistics, the copy first".into(),
        reason: "The new release sorts orders otherwise: both databases learn their statistics anew, and the copy shows first whether that helps."
            .into(),
        date,
        time: "02:00".into(),
        fold: "first".into(),
        waves: [wave(shop::STAGING, "1"), wave(shop::DATABASE, "2")].into(),
        soak_min: "15".into(),
        ..ProposalForm::blank()
    };
    let number = propose_window::propose_window(engine, &engineer, &form, None).await?.number;
    let comment = "Fine for the market. Please begin after the parcels are counted.";
    approve(engine, people::STAKEHOLDER, number, shop::DATABASE, comment).await
}

/// A window that could not wait for its approvals: two people broke the glass for it, and their review is owed.
async fn broken(engine: &Engine) -> Result<()> {
    let (engineer, deputy) = (people::caller(engine, people::ENGINEER).await?, people::caller(engine, people::DEPUTY).await?);
    let (date, time) = wall(engine, SignedDuration::from_hours(20))?;
    let form = ProposalForm {
        target: shop::STAGING.into(),
        title: "Statistics before the release".into(),
        reason: "The copy has no statistics, and the release is tried on it tonight: its queries run into their limits.".into(),
        date,
        time,
        // In the night in which the clocks go back, the first of the two.
        fold: "first".into(),
        duration_min: "60".into(),
        ..ProposalForm::blank()
    };
    let number = propose_window::propose_window(engine, &engineer, &form, None).await?.number;
    let digest = digest(engine, &engineer, number).await?;
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
