//! Break-glass: two people who are present, one plan, everybody told, and a review that costs an approver while it is overdue.

use crate::house::{House, code};
use crate::stage::When;
use crate::voices::{account, administrator};
use domain::approval::Policy;
use domain::approval::executor::SEPARATE;
use domain::glass::{AskForm, ReviewForm};
use domain::ids::{GlassId, PersonId};
use domain::permission::Actor;
use domain::proposal::ProposalForm;
use domain::view::departures::{Follows, Part};
use domain::view::windows::Filter;
use domain::window::WindowState;
use engine::actions::Caller;
use engine::actions::ask_break_glass::ask_break_glass;
use engine::actions::cast_vote::{self, cast_vote};
use engine::actions::confirm_break_glass::{Input, confirm_break_glass};
use engine::actions::deactivate_person::{self, Heirs, deactivate_person};
use engine::actions::open_run::{self, start_now};
use engine::actions::propose_window::propose_window;
use engine::actions::review_break_glass::review_break_glass;
use engine::actions::withdraw_vote::withdraw_vote;
use engine::{Error, queries};
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;

const WHY: &str = "Orders cannot be placed: the index is corrupt.";

/// The same person, who typed the password lately.
fn present(who: &Caller) -> Caller {
    Caller { actor: Actor { elevated: true, ..who.actor.clone() }, ..who.clone() }
}

/// The house with accounts, and an administrator.
async fn house() -> (House, Caller) {
    let house = House::new().await;
    for who in [&house.lead, &house.deputy, &house.engineer, &house.stakeholder, &house.auditor] {
        account(&house, who.actor.person).await;
    }
    let adele = administrator(&house, "Adele").await;
    (house, adele)
}

/// A form for a window that starts within hours.
pub fn soon(house: &House, hours: i64) -> ProposalForm {
    let zone = TimeZone::get("Europe/Berlin").expect("bundled");
    let start = (house.engine.clock().now() + SignedDuration::from_hours(hours)).to_zoned(zone);
    ProposalForm {
        date: start.strftime("%Y-%m-%d").to_string(),
        time: start.strftime("%H:%M").to_string(),
        fold: "first".into(),
        ..house.form(1)
    }
}

/// A window of the engineer's that cannot wait.
async fn urgent(house: &House) -> i64 {
    propose_window(&house.engine, &house.engineer, &soon(house, 2), None).await.expect("proposed").number
}

async fn ask(house: &House, who: &Caller, number: i64) -> engine::Result<()> {
    let digest = house.digest(number).await.hex();
    ask_break_glass(&house.engine, who, number, &AskForm { digest, short_name: "prod-orders".into(), reason: WHY.into() }).await
}

async fn confirm(house: &House, who: &Caller, number: i64) -> engine::Result<()> {
    let digest = house.digest(number).await.hex();
    confirm_break_glass(&house.engine, who, number, &Input { digest, short_name: "prod-orders".into() }).await
}

/// The engineer asked, the lead confirmed.
pub async fn break_glass(house: &House, number: i64) -> GlassId {
    ask(house, &present(&house.engineer), number).await.expect("asked");
    confirm(house, &present(&house.lead), number).await.expect("confirmed");
    let id = sqlx::query_scalar("SELECT g.id FROM drydock.break_glass g JOIN drydock.window w ON w.id = g.window_id WHERE w.number = $1");
    GlassId(id.bind(number).fetch_one(&house.admin).await.expect("a break-glass"))
}

/// As if that time had gone by since.
async fn later(house: &House, hours: i32) {
    sqlx::query("ALTER TABLE drydock.break_glass DISABLE TRIGGER break_glass_guard").execute(&house.admin).await.expect("a superuser");
    sqlx::query(
        "UPDATE drydock.break_glass SET asked_at = asked_at - make_interval(hours => $1), expires_at = expires_at - make_interval(hours => $1),
                confirmed_at = confirmed_at - make_interval(hours => $1), review_due_at = review_due_at - make_interval(hours => $1)",
    )
    .bind(hours)
    .execute(&house.admin)
    .await
    .expect("moved");
    sqlx::query("ALTER TABLE drydock.break_glass ENABLE ALWAYS TRIGGER break_glass_guard").execute(&house.admin).await.expect("again");
}

async fn review(house: &House, who: &Caller, number: i64, glass: GlassId) -> engine::Result<()> {
    let found = ReviewForm { verdict: "justified".into(), outcome: "The shop was down.".into() };
    review_break_glass(&house.engine, who, number, glass, &found).await
}

