//! Freezing from the page, and what the other pages say meanwhile.

use crate::browser::{ORIGIN, Place};
use crate::house::{House, person};
use crate::pages::{Browser, settle};
use domain::people::GlobalRole;
use http::{Method, StatusCode};

const REASON: &str = "the books are closed <b>";

#[tokio::test]
async fn a_lead_freezes_what_the_team_owns_and_everybody_concerned_reads_it() {
    let house = House::new().await;
    settle(&house).await;
    let number = house.proposed(3).await.number;
    let digest = house.digest(number).await.hex();
    let mut lead = Browser::of(&house, &house.lead).await;
    let empty = lead.get("/freezes").await;
    assert!(empty.body.contains("No freezes") && empty.body.contains("/freezes/new"), "{}", empty.body);
    let form = lead.get("/freezes/new").await.body;
    assert!(form.contains("Databases of orders") && !form.contains("environment:production"), "a lead's choices: {form}");

    let team = format!("team:{}", house.team);
    let (from, to) = (house.form(2).date, house.form(5).date);
    let fields = [
        ("name", "Year end"),
        ("covers", team.as_str()),
        ("from_date", from.as_str()),
        ("to_date", to.as_str()),
        ("zone", "Europe/Berlin"),
        ("reason", REASON),
        ("_back", "/freezes/new"),
    ];
    let wrong: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, if *name == "to_date" { "soon" } else { value })).collect();
    let refused = lead.post("/freezes/new", &wrong).await;
    assert_eq!((refused.status, refused.to.as_str()), (StatusCode::SEE_OTHER, "/freezes/new"));
    let again = lead.get("/freezes/new").await.body;
    assert!(again.contains("Give a date as YYYY-MM-DD") && again.contains("the books are closed &lt;b&gt;"), "typed text stays: {again}");
    let made = lead.post("/freezes/new", &fields).await;
    assert!(made.to.starts_with("/freezes/"), "{} {}", made.to, made.body);
    let page = lead.get(&made.to).await.body;
    for part in ["Frozen. Owners of windows", "Databases of orders", "Coming", "Windows it meets", "Move the end", "Call the freeze off"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(page.contains(&format!("/windows/{number}")) && page.contains("the books are closed &lt;b&gt;"), "{page}");

    let mut engineer = Browser::of(&house, &house.engineer).await;
    let list = engineer.get("/windows").await.body;
    assert!(list.contains("freeze: Year end"), "{list}");
    let window = engineer.get(&format!("/windows/{number}")).await.body;
    assert!(window.contains("The freeze “Year end” of Lena covers this database") && window.contains("Keeps this window"), "{window}");
    assert!(!window.contains("Let it pass"), "an engineer does not offer it to himself: {window}");
    let read = engineer.get(&made.to).await.body;
    assert!(!read.contains("Move the end"), "{read}");
    assert!(engineer.get("/freezes/new").await.body.contains("You may not freeze this"));

    // Nothing is planned into it, and the refusal names free times.
    let mut plan = house.form(3).fields();
    plan.push(("_back".into(), "/windows/new?database=prod-orders".into()));
    let plan: Vec<(&str, &str)> = plan.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let refused = engineer.post("/windows/new/preview", &plan).await;
    let back = engineer.get(&refused.to).await.body;
    assert!(back.contains("The freeze “Year end” covers this database from") && back.contains("The next free starts"), "{back}");
    assert!(back.contains("Freezes over this database"), "beside the form: {back}");
    let said = engineer
        .post(
            "/api/check_times",
            &[("database", "prod-orders"), ("date", &house.form(3).date), ("time", "02:00"), ("fold", ""), ("duration_min", "60")],
        )
        .await;
    assert!(said.body.contains("The freeze “Year end” covers the database from"), "{}", said.body);

    // An administrator lets this plan pass, and takes it back.
    let admin = person(&house.admin, "Anton", None, &[GlobalRole::Admin]).await;
    let mut admin = Browser::of(&house, &admin).await;
    let id = made.to.trim_start_matches("/freezes/").to_owned();
    let here = format!("/windows/{number}/override/{id}");
    let shown = admin.get(&format!("/windows/{number}")).await.body;
    assert!(shown.contains(&here) && shown.contains("Let it pass"), "{shown}");
    let on_page = format!("/windows/{number}");
    admin.post(&here, &[("digest", &digest), ("short_name", "wrong"), ("reason", "it cannot wait"), ("_back", &on_page)]).await;
    let typed = admin.get(&on_page).await.body;
    assert!(typed.contains("Type the short name of the database to confirm: prod-orders") && typed.contains("it cannot wait"), "{typed}");
    admin.post(&here, &[("digest", &digest), ("short_name", "prod-orders"), ("reason", "it cannot wait")]).await;
    let passed = engineer.get(&on_page).await.body;
    assert!(passed.contains("May pass") && passed.contains("Anton") && !passed.contains("covers this database"), "{passed}");
    assert!(!engineer.get("/windows").await.body.contains("freeze: Year end"));
    admin.post(&format!("{here}/withdraw"), &[("reason", "it can wait")]).await;
    assert!(engineer.get("/windows").await.body.contains("freeze: Year end"));

    // Moved and called off.
    let moved = house.form(6).date;
    lead.post(
        &format!("{}/end", made.to),
        &[("to_date", &moved), ("to_time", "12:00"), ("reason", "the audit takes longer"), ("revision", "1")],
    )
    .await;
    assert!(lead.get(&made.to).await.body.contains("Its end was moved."));
    let mut stranger = Browser::of(&house, &house.foreigner).await;
    assert_eq!(stranger.get(&made.to).await.status, StatusCode::NOT_FOUND);
    lead.post(&format!("{}/lift", made.to), &[("reason", "the audit is done")]).await;
    let over = lead.get("/freezes").await.body;
    assert!(over.contains("Past") && over.contains("the audit is done"), "{over}");
    assert!(!engineer.get("/windows").await.body.contains("freeze: Year end"));
}

