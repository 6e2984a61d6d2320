//! People whose address, role or password was changed: refused with the reason, shown on the page, heard again later; and the last administrator.

use crate::house::{House, code, person};
use domain::ids::PersonId;
use domain::people::{GlobalRole, TeamRole};
use domain::permission::Member;
use engine::actions::cast_vote::{Input, Outcome, cast_vote, cast_vote_by_link};
use engine::actions::deactivate_person::{Heirs, Input as Leaving, deactivate_person};
use engine::actions::{Caller, edit_person, propose_window::propose_window, set_member};
use engine::queries;
use sqlx::Connection as _;

pub async fn account(house: &House, person: PersonId) {
    sqlx::query("INSERT INTO drydock.account (person_id, password_hash) VALUES ($1, '$argon2id$x') ON CONFLICT DO NOTHING")
        .bind(person.0)
        .execute(&house.admin)
        .await
        .expect("an account");
}

/// An administrator with an account, who typed the password lately.
pub async fn administrator(house: &House, name: &str) -> Caller {
    let mut caller = person(&house.admin, name, None, &[GlobalRole::Admin]).await;
    account(house, caller.actor.person).await;
    caller.actor.elevated = true;
    caller
}

async fn approve(house: &House, who: &Caller, number: i64) -> engine::Result<Outcome> {
    let digest = house.digest(number).await.hex();
    cast_vote(
        &house.engine,
        who,
        number,
        &Input { decision: "approve".into(), digest, short_name: "prod-orders".into(), ..Input::default() },
    )
    .await
}

fn renamed(name: &str, email: &str) -> edit_person::Input {
    edit_person::Input { name: name.into(), email: email.into(), zone: "Europe/Berlin".into(), ..edit_person::Input::default() }
}

/// Moves everything that was changed into the past, as if that time had gone by.
async fn hours_later(house: &House, hours: i32) {
    let mut db = house.admin.acquire().await.expect("connects");
    let mut all = db.begin().await.expect("begins");
    for sql in [
        "ALTER TABLE drydock.person DISABLE TRIGGER person_guard",
        "ALTER TABLE drydock.identity_change DISABLE TRIGGER identity_change_append_only",
    ] {
        sqlx::query(sql).execute(&mut *all).await.expect("a superuser");
    }
    sqlx::query("UPDATE drydock.person SET may_vote_from = may_vote_from - make_interval(hours => $1) WHERE isfinite(may_vote_from)")
        .bind(hours)
        .execute(&mut *all)
        .await
        .expect("moved");
    sqlx::query("UPDATE drydock.window SET created_at = created_at - make_interval(hours => $1)")
        .bind(hours)
        .execute(&mut *all)
        .await
        .expect("moved");
    sqlx::query("UPDATE drydock.identity_change SET at = at - make_interval(hours => $1)")
        .bind(hours)
        .execute(&mut *all)
        .await
        .expect("moved");
    for sql in [
        "ALTER TABLE drydock.person ENABLE ALWAYS TRIGGER person_guard",
        "ALTER TABLE drydock.identity_change ENABLE ALWAYS TRIGGER identity_change_append_only",
    ] {
        sqlx::query(sql).execute(&mut *all).await.expect("a superuser");
    }
    all.commit().await.expect("moved");
}

#[tokio::test]
async fn a_new_address_rests_the_vote_for_a_day_and_ends_the_links_to_the_old_one() {
    let house = House::new().await;
    let adele = administrator(&house, "Adele").await;
    let sten = house.stakeholder.actor.person;
    let window = house.proposed(5).await;
    let secret = house.secret("approval_needed", sten).await;
    let edited = edit_person::edit_person(&house.engine, &adele, sten, &renamed("Sten", "sten@new.example")).await.expect("edited");
    assert!(edited.rests && edited.windows.is_empty());

    let refused = approve(&house, &house.stakeholder, window.number).await;
    let Err(engine::Error::Refused(refusal)) = refused else { panic!("{refused:?}") };
    assert_eq!(refusal.code, "votes_rest");
    assert!(refusal.message.contains("the address was changed within the last 24 hours; counts from 20"), "{}", refusal.message);
    let page = queries::windows::show(&house.engine, &house.engineer.actor, window.number, None).await.expect("a page");
    let silent = page.silent.get(&sten).expect("shown as not counting");
    assert!(silent.why.contains("address") && silent.until.is_some(), "{silent:?}");
    assert!(page.standing.rules.iter().all(|rule| !rule.waiting_for.contains(&sten)), "nobody waits for him today");
    let own = queries::windows::show(&house.engine, &house.stakeholder.actor, window.number, None).await.expect("a page");
    assert_eq!(own.offers.vote.why_not().map(|why| why.code.as_str()), Some("votes_rest"));

    hours_later(&house, 25).await;
    let digest = house.digest(window.number).await.hex();
    let input = Input { decision: "approve".into(), digest, short_name: "prod-orders".into(), ..Input::default() };
    let by_link = cast_vote_by_link(&house.engine, &secret, None, &input, "r").await;
    assert_eq!(code(by_link), "link_spent", "it went to a mailbox that is not his any more");
    approve(&house, &house.stakeholder, window.number).await.expect("heard again");
}

