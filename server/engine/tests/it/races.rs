//! Everything that can make or unmake an approval, at the same moment as a start and in many orders: whatever was first, nothing starts that was
//! not approved when it did.

use crate::absences::{Office, elevated};
use crate::freeze_races::{Dice, INSIDE};
use crate::freezes;
use crate::glass::soon;
use crate::house::{code, person, with_account};
use crate::policies;
use crate::stage::Staged;
use domain::glass::AskForm;
use domain::ids::{PolicyChangeId, PolicyId};
use domain::people::TeamRole;
use domain::permission::{Member, Permit};
use engine::actions::Caller;
use engine::actions::agree_policy::{self, agree_policy};
use engine::actions::amend_window::amend_window;
use engine::actions::ask_break_glass::ask_break_glass;
use engine::actions::cast_vote::cast_vote;
use engine::actions::confirm_break_glass::{self, confirm_break_glass};
use engine::actions::create_freeze::create_freeze;
use engine::actions::end_absence::end_absence;
use engine::actions::end_window::cancel_window;
use engine::actions::lift_freeze::lift_freeze;
use engine::actions::open_run::{Input, open_due_run, start_now};
use engine::actions::propose_policy::{self, propose_policy};
use engine::actions::say_absence::say_absence;
use engine::actions::withdraw_policy::withdraw_policy;
use engine::actions::withdraw_vote::withdraw_vote;
use engine::test_support::ServiceRole;
use sqlx::PgPool;
use std::sync::Arc;
use std::time::Instant;

/// Rounds, each with its own order.
const ROUNDS: u32 = 120;

/// Runs whose plan was not the newest one when they were opened, or had neither a stakeholder's and a lead's approval at that moment, given by
/// themselves or in their place, nor a break-glass about exactly it. `$1` is how many leads it takes.
const UNAPPROVED: &str = "
    WITH standing AS (
        SELECT r.id, p.name, p.name IN ('Lena', 'Dario') OR v.in_place_of && ARRAY (SELECT l.id FROM drydock.person l WHERE l.name IN ('Lena', 'Dario')) AS leads
        FROM drydock.run r JOIN drydock.vote v ON v.window_id = r.window_id AND v.digest = r.plan_digest AND v.decision = 'approve'
             AND v.cast_at <= r.opened_at AND (v.withdrawn_at IS NULL OR v.withdrawn_at > r.opened_at)
        JOIN drydock.person p ON p.id = v.person_id)
    SELECT count(*) FROM drydock.run r WHERE r.window_id = $2 AND (
        r.revision <> (SELECT max(n.number) FROM drydock.revision n WHERE n.window_id = r.window_id AND n.created_at <= r.opened_at)
        OR (NOT EXISTS (SELECT FROM drydock.break_glass g WHERE g.window_id = r.window_id AND g.digest = r.plan_digest AND g.confirmed_at <= r.opened_at)
            AND ((SELECT count(*) FROM standing s WHERE s.id = r.id AND s.leads) < $1
                 OR NOT EXISTS (SELECT FROM standing s WHERE s.id = r.id AND s.name = 'Sten'))))";

/// What somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Schedule,
    ByHand,
    StakeholderApproves,
    StakeholderTakesBack,
    LeadApproves,
    LeadTakesBack,
    DeputyApproves,
    LeadGoesAway,
    DelegateApproves,
    DelegateTakesBack,
    Edit,
    AskGlass,
    BreakGlass,
    Freeze,
    MoreLeads,
    CallOff,
}

/// What may happen besides the starts.
const OTHERS: [Act; 14] = [
    Act::StakeholderApproves,
    Act::StakeholderTakesBack,
    Act::LeadApproves,
    Act::LeadTakesBack,
    Act::DeputyApproves,
    Act::LeadGoesAway,
    Act::DelegateApproves,
    Act::DelegateTakesBack,
    Act::Edit,
    Act::AskGlass,
    Act::BreakGlass,
    Act::Freeze,
    Act::MoreLeads,
    Act::CallOff,
];

/// What became of an act, and when it was done.
#[derive(Debug)]
struct Done {
    act: Act,
    begun: Instant,
    ended: Instant,
    came_of_it: Result<(), String>,
}

