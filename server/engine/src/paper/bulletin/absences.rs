//! The letter about an absence: to whoever is away, and to whoever votes meanwhile.

use super::super::letter::{Button, Letter, line};
use super::super::when::Zone;
use super::super::wording::goes_to;
use super::{Away, Bulletin};

impl Bulletin {
    /// Whatever was owed, it says how things stand when it leaves.
    pub(super) fn absence(&self, away: &Away, zone: &Zone) -> Letter {
        let absence = &away.absence;
        let (name, by, delegate) = (line(&away.name), line(&away.by), away.delegate.as_deref().map(line));
        let asked = absence.delegate == Some(self.frame.recipient.id);
        let over = absence.ends <= self.frame.now || absence.ends <= absence.starts;
        let page = if asked { format!("{}/people/{}", self.frame.base, absence.person) } else { format!("{}/me/absence", self.frame.base) };
        let mut rows = vec![("Away", name.clone())];
        if absence.starts < absence.ends {
            rows.extend(zone.rows("From", absence.starts));
            rows.extend(zone.rows("Until", absence.ends));
        }
        rows.push(("Delegate", delegate.clone().unwrap_or_else(|| "nobody else".to_owned())));
        rows.push(("Said by", by.clone()));
        let (lead, paragraphs) = match (asked, over) {
            (true, true) => (
                format!("You no longer vote in the place of {name}."),
                vec!["Decisions that you gave meanwhile stay; where something is still open, they may decide instead.".to_owned()],
            ),
            (true, false) => (
                format!("{name} is away, and you vote in their place meanwhile."),
                vec![
                    "You get a link of your own for every plan that waits for them, also for those that wait already; where you have one for a seat of yours, you decide by that. You count once, whoever you stand in for, and on windows that you wrote you still do not vote.".to_owned(),
                    "If you are away in that time yourself, nobody votes in their place: tell them, so that they name somebody else.".to_owned(),
                ],
            ),
            (false, true) => (
                "You are no longer said to be away.".to_owned(),
                vec!["Decisions that were given in your place stay; where something is still open, yours counts instead.".to_owned()],
            ),
            (false, false) => (
                match &delegate {
                    Some(delegate) => format!("You are said to be away. {delegate} votes in your place meanwhile."),
                    None => "You are said to be away. Nobody votes in your place meanwhile.".to_owned(),
                },
                vec!["You may still vote yourself: your decision replaces one that was given in your place. If this is wrong, end it on the page, and tell an administrator if you did not say it.".to_owned()],
            ),
        };
        Letter {
            subject: format!("[{}] {name}, {}", self.frame.kind.label(), zone.short(absence.starts)),
            headline: format!("{}: {name}", self.frame.kind.label()),
            lead,
            rows,
            button: Some(Button {
                label: if asked { "See who is away".to_owned() } else { "See and change it".to_owned() },
                url: page.clone(),
            }),
            paragraphs,
            because: goes_to(self.frame.kind),
            page,
            ..self.frame.blank()
        }
    }
}
