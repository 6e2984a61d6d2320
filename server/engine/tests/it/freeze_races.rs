//! Freezes, starts and proposals at the same moment, in many orders: whoever wins, nothing that started is inside a freeze, and no window is
//! inside one whose owner was not told.

use crate::freezes::form;
use crate::house::{House, code, person};
use crate::stage::When;
use domain::canonical::Digest;
use domain::freeze::FreezeForm;
use domain::ids::FreezeId;
use domain::people::GlobalRole;
use domain::permission::Permit;
use domain::proposal::ProposalForm;
use engine::actions::create_freeze::create_freeze;
use engine::actions::end_window::cancel_window;
use engine::actions::lift_freeze::lift_freeze;
use engine::actions::open_run::open_due_run;
use engine::actions::override_freeze::{self, override_freeze};
use engine::actions::propose_window::propose_window;
use engine::actions::set_tags::{self, set_tags};
use engine::actions::withdraw_override::withdraw_override;
use engine::test_support::ServiceRole;
use tokio_util::sync::CancellationToken;

/// A row of numbers that looks random and is the same every time: a failure names its round.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Lets the others go first a number of times: no clock, just another order.
async fn after(turns: u64) {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}

/// Runs that were opened inside a freeze which their plan did not pass at that moment.
pub const INSIDE: &str = "SELECT count(*) FROM drydock.run r JOIN drydock.target t ON t.id = r.target_id JOIN drydock.freeze f
    ON r.opened_at >= f.start_at AND r.opened_at < coalesce(f.lifted_at, f.end_at)
       AND drydock.freeze_covers(f, t)
    WHERE NOT EXISTS (SELECT FROM drydock.freeze_override o WHERE o.freeze_id = f.id AND o.window_id = r.window_id AND o.digest = r.plan_digest
                      AND o.granted_at <= r.opened_at AND (o.withdrawn_at IS NULL OR o.withdrawn_at > r.opened_at))";

/// Open proposals inside a freeze whose owner has no message about it: they were proposed into it.
const UNTOLD: &str = "SELECT count(*) FROM drydock.window w JOIN drydock.revision r ON r.window_id = w.id AND r.number = w.revision JOIN drydock.freeze f
    ON r.start_at < f.end_at AND r.end_at > f.start_at
    WHERE w.state = 'proposed' AND f.lifted_at IS NULL
      AND NOT EXISTS (SELECT FROM drydock.outbox o WHERE o.kind = 'frozen' AND o.person_id = w.created_by AND o.payload ->> 'freeze' = f.id::text)";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_many_orders_nothing_starts_inside_a_freeze_and_nothing_is_proposed_into_one_unseen() {
    let house = House::new().await;
    house.backed_up().await;
    let admin = person(&house.admin, "Adele", None, &[GlobalRole::Admin]).await;
    let workers = house.database.pool(ServiceRole::Worker).await;
    sqlx::query("UPDATE drydock.target SET tags = '{payments}'").execute(&house.admin).await.expect("tagged");
    let (mut dice, mut started, mut kept, mut proposed, mut refused) = (Dice(20_261_126), 0, 0, 0, 0);
    for round in 0..60 {
        let window = house.staged(When { start_s: -60, ..When::NOW }, |_| ()).await;
        let digest: Digest = house.digest(window.number).await;
        let team = format!("team:{}", house.team);
        let covers =
            ["everything", "environment:production", "tag:payments", &team, "database"][usize::try_from(dice.roll(5)).expect("few")];
        let turns: Vec<u64> = (0..4).map(|_| dice.roll(40)).collect();
        // In one round of three the freeze comes last, in one first, so that both are met on every machine; in the third they race.
        let (last, first) = (round % 3 == 0, round % 3 == 1);
        let (frozen, opened, planned) = (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
        // The freeze reaches over the proposal, and not over the window that the next round stages from.
        let freeze = form(&house, covers, 45);
        let (pool, id, turn) = (workers.clone(), window.id, turns[0]);
        let (wait, done) = (frozen.clone(), opened.clone().drop_guard());
        let start = tokio::spawn(async move {
            let _done = done;
            after(turn).await;
            if first {
                wait.cancelled().await;
            }
            open_due_run(&pool, &Permit::system(), id, "due").await
        });
        let (engine, who, turn) = (house.engine.clone(), admin.clone(), turns[1]);
        let (waits, done) = ([opened, planned.clone()], frozen.clone().drop_guard());
        let freezing = tokio::spawn(async move {
            let _done = done;
            after(turn).await;
            for wait in waits.iter().filter(|_| last) {
                wait.cancelled().await;
            }
            create_freeze(&engine, &who, &freeze).await
        });
        let (engine, who, turn) = (house.engine.clone(), house.lead.clone(), turns[2]);
        // At any hour of the day it is after the window that runs now, and inside of the freeze.
        let zone = jiff::tz::TimeZone::get("Europe/Berlin").expect("bundled");
        let at = (house.engine.clock().now() + jiff::SignedDuration::from_hours(30)).to_zoned(zone);
        let (date, time) = (at.strftime("%Y-%m-%d").to_string(), at.strftime("%H:%M").to_string());
        let plan = ProposalForm { title: format!("round {round}"), date, time, fold: "first".into(), ..house.form(1) };
        let (wait, done) = (frozen.clone(), planned.drop_guard());
        let proposing = tokio::spawn(async move {
            let _done = done;
            after(turn).await;
            if first {
                wait.cancelled().await;
            }
            propose_window(&engine, &who, &plan, None).await
        });
        let freeze: FreezeId = freezing.await.expect("no panic").expect("a freeze is never refused by a start");
        let (start, proposal) = (start.await.expect("no panic"), proposing.await.expect("no panic"));
        let (ran, planned) = (start.is_ok(), proposal.as_ref().ok().map(|new| new.number));
        if ran {
            started += 1;
        } else {
            assert_eq!(code(start), "freeze", "round {round}");
            kept += 1;
        }
        if planned.is_some() {
            proposed += 1;
        } else {
            // By the freeze, by the window that runs then, or by both.
            let fields = code(proposal);
            assert!(fields.split(',').all(|field| field == "date"), "round {round}: {fields}");
            refused += 1;
        }
        assert_eq!(house.count(INSIDE).await, 0, "round {round}");
        assert_eq!(house.count(UNTOLD).await, 0, "round {round}");
        // From the commit on it is refused, until somebody lets it pass; and who takes that back at the same moment is obeyed or too late.
        if !ran {
            assert_eq!(code(open_due_run(&workers, &Permit::system(), window.id, "due").await), "freeze", "round {round}");
            let input = override_freeze::Input { digest: digest.hex(), short_name: "prod-orders".into(), reason: "it cannot wait".into() };
            override_freeze(&house.engine, &admin, window.number, freeze, &input).await.expect("passes");
            let (engine, who, number, turn) = (house.engine.clone(), admin.clone(), window.number, turns[3]);
            let back = tokio::spawn(async move {
                after(turn).await;
                withdraw_override(&engine, &who, number, freeze, "it can wait").await
            });
            let again = open_due_run(&workers, &Permit::system(), window.id, "due").await;
            back.await.expect("no panic").expect("taken back");
            if again.is_err() {
                assert_eq!(code(again), "freeze", "round {round}");
            }
            assert_eq!(house.count(INSIDE).await, 0, "round {round}");
        }
        lift_freeze(&house.engine, &admin, freeze, "next round").await.expect("lifted");
        cancel_window(&house.engine, &house.engineer, window.number, "next round").await.expect("called off");
        if let Some(number) = planned {
            cancel_window(&house.engine, &house.lead, number, "next round").await.expect("withdrawn");
        }
    }
    // The orders were really different ones.
    assert!(started > 0 && kept > 0, "{started} started, {kept} were kept");
    assert!(proposed > 0 && refused > 0, "{proposed} were proposed, {refused} were refused");
}