async fn told(house: &House) -> BTreeSet<PersonId> {
    let rows: Vec<uuid::Uuid> =
        sqlx::query_scalar("SELECT person_id FROM drydock.outbox WHERE kind = 'glass_broken'").fetch_all(&house.admin).await.expect("rows");
    let told: BTreeSet<PersonId> = rows.iter().copied().map(PersonId).collect();
    assert_eq!(told.len(), rows.len(), "one message each");
    told
}

#[tokio::test]
async fn two_people_let_an_urgent_plan_run_in_the_open_and_everybody_is_told_at_once() {
    let (house, adele) = house().await;
    let number = urgent(&house).await;
    assert_eq!(code(ask(&house, &house.engineer, number).await), "elevate", "present means that the password was typed lately");
    ask(&house, &present(&house.engineer), number).await.expect("whoever wrote it may ask");
    assert_eq!((house.state(number).await, told(&house).await.len()), ("proposed".to_owned(), 0), "nothing is approved by asking");
    assert_eq!(code(confirm(&house, &house.lead, number).await), "elevate");
    confirm(&house, &present(&house.lead), number).await.expect("confirmed");
    assert_eq!(house.state(number).await, "approved");
    let everybody = [&adele, &house.auditor, &house.lead, &house.deputy, &house.stakeholder, &house.engineer].map(|who| who.actor.person);
    assert_eq!(told(&house).await, BTreeSet::from(everybody));

    let page = queries::windows::show(&house.engine, &house.stakeholder.actor, number, None).await.expect("a page");
    assert_eq!(page.head.glass, Some(("Egon".to_owned(), "Lena".to_owned())));
    let reason = page.head.state_reason.expect("said");
    assert_eq!(reason, format!("Break-glass by Egon and Lena, without the approvals of the policy. {WHY}"));
    assert!(!page.standing.approved, "no vote was cast, and none is pretended");
    let facts: Vec<String> = sqlx::query_scalar("SELECT action FROM drydock.fact WHERE action LIKE '%break_glass' ORDER BY id")
        .fetch_all(&house.admin)
        .await
        .expect("facts");
    assert_eq!(facts, ["window.ask_break_glass", "window.break_glass"]);
    let listed = queries::windows::list(&house.engine, &house.stakeholder.actor, &Filter::default()).await.expect("a list");
    assert!(listed.rows.iter().all(|row| row.glass == (row.number == number)), "{:?}", listed.rows);
}

#[tokio::test]
async fn who_may_not_and_what_may_not_is_refused_by_name() {
    let (house, adele) = house().await;
    let calm = house.proposed(5).await.number;
    let egon = present(&house.engineer);
    assert_eq!(code(ask(&house, &egon, calm).await), "glass_not_urgent");
    let number = urgent(&house).await;
    assert_eq!(code(confirm(&house, &present(&house.lead), number).await), "not_asked");
    for (who, said) in [(&house.stakeholder, "not_permitted"), (&house.auditor, "not_permitted"), (&house.foreigner, "not_found")] {
        assert_eq!(code(ask(&house, &present(who), number).await), said, "{}", who.actor.name);
    }
    let digest = house.digest(number).await.hex();
    let typed = |digest: String, reason: &str| AskForm { digest, short_name: "prod-orders".into(), reason: reason.into() };
    let form = |form: AskForm| {
        let (engine, egon) = (house.engine.clone(), egon.clone());
        async move { code(ask_break_glass(&engine, &egon, number, &form).await) }
    };
    assert_eq!(form(typed("ab".repeat(32), WHY)).await, "stale_plan");
    assert_eq!(form(AskForm { short_name: "orders".into(), ..typed(digest, "hurry") }).await, "reason,short_name");
    ask(&house, &egon, number).await.expect("asked");
    assert_eq!(code(ask(&house, &present(&house.deputy), number).await), "asked_already");
    assert_eq!(code(confirm(&house, &egon, number).await), "not_permitted", "an engineer asks, and confirms nothing");
    // The administrator changed the lead's password a moment ago.
    sqlx::query("UPDATE drydock.person SET may_vote_from = now() + interval '1 day', changed_by = $1 WHERE id = $2")
        .bind(adele.actor.person.0)
        .bind(house.deputy.actor.person.0)
        .execute(&house.admin)
        .await
        .expect("rests");
    assert_eq!(code(confirm(&house, &present(&house.deputy), number).await), "not_heard");
    later(&house, 1).await;
    assert_eq!(code(confirm(&house, &present(&house.lead), number).await), "lapsed");
    ask(&house, &present(&house.lead), number).await.expect("what lapsed makes room");
    assert_eq!(code(confirm(&house, &present(&house.lead), number).await), "two_people");
    confirm(&house, &adele, number).await.expect("an administrator confirms");
    assert_eq!(code(ask(&house, &egon, number).await), "moved_on", "it is approved");
}

