//! Waves: the order in which the databases of a plan are worked on, and the time that takes.

use crate::decision::FieldError;
use crate::ids::TargetId;
use crate::procedure::text::duration_ms;
use crate::run::reserve_ms;
use crate::schedule::Times;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most databases of one window.
pub const TARGETS_MAX: usize = 20;
/// Most databases of one wave: as many as one worker works on at the same time.
pub const WAVE_MAX: usize = 8;
/// Longest time a wave is watched before the next one begins, in minutes.
pub const SOAK_MAX_MIN: u32 = 12 * 60;

/// The order, sealed into a plan of several databases; a plan of one has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waves {
    /// Databases that are worked on at the same time, wave after wave; every database of the plan once.
    pub order: Vec<Vec<TargetId>>,
    /// How long the databases of a wave are watched after their work, before they are measured once more and the next wave begins; minutes.
    pub soak_min: u32,
}

/// Why an order is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WavesError {
    /// One database needs no order, and several need one.
    #[error("{0} databases {1} waves")]
    Needed(usize, &'static str),
    /// Over a limit.
    #[error("{what}: {found}, and {most} is the most")]
    TooMany {
        /// What.
        what: &'static str,
        /// How many.
        found: usize,
        /// How many there may be.
        most: usize,
    },
    /// A wave without a database.
    #[error("wave {0} has no database")]
    Empty(usize),
    /// Not every database once.
    #[error("every database stands in one wave, once")]
    NotOnceEach,
}

/// Whether `waves` order exactly these databases.
///
/// # Errors
/// What is wrong with them.
pub fn check(targets: &[TargetId], waves: Option<&Waves>) -> Result<(), WavesError> {
    let at_most = |what, found, most| if found > most { Err(WavesError::TooMany { what, found, most }) } else { Ok(()) };
    let Some(waves) = waves else {
        return if targets.len() == 1 { Ok(()) } else { Err(WavesError::Needed(targets.len(), "need")) };
    };
    if targets.len() < 2 {
        return Err(WavesError::Needed(targets.len(), "have no"));
    }
    at_most("databases", targets.len(), TARGETS_MAX)?;
    at_most("soak minutes", waves.soak_min as usize, SOAK_MAX_MIN as usize)?;
    for (wave, place) in waves.order.iter().zip(1..) {
        at_most("databases in one wave", wave.len(), WAVE_MAX)?;
        if wave.is_empty() {
            return Err(WavesError::Empty(place));
        }
    }
    let ordered: Vec<TargetId> = waves.order.concat();
    let once: BTreeSet<TargetId> = ordered.iter().copied().collect();
    if once.len() == ordered.len() && once.len() == targets.len() && targets.iter().all(|target| once.contains(target)) {
        Ok(())
    } else {
        Err(WavesError::NotOnceEach)
    }
}

impl Waves {
    /// The wave of a database, from 1.
    #[must_use]
    pub fn of(&self, target: TargetId) -> Option<u32> {
        self.order.iter().zip(1_u32..).find(|(wave, _)| wave.contains(&target)).map(|(_, number)| number)
    }

    /// The last wave's number.
    #[must_use]
    pub fn last(&self) -> u32 {
        u32::try_from(self.order.len()).unwrap_or(u32::MAX)
    }
}

/// How long it takes: the longest lane of each wave, one wave after another, with the soak between them. `lanes_ms` are estimates by wave.
#[must_use]
pub fn length_ms(lanes_ms: &[Vec<u64>], soak_min: u32) -> u64 {
    let work = lanes_ms.iter().map(|wave| wave.iter().copied().max().unwrap_or(0)).fold(0, u64::saturating_add);
    let soaks = u64::try_from(lanes_ms.len().saturating_sub(1)).unwrap_or(u64::MAX).saturating_mul(u64::from(soak_min) * 60_000);
    work.saturating_add(soaks)
}

