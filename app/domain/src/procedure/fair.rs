//! A window that is too short for all the need: who has a turn now, who goes first next time, and what no window of this length can do.
//!
//! Danger comes first, then whoever has waited the longest, then what is quick and what wins most (PROCEDURES S11, S14). An item is chosen
//! only if it and everything chosen before it would begin in time, each taking as long as is known of it. So whoever
//! waits the longest has a turn in the next window, and everybody after at most [`windows_until_all`].

use super::text::{duration_ms, plural};
use super::{Act, Basis, Estimate, LeftOut, ObjectName, PassedOver, Selection, WorkItem, WorkList};
use crate::run::{Outcome, parallel, reserve_ms};
use crate::schedule::Times;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// How much time a window has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// From now until nothing may run any more: the end less the reserve.
    pub left_ms: u64,
    /// From now until nothing new begins.
    pub begin_ms: u64,
    /// The first of the two at its start.
    pub empty_ms: u64,
    /// What is kept free before the end.
    pub reserve_ms: u64,
    /// Items that run at once.
    pub jobs: u64,
}

impl Span {
    /// What is left of a window at `now`.
    pub fn of(times: &Times, now: Timestamp, jobs: u64) -> Self {
        let ms = |until: Timestamp, from: Timestamp| u64::try_from(until.duration_since(from).as_millis()).unwrap_or(0);
        let reserve_ms = reserve_ms(times.start, times.end);
        let left = |from| ms(times.end, from).saturating_sub(reserve_ms);
        Self { left_ms: left(now), begin_ms: ms(times.cut_off, now), empty_ms: left(times.start), reserve_ms, jobs }
    }
    /// The same with so much time less, which people need between the steps.
    #[must_use]
    pub fn without(self, ms: u64) -> Self {
        let less = |span_ms: u64| span_ms.saturating_sub(ms);
        Self { left_ms: less(self.left_ms), begin_ms: less(self.begin_ms), empty_ms: less(self.empty_ms), ..self }
    }
    /// A window that has so much time for work.
    pub const fn empty(work_ms: u64, jobs: u64) -> Self {
        Self { left_ms: work_ms, begin_ms: work_ms, empty_ms: work_ms, reserve_ms: 60_000, jobs }
    }
}

/// In how many windows in a row an object was in need of an act and had no turn.
pub type Waited = BTreeMap<(Act, ObjectName), u32>;

/// An age of transaction numbers from which a table endangers its whole database: a third of what the server can count before it stops
/// accepting writes, and well before its own failsafe at 1.6 billion.
const DANGER_AGE: i64 = 700_000_000;

/// What a window is used for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choice {
    /// Has its turn.
    pub now: Vec<WorkItem>,
    /// Goes first next time.
    pub later: Vec<Later>,
    /// What no window of this length can do.
    pub never: Vec<PassedOver>,
}

/// An item without a turn in this window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Later {
    /// The item.
    pub item: WorkItem,
    /// With this window, so many in a row.
    pub windows: u32,
}

impl Later {
    /// In words.
    pub fn reason(&self) -> String {
        format!(
            "In need, and no time for it in this window: it goes first in the next one ({} so far). {}",
            plural(u64::from(self.windows), "window", "windows"),
            self.item.measure.sentence
        )
    }
    /// For machines.
    pub fn waits(&self) -> Waits {
        Waits { act: self.item.act, object: self.item.object.name.clone(), windows: self.windows }
    }
}

/// Why an object waits for another window, for machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waits {
    /// What it needs.
    pub act: Act,
    /// Which object.
    pub object: ObjectName,
    /// In how many windows in a row it had no turn.
    pub windows: u32,
}

/// One and a half times the estimate: what is left when an item begins must be more.
fn needed_ms(estimate: Estimate) -> u64 {
    estimate.high_ms.saturating_add(estimate.high_ms.div_ceil(2))
}

/// What an item is counted with. The slow end of what was measured; but the middle of a guess, which is a wide one, and of small tables what
/// they take one after the other in a session that is open already. Whoever is left over because it took longer goes first next time.
fn takes_ms(item: &WorkItem) -> u64 {
    const SMALL_MS: u64 = 100;
    let Estimate { high_ms, basis, .. } = item.estimate;
    let takes_ms = if basis == Basis::Guess { high_ms / 2 } else { high_ms };
    if parallel::is_small_table(item) { takes_ms.min(SMALL_MS) } else { takes_ms }
}

