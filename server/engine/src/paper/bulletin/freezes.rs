//! The letter about a freeze.

use super::super::letter::{Button, Letter, block, line};
use super::super::when::Zone;
use super::super::wording::goes_to;
use super::Bulletin;
use domain::freeze::Phase;
use domain::view::freezes::{FreezeRow, MetWindow, Passing};

/// What becomes of what a freeze kept, once it is over.
const AFTERWARDS: &str =
    "Runs that were held meanwhile wait for a decision on their pages. Windows that were missed have to be proposed again.";

impl Bulletin {
    /// Whatever was owed, it says how things stand when it leaves.
    pub(super) fn freeze(&self, row: &FreezeRow, windows: &[MetWindow], passing: Option<&Passing>, zone: &Zone) -> Letter {
        let freeze = &row.freeze;
        let phase = freeze.phase(self.frame.now);
        let stands = matches!(phase, Phase::Coming | Phase::Now);
        let (name, by) = (line(&freeze.name), line(&freeze.by_name));
        let page = format!("{}/freezes/{}", self.frame.base, freeze.id);
        let mut rows = vec![("Freeze", name.clone()), ("Covers", line(&row.covers))];
        rows.extend(zone.rows("From", freeze.start));
        rows.extend(zone.rows("To", freeze.end));
        rows.extend([("By", by.clone()), ("Why", block(&freeze.reason))]);
        let (mut lead, mut paragraphs) = match (phase, &row.lifted) {
            (Phase::Lifted, Some((who, why))) => {
                rows.extend([("Lifted by", line(who)), ("Because", block(why))]);
                (format!("The freeze “{name}” was lifted: approved windows start again at their times."), vec![AFTERWARDS.to_owned()])
            }
            (Phase::Coming, _) => (
                format!("{by} made the freeze “{name}”: from its beginning on nothing starts on what it covers, by any path."),
                vec!["A run in progress is held before its next item then, and goes on when somebody decides so after the freeze; what makes things safe again still happens.".to_owned()],
            ),
            (Phase::Now, _) => (
                format!("The freeze “{name}” is in force: nothing starts on what it covers, by any path."),
                vec!["A run in progress is held before its next item, and goes on when somebody decides so after the freeze; what makes things safe again still happens.".to_owned()],
            ),
            (Phase::Over | Phase::Lifted, _) => {
                (format!("The freeze “{name}” is over: approved windows start again at their times."), vec![AFTERWARDS.to_owned()])
            }
        };
        if let Some(passing) = passing {
            let window = format!("#{} on {}", passing.number, line(&passing.database));
            rows.extend([
                ("Window", format!("{window}: {}", line(&passing.title))),
                (if passing.granted { "Let pass by" } else { "Taken back by" }, line(&passing.by)),
                ("Because", block(&passing.reason)),
            ]);
            if stands && passing.granted {
                lead = format!("{} let the window {window} pass the freeze “{name}”.", line(&passing.by));
            } else if stands {
                lead = format!(
                    "{} took back that the window {window} may pass the freeze “{name}”: it is kept like the others.",
                    line(&passing.by)
                );
            }
        }
        if stands {
            paragraphs.extend(windows.iter().map(|window| told(window, zone)));
            if windows.iter().any(|window| window.passes.is_none()) {
                paragraphs.push("Move a window to another time, or ask somebody with the right to freeze there to lift the freeze or to let the window pass.".to_owned());
            }
        }
        Letter {
            subject: format!("[{}] {name}", self.frame.kind.label()),
            headline: format!("{}: {name}", self.frame.kind.label()),
            lead,
            rows,
            button: Some(Button { label: "Open the freeze".to_owned(), url: page.clone() }),
            paragraphs,
            because: goes_to(self.frame.kind),
            page,
            ..self.frame.blank()
        }
    }
}

fn told(window: &MetWindow, zone: &Zone) -> String {
    let passes = window
        .passes
        .as_ref()
        .map_or_else(String::new, |(who, why)| format!(" It may pass the freeze: {} said so. {}", line(who), block(why)));
    format!("Your window #{} on {}, {}: {}.{passes}", window.number, line(&window.database), zone.short(window.start), line(&window.title))
}
