use super::*;
use crate::plan::PlanProcedure;
use crate::procedure::own_file::{FIELD, File, ORDER};
use crate::procedure::own_sql::ValueKind;
use crate::procedure::select::step;
use crate::procedure::{Act, RiskClass, StepClass, StepKind};
use proptest::prelude::*;

fn file() -> File {
    File {
        key: "own_shop_nightly".into(),
        name: "nightly for the shop".into(),
        about: "Dead rows and statistics, every night.".into(),
        dbms: "postgresql".into(),
        steps: ["freeze", "vacuum", "reindex", "cleanup", "analyze"].map(str::to_owned).to_vec(),
        thresholds: BTreeMap::from([("vacuum_min_dead_rows".to_owned(), 5_000)]),
        checks: vec![OwnCheck { title: "The shop takes orders".into(), rule: "Order something, and see it arrive.".into() }],
        sql: None,
        values: vec![],
        by_hand: vec![],
        calls: vec![],
    }
}

/// A file that sends a text instead of steps.
fn sql_file() -> File {
    let value =
        OwnValue { name: "days".into(), label: "Days".into(), kind: ValueKind::Number, least: None, most: Some(90), usual: "30".into() };
    let sql = OwnSql {
        statements: "DELETE FROM shop.carts WHERE age > {{days}}".into(),
        no_way_back: "Old carts are gone.".into(),
        ..OwnSql::default()
    };
    let thresholds = BTreeMap::from([("lock_wait_max_ms".to_owned(), 500)]);
    File { key: "own_carts".into(), name: "old carts".into(), steps: vec![], thresholds, sql: Some(sql), values: vec![value], ..file() }
}

#[test]
fn sql_comes_instead_of_steps_and_is_sent_by_the_step_of_a_design_change() {
    let procedure = read(&sql_file());
    let change = library::by_key(library::DESIGN_CHANGE_POSTGRESQL).expect("on the shelf");
    assert_eq!(procedure.steps, change.steps);
    assert!(procedure.sends_text() && is_carried(&procedure) && !procedure.only_reads());
    assert!(!library::is_for_once(&procedure.key) && !library::may_break_glass(&procedure));
    assert!(alike(&procedure).contains(library::DESIGN_CHANGE_POSTGRESQL), "a policy for design changes rules it, too");
    assert_eq!(File::of(&procedure), Some(sql_file()));
    // Its step without its text, or beside others, is none that people composed.
    let mut without = procedure.clone();
    without.own.as_mut().expect("own").sql = None;
    assert!(!is_carried(&without));
    let mut beside = procedure.clone();
    beside.steps.insert(1, library::weekly_postgresql().step("vacuum").expect("there").clone());
    assert!(is_carried(&beside));
    beside.steps.swap(0, 1);
    assert!(is_carried(&beside), "pre-checks are pre-checks wherever they stand");
    let mut twice = procedure.clone();
    twice.steps.insert(1, twice.steps[1].clone());
    assert!(!is_carried(&twice));

    let refused = |spoil: &dyn Fn(&mut File)| {
        let mut file = sql_file();
        spoil(&mut file);
        file.read(1, &BTreeSet::new()).expect_err("refused").into_iter().map(|error| error.message).collect::<Vec<_>>().join(" ")
    };
    assert!(refused(&|file| file.steps = vec!["freeze".into(), "vacuum".into()]).contains("steps: write sql once among them"));
    assert!(refused(&|file| file.steps = vec!["vacuum".into(), "sql".into()]).contains("steps: add freeze as the first one"));
    assert!(refused(&|file| file.steps = vec!["sql".into(), "freeze".into()]).contains("steps: put freeze first"));
    assert!(refused(&|file| file.values = vec![]).contains("{{days}} stands for no [[value]]"));
    assert!(refused(&|file| file.sql = None).contains("value: only SQL has places"));
    let thresholds = BTreeMap::from([("vacuum_min_dead_rows".to_owned(), 1)]);
    assert!(refused(&|file| file.thresholds.clone_from(&thresholds)).contains("steers none of these steps"));

    let mut other = procedure.clone();
    let own = other.own.as_mut().expect("own");
    own.sql.as_mut().expect("sql").statements.push(' ');
    own.values[0].most = None;
    let said = changes(&procedure, &other).join(" ");
    assert!(said.contains("The SQL reads otherwise") && said.contains("values that are typed"), "{said}");
}

