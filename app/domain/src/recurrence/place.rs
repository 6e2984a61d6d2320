//! What a wall time of a series means in its zone. Nobody is there to be asked, so the answer is fixed: a time that does not exist moves to
//! the first minute that does, and of two equal ones the first is taken. Both are said.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

/// What the clocks do at that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockNote {
    /// They go forward over it.
    Gap,
    /// They go back, so that it happens twice.
    Fold,
}

/// A wall time with its instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// What the rule says.
    pub wanted: DateTime,
    /// What the clocks show when it starts.
    pub local: DateTime,
    /// When it starts.
    pub start: Timestamp,
    /// Why the two differ, or which of two it is.
    pub note: Option<ClockNote>,
}

impl Placed {
    /// The note as a sentence.
    #[must_use]
    pub fn said(&self) -> Option<String> {
        let wanted = self.wanted.strftime("%H:%M");
        match self.note? {
            ClockNote::Gap => {
                let to = self.local.strftime(if self.local.date() == self.wanted.date() { "%H:%M" } else { "%H:%M on %-d %b" });
                Some(format!("The clocks go forward: there is no {wanted} that day, so it starts at {to}, the first minute there is."))
            }
            ClockNote::Fold => Some(format!("The clocks go back: {wanted} happens twice that day, and the first one is taken.")),
        }
    }
}

/// The instant of a wall time; `None` only at the ends of the calendar.
#[must_use]
pub fn place(wanted: DateTime, zone: &TimeZone) -> Option<Placed> {
    let ambiguous = zone.to_ambiguous_timestamp(wanted);
    let (start, note) = match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => (ambiguous.unambiguous().ok()?, None),
        AmbiguousOffset::Fold { .. } => (ambiguous.earlier().ok()?, Some(ClockNote::Fold)),
        AmbiguousOffset::Gap { after, .. } => {
            // The clocks jump between the two instants the wall time would have under the offsets before and after.
            let (least, most) = (ambiguous.earlier().ok()?, ambiguous.later().ok()?);
            let jump = zone.following(least).take_while(|change| change.timestamp() <= most).find(|change| change.offset() == after);
            (jump.map_or(most, |change| change.timestamp()), Some(ClockNote::Gap))
        }
    };
    Some(Placed { wanted, local: zone.to_datetime(start), start, note })
}