#[tokio::test]
async fn a_lead_who_wrote_it_asks_and_never_confirms() {
    let (house, _) = house().await;
    let number = propose_window(&house.engine, &house.lead, &soon(&house, 2), None).await.expect("proposed").number;
    ask(&house, &present(&house.engineer), number).await.expect("asked");
    assert_eq!(code(confirm(&house, &present(&house.lead), number).await), "four_eyes");
    confirm(&house, &present(&house.deputy), number).await.expect("the deputy wrote nothing");
}

/// A proposed window whose time is now, without a vote.
async fn due(house: &House) -> i64 {
    let window = house.staged(When::NOW, |_| ()).await;
    sqlx::query("UPDATE drydock.vote SET withdrawn_at = now(), withdrawn_reason = 'staged' WHERE window_id = $1")
        .bind(window.id.0)
        .execute(&house.admin)
        .await
        .expect("withdrawn");
    house.put(window.id, 2, WindowState::Proposed).await;
    window.number
}

async fn start(house: &House, number: i64) -> engine::Result<domain::ids::RunId> {
    start_now(&house.engine, &house.engineer, number, &open_run::Input { short_name: "prod-orders".into() }).await
}

#[tokio::test]
async fn it_starts_without_votes_as_long_as_both_stand_by_it() {
    let (house, _) = house().await;
    let number = due(&house).await;
    ask(&house, &present(&house.engineer), number).await.expect("asked");
    confirm(&house, &present(&house.deputy), number).await.expect("confirmed");
    assert_eq!(code(start(&house, number).await), "backup", "everything else holds as always");
    house.backed_up().await;
    let dario = house.deputy.actor.person;
    let role = "UPDATE drydock.membership SET deputy = $2 WHERE person_id = $1";
    let set = async |deputy: bool| {
        let mut db = house.admin.begin().await.expect("begins");
        sqlx::query("UPDATE drydock.person SET may_vote_from = now() + interval '25 hours' WHERE id = $1")
            .bind(dario.0)
            .execute(&mut *db)
            .await
            .expect("rests");
        sqlx::query(role).bind(dario.0).bind(deputy).execute(&mut *db).await.expect("a role");
        db.commit().await.expect("set");
    };
    set(false).await;
    assert_eq!(code(start(&house, number).await), "glass", "one of the two lost the right");
    set(true).await;
    start(&house, number).await.expect("opened");
    assert_eq!(house.count("SELECT count(*) FROM drydock.vote WHERE withdrawn_at IS NULL").await, 0);
}

#[tokio::test]
async fn it_waits_for_approval_again_when_one_of_the_two_is_gone() {
    let (house, adele) = house().await;
    let number = urgent(&house).await;
    break_glass(&house, number).await;
    let page = queries::departures::show(&house.engine, &adele.actor, house.lead.actor.person).await.expect("a page");
    assert_eq!(page.votes.iter().map(|vote| (vote.number, vote.follows)).collect::<Vec<_>>(), [(number, Follows::LosesQuorum)]);
    let why = deactivate_person::Input { reason: "left the company".into() };
    let left = deactivate_person(&house.engine, &adele, house.lead.actor.person, &why, &Heirs::new()).await.expect("deactivated");
    assert_eq!((left.lost_quorum, house.state(number).await), (vec![number], "proposed".to_owned()));
    assert_eq!(house.count("SELECT count(*) FROM drydock.window WHERE glass_id IS NOT NULL").await, 0);
}

