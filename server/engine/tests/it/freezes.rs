//! A freeze covers a database: no path starts anything there, nothing is planned into it, people learn why, and one window may pass it by the
//! approval of a second person.

use crate::house::{House, code, person};
use crate::run_stage::RunStage;
use crate::stage::When;
use domain::freeze::{EndForm, FreezeForm};
use domain::hold::ResolveForm;
use domain::ids::{FreezeId, RunId};
use domain::people::{GlobalRole, TeamRole};
use domain::permission::Permit;
use domain::proposal::ProposalForm;
use domain::target::Draft;
use domain::view::calendar::{Page, Place};
use domain::view::freezes::Part;
use domain::view::windows::Filter;
use engine::Error;
use engine::actions::Caller;
use engine::actions::call_off_window::{self, call_off_window};
use engine::actions::create_freeze::create_freeze;
use engine::actions::edit_target::{self, edit_target};
use engine::actions::lift_freeze::lift_freeze;
use engine::actions::move_freeze_end::move_freeze_end;
use engine::actions::open_run::{Input, open_due_run, start_now};
use engine::actions::override_freeze::{self, override_freeze};
use engine::actions::propose_window::propose_window;
use engine::actions::resolve_hold::resolve_hold;
use engine::actions::retire_target::retire_target;
use engine::actions::set_tags::{self, set_tags};
use engine::actions::withdraw_override::withdraw_override;
use engine::queries;
use jiff::{SignedDuration, tz::TimeZone};

/// A freeze from now on, for so many hours.
pub fn form(house: &House, covers: &str, hours: i64) -> FreezeForm {
    let end = (house.engine.clock().now() + SignedDuration::from_hours(hours)).to_zoned(TimeZone::UTC);
    FreezeForm {
        name: "Year end".into(),
        reason: "the books are closed".into(),
        covers: covers.into(),
        database: "prod-orders".into(),
        to_date: end.strftime("%Y-%m-%d").to_string(),
        to_time: end.strftime("%H:%M").to_string(),
        zone: "Etc/UTC".into(),
        ..FreezeForm::default()
    }
}

/// A freeze from now on for so many hours.
pub async fn freeze(house: &House, who: &Caller, covers: &str, hours: i64) -> FreezeId {
    create_freeze(&house.engine, who, &form(house, covers, hours)).await.expect("frozen")
}

fn team(house: &House) -> String {
    format!("team:{}", house.team)
}

async fn an_admin(house: &House) -> Caller {
    person(&house.admin, "Adele", None, &[GlobalRole::Admin]).await
}

