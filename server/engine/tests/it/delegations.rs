//! Letting somebody else decide on one plan, by a mailed link: who can, who is asked, what counts, and how it is taken back.

use crate::absences::Office;
use crate::house::{House, code, person, with_account};
use crate::inventory::worker;
use crate::policies::Town;
use domain::approval::{Assurance, Policy};
use domain::ids::PersonId;
use domain::view::links::Answer;
use domain::window::WindowState;
use engine::actions::amend_window::amend_window;
use engine::actions::cast_vote::{Input as Decision, cast_vote_by_link};
use engine::actions::deactivate_person::{self, deactivate_person};
use engine::actions::delegate_vote::{Input, delegate_vote};
use engine::actions::mail_code::mail_code;
use engine::actions::withdraw_vote::{Objection, object_to_vote};
use engine::queries;
use engine::queries::links;
use secrecy::SecretString;

/// By the newest mail that asked this person.
async fn give(house: &House, giver: PersonId, number: i64, to: &str) -> engine::Result<()> {
    let secret = house.secret("approval_needed", giver).await;
    let delegate = if to.contains('@') { to.to_owned() } else { format!("{to}@example.org") };
    let input = Input { digest: house.digest(number).await.hex(), delegate, ..Input::default() };
    delegate_vote(&house.engine, &secret, None, &input, "r").await
}

async fn have(house: &House, number: i64, rule: usize) -> Vec<PersonId> {
    let page = queries::windows::show(&house.engine, &house.engineer.actor, number, None).await.expect("a page");
    page.standing.rules[rule].have.clone()
}

#[tokio::test]
async fn somebody_who_has_no_seat_decides_for_whoever_has_no_account() {
    let office = Office::new().await;
    let house = &office.house;
    let (sten, mara) = (house.stakeholder.actor.person, person(&house.admin, "Mara", None, &[]).await);
    let window = house.proposed(3).await;
    give(house, sten, window.number, "mara").await.expect("given");
    assert_eq!(office.told("approval_needed").await, ["Dario", "Lena", "Mara", "Sten"], "she is asked by a link of her own");
    assert_eq!(office.told("delegated").await, ["Sten"], "and he hears of it, and nobody else");
    let secret = house.secret("approval_needed", mara.actor.person).await;
    let about = links::page(&house.engine, &secret, None).await.expect("her page").about;
    assert_eq!((about.in_place_of, about.holds_seat, about.delegate), (vec!["Sten".to_owned()], false, None));
    let about = links::page(&house.engine, &house.secret("approval_needed", sten).await, None).await.expect("his page").about;
    assert_eq!((about.holds_seat, about.delegate.as_deref()), (true, Some("Mara")));
    let page = queries::windows::show(&house.engine, &house.engineer.actor, window.number, None).await.expect("a page");
    assert!(page.waited.values().any(|said| said == "Mara (for Sten)"), "{:?}", page.waited);

    office.vote_by_link(mara.actor.person, window.number).await.expect("in the place of Sten");
    assert_eq!(have(house, window.number, 0).await, [mara.actor.person]);
    assert_eq!(office.told("voted_in_place").await, ["Sten"]);
    assert_eq!(office.vote(&house.lead, window.number).await.expect("the other seat").state, WindowState::Approved);
    let said = "SELECT count(*) FROM drydock.fact WHERE action = 'vote.delegate' AND window_id IS NOT NULL";
    assert_eq!(house.count(said).await, 1);
}

#[tokio::test]
async fn a_colleague_with_an_account_finds_it_on_the_first_page() {
    let office = Office::new().await;
    let house = &office.house;
    let window = house.proposed(3).await;
    give(house, house.lead.actor.person, window.number, "fritz").await.expect("he leads elsewhere");
    let home = queries::home::home(&house.engine, &house.foreigner.actor).await.expect("a page");
    let waiting: Vec<_> = home.waiting.lines.iter().map(|line| (line.number, line.asked.as_str())).collect();
    assert_eq!(waiting, [(window.number, "Your decision is needed, in the place of Lena.")]);
    assert_eq!(office.vote(&house.foreigner, window.number).await.expect("her seat").state, WindowState::Proposed);
    assert_eq!(have(house, window.number, 1).await, [house.foreigner.actor.person]);
    let home = queries::home::home(&house.engine, &house.foreigner.actor).await.expect("a page");
    assert!(home.waiting.lines.is_empty(), "decided");
    // Her own decision counts instead, and fills the one seat once.
    office.vote_by_link(house.lead.actor.person, window.number).await.expect("her own link still decides");
    assert_eq!(have(house, window.number, 1).await, [house.lead.actor.person]);
}

