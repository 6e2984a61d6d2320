//! Letters about a series: what it cannot do by itself, the approval of its dates together, and that an approval was recorded.

use super::super::letter::{Button, Letter, block, line};
use super::super::when::Zone;
use super::super::wording::goes_to;
use super::{AskedSeries, Bulletin, StuckSeries, VotedSeries};
use domain::procedure::text::plural;
use jiff::Timestamp;

impl Bulletin {
    pub(super) fn series(&self, stuck: &StuckSeries, zone: &Zone) -> Letter {
        let (title, database) = (line(&stuck.title), line(&stuck.database));
        let page = format!("{}/series/{}", self.frame.base, stuck.id);
        let mut rows = vec![("Series", title.clone()), ("Database", database.clone())];
        rows.extend(stuck.start.into_iter().flat_map(|start| zone.rows("Date", start)));
        let lead = match stuck.start {
            Some(_) => "No window could be proposed for this date of the series.",
            None => "This series proposes nothing until somebody looks at it.",
        };
        Letter {
            subject: format!("[{}] {database}: {title}", self.frame.kind.label()),
            headline: format!("{}: {title}", self.frame.kind.label()),
            lead: lead.to_owned(),
            rows,
            button: Some(Button { label: "Open the series".to_owned(), url: page.clone() }),
            paragraphs: vec![block(&stuck.said)],
            because: goes_to(self.frame.kind),
            page,
            ..self.frame.blank()
        }
    }

    /// It carries no link that decides: whoever approves signs in.
    pub(super) fn together(&self, asked: &AskedSeries, zone: &Zone) -> Letter {
        let (title, database, by) = (line(&asked.title), line(&asked.database), line(&asked.by));
        let page = format!("{}/series/{}/approval", self.frame.base, asked.id);
        let rows = dates(&title, &database, &asked.starts, zone);
        let dates = plural(u64::try_from(asked.starts.len()).unwrap_or(0), "date", "dates");
        Letter {
            subject: format!("[{}] {database}: {title}", self.frame.kind.label()),
            headline: format!("{}: {title}", self.frame.kind.label()),
            lead: format!("{by} asks you to approve the next {dates} of this series together."),
            rows,
            button: Some(Button { label: "Read the plan and its dates".to_owned(), url: page.clone() }),
            paragraphs: vec![
                "The page asks you to sign in: a series is not approved by a link from a mail.".to_owned(),
                "If you do not want to approve all of them together, leave it. Each window then asks by itself, in a mail of its own."
                    .to_owned(),
            ],
            because: goes_to(self.frame.kind),
            page,
            ..self.frame.blank()
        }
    }

    /// It carries no link that decides: whoever wants the approval back signs in, be it that they left the team.
    pub(super) fn voted(&self, voted: &VotedSeries, zone: &Zone) -> Letter {
        let (title, database, comment) = (line(&voted.title), line(&voted.database), block(&voted.comment));
        let page = format!("{}/series/{}/approval", self.frame.base, voted.id);
        let mut rows = dates(&title, &database, &voted.starts, zone);
        if !comment.is_empty() {
            rows.push(("Comment", comment));
        }
        let count = plural(u64::try_from(voted.starts.len()).unwrap_or(0), "date", "dates");
        let (lead, paragraphs) = if voted.withdrawn {
            ("Your approval was recorded, and has been taken back since.".to_owned(), vec![])
        } else {
            let lead = format!(
                "An approval in your name was recorded: {count} of this series together, {}, {}.",
                voted.known.label(),
                zone.long(voted.at)
            );
            let ways = vec![
                "It counts for every window that is proposed exactly as you read it, until you take it back on that page.".to_owned(),
                "If you did not approve this, sign in there, take it back, and change your password: windows that have not started and whose \
                 approvals no longer suffice wait for approval again."
                    .to_owned(),
            ];
            (lead, ways)
        };
        Letter {
            subject: format!("[{}] {database}: {title}", self.frame.kind.label()),
            headline: format!("{}: {title}", self.frame.kind.label()),
            lead,
            rows,
            button: Some(Button { label: "Read what was approved".to_owned(), url: page.clone() }),
            paragraphs,
            digest: voted.digest.short(),
            because: goes_to(self.frame.kind),
            page,
            ..self.frame.blank()
        }
    }
}

/// Which series, where, and its first and last date.
fn dates(title: &str, database: &str, starts: &[Timestamp], zone: &Zone) -> Vec<(&'static str, String)> {
    let mut rows = vec![("Series", title.to_owned()), ("Database", database.to_owned())];
    let ends = [("First date", starts.first()), ("Last date", starts.last())];
    rows.extend(ends.into_iter().filter_map(|(name, at)| Some((name, *at?))).flat_map(|(name, at)| zone.rows(name, at)));
    rows
}
