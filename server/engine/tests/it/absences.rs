//! Being away, and voting in somebody's place: on the real database, under the web role, with the worker that asks.

use crate::house::{House, code, person, with_account};
use crate::inventory::worker;
use crate::several::database;
use domain::absence::Form;
use domain::ids::{AbsenceId, PersonId};
use domain::people::{GlobalRole, TeamRole};
use domain::permission::Actor;
use domain::proposal::ProposalForm;
use domain::view::windows::list::Filter;
use domain::window::WindowState;
use engine::actions::Caller;
use engine::actions::cast_vote::{Input, Outcome, cast_vote, cast_vote_by_link};
use engine::actions::deactivate_person::{self, deactivate_person};
use engine::actions::end_absence::end_absence;
use engine::actions::move_absence::{self, move_absence};
use engine::actions::propose_window::propose_window;
use engine::actions::say_absence::say_absence;
use engine::actions::withdraw_vote::withdraw_vote;
use engine::queries;
use engine::scheduler::waiting::Waiting;
use std::collections::BTreeMap;

/// The house, with somebody of another team who leads there and so may stand in for leads here.
pub struct Office {
    pub house: House,
    pub admin: Caller,
}

impl Office {
    pub async fn new() -> Self {
        let house = House::new().await;
        for who in [&house.lead, &house.deputy, &house.engineer, &house.stakeholder, &house.foreigner] {
            with_account(&house, who).await;
        }
        let admin = person(&house.admin, "Adele", None, &[GlobalRole::Admin]).await;
        with_account(&house, &admin).await;
        Self { admin: elevated(&admin), house }
    }

    /// Days from today on, in Berlin, where everybody lives.
    pub fn form(&self, first: i64, last: i64, delegate: &str) -> Form {
        let day = |days: i64| {
            let zone = jiff::tz::TimeZone::get("Europe/Berlin").expect("bundled");
            (self.house.engine.clock().now() + jiff::SignedDuration::from_hours(24 * days)).to_zoned(zone).date().to_string()
        };
        let delegate = if delegate.is_empty() { String::new() } else { format!("{delegate}@example.org") };
        Form { first_day: day(first), last_day: day(last), delegate }
    }

    /// Says that somebody is away from now on.
    pub async fn away(&self, who: &Caller, delegate: &str) -> AbsenceId {
        say_absence(&self.house.engine, who, who.actor.person, &self.form(0, 5, delegate)).await.expect("a good absence")
    }

    /// What the worker does about it.
    pub async fn tick(&self) {
        engine::scheduler::waiting::tick(&worker(&self.house).await, 0).await.expect("ticks");
    }

    pub async fn vote(&self, who: &Caller, number: i64) -> engine::Result<Outcome> {
        cast_vote(&self.house.engine, who, number, &self.input(number, "approve").await).await
    }

    pub async fn vote_by_link(&self, who: PersonId, number: i64) -> engine::Result<Outcome> {
        let secret = self.house.secret("approval_needed", who).await;
        cast_vote_by_link(&self.house.engine, &secret, None, &self.input(number, "approve").await, "r").await
    }

    pub async fn input(&self, number: i64, decision: &str) -> Input {
        let digest = self.house.digest(number).await.hex();
        Input { decision: decision.into(), digest, short_name: "prod-orders".into(), comment: "looked".into(), code: String::new().into() }
    }

    /// Names of those who got this message, sorted.
    pub async fn told(&self, kind: &str) -> Vec<String> {
        sqlx::query_scalar("SELECT p.name FROM drydock.outbox o JOIN drydock.person p ON p.id = o.person_id WHERE o.kind = $1 ORDER BY 1")
            .bind(kind)
            .fetch_all(&self.house.admin)
            .await
            .expect("messages")
    }
}

pub fn elevated(who: &Caller) -> Caller {
    Caller { actor: Actor { elevated: true, ..who.actor.clone() }, request: "test".into() }
}