#[tokio::test]
async fn nobody_gives_what_they_do_not_have_nor_to_whom_it_cannot_go() {
    let office = Office::new().await;
    let house = &office.house;
    let (sten, lena) = (house.stakeholder.actor.person, house.lead.actor.person);
    let (mara, _) = (person(&house.admin, "Mara", None, &[]).await, person(&house.admin, "Nora", None, &[]).await);
    for (name, column) in [("Gone", "active = false"), ("Desk", "shared_address = true")] {
        let who = person(&house.admin, name, None, &[]).await.actor.person;
        let sql = format!("UPDATE drydock.person SET {column} WHERE id = '{who}'");
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&house.admin).await.expect("changed");
    }
    let window = house.proposed(3).await;
    // Egon wrote it; Sten leads nothing; Fritz is away.
    office.away(&house.foreigner, "").await;
    for (giver, to) in [
        (sten, "nobody"),
        (sten, "no address"),
        (sten, "sten"),
        (sten, "gone"),
        (sten, "desk"),
        (sten, "egon"),
        (sten, "fritz"),
        (lena, "sten"),
        (lena, "dario"),
        (lena, "mara"),
    ] {
        assert_eq!(code(give(house, giver, window.number, to).await), "delegate", "{to}");
    }
    assert_eq!(house.count("SELECT count(*) FROM drydock.delegation").await, 0, "what was refused left nothing");
    give(house, sten, window.number, "mara").await.expect("given");
    assert_eq!(code(give(house, sten, window.number, "mara").await), "delegate", "asked already");
    assert_eq!(code(give(house, mara.actor.person, window.number, "nora").await), "not_your_seat", "a delegate passes nothing on");
    give(house, sten, window.number, "nora").await.expect("somebody else");
    assert_eq!(code(office.vote_by_link(mara.actor.person, window.number).await), "not_eligible", "named no more");
    let nora = sqlx::query_scalar("SELECT id FROM drydock.person WHERE name = 'Nora'").fetch_one(&house.admin).await.expect("her");
    office.vote_by_link(PersonId(nora), window.number).await.expect("in the place of Sten");
    assert_eq!(code(give(house, sten, window.number, "mara").await), "voted_in_place");

    let stale = Input { digest: "00".repeat(32), delegate: "mara@example.org".into(), ..Input::default() };
    let secret = house.secret("approval_needed", sten).await;
    assert_eq!(code(delegate_vote(&house.engine, &secret, None, &stale, "r").await), "stale_plan");
    assert_eq!(code(delegate_vote(&house.engine, "unknown", None, &stale, "r").await), "not_found");
    // Another plan asks him anew, and knows of no delegate.
    let form = domain::proposal::ProposalForm { reason: "something else".into(), ..house.form(3) };
    amend_window(&house.engine, &house.engineer, window.number, 1, &form, None).await.expect("edited");
    let about = links::page(&house.engine, &house.secret("approval_needed", sten).await, None).await.expect("a page").about;
    assert_eq!(about.delegate, None);
    let input = Input { digest: house.digest(window.number).await.hex(), delegate: "mara@example.org".into(), ..Input::default() };
    assert_eq!(code(delegate_vote(&house.engine, &secret, None, &input, "r").await), "link_spent", "the older mail gives nothing");
}

#[tokio::test]
async fn whoever_did_not_say_it_takes_it_back_with_what_was_decided_by_it() {
    let office = Office::new().await;
    let house = &office.house;
    let (sten, mara) = (house.stakeholder.actor.person, person(&house.admin, "Mara", None, &[]).await.actor.person);
    let window = house.proposed(3).await;
    give(house, sten, window.number, "mara").await.expect("by whoever holds the link");
    let hers = house.secret("approval_needed", mara).await;
    office.vote_by_link(mara, window.number).await.expect("in the place of Sten");
    assert_eq!(office.vote(&house.lead, window.number).await.expect("the other seat").state, WindowState::Approved);

    let secret = house.secret("delegated", sten).await;
    let page = links::page(&house.engine, &secret, None).await.expect("his page");
    assert_eq!(page.answer, Answer::TakeBack("Mara".into()));
    let typed = Objection { short_name: "prod-orders".into() };
    let state = object_to_vote(&house.engine, &secret, &typed, "r").await.expect("taken back");
    assert_eq!(state, WindowState::Proposed, "it was approved by that vote");
    assert_eq!(have(house, window.number, 0).await, []);
    assert_eq!(office.told("vote_recorded").await, ["Lena", "Mara", "Mara"], "she hears that hers is gone, too");
    let said = "SELECT count(*) FROM drydock.fact WHERE action IN ('vote.delegate_end', 'vote.withdraw', 'window.lose_quorum')";
    assert!(house.count(said).await >= 2);
    assert_eq!(house.count("SELECT count(*) FROM drydock.delegation WHERE ended_reason LIKE '%this was not me%'").await, 1);
    assert_eq!(code(object_to_vote(&house.engine, &secret, &typed, "r").await), "link_spent", "once");
    let digest = house.digest(window.number).await.hex();
    let again = Decision { decision: "approve".into(), digest, short_name: "prod-orders".into(), ..Decision::default() };
    assert_eq!(code(cast_vote_by_link(&house.engine, &hers, None, &again, "r").await), "not_eligible");
}