#[tokio::test]
async fn without_one_of_the_two_it_stands_by_the_votes_if_they_suffice_by_then() {
    let (house, adele) = house().await;
    let number = urgent(&house).await;
    let set = async |sql: &'static str| {
        sqlx::query(sql).bind(house.stakeholder.actor.person.0).execute(&house.admin).await.expect("set");
    };
    for (who, before) in
        [(&house.stakeholder, "SELECT $1::uuid"), (&house.deputy, "DELETE FROM drydock.target_stakeholder WHERE person_id = $1")]
    {
        set(before).await;
        let digest = house.digest(number).await.hex();
        let vote = cast_vote::Input { decision: "approve".into(), digest, short_name: "prod-orders".into(), ..Default::default() };
        cast_vote(&house.engine, who, number, &vote).await.expect("a vote");
    }
    assert_eq!(house.state(number).await, "proposed", "he is no stakeholder at the moment, so his vote does not count");
    break_glass(&house, number).await;
    let follows = async || {
        let page = queries::departures::show(&house.engine, &adele.actor, house.lead.actor.person).await.expect("a page");
        page.votes.iter().map(|vote| (vote.part, vote.follows)).collect::<Vec<_>>()
    };
    assert_eq!(follows().await, [(Part::BrokeGlass, Follows::LosesQuorum)]);
    set("INSERT INTO drydock.target_stakeholder (target_id, person_id) SELECT t.id, $1 FROM drydock.target t").await;
    assert_eq!(follows().await, [(Part::BrokeGlass, Follows::StandsByVotes)]);
    let why = deactivate_person::Input { reason: "left the company".into() };
    let left = deactivate_person(&house.engine, &adele, house.lead.actor.person, &why, &Heirs::new()).await.expect("deactivated");
    assert_eq!((left.lost_quorum, house.state(number).await), (vec![], "approved".to_owned()));
    assert_eq!(house.count("SELECT count(*) FROM drydock.window WHERE glass_id IS NOT NULL").await, 0, "it bears the mark no more");
    let page = queries::windows::show(&house.engine, &house.deputy.actor, number, None).await.expect("a page");
    let reason = page.head.state_reason.clone().unwrap_or_default();
    assert!(page.standing.approved && reason.starts_with("The votes suffice without the break-glass."), "{reason}");
    assert!(page.glass.broken[0].review.is_open(), "what was done is reviewed all the same");
}

#[tokio::test]
async fn a_vote_that_is_taken_back_takes_nothing_from_it_and_an_edit_takes_it_all() {
    let (house, _) = house().await;
    let number = urgent(&house).await;
    let digest = house.digest(number).await.hex();
    let vote =
        engine::actions::cast_vote::Input { decision: "approve".into(), digest, short_name: "prod-orders".into(), ..Default::default() };
    engine::actions::cast_vote::cast_vote(&house.engine, &house.stakeholder, number, &vote).await.expect("a vote");
    break_glass(&house, number).await;
    assert_eq!(withdraw_vote(&house.engine, &house.stakeholder, number).await.expect("taken back"), WindowState::Approved);
    let edited = ProposalForm { title: "another".into(), ..soon(&house, 3) };
    engine::actions::amend_window::amend_window(&house.engine, &house.engineer, number, 1, &edited, None).await.expect("edited");
    assert_eq!(house.state(number).await, "proposed");
    let page = queries::windows::show(&house.engine, &house.deputy.actor, number, None).await.expect("a page");
    assert_eq!((page.head.glass, page.glass.broken.len()), (None, 1), "it approves nothing any more, and is not forgotten");
    assert!(!page.glass.broken[0].stands && page.glass.broken[0].review.is_open(), "{:?}", page.glass);
    break_glass_again(&house, number).await;
}

/// For the new plan it is another one.
async fn break_glass_again(house: &House, number: i64) {
    ask(house, &present(&house.engineer), number).await.expect("asked");
    confirm(house, &present(&house.lead), number).await.expect("confirmed");
    assert_eq!(house.state(number).await, "approved");
}

#[tokio::test]
async fn a_review_is_owed_by_somebody_else_and_waits_on_the_first_page() {
    let (house, adele) = house().await;
    let number = urgent(&house).await;
    let glass = break_glass(&house, number).await;
    let asked = async |who: &Caller| {
        let page = queries::home::home(&house.engine, &who.actor).await.expect("a page");
        page.waiting.lines.into_iter().filter(|line| line.asked.starts_with("The glass was broken: review it by ")).count()
    };
    let seen = [
        asked(&house.deputy).await,
        asked(&adele).await,
        asked(&house.lead).await,
        asked(&house.engineer).await,
        asked(&house.stakeholder).await,
    ];
    assert_eq!(seen, [1, 1, 0, 0, 0], "those who may, and had no part in it");
    for (who, said) in [(&house.lead, "four_eyes"), (&house.engineer, "not_permitted"), (&house.auditor, "not_permitted")] {
        assert_eq!(code(review(&house, who, number, glass).await), said, "{}", who.actor.name);
    }
    let nothing = review_break_glass(&house.engine, &house.deputy, number, glass, &ReviewForm::default()).await;
    assert_eq!(code(nothing), "verdict,outcome");
    review(&house, &house.deputy, number, glass).await.expect("reviewed");
    assert_eq!(code(review(&house, &adele, number, glass).await), "moved_on", "once");
    assert_eq!((asked(&house.deputy).await, asked(&adele).await), (0, 0));
    let page = queries::windows::show(&house.engine, &house.stakeholder.actor, number, None).await.expect("a page");
    let found = page.glass.broken[0].glass.review.clone().expect("a review");
    assert_eq!((found.verdict(), found.by.as_str(), found.outcome.as_str()), ("Justified", "Dario", "The shop was down."));
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action = 'window.review_break_glass'").await, 1);
}