#[tokio::test]
async fn a_delegate_is_asked_about_what_waits_already_and_fills_the_seat() {
    let office = Office::new().await;
    let house = &office.house;
    let window = house.proposed(3).await;
    office.vote_by_link(house.stakeholder.actor.person, window.number).await.expect("a link");
    office.away(&house.lead, "fritz").await;
    assert_eq!(office.told("absence_said").await, ["Fritz", "Lena"], "who votes, and who is away");
    office.tick().await;
    office.tick().await;
    assert_eq!(office.told("approval_needed").await, ["Dario", "Fritz", "Lena", "Sten"], "asked once");
    let done = office.vote_by_link(house.foreigner.actor.person, window.number).await.expect("in the place of Lena");
    assert_eq!(done.state, WindowState::Approved);
    let said: String = sqlx::query_scalar("SELECT convert_from(bytes, 'UTF8')::jsonb -> 'payload' -> 'in_place_of' ->> 0 FROM drydock.fact WHERE action = 'vote.cast' ORDER BY id DESC LIMIT 1")
        .fetch_one(&house.admin)
        .await
        .expect("a fact");
    assert_eq!(said, house.lead.actor.person.to_string());
    let page = queries::windows::show(&house.engine, &house.engineer.actor, window.number, None).await.expect("a page");
    assert_eq!(page.votes[0].in_place_of, [(house.lead.actor.person, "Lena".to_owned())]);
    assert_eq!(office.told("voted_in_place").await, ["Lena"], "she hears of it, and nobody else");
}

#[tokio::test]
async fn a_seat_counts_once_and_whoever_is_back_decides_on_their_own() {
    let office = Office::new().await;
    let house = &office.house;
    let window = house.proposed(3).await;
    let absence = office.away(&house.lead, "fritz").await;
    office.tick().await;
    office.vote_by_link(house.foreigner.actor.person, window.number).await.expect("in the place of Lena");
    // What was decided stays when she is back.
    end_absence(&house.engine, &house.lead, absence).await.expect("hers");
    assert_eq!(office.told("absence_changed").await, ["Fritz", "Lena"]);
    let page = queries::windows::show(&house.engine, &house.engineer.actor, window.number, None).await.expect("a page");
    assert_eq!(page.standing.rules[1].have, [house.foreigner.actor.person]);
    // Her own vote replaces it, so one of the two leads' seats is filled and not both.
    office.vote(&house.lead, window.number).await.expect("her seat");
    let page = queries::windows::show(&house.engine, &house.engineer.actor, window.number, None).await.expect("a page");
    assert_eq!(page.standing.rules[1].have, [house.lead.actor.person]);
    // And who is there needs nobody: the link of the delegate decides nothing for a window proposed now.
    let next = house.proposed(9).await;
    office.tick().await;
    assert_eq!(
        code(cast_vote(&house.engine, &house.foreigner, next.number, &office.input(next.number, "approve").await).await),
        "not_found"
    );
}

#[tokio::test]
async fn where_an_approval_was_lost_a_delegate_is_asked_once() {
    let office = Office::new().await;
    let house = &office.house;
    let window = house.proposed(3).await;
    let asked = async || office.told("approval_needed").await.into_iter().filter(|name| name == "Fritz").count();
    office.vote(&house.stakeholder, window.number).await.expect("his seat");
    assert_eq!(office.vote(&house.lead, window.number).await.expect("her seat").state, WindowState::Approved);
    office.away(&house.deputy, "fritz").await;
    office.tick().await;
    assert_eq!(asked().await, 0, "nothing waits");
    assert_eq!(withdraw_vote(&house.engine, &house.lead, window.number).await.expect("hers"), WindowState::Proposed);
    office.tick().await;
    office.tick().await;
    assert_eq!(asked().await, 1, "with those who have not decided, and not again as a delegate");
    let home = queries::home::home(&house.engine, &house.foreigner.actor).await.expect("a page");
    assert!(home.waiting.lines[0].asked.contains("in the place of Dario"), "{:?}", home.waiting.lines);
    let done = office.vote_by_link(house.foreigner.actor.person, window.number).await.expect("in the place of Dario");
    assert_eq!(done.state, WindowState::Approved);
    assert_eq!(office.told("voted_in_place").await, ["Dario"]);
}

