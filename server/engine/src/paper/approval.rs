//! The page behind a mailed link: readable on a phone, without account and without script, in one request.

use super::letter::{block, line};
use super::when::Zone;
use super::wording::{places, rehearsed};
use crate::error::{Error, Result};
use crate::queries::links::LinkPage;
use askama::Template;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use domain::approval::VoteDecision;
use domain::change::Statement;
use domain::decision::FieldError;
use domain::plan::Plan;
use domain::procedure::{FindingLevel, Parameters, StepTemplate, text};
use domain::view::links::{About, Answer, Code, Mailed, Over, TrialOf, Vote};
use domain::view::windows::blocked;
use sha2::{Digest as _, Sha256};

/// The style sheet, as it stands in the head of each of these pages: a template ends without its last line break.
const STYLE: &str = include_str!("templates/approval.css").trim_ascii_end();

/// What a content security policy calls that style sheet: the only style such a page may have.
pub fn style_source() -> String {
    format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(STYLE)))
}

/// What was typed, to be shown again when it could not be taken.
#[derive(Debug, Clone, Default)]
pub struct TypedAgain {
    /// Short name of the database.
    pub short_name: String,
    /// Why.
    pub comment: String,
    /// The code.
    pub code: String,
    /// Address of who decides instead.
    pub delegate: String,
    /// A code was mailed just now.
    pub mailed: bool,
    /// What is wrong, by field.
    pub errors: Vec<FieldError>,
    /// Why it was not done, as a whole.
    pub refusal: String,
}

impl TypedAgain {
    fn error(&self, field: &str) -> &str {
        self.errors.iter().find(|error| error.field == field).map_or("", |error| error.message.as_str())
    }
}

/// What the form says of a code.
struct CodePart {
    /// Which rules want it.
    why: String,
    /// Nothing but a code makes the approval count.
    needed: bool,
    /// Until when the mailed one is good, and how often it may be typed; `None` where this browser has none to type.
    here: Option<(String, String)>,
    /// Another browser asked for one.
    elsewhere: bool,
}

/// A part of the plan: heading and lines.
struct Part {
    title: &'static str,
    lines: Vec<String>,
}

#[derive(Template)]
#[template(path = "approval_decide.html")]
struct DecidePage<'a> {
    title: String,
    action: &'a str,
    author: String,
    reader: String,
    digest: String,
    digest_hex: String,
    rows: Vec<(&'static str, String)>,
    reason: String,
    parts: Vec<Part>,
    thresholds: Vec<String>,
    votes: Vec<String>,
    short_name: String,
    sign_in: Option<i64>,
    code: Option<CodePart>,
    approve: bool,
    confirmed: bool,
    delegate: Option<String>,
    may_delegate: bool,
    holds_seat: bool,
    paused: Option<String>,
    typed: &'a TypedAgain,
}

#[derive(Template)]
#[template(path = "approval_object.html")]
struct ObjectPage<'a> {
    title: String,
    action: &'a str,
    reader: String,
    digest: String,
    rows: Vec<(&'static str, String)>,
    vote: String,
    take_back: &'a str,
    typing: String,
    short_name: String,
    typed: &'a TypedAgain,
}

#[derive(Template)]
#[template(path = "approval_over.html")]
struct OverPage<'a> {
    title: String,
    action: &'a str,
    headline: &'a str,
    text: String,
    digest: String,
    rows: Vec<(&'static str, String)>,
    vote: Option<String>,
    changes: Vec<(String, String, String)>,
    more_changes: usize,
    fresh: bool,
    paused: Option<String>,
    typed: &'a TypedAgain,
}

#[derive(Template)]
#[template(path = "approval_message.html")]
struct MessagePage<'a> {
    title: &'a str,
    text: &'a str,
}

/// Most lines of a difference that are shown; the window's own page has them all.
const MOST_CHANGES: usize = 40;

/// The page of a link whose secret was proven. `action` is the page's own path.
pub fn page(link: &LinkPage, action: &str, typed: &TypedAgain) -> Result<String> {
    let about = &link.about;
    match &link.answer {
        Answer::Decide => decide(link, action, typed),
        Answer::Object(vote) => object(about, (said(vote), "take the vote back"), action, typed),
        Answer::TakeBack(delegate) => {
            let given = format!("You let {} decide on this plan in your place: the holder of your link said so.", line(delegate));
            object(about, (given, "take that back"), action, typed)
        }
        Answer::Over(over) => finished(link, over, action, typed),
    }
    .map_err(Error::internal)
}

