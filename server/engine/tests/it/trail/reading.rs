//! Who reads the trail finds what he looks for, and leaves a mark.

use crate::house::{House, person};
use domain::people::GlobalRole;
use domain::view::trail::TrailFilter;
use engine::actions::export_trail::{Input, export_trail};
use engine::actions::read_trail::read_trail;
use engine::actions::verify_trail::{Input as Claim, verify_trail};
use engine::error::Error;
use engine::queries::trail::{fact, list};
use futures_util::TryStreamExt as _;

fn filter(pairs: &[(&str, &str)]) -> TrailFilter {
    let (filter, errors) = TrailFilter::parse(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()));
    assert_eq!(errors, []);
    filter
}

async fn found(house: &House, pairs: &[(&str, &str)]) -> Vec<String> {
    let page = list(&house.engine, &house.auditor, Some(&filter(pairs))).await.expect("may read");
    page.facts.into_iter().map(|fact| fact.action).collect()
}

#[tokio::test]
async fn filters_narrow_the_list_and_words_name_people_and_windows() {
    let house = House::new().await;
    let one = house.proposed(7).await;
    let two = house.proposed(8).await;
    let all = list(&house.engine, &house.auditor, Some(&TrailFilter::default())).await.expect("may read");
    assert_eq!(
        all.facts.iter().map(|fact| (fact.action.as_str(), fact.actor.as_str())).collect::<Vec<_>>(),
        [("window.propose", "Egon"), ("window.draft", "Egon"), ("window.propose", "Egon"), ("window.draft", "Egon")]
    );
    assert_eq!(all.facts[0].object, format!("#{}", two.number));
    assert_eq!(all.facts[0].object_page.as_deref(), Some(format!("/windows/{}", two.number).as_str()));
    assert_eq!((all.facts[0].batch, all.older, all.status.waiting), (None, None, 4));

    let number = one.number.to_string();
    assert_eq!(found(&house, &[("window", &number)]).await, ["window.propose", "window.draft"]);
    assert_eq!(found(&house, &[("action", "window.draft")]).await, ["window.draft", "window.draft"]);
    assert_eq!(found(&house, &[("action", "window"), ("actor", "EGON@")]).await.len(), 4);
    assert_eq!(found(&house, &[("actor", "lena")]).await.len(), 0);
    assert_eq!(found(&house, &[("actor", "worker")]).await.len(), 0);
    assert_eq!(found(&house, &[("team", "orders"), ("kind", "window"), ("result", "done")]).await.len(), 4);
    assert_eq!(found(&house, &[("team", "nowhere")]).await.len(), 0);
    assert_eq!(found(&house, &[("window", "9999")]).await.len(), 0);
    assert_eq!(found(&house, &[("result", "refused")]).await.len(), 0);
    let today = house.engine.clock().now().to_zoned(jiff::tz::TimeZone::get("Europe/Berlin").expect("known")).date();
    assert_eq!(found(&house, &[("from", &today.to_string()), ("to", &today.to_string())]).await.len(), 4);
    assert_eq!(found(&house, &[("to", "2020-01-01")]).await.len(), 0);

    let before = all.facts[1].id.to_string();
    assert_eq!(found(&house, &[("before", &before)]).await, ["window.propose", "window.draft"], "the next page goes on behind the last");
}

#[tokio::test]
async fn a_fact_is_shown_whole_with_its_neighbours() {
    let house = House::new().await;
    house.proposed(7).await;
    let all = list(&house.engine, &house.auditor, Some(&TrailFilter::default())).await.expect("may read");
    let page = fact(&house.engine, &house.auditor, all.facts[1].id).await.expect("exists");
    assert_eq!((page.newer, page.older, page.flaw), (Some(all.facts[0].id), None, None));
    assert!(page.pretty.contains("\"action\": \"window.draft\"") && page.seal.is_none(), "{}", page.pretty);
    assert!(matches!(fact(&house.engine, &house.auditor, 999_999).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn reading_is_marked_once_in_ten_minutes_and_so_is_the_refusal() {
    let house = House::new().await;
    for _ in 0..3 {
        read_trail(&house.engine, &house.auditor).await.expect("may read");
        assert!(matches!(read_trail(&house.engine, &house.engineer).await, Err(Error::Refused(_))));
    }
    let marks = house.count("SELECT count(*) FROM drydock.fact WHERE action = 'trail.read' AND result = 'done'").await;
    let refusals = house.count("SELECT count(*) FROM drydock.fact WHERE action = 'trail.read' AND result = 'refused'").await;
    assert_eq!((marks, refusals), (1, 1));
    assert!(matches!(list(&house.engine, &house.engineer, Some(&TrailFilter::default())).await, Err(Error::Refused(_))));
    assert!(matches!(verify_trail(&house.engine, &house.engineer, &Claim::default()).await, Err(Error::Refused(_))));
    assert!(matches!(export_trail(&house.engine, &house.lead, &Input::default()).await.map(drop), Err(Error::Refused(_))));
}

async fn exported(house: &House, format: &str) -> String {
    let input = Input { format: format.into(), filter: [("action".to_owned(), "window".to_owned())].into() };
    let export = export_trail(&house.engine, &house.auditor, &input).await.expect("may export");
    assert!(export.file_name.ends_with(format), "{}", export.file_name);
    export.body.try_collect().await.expect("read to its end")
}

#[tokio::test]
async fn an_export_is_a_fact_and_no_spreadsheet_executes_it() {
    let house = House::new().await;
    let hostile = person(&house.admin, "=HYPERLINK(\"http://x\")", None, &[GlobalRole::Admin]).await;
    read_trail(&house.engine, &hostile).await.expect("an administrator");
    let window = house.proposed(7).await;

    let lines: Vec<serde_json::Value> =
        exported(&house, "jsonl").await.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(
        (lines[0]["kind"].as_str(), lines[0]["filter"]["action"].as_str()),
        (Some("export"), Some("window")),
        "it says what it holds"
    );
    let bytes = lines[1]["bytes"].as_str().expect("text").as_bytes();
    assert_eq!(hex::encode(domain::fact::leaf(bytes)), lines[1]["leaf"].as_str().expect("hex"), "the hashed bytes come out exactly");

    let input = Input { format: "csv".into(), ..Input::default() };
    let export = export_trail(&house.engine, &house.auditor, &input).await.expect("may export");
    let csv: String = export.body.try_collect().await.expect("read to its end");
    assert!(csv.starts_with("\u{feff}\"id\",\"at\",") && csv.contains("\"'=HYPERLINK(\"\"http://x\"\")\""), "{csv}");
    assert!(csv.contains(&format!("\"{}\"", window.id)));
    let rows = csv.lines().count();
    assert_eq!(rows, 5, "a head, the mark of reading, two facts of the window, and the export before");
    let exports = house.count("SELECT count(*) FROM drydock.fact WHERE action = 'trail.export'").await;
    assert_eq!(exports, 2);
    assert!(matches!(export_trail(&house.engine, &house.auditor, &Input::default()).await.map(drop), Err(Error::Invalid(_))));
}

#[tokio::test]
async fn the_page_verifies_and_its_result_is_a_fact() {
    let house = House::new().await;
    house.proposed(7).await;
    let report = verify_trail(&house.engine, &house.auditor, &Claim::default()).await.expect("may verify");
    assert_eq!((report.flaw.clone(), report.unsealed, report.things), (None, 2, 1));
    assert!(report.page_sentences().last().expect("words").contains("only an anchor can tell"));
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action = 'trail.verify'").await, 1);
}
