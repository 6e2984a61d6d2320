//! Pages about people, through the whole router: leaving with a hand-over, places in teams, watching, the own choice of mail, the list.

use crate::house::{House, person};
use crate::pages::{Browser, settle};
use domain::notice::topics::Topic;
use domain::people::GlobalRole;
use http::StatusCode;

/// What a page says, without the marks the renderer leaves between texts.
fn plain(body: &str) -> String {
    body.replace("<!>", "")
}

async fn administered() -> (House, Browser) {
    let house = House::new().await;
    settle(&house).await;
    let berta = person(&house.admin, "Berta", None, &[GlobalRole::Admin]).await;
    let browser = Browser::of(&house, &berta).await;
    (house, browser)
}

#[tokio::test]
async fn whoever_leaves_hands_over_on_one_page_and_nothing_typed_is_lost() {
    let (house, mut berta) = administered().await;
    let number = house.proposed(5).await.number;
    let (egon, dario) = (house.engineer.actor.person, house.deputy.actor.person);
    let page = format!("/people/{egon}/deactivate");
    let shown = berta.get(&page).await;
    let field = format!("owner-{number}");
    assert!(shown.body.contains(&format!("name=\"{field}\"")) && shown.body.contains("Choose a person"), "{}", shown.body);

    let refused = berta.post(&page, &[("reason", "left the company"), (&field, ""), ("_back", &page)]).await;
    assert_eq!((refused.status, refused.to.as_str()), (StatusCode::SEE_OTHER, page.as_str()));
    let again = berta.get(&page).await;
    assert!(
        again.body.contains(&format!("Choose who answers for window #{number} from now on.")) && again.body.contains("left the company")
    );

    let done = berta.post(&page, &[("reason", "left the company"), (&field, &dario.to_string()), ("_back", &page)]).await;
    assert_eq!(done.to, format!("/people/{egon}"));
    let after = berta.get(&done.to).await;
    assert!(after.body.contains(&format!("Handed over, and the new owners are told: #{number}.")), "{}", after.body);
    assert!(after.body.contains("Reactivate"));
    berta.post(&format!("/people/{egon}/reactivate"), &[]).await;
    assert!(berta.get(&format!("/people/{egon}")).await.body.contains("Votes count from"));

    let mut lead = Browser::of(&house, &house.lead).await;
    assert_eq!(lead.get(&page).await.status, StatusCode::FORBIDDEN);
    assert!(plain(&lead.get(&format!("/windows/{number}")).await.body).contains("<dt>Owner</dt><dd>Dario</dd>"));
}

#[tokio::test]
async fn an_edit_says_that_the_vote_rests_and_the_window_that_it_is_not_counted() {
    let (house, mut berta) = administered().await;
    let number = house.proposed(5).await.number;
    let sten = house.stakeholder.actor.person;
    let edit = format!("/people/{sten}/edit");
    let fields = [("name", "Sten"), ("email", "sten@new.example"), ("zone", "Europe/Berlin"), ("_back", edit.as_str())];
    let done = berta.post(&edit, &fields).await;
    assert!(berta.get(&done.to).await.body.contains("No vote of this person counts for 24 hours."));
    let mut egon = Browser::of(&house, &house.engineer).await;
    let page = plain(&egon.get(&format!("/windows/{number}")).await.body);
    assert!(page.contains("Sten does not count: the address was changed within the last 24 hours, counts from "), "{page}");
    let named = [("name", "Sten"), ("email", "dba@new.example"), ("zone", "Europe/Berlin"), ("_back", edit.as_str())];
    let done = berta.post(&edit, &named).await;
    assert!(berta.get(&done.to).await.body.contains("named after a function, so it stays marked as shared"));
}

#[tokio::test]
async fn everybody_chooses_their_mail_and_learns_what_always_comes() {
    let (house, _) = administered().await;
    let mut egon = Browser::of(&house, &house.engineer).await;
    let page = egon.get("/me").await.body;
    assert!(page.contains("A decision in your name was recorded") && page.contains("this was not me"), "{page}");
    for way in ["mail", "page"] {
        let boxes = page.matches(&format!("checked name=\"{way}\"")).count() + page.matches(&format!("name=\"{way}\" value")).count();
        assert_eq!(boxes, Topic::ALL.len(), "{way}: {page}");
    }
    let done = egon.post("/me/notices", &[("mail", "asked"), ("mail", "trouble"), ("page", "outcome"), ("_back", "/me")]).await;
    assert_eq!(done.to, "/me#notices");
    assert_eq!(house.count("SELECT count(*) FROM drydock.notice_off").await, i64::try_from(2 * Topic::ALL.len() - 3).expect("few"));
    assert!(egon.get("/me").await.body.contains("Saved. Messages that were on their way"));
}