#[tokio::test]
async fn delegation_makes_no_eligible_person_of_whom_the_rule_would_not_take() {
    let office = Office::new().await;
    let house = &office.house;
    let window = house.proposed(3).await;
    // Egon wrote it; Sten is no lead, and has his own seat.
    for delegate in ["egon", "sten"] {
        let absence = office.away(&house.lead, delegate).await;
        office.tick().await;
        assert_eq!(office.told("approval_needed").await, ["Dario", "Lena", "Sten"], "{delegate} gains nothing");
        end_absence(&house.engine, &house.lead, absence).await.expect("hers");
    }
    assert_eq!(code(office.vote(&house.engineer, window.number).await), "four_eyes");
    office.vote(&house.stakeholder, window.number).await.expect("his own seat");
    assert_eq!(house.state(window.number).await, "proposed", "one person, one seat");
    // A deputy who stands in for the lead has a seat already.
    office.away(&house.lead, "dario").await;
    office.tick().await;
    assert_eq!(house.count("SELECT count(*) FROM drydock.asked_in_place").await, 0);
}

#[tokio::test]
async fn an_author_names_no_delegate_of_somebody_else() {
    let office = Office::new().await;
    let house = &office.house;
    let number = propose_window(&house.engine, &elevated(&house.lead), &house.form(3), None).await.expect("proposed").number;
    // Lena wrote the window, and says that her deputy is away, with somebody she chose.
    say_absence(&house.engine, &elevated(&house.lead), house.deputy.actor.person, &office.form(0, 5, "fritz")).await.expect("of her team");
    assert_eq!(office.told("absence_said").await, ["Dario", "Fritz"], "he hears of it");
    office.tick().await;
    assert!(!office.told("approval_needed").await.contains(&"Fritz".to_owned()));
    // On a window of somebody else the same delegate stands in.
    let other = house.proposed(9).await;
    office.tick().await;
    assert!(office.told("approval_needed").await.contains(&"Fritz".to_owned()));
    assert_ne!(other.number, number);
}

#[tokio::test]
async fn a_lead_speaks_of_members_on_windows_of_the_own_team_alone() {
    let office = Office::new().await;
    let house = &office.house;
    let (lena, other) = (house.lead.actor.person, house.foreigner.actor.teams[0].team);
    person(&house.admin, "Berta", Some((other, TeamRole::Lead, false)), &[]).await;
    sqlx::query("INSERT INTO drydock.membership (team_id, person_id, role) VALUES ($1, $2, 'stakeholder')")
        .bind(other.0)
        .bind(lena.0)
        .execute(&house.admin)
        .await
        .expect("she depends on something of the other team");
    house.proposed(3).await;
    let say = |by: Caller| {
        let form = office.form(0, 5, "berta");
        async move { say_absence(&house.engine, &by, lena, &form).await.expect("a member of his team") }
    };
    let absence = say(elevated(&house.foreigner)).await;
    office.tick().await;
    assert!(!office.told("approval_needed").await.contains(&"Berta".to_owned()), "the window is not of his team");
    end_absence(&house.engine, &house.lead, absence).await.expect("hers");
    say(office.admin.clone()).await;
    office.tick().await;
    assert!(office.told("approval_needed").await.contains(&"Berta".to_owned()), "administrators speak for all");
}

