//! Policies: chosen by what a plan is, met in stages, changed only by others' agreement; and windows under way keep what was sealed.

use crate::house::{House, code, person, with_account};
use crate::inventory::worker;
use domain::approval::choose::Case;
use domain::ids::{PolicyChangeId, PolicyId};
use domain::people::GlobalRole;
use domain::permission::Permit;
use domain::procedure::{RiskClass, library};
use domain::proposal::ProposalForm;
use domain::view::simulator::Asked;
use domain::window::WindowState;
use engine::Error;
use engine::actions::agree_policy::{self, agree_policy};
use engine::actions::cast_vote::{self, Outcome};
use engine::actions::escalate_window::escalate_window;
use engine::actions::forget_example::forget_example;
use engine::actions::open_run::start_now;
use engine::actions::propose_policy::{Input, Proposed, propose_policy};
use engine::actions::propose_window::propose_window;
use engine::actions::set_tags::{self, set_tags};
use engine::actions::withdraw_policy::withdraw_policy;
use engine::actions::{Caller, agree_procedure, keep_example, open_run, propose_procedure, remove_factor};
use engine::queries::{policies as policy_pages, simulator};
use engine::store::{policies, policy_changes, windows};

/// A house with two administrators who can sign in.
pub struct Town {
    pub house: House,
    pub ada: Caller,
    pub bert: Caller,
}

impl Town {
    pub async fn new() -> Self {
        let house = House::new().await;
        let ada = person(&house.admin, "Ada", None, &[GlobalRole::Admin]).await;
        let bert = person(&house.admin, "Bert", None, &[GlobalRole::Admin]).await;
        for who in [&ada, &bert] {
            with_account(&house, who).await;
        }
        Self { house, ada, bert }
    }

    async fn standard(&self) -> PolicyId {
        let id = sqlx::query_scalar("SELECT id FROM drydock.policy WHERE name = 'Standard'").fetch_one(&self.house.admin).await;
        PolicyId(id.expect("installed by migrate"))
    }

    pub async fn propose(&self, version: i32, changes: &[(&str, &str)]) -> engine::Result<Proposed> {
        let input = Input { version: version.to_string(), name: String::new() };
        propose_policy(&self.house.engine, &self.ada, Some(self.standard().await), &input, &fields(changes)).await
    }

    /// The change that waits.
    async fn waiting(&self) -> (PolicyChangeId, String) {
        let (id, digest): (uuid::Uuid, Vec<u8>) = sqlx::query_as("SELECT id, digest FROM drydock.policy_change WHERE ended_at IS NULL")
            .fetch_one(&self.house.admin)
            .await
            .expect("one");
        (PolicyChangeId(id), hex::encode(digest))
    }

    async fn agree(&self, who: &Caller) -> engine::Result<usize> {
        let (id, digest) = self.waiting().await;
        agree_policy(&self.house.engine, who, id, &agree_policy::Input { digest }).await
    }

    /// Everybody agrees whose agreement is asked for.
    pub async fn agree_all(&self) {
        let waiting = "SELECT count(*) FROM drydock.policy_change WHERE ended_at IS NULL";
        for who in [&self.bert, &self.house.lead, &self.house.deputy, &self.house.stakeholder] {
            if self.house.count(waiting).await > 0 {
                // Who is not asked is told so.
                let _ = self.agree(who).await;
            }
        }
        assert_eq!(self.house.count(waiting).await, 0, "somebody was missing");
    }

    /// Ada proposes, Bert agrees.
    pub async fn adopted(&self, version: i32, changes: &[(&str, &str)]) {
        assert_eq!(self.propose(version, changes).await.expect("a good policy").needed, 1);
        assert_eq!(self.agree(&self.bert).await.expect("asked"), 0);
    }

    async fn version(&self) -> i32 {
        sqlx::query_scalar("SELECT current_version FROM drydock.policy WHERE name = 'Standard'")
            .fetch_one(&self.house.admin)
            .await
            .expect("one")
    }

    pub async fn vote(&self, who: &Caller, number: i64, decision: &str) -> engine::Result<Outcome> {
        let digest = self.house.digest(number).await.hex();
        let comment = "because".to_owned();
        let input = cast_vote::Input {
            decision: decision.into(),
            digest,
            short_name: "prod-orders".into(),
            comment,
            ..cast_vote::Input::default()
        };
        cast_vote::cast_vote(&self.house.engine, who, number, &input).await
    }

    /// Name of the policy that is sealed into a window.
    async fn rules(&self, number: i64) -> String {
        sqlx::query_scalar(
            "SELECT p.name FROM drydock.window w JOIN drydock.revision r ON r.window_id = w.id JOIN drydock.policy p ON p.id = r.policy_id WHERE w.number = $1",
        )
        .bind(number)
        .fetch_one(&self.house.admin)
        .await
        .expect("a policy")
    }

