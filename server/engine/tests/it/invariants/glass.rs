//! Break-glass: two people, one plan, in time; and no window is approved or run by it otherwise.

use super::yard::By::{Auditor, Owner, Replica, Web, Worker};
use super::yard::{By, DENIED, FIXED, Yard};
use domain::approval::{Assurance, Group, Policy, Rule};
use engine::actions::propose_window::propose_window;

const GLASS: &str = "'00000000-0000-0000-0000-000000000091'::uuid";

/// A window that waits for approval, beside the approved one of the yard.
struct Waiting {
    yard: Yard,
    window: String,
    plan: String,
    lead: String,
    deputy: String,
    engineer: String,
    stakeholder: String,
}

impl Yard {
    /// Number of a window that waits for approval, and starts in so many hours.
    async fn urgent(&self, hours: i64) -> i64 {
        let form = crate::glass::soon(&self.house, hours);
        propose_window(&self.house.engine, &self.house.engineer, &form, None).await.expect("proposed").number
    }

    /// The same as SQL: the window, and the digest of its plan.
    async fn proposed_in(&self, hours: i64) -> (String, String) {
        let number = self.urgent(hours).await;
        let id: uuid::Uuid = sqlx::query_scalar("SELECT id FROM drydock.window WHERE number = $1")
            .bind(number)
            .fetch_one(&self.house.admin)
            .await
            .expect("a window");
        (format!("'{id}'::uuid"), format!("'\\x{}'::bytea", self.house.digest(number).await.hex()))
    }
}

impl Waiting {
    async fn new() -> Self {
        Self::on(Yard::new().await).await
    }

    async fn on(yard: Yard) -> Self {
        let (window, plan) = yard.proposed_in(5).await;
        yard.set(
            "INSERT INTO drydock.account (person_id, password_hash) SELECT id, '$argon2id$x' FROM drydock.person ON CONFLICT DO NOTHING",
        )
        .await;
        let who = |who: &engine::actions::Caller| format!("'{}'::uuid", who.actor.person);
        let house = &yard.house;
        let (lead, deputy, engineer, stakeholder) = (who(&house.lead), who(&house.deputy), who(&house.engineer), who(&house.stakeholder));
        Self { yard, window, plan, lead, deputy, engineer, stakeholder }
    }

    /// Somebody asks about another plan of somebody else's making.
    fn asked_about(&self, window: &str, plan: &str) -> String {
        self.asked(&self.lead, "", "").replace(&self.window, window).replace(&self.plan, plan)
    }

    /// Somebody asks; `more` are columns and `values` theirs.
    fn asked(&self, by: &str, more: &str, values: &str) -> String {
        format!(
            "INSERT INTO drydock.break_glass (id, window_id, digest, reason, asked_by, asked_factor, needs_factor{more}) VALUES ({GLASS}, {}, {}, 'orders cannot be placed', {by}, false, false{values})",
            self.window, self.plan
        )
    }

    fn confirmed(by: &str) -> String {
        format!(
            "UPDATE drydock.break_glass SET confirmed_by = {by}, confirmed_factor = false, confirmed_at = clock_timestamp(), review_due_at = clock_timestamp() + interval '72 hours'"
        )
    }

    fn approved(&self) -> String {
        format!(
            "UPDATE drydock.window SET state = 'approved', glass_id = {GLASS}, (state_fact_id, state_fact_at) = ({}) WHERE id = {}",
            self.yard.fresh[0], self.window
        )
    }

    /// Asked by the engineer, who wrote it, and confirmed by the lead.
    fn broken(&self) -> String {
        format!("{}; {}", self.asked(&self.engineer, "", ""), Self::confirmed(&self.lead))
    }

    fn reviewed(by: &str) -> String {
        format!("INSERT INTO drydock.glass_review (glass_id, justified, outcome, reviewed_by) VALUES ({GLASS}, true, 'it had to be', {by})")
    }
}