#[tokio::test]
async fn a_delegate_who_is_away_passes_nothing_on() {
    let office = Office::new().await;
    let house = &office.house;
    let other = house.foreigner.actor.teams[0].team;
    let berta = person(&house.admin, "Berta", Some((other, TeamRole::Lead, false)), &[]).await;
    office.away(&house.lead, "fritz").await;
    office.away(&house.foreigner, "berta").await;
    house.proposed(3).await;
    office.tick().await;
    let asked = office.told("approval_needed").await;
    assert!(asked.contains(&"Fritz".to_owned()) && !asked.contains(&berta.actor.name), "{asked:?}");
    let form = office.form(0, 5, "fritz");
    assert_eq!(code(say_absence(&house.engine, &house.deputy, house.deputy.actor.person, &form).await), "delegate", "he is away then");
}

#[tokio::test]
async fn votes_in_somebodys_place_end_with_the_seat_or_the_delegate() {
    for gone in ["Lena", "Fritz"] {
        let office = Office::new().await;
        let house = &office.house;
        let window = house.proposed(3).await;
        office.vote(&house.stakeholder, window.number).await.expect("his seat");
        office.away(&house.lead, "fritz").await;
        office.tick().await;
        assert_eq!(office.vote_by_link(house.foreigner.actor.person, window.number).await.expect("a link").state, WindowState::Approved);
        let leaves = if gone == "Lena" { &house.lead } else { &house.foreigner };
        let why = deactivate_person::Input { reason: "left".into() };
        let left = deactivate_person(&house.engine, &office.admin, leaves.actor.person, &why, &deactivate_person::Heirs::new())
            .await
            .expect("gone");
        assert_eq!(left.lost_quorum, [window.number], "{gone} is gone");
        assert_eq!(house.state(window.number).await, "proposed");
    }
}

#[tokio::test]
async fn reminders_go_to_the_delegate_and_not_to_who_is_away() {
    let office = Office::new().await;
    let house = &office.house;
    house.proposed(3).await;
    office.away(&house.lead, "fritz").await;
    office.tick().await;
    let worker = worker(house).await;
    sqlx::query("UPDATE drydock.revision_stage SET remind_every_min = 60").execute(&house.admin).await.expect("reminders");
    sqlx::query("UPDATE drydock.window SET state_at = now() - interval '61 minutes', asked_at = now() - interval '61 minutes'")
        .execute(&house.admin)
        .await
        .expect("an hour passed");
    engine::scheduler::tick(&worker).await.expect("ticks");
    assert_eq!(office.told("approval_needed").await, ["Dario", "Dario", "Fritz", "Fritz", "Lena", "Sten", "Sten"]);
    let reminded: Vec<String> = sqlx::query_scalar(
        "SELECT p.name FROM drydock.outbox o JOIN drydock.person p ON p.id = o.person_id WHERE o.kind = 'approval_needed' AND o.payload ? 'reminder' ORDER BY 1",
    )
    .fetch_all(&house.admin)
    .await
    .expect("messages");
    assert_eq!(reminded, ["Dario", "Fritz", "Sten"], "those mails say that they are reminders");
}

#[tokio::test]
async fn everybody_says_it_of_themselves_and_leads_of_their_team() {
    let office = Office::new().await;
    let house = &office.house;
    let say = |by: Caller, of: &Caller| {
        let (person, form) = (of.actor.person, office.form(1, 2, ""));
        async move { say_absence(&house.engine, &by, person, &form).await }
    };
    say(house.stakeholder.clone(), &house.stakeholder).await.expect("his own");
    assert!(office.told("absence_said").await.is_empty(), "he said it himself, and named nobody");
    assert_eq!(code(say(house.engineer.clone(), &house.lead).await), "not_permitted");
    assert_eq!(code(say(elevated(&house.foreigner), &house.lead).await), "not_permitted", "another team's lead");
    assert_eq!(code(say(house.lead.clone(), &house.engineer).await), "elevate", "after the password");
    let herself = say_absence(&house.engine, &elevated(&house.lead), house.deputy.actor.person, &office.form(1, 2, "lena")).await;
    assert_eq!(code(herself), "delegate", "nobody takes another's seat for themselves");
    say(elevated(&house.lead), &house.engineer).await.expect("of her team");
    assert_eq!(office.told("absence_said").await, ["Egon"], "he hears of it");
    say(office.admin.clone(), &house.foreigner).await.expect("administrators of anyone");
    assert_eq!(code(say(house.stakeholder.clone(), &house.stakeholder).await), "absence_overlaps");
}

