//! Several databases in one window, from the page on, without script: chosen in waves, looked at, sealed, decided by link, and acted on as a whole.

use crate::house::House;
use crate::pages::{Browser, settle};
use domain::proposal::ProposalForm;
use http::StatusCode;

/// The house with `staging-orders` beside `prod-orders`, both with one tag.
async fn house() -> House {
    let house = House::new().await;
    sqlx::query(
        "INSERT INTO drydock.target (id, team_id, short_name, name, dbms, host, port, database, username, tls, environment, zone, on_call, state, identity, tags, created_by)
         SELECT gen_random_uuid(), team_id, 'staging-orders', 'Orders, staging', dbms, host, port, 'staging', username, tls, 'staging', zone, on_call, state, jsonb_build_object('system_identifier', '9', 'database', 'staging', 'database_oid', 7), '{orders}', created_by
         FROM drydock.target",
    )
    .execute(&house.admin)
    .await
    .expect("registered");
    sqlx::query("INSERT INTO drydock.target_stakeholder (target_id, person_id) SELECT t.id, $1 FROM drydock.target t WHERE t.short_name = 'staging-orders'")
        .bind(house.stakeholder.actor.person.0)
        .execute(&house.admin)
        .await
        .expect("a stakeholder");
    sqlx::query("UPDATE drydock.target SET tags = '{orders}'").execute(&house.admin).await.expect("tagged");
    settle(&house).await;
    house
}

fn fields(form: &ProposalForm, back: &str) -> Vec<(String, String)> {
    form.fields().into_iter().chain([("_back".to_owned(), back.to_owned())]).collect()
}

fn borrowed(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[tokio::test]
async fn databases_are_chosen_in_waves_and_what_was_typed_stays() {
    let house = house().await;
    let mut engineer = Browser::of(&house, &house.engineer).await;
    let first = engineer.get("/windows/new").await.body;
    assert!(first.contains("href=\"/windows/new?database=prod-orders&amp;tag=orders\""), "{first}");
    let alone = engineer.get("/windows/new?database=prod-orders").await.body;
    assert!(alone.contains("name=\"wave.staging-orders\"") && !alone.contains("<details open"), "{alone}");
    let tagged = engineer.get("/windows/new?database=prod-orders&tag=orders").await.body;
    assert!(tagged.contains("Who must approve: prod-orders, staging-orders"), "{tagged}");

    let here = "/windows/new?database=prod-orders";
    let mut form = house.form(3);
    form.waves = [("prod-orders", "2"), ("staging-orders", "first")].map(|(name, wave)| (name.to_owned(), wave.to_owned())).into();
    form.soak_min = "30".into();
    let wrong = fields(&form, here);
    engineer.post("/windows/new/preview", &borrowed(&wrong)).await;
    let again = engineer.get(here).await.body;
    assert!(again.contains("Give its wave as a number from 1 to 20") && again.contains("value=\"30\""), "{again}");

    form.waves.insert("staging-orders".into(), "1".into());
    let good = fields(&form, here);
    let looked = engineer.post("/windows/new/preview", &borrowed(&good)).await;
    assert_eq!(looked.status, StatusCode::SEE_OTHER);
    let seal = engineer.get(&looked.to).await.body;
    assert!(seal.contains("Wave 1") && seal.contains("was watched for 30 minutes"), "{seal}");
    assert_eq!(seal.matches("What would be done now on ").count(), 2, "{seal}");

    let done = engineer.post("/windows/new", &borrowed(&good)).await;
    let page = engineer.get(&done.to).await.body;
    assert!(page.contains("3 people were asked"), "{page}");
    assert!(page.contains("href=\"/windows/1#databases\""), "{page}");
    assert!(page.contains("Wave 1: staging-orders. Wave 2: prod-orders."), "{page}");
    let asked = Browser::of(&house, &house.lead).await.get(&done.to).await.body;
    assert!(asked.contains("It stands for all 2 databases of the plan"), "{asked}");
    assert!(engineer.get("/windows").await.body.contains("prod-orders and 1 more"));
}

#[tokio::test]
async fn nothing_that_runs_is_held_or_stopped_where_nothing_runs() {
    let house = house().await;
    let mut engineer = Browser::of(&house, &house.engineer).await;
    let mut form = house.form(3);
    form.waves.insert("staging-orders".into(), "2".into());
    let good = fields(&form, "/windows/new?database=prod-orders");
    let to = engineer.post("/windows/new", &borrowed(&good)).await.to;
    for act in ["hold", "stop"] {
        let typed = [("short_name", "prod-orders"), ("reason", "the shop is slow"), ("_back", to.as_str())];
        engineer.post(&format!("{to}/{act}"), &typed).await;
        let said = engineer.get(&to).await.body;
        assert!(said.contains("at the moment."), "{act}: {said}");
    }
}