#[tokio::test]
async fn administrators_freeze_everywhere_and_leads_what_their_team_owns() {
    let house = House::new().await;
    let admin = an_admin(&house).await;
    let engine = &house.engine;
    for who in [&house.engineer, &house.stakeholder, &house.auditor] {
        assert_eq!(code(create_freeze(engine, who, &form(&house, &team(&house), 1)).await), "not_permitted", "{}", who.actor.name);
    }
    for covers in ["everything", "environment:production"] {
        assert_eq!(code(create_freeze(engine, &house.lead, &form(&house, covers, 1)).await), "not_permitted", "{covers}");
        freeze(&house, &admin, covers, 1).await;
    }
    assert_eq!(code(create_freeze(engine, &house.foreigner, &form(&house, &team(&house), 1)).await), "not_permitted");
    assert_eq!(code(create_freeze(engine, &house.foreigner, &form(&house, "database", 1)).await), "database", "it does not exist for them");
    assert_eq!(code(create_freeze(engine, &admin, &form(&house, "team:00000000-0000-7000-8000-000000000000", 1)).await), "covers");
    let wrong = FreezeForm { zone: "Mars/Olympus".into(), name: String::new(), ..form(&house, "everything", 1) };
    assert_eq!(code(create_freeze(engine, &admin, &wrong).await), "name,zone");
    let id = freeze(&house, &house.deputy, &team(&house), 2).await;
    freeze(&house, &house.lead, "database", 1).await;

    let later = form(&house, "", 30);
    let end =
        |revision| EndForm { to_date: later.to_date.clone(), to_time: later.to_time.clone(), reason: "it takes longer".into(), revision };
    assert_eq!(code(move_freeze_end(engine, &house.foreigner, id, &end(1)).await), "not_found");
    assert_eq!(code(move_freeze_end(engine, &house.engineer, id, &end(1)).await), "not_permitted");
    assert_eq!(code(move_freeze_end(engine, &house.lead, id, &end(7)).await), "moved_on");
    assert_eq!(code(move_freeze_end(engine, &house.lead, id, &EndForm { reason: " ".into(), ..end(1) }).await), "reason");
    move_freeze_end(engine, &house.lead, id, &end(1)).await.expect("moved");
    assert_eq!(code(lift_freeze(engine, &house.engineer, id, "x").await), "not_permitted");
    assert_eq!(code(lift_freeze(engine, &admin, id, " ").await), "reason");
    lift_freeze(engine, &admin, id, "closed early").await.expect("lifted");
    assert_eq!(code(lift_freeze(engine, &admin, id, "again").await), "freeze_over");
    assert_eq!(code(move_freeze_end(engine, &house.lead, id, &end(2)).await), "freeze_over");
    let facts: Vec<String> = sqlx::query_scalar("SELECT action FROM drydock.fact WHERE object_kind = 'freeze' ORDER BY id")
        .fetch_all(&house.admin)
        .await
        .expect("facts");
    assert_eq!(
        facts,
        ["freeze.create", "freeze.create", "freeze.create", "freeze.create", "freeze.move_end", "freeze.lift"],
        "what was refused wrote none"
    );
    // Everybody reads what covers everything; what covers a team's databases is for those who see that team's work.
    let names = |page: domain::view::freezes::FreezesPage| page.now.len() + page.coming.len();
    assert_eq!(names(queries::freezes::list(engine, &house.engineer.actor, Part::First).await.expect("a page")), 3);
    assert_eq!(names(queries::freezes::list(engine, &house.foreigner.actor, Part::First).await.expect("a page")), 2);
    assert_eq!(code(queries::freezes::show(engine, &house.foreigner.actor, id).await), "not_found");
    assert_eq!(code(queries::freezes::new_form(engine, &house.engineer.actor).await), "not_permitted");
}

/// What bears a tag, whoever owns it; and the tag is not dropped under it.
#[tokio::test]
async fn a_freeze_of_a_tag_keeps_what_bears_it() {
    let house = House::new().await;
    let (engine, admin) = (&house.engine, an_admin(&house).await);
    assert_eq!(code(create_freeze(engine, &house.lead, &form(&house, "tag:payments", 1)).await), "not_permitted", "it reaches over teams");
    let tags = async |words: &str| set_tags(engine, &admin, house.target, &set_tags::Input { tags: words.into() }).await;
    tags("payments eu").await.expect("tagged");
    let page = queries::freezes::new_form(engine, &admin.actor).await.expect("a form");
    assert_eq!(page.tags, ["eu", "payments"]);
    let id = freeze(&house, &admin, "tag:payments", 100).await;
    let other = freeze(&house, &admin, "tag:billing", 100).await;
    let page = queries::freezes::show(engine, &house.foreigner.actor, id).await.expect("everybody reads what reaches over teams");
    assert_eq!(page.row.covers, "Databases tagged payments");
    let Err(Error::Invalid(refused)) = propose_window(engine, &house.engineer, &house.form(2), None).await else {
        panic!("planned into it")
    };
    assert!(refused[0].message.contains("“Year end”") && refused.len() == 1, "{refused:?}");

    assert_eq!(code(tags("eu").await), "freeze");
    tags("payments eu new").await.expect("one more leaves nothing");
    assert_eq!(
        code(retire_target(engine, &house.lead, house.target, "prod-orders").await),
        "freeze",
        "registered anew it would bear no tag"
    );
    let put_away = sqlx::query("UPDATE drydock.target SET state = 'retired'").execute(&house.admin).await;
    assert!(put_away.expect_err("refused").to_string().contains("a freeze covers this tag"));
    let past_the_rule = sqlx::query("UPDATE drydock.target SET tags = '{eu}'").execute(&house.admin).await;
    assert!(past_the_rule.expect_err("refused").to_string().contains("a freeze covers this tag"));
    let moved = sqlx::query("UPDATE drydock.freeze SET tag = 'eu' WHERE id = $1").bind(id.0).execute(&house.admin).await;
    assert!(moved.expect_err("refused").to_string().contains("what a freeze covers never changes"));
    lift_freeze(engine, &admin, id, "paid").await.expect("lifted");
    house.proposed(2).await;
    // Covered by a new tag: who planned there is told.
    let told = "SELECT count(*) FROM drydock.outbox WHERE kind = 'frozen'";
    assert_eq!(house.count(told).await, 0);
    tags("billing").await.expect("the freeze of the other tag is lifted");
    assert_eq!(house.count(told).await, 1, "the owner of the window");
    lift_freeze(engine, &admin, other, "paid, too").await.expect("lifted");
    tags("").await.expect("nothing keeps it");
}