fn read(file: &File) -> Procedure {
    file.read(1, &BTreeSet::new()).expect("a good file")
}

fn said(spoil: impl FnOnce(&mut File)) -> Vec<String> {
    let mut file = file();
    spoil(&mut file);
    let errors = file.read(1, &BTreeSet::from(["Weekly of all".to_owned()])).expect_err("refused");
    assert!(errors.iter().all(|error| error.field == FIELD));
    errors.into_iter().map(|error| error.message).collect()
}

#[test]
fn a_file_becomes_a_procedure_and_a_file_again() {
    let procedure = read(&file());
    let keys: Vec<_> = procedure.steps.iter().map(|step| step.key.as_str()).collect();
    assert_eq!(keys, ["preflight", "freeze", "vacuum", "reindex", "cleanup", "analyze", "validate"]);
    assert_eq!(procedure.parameters(), Parameters { vacuum_min_dead_rows: 5_000, ..Parameters::default() });
    assert_eq!(procedure.about(), "Dead rows and statistics, every night.");
    assert_eq!(File::of(&procedure), Some(file()));
    let own = procedure.own.as_ref().expect("it is one");
    let check = own.checks().next().expect("one");
    assert_eq!((check.key.as_str(), check.by_probe), ("own_1", false));
}

fn pool(key: &str) -> ByHand {
    ByHand {
        key: key.into(),
        title: "The pool is paused".into(),
        does: "PAUSE shop on the pooler, and see that nobody is active.".into(),
        back: "RESUME shop on the pooler.".into(),
        risk: RiskClass::R2,
        minutes: 10,
    }
}

/// The steps of the file with two by hand: one before everything, one before the indexes.
fn with_people() -> File {
    let steps = ["by_hand_pause", "freeze", "vacuum", "by_hand_resume", "reindex", "cleanup", "analyze"];
    let by_hand = vec![pool("by_hand_pause"), ByHand { risk: RiskClass::R0, minutes: 5, ..pool("by_hand_resume") }];
    File { steps: steps.map(str::to_owned).to_vec(), by_hand, ..file() }
}

#[test]
fn people_do_what_no_step_reaches_and_nothing_after_it_begins_before() {
    let procedure = read(&with_people());
    assert!(is_carried(&procedure) && procedure.highest_risk() == RiskClass::R2, "what people do is agreed to as well");
    assert_eq!(procedure.surveyed(), read(&file()).surveyed(), "no database is measured for it");
    assert_eq!((procedure.outside().count(), procedure.by_hand_ms()), (2, 900_000));
    assert!(procedure.step("by_hand_pause").expect("there").does.starts_with("By hand, planned with 10 min: PAUSE shop"));
    assert_eq!(File::of(&procedure), Some(with_people()));
    let next = |before: Option<&str>, done: &[&str]| {
        let done = done.iter().map(|key| (*key).to_owned()).collect();
        procedure.next_outside(before, &done).map(|step| step.key.clone())
    };
    assert_eq!(next(Some("freeze"), &[]).as_deref(), Some("by_hand_pause"));
    assert_eq!(next(Some("vacuum"), &["by_hand_pause"]), None);
    assert_eq!(next(Some("reindex"), &["by_hand_pause"]).as_deref(), Some("by_hand_resume"));
    assert_eq!(next(None, &["by_hand_pause"]).as_deref(), Some("by_hand_resume"), "also where nothing needs a rebuild");
    assert_eq!(next(None, &["by_hand_pause", "by_hand_resume"]), None);
    // Other words than the ones that were agreed to are carried by nobody.
    let mut other = procedure.clone();
    other.steps[1].does.push('!');
    assert!(!is_carried(&other));
    let said = changes(&read(&file()), &procedure).join(" ");
    assert!(
        said.contains("The step “The pool is paused” is new.") && said.contains("Steps by hand take 15 minutes, they took 0."),
        "{said}"
    );

    let sent = File {
        steps: ["by_hand_pause", "sql", "by_hand_resume"].map(str::to_owned).to_vec(),
        by_hand: with_people().by_hand,
        ..sql_file()
    };
    let procedure = read(&sent);
    let keys: Vec<_> = procedure.steps.iter().map(|step| step.key.as_str()).collect();
    assert_eq!(keys, ["preflight", "by_hand_pause", step::CHANGE, "by_hand_resume", "validate"]);
    assert!(is_carried(&procedure));
    assert_eq!(File::of(&procedure), Some(sent));
}