#[tokio::test]
async fn an_end_moves_while_it_is_not_over() {
    let office = Office::new().await;
    let house = &office.house;
    let id = office.away(&house.lead, "").await;
    let to = |days: i64| move_absence::Input { last_day: office.form(0, days, "").last_day };
    assert_eq!(code(move_absence(&house.engine, &house.engineer, id, &to(3)).await), "not_permitted");
    move_absence(&house.engine, &house.lead, id, &to(3)).await.expect("earlier");
    assert_eq!(code(move_absence(&house.engine, &house.lead, id, &to(200)).await), "last_day");
    let page = queries::absences::page(&house.engine, &house.lead.actor, house.lead.actor.person).await.expect("a page");
    assert_eq!((page.rows.len(), page.rows[0].last_day.clone(), page.rows[0].begun), (1, to(3).last_day, true));
    end_absence(&house.engine, &house.lead, id).await.expect("back");
    assert_eq!(code(end_absence(&house.engine, &house.lead, id).await), "absence_over");
    assert_eq!(code(move_absence(&house.engine, &house.lead, id, &to(4)).await), "absence_over");
    office.away(&house.lead, "").await;
}

#[tokio::test]
async fn lists_say_whom_they_wait_for_and_home_says_for_whom() {
    let office = Office::new().await;
    let house = &office.house;
    let window = house.proposed(3).await;
    office.away(&house.stakeholder, "egon").await;
    office.away(&house.lead, "fritz").await;
    office.tick().await;
    let page = queries::windows::show(&house.engine, &house.engineer.actor, window.number, None).await.expect("a page");
    let waited = |who: &Caller| page.waited[&who.actor.person].clone();
    assert!(waited(&house.lead).starts_with("Lena (away until "), "{}", waited(&house.lead));
    assert_eq!(waited(&house.foreigner), "Fritz (for Lena)");
    let list = queries::windows::list(&house.engine, &house.engineer.actor, &Filter::default()).await.expect("a page");
    let said = list.rows[0].waiting_for.clone().expect("it waits");
    for part in ["Sten (away until ", "), and ", "Lena (away until ", "Fritz (for Lena)", "Dario"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let home = queries::home::home(&house.engine, &house.foreigner.actor).await.expect("a page");
    let asked: Vec<&str> = home.waiting.lines.iter().map(|line| line.asked.as_str()).collect();
    assert_eq!(asked, ["Your decision is needed, in the place of Lena."]);
    assert!(home.waiting.lines[0].outside, "on the page to decide on: the window's own is not his to see");
    let people = queries::people::team(&house.engine, &house.engineer.actor, house.team).await.expect("a page");
    let away: Vec<_> =
        people.members.iter().filter_map(|member| Some((member.name.as_str(), member.away.as_ref()?.delegate.as_deref()?))).collect();
    assert_eq!(away, [("Lena", "Fritz"), ("Sten", "Egon")]);
}

/// What the owner was told, in the order in which it was owed.
async fn warned(office: &Office) -> Vec<String> {
    sqlx::query_scalar("SELECT p.name || ': ' || (o.payload -> 'said' ->> 0) FROM drydock.outbox o JOIN drydock.person p ON p.id = o.person_id WHERE o.kind = 'quorum_short' ORDER BY o.created_at, 1")
        .fetch_all(&office.house.admin)
        .await
        .expect("messages")
}

#[tokio::test]
async fn the_owner_hears_at_once_and_once_that_nobody_is_left_who_could_approve() {
    let office = Office::new().await;
    let house = &office.house;
    let window = house.proposed(3).await;
    office.tick().await;
    assert!(warned(&office).await.is_empty());
    office.away(&house.lead, "").await;
    office.tick().await;
    assert!(warned(&office).await.is_empty(), "the deputy is there");
    let second = office.away(&house.deputy, "").await;
    office.tick().await;
    office.tick().await;
    let told = warned(&office).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("Egon: 1 of the leads and deputies of the owner team has to approve, and 0 can in time."), "{told:?}");
    assert!(
        told[0].contains("Lena (away until ") && told[0].contains("Dario (away until ") && told[0].contains("nobody votes meanwhile"),
        "{told:?}"
    );
    let page = queries::windows::show(&house.engine, &house.engineer.actor, window.number, None).await.expect("a page");
    assert!(page.blocked.iter().any(|blocker| blocker.what.starts_with("It cannot be approved in time: ")), "{:?}", page.blocked);
    let home = queries::home::home(&house.engine, &house.engineer.actor).await.expect("a page");
    assert!(home.attention.iter().any(|line| line.why.starts_with("It cannot be approved in time")), "{:?}", home.attention);
    // In reach again, and out of it once more: told once more.
    end_absence(&house.engine, &house.deputy, second).await.expect("back");
    office.tick().await;
    assert_eq!(house.count("SELECT count(*) FROM drydock.quorum_short").await, 0);
    office.away(&house.deputy, "").await;
    office.tick().await;
    assert_eq!(warned(&office).await.len(), 2);
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action IN ('window.quorum_short', 'window.quorum_in_reach')").await, 3);
}

