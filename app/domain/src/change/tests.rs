use super::*;

fn reading(lock: Lock, length: Length) -> Reading {
    Reading { lock, length, ..Reading::harmless("ALTER TABLE") }
}

fn statement(text: &str, alone: bool) -> Statement {
    Statement { text: text.into(), reading: Reading { alone, ..reading(Lock::AccessExclusive, Length::Moment) } }
}

#[test]
fn risk_follows_from_lock_and_length() {
    for (lock, length, risk) in [
        (Lock::None, Length::Moment, RiskClass::R1),
        (Lock::AccessShare, Length::Scan, RiskClass::R0),
        (Lock::RowExclusive, Length::Moment, RiskClass::R2),
        (Lock::ShareUpdateExclusive, Length::Scan, RiskClass::R1),
        (Lock::Share, Length::Scan, RiskClass::R3),
        (Lock::AccessExclusive, Length::Moment, RiskClass::R2),
        (Lock::AccessExclusive, Length::Rewrite, RiskClass::R3),
    ] {
        assert_eq!(reading(lock, length).risk(), risk, "{lock:?} {length:?}");
    }
    let dropped = Reading { destroys: Some("the table".into()), ..reading(Lock::AccessExclusive, Length::Moment) };
    let unknown = Reading { opaque: Some("it runs code".into()), ..Reading::harmless("DO") };
    assert_eq!((dropped.risk(), unknown.risk()), (RiskClass::R4, RiskClass::R4));
}

#[test]
fn what_stands_alone_parts_the_transactions() {
    let all = [statement("a", false), statement("b", false), statement("c", true), statement("d", true), statement("e", false)];
    let scripts = scripts(SCRIPT_SCHEMA, Some(&"Own er".to_owned()), &all);
    let seen: Vec<_> = scripts.iter().map(|script| (script.name.to_string(), script.texts.len(), script.alone)).collect();
    assert_eq!(
        seen,
        [
            ("change.statements_1_to_2".to_owned(), 2, false),
            ("change.statement_3".to_owned(), 1, true),
            ("change.statement_4".to_owned(), 1, true),
            ("change.statement_5".to_owned(), 1, false),
        ]
    );
    assert_eq!(scripts[0].statement(), "BEGIN;\nSET LOCAL ROLE \"Own er\";\na;\nb;\nCOMMIT;");
    assert_eq!(scripts[1].statement(), "SET ROLE \"Own er\";\nc;");
    assert!(scripts[0].lock.ends_with("until all of them are done"), "{}", scripts[0].lock);
}

#[test]
fn a_way_back_or_the_reason_for_none_is_demanded() {
    let form = ChangeForm { change_sql: "ALTER TABLE t ADD c int".into(), ..ChangeForm::default() };
    assert_eq!(form.parse().expect_err("no way back")[0].field, "back_sql");
    let both = ChangeForm { back_sql: "x".into(), no_way_back: "it cannot be undone".into(), ..form.clone() };
    assert_eq!(both.parse().expect_err("both")[0].field, "no_way_back");
    let none = ChangeForm { no_way_back: "it cannot be undone".into(), ..form.clone() };
    let change = none.parse().expect("good").into_change(vec![statement("x", false)], vec![]).expect("good");
    assert_eq!(change.undone(), "There is no way back: it cannot be undone");
    assert_eq!(ChangeForm::default().parse().expect_err("blank").len(), 2);
    let nobody = ChangeForm { as_role: "x".repeat(64), no_way_back: "it cannot be undone".into(), ..form };
    assert_eq!(nobody.parse().expect_err("too long")[0].field, "as_role");
}

#[test]
fn what_nobody_can_tell_needs_a_reader() {
    let form = ChangeForm { change_sql: "DO $$ $$".into(), back_sql: "SELECT 1".into(), ..ChangeForm::default() };
    let opaque = Statement { text: "DO $$ $$".into(), reading: Reading { opaque: Some("it runs code".into()), ..Reading::harmless("DO") } };
    let back = vec![statement("y", false)];
    let errors = form.parse().expect("typed").into_change(vec![opaque.clone()], back.clone()).expect_err("not read");
    assert!(errors[0].field == "read_by_me" && errors[0].message.contains("statement 1"), "{errors:?}");
    let read = ChangeForm { read_by_me: "on".into(), ..form };
    let change = read.parse().expect("typed").into_change(vec![opaque], back).expect("read");
    assert_eq!(change.risk(), RiskClass::R4);
}