#[test]
fn a_step_by_hand_says_everything_and_stands_where_it_is_done() {
    let refused = |spoil: &dyn Fn(&mut File)| {
        let mut file = with_people();
        spoil(&mut file);
        file.read(1, &BTreeSet::new()).expect_err("refused").into_iter().map(|error| error.message).collect::<Vec<_>>().join(" ")
    };
    assert!(refused(&|file| file.by_hand[0].key = "pause".into()).contains("by_hand 1, key: begin with by_hand_"));
    assert!(refused(&|file| file.by_hand[1] = pool("by_hand_pause")).contains("by_hand 2, key: another step has this key"));
    assert!(refused(&|file| file.by_hand.push(pool("by_hand_more"))).contains("by_hand 3, key: no step names it"));
    assert!(refused(&|file| file.steps.push("by_hand_gone".into())).contains("steps: by_hand_gone stands for no [[by_hand]]"));
    assert!(refused(&|file| file.steps.push("by_hand_pause".into())).contains("steps: by_hand_pause is there twice"));
    assert!(refused(&|file| file.by_hand[0].does = " ".into()).contains("by_hand 1, does: "));
    assert!(refused(&|file| file.by_hand[0].back.clear()).contains("by_hand 1, back: "));
    assert!(refused(&|file| file.by_hand[0].minutes = 241).contains("by_hand 1, minutes: from 1 to 240"));
    assert!(
        refused(&|file| file.steps = vec!["by_hand_pause".into(), "by_hand_resume".into()]).contains("at least one step of the catalogue")
    );
    assert!(refused(&|file| file.by_hand = (0..6).map(|n| pool(&format!("by_hand_n{n}"))).collect()).contains("at most 5 steps by hand"));
    let sent = |steps: &[&str]| {
        let steps = steps.iter().map(|key| (*key).to_owned()).collect();
        let file = File { steps, by_hand: vec![pool("by_hand_pause")], ..sql_file() };
        file.read(1, &BTreeSet::new()).expect_err("refused").into_iter().map(|error| error.message).collect::<Vec<_>>().join(" ")
    };
    assert!(sent(&["by_hand_pause"]).contains("write sql once"));
    assert!(sent(&["by_hand_pause", "sql", "sql"]).contains("write sql once"));
    assert!(sent(&["by_hand_pause", "by_hand_pause", "sql"]).contains("is there twice"));
}

fn call(key: &str, closes: Option<&str>) -> Call {
    Call {
        key: key.into(),
        title: "The pool is paused".into(),
        receiver: "pool manager".into(),
        origin: "https://pool.example.org".into(),
        does: "PAUSE shop.".into(),
        back: "RESUME shop.".into(),
        risk: RiskClass::R3,
        closes: closes.map(str::to_owned),
    }
}

/// The steps of the file with two calls around the work.
fn with_calls() -> File {
    let steps = ["webhook_pause", "freeze", "vacuum", "webhook_resume"];
    let calls = vec![call("webhook_pause", None), Call { risk: RiskClass::R0, ..call("webhook_resume", Some("webhook_pause")) }];
    File { steps: steps.map(str::to_owned).to_vec(), calls, thresholds: BTreeMap::new(), ..file() }
}

#[test]
fn programs_are_called_and_what_they_began_is_taken_back() {
    let procedure = read(&with_calls());
    assert!(is_carried(&procedure) && procedure.highest_risk() == RiskClass::R3, "what it may do is agreed to as well");
    assert_eq!((procedure.surveyed(), procedure.outside_ms()), (vec!["freeze".to_owned(), "vacuum".to_owned()], 120_000));
    assert_eq!(File::of(&procedure), Some(with_calls()));
    let step = procedure.step("webhook_resume").expect("there");
    assert_eq!((step.kind, step.class), (StepKind::Webhook, StepClass::Safing));
    assert_eq!(
        step.does,
        "Calls “pool manager” at https://pool.example.org: PAUSE shop. Once webhook_pause was called, this is called however the run ends."
    );
    let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<BTreeSet<_>>();
    let closing = |asked: &[&str], done: &[&str]| {
        let (asked, done) = (keys(asked), keys(done));
        procedure.calls_to_close(&asked, &done).map(|call| call.key.clone()).collect::<Vec<_>>()
    };
    assert_eq!(closing(&["webhook_pause"], &[]), ["webhook_resume"], "also where nobody knows whether it was heard");
    assert_eq!(closing(&["webhook_pause", "webhook_resume"], &["webhook_pause"]), ["webhook_resume"]);
    assert!(closing(&[], &[]).is_empty() && closing(&["webhook_pause"], &["webhook_pause", "webhook_resume"]).is_empty());
    let mut other = procedure.clone();
    other.own.as_mut().expect("own").calls[0].origin = "https://elsewhere.example".into();
    assert!(!is_carried(&other), "what stands in the step is whom it calls");
    assert!(
        changes(&procedure, &{
            let mut file = with_calls();
            file.calls[0].origin = "https://elsewhere.example".into();
            read(&file)
        })
        .join(" ")
        .contains("The step “The pool is paused” reads otherwise.")
    );
}

