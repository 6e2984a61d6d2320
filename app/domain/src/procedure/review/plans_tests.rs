use super::*;
use proptest::prelude::*;
use serde_json::json;

fn scan(kind: &str, table: &str, index: Option<&str>) -> Value {
    let mut node = json!({"Node Type": kind, "Relation Name": table, "Schema": "shop", "Total Cost": 12.5});
    if let Some(index) = index {
        node["Index Name"] = json!(index);
    }
    node
}

fn planned(node: Value) -> Planned {
    Planned { name: "Orders".into(), sql: "SELECT 1".into(), plan: Ok(json!([{"Plan": node}])) }
}

fn by_index() -> Planned {
    planned(json!({"Node Type": "Limit", "Plans": [scan("Index Scan", "orders", Some("orders_customer"))]}))
}

fn whole() -> Planned {
    planned(json!({"Node Type": "Limit", "Plans": [{"Node Type": "Gather", "Plans": [scan("Seq Scan", "orders", None)]}]}))
}

fn days_ago(kept: &[Measurement], days: u64) -> Memory {
    Memory::of(kept.iter().map(|one| Measurement { age_s: days * DAY_S, ..one.clone() }))
}

fn only(found: &Selection) -> &Finding {
    assert_eq!(found.findings.len(), 1, "{found:?}");
    &found.findings[0]
}

#[test]
fn a_plan_is_kept_and_told_when_it_is_another() {
    let (first, kept) = plans(&[by_index()], &Memory::default());
    assert_eq!(
        only(&first).sentence,
        "It would be answered by: Limit, Index Scan on shop.orders by orders_customer. There is nothing to compare with yet."
    );
    let (same, _) = plans(&[by_index()], &days_ago(&kept, 30));
    assert_eq!((only(&same).kind.as_str(), only(&same).level), ("plan", NOTE));
    assert!(only(&same).sentence.starts_with("It would be answered as 30 days ago"));
    let (worse, _) = plans(&[whole()], &days_ago(&kept, 30));
    let said = only(&worse);
    assert_eq!((said.kind.as_str(), said.level, said.object.as_deref()), ("plan_changed", ATTENTION, Some("Orders")));
    assert_eq!(
        said.sentence,
        "It would be answered otherwise than 30 days ago: 1 table read whole, 0 reads by indexes, it was 0 tables read whole, 1 read by an index. Now: Limit, Seq Scan on shop.orders."
    );
    let (_, kept) = plans(&[whole()], &Memory::default());
    let (better, _) = plans(&[by_index()], &days_ago(&kept, 1));
    assert_eq!((only(&better).kind.as_str(), only(&better).level), ("plan_changed", NOTE), "another one is not a worse one");
}

/// The preview in the morning and the run in the night compare with the look before both.
#[test]
fn two_looks_of_one_window_are_one() {
    let (_, first) = plans(&[by_index()], &Memory::default());
    let (_, preview) = plans(&[whole()], &Memory::default());
    let looks = first.iter().map(|one| Measurement { age_s: 30 * DAY_S, ..one.clone() });
    let memory = Memory::of(looks.chain(preview.iter().map(|one| Measurement { age_s: 3_600, ..one.clone() })));
    let (run, _) = plans(&[whole()], &memory);
    assert_eq!(only(&run).kind, "plan_changed");
}

#[test]
fn another_text_is_another_query() {
    let (_, kept) = plans(&[by_index()], &Memory::default());
    let (anew, _) = plans(&[Planned { sql: "SELECT 2".into(), ..whole() }], &days_ago(&kept, 30));
    assert!(only(&anew).sentence.ends_with("There is nothing to compare with yet."));
}

#[test]
fn partitions_that_are_read_alike_and_how_rows_are_handed_on_make_no_difference() {
    let append = |tables: &[&str]| {
        let below: Vec<Value> = tables.iter().map(|table| scan("Index Scan", table, Some(&format!("{table}_at")))).collect();
        planned(json!({"Node Type": "Append", "Plans": below}))
    };
    let shape = |planned: &Planned| Shape::read(planned.plan.as_ref().expect("a plan")).expect("known");
    assert_eq!(shape(&append(&["a", "b", "c"])).parts.len(), 2);
    assert_eq!(shape(&append(&["a", "b", "c"])), shape(&append(&["a", "b"])));
    let bare = planned(json!({"Node Type": "Limit", "Plans": [scan("Seq Scan", "orders", None)]}));
    assert_eq!(shape(&bare), shape(&whole()));
}

#[test]
fn what_cannot_be_seen_is_said_and_nothing_is_made_up() {
    let denied = Planned { plan: Err("permission denied for table orders".into()), ..by_index() };
    let odd = Planned { plan: Ok(json!([{"Query Plan": 1}])), ..by_index() };
    let (found, kept) = plans(&[denied, odd], &Memory::default());
    assert!(kept.is_empty() && found.findings.len() == 2 && found.findings.iter().all(Finding::is_blind));
    let (one, _) = plans(&[planned(json!({"Node Type": "Result"}))], &Memory::default());
    assert!(only(&one).sentence.contains("answered by: Result."), "a query that reads no table has a plan, too");
    let (none, kept) = plans(&[], &Memory::default());
    assert!(kept.is_empty() && only(&none).kind == "no_critical_query");
}

#[test]
fn a_long_plan_is_cut_and_hostile_names_stay_names() {
    let below: Vec<Value> = (0..40).map(|n| scan("Seq Scan", &format!("t{n}\n<script>"), None)).collect();
    let shape = Shape::read(&json!([{"Plan": {"Node Type": "Nested Loop", "Plans": below}}])).expect("known");
    let said = shape.said();
    assert!(said.ends_with(", and 29 parts more") && !said.contains('\n'), "{said}");
}

proptest! {
    /// Whatever a server answers: no panic, and marks fit a figure.
    #[test]
    fn any_answer_is_read_or_refused(text in "[a-z \\[\\]{}:,\"0-9]{0,80}") {
        let value: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        if let Some(shape) = Shape::read(&value) {
            prop_assert!(shape.figures("x").iter().all(|(_, n)| i64::try_from(*n).is_ok()));
        }
    }
}
