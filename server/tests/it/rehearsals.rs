//! A rehearsal from the pages on: demanded in a policy, missed in a proposal that keeps what was typed, and read by whoever decides.

use crate::house::{House, person};
use crate::pages::{Browser, settle};
use crate::rehearsed::{How, STAGING, demanded, ran, staging};
use domain::people::GlobalRole;

async fn house() -> House {
    let house = House::new().await;
    staging(&house).await;
    settle(&house).await;
    house
}

/// The text without the marks between its pieces.
fn said(body: &str) -> String {
    body.replace("<!>", "")
}

#[tokio::test]
async fn a_policy_demands_one_in_words_that_are_checked() {
    let house = house().await;
    let ada = person(&house.admin, "Ada", None, &[GlobalRole::Admin]).await;
    let mut ada = Browser::of(&house, &ada).await;
    let form = ada.get("/policies/new").await.body;
    assert!(form.contains("name=\"rehearsal\"") && form.contains("name=\"rehearsal_environments\" value=\"staging\""), "{form}");
    assert!(!form.contains("name=\"rehearsal_environments\" value=\"production\""), "nothing is above production: {form}");
    let fields = |days: &'static str| {
        [
            ("name", "Rehearsed"),
            ("rule1_who", "stakeholder"),
            ("rule1_how", "number"),
            ("rule1_count", "1"),
            ("rule1_known", "link"),
            ("deny_threshold", "1"),
            ("remind_every_min", "0"),
            ("decide_before_start_min", "0"),
            ("deadline", "expire"),
            ("precedence", "20"),
            ("environments", "production"),
            ("rehearsal", "needed"),
            ("rehearsal_environments", "staging"),
            ("rehearsal_max_age_days", days),
            ("_back", "/policies/new"),
        ]
    };
    ada.post("/policies/new", &fields("400")).await;
    let again = ada.get("/policies/new").await.body;
    assert!(again.contains("Give a whole number from 1 to 365.") && again.contains("value=\"400\""), "{again}");
    assert!(again.contains("<option value=\"needed\" selected"), "typed choices stay: {again}");
    assert_eq!(ada.post("/policies/new", &fields("14")).await.to, "/policies");
    let list = said(&ada.get("/policies").await.body);
    let sentence = "run clean on another staging database of the same team, at most 14 days before the start.";
    assert!(list.contains("A window needs a rehearsal: ") && list.contains(sentence), "{list}");
}

#[tokio::test]
async fn a_proposal_without_one_keeps_what_was_typed_and_with_one_everybody_reads_it() {
    let house = house().await;
    demanded(&house, 14).await;
    let mut engineer = Browser::of(&house, &house.engineer).await;
    let here = "/windows/new?database=prod-orders";
    let mut typed = house.form(3);
    typed.reason = "Grüße <b>".into();
    let fields: Vec<(String, String)> = typed.fields().into_iter().chain([("_back".to_owned(), here.to_owned())]).collect();
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert!(said(&engineer.get(here).await.body).contains("Needs a rehearsal: the same procedure"), "the form says what will be asked");
    assert_eq!(engineer.post("/windows/new/preview", &fields).await.to, here);
    let again = engineer.get(here).await.body;
    assert!(again.contains("Grüße &lt;b&gt;") && again.contains(&format!("Propose it on {STAGING} first")), "{again}");
    // Whoever goes round the look is refused too; what is typed on the page of that door comes back there.
    assert_eq!(engineer.post("/windows/new", &fields).await.to, here);
    assert_eq!(house.count("SELECT count(*) FROM drydock.window").await, 0, "nothing was proposed");
    let staged = ran(&house, How::Clean, |_| {}).await;
    let looked = engineer.post("/windows/new/preview", &fields).await;
    let rehearsed = format!("Rehearsed on <strong>{STAGING}</strong> (staging) by");
    let figures = "took 4 min; 1 of 1 item done; all 6 checks passed.";
    let before = said(&engineer.get(&looked.to).await.body);
    assert!(before.contains(&rehearsed) && before.contains(figures), "{before}");
    let sealed = engineer.post("/windows/new", &fields).await.to;
    let link = format!("href=\"/windows/{}\"", staged.number);
    for page in [sealed.clone(), format!("{sealed}/evidence")] {
        let body = said(&engineer.get(&page).await.body);
        assert!(body.contains(&rehearsed) && body.contains(figures) && body.contains(&link), "{page}: {body}");
        assert!(body.contains(&house.digest(staged.number).await.short()), "{page}");
    }

    let secret = house.secret("approval_needed", house.stakeholder.actor.person).await;
    let mailed = Browser::new(&house).get(&format!("/a/{secret}")).await.body;
    assert!(
        mailed.contains("<h2>Rehearsal</h2>") && mailed.contains(&format!("Rehearsed on {STAGING} (staging) by window #{}", staged.number)),
        "{mailed}"
    );
    assert!(mailed.contains(figures), "{mailed}");
    let who = said(&engineer.get("/policies/who?database=prod-orders").await.body);
    assert!(who.contains("Needed before it may be proposed: the same procedure"), "{who}");
}