#[tokio::test]
async fn watching_is_one_button_and_adding_others_is_for_the_team() {
    let (house, _) = administered().await;
    let number = house.proposed(5).await.number;
    let window = format!("/windows/{number}");
    let mut sten = Browser::of(&house, &house.stakeholder).await;
    let page = plain(&sten.get(&window).await.body);
    assert!(page.contains("Nobody watches this window") && !page.contains("Add somebody"), "{page}");
    assert_eq!(sten.post(&format!("{window}/watchers"), &[]).await.to, format!("{window}#watchers"));
    assert!(sten.get(&window).await.body.contains("Stop watching"));
    let mut egon = Browser::of(&house, &house.engineer).await;
    egon.post(&format!("{window}/watchers/add"), &[("email", "ops@example.org"), ("name", "Operations")]).await;
    let page = plain(&egon.get(&window).await.body);
    assert!(page.contains("Operations") && page.contains("Shared mailbox") && page.contains("Remove Operations"), "{page}");
    let database = format!("/databases/{}", house.target);
    sten.post(&format!("{database}/watchers"), &[]).await;
    assert!(sten.get(&database).await.body.contains("Stop watching"));
    let mut fritz = Browser::of(&house, &house.foreigner).await;
    assert_eq!(fritz.post(&format!("{window}/watchers"), &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_lead_sees_forms_for_the_places_he_may_give() {
    let (house, mut berta) = administered().await;
    let team = format!("/teams/{}", house.team);
    let mut lena = Browser::of(&house, &house.lead).await;
    let page = plain(&lena.get(&team).await.body);
    assert!(page.contains("Change Egon") && page.contains("Change Sten"), "{page}");
    assert!(
        !page.contains("Change Lena") && !page.contains("Change Dario") && !page.contains("name=\"deputy\""),
        "approvers are an administrator's"
    );
    let all = berta.get(&team).await.body;
    assert!(all.contains("Change Lena") && all.contains("name=\"deputy\""));
    let mut sten = Browser::of(&house, &house.stakeholder).await;
    assert!(!sten.get(&team).await.body.contains("Change Egon"));
}

#[tokio::test]
async fn the_list_of_people_is_narrowed_by_team_and_kind() {
    let (house, mut berta) = administered().await;
    sqlx::query(
        "INSERT INTO drydock.person (id, name, email, shared_address) VALUES (gen_random_uuid(), 'Operations', 'ops@example.org', true)",
    )
    .execute(&house.admin)
    .await
    .expect("a mailbox");
    let mut listed = async |query: &str| berta.get(&format!("/people?{query}")).await.body;
    let shared = listed("kind=shared").await;
    assert!(shared.contains("ops@example.org") && !shared.contains("egon@example.org"));
    let team = listed(&format!("team={}&kind=", house.team)).await;
    assert!(team.contains("egon@example.org") && team.contains("sten@example.org") && !team.contains("fritz@example.org"));
    let global = listed("kind=global").await;
    assert!(global.contains("audra@example.org") && !global.contains("egon@example.org"));
    assert!(listed("kind=inactive").await.contains("Nobody found"));
    assert!(listed("q=ego&kind=contact").await.contains("egon@example.org"));
}

#[tokio::test]
async fn a_new_address_is_asked_for_with_the_password_and_confirmed_behind_the_link() {
    let (house, _) = administered().await;
    let mut egon = Browser::of(&house, &house.engineer).await;
    let wrong = egon.post("/me/address", &[("email", "egon@new.example"), ("password", "not it"), ("_back", "/me")]).await;
    assert_eq!(wrong.to, "/me");
    let shown = egon.get("/me").await.body;
    assert!(shown.contains("egon@new.example") && shown.contains("error-summary") && !shown.contains("not it"), "{shown}");
    let asked = egon.post("/me/address", &[("email", "egon@new.example"), ("password", "a long enough password"), ("_back", "/me")]).await;
    assert_eq!(asked.to, "/me#address");
    assert!(plain(&egon.get("/me").await.body).contains("A link was mailed to egon@new.example"));

    let page = format!("/address/{}", house.secret("confirm_address", house.engineer.actor.person).await);
    let mut anybody = Browser::new(&house);
    let looked = anybody.get(&page).await;
    assert!(looked.body.contains("Is this your address, Egon?") && looked.body.contains("egon@example.org"), "{}", looked.body);
    assert_eq!(house.count("SELECT count(*) FROM drydock.person WHERE email = 'egon@example.org'").await, 1, "looking changes nothing");
    let done = anybody.post(&page, &[]).await;
    assert!(done.body.contains("Your address is changed"), "{}", done.body);
    assert_eq!(house.count("SELECT count(*) FROM drydock.person WHERE email = 'egon@new.example'").await, 1);
    for spent in [anybody.get(&page).await, anybody.post(&page, &[]).await, anybody.get("/address/unknown").await] {
        assert_eq!(spent.status, StatusCode::NOT_FOUND);
        assert!(spent.body.contains("This link does not work"));
    }
    assert!(egon.get("/me").await.body.contains("egon@new.example"), "the session goes on");
}