#[tokio::test]
async fn whom_an_author_changed_is_not_heard_on_his_windows_of_that_day_and_is_on_later_ones() {
    let house = House::new().await;
    let mut adele = administrator(&house, "Adele").await;
    sqlx::query("INSERT INTO drydock.membership (team_id, person_id, role) VALUES ($1, $2, 'engineer')")
        .bind(house.team.0)
        .bind(adele.actor.person.0)
        .execute(&house.admin)
        .await
        .expect("a member");
    adele.actor.teams.push(Member { team: house.team, role: TeamRole::Engineer, deputy: false });
    let (sten, lena) = (house.stakeholder.actor.person, house.lead.actor.person);
    account(&house, lena).await;
    let open = propose_window(&house.engine, &adele, &house.form(5), None).await.expect("proposed");
    edit_person::edit_person(&house.engine, &adele, sten, &renamed("Sten", "sten@new.example")).await.expect("edited");
    let leads = set_member::Input { person: lena.to_string(), role: "engineer".into(), deputy: "on".into() };
    set_member::set_member(&house.engine, &adele, house.team, &leads).await.expect("another role");
    hours_later(&house, 23).await;
    assert_eq!(code(propose_window(&house.engine, &adele, &house.form(6), None).await), "quorum_unreachable", "hers count on neither");

    hours_later(&house, 2).await;
    assert_eq!(code(approve(&house, &house.stakeholder, open.number).await), "changed_by_author");
    assert_eq!(code(approve(&house, &house.lead, open.number).await), "changed_by_author");
    let page = queries::windows::show(&house.engine, &house.engineer.actor, open.number, None).await.expect("a page");
    assert!(page.silent.get(&sten).is_some_and(|silent| silent.until.is_none() && silent.why.contains("Adele")), "{:?}", page.silent);

    let later = propose_window(&house.engine, &adele, &house.form(7), None).await.expect("proposed");
    approve(&house, &house.stakeholder, later.number).await.expect("a window of another day");
    let others = house.proposed(8).await;
    approve(&house, &house.stakeholder, others.number).await.expect("a window of somebody else");
}

#[tokio::test]
async fn a_first_role_counts_at_once_and_another_one_does_not() {
    let house = House::new().await;
    let adele = administrator(&house, "Adele").await;
    let (fresh, dario) = (person(&house.admin, "Frida", None, &[]).await.actor.person, house.deputy.actor.person);
    account(&house, fresh).await;
    account(&house, dario).await;
    for (who, role) in [(fresh, "lead"), (dario, "lead")] {
        let input = set_member::Input { person: who.to_string(), role: role.into(), deputy: String::new() };
        set_member::set_member(&house.engine, &adele, house.team, &input).await.expect("a role");
    }
    let resting: Vec<uuid::Uuid> = sqlx::query_scalar("SELECT id FROM drydock.person WHERE may_vote_from > now() + interval '23 hours'")
        .fetch_all(&house.admin)
        .await
        .expect("rows");
    assert_eq!(resting, [dario.0]);
}

#[tokio::test]
async fn two_administrators_who_end_each_other_leave_one() {
    let house = House::new().await;
    let (adele, bert) = (administrator(&house, "Adele").await, administrator(&house, "Bert").await);
    for round in 0..8 {
        let to_auditor = |name: &str, email: &str| edit_person::Input { global: vec!["auditor".into()], ..renamed(name, email) };
        let (of_bert, of_adele) = (to_auditor("Bert", "bert@example.org"), to_auditor("Adele", "adele@example.org"));
        let (a, b) = if round % 2 == 0 {
            let (a, b) = tokio::join!(
                edit_person::edit_person(&house.engine, &adele, bert.actor.person, &of_bert),
                edit_person::edit_person(&house.engine, &bert, adele.actor.person, &of_adele)
            );
            (a.map(drop), b.map(drop))
        } else {
            let (leaving, heirs) = (Leaving { reason: "left".into() }, Heirs::new());
            let (a, b) = tokio::join!(
                deactivate_person(&house.engine, &adele, bert.actor.person, &leaving, &heirs),
                edit_person::edit_person(&house.engine, &bert, adele.actor.person, &of_adele)
            );
            (a.map(drop), b.map(drop))
        };
        let lost: Vec<_> = [a, b].into_iter().filter(Result::is_err).map(code).collect();
        assert_eq!(lost, ["last_admin"], "round {round}");
        let left =
            "SELECT count(*) FROM drydock.global_role g JOIN drydock.person p ON p.id = g.person_id WHERE g.role = 'admin' AND p.active";
        assert_eq!(house.count(left).await, 1);
        sqlx::query("INSERT INTO drydock.global_role (person_id, role) SELECT id, 'admin' FROM drydock.person WHERE name IN ('Adele', 'Bert') ON CONFLICT DO NOTHING").execute(&house.admin).await.expect("again");
        sqlx::query("UPDATE drydock.person SET active = true, may_vote_from = now() + interval '25 hours' WHERE name IN ('Adele', 'Bert')")
            .execute(&house.admin)
            .await
            .expect("again");
    }
}

#[tokio::test]
async fn the_database_alone_makes_the_second_one_wait_and_lose() {
    let house = House::new().await;
    let (adele, bert) = (administrator(&house, "Adele").await.actor.person, administrator(&house, "Bert").await.actor.person);
    let end = |who: PersonId| sqlx::query("DELETE FROM drydock.global_role WHERE person_id = $1 AND role = 'admin'").bind(who.0);
    let mut first = house.engine.pool().acquire().await.expect("connects");
    let mut second = house.engine.pool().acquire().await.expect("connects");
    let mut one = first.begin().await.expect("begins");
    end(bert).execute(&mut *one).await.expect("the first may");
    let waiting = tokio::spawn(async move { end(adele).execute(&mut *second).await.map(drop) });
    let blocked = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    while house.count(blocked).await == 0 {
        tokio::task::yield_now().await;
    }
    one.commit().await.expect("the first is done");
    let lost = waiting.await.expect("joined").expect_err("the second loses");
    assert_eq!(lost.as_database_error().and_then(|error| error.constraint()), Some("last_admin_stays"), "{lost}");
}