#[tokio::test]
async fn a_delegate_keeps_a_quorum_in_reach() {
    let office = Office::new().await;
    let house = &office.house;
    house.proposed(3).await;
    office.away(&house.deputy, "").await;
    office.away(&house.lead, "fritz").await;
    office.tick().await;
    assert!(warned(&office).await.is_empty(), "Fritz leads, and is there");
    office.away(&house.foreigner, "").await;
    office.tick().await;
    let told = warned(&office).await;
    assert!(told.len() == 1 && told[0].contains("who votes meanwhile cannot take this seat"), "{told:?}");
}

#[tokio::test]
async fn of_several_databases_the_short_one_is_named_and_a_delegate_takes_the_seat_there() {
    let office = Office::new().await;
    let house = &office.house;
    let ines = person(&house.admin, "Ines", Some((house.team, TeamRole::Stakeholder, false)), &[]).await;
    database(house, "prod-invoices", "production", &ines).await;
    let waves = BTreeMap::from([("prod-invoices".to_owned(), "1".to_owned())]);
    let form = ProposalForm { waves, soak_min: "15".into(), ..house.form(3) };
    let number = propose_window(&house.engine, &house.engineer, &form, None).await.expect("proposed").number;
    let absence = office.away(&ines, "").await;
    office.tick().await;
    let told = warned(&office).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("Egon: 1 of the stakeholders of the database (prod-invoices) has to approve, and 0 can in time."),
        "the orders have their stakeholder: {told:?}"
    );
    // Sten is asked for the orders by own right; for the invoices he votes in her place.
    end_absence(&house.engine, &ines, absence).await.expect("hers");
    office.away(&ines, "sten").await;
    office.tick().await;
    assert_eq!(house.count("SELECT count(*) FROM drydock.quorum_short").await, 0, "in reach again");
    assert_eq!(office.told("approval_needed").await, ["Dario", "Ines", "Lena", "Sten"], "he decides by the link that he has");
    let home = queries::home::home(&house.engine, &house.stakeholder.actor).await.expect("a page");
    assert!(home.waiting.lines[0].asked.contains("in the place of Ines"), "{:?}", home.waiting.lines);
    assert_eq!(office.vote_by_link(house.stakeholder.actor.person, number).await.expect("a link").state, WindowState::Proposed);
    assert_eq!(office.vote(&house.lead, number).await.expect("asked").state, WindowState::Approved);
    let page = queries::windows::show(&house.engine, &house.engineer.actor, number, None).await.expect("a page");
    let vote = page.votes.iter().find(|vote| vote.person == house.stakeholder.actor.person).expect("his vote");
    assert_eq!(vote.in_place_of, [(ines.actor.person, "Ines".to_owned())]);
    assert_eq!(office.told("voted_in_place").await, ["Ines"]);
    assert!(page.standing.rules.iter().all(|rule| rule.missing() == 0), "{:?}", page.standing);
}