impl Done {
    /// It was over, and had its effect, before the other one began.
    fn precedes(&self, other: &Self) -> bool {
        self.came_of_it.is_ok() && self.ended <= other.begun
    }
}

/// An office with somebody who may vote in the lead's place, and the worker's way to the state database.
struct Arena {
    office: Office,
    delegate: Caller,
    workers: PgPool,
}

impl Arena {
    async fn new() -> Self {
        let office = Office::new().await;
        let house = &office.house;
        house.backed_up().await;
        let other = house.foreigner.actor.teams[0].team;
        let mut delegate = person(&house.admin, "Paula", Some((other, TeamRole::Lead, false)), &[]).await;
        sqlx::query("INSERT INTO drydock.membership (team_id, person_id, role, deputy) VALUES ($1, $2, 'engineer', false)")
            .bind(house.team.0)
            .bind(delegate.actor.person.0)
            .execute(&house.admin)
            .await
            .expect("sees the windows");
        // Two leads are there for whoever writes it, the deputy too.
        with_account(house, &person(&house.admin, "Lars", Some((house.team, TeamRole::Lead, false)), &[]).await).await;
        delegate.actor.teams.push(Member { team: house.team, role: TeamRole::Engineer, deputy: false });
        with_account(house, &delegate).await;
        let workers = house.database.pool(ServiceRole::Worker).await;
        Self { office, delegate, workers }
    }

    async fn votes(&self, who: &Caller, number: i64) -> engine::Result<()> {
        cast_vote(&self.office.house.engine, who, number, &self.office.input(number, "approve").await).await.map(drop)
    }

    async fn takes_back(&self, who: &Caller, number: i64) -> engine::Result<()> {
        withdraw_vote(&self.office.house.engine, who, number).await.map(drop)
    }

    async fn away(&self) -> engine::Result<()> {
        let (house, form) = (&self.office.house, self.office.form(0, 5, "paula"));
        say_absence(&house.engine, &house.lead, house.lead.actor.person, &form).await.map(drop)
    }

    async fn ask_glass(&self, window: &Staged) -> engine::Result<()> {
        let house = &self.office.house;
        let digest = house.digest(window.number).await.hex();
        let form = AskForm { digest, short_name: "prod-orders".into(), reason: "Orders cannot be placed at all.".into() };
        ask_break_glass(&house.engine, &elevated(&house.engineer), window.number, &form).await
    }

    /// Carries it out; what is refused is refused with a reason, and nothing else goes wrong.
    async fn act(&self, act: Act, window: &Staged) -> Result<(), String> {
        let (house, number) = (&self.office.house, window.number);
        let digest = house.digest(number).await.hex();
        let name = || "prod-orders".to_owned();
        let done = match act {
            Act::Schedule => open_due_run(&self.workers, &Permit::system(), window.id, "due").await.map(drop),
            Act::ByHand => start_now(&house.engine, &house.engineer, number, &Input { short_name: name() }).await.map(drop),
            Act::StakeholderApproves => self.votes(&house.stakeholder, number).await,
            Act::StakeholderTakesBack => self.takes_back(&house.stakeholder, number).await,
            Act::LeadApproves => self.votes(&house.lead, number).await,
            Act::LeadTakesBack => self.takes_back(&house.lead, number).await,
            Act::DeputyApproves => self.votes(&house.deputy, number).await,
            Act::LeadGoesAway => self.away().await,
            Act::DelegateApproves => {
                // Whoever is away already stays so.
                let _ = self.away().await;
                self.votes(&self.delegate, number).await
            }
            Act::DelegateTakesBack => self.takes_back(&self.delegate, number).await,
            Act::Edit => amend_window(&house.engine, &house.engineer, number, 2, &soon(house, 4), None).await.map(drop),
            Act::AskGlass => self.ask_glass(window).await,
            Act::BreakGlass => {
                // Somebody else may have asked already.
                let _ = self.ask_glass(window).await;
                let input = confirm_break_glass::Input { digest, short_name: name() };
                confirm_break_glass(&house.engine, &elevated(&house.deputy), number, &input).await
            }
            Act::Freeze => create_freeze(&house.engine, &self.office.admin, &freezes::form(house, "database", 2)).await.map(drop),
            Act::MoreLeads => {
                return if self.agreed().await { Ok(()) } else { Err("policy_waits".to_owned()) };
            }
            Act::CallOff => cancel_window(&house.engine, &house.engineer, number, "not tonight").await.map(drop),
        };
        done.map_err(|error| code::<()>(Err(error)))
    }

