//! Letters about a database or the whole installation: no window, no plan, no calendar entry.

mod absences;
mod freezes;
mod series;

use super::frame::Frame;
use super::letter::{Button, Letter, block, line};
use super::mail::Mail;
use super::when::Zone;
use super::wording::goes_to;
use crate::error::{Error, Result};
use domain::absence::Absence;
use domain::approval::Assurance;
use domain::canonical::Digest;
use domain::ids::{SeriesId, TargetId, WebhookId};
use domain::notice::NoticeKind;
use domain::pause::PauseLevel;
use domain::view::freezes::{FreezeRow, MetWindow, Passing};
use domain::view::pauses::PauseRow;
use jiff::Timestamp;

/// What is told.
#[derive(Debug, Clone)]
pub enum News {
    /// All maintenance was paused, or goes on.
    Pause(PauseRow),
    /// A database belongs to another team.
    Owner(OwnerChange),
    /// Mail works; asked for then.
    Test(Timestamp),
    /// A freeze as it stands, the recipient's windows that it meets, and the window about whose passing it is, if about one.
    Freeze(Box<FreezeRow>, Vec<MetWindow>, Option<Passing>),
    /// A receiver of events is paused.
    Webhook(Silence),
    /// A series waits for a person.
    Series(StuckSeries),
    /// Dates of a series wait for an approval together.
    Together(AskedSeries),
    /// An approval of such dates was recorded.
    Voted(VotedSeries),
    /// Somebody is away.
    Absence(Away),
}

/// An absence as it stands, with its people.
#[derive(Debug, Clone)]
pub struct Away {
    /// The absence.
    pub absence: Absence,
    /// Name of who is away.
    pub name: String,
    /// Name of who votes meanwhile.
    pub delegate: Option<String>,
    /// Name of who said so.
    pub by: String,
}

/// A receiver that never answers.
#[derive(Debug, Clone)]
pub struct Silence {
    /// The receiver.
    pub webhook: WebhookId,
    /// Its name.
    pub name: String,
    /// What of its address may be shown.
    pub origin: String,
    /// Why it is paused.
    pub reason: String,
}

/// A series, and what it cannot do by itself.
#[derive(Debug, Clone)]
pub struct StuckSeries {
    /// The series.
    pub id: SeriesId,
    /// Its title.
    pub title: String,
    /// Short name of its database.
    pub database: String,
    /// The date that has no window; `None` where it is about all of them.
    pub start: Option<Timestamp>,
    /// What is in the way, and what to do.
    pub said: String,
}

/// A series, and the dates that were put together.
#[derive(Debug, Clone)]
pub struct AskedSeries {
    /// The series.
    pub id: SeriesId,
    /// Its title.
    pub title: String,
    /// Short name of its database.
    pub database: String,
    /// Who asks.
    pub by: String,
    /// When they start, in order.
    pub starts: Vec<Timestamp>,
}

/// An approval of dates of a series.
#[derive(Debug, Clone)]
pub struct VotedSeries {
    /// The series.
    pub id: SeriesId,
    /// Its title.
    pub title: String,
    /// Short name of its database.
    pub database: String,
    /// What was approved.
    pub digest: Digest,
    /// When they start, in order.
    pub starts: Vec<Timestamp>,
    /// How the voter was known.
    pub known: Assurance,
    /// When it was given.
    pub at: Timestamp,
    /// What the voter wanted to say.
    pub comment: String,
    /// It was taken back since.
    pub withdrawn: bool,
}

/// A database and the teams it goes from and to.
#[derive(Debug, Clone)]
pub struct OwnerChange {
    /// The database.
    pub target: TargetId,
    /// Its short name.
    pub short_name: String,
    /// Its name.
    pub name: String,
    /// Name of the former owner.
    pub from: String,
    /// Name of the new owner.
    pub to: String,
    /// Why.
    pub reason: String,
}

/// Everything such a letter is written from, as it stands when it leaves.
#[derive(Debug)]
pub struct Bulletin {
    /// What it shares with every mail about no window.
    pub frame: Frame,
    /// What is told.
    pub news: News,
}

