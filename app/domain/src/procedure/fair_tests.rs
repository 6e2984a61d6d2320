use super::*;
use crate::procedure::{Basis, Measure, Object, ObjectKind};

/// A small generator of its own: a seed is a whole history, and comes again.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    fn below(&mut self, most: u64) -> u64 {
        self.next() % most.max(1)
    }
}

const STEPS: [(&str, Act); 3] = [("vacuum", Act::Vacuum), ("reindex", Act::ReindexConcurrently), ("analyze", Act::Analyze)];

fn steps() -> Vec<String> {
    STEPS.iter().map(|(step, _)| (*step).to_owned()).collect()
}

/// No small table: those are counted by what they really take, not by their estimates.
const LARGE_BYTES: u64 = 1 << 30;

fn item(number: usize, high_ms: u64, gain: u64) -> WorkItem {
    let (step, act) = STEPS[number % STEPS.len()];
    let name = ObjectName::new("shop", format!("t{number}")).expect("no NUL");
    let index = act == Act::ReindexConcurrently;
    let object =
        Object { kind: if index { ObjectKind::Index } else { ObjectKind::Table }, oid: 1, table: index.then(|| name.clone()), name };
    WorkItem::new(
        step,
        act,
        object,
        Measure::new("Because.", []),
        Estimate { low_ms: high_ms / 2, high_ms, basis: Basis::History },
        LARGE_BYTES,
        gain,
    )
}

fn key(item: &WorkItem) -> (Act, ObjectName) {
    (item.act, item.object.name.clone())
}

/// A night as the runner works it: step by step, the list in its order, nothing that could not end; says what had its turn.
fn night(list: &[WorkItem], span: Span, dice: &mut Dice) -> Vec<Option<Outcome>> {
    let mut outcomes = vec![None; list.len()];
    let mut places = vec![0_u64; usize::try_from(span.jobs).expect("small")];
    for (step, _) in STEPS {
        let begin = places.iter().copied().max().unwrap_or(0);
        places.fill(begin);
        for (item, outcome) in list.iter().zip(&mut outcomes).filter(|(item, _)| item.step == step) {
            let free = places.iter_mut().min().expect("at least one");
            if *free >= span.begin_ms || *free + needed_ms(item.estimate) > span.left_ms {
                *outcome = Some(Outcome::Deferred);
                continue;
            }
            *free += item.estimate.low_ms + dice.below(item.estimate.high_ms - item.estimate.low_ms + 1);
            *outcome = Some(Outcome::Done);
        }
    }
    outcomes
}

/// One history: 200 tables, needs that arise at random and stay until something is done about them.
fn history(seed: u64) -> (u64, u64) {
    let mut dice = Dice(seed);
    let empty_ms = 3_600_000 + dice.below(4) * 3_600_000;
    let jobs = 1 + dice.below(2);
    let highs: Vec<u64> = (0..200)
        .map(|_| if dice.below(20) == 0 { empty_ms / 4 + dice.below(empty_ms) * 7 / 10 } else { 1_000 + dice.below(empty_ms / 100) })
        .collect();
    let fits = |high: u64| high + high.div_ceil(2) <= empty_ms;
    let work_ms: u64 = highs.iter().copied().filter(|high| fits(*high)).sum();
    let most = windows_until_all(work_ms, empty_ms);
    let mut since: BTreeMap<usize, u64> = BTreeMap::new();
    let mut past: Vec<Past> = Vec::new();
    let mut longest = 0;
    for window in 0..most + 3 {
        for number in 0..highs.len() {
            if window == 0 || dice.below(3) == 0 {
                since.entry(number).or_insert(window);
            }
        }
        let items: Vec<WorkItem> = since.keys().map(|number| item(*number, highs[*number], 1 + dice.below(1_000))).collect();
        let items = crate::procedure::select::order(items, &steps(), empty_ms, jobs);
        let Choice { now, later, never } = choose(items, &steps(), Span::empty(empty_ms, jobs), &waited(&past));
        // Whoever fits into no window is told so each time, and nobody else is.
        assert!(never.iter().all(|passed| passed.reason.contains("it needs a window of")), "seed {seed}");
        let too_long = since.keys().filter(|number| !fits(highs[**number])).count();
        assert_eq!(never.len(), too_long, "seed {seed}");
        let outcomes = night(&now, Span::empty(empty_ms, jobs), &mut dice);
        let mut list = WorkList { items: now, ..WorkList::default() };
        wait(&mut list, &later);
        for (done, outcome) in list.items.iter().zip(&outcomes) {
            assert_eq!(*outcome, Some(Outcome::Done), "seed {seed}: what is chosen has its turn");
            let number: usize = done.object.name.name()[1..].parse().expect("a number");
            let arose = since.remove(&number).expect("it was in need");
            longest = longest.max(window - arose + 1);
        }
        assert!(
            since.iter().filter(|(number, _)| fits(highs[**number])).all(|(_, arose)| window - arose < most),
            "seed {seed}: {most} windows"
        );
        past.insert(0, Past { list, outcomes });
        past.truncate(COVERED_WINDOWS);
    }
    (longest, most)
}