fn is_danger(item: &WorkItem) -> bool {
    ["xid_age_xids", "multixact_age_xids"].iter().any(|figure| item.measure.figures.get(*figure).is_some_and(|age| *age >= DANGER_AGE))
}

/// Chooses from what is in need; the items come back in the order in which they were given.
pub fn choose(items: Vec<WorkItem>, steps: &[String], span: Span, waited: &Waited) -> Choice {
    let mut choice = Choice::default();
    let (possible, never): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| needed_ms(item.estimate) <= span.empty_ms);
    choice.never = never.into_iter().map(|item| PassedOver { reason: too_long(&item, span), object: item.object }).collect();
    let windows = |item: &WorkItem| waited.get(&(item.act, item.object.name.clone())).copied().unwrap_or(0);
    let possible: Vec<WorkItem> = possible.into_iter().map(|item| WorkItem { waited: windows(&item), ..item }).collect();
    let chosen = chosen(&possible, steps, span);
    for (item, has_turn) in possible.into_iter().zip(chosen) {
        if has_turn {
            choice.now.push(item);
        } else {
            choice.later.push(Later { windows: item.waited.saturating_add(1), item });
        }
    }
    choice
}

/// The same for all that a survey selected: what no window can do is passed over, and what waits comes back apart.
pub fn fit(selection: Selection, steps: &[String], span: Span, waited: &Waited) -> (Selection, Vec<Later>) {
    let mut selection = selection;
    let Choice { now, later, never } = choose(std::mem::take(&mut selection.items), steps, span, waited);
    selection.items = now;
    selection.passed_over.extend(never);
    (selection, later)
}

/// Puts what waits on the list: for people among what is left out, and for the next window.
pub fn wait(list: &mut WorkList, later: &[Later]) {
    list.left_out.extend(later.iter().map(|later| LeftOut { object: later.item.object.name.to_string(), reason: later.reason() }));
    list.waiting = later.iter().map(Later::waits).collect();
}

/// Which of the items have a turn. Those of steps nobody named have one: what bounds the list says so of them.
fn chosen(items: &[WorkItem], steps: &[String], span: Span) -> Vec<bool> {
    let step_of: Vec<Option<usize>> = items.iter().map(|item| steps.iter().position(|step| *step == item.step)).collect();
    let mut night: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    for (at, step) in step_of.iter().enumerate() {
        if let Some(step) = step {
            night[*step].push(at);
        }
    }
    // Nobody is left out where all fit.
    if all_in_time(items, &night, span) {
        return vec![true; items.len()];
    }
    night.iter_mut().for_each(Vec::clear);
    let mut chosen = vec![true; items.len()];
    for at in ranked(items, span) {
        let Some(step) = step_of[at] else { continue };
        let place = night[step].partition_point(|other| *other < at);
        night[step].insert(place, at);
        if !all_in_time(items, &night, span) {
            night[step].remove(place);
            chosen[at] = false;
        }
    }
    chosen
}

/// Positions, the first to be chosen first.
fn ranked(items: &[WorkItem], span: Span) -> Vec<usize> {
    let mut by_need: Vec<usize> = (0..items.len()).collect();
    by_need.sort_by_key(|at| (items[*at].estimate.high_ms, *at));
    let mut spent_ms = 0_u64;
    let quick = by_need.iter().take_while(|at| {
        spent_ms = spent_ms.saturating_add(items[**at].estimate.high_ms);
        spent_ms <= span.left_ms.saturating_mul(span.jobs) / 2
    });
    let quick = quick.count();
    let mut rank = vec![(0_usize, 0_usize); items.len()];
    for (place, at) in by_need.iter().enumerate() {
        rank[*at] = (usize::from(place >= quick), place);
    }
    let worth = |at: usize| u128::from(items[at].gain) * 1_000 / u128::from(items[at].estimate.high_ms.max(1));
    let mut order = by_need;
    order.sort_by_key(|at| {
        let (late, place) = rank[*at];
        let by_worth = if late == 1 { Reverse(worth(*at)) } else { Reverse(0) };
        (!is_danger(&items[*at]), Reverse(items[*at].waited), late, by_worth, place)
    });
    order
}

/// Whether each of the chosen, by their positions and step by step, begins so early that it can end, with so many at once.
fn all_in_time(items: &[WorkItem], night: &[Vec<usize>], span: Span) -> bool {
    let mut places = vec![0_u64; usize::try_from(span.jobs.max(1)).unwrap_or(1)];
    for of_step in night {
        // A step begins when the one before is over.
        let begin = places.iter().copied().max().unwrap_or(0);
        places.fill(begin);
        for item in of_step.iter().map(|at| &items[*at]) {
            let Some(free) = places.iter_mut().min() else { return false };
            if *free >= span.begin_ms.max(1) || free.saturating_add(needed_ms(item.estimate)) > span.left_ms {
                return false;
            }
            *free = free.saturating_add(takes_ms(item));
        }
    }
    true
}