/// A tag that brings a database under a standing freeze is as good as the freeze: who plans there at that moment is refused, or told.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_tag_that_comes_with_a_proposal_is_seen_or_told() {
    let house = House::new().await;
    let admin = person(&house.admin, "Adele", None, &[GlobalRole::Admin]).await;
    // It is to come: the tag may go again after each round.
    let from = (house.engine.clock().now() + jiff::SignedDuration::from_hours(20)).to_zoned(jiff::tz::TimeZone::UTC);
    let (from_date, from_time) = (from.strftime("%Y-%m-%d").to_string(), from.strftime("%H:%M").to_string());
    let freeze = FreezeForm { from_date, from_time, ..form(&house, "tag:payments", 100) };
    create_freeze(&house.engine, &admin, &freeze).await.expect("frozen");
    let (mut dice, mut told, mut refused) = (Dice(20_261_128), 0, 0);
    let tags = |words: &str| set_tags::Input { tags: words.into() };
    for round in 0..24 {
        // In one round of three the tag comes last, in one first; in the third they race.
        let (last, first) = (round % 3 == 0, round % 3 == 1);
        let (turns, tagged, planned) = ((dice.roll(40), dice.roll(40)), CancellationToken::new(), CancellationToken::new());
        let (engine, who, target, with) = (house.engine.clone(), admin.clone(), house.target, tags("payments"));
        let (wait, done) = (planned.clone(), tagged.clone().drop_guard());
        let tagging = tokio::spawn(async move {
            let _done = done;
            after(turns.0).await;
            if last {
                wait.cancelled().await;
            }
            set_tags(&engine, &who, target, &with).await
        });
        let (engine, who) = (house.engine.clone(), house.engineer.clone());
        let plan = ProposalForm { title: format!("round {round}"), ..house.form(2) };
        let proposing = tokio::spawn(async move {
            let _done = planned.drop_guard();
            after(turns.1).await;
            if first {
                tagged.cancelled().await;
            }
            propose_window(&engine, &who, &plan, None).await
        });
        tagging.await.expect("no panic").expect("a proposal never keeps a tag away");
        match proposing.await.expect("no panic") {
            Ok(_) => told += 1,
            refusal => {
                assert_eq!(code(refusal), "date", "round {round}");
                refused += 1;
            }
        }
        assert_eq!(house.count(UNTOLD).await, 0, "round {round}");
        set_tags(&house.engine, &admin, house.target, &tags("")).await.expect("it is only to come");
    }
    assert!(told >= 8 && refused >= 8, "{told} {refused}");
}