/// 200 tables, 1,000 seeds: whoever fits into an empty window is visited within N windows, N by [`windows_until_all`]; everybody else is
/// named, with the window that would do.
#[test]
fn nobody_waits_for_ever() {
    let (mut longest, mut closest) = (0, f64::MAX);
    for seed in 0..1_000 {
        let (waited, most) = history(seed);
        longest = longest.max(waited);
        closest = closest.min(f64::from(u32::try_from(most).expect("small")) - f64::from(u32::try_from(waited).expect("small")));
    }
    assert!(longest > 1, "the windows were too short for all at once, or nothing was shown");
    eprintln!("the longest wait was {longest} windows; the closest to its bound had {closest} left");
}

#[test]
fn all_of_it_where_there_is_time_for_all() {
    let items: Vec<_> = (0..9).map(|number| item(number, 1_000, 1)).collect();
    let choice = choose(items.clone(), &steps(), Span::empty(60_000, 1), &Waited::new());
    assert_eq!((choice.now, choice.later.len(), choice.never.len()), (items, 0, 0));
}

#[test]
fn small_tables_and_guesses_do_not_fill_a_window_by_their_estimates() {
    let small: Vec<_> = (0..500).map(|number| WorkItem { bytes: 8_192, ..item(3 * number, 1_000, 1) }).collect();
    let choice = choose(small, &steps(), Span::empty(60_000, 1), &Waited::new());
    assert_eq!((choice.now.len(), choice.later.len()), (500, 0), "a tenth of a second each, whatever the estimate's floor");
    let mut guesses: Vec<_> = (0..3).map(|number| item(3 * number, 20_000, 1)).collect();
    let now = |items: &[WorkItem]| choose(items.to_vec(), &steps(), Span::empty(60_000, 1), &Waited::new()).now.len();
    assert_eq!(now(&guesses), 2);
    guesses.iter_mut().for_each(|item| item.estimate.basis = Basis::Guess);
    assert_eq!(now(&guesses), 3);
}

#[test]
fn whoever_waited_goes_before_newcomers_and_danger_before_all() {
    // Three rebuilds, of which one has time.
    let rebuild = |number: usize, gain| item(3 * number + 1, 30_000, gain);
    let items = vec![rebuild(0, 900), rebuild(1, 1), rebuild(2, 500)];
    let names = |choice: &Choice| choice.now.iter().map(|item| item.object.name.name().to_owned()).collect::<Vec<_>>();
    let by_worth = choose(items.clone(), &steps(), Span::empty(50_000, 1), &Waited::new());
    assert_eq!((names(&by_worth), by_worth.later.len()), (vec!["t1".to_owned()], 2));
    let waited = Waited::from([(key(&items[1]), 2), (key(&items[2]), 1)]);
    let choice = choose(items.clone(), &steps(), Span::empty(50_000, 1), &waited);
    assert_eq!((names(&choice), choice.now[0].waited), (vec!["t4".to_owned()], 2));
    assert_eq!(choice.later.iter().map(|later| later.windows).collect::<Vec<_>>(), [1, 2]);
    assert!(choice.later[1].reason().contains("it goes first in the next one (2 windows so far)"), "{}", choice.later[1].reason());
    let mut danger = items;
    danger[0].measure.figures.insert("xid_age_xids".to_owned(), DANGER_AGE);
    assert_eq!(names(&choose(danger, &steps(), Span::empty(50_000, 1), &waited)), ["t1"]);
}

#[test]
fn what_no_window_can_do_says_which_one_could() {
    let choice = choose(vec![item(1, 5_400_000, 1)], &steps(), Span { reserve_ms: 180_000, ..Span::empty(3_420_000, 1) }, &Waited::new());
    assert_eq!((choice.now.len(), choice.later.len()), (0, 0));
    // One and a half times an hour and a half, and a twentieth of the window.
    assert!(choice.never[0].reason.contains("it needs a window of 2 h 30 min"), "{}", choice.never[0].reason);
}

#[test]
fn the_past_says_who_waits_and_how_many_had_their_turn() {
    let items: Vec<_> = (0..4).map(|number| item(number, 1_000, 1)).collect();
    let window = |turns: [Option<Outcome>; 3]| {
        let mut list = WorkList { items: items[..3].to_vec(), ..WorkList::default() };
        wait(&mut list, &[Later { item: items[3].clone(), windows: 4 }]);
        Past { list, outcomes: turns.to_vec() }
    };
    assert_eq!(coverage(&[]), None);
    let newest = window([Some(Outcome::Done), Some(Outcome::Deferred), None]);
    let older = window([Some(Outcome::Deferred), Some(Outcome::Done), Some(Outcome::SkippedLock)]);
    let past = [newest, older];
    assert_eq!(waited(&past), Waited::from([(key(&items[1]), 1), (key(&items[2]), 1), (key(&items[3]), 4)]));
    let seen = coverage(&past).expect("two windows");
    assert_eq!(seen.to_string(), "2 of 4 in need had a turn in the last 2 windows");
    assert_eq!(Coverage { windows: 1, in_need: 0, visited: 0 }.to_string(), "nothing was in need in the last window");
}