#[tokio::test]
async fn while_a_review_is_overdue_the_next_plan_of_the_team_asks_for_one_more() {
    let (house, _) = house().await;
    let number = urgent(&house).await;
    let glass = break_glass(&house, number).await;
    let needs = async |number: i64| {
        let page = queries::windows::show(&house.engine, &house.engineer.actor, number, None).await.expect("a page");
        let needs: Vec<usize> = page.standing.rules.iter().map(|rule| rule.need).collect();
        (needs, page.plan.raised().map(domain::glass::Raised::said))
    };
    assert_eq!(needs(house.proposed(5).await.number).await, (vec![1, 1], None), "it is owed, and not overdue");
    later(&house, 73).await;
    let home = queries::home::home(&house.engine, &house.stakeholder.actor).await.expect("a page");
    assert!(home.attention[0].why.starts_with("The review of its break-glass is overdue since "), "{:?}", home.attention);
    let (asked, said) = needs(house.proposed(6).await.number).await;
    let said = said.expect("it says why");
    assert_eq!(asked, [1, 2], "a second lead or deputy: there is no second stakeholder");
    assert!(said.starts_with(&format!("One more approver: the review of the break-glass of #{number} is overdue since ")), "{said}");
    let form = queries::proposals::new_form(&house.engine, &house.engineer.actor, "prod-orders", None, None).await.expect("a form");
    assert_eq!(form.approvers[0].raised.as_deref(), Some(said.as_str()), "the form says so before anything is sealed");

    // The lead writes: then only the deputy is left, and nobody could ever approve it.
    let refused = propose_window(&house.engine, &house.lead, &house.form(8), None).await;
    let Err(Error::Refused(refusal)) = refused else { panic!("{refused:?}") };
    assert_eq!(refusal.code, "quorum_unreachable");
    assert!(refusal.message.contains(&said) && refusal.way_out.starts_with("Have the overdue review done"), "{refusal}");

    review(&house, &house.deputy, number, glass).await.expect("reviewed");
    assert_eq!(needs(house.proposed(9).await.number).await, (vec![1, 1], None), "paid");
}

#[tokio::test]
async fn the_two_execute_nothing_where_whoever_approves_does_not() {
    let (house, adele) = house().await;
    house.ruled_by("Apart", "production", &Policy { separate_executor: true, ..Policy::standard() }).await;
    let number = urgent(&house).await;
    break_glass(&house, number).await;
    let code_of_start = |who: &Caller| {
        let (engine, actor) = (house.engine.clone(), who.actor.clone());
        async move {
            let page = queries::windows::show(&engine, &actor, number, None).await.expect("a page");
            page.offers.start.why_not().map(|refusal| refusal.code.clone())
        }
    };
    for who in [&house.lead, &house.engineer] {
        assert_eq!(code_of_start(who).await.as_deref(), Some(SEPARATE), "{}", who.actor.name);
    }
    assert_eq!(code_of_start(&house.deputy).await.as_deref(), Some("too_early"), "he had no part in it, and has to wait for its start");
    // Past the rule the row itself is refused.
    let opened = "INSERT INTO drydock.run (id, window_id, revision, target_id, plan_digest, opened_by, state_fact_id, state_fact_at)
                  SELECT gen_random_uuid(), w.id, w.revision, t.target_id, p.digest, $2, w.state_fact_id, w.state_fact_at
                  FROM drydock.window w JOIN drydock.plan p ON p.window_id = w.id AND p.revision = w.revision
                  JOIN drydock.window_target t ON t.window_id = w.id AND t.revision = w.revision WHERE w.number = $1";
    for (who, refused) in [(&house.lead, true), (&house.engineer, true), (&house.deputy, false), (&adele, false)] {
        let mut undone = house.admin.begin().await.expect("begins");
        let done = sqlx::query(opened).bind(number).bind(who.actor.person.0).execute(&mut *undone).await;
        let constraint = done.err().and_then(|error| error.as_database_error().and_then(|error| error.constraint().map(str::to_owned)));
        assert_eq!(constraint.as_deref(), refused.then_some(SEPARATE), "{}", who.actor.name);
    }
}