#[test]
fn a_call_says_whom_it_calls_and_what_it_takes_back() {
    let refused = |spoil: &dyn Fn(&mut File)| {
        let mut file = with_calls();
        spoil(&mut file);
        file.read(1, &BTreeSet::new()).expect_err("refused").into_iter().map(|error| error.message).collect::<Vec<_>>().join(" ")
    };
    assert!(refused(&|file| file.calls[0].key = "pause".into()).contains("webhook 1, key: begin with webhook_"));
    assert!(refused(&|file| file.calls[1] = call("webhook_pause", None)).contains("webhook 2, key: another step has this key"));
    assert!(refused(&|file| file.calls.push(call("webhook_more", None))).contains("webhook 3, key: no step names it"));
    assert!(refused(&|file| file.steps.push("webhook_gone".into())).contains("webhook_gone stands for no [[webhook]]"));
    assert!(refused(&|file| file.calls[0].receiver = " ".into()).contains("webhook 1, receiver: "));
    for origin in ["", "pool.example.org", "https://", "https://pool.example.org/path"] {
        assert!(refused(&|file| file.calls[0].origin = origin.into()).contains("webhook 1, origin: give scheme and host"), "{origin}");
    }
    assert!(refused(&|file| file.calls[0].does.clear()).contains("webhook 1, does: "));
    assert!(refused(&|file| file.calls[1].back.clear()).contains("webhook 2, back: "));
    let closes = |key: &'static str| refused(&move |file| file.calls[1].closes = Some(key.into()));
    assert!(closes("webhook_resume").contains("webhook 2, closes: give the key of an earlier [[webhook]]"));
    assert!(closes("freeze").contains("webhook 2, closes: "));
    assert!(refused(&|file| file.steps.swap(0, 3)).contains("webhook 2, closes: "), "what takes back comes after");
    assert!(
        refused(&|file| file.steps = vec!["webhook_pause".into(), "webhook_resume".into()]).contains("at least one step of the catalogue")
    );
}

#[test]
fn sql_stands_beside_steps_of_the_catalogue_and_both_are_ruled() {
    let steps = ["freeze", "by_hand_pause", "sql", "vacuum", "analyze"];
    let file = File { steps: steps.map(str::to_owned).to_vec(), by_hand: vec![pool("by_hand_pause")], ..sql_file() };
    let procedure = read(&file);
    assert!(is_carried(&procedure) && procedure.selects() && procedure.sends_text());
    assert_eq!(procedure.surveyed(), ["freeze", step::CHANGE, "vacuum", "analyze"]);
    assert_eq!(File::of(&procedure), Some(file));
    let ruled = alike(&procedure);
    assert!(ruled.contains(library::DESIGN_CHANGE_POSTGRESQL) && ruled.contains("weekly_postgresql"), "{ruled:?}");
    // What only looks is no work beside the text.
    let looks = File { steps: ["sql", "space"].map(str::to_owned).to_vec(), ..sql_file() };
    let procedure = read(&looks);
    assert!(is_carried(&procedure) && procedure.surveyed() == [step::CHANGE, "space"]);
    assert_eq!(File::of(&procedure), Some(looks));
    assert!(!read(&sql_file()).selects());
}

#[test]
fn every_procedure_of_the_library_is_a_beginning_unless_it_is_typed() {
    for procedure in library::all() {
        let Some(file) = File::of(&procedure) else {
            assert!(library::is_typed(&procedure.key));
            continue;
        };
        let own = read(&file);
        assert_eq!(own.surveyed(), procedure.surveyed(), "{}", procedure.key);
        assert_ne!(own.name, procedure.name);
        assert_eq!(own.parameters(), procedure.parameters());
        assert!(is_carried(&own));
    }
}

