//! The audit pages and the evidence of one window through the whole router: who sees it, what it says, and that nothing hides in it.

use crate::house::House;
use crate::pages::{Browser, settle};
use domain::canonical::{Digest, digest};
use domain::fact::leaf;
use http::StatusCode;
use serde_json::Value;

/// The page without what every page has around it, and without the renderer's marks between pieces of text.
fn main_of(body: &str) -> String {
    body.split("<main").nth(1).and_then(|rest| rest.split("</main>").next()).unwrap_or_default().replace("<!>", "")
}

#[tokio::test]
async fn a_filter_that_cannot_be_read_shows_no_facts_and_says_what_to_type() {
    let house = House::new().await;
    settle(&house).await;
    house.proposed(3).await;
    let mut auditor = Browser::of(&house, &house.auditor).await;
    let wrong = auditor.get("/audit?from=garbage&to=2026-02-30&result=maybe&window=prod&address=home&actor=Egon").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let main = main_of(&wrong.body);
    for said in [
        "“garbage” is no time",
        "2026-11-29 02:00",
        "“2026-02-30” is no time",
        "“maybe” is no result",
        "“prod” is no number",
        "“home” is no network address",
        "href=\"#f-from\"",
    ] {
        assert!(main.contains(said), "{said} is missing in {main}");
    }
    assert!(main.contains("value=\"garbage\"") && main.contains("value=\"Egon\""), "what was typed stays: {main}");
    assert!(
        !main.contains(">window.propose<") && !main.contains("action=\"/audit/export\""),
        "nothing that is less narrow is shown or exported"
    );
    let good = auditor.get("/audit?action=window.propose").await;
    assert_eq!(good.status, StatusCode::OK);
    assert!(main_of(&good.body).contains(">window.propose<"));

    let signed_in = auditor.get("/audit?address=0.0.0.0&action=session.start").await;
    assert!(main_of(&signed_in.body).contains("session.start"), "sign-ins are found by their address: {}", signed_in.body);
    let elsewhere = auditor.get("/audit?address=192.0.2.7").await;
    assert!(main_of(&elsewhere.body).contains("No fact passes this filter"), "{}", elsewhere.body);

    let back = [("format", "csv"), ("from", "garbage"), ("_back", "/audit")];
    assert_eq!(auditor.post("/audit/export", &back).await.status, StatusCode::SEE_OTHER, "an export is not less strict than the list");
    let csv = auditor.post("/audit/export", &[("format", "csv"), ("action", "window"), ("_back", "/audit")]).await;
    assert!(csv.body.contains("window.propose") && !csv.body.contains("session.start"), "{}", csv.body);
}