    /// As it was before the round.
    async fn settle(&self, window: &Staged) {
        let house = &self.office.house;
        let freezes: Vec<uuid::Uuid> =
            sqlx::query_scalar("SELECT id FROM drydock.freeze WHERE lifted_at IS NULL").fetch_all(&house.admin).await.expect("freezes");
        for freeze in freezes {
            lift_freeze(&house.engine, &self.office.admin, domain::ids::FreezeId(freeze), "next round").await.expect("lifted");
        }
        let absences: Vec<uuid::Uuid> =
            sqlx::query_scalar("SELECT id FROM drydock.absence WHERE ended_at IS NULL").fetch_all(&house.admin).await.expect("absences");
        for absence in absences {
            end_absence(&house.engine, &house.lead, domain::ids::AbsenceId(absence)).await.expect("back");
        }
        match cancel_window(&house.engine, &house.engineer, window.number, "next round").await {
            Ok(_) => {}
            // Somebody did already.
            Err(error) => assert_eq!(code::<()>(Err(error)), "moved_on"),
        }
        if let Some((change, _)) = self.waiting().await {
            withdraw_policy(&house.engine, &self.office.admin, change).await.expect("taken back");
        }
        if self.leads().await != 1 {
            self.ask_for_leads("1").await;
            assert!(self.agreed().await, "somebody was missing");
        }
    }

    /// Leads that the standard policy asks for now.
    async fn leads(&self) -> i64 {
        self.office
            .house
            .count("SELECT (convert_from(v.bytes, 'UTF8')::jsonb -> 'rules' -> 1 ->> 'need')::bigint FROM drydock.policy p JOIN drydock.policy_version v ON v.policy_id = p.id AND v.version = p.current_version WHERE p.name = 'Standard'")
            .await
    }

    /// The change of the policy that waits, with its digest.
    async fn waiting(&self) -> Option<(PolicyChangeId, String)> {
        let row: Option<(uuid::Uuid, Vec<u8>)> = sqlx::query_as("SELECT id, digest FROM drydock.policy_change WHERE ended_at IS NULL")
            .fetch_optional(&self.office.house.admin)
            .await
            .expect("one at most");
        row.map(|(id, digest)| (PolicyChangeId(id), hex::encode(digest)))
    }

    /// Proposes a version of the standard policy that asks for so many leads.
    async fn ask_for_leads(&self, count: &str) {
        let house = &self.office.house;
        let (id, version): (uuid::Uuid, i32) = sqlx::query_as("SELECT id, current_version FROM drydock.policy WHERE name = 'Standard'")
            .fetch_one(&house.admin)
            .await
            .expect("installed by migrate");
        let input = propose_policy::Input { version: version.to_string(), name: String::new() };
        let fields = policies::fields(&[("rule2_count", count)]);
        propose_policy(&house.engine, &self.office.admin, Some(PolicyId(id)), &input, &fields).await.expect("a good policy");
    }

    /// Everybody agrees who is asked about the change that waits; true when it counts then.
    async fn agreed(&self) -> bool {
        let house = &self.office.house;
        for who in [&house.stakeholder, &house.lead, &house.deputy] {
            let Some((id, digest)) = self.waiting().await else { break };
            // Who is not asked, or any more, is told so.
            let _ = agree_policy(&house.engine, who, id, &agree_policy::Input { digest }).await;
        }
        self.waiting().await.is_none()
    }
}