    /// Who was mailed a request about a window, by name.
    pub async fn asked(&self, number: i64) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT p.name FROM drydock.outbox o JOIN drydock.person p ON p.id = o.person_id JOIN drydock.window w ON w.id = o.window_id
             WHERE w.number = $1 AND o.kind = 'approval_needed' ORDER BY o.fact_id, p.name",
        )
        .bind(number)
        .fetch_all(&self.house.admin)
        .await
        .expect("messages")
    }

    pub async fn run(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.house.admin).await.expect(sql);
    }
}

/// The fields of a policy for everything but development that asks one stakeholder and one lead, with changes.
pub fn fields(changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let good = [
        ("rule1_who", "stakeholder"),
        ("rule1_how", "number"),
        ("rule1_count", "1"),
        ("rule1_known", "link"),
        ("rule2_who", "lead"),
        ("rule2_how", "number"),
        ("rule2_count", "1"),
        ("rule2_known", "link"),
        ("deny_threshold", "1"),
        ("decide_before_start_min", "60"),
        ("remind_every_min", "0"),
        ("deadline", "expire"),
        ("precedence", "0"),
        ("environments", "test"),
        ("environments", "staging"),
        ("environments", "production"),
    ];
    let kept = good.iter().filter(|(name, _)| !changes.iter().any(|(other, _)| other == name));
    kept.chain(changes).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// One stakeholder, and no lead.
pub const STAKEHOLDER_ALONE: &[(&str, &str)] = &[("rule2_who", "")];

#[tokio::test]
async fn a_policy_that_its_own_proposers_cannot_satisfy_is_refused_with_the_reason() {
    let town = Town::new().await;
    let Err(Error::Refused(refusal)) = town.propose(1, &[("rule2_count", "2")]).await else {
        panic!("a lead who proposes leaves one other")
    };
    assert_eq!(refusal.code, "policy_unsatisfiable");
    let says = refusal.message.starts_with("On prod-orders: ") && refusal.message.contains("2 of the leads and deputies");
    assert!(says, "{}", refusal.message);
    let wrong = town.propose(1, &[("rule1_who", ""), ("rule2_who", "")]).await;
    assert!(matches!(wrong, Err(Error::Invalid(errors)) if errors[0].field == "rule1_who"));
    assert_eq!(code(town.propose(1, &[("environments", "test")]).await), "no_policy", "production would be ruled by nothing");
    let lead = propose_policy(&town.house.engine, &town.house.lead, Some(town.standard().await), &Input::default(), &fields(&[])).await;
    assert_eq!(code(lead), "not_permitted");
    assert_eq!(town.house.count("SELECT count(*) FROM drydock.policy_version").await, 2, "only the two first versions");
}

#[tokio::test]
async fn a_rule_that_the_proposer_alone_could_fill_and_a_level_nobody_reaches_are_refused() {
    let town = Town::new().await;
    let own = [("rule1_who", "people"), ("rule1_people", "egon@example.org"), ("rule2_who", "")];
    let Err(Error::Refused(refusal)) = town.propose(1, &own).await else { panic!("Egon proposes") };
    assert!(refusal.code == "policy_unsatisfiable" && refusal.message.contains("Egon"), "{}", refusal.message);
    let Err(Error::Refused(refusal)) = town.propose(1, &[("rule1_known", "account_factor")]).await else { panic!("no second factor") };
    assert!(refusal.code == "policy_unsatisfiable" && refusal.message.contains("0 with a second factor"), "{}", refusal.message);
    let Err(Error::Invalid(errors)) = town.propose(1, &[("rule1_who", "people"), ("rule1_people", "x@y.org")]).await else {
        panic!("unknown")
    };
    assert!(errors[0].field == "rule1_people" && errors[0].message.contains("x@y.org"), "{errors:?}");
}

#[tokio::test]
async fn a_change_counts_once_others_have_agreed_and_never_by_its_proposer() {
    let town = Town::new().await;
    let house = &town.house;
    assert_eq!(town.propose(1, STAKEHOLDER_ALONE).await.expect("weaker, but possible").needed, 1);
    assert_eq!(town.version().await, 1, "it waits");
    assert_eq!(code(town.propose(1, STAKEHOLDER_ALONE).await), "change_waits");
    assert_eq!(code(town.agree(&town.ada).await), "four_eyes");
    assert_eq!(code(town.agree(&house.foreigner).await), "not_eligible", "he leads another team");
    let (id, _) = town.waiting().await;
    let stale = agree_policy(&house.engine, &town.bert, id, &agree_policy::Input { digest: "00".repeat(32) }).await;
    assert_eq!(code(stale), "moved_on");
    assert_eq!(town.agree(&town.bert).await.expect("asked"), 0);
    assert_eq!(town.version().await, 2);
    let missing = agree_policy(&house.engine, &town.bert, id, &agree_policy::Input::default()).await;
    assert!(matches!(missing, Err(Error::NotFound)), "decided already");
    let facts: Vec<String> = sqlx::query_scalar("SELECT action FROM drydock.fact WHERE object_kind = 'policy' ORDER BY id")
        .fetch_all(&house.admin)
        .await
        .expect("facts");
    assert_eq!(facts, ["policy.propose", "policy.agree", "policy.save"]);
    assert_eq!(code(town.propose(1, &[]).await), "moved_on", "the page showed version 1");
    town.propose(2, &[]).await.expect("the next one");
    let (id, _) = town.waiting().await;
    withdraw_policy(&house.engine, &town.bert, id).await.expect("what keeps the bar needs nobody");
    assert_eq!(town.version().await, 2);
}

#[tokio::test]
async fn whoever_takes_a_factor_away_does_not_agree_in_that_persons_name() {
    let town = Town::new().await;
    let (house, lena, dario) = (&town.house, &town.house.lead, &town.house.deputy);
    for who in [lena, dario] {
        with_account(house, who).await;
        sqlx::query(
            "INSERT INTO drydock.factor (person_id, key_id, sealed, confirmed_at, last_step)
             VALUES ($1, '\\x0102030405060708', '\\x01'::bytea || decode(repeat('ab', 60), 'hex'), now(), 7)",
        )
        .bind(who.actor.person.0)
        .execute(&house.admin)
        .await
        .expect("a factor");
    }
    assert!(town.propose(1, STAKEHOLDER_ALONE).await.expect("good").needed > 0);
    let take_away = async |by: &Caller, whose: &Caller| {
        let mut by = by.clone();
        by.actor.elevated = true;
        let reason = remove_factor::Reason { reason: "The app is lost.".into() };
        remove_factor::take_factor_away(&house.engine, &by, whose.actor.person, &reason).await.expect("taken away");
    };
    take_away(&town.ada, lena).await;
    take_away(&town.bert, dario).await;
    assert_eq!(code(town.agree(lena).await), "changed_by_proposer", "Ada proposed it");
    assert_eq!(code(town.agree(dario).await), "votes_rest", "Bert did not");
    let page = policy_pages::list(&house.engine, lena).await.expect("the page");
    let change = &page.changes[0];
    assert!(change.agree.is_err(), "no button that is refused");
    let said = |name: &str| change.asked.iter().find(|who| who.starts_with(name)).cloned().unwrap_or_default();
    assert!(said("Lena").contains("(does not count: Ada, who proposed this, changed the second factor on "), "{:?}", change.asked);
    assert!(said("Dario").contains("(counts from "), "{:?}", change.asked);
    assert_eq!(said("Bert"), "Bert");
    let mut db = house.admin.acquire().await.expect("connects");
    for (who, waits) in [(lena, 0), (dario, 0), (&town.bert, 1)] {
        let names = policy_changes::waiting_for(&mut db, who.actor.person).await.expect("readable");
        assert_eq!(names.len(), waits, "the first page asks {} for nothing that is refused", who.actor.name);
    }
    assert_eq!(house.count("SELECT count(*) FROM drydock.policy_agreement").await, 0);
}

#[tokio::test]
async fn the_old_policys_quorum_agrees_seat_by_seat() {
    let town = Town::new().await;
    let house = &town.house;
    let third = person(&house.admin, "Lola", Some((house.team, domain::people::TeamRole::Lead, false)), &[]).await;
    for one in [&third, &house.lead, &house.stakeholder] {
        with_account(house, one).await;
    }
    assert_eq!(town.propose(1, &[("rule2_count", "2")]).await.expect("one more lead").needed, 2);
    assert_eq!(code(town.agree(&town.bert).await), "not_eligible", "whom the policy asks can sign in, so nobody stands in for them");
    assert_eq!(town.agree(&third).await.expect("a lead"), 1);
    assert_eq!(town.agree(&house.lead).await.expect("a lead, but no stakeholder"), 1);
    assert_eq!(code(town.agree(&third).await), "already_agreed");
    assert_eq!(town.agree(&house.stakeholder).await.expect("the stakeholder"), 0);
    assert_eq!(town.version().await, 2);
    assert_eq!(town.propose(2, STAKEHOLDER_ALONE).await.expect("weaker").needed, 3, "two leads and the stakeholder");
    for (who, missing) in [(&house.stakeholder, 2), (&third, 1), (&house.lead, 0)] {
        assert_eq!(town.agree(who).await.expect("asked"), missing);
    }
    assert_eq!(town.version().await, 3);
}

#[tokio::test]
async fn alone_nobody_changes_what_rules_a_database() {
    let house = House::new().await;
    let ada = person(&house.admin, "Ada", None, &[GlobalRole::Admin]).await;
    with_account(&house, &ada).await;
    let town = Town { bert: ada.clone(), house, ada };
    assert_eq!(code(town.propose(1, STAKEHOLDER_ALONE).await), "nobody_to_agree");
    // Nothing is protected by it yet.
    let free = [("environments", "development"), ("precedence", "5"), ("name", "Playground")];
    let input = Input { name: "Playground".into(), ..Input::default() };
    let made = propose_policy(&town.house.engine, &town.ada, None, &input, &fields(&free)).await.expect("concerns no database");
    assert_eq!(made.needed, 0);
    assert_eq!(
        town.house.count("SELECT count(*) FROM drydock.policy WHERE name = 'Playground' AND environments = '{development}'").await,
        1
    );
}

#[tokio::test]
async fn a_window_under_way_keeps_the_policy_sealed_in_its_plan() {
    let town = Town::new().await;
    let before = town.house.proposed(3).await;
    town.adopted(1, STAKEHOLDER_ALONE).await;
    let after = town.house.proposed(5).await;
    let versions: Vec<i32> =
        sqlx::query_scalar("SELECT policy_version FROM drydock.revision r JOIN drydock.window w ON w.id = r.window_id ORDER BY w.number")
            .fetch_all(&town.house.admin)
            .await
            .expect("revisions");
    assert_eq!(versions, [1, 2]);
    assert!(after.asked < before.asked, "nobody but the stakeholder is asked now");
    let one = town.vote(&town.house.stakeholder, before.number, "approve").await.expect("counts");
    assert_eq!(one.state, WindowState::Proposed, "the weaker policy does not lower the bar of an open window");
    let one = town.vote(&town.house.stakeholder, after.number, "approve").await.expect("counts");
    assert_eq!(one.state, WindowState::Approved);
}

#[tokio::test]
async fn a_raised_policy_holds_for_windows_that_were_approved_before() {
    let town = Town::new().await;
    town.adopted(1, STAKEHOLDER_ALONE).await;
    let window = town.house.proposed(3).await;
    town.vote(&town.house.stakeholder, window.number, "approve").await.expect("enough for now");
    assert_eq!(town.house.state(window.number).await, "approved");
    let refused = || async {
        let typed = open_run::Input { short_name: "prod-orders".into() };
        let Err(Error::Refused(refusal)) = start_now(&town.house.engine, &town.house.engineer, window.number, &typed).await else {
            panic!("it is not time")
        };
        refusal.message
    };
    let early = refused().await;
    town.adopted(2, &[]).await;
    let raised = refused().await;
    let short = "votes do not suffice";
    assert!(!early.contains(short) && raised.contains(short), "{early} / {raised}");
}

#[tokio::test]
async fn the_highest_precedence_that_fits_rules_and_tags_choose() {
    let town = Town::new().await;
    let house = &town.house;
    let special = [("rule2_who", ""), ("precedence", "10"), ("tags", "payments"), ("environments", "production")];
    let input = Input { name: "Payments".into(), ..Input::default() };
    let same = propose_policy(&house.engine, &town.ada, None, &input, &fields(&[("precedence", "0")])).await;
    assert_eq!(code(same), "policy_precedence");
    let new = propose_policy(&house.engine, &town.ada, None, &input, &fields(&special)).await.expect("a new one");
    assert_eq!(new.needed, 1, "its tags may be given to any database there later");
    town.agree(&town.bert).await.expect("asked");
    assert_eq!(town.rules(house.proposed(3).await.number).await, "Standard");
    let tags = set_tags::Input { tags: "Payments eu".into() };
    assert_eq!(code(set_tags(&house.engine, &house.lead, house.target, &tags).await), "not_permitted", "tags choose policies");
    set_tags(&house.engine, &town.ada, house.target, &tags).await.expect("tagged");
    assert_eq!(town.rules(house.proposed(5).await.number).await, "Payments");
    let mut db = house.admin.acquire().await.expect("a connection");
    let case = Case {
        environment: "nowhere".into(),
        tags: std::collections::BTreeSet::new(),
        procedure: "x".into(),
        alike: std::collections::BTreeSet::new(),
        risk: RiskClass::R1,
        most_mib: 0,
        database_mib: None,
    };
    assert_eq!(code(policies::ruling(&mut db, &case).await), "no_policy");
}

#[tokio::test]
async fn a_stage_is_asked_once_the_one_before_is_complete() {
    let town = Town::new().await;
    let house = &town.house;
    town.adopted(1, &[("rule2_stage", "2")]).await;
    let window = house.proposed(3).await;
    assert_eq!((window.asked, town.asked(window.number).await), (1, vec!["Sten".to_owned()]));
    assert_eq!(code(town.vote(&house.lead, window.number, "approve").await), "not_your_turn");
    let first = town.vote(&house.stakeholder, window.number, "approve").await.expect("his turn");
    assert_eq!(first.state, WindowState::Proposed);
    assert_eq!(town.asked(window.number).await, ["Sten", "Dario", "Lena"]);
    assert_eq!(town.vote(&house.lead, window.number, "approve").await.expect("her turn").state, WindowState::Approved);

    let other = house.proposed(5).await;
    let no = town.vote(&house.lead, other.number, "reject").await.expect("a no never waits");
    assert_eq!(no.state, WindowState::Rejected);
}

#[tokio::test]
async fn without_quorum_in_time_the_second_group_is_asked_and_nothing_passes_by_itself() {
    let town = Town::new().await;
    let house = &town.house;
    let escalate = [("rule2_who", ""), ("deadline", "escalate"), ("escalation_who", "lead"), ("escalation_within_min", "30")];
    town.adopted(1, &escalate).await;
    let window = house.proposed(3).await;
    assert_eq!(town.asked(window.number).await, ["Sten"]);
    assert_eq!(code(town.vote(&house.lead, window.number, "approve").await), "not_eligible", "not asked yet");
    let pool = house.database.pool(engine::test_support::ServiceRole::Worker).await;
    town.run("UPDATE drydock.revision_stage SET escalate_at = now() - interval '1 minute'").await;
    engine::scheduler::tick(&worker(house).await).await.expect("ticks");
    assert_eq!(town.asked(window.number).await, ["Sten", "Dario", "Lena"]);
    assert_eq!(house.state(window.number).await, "proposed");
    escalate_window(&pool, &Permit::system(), window.id, "again").await.expect("left alone");
    assert_eq!(town.asked(window.number).await.len(), 3, "once a revision");
    assert_eq!(town.vote(&house.lead, window.number, "approve").await.expect("asked").state, WindowState::Approved);

    let silent = house.proposed(5).await;
    town.run("UPDATE drydock.revision_stage r SET escalate_at = now() - interval '2 minutes', decide_by_at = now() - interval '1 minute' FROM drydock.window w WHERE w.id = r.window_id AND w.state = 'proposed'").await;
    assert_eq!(code(town.vote(&house.stakeholder, silent.number, "approve").await), "too_late", "whether the scheduler came by or not");
    engine::scheduler::tick(&worker(house).await).await.expect("ticks");
    assert_eq!(house.state(silent.number).await, "expired");
}

#[tokio::test]
async fn whoever_is_waited_for_is_asked_again_by_a_fresh_link() {
    let town = Town::new().await;
    let house = &town.house;
    town.adopted(1, &[("remind_every_min", "60")]).await;
    let window = house.proposed(3).await;
    town.vote(&house.lead, window.number, "approve").await.expect("counts");
    let worker = worker(house).await;
    engine::scheduler::tick(&worker).await.expect("ticks");
    assert_eq!(town.asked(window.number).await.len(), 3, "not yet");
    town.run("UPDATE drydock.window SET state_at = now() - interval '61 minutes'").await;
    engine::scheduler::tick(&worker).await.expect("ticks");
    engine::scheduler::tick(&worker).await.expect("ticks");
    let asked = town.asked(window.number).await;
    assert_eq!(asked[3..], ["Sten"], "once, and only who is waited for: {asked:?}");
    let live = "SELECT count(*) FROM drydock.link l JOIN drydock.person p ON p.id = l.person_id WHERE p.name = 'Sten' AND l.purpose = 'approve' AND l.ended_at IS NULL";
    assert_eq!(house.count(live).await, 1, "the older link is replaced");
}

#[tokio::test]
async fn a_low_risk_class_may_be_approved_beforehand_and_says_so() {
    let town = Town::new().await;
    let house = &town.house;
    town.adopted(1, &[("pre_approved", "R1")]).await;
    let window = propose_window(&house.engine, &house.engineer, &house.form(3), None).await.expect("a good proposal");
    assert_eq!((window.asked, house.state(window.number).await.as_str()), (0, "approved"));
    let reason: String = sqlx::query_scalar("SELECT state_reason FROM drydock.window WHERE number = $1")
        .bind(window.number)
        .fetch_one(&house.admin)
        .await
        .expect("why");
    assert!(reason.starts_with("Approved beforehand by the policy “Standard”, version 2: risk R1"), "{reason}");
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action = 'window.pre_approve'").await, 1);
    let refused = || async {
        let typed = open_run::Input { short_name: "prod-orders".into() };
        let Err(Error::Refused(refusal)) = start_now(&house.engine, &house.engineer, window.number, &typed).await else {
            panic!("too early")
        };
        refusal.message
    };
    let early = refused().await;
    town.adopted(2, &[]).await;
    let taken_back = refused().await;
    let short = "votes do not suffice";
    assert!(!early.contains(short) && taken_back.contains(short), "{early} / {taken_back}");
}

#[tokio::test]
async fn what_comes_too_late_for_the_lead_time_is_refused_with_the_way_out() {
    let town = Town::new().await;
    town.adopted(1, &[("decide_before_start_min", "10080")]).await;
    let late = propose_window(&town.house.engine, &town.house.engineer, &town.house.form(3), None).await;
    let Err(Error::Invalid(errors)) = late else { panic!("three days are less than a week: {late:?}") };
    assert!(errors[0].field == "date" && errors[0].message.contains("10080 minutes before the latest start"), "{errors:?}");
    town.house.proposed(9).await;
}

#[tokio::test]
async fn where_votes_must_be_signed_in_only_people_with_accounts_are_asked_and_a_link_does_not_approve() {
    let town = Town::new().await;
    let house = &town.house;
    let signed_in = [("rule2_who", ""), ("rule1_known", "account")];
    let Err(Error::Refused(refusal)) = town.propose(1, &signed_in).await else { panic!("Sten has no account") };
    assert!(refusal.code == "policy_unsatisfiable" && refusal.message.contains("0 with an account"), "{}", refusal.message);

    let sten = house.stakeholder.actor.person;
    with_account(house, &house.stakeholder).await;
    assert_eq!(town.propose(1, &signed_in).await.expect("now he has").needed, 2, "he, and somebody for the leads");
    assert_eq!(town.agree(&house.stakeholder).await.expect("asked"), 1);
    assert_eq!(town.agree(&town.bert).await.expect("for the leads, who cannot sign in"), 0);
    let window = house.proposed(3).await;
    let secret = house.secret("approval_needed", sten).await;
    let page = engine::queries::links::page(&house.engine, &secret, None).await.expect("a page");
    assert!(page.about.sign_in_to_approve);
    let html = engine::paper::approval::page(&page, "/a/x", &engine::paper::approval::TypedAgain::default()).expect("written");
    assert!(html.contains("counts only when you are signed in") && !html.contains("value=\"approve\""), "{html}");
    let digest = house.digest(window.number).await.hex();
    let vote = cast_vote::Input { decision: "approve".into(), digest, short_name: "prod-orders".into(), ..cast_vote::Input::default() };
    let by_link = cast_vote::cast_vote_by_link(&house.engine, &secret, None, &vote, "r").await;
    assert!(matches!(&by_link, Err(Error::Refused(refusal)) if refusal.code == "sign_in_needed"), "{by_link:?}");
    assert_eq!(house.count("SELECT count(*) FROM drydock.link WHERE used_at IS NOT NULL").await, 0, "the link is not spent");
    let signed = cast_vote::cast_vote(&house.engine, &house.stakeholder, window.number, &vote).await.expect("signed in");
    assert_eq!(signed.state, WindowState::Approved);
}

#[tokio::test]
async fn who_must_approve_is_answered_for_an_imagined_window() {
    let town = Town::new().await;
    let house = &town.house;
    let asked = |absent: &[&Caller]| Asked {
        database: "prod-orders".into(),
        proposer: house.engineer.actor.person.to_string(),
        absent: absent.iter().map(|who| who.actor.person.to_string()).collect(),
        ..Asked::default()
    };
    let page = simulator::show(&house.engine, &house.engineer, &asked(&[])).await.expect("a page");
    let answer = page.answer.expect("ruled");
    assert_eq!((answer.policy.0.as_str(), answer.reachable), ("Standard", true));
    assert_eq!(answer.rules[1].there, ["Dario", "Lena"], "Egon proposes");
    let page = simulator::show(&house.engine, &house.engineer, &asked(&[&house.stakeholder])).await.expect("a page");
    let answer = page.answer.expect("ruled");
    assert!(!answer.reachable && answer.rules[0].absent == ["Sten"]);
    assert_eq!(answer.missing, ["1 of the stakeholders of the database has to approve, and 0 could."]);
    let foreign = simulator::show(&house.engine, &house.foreigner, &asked(&[])).await.expect("a page");
    assert!(foreign.databases.is_empty() && foreign.answer.is_none() && foreign.problem.is_some(), "foreign databases do not exist");
}

#[tokio::test]
async fn an_example_that_a_change_would_break_keeps_it_from_being_proposed() {
    let town = Town::new().await;
    let house = &town.house;
    let example = keep_example::Input { name: "Weekly on orders".into(), database: "prod-orders".into(), ..keep_example::Input::default() };
    assert_eq!(code(keep_example::keep_example(&house.engine, &house.lead, &example).await), "not_permitted");
    let id = keep_example::keep_example(&house.engine, &town.ada, &example).await.expect("kept");
    let twice = keep_example::keep_example(&house.engine, &town.ada, &example).await;
    assert!(matches!(twice, Err(Error::Invalid(errors)) if errors[0].field == "name"));
    let Err(Error::Refused(refusal)) = town.propose(1, STAKEHOLDER_ALONE).await else { panic!("the example expects two") };
    assert_eq!(refusal.code, "policy_example");
    let says = "“Weekly on orders” expects 2 people by “Standard”, and they are there; it would be 1 person by “Standard”, who is there.";
    assert!(refusal.message.contains(says), "{}", refusal.message);
    town.propose(1, &[("deny_threshold", "2")]).await.expect("another change keeps it true");
    let (waiting, _) = town.waiting().await;
    withdraw_policy(&house.engine, &town.ada, waiting).await.expect("taken back");
    forget_example(&house.engine, &town.bert, id).await.expect("no longer meant");
    town.propose(1, STAKEHOLDER_ALONE).await.expect("nothing is in its way");
    let facts: Vec<String> = sqlx::query_scalar("SELECT action FROM drydock.fact WHERE action LIKE '%example' ORDER BY id")
        .fetch_all(&house.admin)
        .await
        .expect("facts");
    assert_eq!(facts, ["policy.keep_example", "policy.forget_example"]);
}

/// A policy may be chosen by what the database holds, which is sealed. Where it grows past the limit, the stricter policy is asked at the start;
/// shrinking asks nobody else, and what nobody could measure counts as large.
#[tokio::test]
async fn what_a_database_holds_chooses_the_policy_and_is_sealed() {
    let town = Town::new().await;
    let house = &town.house;
    let small = house.proposed(2).await.number;
    assert!(measured(house, small).await.is_empty(), "no policy asks for it");
    let input = Input { version: String::new(), name: "Large".to_owned() };
    let mut typed = fields(&[("precedence", "50"), ("database_at_least_mib", "2000")]);
    typed.retain(|(field, value)| field != "environments" || value == "production");
    propose_policy(&house.engine, &town.ada, None, &input, &typed).await.expect("a good policy");
    town.agree_all().await;

    assert_eq!(town.rules(house.proposed(3).await.number).await, "Large", "nobody has measured it");
    let holds = |mib: i64| {
        let sql = "INSERT INTO drydock.load_reading (target_id, due_at, read_at, transactions, since, size_mib) VALUES ($1, now(), now(), 1, 'x', $2)
                   ON CONFLICT (target_id) DO UPDATE SET size_mib = $2, read_at = now()";
        sqlx::query(sql).bind(house.target.0).bind(mib).execute(&house.admin)
    };
    sqlx::query("UPDATE drydock.target SET verified_at = now() - interval '1 day', report = '{\"size_bytes\": 2097152000}'")
        .execute(&house.admin)
        .await
        .expect("tested yesterday");
    assert_eq!(town.rules(house.proposed(4).await.number).await, "Large", "2,000 MiB by the connection test");
    holds(1999).await.expect("read");
    let window = house.proposed(5).await.number;
    assert_eq!(town.rules(window).await, "Standard");
    assert_eq!(measured(house, window).await, [Some(1999)]);

    let mut db = house.admin.acquire().await.expect("a connection");
    let ruled = async |db: &mut sqlx::PgConnection, number| {
        let plan = windows::by_number(db, number).await.expect("a window").plan().expect("sealed");
        let today = policies::ruling_today(db, &plan).await.expect("ruled");
        today.into_iter().map(|found| found.expect("one rules").name).collect::<Vec<_>>()
    };
    assert_eq!(ruled(&mut db, window).await, ["Standard"]);
    holds(2000).await.expect("read");
    assert_eq!(ruled(&mut db, window).await, ["Large"], "it has grown since");
    assert_eq!(ruled(&mut db, small).await, ["Large"], "sealed before anybody asked: as it is today");
    let large = house.proposed(6).await.number;
    assert_eq!(town.rules(large).await, "Large");
    holds(7).await.expect("read");
    assert_eq!(
        (ruled(&mut db, large).await, ruled(&mut db, window).await),
        (vec!["Large".to_owned()], vec!["Standard".to_owned()]),
        "shrunk"
    );
    // Tested anew, as when its address is changed: what was read before may be of another database.
    sqlx::query("UPDATE drydock.target SET verified_at = clock_timestamp(), report = '{\"size_bytes\": 1048576}'")
        .execute(&house.admin)
        .await
        .expect("tested");
    assert_eq!(town.rules(house.proposed(7).await.number).await, "Standard");
}

/// Of an imagined database of another size, and of an own procedure, which is ruled as the steps that it takes are.
#[tokio::test]
async fn sizes_and_own_procedures_can_be_imagined() {
    let town = Town::new().await;
    let house = &town.house;
    for (name, precedence, what) in
        [("Large", "50", ("database_at_least_mib", "2000")), ("Weekly", "40", ("procedures", library::WEEKLY_POSTGRESQL))]
    {
        let input = Input { version: String::new(), name: name.to_owned() };
        let mut typed = fields(&[("precedence", precedence), what]);
        typed.retain(|(field, value)| field != "environments" || value == "production");
        propose_policy(&house.engine, &town.ada, None, &input, &typed).await.expect("a good policy");
        town.agree_all().await;
    }
    let own = "key = \"own_nightly\"\nname = \"nightly\"\nabout = \"A little every night.\"\ndbms = \"postgresql\"\nsteps = [\"freeze\", \"vacuum\", \"analyze\"]\n";
    let typed = propose_procedure::Input { text: own.into(), ..propose_procedure::Input::default() };
    let key = propose_procedure::propose_procedure(&house.engine, &house.lead, &typed).await.expect("a good file");
    let waiting = engine::queries::procedures::show(&house.engine, &town.ada, &key).await.expect("a page").waiting.expect("waits");
    let digest = waiting.digest.hex();
    agree_procedure::agree_procedure(&house.engine, &town.ada, waiting.id, &agree_procedure::Input { digest }).await.expect("two people");

    let ask = async |procedure: &str, database_mib: &str| {
        let asked = Asked {
            database: "prod-orders".into(),
            procedure: procedure.into(),
            database_mib: database_mib.into(),
            proposer: house.engineer.actor.person.to_string(),
            ..Asked::default()
        };
        simulator::show(&house.engine, &house.engineer, &asked).await.expect("a page")
    };
    let policy = |page: &domain::view::simulator::SimulatorPage| page.answer.as_ref().expect("ruled").policy.0.clone();
    let page = ask("", "").await;
    assert_eq!((policy(&page).as_str(), page.holds.as_deref()), ("Large", Some("Not measured yet, so it counts as large")));
    assert!(page.procedures.iter().any(|(known, name)| *known == key && name == "nightly"), "{:?}", page.procedures);
    let page = ask("", "1999").await;
    assert_eq!((policy(&page).as_str(), page.holds.as_deref()), ("Weekly", Some("1.9 GB, as asked here")));
    assert_eq!(policy(&ask(&key, "1999").await), "Weekly", "it does what the weekly one does");
    assert_eq!(policy(&ask(library::monthly::KEY, "1999").await), "Standard");
    assert!(ask("", "many").await.problem.expect("no number").contains("whole number of MiB"));
}

async fn measured(house: &House, number: i64) -> Vec<Option<u64>> {
    let mut db = house.admin.acquire().await.expect("a connection");
    windows::by_number(&mut db, number).await.expect("a window").plan().expect("sealed").measured_mib.into_values().collect()
}

/// What a policy says of procedures, classes and sizes chooses it when a window is sealed. The size is the plan's own limit: the work stays inside.
#[tokio::test]
async fn procedure_class_and_size_choose_the_policy() {
    let town = Town::new().await;
    let house = &town.house;
    for (name, precedence, what) in [
        ("Reviews", "50", ("procedures", library::monthly::KEY)),
        ("Destructive", "51", ("risks", "R4")),
        ("Large", "52", ("at_least_mib", "10000")),
    ] {
        let input = Input { version: String::new(), name: name.to_owned() };
        let mut typed = fields(&[("precedence", precedence), what]);
        typed.retain(|(field, value)| field != "environments" || value == "production");
        propose_policy(&house.engine, &town.ada, None, &input, &typed).await.expect("a good policy");
        town.agree_all().await;
    }
    let propose = |day, procedure: &'static str, most_mib: &'static str| {
        let (house, town) = (&town.house, &town);
        async move {
            let form = ProposalForm { procedure: procedure.into(), most_mib: most_mib.into(), ..house.form(day) };
            let number = propose_window(&house.engine, &house.engineer, &form, None).await.expect("a good proposal").number;
            town.rules(number).await
        }
    };
    let (weekly, review) = (library::WEEKLY_POSTGRESQL, library::monthly::KEY);
    assert_eq!(propose(3, weekly, "9999").await, "Standard");
    assert_eq!(propose(4, weekly, "10000").await, "Large");
    assert_eq!(propose(5, review, "9999").await, "Reviews");
}