/// It holds on every path: what was approved before does not start.
#[tokio::test]
async fn an_approved_window_does_not_start_inside_a_freeze_of_its_tag() {
    let house = House::new().await;
    house.backed_up().await;
    let admin = an_admin(&house).await;
    let window = house.staged(When::NOW, |_| {}).await;
    set_tags(&house.engine, &admin, house.target, &set_tags::Input { tags: "payments".into() }).await.expect("tagged");
    let id = freeze(&house, &admin, "tag:payments", 1).await;
    let start = async || start_now(&house.engine, &house.engineer, window.number, &Input { short_name: "prod-orders".into() }).await;
    assert_eq!(code(start().await), "freeze");
    let input = override_freeze::Input { reason: "the bank waits for it".into(), ..override_freeze::Input::default() };
    assert_eq!(
        code(override_freeze(&house.engine, &house.lead, window.number, id, &input).await),
        "not_permitted",
        "it reaches over teams"
    );
    lift_freeze(&house.engine, &admin, id, "paid").await.expect("lifted");
    start().await.expect("nothing keeps it");
}

#[tokio::test]
async fn every_past_freeze_is_on_one_page_of_the_list() {
    let house = House::new().await;
    for written in [
        "INSERT INTO drydock.freeze (id, name, reason, scope, zone, start_at, end_at, created_by)
         SELECT gen_random_uuid(), 'Release ' || n, 'closed', 'everything', 'Etc/UTC', now() + make_interval(days => n / 2 + 1), now() + interval '300 days', $1 FROM generate_series(1, 61) n",
        "UPDATE drydock.freeze SET lifted_at = now(), lifted_by = $1, lift_reason = 'early'",
    ] {
        sqlx::query(written).bind(house.lead.actor.person.0).execute(&house.admin).await.expect("lifted freezes, two of each start");
    }
    let list = async |part| queries::freezes::list(&house.engine, &house.engineer.actor, part).await.expect("a page");
    let first = list(Part::First).await;
    let second = list(Part::Before(first.older.expect("there are more"))).await;
    assert_eq!((first.past.len(), second.past.len(), second.older), (50, 11, None));
    let rows: Vec<_> = first.past.iter().chain(&second.past).collect();
    assert!(rows.is_sorted_by_key(|row| std::cmp::Reverse(row.freeze.start)));
    let seen: std::collections::BTreeSet<_> = rows.iter().map(|row| row.freeze.id).collect();
    assert_eq!(seen.len(), 61, "each once");
}