#[test]
fn too_many_or_no_statements_are_refused() {
    let form = ChangeForm { change_sql: "x".into(), back_sql: "y".into(), ..ChangeForm::default() };
    let many = vec![statement("x", false); MOST_STATEMENTS + 1];
    let errors = form.parse().expect("typed").into_change(many, vec![]).expect_err("both are wrong");
    let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(fields, ["change_sql", "back_sql"]);
}

#[test]
fn a_transaction_tells_what_became_of_it() {
    use crate::run::{Finding, Outcome};
    for (word, finding, outcome) in [
        (Some("committed"), Finding::Done, Outcome::Done),
        (Some("aborted"), Finding::NotDone, Outcome::Failed),
        (Some("in progress"), Finding::CannotTell, Outcome::Unknown),
        (None, Finding::CannotTell, Outcome::Unknown),
    ] {
        let state = TransactionState::of(word);
        assert_eq!((state.finding(), state.verify().outcome), (finding, outcome), "{word:?}");
    }
}

#[test]
fn an_index_tells_what_became_of_it() {
    use crate::run::Finding::{CannotTell, Done, NotDone, Partial};
    let at = |oid, valid| Some(NamedIndex { oid, valid });
    for (before, after, drops, finding) in [
        (None, at(1, true), false, Done),
        (None, at(1, false), false, Partial),
        (None, None, false, NotDone),
        (at(1, true), at(1, true), false, NotDone),
        (at(1, false), at(1, false), false, NotDone),
        (at(1, true), None, true, Done),
        (at(1, true), at(1, true), true, NotDone),
        (at(1, true), at(1, false), true, Partial),
        (at(1, true), at(2, true), true, CannotTell),
        (None, None, true, Done),
    ] {
        assert_eq!(NamedIndex::finding(before, after, drops), finding, "{before:?} {after:?} {drops}");
    }
}

#[test]
fn only_the_approved_text_is_inside_the_envelope() {
    use crate::procedure::{Parameters, WorkList, within};
    let change = Change {
        statements: vec![statement("ALTER TABLE a ADD b int", false)],
        role: None,
        keep_out: None,
        back: WayBack::None { reason: "it is a test".into() },
    };
    let envelope = crate::procedure::Envelope {
        steps: vec![STEP.into()],
        allowed: vec![],
        excluded: vec![],
        highest_risk: change.risk(),
        most_objects: 10,
        most_bytes: 0,
        scripts: change.scripts(),
    };
    let list = WorkList { items: items(&change.scripts(), &Parameters::default()), ..WorkList::default() };
    assert_eq!(within(&envelope, &list), vec![]);
    let spoilt: [fn(&mut crate::procedure::WorkItem); 5] = [
        |item| item.statement.push_str("DROP TABLE a;"),
        |item| item.script.as_mut().expect("scripted").texts[0].push_str(" CASCADE"),
        |item| item.script = None,
        |item| item.risk = RiskClass::R0,
        |item| item.object.name = crate::procedure::ObjectName::new(SCRIPT_SCHEMA, "statement_2").expect("a name"),
    ];
    for spoil in spoilt {
        let mut list = list.clone();
        spoil(&mut list.items[0]);
        assert!(within(&envelope, &list).iter().any(crate::procedure::Violation::raises_risk), "{:?}", list.items[0]);
    }
}

#[test]
fn whoever_is_kept_out_has_an_outage() {
    let mut change = Change {
        statements: vec![statement("CREATE TABLE a ()", false)],
        role: None,
        keep_out: None,
        back: WayBack::None { reason: "it is a test".into() },
    };
    assert_eq!((change.risk(), change.wait_ms()), (RiskClass::R2, 0));
    let texts = change.texts();
    change.keep_out = KeepOut::parse("shop_app", "3", "").expect("good");
    assert_eq!((change.risk(), change.wait_ms()), (RiskClass::R3, 180_000));
    assert!(change.impact().contains("an outage"));
    assert_eq!(change.texts(), texts, "what is sent is the same");
}