/// A form with a chosen file, as a browser sends it.
fn with_file(fields: &[(&str, &str)], file: &str) -> String {
    let plain: String = fields
        .iter()
        .map(|(name, value)| format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"))
        .collect();
    format!(
        "{plain}--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"days.ics\"\r\nContent-Type: text/calendar\r\n\r\n{file}\r\n--edge--\r\n"
    )
}

#[tokio::test]
async fn a_calendar_file_is_looked_at_and_becomes_freezes() {
    let (place, mut ada) = Place::set_up().await;
    let form = ada.get("/freezes/import").await.body;
    assert!(form.contains("multipart/form-data") && form.contains("type=\"file\"") && form.contains("Everything"), "{form}");
    let event = |uid: &str, rest: &str| format!("BEGIN:VEVENT\r\nUID:{uid}\r\nSUMMARY:<b>Holiday</b> {uid}\r\n{rest}\r\nEND:VEVENT\r\n");
    let file = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}{}{}END:VCALENDAR\r\n",
        event("one", "DTSTART;VALUE=DATE:20981225"),
        event("two", "DTSTART:20200101T000000Z\r\nDTEND:20200102T000000Z"),
        event("three", "DTSTART;VALUE=DATE:20980101\r\nRRULE:FREQ=YEARLY"),
    );
    let fields = [("covers", "everything"), ("database", ""), ("zone", "Europe/Berlin"), ("ics", ""), ("_back", "/freezes/import")];
    let headers = [("sec-fetch-site", "same-origin"), ("origin", ORIGIN), ("content-type", "multipart/form-data; boundary=edge")];
    let none = ada.send(Method::POST, "/freezes/import", &headers, with_file(&fields, "name;date")).await;
    assert_eq!((none.status, none.to()), (StatusCode::SEE_OTHER, "/freezes/import"));
    let said = ada.get("/freezes/import").await.body;
    assert!(said.contains("This is no calendar file") && !said.contains("too long to be kept"), "{said}");
    let looked = ada.send(Method::POST, "/freezes/import", &headers, with_file(&fields, &file)).await;
    assert!(looked.to().starts_with("/freezes/import/"), "{} {}", looked.to(), looked.body);
    let here = looked.to().to_owned();
    let page = ada.get(&here).await.body;
    for part in ["4 events become", "&lt;b&gt;Holiday&lt;/b&gt; one", "Is over.", "2100-01-01", "Freeze these times"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert_eq!(place.count("SELECT count(*) FROM drydock.freeze").await, 0, "nothing is frozen by looking");
    let done = ada.post(&here, &[]).await;
    assert_eq!((done.status, done.to()), (StatusCode::SEE_OTHER, "/freezes"), "{}", done.body);
    assert!(ada.get("/freezes").await.body.contains("4 freezes were made."));
    assert_eq!(ada.get(&here).await.status, StatusCode::NOT_FOUND, "it is done");
    // Pasted once more: known.
    let mut pasted = fields.map(|(name, value)| (name, if name == "ics" { file.as_str() } else { value })).to_vec();
    pasted.push(("file", ""));
    let again = ada.post("/freezes/import", &pasted).await;
    let page = ada.get(again.to()).await.body;
    assert!(page.contains("Was imported before: nothing to do.") && !page.contains("Freeze these times"), "{page}");
}

#[tokio::test]
async fn a_list_of_many_freezes_leads_on_and_the_calendar_says_what_it_leaves_out() {
    let house = House::new().await;
    settle(&house).await;
    sqlx::query(
        "INSERT INTO drydock.freeze (id, name, reason, scope, zone, start_at, end_at, created_by)
         SELECT gen_random_uuid(), 'Release ' || n, 'closed', 'everything', 'Etc/UTC', '2031-01-10T00:00Z'::timestamptz + make_interval(mins => n), '2031-01-11T00:00Z', $1 FROM generate_series(1, 201) n",
    )
    .bind(house.lead.actor.person.0)
    .execute(&house.admin)
    .await
    .expect("freezes");
    let mut engineer = Browser::of(&house, &house.engineer).await;
    let first = engineer.get("/freezes").await.body;
    assert!(first.contains(">Release 200<") && !first.contains(">Release 201<"), "{first}");
    let to =
        first.split("href=\"").find(|rest| rest.starts_with("/freezes?after=")).and_then(|rest| rest.split('"').next()).expect("a link on");
    let second = engineer.get(to).await.body;
    assert!(second.contains(">Release 201<") && !second.contains(">Release 200<") && !second.contains("Later freezes"), "{second}");
    let calendar = engineer.get("/calendar?date=2031-01-10").await.body;
    assert!(calendar.contains("These are the first 200 freezes of these days"), "{calendar}");
}