impl Bulletin {
    /// Writes the mail.
    pub fn write(&self) -> Result<Mail> {
        let letter = match &self.news {
            News::Pause(pause) => self.pause(pause, &self.frame.zone()),
            News::Owner(change) => self.owner(change),
            News::Test(asked_at) => self.test(*asked_at),
            News::Freeze(row, windows, passing) => self.freeze(row, windows, passing.as_ref(), &self.frame.zone()),
            News::Webhook(silence) => self.silence(silence),
            News::Series(stuck) => self.series(stuck, &self.frame.zone()),
            News::Absence(away) => self.absence(away, &self.frame.zone()),
            News::Together(asked) => self.together(asked, &self.frame.zone()),
            News::Voted(voted) => self.voted(voted, &self.frame.zone()),
        };
        let host = url::Url::parse(&self.frame.base)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned))
            .ok_or_else(|| Error::internal("the public address has no host"))?;
        self.frame.mail(letter, Some(format!("<{}@{host}>", self.thread())))
    }

    /// Mails that belong together stay together.
    fn thread(&self) -> String {
        match &self.news {
            News::Pause(pause) => format!("pause-{}", pause.paused_at.as_microsecond()),
            News::Owner(change) => format!("database-{}", change.target),
            News::Test(asked_at) => format!("test-{}", asked_at.as_microsecond()),
            News::Freeze(row, ..) => format!("freeze-{}", row.freeze.id),
            News::Webhook(silence) => format!("webhook-{}", silence.webhook),
            News::Series(stuck) => format!("series-{}", stuck.id),
            News::Absence(away) => format!("absence-{}", away.absence.id),
            News::Together(asked) => format!("series-{}", asked.id),
            News::Voted(voted) => format!("series-{}", voted.id),
        }
    }

    fn silence(&self, silence: &Silence) -> Letter {
        let (name, page) = (line(&silence.name), format!("{}/admin/webhooks/{}", self.frame.base, silence.webhook));
        Letter {
            subject: format!("[{}] {name}", self.frame.kind.label()),
            headline: format!("{}: {name}", self.frame.kind.label()),
            lead: format!("The webhook {name} is paused: whoever listens there hears nothing of what happens."),
            rows: vec![("Receiver", line(&silence.origin)), ("Why", block(&silence.reason))],
            button: Some(Button { label: "Open the webhook".to_owned(), url: page.clone() }),
            paragraphs: vec![
                "What it was owed before waits, and leaves once somebody resumes it. What happens while it is paused is not kept for it."
                    .to_owned(),
            ],
            because: goes_to(self.frame.kind),
            page,
            ..self.frame.blank()
        }
    }

    fn owner(&self, change: &OwnerChange) -> Letter {
        let (short_name, from, to) = (line(&change.short_name), line(&change.from), line(&change.to));
        let page = format!("{}/databases/{}", self.frame.base, change.target);
        Letter {
            subject: format!("[{}] {short_name}: {from} to {to}", self.frame.kind.label()),
            headline: format!("{}: {short_name}", self.frame.kind.label()),
            lead: format!("{to} owns the database {short_name} from now on; so far it was {from}."),
            rows: vec![
                ("Database", format!("{short_name} ({})", line(&change.name))),
                ("From", from.clone()),
                ("To", to.clone()),
                ("Why", block(&change.reason)),
            ],
            button: Some(Button { label: "Open the database".to_owned(), url: page.clone() }),
            paragraphs: vec![
                format!("Engineers and leads of {to} plan its windows, and the votes of leads are those of {to}. Its stakeholders stay."),
                format!("The windows so far stay with {from}."),
            ],
            because: goes_to(self.frame.kind),
            page,
            ..self.frame.blank()
        }
    }

    fn test(&self, asked_at: Timestamp) -> Letter {
        let zone = self.frame.zone();
        let mut rows = zone.rows("Asked for", asked_at);
        rows.extend(zone.rows("Sent", self.frame.now));
        Letter {
            subject: format!("[{}] {}", self.frame.kind.label(), line(&self.frame.installation.name)),
            headline: "Mail works".to_owned(),
            lead: format!("You asked {} for a test mail. This is it.", line(&self.frame.installation.name)),
            rows,
            button: Some(Button { label: "Open Drydock".to_owned(), url: self.frame.base.clone() }),
            paragraphs: vec![
                "Try the button: every link in a mail begins with the same address, and stakeholders have to reach it.".to_owned(),
                "If this mail was in your junk folder, others will look for theirs in vain: let the domain of the sender's address vouch for \
                 your mail server (SPF, DKIM)."
                    .to_owned(),
            ],
            because: goes_to(self.frame.kind),
            page: self.frame.base.clone(),
            ..self.frame.blank()
        }
    }

    /// Whatever was owed, it says how things stand when it leaves: a pause that is over by then is told as over.
    fn pause(&self, pause: &PauseRow, zone: &Zone) -> Letter {
        let (installation, by) = (line(&self.frame.installation.name), line(&pause.paused_by));
        let reaches = match pause.level {
            PauseLevel::StartNothing => "Nothing starts; runs that were in progress go on.",
            PauseLevel::HoldRunning => {
                "Nothing starts, and runs in progress are held before their next item; what makes things safe again still happens."
            }
        };
        let mut rows = zone.rows("Paused", pause.paused_at);
        rows.push(("By", by.clone()));
        rows.push(("Why", block(&pause.reason)));
        let (lead, paragraphs) = match &pause.resumed {
            None => (
                format!("{by} paused all maintenance. {reaches}"),
                vec![
                    "Approved windows whose latest start passes meanwhile count as missed, with this reason; their people are told."
                        .to_owned(),
                    format!("{by} or an administrator resumes it."),
                ],
            ),
            Some((at, who, why)) => {
                rows.extend(zone.rows("Resumed", *at));
                rows.push(("By", line(who)));
                rows.push(("Why", block(why)));
                (
                    format!("{} ended the pause: approved windows start again at their times.", line(who)),
                    vec!["Runs that were held meanwhile wait for a decision on their pages. Windows that were missed have to be proposed again.".to_owned()],
                )
            }
        };
        let kind = if pause.resumed.is_some() { NoticeKind::Resumed } else { NoticeKind::Paused };
        let page = format!("{}/pause", self.frame.base);
        Letter {
            subject: format!(
                "[{}] {installation}, {}",
                kind.label(),
                zone.short(pause.resumed.as_ref().map_or(pause.paused_at, |(at, ..)| *at))
            ),
            headline: format!("{}: {installation}", kind.label()),
            lead,
            rows,
            button: Some(Button { label: "See how things stand".to_owned(), url: page.clone() }),
            paragraphs,
            because: goes_to(self.frame.kind),
            page,
            ..self.frame.blank()
        }
    }
}