#[tokio::test]
async fn evidence_can_be_proven_again_from_its_file() {
    let house = House::new().await;
    settle(&house).await;
    let number = house.proposed(3).await.number;
    let mut auditor = Browser::of(&house, &house.auditor).await;
    let page = auditor.get(&format!("/windows/{number}/evidence")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let main = main_of(&page.body);
    for part in [
        "What this is",
        "Plan",
        "Revisions",
        "Votes",
        "Mails",
        "It has not run",
        "Probes, answers and sign-offs",
        "Facts",
        "window.propose",
    ] {
        assert!(main.contains(part), "{part} is missing in {main}");
    }
    assert!(!main.contains("<form") && !main.contains("<button"), "evidence is read, not changed");
    assert!(main.contains(&house.digest(number).await.hex()), "the digest is whole");

    let file = auditor.get(&format!("/windows/{number}/evidence.json")).await;
    let evidence: Value = serde_json::from_str(&file.body).expect("JSON");
    let sealed = evidence["revisions"].as_array().expect("revisions");
    let bytes = sealed[0]["plan_bytes"].as_str().expect("text").as_bytes();
    assert_eq!(Value::from(digest("plan", bytes).hex()), sealed[0]["digest"]);
    let facts = evidence["facts"].as_array().expect("facts");
    assert!(!facts.is_empty());
    for fact in facts {
        let bytes = fact["bytes"].as_str().expect("text").as_bytes();
        assert_eq!(Digest(leaf(bytes)).hex(), fact["leaf"], "{fact}");
    }
    let marks = "SELECT count(*) FROM drydock.fact WHERE action IN ('evidence.read', 'evidence.export') AND window_id IS NULL";
    assert_eq!(house.count(marks).await, 2, "reading leaves its marks, and not in the window's own life");
    auditor.get(&format!("/windows/{number}/evidence")).await;
    assert_eq!(house.count(marks).await, 2, "once in ten minutes");

    let mut foreigner = Browser::of(&house, &house.foreigner).await;
    for path in [format!("/windows/{number}/evidence"), format!("/windows/{number}/evidence.json"), "/windows/999999/evidence".to_owned()] {
        assert_eq!(foreigner.get(&path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(house.count(marks).await, 2);
    let mut stakeholder = Browser::of(&house, &house.stakeholder).await;
    assert_eq!(stakeholder.get(&format!("/windows/{number}/evidence")).await.status, StatusCode::OK, "whoever sees the window");
}

#[tokio::test]
async fn before_and_after_of_a_fact_are_a_table() {
    let house = House::new().await;
    settle(&house).await;
    let bytes = r#"{"action":"target.edit","actor":null,"actor_kind":"system","at_us":1,"id":900001,"object_id":"x","object_kind":"target","payload":{"changed":{"host":{"after":"db2.example","before":"db1.example"},"on_call":"changed"},"password_replaced":true},"request":"r9","result":"done","system_identifier":"1","team":null,"version":1,"window":null}"#;
    sqlx::query("INSERT INTO drydock.fact (id, system_identifier, actor_kind, action, object_kind, object_id, result, bytes, leaf) VALUES (900001, '1', 'system', 'target.edit', 'target', 'x', 'done', $1, $2)")
        .bind(bytes.as_bytes())
        .bind(leaf(bytes.as_bytes()).as_slice())
        .execute(&house.admin)
        .await
        .expect("written");
    let mut auditor = Browser::of(&house, &house.auditor).await;
    let page = auditor.get("/audit/900001").await;
    let main = main_of(&page.body);
    assert!(main.contains("<del>db1.example</del>") && main.contains("<ins>db2.example</ins>"), "{main}");
    assert_eq!(main.matches("changed; not kept in the trail").count(), 4, "both sides of the two that are withheld: {main}");
    let same = auditor.get("/audit?request=r9").await;
    assert!(main_of(&same.body).contains("target.edit"), "{}", same.body);
    let object = auditor.get("/audit?object=x").await;
    assert!(main_of(&object.body).contains("target.edit"), "{}", object.body);
    // A fact whose bytes are no JSON at all stays readable, and its own page says what is wrong.
    let garbage: &[u8] = b"\xff{not json";
    sqlx::query("INSERT INTO drydock.fact (id, system_identifier, actor_kind, action, object_kind, object_id, result, bytes, leaf) VALUES (900002, '1', 'system', 'target.edit', 'target', 'x', 'done', $1, $2)")
        .bind(garbage)
        .bind(leaf(garbage).as_slice())
        .execute(&house.admin)
        .await
        .expect("written");
    let broken = auditor.get("/audit/900002").await;
    assert!(broken.status == StatusCode::OK && main_of(&broken.body).contains("tampered"), "{}", broken.body);
}

#[tokio::test]
async fn the_end_of_the_chain_is_proven_by_a_pasted_head() {
    let house = House::new().await;
    settle(&house).await;
    house.proposed(3).await;
    let mut auditor = Browser::of(&house, &house.auditor).await;
    auditor.post("/audit/verify", &[("head", "12345"), ("_back", "/audit")]).await;
    let refused = auditor.get("/audit").await;
    assert!(main_of(&refused.body).contains("No head in this") && main_of(&refused.body).contains("value=\"12345\""), "{}", refused.body);
    let stranger = "0".repeat(64);
    auditor.post("/audit/verify", &[("head", stranger.as_str()), ("_back", "/audit")]).await;
    let unknown = auditor.get("/audit").await;
    assert!(main_of(&unknown.body).contains("no batch has the head"), "{}", unknown.body);
    auditor.post("/audit/verify", &[("head", ""), ("_back", "/audit")]).await;
    let open = auditor.get("/audit").await;
    assert!(main_of(&open.body).contains("End of chain not proven"), "{}", open.body);
}

#[tokio::test]
async fn nothing_hides_on_any_page() {
    let house = House::new().await;
    settle(&house).await;
    let number = house.proposed(3).await.number;
    sqlx::query("UPDATE drydock.team SET name = E'Or\\u202Eders\\u200B\\u001B[2J'").execute(&house.admin).await.expect("renamed");
    let mut auditor = Browser::of(&house, &house.auditor).await;
    for path in ["/teams", "/audit", "/windows", &format!("/windows/{number}"), &format!("/windows/{number}/evidence"), "/nowhere/\u{202e}"]
    {
        let page = auditor.get(&path.replace('\u{202e}', "%E2%80%AE")).await;
        let hidden: Vec<char> = page.body.chars().filter(|c| !matches!(c, '\n' | '\t') && domain::reveal::is_hidden(*c)).collect();
        assert!(hidden.is_empty(), "{path}: {hidden:?}");
    }
    let teams = auditor.get("/teams").await;
    assert!(teams.body.contains("title=\"right-to-left override: turns text around\">⟨U+202E⟩</span>"), "{}", teams.body);
}

/// What the attribute that follows `before` holds, everywhere in a page.
fn after<'p>(body: &'p str, before: &'p str) -> impl Iterator<Item = String> + 'p {
    body.split(before).skip(1).filter_map(|rest| rest.split('"').next()).map(|value| value.replace("&amp;", "&"))
}

#[tokio::test]
async fn no_page_offers_the_auditor_what_he_may_not_do() {
    let house = House::new().await;
    settle(&house).await;
    house.proposed(3).await;
    let mut auditor = Browser::of(&house, &house.auditor).await;
    // His own session and profile, and what leaves a fact and changes nothing else.
    let his = ["/logout", "/me", "/me/password", "/me/confirm", "/audit/verify", "/audit/export"];
    // A window that nobody works on does not lead to its list.
    let mut open = vec!["/".to_owned(), "/windows/1/checklist".to_owned()];
    let mut known: std::collections::BTreeSet<String> = open.iter().cloned().collect();
    while let Some(path) = open.pop() {
        let page = auditor.get(&path).await;
        assert_eq!(page.status, StatusCode::OK, "a page leads the auditor to {path}");
        for form in
            page.body.split("<form ").skip(1).filter(|form| form.split('>').next().is_some_and(|tag| tag.contains("method=\"post\"")))
        {
            let action = after(form, "action=\"").next().unwrap_or_default();
            // To watch is to be told: whoever may read a window or a database may do that.
            let watches = ["/windows/", "/databases/"].iter().any(|of| action.starts_with(of)) && action.ends_with("/watchers");
            let own = his.contains(&action.as_str()) || action.starts_with("/me/") || watches;
            assert!(own, "{path} offers the auditor {action}");
        }
        for to in
            after(&page.body, "<a href=\"").chain(after(&page.body, " href=\"")).filter(|to| to.starts_with('/') && !to.starts_with("//"))
        {
            let to = to.split('#').next().unwrap_or_default().to_owned();
            let is_file =
                std::path::Path::new(&to).extension().is_some_and(|ending| ["css", "js", "wasm"].iter().any(|known| ending == *known));
            if !to.is_empty() && !is_file && known.len() < 300 && known.insert(to.clone()) {
                open.push(to);
            }
        }
    }
    for expected in ["/windows", "/databases", "/people", "/teams", "/policies", "/audit", "/windows/1", "/windows/1/evidence"] {
        assert!(known.iter().any(|path| path == expected || path.starts_with(expected)), "{expected} was not reached: {known:?}");
    }
}
