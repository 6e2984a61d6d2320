//! What each message says.

mod running;
mod voting;

use super::calendar::{CalendarEvent, CalendarPart, Invitation, uid};
use super::letter::{Button, Letter, block, line};
use super::mail::Mail;
use super::when::Zone;
use crate::error::{Error, Result};
use crate::store::letters::{Installation, Recipient, Subject, ToldAcceptance, ToldRun, ToldVote};
use domain::approval::VoteDecision;
use domain::canonical::Digest;
use domain::glass::Glass;
use domain::notice::{Concerned, NoticeKind};
use domain::plan::{Plan, PlanProcedure, PlanTarget};
use domain::procedure::text::plural;
use domain::window::certainty::Certainty;
use jiff::Timestamp;
use running::{commands, held, reservations, summary};
use secrecy::{ExposeSecret as _, SecretString};
use voting::{ask, broken, code, delegated, in_your_place, opinions, recorded};

/// Everything a message is written from, as it stands when it leaves.
#[derive(Debug)]
pub struct Material {
    /// Which message.
    pub kind: NoticeKind,
    /// It asks once more for what was asked for before.
    pub reminder: bool,
    /// When it leaves.
    pub now: Timestamp,
    /// Who writes.
    pub installation: Installation,
    /// Base of every address in it, without a slash at the end.
    pub base: String,
    /// To whom.
    pub recipient: Recipient,
    /// About which window and plan.
    pub subject: Subject,
    /// Votes on that plan.
    pub votes: Vec<ToldVote>,
    /// Approvals there are, and that are needed.
    pub standing: (usize, usize),
    /// The newest run.
    pub run: Option<ToldRun>,
    /// What became of each database so far, where the plan has several.
    pub lanes: Vec<String>,
    /// Failed items of the validation list that were accepted.
    pub accepted: Vec<ToldAcceptance>,
    /// The personal address it carries, and until when it works.
    pub link: Option<(SecretString, Timestamp)>,
    /// Names of those in whose place the recipient votes.
    pub in_place_of: Vec<String>,
    /// Those of them who are there, and let the recipient decide.
    pub given_by: Vec<String>,
    /// Whom the recipient lets decide on this plan, and since when.
    pub delegate: Option<(String, Timestamp)>,
    /// What is missing, where it tells that.
    pub said: Vec<String>,
    /// The newest seal.
    pub head: Option<(i64, Digest)>,
    /// What somebody wrote, and who.
    pub comment: Option<(String, String)>,
    /// The break-glass that approved it, where one did.
    pub broken: Option<Glass>,
    /// The times it had before it was moved.
    pub moved_from: Option<(Timestamp, Timestamp)>,
    /// Orders changes of the calendar entry.
    pub sequence: i64,
    /// Stable over all tries.
    pub message_id: String,
    /// Address the mail comes from, for the calendar's organizer.
    pub from: String,
}

/// Writes the mail.
pub fn write(m: &Material) -> Result<Mail> {
    let letter = letter(m);
    let host = url::Url::parse(&m.base)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .ok_or_else(|| Error::internal("the public address has no host"))?;
    Ok(Mail {
        to_name: m.recipient.name.clone(),
        to_address: m.recipient.email.clone(),
        from_name: m.installation.name.clone(),
        text: letter.text()?,
        html: letter.html()?,
        calendar: m.kind.event().map(|state| calendar(m, state, &letter, &host)),
        message_id: m.message_id.clone(),
        thread: Some(format!("<window-{}@{host}>", m.subject.id)),
        at: m.now,
        subject: letter.subject,
    })
}

fn letter(m: &Material) -> Letter {
    let plan = &m.subject.plan;
    let zone = Zone::named(&m.recipient.zone);
    let name = format!("#{} {}: {}", m.subject.number, line(&plan.databases()), line(&plan.title));
    let (lead, paragraphs) = saying(m, &zone);
    Letter {
        subject: format!("[{}] {name}, {}", label(m), zone.short(plan.times.start)),
        headline: format!("{}: {name}", label(m)),
        lead,
        rows: rows(m, &zone),
        button: button(m),
        paragraphs,
        commands: commands(m),
        digest: m.subject.digest.short(),
        head: trail_head(m.head),
        because: because(m),
        page: page(m),
        installation: line(&m.installation.name),
    }
}