/// After at most so many windows everybody who fits into an empty one had a turn, whatever comes in between: two windows in a row do at
/// least two thirds of a window's work for those who have waited the longest.
pub fn windows_until_all(work_ms: u64, empty_ms: u64) -> u64 {
    work_ms.saturating_mul(3).div_ceil(empty_ms.max(1)).saturating_add(1)
}

fn too_long(item: &WorkItem, span: Span) -> String {
    format!(
        "It may need {} with its reserve, and a window like this one has {} even when it is empty: it needs a window of {}. {}",
        duration_ms(needed_ms(item.estimate).saturating_add(span.reserve_ms)),
        duration_ms(span.empty_ms.saturating_add(span.reserve_ms)),
        window_for(item.estimate),
        item.measure.sentence
    )
}

/// The shortest window in which an item with this estimate can run, in quarters of an hour: its reserve is a twentieth of it, and a minute
/// at least.
fn window_for(estimate: Estimate) -> String {
    const QUARTER_MS: u64 = 15 * 60_000;
    let needed = needed_ms(estimate);
    let whole = (needed.saturating_mul(20).div_ceil(19)).max(needed.saturating_add(60_000));
    duration_ms(whole.div_ceil(QUARTER_MS).saturating_mul(QUARTER_MS))
}

/// What earlier windows of a database were for: their sealed lists, each item with its outcome, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Past {
    /// The sealed list.
    pub list: WorkList,
    /// How its items ended, in their order; `None` while open.
    pub outcomes: Vec<Option<Outcome>>,
}

impl Past {
    /// Everything that was in need in it: what, how many windows it had waited before, and whether it had its turn.
    fn needs(&self) -> impl Iterator<Item = ((Act, ObjectName), u32, bool)> + '_ {
        let items = self
            .list
            .items
            .iter()
            .zip(&self.outcomes)
            .map(|(item, outcome)| ((item.act, item.object.name.clone()), item.waited, outcome.is_some_and(had_its_turn)));
        items.chain(self.list.waiting.iter().map(|waits| ((waits.act, waits.object.clone()), waits.windows.saturating_sub(1), false)))
    }
}

/// Whether something was done about the need, whatever came of it, or there was none any more.
const fn had_its_turn(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Done | Outcome::Skipped | Outcome::NoEffect | Outcome::Failed)
}

/// How long each object has waited, by the newest window that speaks of it.
pub fn waited(past: &[Past]) -> Waited {
    let mut found = Waited::new();
    for window in past {
        for (need, before, turn) in window.needs() {
            found.entry(need).or_insert(if turn { 0 } else { before.saturating_add(1) });
        }
    }
    found.retain(|_, windows| *windows > 0);
    found
}

/// Windows that coverage speaks of.
pub const COVERED_WINDOWS: usize = 4;

/// How many of the objects that were in need in the last windows had a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Coverage {
    /// Of so many windows.
    pub windows: usize,
    /// Objects in need, each act counted.
    pub in_need: usize,
    /// Had a turn in one of them.
    pub visited: usize,
}

/// Looks at the newest [`COVERED_WINDOWS`] of the past; `None` where there was none.
pub fn coverage(past: &[Past]) -> Option<Coverage> {
    let newest = &past[..past.len().min(COVERED_WINDOWS)];
    let mut seen: BTreeMap<(Act, ObjectName), bool> = BTreeMap::new();
    for (need, _, turn) in newest.iter().flat_map(Past::needs) {
        *seen.entry(need).or_default() |= turn;
    }
    (!newest.is_empty()).then(|| Coverage {
        windows: newest.len(),
        in_need: seen.len(),
        visited: seen.values().filter(|turn| **turn).count(),
    })
}

/// `47 of 50 in need had a turn in the last 4 windows`.
impl std::fmt::Display for Coverage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let windows = if self.windows == 1 { "window".to_owned() } else { format!("{} windows", self.windows) };
        if self.in_need == 0 {
            return write!(f, "nothing was in need in the last {windows}");
        }
        write!(f, "{} of {} in need had a turn in the last {windows}", self.visited, self.in_need)
    }
}

#[cfg(test)]
#[path = "fair_tests.rs"]
mod tests;