#[tokio::test]
async fn what_was_not_them_goes_whole_whatever_they_decided_since() {
    let office = Office::new().await;
    let house = &office.house;
    let (sten, mara) = (house.stakeholder.actor.person, person(&house.admin, "Mara", None, &[]).await.actor.person);
    let window = house.proposed(3).await;
    give(house, sten, window.number, "mara").await.expect("by whoever holds the link");
    office.vote_by_link(mara, window.number).await.expect("in the place of Sten");
    office.vote_by_link(sten, window.number).await.expect("himself");
    assert_eq!(have(house, window.number, 0).await, [sten]);
    let typed = Objection { short_name: "prod-orders".into() };
    object_to_vote(&house.engine, &house.secret("delegated", sten).await, &typed, "r").await.expect("taken back");
    assert_eq!(have(house, window.number, 0).await, [], "the vote in his place does not come back");
    assert_eq!(house.count("SELECT count(*) FROM drydock.delegation WHERE ended_at IS NULL").await, 0);
}

#[tokio::test]
async fn a_delegation_goes_with_the_links_of_whoever_gave_it_and_mailboxes_are_not_flooded() {
    let office = Office::new().await;
    let house = &office.house;
    let sten = house.stakeholder.actor.person;
    for name in ["Mara", "Nora", "Olga", "Pia"] {
        person(&house.admin, name, None, &[]).await;
    }
    let window = house.proposed(3).await;
    for name in ["mara", "nora", "olga"] {
        give(house, sten, window.number, name).await.expect("given");
    }
    assert_eq!(code(give(house, sten, window.number, "pia").await), "too_many_delegates");
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action = 'vote.delegate_end'").await, 2);
    let why = deactivate_person::Input { reason: "left".into() };
    deactivate_person(&house.engine, &office.admin, sten, &why, &deactivate_person::Heirs::new()).await.expect("deactivated");
    assert_eq!(house.count("SELECT count(*) FROM drydock.delegation WHERE ended_at IS NULL").await, 0);
}

#[tokio::test]
async fn what_a_code_opens_is_given_away_with_one() {
    let town = Town::new().await;
    let house = &town.house;
    let sten = house.stakeholder.actor.person;
    person(&house.admin, "Mara", None, &[]).await;
    town.adopted(1, &[("rule2_who", ""), ("rule1_known", "link_code")]).await;
    let number = house.proposed(3).await.number;
    assert_eq!(code(give(house, sten, number, "mara").await), "delegate_code");
    let secret = house.secret("approval_needed", sten).await;
    let digest = house.digest(number).await.hex();
    let browser: SecretString = mail_code(&house.engine, &secret, &digest, "r").await.expect("a code").browser;
    let digits = house.secret("vote_code", sten).await;
    let input =
        |digits: &str| Input { digest: digest.clone(), delegate: "mara@example.org".into(), delegate_code: digits.to_owned().into() };
    let wrong = if digits == "000000" { "000001" } else { "000000" };
    assert_eq!(code(delegate_vote(&house.engine, &secret, Some(&browser), &input(wrong), "r").await), "delegate_code");
    assert_eq!(house.count("SELECT tries::bigint FROM drydock.vote_code").await, 1, "counted");
    delegate_vote(&house.engine, &secret, Some(&browser), &input(&digits), "r").await.expect("given");
    let with = "SELECT count(*) FROM drydock.delegation d JOIN drydock.vote_code c ON c.id = d.code_id AND c.used_at IS NOT NULL";
    assert_eq!(house.count(with).await, 1);
}

#[tokio::test]
async fn whoever_holds_a_link_cannot_redirect_what_an_account_has_to_decide() {
    let house = House::new().await;
    for who in [&house.foreigner, &house.stakeholder] {
        with_account(&house, who).await;
    }
    let mut policy = Policy::standard();
    policy.rules.truncate(1);
    policy.rules[0].assurance = Assurance::Account;
    house.ruled_by("Signed in", "production", &policy).await;
    let number = house.proposed(3).await.number;
    let refused = code(give(&house, house.stakeholder.actor.person, number, "fritz").await);
    assert_eq!(refused, "sign_in_needed", "not even to somebody who has one");
}

#[tokio::test]
async fn whoever_lets_somebody_decide_is_not_reminded() {
    let office = Office::new().await;
    let house = &office.house;
    person(&house.admin, "Mara", None, &[]).await;
    let number = house.proposed(3).await.number;
    give(house, house.stakeholder.actor.person, number, "mara").await.expect("given");
    sqlx::query("UPDATE drydock.revision_stage SET remind_every_min = 60").execute(&house.admin).await.expect("reminders");
    sqlx::query("UPDATE drydock.window SET state_at = now() - interval '61 minutes', asked_at = now() - interval '61 minutes'")
        .execute(&house.admin)
        .await
        .expect("an hour passed");
    engine::scheduler::tick(&worker(house).await).await.expect("ticks");
    assert_eq!(office.told("approval_needed").await, ["Dario", "Dario", "Lena", "Lena", "Mara", "Mara", "Sten"]);
}