/// What kind of message it is, as people sort their mail by it.
fn label(m: &Material) -> String {
    if m.reminder { format!("Reminder: {}", m.kind.label().to_lowercase()) } else { m.kind.label().to_owned() }
}

/// The newest seal in words.
pub(super) fn trail_head(head: Option<(i64, Digest)>) -> String {
    head.map_or_else(|| "none yet: nothing is sealed so far".to_owned(), |(n, hash)| format!("batch {n}, {}", hash.hex()))
}

fn page(m: &Material) -> String {
    format!("{}/windows/{}{}", m.base, m.subject.number, if m.recipient.outside { "/decide" } else { "" })
}

/// The name of a procedure; of one that people composed also that, whatever it is named after.
fn composed(procedure: &PlanProcedure) -> String {
    if procedure.own.is_some() { procedure.said() } else { procedure.name.clone() }
}

fn rows(m: &Material, zone: &Zone) -> Vec<(&'static str, String)> {
    use NoticeKind as N;
    let plan = &m.subject.plan;
    let (start, end) = (plan.times.start, plan.times.end);
    let (title, procedure) = (&plan.title, composed(&plan.procedure));
    // Without a title of its own a window is called after its procedure.
    let mut rows = vec![("What", if *title == procedure { line(title) } else { line(&format!("{title}, {procedure}")) })];
    rows.extend(places(plan, |target| {
        let dbms = if target.dbms == "postgresql" { "PostgreSQL" } else { "MariaDB" };
        format!("{} ({}), {dbms}, {}, owned by {}", target.short_name, target.name, target.environment, m.subject.team)
    }));
    rows.push(("When", zone.span(start, end)));
    if !zone.is_utc(start) {
        rows.push(("", Zone::span_utc(start, end)));
    }
    if let Some((start, end)) = m.moved_from {
        rows.push(("Was", zone.span(start, end)));
    }
    // What is still to come is worth knowing as long as it can be decided, and what it does while it runs.
    if matches!(m.kind, N::ApprovalNeeded | N::VoteRecorded | N::Approved | N::GlassBroken | N::Started) {
        rows.extend(plan.outside_hours.iter().map(|outside| ("Unusual hours", line(&outside.said()))));
        rows.push(("Impact", plan.impact()));
        rows.push(("Risk", format!("{}, {}", plan.risk().word(), plan.risk().label())));
    }
    if matches!(m.kind, N::ApprovalNeeded | N::VoteRecorded | N::Approved | N::GlassBroken | N::ApprovalLost | N::QuorumShort) {
        let counted = || format!("{} of {}", m.standing.0, m.standing.1);
        rows.push((
            "Approvals",
            if plan.is_pre_approved() { "none asked for: the policy approves it beforehand".to_owned() } else { counted() },
        ));
    }
    if matches!(m.kind, N::ApprovalNeeded | N::VoteRecorded | N::Approved | N::ApprovalLost) {
        rows.extend(plan.raised().map(|raised| ("", raised.said())));
    }
    if let Some(glass) = m.broken.as_ref().filter(|_| m.kind != N::GlassBroken) {
        let second = glass.confirmed.as_ref().map_or("", |confirmed| confirmed.name.as_str());
        rows.push(("Break-glass", line(&format!("by {} and {second}, without the approvals of the policy", glass.asked_name))));
    }
    if m.kind == N::ApprovalNeeded {
        rows.extend(rehearsed(plan, zone).map(|said| ("Rehearsed", said)));
    }
    if matches!(m.kind, N::ApprovalNeeded | N::QuorumShort) {
        rows.extend(zone.rows("Decide by", m.subject.decide_by));
    }
    rows
}