/// The one answer to every secret that is not known.
pub fn unknown() -> Result<String> {
    message(
        "This link does not work",
        "It is not known here, or it is not complete: mail programs sometimes break long addresses. Open it again from the newest mail, or sign in and decide on the page of the window.",
    )
}

/// A fresh link is on its way.
pub fn mailed() -> Result<String> {
    message(
        "A fresh link is on its way",
        "It goes to the address we have for you, within a minute or two. The older mails no longer decide.",
    )
}

/// A plain page with a few sentences.
pub fn message(title: &str, text: &str) -> Result<String> {
    MessagePage { title, text }.render().map_err(Error::internal)
}

fn heading(about: &About) -> String {
    format!("#{} {}: {}", about.number, line(&about.plan.databases()), line(&about.plan.title))
}

fn decide(link: &LinkPage, action: &str, typed: &TypedAgain) -> askama::Result<String> {
    let about = &link.about;
    let plan = &about.plan;
    let code = about.code.as_ref().filter(|_| !about.sign_in_to_approve).map(|code| code_part(code, &Zone::named(&about.zone)));
    let here = code.as_ref().is_some_and(|code| code.here.is_some());
    let mut rows = rows(about, true);
    if !about.in_place_of.is_empty() {
        let names = about.in_place_of.iter().map(|name| line(name)).collect::<Vec<_>>();
        rows.push(("You decide for", format!("{}, in whose place you vote; you count once", blocked::both(&names))));
    }
    DecidePage {
        title: heading(about),
        action,
        author: line(&about.author),
        reader: line(&about.reader),
        digest: about.digest.short(),
        digest_hex: about.digest.hex(),
        rows,
        reason: block(&plan.reason),
        parts: parts(plan, &about.trials, &Zone::named(&about.zone)),
        thresholds: thresholds(plan),
        votes: about.votes.iter().map(said).collect(),
        short_name: line(&plan.target().short_name),
        sign_in: about.sign_in_to_approve.then_some(about.number),
        approve: !about.sign_in_to_approve && code.as_ref().is_none_or(|code| here || !code.needed),
        confirmed: here,
        delegate: about.delegate.as_deref().map(line),
        holds_seat: about.holds_seat,
        // Where a code adds anything, it is needed to give that away.
        may_delegate: about.holds_seat && !about.sign_in_to_approve && code.as_ref().is_none_or(|_| here),
        code,
        paused: link.paused.as_deref().map(block),
        typed,
    }
    .render()
}

fn code_part(code: &Code, zone: &Zone) -> CodePart {
    let (for_whom, without) = (code.for_whom.join(" and "), code.without.join(" and "));
    let why = if code.needed {
        format!("The policy of this plan counts your approval, as one of the {for_whom}, only with a code from your mailbox.")
    } else {
        format!(
            "Without a code your approval counts for the {without} alone; with a code from your mailbox it counts for the {for_whom}, too."
        )
    };
    let here = match code.mailed {
        Mailed::Here { until, left } => Some((zone.long(until), text::plural(left.unsigned_abs().into(), "try", "tries"))),
        _ => None,
    };
    CodePart { why, needed: code.needed, here, elsewhere: code.mailed == Mailed::Elsewhere }
}

fn object(about: &About, (done, take_back): (String, &str), action: &str, typed: &TypedAgain) -> askama::Result<String> {
    ObjectPage {
        title: heading(about),
        action,
        reader: line(&about.reader),
        digest: about.digest.short(),
        rows: rows(about, false),
        vote: done,
        take_back,
        typing: format!("To {take_back}, type"),
        short_name: line(&about.plan.target().short_name),
        typed,
    }
    .render()
}

fn finished(link: &LinkPage, over: &Over, action: &str, typed: &TypedAgain) -> askama::Result<String> {
    let about = &link.about;
    let shown = over.changes.iter().take(MOST_CHANGES).map(|change| {
        let side = |text: &Option<String>| text.as_deref().map_or_else(|| "(nothing)".to_owned(), block);
        (line(&change.place), side(&change.before), side(&change.after))
    });
    OverPage {
        title: heading(about),
        action,
        headline: over.title,
        text: block(&over.text),
        digest: about.digest.short(),
        rows: rows(about, false),
        vote: about.votes.iter().find(|vote| vote.name == about.reader).map(said),
        changes: shown.collect(),
        more_changes: over.changes.len().saturating_sub(MOST_CHANGES),
        fresh: over.fresh,
        // What is over waits for no decision that a pause could be told beside.
        paused: link.paused.as_deref().filter(|_| over.fresh).map(block),
        typed,
    }
    .render()
}