#[test]
fn every_error_says_where_and_what_to_do() {
    assert!(said(|file| file.key = "shop".into())[0].starts_with("key: begin with own_"));
    for key in ["own_", "own_A", "own_1a", "own_a b", "own_ab\"; drop"] {
        assert!(said(|file| file.key = key.into())[0].starts_with("key:"), "{key}");
    }
    assert!(said(|file| file.name = "weekly OF all".into())[0].contains("another procedure is called"));
    assert!(said(|file| file.name = "a\nb".into())[0].starts_with("name:"));
    assert!(said(|file| file.about = String::new())[0].starts_with("about:"));
    assert!(said(|file| file.dbms = "mariadb".into())[0].starts_with("dbms:"));
    assert!(said(|file| file.steps.clear()).iter().any(|line| line.contains("at least one step")));
    assert!(said(|file| file.steps.push("vacuum".into()))[0].contains("twice"));
    assert!(said(|file| file.steps.push("preflight".into()))[0].contains("pre-checks come first"));
    assert!(said(|file| file.steps.push("drop_everything".into()))[0].contains("There are: freeze, vacuum"));
    assert!(said(|file| file.steps.push("change".into()))[0].contains("“design change (PostgreSQL)”"));
    assert!(said(|file| file.steps.rotate_left(1))[0].contains("freeze first"));
    assert!(said(|file| file.steps.retain(|step| step != "freeze"))[0].contains("add freeze as the first one"));
    assert!(said(|file| file.steps.retain(|step| step != "analyze"))[0].contains("add analyze after reindex"));
    for name in ["weekly  of all", "weekly\u{a0}of all", "weekly of\u{2003}all"] {
        assert!(said(|file| file.name = name.into())[0].contains("ordinary spaces"), "{name:?}");
    }
    assert!(said(|file| file.steps.reverse()).iter().any(|line| line.contains("put vacuum before reindex")));
    assert!(said(|file| file.steps.retain(|step| step != "cleanup"))[0].contains("add cleanup after reindex"));
    let threshold = |name: &'static str, value| {
        said(move |file| {
            file.thresholds.insert(name.into(), value);
        })
    };
    assert!(threshold("colour", 1)[0].contains("none of the name “colour”"));
    assert!(threshold("archive_min_gib", 60)[0].contains("steers none of these steps"));
    assert!(threshold("jobs", 99)[0].starts_with("thresholds, jobs: Work at once"));
    assert!(threshold("reindex_large_min_waste_percent", 90)[0].contains("must not be above"));
    assert!(said(|file| file.checks[0].title = "Backups work".into())[0].contains("on the list already"));
    assert!(said(|file| file.checks[0].rule = " ".into())[0].starts_with("check 1, rule:"));
    assert!(said(|file| file.checks = vec![file.checks[0].clone(); 11])[0].contains("at most 10"));
    let all = said(|file| *file = File { key: "x".into(), name: String::new(), dbms: "oracle".into(), steps: vec![], ..file.clone() });
    assert!(all.len() >= 4, "all at once: {all:?}");
}

#[test]
fn nothing_of_the_catalogue_does_harm_and_no_library_key_looks_own() {
    let catalogue = catalogue();
    assert!(catalogue.len() > 10);
    for step in &catalogue {
        assert!(step.risk <= RiskClass::R1 && step.class != StepClass::Once, "{}", step.key);
        assert!(step.acts.iter().all(|act| !matches!(act, Act::Apply | Act::ApplyAlone)), "{}", step.key);
    }
    assert!(library::carried().iter().all(|procedure| !procedure.key.starts_with(PREFIX) && procedure.own.is_none()));
}

#[test]
fn a_plan_knows_its_own_procedure_by_itself_and_no_other() {
    let procedure = read(&file());
    let sealed = PlanProcedure::of(&procedure);
    assert_eq!(sealed.known(), Some(procedure.clone()));
    let spoilt: [fn(&mut Procedure); 6] = [
        |one| one.steps[1].does = "Something else.".into(),
        |one| one.steps[1].acts = vec![Act::Apply],
        |one| one.key = "weekly_postgresql".into(),
        |one| one.own = None,
        |one| one.version = 2,
        |one| one.steps.push(library::by_key(library::DESIGN_CHANGE_POSTGRESQL).expect("there").steps[1].clone()),
    ];
    for (n, spoil) in spoilt.iter().enumerate() {
        let mut other = procedure.clone();
        spoil(&mut other);
        // Neither under the digest that was approved, nor under one of its own, as far as it is not a procedure that could be.
        assert_eq!(PlanProcedure { own: Some(Box::new(other.clone())), ..sealed.clone() }.known(), None, "{n}");
        let resealed = PlanProcedure { digest: other.digest(), own: Some(Box::new(other)), ..sealed.clone() };
        assert_eq!(resealed.known(), None, "{n}");
    }
    assert_eq!(PlanProcedure { own: None, ..sealed }.known(), None, "not in the library");
}