/// Where and when it was rehearsed, and how that went.
pub(super) fn rehearsed(plan: &Plan, zone: &Zone) -> Option<String> {
    let of = plan.rehearsal.as_ref()?;
    let (name, environment) = (line(&of.short_name), of.environment.word());
    Some(format!("on {name} ({environment}) by window #{}, ended {}: {}", of.number, zone.short_with_utc(of.ended_at), of.figures()))
}

/// Where the work is done: a row for each database, and of several in which order.
pub(super) fn places(plan: &Plan, said: impl Fn(&PlanTarget) -> String) -> Vec<(&'static str, String)> {
    let label = |first: bool| if first { "Where" } else { "" };
    let wave = |target: &PlanTarget| if plan.is_many() { format!("Wave {}: ", plan.wave_of(target.id)) } else { String::new() };
    let mut rows: Vec<(&'static str, String)> =
        plan.targets.iter().enumerate().map(|(n, target)| (label(n == 0), line(&format!("{}{}", wave(target), said(target))))).collect();
    if let Some(waves) = plan.waves.as_ref().filter(|waves| waves.soak_min > 0) {
        let soak = plural(u64::from(waves.soak_min), "minute", "minutes");
        rows.push(("", format!("{soak} between two waves; one that does not end clean stops those behind it.")));
    }
    rows
}

/// Whom to call, for each database that has somebody else.
fn on_call(plan: &Plan) -> Vec<String> {
    let first = &plan.target().on_call;
    if plan.targets.iter().all(|target| target.on_call == *first) {
        let what = if plan.is_many() { "these databases" } else { "this database" };
        return vec![format!("On call for {what}: {}.", line(first))];
    }
    plan.targets.iter().map(|target| format!("On call for {}: {}.", line(&target.short_name), line(&target.on_call))).collect()
}

fn button(m: &Material) -> Option<Button> {
    let link = m.link.as_ref().map(|(secret, _)| format!("{}/a/{}", m.base, secret.expose_secret()));
    let (label, url) = match m.kind {
        NoticeKind::ApprovalNeeded => ("Review and decide", link.unwrap_or_else(|| page(m))),
        NoticeKind::VoteRecorded | NoticeKind::Delegated => ("This was not me", link?),
        // What it carries is no address, and the page it is for is open already.
        NoticeKind::VoteCode => return None,
        NoticeKind::ApprovalLost | NoticeKind::QuorumShort => ("See what is missing", page(m)),
        NoticeKind::Held => ("See what is known and decide", page(m)),
        NoticeKind::Commented | NoticeKind::Mentioned => ("Open the conversation", format!("{}#conversation", page(m))),
        NoticeKind::Validating if !m.recipient.outside => ("Open the validation list", format!("{}/checklist", page(m))),
        _ => ("Open the window", page(m)),
    };
    Some(Button { label: label.to_owned(), url })
}

/// The first sentence or two, and what else is worth knowing.
fn saying(m: &Material, zone: &Zone) -> (String, Vec<String>) {
    let plan = &m.subject.plan;
    let reason = m.subject.state_reason.as_deref().map(line).filter(|reason| !reason.is_empty());
    let because = |sentence: &str| match &reason {
        Some(reason) => format!("{sentence} Reason: {reason}"),
        None => sentence.to_owned(),
    };
    let nothing_runs = "Nothing will run.";
    match m.kind {
        NoticeKind::ApprovalNeeded => ask(m, zone),
        NoticeKind::VoteCode => code(m, zone),
        NoticeKind::VoteRecorded => recorded(m, zone),
        NoticeKind::VotedInPlace => in_your_place(m, zone),
        NoticeKind::Delegated => delegated(m, zone),
        NoticeKind::Moved => (
            format!("{}. Until enough people agree to the new time, it will not run.", moved(m, zone, "").trim_end()),
            vec!["You get this because you were told of the old time. Those who decide are asked again.".to_owned()],
        ),
        NoticeKind::Approved if plan.is_pre_approved() => (
            format!(
                "Nobody was asked. {} The work starts by itself at its time, and not later than {}.",
                line(&plan.pre_approved_by().unwrap_or_default()),
                zone.long(plan.times.latest_start)
            ),
            vec!["Whoever may cancel the window can do so until it begins.".to_owned()],
        ),
        NoticeKind::Approved => (
            format!(
                "Enough people agreed. The work starts by itself at its time, and not later than {}.",
                zone.long(plan.times.latest_start)
            ),
            opinions(m, None),
        ),
        NoticeKind::GlassBroken => broken(m, zone),
        NoticeKind::Rejected => (format!("This window was voted down. {nothing_runs}"), opinions(m, Some(VoteDecision::Reject))),
        NoticeKind::ChangesAsked => (
            "Somebody asked for changes. The window is a draft again; it needs a new revision, and new votes on it.".to_owned(),
            opinions(m, Some(VoteDecision::RequestChanges)),
        ),
        NoticeKind::Cancelled => (because(&format!("This window was called off. {nothing_runs}")), vec![]),
        NoticeKind::ApprovalLost => (
            because("This window was approved and is not any more: an approval no longer counts."),
            vec!["Those who have not decided were asked again. It runs only if enough people approve in time.".to_owned()],
        ),
        NoticeKind::QuorumShort => (
            "Too few of the people whom the plan asks can still decide in time. As things stand, it expires.".to_owned(),
            m.said.iter().map(|said| block(said)).chain(["Ask those who are away to name somebody who votes meanwhile, or edit the window: it asks today's people then. A later time helps where they are back by then.".to_owned()]).collect(),
        ),
        NoticeKind::HandedOver => (
            "You answer for this window from now on: whoever did so before is gone.".to_owned(),
            vec![
                "You are told of everything that happens to it, and asked when it is sent back or stops. You may change it, withdraw it or call it off. Owning is no authorship: if its plan asks for your vote, you may still vote, as long as you change nothing."
                    .to_owned(),
            ],
        ),
        NoticeKind::Expired => (
            format!("There were {} of {} approvals when the time to decide ran out. {nothing_runs}", m.standing.0, m.standing.1),
            vec!["If the work is still needed, propose it again for another time.".to_owned()],
        ),
        NoticeKind::Started => (
            match &m.run {
                Some(run) => format!("The work began at {}. You will be told when it is over.", zone.long(run.opened_at)),
                None => "The work began. You will be told when it is over.".to_owned(),
            },
            on_call(plan),
        ),
        NoticeKind::Missed => (
            because(&format!("The work was not begun by its latest start, {}. {nothing_runs}", zone.long(plan.times.latest_start))),
            vec!["If it is still needed, propose it again for another time.".to_owned()],
        ),
        NoticeKind::Held => held(m),
        NoticeKind::Validating => {
            ("The work is over. The window closes when its validation list is done: please answer what is open.".to_owned(), summary(m))
        }
        NoticeKind::AllClear => {
            ("The work is done and validated. The window is closed.".to_owned(), summary(m).into_iter().chain(reservations(m)).collect())
        }
        NoticeKind::Failed => (because("The window ended without success."), summary(m)),
        NoticeKind::Commented | NoticeKind::Mentioned => wrote(m),
        // These speak of no window: [`super::write_address`] writes them.
        NoticeKind::ConfirmAddress | NoticeKind::AddressChanged => (String::new(), vec![]),
        // These speak of no window: [`super::write_account`] writes them.
        NoticeKind::Invited | NoticeKind::ResetAsked | NoticeKind::PasswordChanged | NoticeKind::FactorChanged => (String::new(), vec![]),
        // Written by `bulletin`: they are about no window.
        NoticeKind::Paused | NoticeKind::Resumed | NoticeKind::OwnerChanged | NoticeKind::TestMail | NoticeKind::Frozen | NoticeKind::FreezeChanged | NoticeKind::WebhookPaused | NoticeKind::SeriesStuck | NoticeKind::SeriesAsked | NoticeKind::SeriesVoted | NoticeKind::AbsenceSaid | NoticeKind::AbsenceChanged => (m.kind.label().to_owned(), vec![]),
    }
}

/// `Egon moved this maintenance window from Sun 29 Nov 02:00 GMT to Mon 30 Nov 02:00 GMT`, and what follows.
fn moved(m: &Material, zone: &Zone, rest: &str) -> String {
    let (from, to) = (
        m.moved_from.map_or_else(String::new, |(start, _)| format!(" from {}", zone.short(start))),
        zone.short(m.subject.plan.times.start),
    );
    let author = line(&m.subject.author);
    if m.moved_from.is_some_and(|(start, _)| start == m.subject.plan.times.start) {
        return format!("{author} gave this maintenance window another end, {}{rest}", zone.short(m.subject.plan.times.end));
    }
    format!("{author} moved this maintenance window{from} to {to}{rest}")
}

fn wrote(m: &Material) -> (String, Vec<String>) {
    let (author, text) = m.comment.as_ref().map_or((String::new(), String::new()), |(author, text)| (line(author), block(text)));
    let lead = if m.kind == NoticeKind::Mentioned { "names you in a comment on this window." } else { "wrote about this window." };
    (format!("{author} {lead}"), vec![text, "Answer on the window's page: an answer to this mail reaches nobody there.".to_owned()])
}

fn because(m: &Material) -> String {
    let to = match m.kind {
        NoticeKind::VoteCode => "This message goes to the mailbox whose link asked for it.".to_owned(),
        NoticeKind::Delegated => "This message goes to whoever lets somebody else decide.".to_owned(),
        kind => goes_to(kind),
    };
    let plan = &m.subject.plan;
    let what = if plan.is_many() { "Databases" } else { "Database" };
    let names: Vec<String> = plan.targets.iter().map(|target| line(&target.short_name)).collect();
    format!("{to} {what}: {}.", names.join(", "))
}

/// Why somebody gets a message of this kind.
pub(super) fn goes_to(kind: NoticeKind) -> String {
    let concerned = kind.audience().iter().map(|concerned| match concerned {
        Concerned::Eligible => "the people whose vote this plan asks for",
        Concerned::Stakeholders => "the stakeholders of the database",
        Concerned::Contributors => "those who wrote the window",
        Concerned::Leads => "leads and deputies of the owner team",
        Concerned::Voter => "the person who decided",
        Concerned::WindowOwner => "the owner of the window",
        Concerned::Watchers => "those who watch it",
        Concerned::Executor => "whoever started or steered the run",
        Concerned::Mentioned => "those whom the comment names",
        Concerned::Invited => "those whose calendar has it",
        Concerned::OnCall => "whoever is on call for the database",
        Concerned::Owner => "the person whose account it is",
        Concerned::Administrators => "administrators",
        Concerned::Auditors => "auditors",
        Concerned::BothLeads => "leads and deputies of both teams",
        Concerned::SeriesAuthor => "whoever saved the series last",
        Concerned::FreezeMaker => "whoever made the freeze",
        Concerned::Absent => "whoever is away",
        Concerned::Delegate => "whoever votes in their place",
        Concerned::Heads => "leads and deputies of every team and administrators",
    });
    format!("This message goes to {}.", concerned.collect::<Vec<_>>().join(", "))
}

fn calendar(m: &Material, state: Certainty, letter: &Letter, host: &str) -> CalendarPart {
    let plan = &m.subject.plan;
    let note = if state == Certainty::Tentative {
        "\nNot approved yet. Accepting this entry does not approve it: decide by the link in the mail."
    } else {
        ""
    };
    let description = format!(
        "{}\n{}\nRisk {}, {}{note}\nPlan digest {}\n{}",
        plan.title,
        plan.impact(),
        plan.risk().word(),
        plan.risk().label(),
        m.subject.digest.short(),
        letter.page
    );
    CalendarEvent {
        uid: &uid(m.subject.id, host),
        sequence: m.sequence,
        stamp: m.now,
        start: plan.times.start,
        end: plan.times.end,
        state,
        summary: &format!("#{} {}: {}", m.subject.number, plan.databases(), plan.title),
        description: &description,
        location: &plan.targets.iter().map(|target| target.short_name.as_str()).collect::<Vec<_>>().join(", "),
        url: &letter.page,
        invitation: Some(Invitation { organizer: &m.from, name: &m.recipient.name, address: &m.recipient.email }),
    }
    .part()
}