fn rows(about: &About, all: bool) -> Vec<(&'static str, String)> {
    let plan = &about.plan;
    let zone = Zone::named(&about.zone);
    let times = &plan.times;
    let mut rows = vec![("What", line(&format!("{}, {}", plan.title, plan.procedure.said())))];
    rows.extend(places(plan, |target| {
        let dbms = if target.dbms == "postgresql" { "PostgreSQL" } else { "MariaDB" };
        format!(
            "{} ({}), {dbms} database {} on {}, {}, owned by {}",
            target.short_name, target.name, target.database, target.host, target.environment, about.team
        )
    }));
    if plan.is_many() {
        let first = line(&plan.target().short_name);
        rows.push((
            "",
            format!("A decision is about all {} of them; the short name of the first, {first}, stands for them.", plan.targets.len()),
        ));
    }
    rows.push(("When", zone.span(times.start, times.end)));
    if !zone.is_utc(times.start) {
        rows.push(("", Zone::span_utc(times.start, times.end)));
    }
    if let Some(outside) = &plan.outside_hours {
        rows.push(("Unusual hours", line(&outside.said())));
    }
    if all {
        rows.push((
            "Limits",
            format!(
                "If it has not begun by {}, it does not run. Nothing new begins after {}.",
                zone.short_with_utc(times.latest_start),
                zone.short_with_utc(times.cut_off)
            ),
        ));
        rows.push(("Impact", plan.impact()));
        rows.push(("Risk", format!("{}, {}", plan.risk().word(), plan.risk().label())));
        let rules = about.rules.iter().map(|rule| format!("{} of {} of the {}", rule.have, rule.need, rule.who));
        rows.push(("Approvals", rules.collect::<Vec<_>>().join("; ")));
        rows.extend(plan.raised().map(|raised| ("", raised.said())));
        rows.push(("Decide by", zone.long(about.decide_by)));
        if !zone.is_utc(about.decide_by) {
            rows.push(("", Zone::utc(about.decide_by)));
        }
    }
    rows
}

/// The plan in words, from its bytes: steps as the sealed version of the procedure has them.
fn parts(plan: &Plan, trials: &[TrialOf], zone: &Zone) -> Vec<Part> {
    let known = plan.procedure.known();
    let part = |step: &&StepTemplate| step.is_outside() || plan.envelope.steps.contains(&step.key);
    let steps: Vec<String> = match &known {
        Some(known) => {
            let steps = known.steps.iter().filter(part);
            steps.map(|step| format!("{}. {} Risk {}.", line(&step.name), block(&step.does), step.risk.word())).collect()
        }
        None => plan.envelope.steps.iter().map(|key| line(key)).collect(),
    };
    let envelope = &plan.envelope;
    let chosen = format!(
        "At most {}, {} together, nothing riskier than {}. What the work needs is chosen at the start, inside these limits.",
        text::plural(envelope.most_objects.into(), "object", "objects"),
        text::size(envelope.most_bytes),
        envelope.highest_risk.word()
    );
    let mut limits = match (plan.change.is_some(), plan.selects()) {
        (true, false) => {
            vec!["Exactly the text below is sent, all of it and in its order; nothing else is chosen, and nothing left out.".to_owned()]
        }
        (true, true) => vec!["The text below is sent exactly, all of it and in its order. Beside it work is chosen.".to_owned(), chosen],
        (false, _) => vec![chosen],
    };
    if !envelope.allowed.is_empty() {
        limits.push(format!("Only: {}.", envelope.allowed.iter().map(|rule| line(&rule.to_string())).collect::<Vec<_>>().join(", ")));
    }
    if !envelope.excluded.is_empty() {
        limits
            .push(format!("Left alone: {}.", envelope.excluded.iter().map(|rule| line(&rule.to_string())).collect::<Vec<_>>().join(", ")));
    }
    limits.push(format!("It does not start without a backup on record that is younger than {} hours.", plan.backup_max_age_hours));
    limits.extend(plan.proofs_demanded().into_iter().map(|(target, hours)| {
        let of = if plan.is_many() { format!(" of {}", line(&target.short_name)) } else { String::new() };
        format!("It does not start without a backup{of} that a worker restored and compared with the database, at most {hours} hours old.")
    }));
    let undo = std::iter::once(block(&plan.rollback.summary)).chain(plan.rollback.steps.iter().map(|step| block(step)));
    let mut parts = vec![Part { title: "What it does", lines: steps }, Part { title: "Limits", lines: limits }];
    if let Some(change) = &plan.change {
        let numbered = |(n, statement): (usize, &Statement)| format!("{}. {}", n + 1, read(statement));
        let role = change.role.iter().map(|role| format!("Sent as the role {}.", line(role)));
        let out = change.keep_out.iter().map(|out| line(&out.said()));
        parts.push(Part {
            title: "The statements, as they are sent",
            lines: role.chain(out).chain(change.statements.iter().enumerate().map(numbered)).collect(),
        });
        let back = change.way_back();
        if !back.is_empty() {
            parts.push(Part { title: "The statements that take it back", lines: back.iter().enumerate().map(numbered).collect() });
        }
    }
    if !trials.is_empty() {
        parts.push(Part { title: "On an empty copy of the schema", lines: trials.iter().flat_map(|of| tried(of, zone)).collect() });
    }
    let rehearsal = rehearsal(plan, zone);
    if !rehearsal.is_empty() {
        parts.push(Part { title: "Rehearsal", lines: rehearsal });
    }
    parts.push(Part { title: "If something goes wrong", lines: undo.collect() });
    let checks = plan.checklist.iter().map(|check| format!("{}. {}", line(&check.title), line(&check.rule)));
    parts.push(Part { title: "Checked afterwards", lines: checks.collect() });
    parts
}