#[test]
fn whatever_it_is_called_it_is_ruled_as_what_it_does() {
    let of = |steps: &[&str]| {
        let steps = steps.iter().map(|step| (*step).to_owned()).collect();
        let keys = alike(&read(&File { steps, thresholds: BTreeMap::new(), ..file() }));
        keys.into_iter().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(of(&["freeze", "vacuum"]), "weekly_postgresql");
    assert_eq!(of(&["freeze", "vacuum", "space", "key_review"]), "weekly_postgresql", "what it looks at besides makes it no milder");
    assert_eq!(of(&["space"]), "space_review_postgresql");
    assert_eq!(of(&["key_review", "space"]), "monthly_review_postgresql space_review_postgresql");
    // Whatever acts is ruled as something of the library is.
    for step in catalogue().iter().filter(|step| !step.acts.is_empty()) {
        let alone = Procedure { steps: vec![step.clone()], ..read(&file()) };
        assert!(!alike(&alone).is_empty(), "{}", step.key);
    }
    assert!(library::all().iter().all(|procedure| alike(procedure).is_empty()));
}

#[test]
fn it_never_runs_without_approvals() {
    assert!(!library::may_break_glass(&read(&file())));
}

#[test]
fn a_reviewer_reads_what_a_version_does_otherwise() {
    let before = read(&file());
    let mut next = file();
    next.steps = ["freeze", "vacuum", "analyze", "space"].map(str::to_owned).to_vec();
    next.thresholds = BTreeMap::from([("vacuum_min_dead_rows".to_owned(), 10)]);
    next.checks.clear();
    let said = changes(&before, &read(&next));
    assert_eq!(
        said,
        [
            "The step “Look at the space” is new.",
            "The step “Rebuild bloated indexes” is gone.",
            "The step “Drop what interrupted rebuilds left” is gone.",
            "VACUUM: fewest dead rows: 10 rows, it was 5000.",
            "The questions for the validation list are others.",
        ]
    );
    assert!(changes(&before, &before).is_empty());
    let mut turned = file();
    turned.steps = ["freeze", "reindex", "cleanup", "analyze"].map(str::to_owned).to_vec();
    turned.thresholds.clear();
    let (one, mut other) = (read(&turned), read(&turned));
    other.steps.swap(3, 4);
    assert_eq!(changes(&one, &other), ["The steps come in another order."]);
}

#[test]
fn the_shelf_offers_both() {
    let shelf = Shelf { own: vec![read(&file())] };
    assert_eq!(shelf.all().len(), library::all().len() + 1);
    assert_eq!(shelf.by_key("own_shop_nightly").map(|one| one.version), Some(1));
    assert_eq!(shelf.name("own_shop_nightly"), "nightly for the shop");
    assert_eq!((shelf.name("weekly_postgresql"), shelf.name("own_gone")), ("weekly (PostgreSQL)".into(), "own_gone".into()));
}

proptest! {
    /// Whatever is chosen in whatever order: what is accepted has each step once, keeps the order, and can be run from its plan.
    #[test]
    fn whatever_is_accepted_can_be_run(picks in proptest::collection::vec(0..20_usize, 0..12)) {
        let catalogue = catalogue();
        let steps: Vec<String> = picks.iter().filter_map(|at| catalogue.get(*at)).map(|step| step.key.clone()).collect();
        let file = File { steps: steps.clone(), thresholds: BTreeMap::new(), ..file() };
        if let Ok(procedure) = file.read(3, &BTreeSet::new()) {
            prop_assert_eq!(procedure.surveyed(), steps);
            prop_assert_eq!(PlanProcedure::of(&procedure).known(), Some(procedure.clone()));
            let at = |key: &str| procedure.position(key);
            for (before, after, _) in ORDER {
                prop_assert!(at(before).zip(at(after)).is_none_or(|(before, after)| before < after));
            }
        }
    }
}
