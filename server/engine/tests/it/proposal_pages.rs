//! From a form to a sealed plan: what is asked of a worker, what comes back, and what an edit meets.

use crate::house::House;
use domain::examination::PreviewAnswer;
use domain::ids::ExaminationId;
use domain::procedure::{Act, Basis, Estimate, Measure, Object, ObjectKind, ObjectName, PassedOver, Selection, WorkItem};
use domain::proposal::ProposalForm;
use domain::view::windows::propose::Look;
use engine::Error;
use engine::actions::amend_window::amend_window;
use engine::actions::preview_proposal::preview_proposal;
use engine::actions::propose_window::propose_window;
use engine::queries::proposals::{choose, edit_form, new_form, seal};
use engine::queries::windows::show;

fn object(name: &str) -> Object {
    Object { kind: ObjectKind::Table, oid: 1, name: ObjectName::new("shop", name).expect("a name"), table: None }
}

/// Answers a question as a worker would: two tables, one of them excluded by the form, and one passed over.
async fn answer(house: &House, look: ExaminationId) {
    let estimate = Estimate { low_ms: 1_000, high_ms: 4_000, basis: Basis::Guess };
    let item = |name| {
        WorkItem::new("vacuum", Act::Vacuum, object(name), Measure::new("7,000 dead rows.", [("dead_rows", 7_000)]), estimate, 1 << 20, 1)
    };
    let answer = PreviewAnswer {
        measured_at: "2026-11-20T12:00:00Z".into(),
        selection: Selection {
            items: vec![item("orders"), item("audit")],
            passed_over: vec![PassedOver { object: object("big"), reason: "The role may not do this.".into() }],
            ..Selection::default()
        },
        trial: None,
    };
    sqlx::query("UPDATE drydock.examination SET state = 'answered', answer = $2, answered_at = clock_timestamp() WHERE id = $1")
        .bind(look.0)
        .bind(serde_json::to_value(answer).expect("json"))
        .execute(&house.admin)
        .await
        .expect("an answer");
}

#[tokio::test]
async fn a_proposal_is_looked_at_before_it_is_sealed() {
    let house = House::new().await;
    let chosen = choose(&house.engine, &house.engineer.actor).await.expect("databases");
    assert_eq!(chosen.iter().map(|database| (database.short_name.as_str(), database.ready)).collect::<Vec<_>>(), [("prod-orders", true)]);
    let page = new_form(&house.engine, &house.lead.actor, "prod-orders", None, None).await.expect("a form");
    let asked: Vec<_> = page.approvers[0].groups.iter().map(|group| group.people.clone()).collect();
    assert_eq!(asked, [vec!["Sten".to_owned()], vec!["Dario".to_owned()]], "the author is never asked");
    assert!(page.approvers[0].reachable && page.taken.is_empty());

    let mut form = house.form(3);
    form.excluded = "shop.audit".into();
    let look = preview_proposal(&house.engine, &house.lead, &form, None).await.expect("asked");
    let waiting = seal(&house.engine, &house.lead.actor, look, None).await.expect("a page");
    assert!(matches!(waiting.look, Look::Waiting(_)) && waiting.obstacles().is_empty());
    answer(&house, look).await;
    let found = seal(&house.engine, &house.lead.actor, look, None).await.expect("a page");
    assert_eq!(found.form, form, "nothing typed is lost");
    let Look::Found(preview) = found.look else { panic!("answered") };
    assert_eq!(preview.work.items.iter().map(|item| item.object.name.name()).collect::<Vec<_>>(), ["orders"]);
    let left: Vec<_> = preview.work.left_out.iter().map(|left| left.object.as_str()).collect();
    assert_eq!(left, ["shop.big", "shop.audit"]);

    let window = propose_window(&house.engine, &house.lead, &form, Some(look)).await.expect("sealed");
    let sealed = show(&house.engine, &house.deputy.actor, window.number, None).await.expect("the page");
    assert_eq!(sealed.preview.expect("kept with the revision").work, preview.work);
    let taken = new_form(&house.engine, &house.deputy.actor, "prod-orders", None, None).await.expect("a form").taken;
    assert_eq!(taken.iter().map(|other| other.number).collect::<Vec<_>>(), [window.number]);
}

#[tokio::test]
async fn an_edit_shows_what_changed_meanwhile_and_keeps_the_text() {
    let house = House::new().await;
    let number = house.proposed(3).await.number;
    let mut mine = house.form(3);
    mine.duration_min = "240".into();
    let look = preview_proposal(&house.engine, &house.deputy, &mine, Some(number)).await.expect("asked");
    let mut theirs = house.form(3);
    theirs.reason = "other work".into();
    amend_window(&house.engine, &house.lead, number, 1, &theirs, None).await.expect("faster");
    let page = seal(&house.engine, &house.deputy.actor, look, Some((number, 1))).await.expect("a page");
    let edit = page.edit.expect("an edit");
    assert_eq!((edit.revision, edit.expected), (2, 1));
    assert!(edit.meanwhile.expect("a difference").changes.iter().any(|change| change.place == "reason"));
    assert_eq!(page.form.duration_min, "240");
    let form = edit_form(&house.engine, &house.deputy.actor, number, Some(look), Some(2)).await.expect("a form");
    assert_eq!(form.form, mine);
    assert!(form.edit.expect("an edit").meanwhile.is_none());
}

#[tokio::test]
async fn foreign_databases_and_looks_do_not_exist() {
    let house = House::new().await;
    let look = preview_proposal(&house.engine, &house.engineer, &house.form(3), None).await.expect("asked");
    let stranger = &house.foreigner.actor;
    assert!(matches!(new_form(&house.engine, stranger, "prod-orders", None, None).await, Err(Error::Hidden)));
    assert!(matches!(seal(&house.engine, stranger, look, None).await, Err(Error::Hidden)));
    // Whatever else is wrong with the form, a foreign name is answered like one that nobody has.
    for wrong in [false, true] {
        let form = |target: &str| {
            let good = ProposalForm { target: target.into(), ..house.form(3) };
            if wrong { ProposalForm { date: "soon".into(), ..good } } else { good }
        };
        let [foreign, missing] = ["prod-orders", "no-such-database"].map(form);
        let foreign = preview_proposal(&house.engine, &house.foreigner, &foreign, None).await.expect_err("not his");
        let missing = preview_proposal(&house.engine, &house.foreigner, &missing, None).await.expect_err("nobody's");
        assert_eq!(format!("{foreign:?}"), format!("{missing:?}"));
    }
    assert!(choose(&house.engine, stranger).await.expect("his own, none").is_empty());
    let refused = choose(&house.engine, &house.stakeholder.actor).await;
    assert!(matches!(&refused, Err(Error::Refused(refusal)) if refusal.code == "not_permitted"), "{refused:?}");
}