/// Refuses an order that does not fit between start and end with the reserve that is kept free before the end.
///
/// # Errors
/// The field, with what is needed and the ways out.
pub fn must_fit(times: &Times, lanes_ms: &[Vec<u64>], soak_min: u32) -> Result<(), FieldError> {
    let needed = length_ms(lanes_ms, soak_min).saturating_add(reserve_ms(times.start, times.end));
    let there = u64::try_from(times.end.duration_since(times.start).as_millis()).unwrap_or(0);
    if needed <= there {
        return Ok(());
    }
    let (waves, soaks) = (lanes_ms.len(), lanes_ms.len().saturating_sub(1));
    Err(FieldError::new(
        "duration_min",
        format!(
            "The {waves} waves need about {} with {soaks} times {soak_min} minutes between them and the reserve before the end; the window lasts {}. Make it longer, put more databases into one wave, or propose fewer.",
            duration_ms(needed),
            duration_ms(there)
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn target(n: u128) -> TargetId {
        TargetId(Uuid::from_u128(n))
    }

    fn waves(order: &[&[u128]]) -> Waves {
        Waves { order: order.iter().map(|wave| wave.iter().copied().map(target).collect()).collect(), soak_min: 30 }
    }

    #[test]
    fn an_order_names_every_database_once() {
        let three = [target(1), target(2), target(3)];
        assert_eq!(check(&three, Some(&waves(&[&[2], &[1, 3]]))), Ok(()));
        assert_eq!(check(&three[..1], None), Ok(()));
        assert_eq!(check(&three, None), Err(WavesError::Needed(3, "need")));
        assert_eq!(check(&three[..1], Some(&waves(&[&[1]]))), Err(WavesError::Needed(1, "have no")));
        let wrong: [&[&[u128]]; 4] = [&[&[1, 2]], &[&[1, 2], &[2, 3]], &[&[1, 2], &[4]], &[&[1], &[2], &[3], &[3]]];
        for order in wrong {
            assert_eq!(check(&three, Some(&waves(order))), Err(WavesError::NotOnceEach), "{order:?}");
        }
        assert_eq!(check(&three, Some(&waves(&[&[1, 2, 3], &[]]))), Err(WavesError::Empty(2)));
    }

    #[test]
    fn its_limits_are_limits() {
        let many: Vec<u128> = (1..=21).collect();
        let targets: Vec<TargetId> = many.iter().copied().map(target).collect();
        let thirds: Vec<&[u128]> = many.chunks(7).collect();
        let said = |targets: &[TargetId], waves: &Waves| check(targets, Some(waves)).err().map(|error| error.to_string());
        assert_eq!(said(&targets, &waves(&thirds)).as_deref(), Some("databases: 21, and 20 is the most"));
        assert_eq!(said(&targets[..9], &waves(&[&many[..9]])).as_deref(), Some("databases in one wave: 9, and 8 is the most"));
        let long = Waves { soak_min: 721, ..waves(&[&[1], &[2]]) };
        assert_eq!(said(&targets[..2], &long).as_deref(), Some("soak minutes: 721, and 720 is the most"));
    }

    #[test]
    fn the_longest_lane_of_each_wave_counts_and_the_soak_between() {
        assert_eq!(length_ms(&[vec![60_000, 300_000], vec![120_000]], 10), 300_000 + 600_000 + 120_000);
        assert_eq!(length_ms(&[vec![7]], 10), 7, "nothing comes after the last wave");
        assert_eq!(length_ms(&[], 10), 0);
        assert_eq!(length_ms(&[vec![u64::MAX], vec![1]], 720), u64::MAX);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_ways_out() {
        let times = crate::plan::tests::sample().times;
        let there = u64::try_from(times.end.duration_since(times.start).as_millis()).expect("positive");
        let reserve = reserve_ms(times.start, times.end);
        let fits = vec![vec![there - reserve - 600_000 - 1_000], vec![1_000, 500]];
        assert_eq!(must_fit(&times, &fits, 10), Ok(()));
        let error = must_fit(&times, &[fits[0].clone(), vec![1_001]], 10).expect_err("a millisecond too much");
        assert_eq!(error.field, "duration_min");
        assert!(error.message.starts_with("The 2 waves need about"), "{}", error.message);
    }
}
