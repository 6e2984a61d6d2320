//! Load: new items wait while the server has much to do for others. Running work is not cancelled for it.

use crate::procedure::Parameters;
use crate::procedure::text::plural;

/// Why no new item begins now, where `active` sessions of others execute something; `None` when the plan lets it.
pub fn pause(active: u64, parameters: &Parameters) -> Option<String> {
    (active > parameters.load_max_sessions).then(|| {
        format!(
            "{} of others work on the server, the plan lets new work begin up to {}; nothing new begins until there are fewer.",
            plural(active, "session", "sessions"),
            parameters.load_max_sessions
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_more_than_the_plan_lets_pauses() {
        let parameters = Parameters { load_max_sessions: 3, ..Parameters::default() };
        assert_eq!((pause(0, &parameters), pause(3, &parameters)), (None, None));
        assert!(pause(4, &parameters).expect("too many").starts_with("4 sessions of others work on the server"));
    }
}