#[tokio::test]
async fn two_people_who_hold_the_right_break_it_for_the_newest_plan_in_time() {
    let w = Waiting::new().await;
    let (yard, ask) = (&w.yard, |by: &str| w.asked(by, "", ""));
    yard.allows(Web, &format!("{}; {}", w.broken(), w.approved())).await;
    let about_the_approved = w.asked_about(&yard.window, &yard.plan);
    let (later, plan_of_later) = yard.proposed_in(26).await;
    let in_a_day = w.asked_about(&later, &plan_of_later);
    let moved = |latest: &str| {
        format!(
            "UPDATE drydock.revision SET start_at = l - interval '1 hour', latest_start_at = l, cut_off_at = l + interval '1 hour', end_at = l + interval '2 hours'
             FROM (SELECT clock_timestamp() + {latest} AS l) x WHERE window_id = {}",
            w.window
        )
    };
    let (too_far, too_late) = (moved("interval '26 hours'"), moved("interval '-1 minute'"));
    let changed = |column: &str, value: &str| format!("{}; UPDATE drydock.break_glass SET {column} = {value}", ask(&w.lead));
    let late = w.asked(&w.engineer, ", asked_at, expires_at", ", now() - interval '1 hour', now() - interval '30 minutes'");
    let forever = w.asked(&w.engineer, ", expires_at", ", now() + interval '2 hours'");
    let all_at_once = w.asked(
        &w.engineer,
        ", confirmed_by, confirmed_factor, confirmed_at, review_due_at",
        &format!(", {}, false, now(), now()", w.lead),
    );
    let author = format!("INSERT INTO drydock.contributor (window_id, person_id) VALUES ({}, {})", w.window, w.deputy);
    let newcomer = format!("UPDATE drydock.membership SET since = clock_timestamp() WHERE person_id = {}", w.lead);
    let no_account = format!("DELETE FROM drydock.account WHERE person_id = {}", w.lead);
    let factor = |asked: &str| asked.replace(", false, false", ", true, false");
    yard.refuses(&[
        (Web, ask(&w.stakeholder), "break_glass_by_right"),
        (Owner, format!("{no_account}; {}", ask(&w.lead)), "break_glass_by_right"),
        (Web, about_the_approved, "break_glass_newest"),
        (Web, in_a_day.clone(), "break_glass_soon"),
        (Replica, in_a_day, "break_glass_soon"),
        (Owner, format!("{}; {too_far}; {}", ask(&w.lead), Waiting::confirmed(&w.deputy)), "break_glass_soon"),
        (Owner, format!("{too_late}; {}", ask(&w.lead)), "break_glass_soon"),
        (Web, ask(&w.lead).replace("orders cannot be placed", "hurry"), "break_glass_reason_check"),
        (Web, all_at_once, "break_glass_asked_first"),
        (Owner, forever, "break_glass_short"),
        (Web, factor(&ask(&w.lead)), "break_glass_with_factor"),
        (Web, ask(&w.lead).replace(", false, false", ", false, true"), "break_glass_factors"),
        (Web, format!("{}; {}", ask(&w.lead), ask(&w.deputy).replace(GLASS, "gen_random_uuid()")), "break_glass_one_open"),
        (Web, format!("{}; {}", ask(&w.lead), Waiting::confirmed(&w.lead)), "break_glass_two_people"),
        (Replica, format!("{}; {}", ask(&w.lead), Waiting::confirmed(&w.lead)), "break_glass_two_people"),
        (Web, format!("{}; {}", ask(&w.lead), Waiting::confirmed(&w.engineer)), "break_glass_by_right"),
        (Owner, format!("{author}; {}; {}", ask(&w.lead), Waiting::confirmed(&w.deputy)), "break_glass_not_by_contributor"),
        (Replica, format!("{author}; {}; {}", ask(&w.lead), Waiting::confirmed(&w.deputy)), "break_glass_not_by_contributor"),
        (Owner, format!("{newcomer}; {}; {}", ask(&w.deputy), Waiting::confirmed(&w.lead)), "break_glass_heard"),
        (Replica, format!("{newcomer}; {}; {}", ask(&w.deputy), Waiting::confirmed(&w.lead)), "break_glass_heard"),
        (Owner, format!("{late}; {}", Waiting::confirmed(&w.lead)), "break_glass_in_time"),
        (Web, format!("{}; {}", w.broken(), Waiting::confirmed(&w.deputy)), "break_glass_fixed"),
        (Owner, format!("{}; UPDATE drydock.break_glass SET review_due_at = now() + interval '9 days'", w.broken()), "break_glass_fixed"),
        (Owner, changed("reason", "'something else that is long enough'"), "break_glass_fixed"),
        (Owner, changed("expires_at", "now() + interval '31 minutes'"), "break_glass_fixed"),
        (Web, format!("{}; DELETE FROM drydock.break_glass", ask(&w.lead)), DENIED),
        (Owner, format!("{}; DELETE FROM drydock.break_glass", ask(&w.lead)), FIXED),
        (Owner, "TRUNCATE drydock.break_glass CASCADE".into(), FIXED),
        (Worker, ask(&w.lead), DENIED),
        (Auditor, ask(&w.lead), DENIED),
    ])
    .await;
    yard.allows(Auditor, "SELECT reason FROM drydock.break_glass").await;
}

#[tokio::test]
async fn a_policy_that_wants_second_factors_is_not_broken_without_them() {
    let yard = Yard::new().await;
    yard.set(
        "INSERT INTO drydock.account (person_id, password_hash) SELECT id, '$argon2id$x' FROM drydock.person ON CONFLICT DO NOTHING;
         INSERT INTO drydock.factor (person_id, key_id, sealed, confirmed_at, last_step)
         SELECT id, '\\x0102030405060708', '\\x01'::bytea || decode(repeat('ab', 60), 'hex'), now(), 7 FROM drydock.person",
    )
    .await;
    let known = Rule::new("lead", Group::LeadsAndDeputies, 1, Assurance::AccountFactor);
    yard.house.ruled_by("Known", "production", &Policy::of(vec![known])).await;
    let w = Waiting::on(yard).await;
    let ask = w.asked(&w.lead, "", "");
    w.yard.allows(Web, &ask.replace(", false, false", ", true, true")).await;
    w.yard
        .refuses(&[
            (Web, ask.clone(), "break_glass_needs_factor"),
            (Web, ask.replace(", false, false", ", true, false"), "break_glass_needs_factor"),
            (Replica, ask, "break_glass_needs_factor"),
        ])
        .await;
}