/// The acts of a round in a random order.
fn shuffled(dice: &mut Dice) -> Vec<Act> {
    let mut acts: Vec<Act> = OTHERS.iter().copied().filter(|_| dice.roll(5) < 3).collect();
    acts.extend([Act::Schedule, Act::Schedule, Act::ByHand]);
    for last in (1..acts.len()).rev() {
        acts.swap(last, usize::try_from(dice.roll(last as u64 + 1)).expect("few"));
    }
    acts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_many_orders_nothing_starts_that_is_not_approved_at_that_moment() {
    let arena = Arc::new(Arena::new().await);
    let house = &arena.office.house;
    let (mut dice, mut acts_done, mut refused) = (Dice(20_261_127), 0, std::collections::BTreeMap::<String, u32>::new());
    let mut started = [0; 3];
    for round in 0..ROUNDS {
        let window = house.due_and_waiting().await;
        // In two rounds of three the stakeholder has approved already; in one of four two leads are asked for before anything else happens.
        let strict = round % 4 == 0;
        let voted = strict || round % 3 != 0;
        if voted {
            arena.votes(&house.stakeholder, window.number).await.expect("a vote");
        }
        let acts = shuffled(&mut dice);
        if strict || acts.contains(&Act::MoreLeads) {
            arena.ask_for_leads("2").await;
        }
        if strict {
            arena.act(Act::MoreLeads, &window).await.expect("a policy");
        }
        // In one of four somebody has approved in the lead's place already.
        let in_place = round % 4 == 1;
        if in_place {
            arena.act(Act::DelegateApproves, &window).await.expect("a vote in the lead's place");
        }
        let lanes: Vec<_> = (0..3)
            .map(|lane| {
                let (arena, window) = (arena.clone(), window.clone());
                let mine: Vec<Act> = acts.iter().copied().skip(lane).step_by(3).collect();
                tokio::spawn(async move {
                    let mut said = Vec::new();
                    for act in mine {
                        let begun = Instant::now();
                        let came_of_it = arena.act(act, &window).await;
                        said.push(Done { act, begun, ended: Instant::now(), came_of_it });
                    }
                    said
                })
            })
            .collect();
        let mut said = Vec::new();
        for lane in lanes {
            said.extend(lane.await.expect("no panic"));
        }
        let start = said.iter().find(|done| matches!(done.act, Act::Schedule | Act::ByHand) && done.came_of_it.is_ok());
        let before = |wanted: Act| start.is_some_and(|start| said.iter().any(|done| done.act == wanted && done.precedes(start)));
        assert!(!before(Act::CallOff), "round {round}: it was called off: {said:?}");
        // What counted before the start was asked for is what had to be satisfied; a change at the same moment may come before it or after.
        let needed: i64 = if strict || before(Act::MoreLeads) { 2 } else { 1 };
        let wrong: i64 = sqlx::query_scalar(UNAPPROVED).bind(needed).bind(window.id.0).fetch_one(&house.admin).await.expect("a number");
        assert_eq!(wrong, 0, "round {round}: {said:?}");
        assert_eq!(house.count(INSIDE).await, 0, "round {round}: {said:?}");
        let opened = said.iter().filter(|done| matches!(done.act, Act::Schedule | Act::ByHand) && done.came_of_it.is_ok()).count();
        assert!(opened <= 1, "round {round}: a plan runs once: {said:?}");
        let did = |wanted: Act| said.iter().any(|done| done.act == wanted && done.came_of_it.is_ok());
        if opened == 1 {
            started[0] += 1;
            started[1] += usize::from(did(Act::BreakGlass));
            started[2] += usize::from(in_place || did(Act::DelegateApproves));
        }
        acts_done += said.len();
        for Done { act, came_of_it, .. } in said {
            if let (Act::Schedule | Act::ByHand, Err(why)) = (act, came_of_it) {
                *refused.entry(why).or_default() += 1;
            }
        }
        arena.settle(&window).await;
    }
    // The orders were really different ones.
    assert!(acts_done > 900, "{acts_done}");
    assert!(started.iter().all(|count| *count > 0), "started; by a break-glass, by a delegate: {started:?}");
    for why in ["wrong_state", "quorum", "freeze", "run_open"] {
        assert!(refused.get(why).is_some_and(|count| *count > 0), "never refused by {why}: {refused:?}");
    }
}