/// A statement with its class, its lock, and what a reader should know.
fn read(statement: &Statement) -> String {
    let Statement { text, reading } = statement;
    let mut said = vec![block(text), format!("Risk {}. {}.", reading.risk().word(), reading.lock_in_words())];
    said.extend(reading.destroys.as_ref().map(|what| format!("Gone afterwards: {}.", line(what))));
    said.extend(reading.opaque.as_ref().map(|why| format!("Nobody can tell from its text what it does: {}.", line(why))));
    said.extend(reading.remarks.iter().map(|remark| line(&format!("{} {}", remark.sentence, remark.advice))));
    said.join("\n")
}

/// What came of trying it on a copy, with everything that went wrong there.
fn tried(of: &TrialOf, zone: &Zone) -> Vec<String> {
    let database = of.database.iter().map(|name| format!("{}: ", line(name)));
    let at = of.at.iter().map(|at| format!(" Looked at {}.", zone.short_with_utc(*at)));
    let said = database.chain([line(&of.trial.sentence())]).chain(at).collect::<String>();
    let findings = of.trial.findings().into_iter().filter(|finding| finding.level > FindingLevel::Note);
    let told = findings.map(|finding| line(&format!("{}: {} {}", finding.level.label(), finding.sentence, finding.advice)));
    std::iter::once(said).chain(told).collect()
}

/// How it was rehearsed; nothing where it was not, and nobody demands it.
fn rehearsal(plan: &Plan, zone: &Zone) -> Vec<String> {
    let Some(sealed) = &plan.rehearsal else {
        return if domain::rehearsal::is_by_order(plan) { vec![domain::rehearsal::BY_ORDER.to_owned()] } else { vec![] };
    };
    let mut lines: Vec<String> = rehearsed(plan, zone).map(|said| format!("Rehearsed {said}.")).into_iter().collect();
    lines.extend(sealed.findings.iter().map(|finding| block(finding)));
    lines.extend(sealed.steps_said(&plan.procedure).iter().map(|said| line(said)));
    lines.push(format!("Its plan has the digest {}.", sealed.plan_digest.short()));
    lines
}

/// Those of the plan's procedure.
fn thresholds(plan: &Plan) -> Vec<String> {
    Parameters::specs_of(plan.procedure.known().as_ref())
        .filter_map(|spec| plan.parameters.get(spec.name).map(|value| format!("{}: {} {}", spec.label, text::count(value), spec.unit)))
        .collect()
}

/// A vote in a line.
fn said(vote: &Vote) -> String {
    let decision = match vote.decision {
        VoteDecision::Approve => "approved",
        VoteDecision::Reject => "rejected",
        VoteDecision::RequestChanges => "asked for changes",
    };
    let comment = block(&vote.comment);
    let comment = if comment.is_empty() { String::new() } else { format!(" “{comment}”") };
    format!("{} {decision}, {}, {}.{comment}", line(&vote.name), vote.assurance.label(), Zone::utc(vote.at))
}