#[tokio::test]
async fn leaving_and_losing_a_role_are_watched_like_being_away() {
    for how in ["deactivated", "role"] {
        let office = Office::new().await;
        let house = &office.house;
        house.proposed(3).await;
        office.away(&house.lead, "").await;
        let person = house.deputy.actor.person;
        if how == "role" {
            sqlx::query("DELETE FROM drydock.membership WHERE person_id = $1")
                .bind(person.0)
                .execute(&house.admin)
                .await
                .expect("out of the team");
        } else {
            let why = deactivate_person::Input { reason: "left".into() };
            deactivate_person(&house.engine, &office.admin, person, &why, &deactivate_person::Heirs::new()).await.expect("gone");
        }
        office.tick().await;
        let told = warned(&office).await;
        assert!(told.len() == 1 && told[0].contains("Dario ("), "{how}: {told:?}");
    }
}

#[tokio::test]
async fn votes_that_rest_beyond_the_deadline_put_it_out_of_reach() {
    let office = Office::new().await;
    let house = &office.house;
    house.proposed(3).await;
    sqlx::query("UPDATE drydock.revision_stage SET decide_by_at = now() + interval '20 hours', escalate_at = NULL")
        .execute(&house.admin)
        .await
        .expect("sooner");
    office.tick().await;
    assert!(warned(&office).await.is_empty());
    sqlx::query(
        "UPDATE drydock.person SET email = 'sten@example.com', may_vote_from = clock_timestamp() + interval '24 hours' WHERE id = $1",
    )
    .bind(house.stakeholder.actor.person.0)
    .execute(&house.admin)
    .await
    .expect("another address");
    office.tick().await;
    let told = warned(&office).await;
    assert!(
        told.len() == 1
            && told[0].contains("Sten (address, role, password or second factor was changed within the last 24 hours, and counts from "),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_delegate_with_a_seat_of_their_own_keeps_nobody_from_the_window() {
    let office = Office::new().await;
    let house = &office.house;
    let number = house.proposed(3).await.number;
    // Dario holds the same seat as Lena: he was asked as everybody, and gains nothing.
    office.away(&house.lead, "dario").await;
    let mut held = house.admin.begin().await.expect("begins");
    sqlx::query("SELECT 1 FROM drydock.window WHERE number = $1 FOR UPDATE").bind(number).execute(&mut *held).await.expect("held");
    tokio::time::timeout(std::time::Duration::from_secs(5), office.tick()).await.expect("nothing waits for the window");
    held.rollback().await.expect("let go");
    assert_eq!(house.count("SELECT count(*) FROM drydock.asked_in_place").await, 0);
}

#[tokio::test]
async fn one_worker_looks_for_all_of_them() {
    let office = Office::new().await;
    let (mut one, mut two) = (Waiting::new(worker(&office.house).await), Waiting::new(worker(&office.house).await));
    let window = office.house.proposed(3).await;
    office.vote_by_link(office.house.stakeholder.actor.person, window.number).await.expect("a link");
    assert!(one.turn().await.expect("a turn"));
    office.away(&office.house.lead, "fritz").await;
    assert!(
        !two.turn().await.expect("a turn") && office.told("approval_needed").await == ["Dario", "Lena", "Sten"],
        "it is the other's job"
    );
    assert!(one.turn().await.expect("a turn") && office.told("approval_needed").await == ["Dario", "Fritz", "Lena", "Sten"]);
    one.stop().await.expect("given up");
    assert!(two.turn().await.expect("a turn"), "taken over at once");
}