#[tokio::test]
async fn the_window_bears_its_mark_and_runs_while_it_counts() {
    let w = Waiting::new().await;
    let yard = &w.yard;
    let broken = format!("{}; {}", w.broken(), w.approved());
    let run = |by: By, before: &str, expected: &'static str| {
        let opened = format!(
            "INSERT INTO drydock.run (id, window_id, revision, target_id, plan_digest, opened_by, state_fact_id, state_fact_at)
             SELECT gen_random_uuid(), {}, 1, t.target_id, {}, NULL, {} FROM drydock.window_target t WHERE t.window_id = {}",
            w.window, w.plan, yard.fact, w.window
        );
        // The yard's own run keeps the database.
        let free = "ALTER TABLE drydock.run DISABLE TRIGGER USER; UPDATE drydock.run SET state = 'ended', ending = 'finished', ended_at = now(); ALTER TABLE drydock.run ENABLE ALWAYS TRIGGER run_glass_guard";
        (by, format!("{broken}; {free}; {before}; {opened}"), expected)
    };
    let gone = format!("UPDATE drydock.person SET active = false WHERE id = {}", w.lead);
    let running = format!(
        "UPDATE drydock.window SET state = 'running', (state_fact_id, state_fact_at) = ({}) WHERE id = {}",
        yard.fresh[1], w.window
    );
    yard.allows(Owner, &run(Owner, "SELECT 1", "").1).await;
    yard.allows(Owner, &format!("{broken}; {running}")).await;
    yard.refuses(&[
        (Web, w.approved(), "window_glass"),
        (Web, format!("{}; {}", w.asked(&w.engineer, "", ""), w.approved()), "window_glass"),
        (Owner, format!("{broken}; UPDATE drydock.window SET glass_id = NULL WHERE id = {}", w.window), "window_glass"),
        (Owner, format!("{}; UPDATE drydock.window SET glass_id = {GLASS} WHERE id = {}", w.broken(), yard.window), "window_glass"),
        (Replica, format!("{}; UPDATE drydock.window SET glass_id = {GLASS} WHERE id = {}", w.broken(), yard.window), "window_glass"),
        (Worker, format!("UPDATE drydock.window SET glass_id = NULL WHERE id = {}", w.window), DENIED),
        run(Owner, &gone, "glass_holds"),
        (Owner, format!("{broken}; {gone}; {running}"), "glass_holds"),
    ])
    .await;
    let back = format!(
        "{broken}; UPDATE drydock.window SET state = 'proposed', (state_fact_id, state_fact_at) = ({}) WHERE id = {}",
        yard.fresh[1], w.window
    );
    let cleared = format!("{back}; SELECT 1 / (SELECT count(*) FROM drydock.window WHERE id = {} AND glass_id IS NULL)", w.window);
    yard.allows(Owner, &cleared).await;
}

#[tokio::test]
async fn a_review_is_written_once_by_somebody_who_had_no_part_in_it() {
    let w = Waiting::new().await;
    let yard = &w.yard;
    let broken = w.broken();
    let reviewed = |by: &str| format!("{broken}; {}", Waiting::reviewed(by));
    yard.allows(Web, &reviewed(&w.deputy)).await;
    yard.refuses(&[
        (Web, reviewed(&w.lead), "glass_review_by_others"),
        (Web, reviewed(&w.engineer), "glass_review_by_others"),
        (Replica, reviewed(&w.lead), "glass_review_by_others"),
        (Web, reviewed(&w.stakeholder), "glass_review_by_right"),
        (Web, format!("{}; {}", w.asked(&w.engineer, "", ""), Waiting::reviewed(&w.deputy)), "glass_review_of_confirmed"),
        (Web, reviewed(&w.deputy).replace("'it had to be'", "' '"), "glass_review_outcome_check"),
        (Web, format!("{}; {}", reviewed(&w.deputy), Waiting::reviewed(&w.deputy)), "glass_review_pkey"),
        (Owner, format!("{}; UPDATE drydock.glass_review SET justified = false", reviewed(&w.deputy)), FIXED),
        (Owner, format!("{}; DELETE FROM drydock.glass_review", reviewed(&w.deputy)), FIXED),
        (Web, format!("{}; UPDATE drydock.glass_review SET justified = false", reviewed(&w.deputy)), DENIED),
        (Owner, "TRUNCATE drydock.glass_review".into(), FIXED),
        (Worker, Waiting::reviewed(&w.deputy), DENIED),
    ])
    .await;
}