#[tokio::test]
async fn every_freeze_that_comes_is_on_one_page_of_the_list_and_the_calendar_says_what_it_leaves_out() {
    let house = House::new().await;
    sqlx::query(
        "INSERT INTO drydock.freeze (id, name, reason, scope, zone, start_at, end_at, created_by)
         SELECT gen_random_uuid(), 'Release ' || n, 'closed', 'everything', 'Etc/UTC', '2031-01-10T00:00Z'::timestamptz + make_interval(mins => n / 2), '2031-01-11T00:00Z', $1 FROM generate_series(1, 401) n",
    )
    .bind(house.lead.actor.person.0)
    .execute(&house.admin)
    .await
    .expect("freezes, two of each start");
    let mut rows = Vec::new();
    let mut part = Part::First;
    loop {
        let page = queries::freezes::list(&house.engine, &house.engineer.actor, part).await.expect("a page");
        assert!(page.coming.len() <= 200 && page.past.is_empty(), "{}", page.coming.len());
        rows.extend(page.coming);
        let Some(last) = page.later else { break };
        part = Part::After(last);
    }
    assert!(rows.is_sorted_by_key(|row| row.freeze.start));
    let seen: std::collections::BTreeSet<_> = rows.iter().map(|row| row.freeze.id).collect();
    assert_eq!((rows.len(), seen.len()), (401, 401), "each once");
    let shown = async |date: &str| {
        let place = Place::read(Page::Calendar, |name| (name == "date").then(|| date.to_owned()));
        let frame = queries::calendar::calendar(&house.engine, &house.engineer.actor, &place).await.expect("a calendar").frame;
        (frame.freezes.len(), frame.more_freezes)
    };
    assert_eq!(shown("2031-01-10").await, (200, true));
    let leave = "UPDATE drydock.freeze SET lifted_at = now(), lifted_by = created_by, lift_reason = 'early' WHERE id NOT IN (SELECT id FROM drydock.freeze ORDER BY id LIMIT 200)";
    sqlx::query(leave).execute(&house.admin).await.expect("lifted");
    assert_eq!(shown("2031-01-10").await, (200, false), "exactly as many as there is room for: nothing is left out");
}

#[tokio::test]
async fn no_run_is_opened_and_the_owner_is_told() {
    for covers in ["everything", "environment:production", "team", "database"] {
        let house = House::new().await;
        house.backed_up().await;
        let admin = an_admin(&house).await;
        let window = house.staged(When::NOW, |_| ()).await;
        let covers = if covers == "team" { team(&house) } else { covers.to_owned() };
        freeze(&house, &admin, &covers, 5).await;
        let told =
            "SELECT count(*) FROM drydock.outbox o JOIN drydock.person p ON p.id = o.person_id WHERE o.kind = 'frozen' AND p.name = 'Egon'";
        assert_eq!(house.count(told).await, 1, "{covers}: the owner is told");
        let refused = start_now(&house.engine, &house.engineer, window.number, &Input { short_name: "prod-orders".into() }).await;
        let Err(Error::Refused(refusal)) = &refused else { panic!("{refused:?}") };
        assert!(refusal.message.contains("A freeze covers this database: “Year end” until"), "{}", refusal.message);
        assert_eq!(code(open_due_run(house.engine.pool(), &Permit::system(), window.id, "due").await), "freeze");
        assert_eq!(house.count("SELECT count(*) FROM drydock.run").await, 0);
        let page = queries::windows::show(&house.engine, &house.lead.actor, window.number, None).await.expect("a page");
        assert!(page.blocked[0].what.contains("“Year end” of Adele covers this database: the books are closed."), "{:?}", page.blocked);
        assert_eq!(page.offers.start.why_not().map(|refusal| refusal.code.as_str()), Some("freeze"));
        let list = queries::windows::list(&house.engine, &house.lead.actor, &Filter::default()).await.expect("a list");
        assert_eq!(list.rows[0].frozen.as_deref(), Some("Year end"));
    }
}

