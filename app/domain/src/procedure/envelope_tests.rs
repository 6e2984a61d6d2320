use super::*;
use crate::procedure::{Act, Measure, Object, ObjectName, estimate::estimate, select::step};
use proptest::prelude::*;

fn name(schema: &str, name: &str) -> ObjectName {
    ObjectName::new(schema, name).expect("no NUL")
}

fn vacuum(table: &str, bytes: u64) -> WorkItem {
    let object = Object { kind: ObjectKind::Table, oid: 1, name: name("shop", table), table: None };
    WorkItem::new(
        step::VACUUM,
        Act::Vacuum,
        object,
        Measure::new("dead rows", [("dead_rows", 5)]),
        estimate(Act::Vacuum, bytes, &[]),
        bytes,
        5,
    )
}

fn reindex(index: &str, table: &str, bytes: u64) -> WorkItem {
    let object = Object { kind: ObjectKind::Index, oid: 2, name: name("shop", index), table: Some(name("shop", table)) };
    let act = Act::ReindexConcurrently;
    WorkItem::new(step::REINDEX, act, object, Measure::new("waste", []), estimate(act, bytes, &[]), bytes, 5)
}

fn envelope() -> Envelope {
    Envelope {
        steps: [step::VACUUM, step::REINDEX, step::ANALYZE].map(str::to_owned).to_vec(),
        allowed: vec!["shop.*".parse().expect("a rule")],
        excluded: vec!["shop.audit".parse().expect("a rule")],
        highest_risk: RiskClass::R1,
        most_objects: 3,
        most_bytes: 1_000,
        scripts: vec![],
    }
}

fn list(items: impl Into<Vec<WorkItem>>) -> WorkList {
    WorkList { items: items.into(), ..WorkList::default() }
}

#[test]
fn what_fits_has_no_violation() {
    assert_eq!(within(&envelope(), &list([vacuum("orders", 400), reindex("orders_pkey", "orders", 600)])), []);
}

#[test]
fn each_limit_is_named() {
    let found = |items: Vec<WorkItem>| {
        within(&envelope(), &list(items)).into_iter().map(|violation| format!("{violation}")).collect::<Vec<_>>().join("\n")
    };
    assert!(found(vec![vacuum("audit", 1)]).contains("excluded by the plan (shop.audit)"));
    assert!(found(vec![reindex("audit_pkey", "audit", 1)]).contains("excluded"), "a rule on a table reaches its indexes");
    assert!(found(vec![vacuum("orders", 1_001)]).contains("the plan allows"));
    assert!(found(vec![reindex("i", "orders", 1), vacuum("orders", 1)]).contains("after a step that must follow it"));
    assert!(found(vec![vacuum("orders", 1), vacuum("orders", 1)]).contains("twice"));
    assert!(found(["a", "b", "c", "d"].map(|table| vacuum(table, 1)).to_vec()).contains("3 objects only"));
    let mut elsewhere = vacuum("orders", 1);
    elsewhere.object.name = name("payroll", "salaries");
    elsewhere.statement = Act::Vacuum.statement(&elsewhere.object.name);
    assert!(found(vec![elsewhere]).contains("not among the objects"));
    let mut unknown = vacuum("orders", 1);
    unknown.step = "cluster".to_owned();
    assert!(found(vec![unknown]).contains("\"cluster\" is not in the approved plan"));
}

#[test]
fn a_statement_that_is_not_its_acts_own_is_altered() {
    let mut item = vacuum("orders", 1);
    item.statement = "VACUUM (FULL) \"shop\".\"orders\"".to_owned();
    let found = within(&envelope(), &list([item]));
    assert!(matches!(found.as_slice(), [Violation::Altered { ordinal: 1, .. }]) && found[0].raises_risk());
    let mut risky = vacuum("orders", 1);
    risky.risk = RiskClass::R3;
    assert!(within(&envelope(), &list([risky])).iter().any(|violation| matches!(violation, Violation::Risk { risk: RiskClass::R3, .. })));
}

#[test]
fn canonical_bytes_come_back_and_the_digest_follows_them() {
    let one = list([vacuum("orders", 400), reindex("Odd \"Q\" Index", "orders", 600)]);
    assert_eq!(WorkList::from_bytes(&one.bytes()).expect("own bytes"), one);
    let mut other = one.clone();
    other.items[0].bytes += 1;
    assert_ne!(one.digest(), other.digest());
    assert_eq!((one.total_bytes(), one.total_ms().1), (1_000, 2_000));
}

fn any_item() -> impl Strategy<Value = WorkItem> {
    ("[a-d]", 0_u64..600, any::<bool>(), prop_oneof!["shop", "web"]).prop_map(|(table, bytes, index, schema)| {
        let mut item = if index { reindex(&format!("{table}_i"), &table, bytes) } else { vacuum(&table, bytes) };
        item.object.name = name(&schema, item.object.name.name());
        item.statement = item.act.statement(&item.object.name);
        item
    })
}

proptest! {
    #[test]
    fn what_is_trimmed_is_within(items in proptest::collection::vec(any_item(), 0..12), most_objects in 0_u32..6, most_bytes in 0_u64..2_000) {
        let envelope = Envelope { most_objects, most_bytes, ..envelope() };
        let (list, violations) = trim(&envelope, Selection { items: items.clone(), ..Selection::default() });
        prop_assert_eq!(within(&envelope, &list), vec![]);
        prop_assert_eq!(list.items.len() + list.left_out.len(), items.len());
        prop_assert_eq!(list.left_out.is_empty(), violations.is_empty());
        if within(&envelope, &super::tests::list(items.clone())).is_empty() {
            prop_assert_eq!(list.items, items);
        }
    }
}