#[tokio::test]
async fn a_window_whose_latest_start_passed_under_a_freeze_is_missed_with_that_reason() {
    for covers in ["everything", "environment:production", "team", "database"] {
        let house = House::new().await;
        house.backed_up().await;
        let admin = an_admin(&house).await;
        let window = house.staged(When { latest_s: -30, ..When::NOW }, |_| ()).await;
        freeze(&house, &admin, &if covers == "team" { team(&house) } else { covers.to_owned() }, 5).await;
        let worker = crate::inventory::worker(&house).await;
        let late = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
        while house.state(window.number).await != "missed" {
            assert!(tokio::time::Instant::now() < late, "never missed");
            engine::scheduler::tick(&worker).await.expect("ticks");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        let reason: String = sqlx::query_scalar("SELECT state_reason FROM drydock.window WHERE number = $1")
            .bind(window.number)
            .fetch_one(&house.admin)
            .await
            .expect("a reason");
        assert!(reason.contains("A freeze covers this database: “Year end”") && reason.contains("the books are closed."), "{reason}");
    }
}

#[tokio::test]
async fn another_database_is_not_kept() {
    let house = House::new().await;
    house.backed_up().await;
    let admin = an_admin(&house).await;
    let other = format!("team:{}", house.foreigner.actor.teams[0].team);
    for covers in ["environment:staging", other.as_str()] {
        freeze(&house, &admin, covers, 5).await;
    }
    let (begins, ends) = (form(&house, "everything", 20), form(&house, "everything", 40));
    let coming = FreezeForm { from_date: begins.to_date, from_time: begins.to_time, ..ends };
    create_freeze(&house.engine, &admin, &coming).await.expect("one that has not begun");
    let window = house.staged(When::NOW, |_| ()).await;
    open_due_run(house.engine.pool(), &Permit::system(), window.id, "due").await.expect("nothing covers it now");
    assert_eq!(house.count("SELECT count(*) FROM drydock.outbox WHERE kind = 'frozen'").await, 0, "nobody's window is met");
}

#[tokio::test]
async fn nothing_is_planned_into_a_freeze_and_the_refusal_names_free_times() {
    let house = House::new().await;
    let before = house.proposed(9).await;
    let admin = an_admin(&house).await;
    freeze(&house, &admin, "everything", 24 * 5).await;
    let refused = propose_window(&house.engine, &house.engineer, &house.form(3), None).await;
    let Err(Error::Invalid(errors)) = &refused else { panic!("{refused:?}") };
    assert_eq!(errors[0].field, "date");
    for part in ["The freeze “Year end” covers this database from", "the books are closed.", "The next free starts at that time of day are"]
    {
        assert!(errors[0].message.contains(part), "{}", errors[0].message);
    }
    // What is named is free: the first of them is taken.
    let free = errors[0].message.split("of day are ").nth(1).expect("times").split([' ', ',']).next().expect("a date").to_owned();
    let form = ProposalForm { date: free, ..house.form(3) };
    propose_window(&house.engine, &house.engineer, &form, None).await.expect("the named time is free");
    // A new revision is planned like a new window.
    let amend = engine::actions::amend_window::amend_window(&house.engine, &house.engineer, before.number, 1, &house.form(2), None).await;
    assert_eq!(code(amend), "date");
    let check = queries::proposals::check_times(&house.engine, &house.engineer.actor, &house.form(3), None).await.expect("checked");
    assert_eq!(check.freezes.iter().map(|freeze| freeze.name.as_str()).collect::<Vec<_>>(), ["Year end"]);
    let page = queries::proposals::new_form(&house.engine, &house.engineer.actor, "prod-orders", None, None).await.expect("a form");
    assert_eq!(page.freezes.len(), 1);
}

fn pass(house: &House, digest: &str) -> override_freeze::Input {
    let _ = house;
    override_freeze::Input { digest: digest.into(), short_name: "prod-orders".into(), reason: "the disk fills up tonight".into() }
}

#[tokio::test]
async fn one_window_passes_by_the_approval_of_somebody_who_did_not_write_it() {
    let house = House::new().await;
    house.backed_up().await;
    let (engine, admin) = (&house.engine, an_admin(&house).await);
    let window = house.staged(When::NOW, |_| ()).await;
    let digest = house.digest(window.number).await.hex();
    let (own, all) = (freeze(&house, &house.lead, &team(&house), 5).await, freeze(&house, &admin, "everything", 5).await);
    let input = pass(&house, &digest);
    let ask = |who: &Caller, freeze, input: &override_freeze::Input| {
        let (who, input) = (who.clone(), input.clone());
        async move { override_freeze(engine, &who, window.number, freeze, &input).await }
    };
    assert_eq!(code(ask(&house.engineer, own, &input).await), "not_permitted");
    assert_eq!(code(ask(&house.foreigner, own, &input).await), "not_found");
    assert_eq!(code(ask(&house.lead, all, &input).await), "not_permitted", "a lead does not pass what administrators froze");
    let typed = override_freeze::Input { short_name: "shop".into(), reason: String::new(), ..input.clone() };
    assert_eq!(code(ask(&house.lead, own, &typed).await), "reason,short_name");
    let stale = override_freeze::Input { digest: "00".repeat(32), ..input.clone() };
    assert_eq!(code(ask(&house.lead, own, &stale).await), "stale_plan");
    // Who wrote a revision is refused by the rule, whatever the role.
    sqlx::query("INSERT INTO drydock.contributor (window_id, person_id) VALUES ($1, $2)")
        .bind(window.id.0)
        .bind(house.deputy.actor.person.0)
        .execute(&house.admin)
        .await
        .expect("a contributor");
    assert_eq!(code(ask(&house.deputy, own, &input).await), "four_eyes");

    ask(&house.lead, own, &input).await.expect("a second person");
    assert_eq!(code(ask(&house.lead, own, &input).await), "no_freeze", "it may pass already");
    assert_eq!(code(open_due_run(engine.pool(), &Permit::system(), window.id, "due").await), "freeze", "the other freeze still keeps it");
    ask(&admin, all, &input).await.expect("an administrator");
    let page = queries::windows::show(engine, &house.engineer.actor, window.number, None).await.expect("a page");
    assert!(page.freezes.iter().all(|over| over.passed.is_some()), "{:?}", page.freezes);
    assert!(!page.blocked.iter().any(|blocker| blocker.what.contains("freeze")), "{:?}", page.blocked);

    // Taken back, and given again by somebody who leaves: neither counts.
    withdraw_override(engine, &house.lead, window.number, own, "there is time until Monday").await.expect("taken back");
    assert_eq!(code(withdraw_override(engine, &house.lead, window.number, own, "again").await), "moved_on");
    assert_eq!(code(open_due_run(engine.pool(), &Permit::system(), window.id, "due").await), "freeze");
    ask(&house.lead, own, &input).await.expect("given again");
    sqlx::query("UPDATE drydock.person SET active = false WHERE name = 'Adele'").execute(&house.admin).await.expect("left");
    assert_eq!(code(open_due_run(engine.pool(), &Permit::system(), window.id, "due").await), "freeze");
    sqlx::query("UPDATE drydock.person SET active = true, may_vote_from = clock_timestamp() + interval '24 hours' WHERE name = 'Adele'")
        .execute(&house.admin)
        .await
        .expect("back");
    open_due_run(engine.pool(), &Permit::system(), window.id, "due").await.expect("it may pass both");
    let facts =
        house.count("SELECT count(*) FROM drydock.fact WHERE action IN ('window.override_freeze', 'window.withdraw_override')").await;
    assert_eq!(facts, 4);
    let told = house.count("SELECT count(*) FROM drydock.outbox o JOIN drydock.person p ON p.id = o.person_id WHERE o.kind = 'freeze_changed' AND p.name = 'Egon'").await;
    assert_eq!(told, 4, "the owner is told of each");
    let maker: Vec<(bool, i64, String)> = sqlx::query_as(
        "SELECT (o.payload #>> '{passing,granted}')::boolean, (o.payload #>> '{passing,number}')::bigint, o.payload #>> '{passing,by}'
         FROM drydock.outbox o JOIN drydock.person p ON p.id = o.person_id WHERE o.kind = 'freeze_changed' AND p.name = 'Adele'",
    )
    .fetch_all(&house.admin)
    .await
    .expect("messages");
    assert_eq!(maker, [(true, window.number, "Adele".to_owned())], "who made the freeze is told which window passes it, and by whom");
}

#[tokio::test]
async fn what_somebody_said_who_lost_the_right_counts_no_more_and_keeps_nobody_from_saying_it() {
    let house = House::new().await;
    house.backed_up().await;
    let (engine, admin) = (&house.engine, an_admin(&house).await);
    let window = house.staged(When::NOW, |_| ()).await;
    let own = freeze(&house, &house.lead, &team(&house), 5).await;
    let input = pass(&house, &house.digest(window.number).await.hex());
    override_freeze(engine, &house.deputy, window.number, own, &input).await.expect("a deputy holds the right");
    for demoted in [
        "UPDATE drydock.person SET may_vote_from = clock_timestamp() + interval '24 hours' WHERE id = $1",
        "UPDATE drydock.membership SET deputy = false WHERE person_id = $1",
    ] {
        sqlx::query(demoted).bind(house.deputy.actor.person.0).execute(&house.admin).await.expect("no deputy any more");
    }
    assert_eq!(code(open_due_run(engine.pool(), &Permit::system(), window.id, "due").await), "freeze");
    let page = queries::windows::show(engine, &house.engineer.actor, window.number, None).await.expect("a page");
    assert!(page.freezes.iter().all(|over| over.passed.is_none()), "{:?}", page.freezes);
    override_freeze(engine, &admin, window.number, own, &input).await.expect("somebody else lets it pass");
    assert_eq!(code(override_freeze(engine, &house.lead, window.number, own, &input).await), "no_freeze", "one is enough");
    open_due_run(engine.pool(), &Permit::system(), window.id, "due").await.expect("it may pass");
}

fn renamed(environment: &str) -> edit_target::Input {
    edit_target::Input {
        revision: 1,
        draft: Draft {
            short_name: "prod-orders".into(),
            name: "Orders".into(),
            host: "127.0.0.1".into(),
            port: "5432".into(),
            database: "orders".into(),
            username: "maintainer".into(),
            tls: "none".into(),
            tls_reason: "the same machine".into(),
            environment: environment.into(),
            zone: "Europe/Berlin".into(),
            on_call: "Lena, +49 30 1".into(),
            ..Draft::default()
        },
        password: "".into(),
    }
}

#[tokio::test]
async fn nobody_gets_round_a_freeze_by_giving_the_database_another_environment() {
    let house = House::new().await;
    let (engine, admin) = (&house.engine, an_admin(&house).await);
    let id = house.target;
    let window = house.proposed(9).await;
    assert_eq!(code(edit_target(engine, &house.engineer, id, &renamed("test")).await), "still_wanted", "a window is judged by it");
    let why = call_off_window::Input { short_name: "prod-orders".into(), reason: "not needed".into() };
    call_off_window(engine, &house.engineer, window.number, &why).await.expect("withdrawn");
    let now = freeze(&house, &admin, "environment:production", 5).await;
    let both = person(&house.admin, "Bodo", Some((house.team, TeamRole::Lead, false)), &[GlobalRole::Admin]).await;
    for who in [&house.engineer, &house.lead, &both] {
        assert_eq!(code(edit_target(engine, who, id, &renamed("test")).await), "freeze", "{}", who.actor.name);
    }
    lift_freeze(engine, &admin, now, "closed early").await.expect("lifted");
    let (begins, ends) = (form(&house, "environment:production", 20), form(&house, "environment:production", 40));
    let coming = FreezeForm { from_date: begins.to_date, from_time: begins.to_time, ..ends };
    create_freeze(engine, &admin, &coming).await.expect("one that has not begun");
    for who in [&house.engineer, &house.lead] {
        assert_eq!(code(edit_target(engine, who, id, &renamed("test")).await), "freeze", "{}", who.actor.name);
    }
    edit_target(engine, &both, id, &renamed("test")).await.expect("who could lift it");
}

#[tokio::test]
async fn a_database_whose_environment_is_another_than_the_approved_one_is_not_begun_on() {
    let house = House::new().await;
    house.backed_up().await;
    let window = house.staged(When::NOW, |_| ()).await;
    // As if the change had slipped in beside the proposal: the guards of the tables are off.
    sqlx::raw_sql(
        "ALTER TABLE drydock.target DISABLE TRIGGER target_guard; UPDATE drydock.target SET environment = 'test' WHERE short_name = 'prod-orders';
         ALTER TABLE drydock.target ENABLE ALWAYS TRIGGER target_guard",
    )
    .execute(&house.admin)
    .await
    .expect("changed");
    let refused = open_due_run(house.engine.pool(), &Permit::system(), window.id, "due").await;
    let Err(Error::Refused(refusal)) = &refused else { panic!("{refused:?}") };
    assert!(refusal.message.contains("in the environment “production” when the plan was approved"), "{refusal:?}");
}

#[tokio::test]
async fn a_run_in_its_pre_checks_waits_and_begins_when_the_freeze_is_lifted() {
    let stage = RunStage::new().await;
    let house = &stage.house;
    // A demo's mails lie in its mailbox.
    sqlx::query("INSERT INTO drydock.installation (id, demo, public_url) VALUES (gen_random_uuid(), true, 'http://127.0.0.1:8080')")
        .execute(&house.admin)
        .await
        .expect("an installation");
    let window = stage.due(|_| ()).await;
    open_due_run(house.engine.pool(), &Permit::system(), window.id, "due").await.expect("open");
    let id = freeze(house, &house.lead, &team(house), 5).await;
    let worker = stage.worker();
    stage.until(60, "SELECT pre_checks::text LIKE '%A freeze covers this database%' FROM drydock.run").await;
    assert_eq!(house.state(window.number).await, "approved");
    stage.until(60, "SELECT EXISTS (SELECT FROM drydock.mailbox WHERE subject LIKE '[Freeze over your windows] Year end%')").await;
    lift_freeze(&house.engine, &house.lead, id, "closed early").await.expect("lifted");
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    worker.stop().await;
}

#[tokio::test]
async fn what_runs_ends_and_the_run_is_held_before_its_next_item() {
    let stage = RunStage::new().await;
    let house = &stage.house;
    stage.gated_index("one").await;
    stage.dead_rows("two", 1_000).await;
    let gate = stage.hold_gate().await;
    let window = stage.due(|_| ()).await;
    let worker = stage.worker();
    stage.at_the_gate().await;
    let id = freeze(house, &house.lead, "database", 5).await;
    let left = house.count("SELECT count(*) FROM drydock.item WHERE outcome IS NULL").await;
    assert!(left > 1, "something is left to hold: {}", stage.page().await);
    drop(gate);
    stage.until(60, "SELECT state = 'held' FROM drydock.run").await;
    let page = stage.page().await;
    assert_eq!(house.state(window.number).await, "hold");
    assert!(page.contains("On hold: A freeze covers this database: “Year end”"), "{page}");
    // The statement that ran was not cut off.
    assert_eq!(house.count("SELECT count(*) FROM drydock.attempt WHERE state <> 'done'").await, 0, "{page}");
    assert_eq!(house.count("SELECT count(*) FROM drydock.item WHERE outcome = 'done' AND step = 'reindex'").await, 1, "{page}");
    let run: RunId = stage.run().await;
    let go_on = ResolveForm { verb: "continue".into(), found: String::new(), reason: "it is over".into() };
    assert_eq!(code(resolve_hold(&house.engine, &house.lead, run, &go_on).await), "freeze");
    worker.stop().await;

    // A decision that a freeze overtook before a worker took it up waits for another one.
    lift_freeze(&house.engine, &house.lead, id, "closed early").await.expect("lifted");
    resolve_hold(&house.engine, &house.lead, run, &go_on).await.expect("decided");
    let id = freeze(house, &house.lead, "database", 5).await;
    let worker = stage.worker();
    stage.until(60, "SELECT state = 'held' AND decision IS NULL AND epoch > 1 FROM drydock.run").await;
    assert_eq!(house.state(window.number).await, "hold");

    // What makes things safe again is never stopped.
    assert_eq!(code(resolve_hold(&house.engine, &house.lead, run, &go_on).await), "freeze");
    let back = ResolveForm { verb: "roll_back".into(), found: String::new(), reason: "not in this freeze".into() };
    resolve_hold(&house.engine, &house.lead, run, &back).await.expect("decided");
    stage.until(60, "SELECT state = 'rolled_back' FROM drydock.window").await;
    worker.stop().await;
    assert!(house.count("SELECT count(*) FROM drydock.freeze WHERE lifted_at IS NULL").await == 1, "{id}");
}
