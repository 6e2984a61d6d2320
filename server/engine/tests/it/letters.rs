//! The wording of every message, under snapshot: who changes a sentence sees the whole mail.

use domain::absence::Absence;
use domain::approval::{Assurance, Eligible, Policy};
use domain::canonical::Digest;
use domain::change::{Change, KeepOut, Reading, Statement, WayBack, settings};
use domain::freeze::{Freeze, Scope};
use domain::glass::{Confirmed, Glass, Raised};
use domain::ids::{AbsenceId, FreezeId, GlassId, PersonId, PolicyId, RunId, SeriesId, TargetId, TeamId, WebhookId, WindowId};
use domain::lanes::Waves;
use domain::notice::NoticeKind;
use domain::pause::PauseLevel;
use domain::plan::{Bar, Plan, PlanParts, PlanPolicy, PlanTarget};
use domain::procedure::library::weekly;
use domain::procedure::{RiskClass, Shelf};
use domain::proposal::{Proposal, ProposalForm};
use domain::view::freezes::{FreezeRow, MetWindow, Passing};
use domain::view::pauses::PauseRow;
use domain::window::{Ending, RunState, WindowState};
use engine::paper::{AskedSeries, Away, Bulletin, Frame, Mail, Material, News, OwnerChange, Silence, StuckSeries, VotedSeries, write};
use engine::store::letters::{Installation, Recipient, Subject, ToldAcceptance, ToldRun, ToldVote};
use engine::target::session::SessionName;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use uuid::Uuid;

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

pub fn plan() -> Plan {
    let form = ProposalForm {
        target: "prod-orders".into(),
        title: "weekly maintenance".into(),
        reason: "Deletes since the last release left many dead rows.".into(),
        date: "2026-11-29".into(),
        time: "02:00".into(),
        ..ProposalForm::blank()
    };
    let proposal = form.parse(&Shelf::default()).expect("a good form");
    let times = proposal.times(&TimeZone::UTC, "Etc/UTC", "2026a", at("2026-11-20T00:00:00Z")).expect("in the future");
    let rules = Policy::standard();
    let (_, digest) = rules.seal().expect("integers");
    let parts = PlanParts {
        window: WindowId(Uuid::from_u128(1)),
        number: 142,
        revision: 1,
        target: PlanTarget {
            id: TargetId(Uuid::from_u128(2)),
            short_name: "prod-orders".into(),
            name: "Orders".into(),
            dbms: "postgresql".into(),
            environment: "production".into(),
            host: "db".into(),
            port: 5432,
            database: "orders".into(),
            username: "drydock".into(),
            team: TeamId(Uuid::from_u128(3)),
            on_call: "Lena, +49 30 1".into(),
            identity: serde_json::json!({"system_identifier": "7"}),
            critical_queries: vec![],
        },
        times,
        outside_hours: None,
        policy: PlanPolicy { id: PolicyId(Uuid::from_u128(4)), version: 1, name: "standard".into(), digest, rules, raised: None },
        eligible: Eligible::new(),
        critical_queries: vec![],
        more: vec![],
        waves: None,
        rehearsal: None,
        measured_mib: BTreeMap::new(),
    };
    Plan::assemble(&Proposal { procedure: weekly::version_1(), ..proposal }, parts)
}

pub fn material(kind: NoticeKind) -> Material {
    let plan = plan();
    let (_, digest) = plan.seal().expect("integers");
    let carries = matches!(kind, NoticeKind::ApprovalNeeded | NoticeKind::VoteRecorded | NoticeKind::Delegated);
    let ran = matches!(kind, NoticeKind::Started | NoticeKind::Held | NoticeKind::Validating | NoticeKind::AllClear | NoticeKind::Failed);
    let over = matches!(kind, NoticeKind::Validating | NoticeKind::AllClear | NoticeKind::Failed);
    let in_place = kind == NoticeKind::VotedInPlace;
    let (decision, comment) = match kind {
        NoticeKind::Rejected => ("reject", "Release day, not now."),
        NoticeKind::ChangesAsked => ("request_changes", "Please leave orders_archive alone."),
        NoticeKind::VotedInPlace => ("approve", "Looked at it with Sten before he left."),
        _ => ("approve", ""),
    };
    Material {
        in_place_of: vec![],
        given_by: vec![],
        delegate: (kind == NoticeKind::Delegated).then(|| ("Mara".into(), at("2026-11-20T11:00:00Z"))),
        said: vec![],
        reminder: false,
        kind,
        now: at("2026-11-20T12:00:00Z"),
        installation: Installation {
            name: "Drydock".into(),
            public_url: "https://drydock.example".into(),
            zone: "Etc/UTC".into(),
            demo: false,
        },
        base: "https://drydock.example".into(),
        recipient: Recipient {
            id: PersonId(Uuid::from_u128(9)),
            name: "Sten".into(),
            email: "sten@example.org".into(),
            zone: "Europe/London".into(),
            outside: false,
            active: true,
        },
        subject: Subject {
            id: plan.window,
            number: 142,
            state: WindowState::Proposed,
            state_reason: matches!(kind, NoticeKind::Cancelled | NoticeKind::Missed | NoticeKind::Failed | NoticeKind::ApprovalLost)
                .then(|| "the release was moved".into()),
            newest: digest,
            digest,
            author: "Egon".into(),
            decide_by: plan.times.latest_start,
            team: "Orders".into(),
            issues_met: (kind == NoticeKind::AllClear).then(|| "Two indexes wait for next week.".into()),
            escalated: std::collections::BTreeSet::new(),
            plan,
        },
        votes: vec![ToldVote {
            person: PersonId(Uuid::from_u128(if in_place { 10 } else { 9 })),
            name: if in_place { "Fritz" } else { "Sten" }.into(),
            decision: decision.into(),
            assurance: "link".into(),
            comment: comment.into(),
            at: at("2026-11-20T11:00:00Z"),
            in_place_of: in_place.then_some(PersonId(Uuid::from_u128(9))).into_iter().collect(),
        }],
        standing: (1, 2),
        run: ran.then(|| ToldRun {
            id: RunId(Uuid::from_u128(5)),
            target: TargetId(Uuid::from_u128(2)),
            state: RunState::Ended,
            ending: over.then_some(if kind == NoticeKind::Failed { Ending::Failed } else { Ending::CutOff }),
            opened_at: at("2026-11-29T02:00:04Z"),
            hold_reason: (kind == NoticeKind::Held).then(|| "The outcome of REINDEX INDEX public.orders_pkey is not known.".into()),
            outcomes: vec![("deferred".into(), 2), ("done".into(), 7), ("skipped_lock".into(), 1)],
        }),
        lanes: vec![],
        accepted: (kind == NoticeKind::AllClear)
            .then(|| ToldAcceptance { title: "No error spikes".into(), by: "Lena".into(), reason: "The alert was a test.".into() })
            .into_iter()
            .collect(),
        link: match kind {
            NoticeKind::VoteCode => Some(("012345".into(), at("2026-11-20T12:10:00Z"))),
            _ => carries.then(|| ("0123456789abcdefghijklmnopqrstuvwxyzABCDEFG".into(), at("2026-11-29T03:00:00Z"))),
        },
        head: Some((17, Digest([0xab; 32]))),
        comment: kind.is_about_comment().then(|| ("Lena".into(), "@Sten: can this wait until the release is out?\n\nIt should.".into())),
        broken: (kind == NoticeKind::GlassBroken).then(broken),
        moved_from: (kind == NoticeKind::Moved).then(|| (at("2026-11-28T02:00:00Z"), at("2026-11-28T04:00:00Z"))),
        sequence: 3,
        message_id: "<n1@drydock>".into(),
        from: "drydock@example.org".into(),
    }
}

/// Two people broke the glass for the plan.
fn broken() -> Glass {
    Glass {
        id: GlassId(Uuid::from_u128(6)),
        digest: Digest([0xcd; 32]),
        reason: "Orders cannot be placed: the index is corrupt.".into(),
        asked_by: PersonId(Uuid::from_u128(10)),
        asked_name: "Egon".into(),
        asked_at: at("2026-11-20T11:40:00Z"),
        expires_at: at("2026-11-20T12:10:00Z"),
        ended: false,
        confirmed: Some(Confirmed {
            by: PersonId(Uuid::from_u128(11)),
            name: "Lena".into(),
            at: at("2026-11-20T12:00:00Z"),
            review_due: at("2026-11-23T12:00:00Z"),
        }),
        review: None,
    }
}

fn mail(kind: NoticeKind) -> Mail {
    write(&material(kind)).expect("written")
}

#[test]
fn every_message_says_this() {
    let about_windows = |kind: &&NoticeKind| !kind.is_about_account() && !kind.is_about_address() && !kind.is_bulletin();
    for kind in NoticeKind::ALL.iter().filter(about_windows) {
        let mail = mail(*kind);
        insta::assert_snapshot!(
            kind.word(),
            format!("To: {} <{}>\nSubject: {}\n\n{}", mail.to_name, mail.to_address, mail.subject, mail.text)
        );
    }
}

/// Whoever got the first request knows by the subject that this one asks nothing new.
#[test]
fn a_reminder_says_that_it_is_one() {
    let first = mail(NoticeKind::ApprovalNeeded);
    let again = write(&Material { reminder: true, ..material(NoticeKind::ApprovalNeeded) }).expect("written");
    let rest = first.subject.strip_prefix("[Approval needed]").expect("its kind first");
    assert_eq!(again.subject, format!("[Reminder: approval needed]{rest}"));
    assert_eq!(again.thread, first.thread, "beside the first one");
    let said = "Egon asked for your decision on this maintenance window, and it is still missing.";
    assert!(again.text.contains(said) && again.html.contains(said) && !first.text.contains(said), "{}", again.text);
    assert!(again.text.contains("Review and decide"), "{}", again.text);
}

#[test]
fn a_break_glass_stands_in_every_later_mail_and_a_debt_in_whatever_asks() {
    let started = write(&Material { broken: Some(broken()), ..material(NoticeKind::Started) }).expect("written").text;
    assert!(started.contains("by Egon and Lena, without the approvals of the policy"), "{started}");
    assert!(!mail(NoticeKind::Started).text.contains("Break-glass"));
    let mut asks = material(NoticeKind::ApprovalNeeded);
    asks.subject.plan.policy.raised = Some(Raised { windows: vec![12], since: at("2026-11-18T02:00:00Z"), beforehand: false });
    let asks = write(&asks).expect("written").text;
    assert!(asks.contains("One more approver: the review of the break-glass of #12 is overdue since 2026-11-18 02:00 UTC."), "{asks}");
}

/// Of a window whose page they may not open, people are led to the page on which they were asked.
#[test]
fn whoever_sees_nothing_of_the_team_is_led_to_the_page_they_decide_on() {
    for kind in [NoticeKind::Rejected, NoticeKind::ChangesAsked, NoticeKind::Expired, NoticeKind::VoteRecorded] {
        let mut outside = material(kind);
        outside.recipient.outside = true;
        let text = write(&outside).expect("written").text;
        let page = "https://drydock.example/windows/142";
        let others = text.matches(page).count() - text.matches(&format!("{page}/decide")).count();
        assert!(text.contains(&format!("{page}/decide")) && others == 0, "{text}");
    }
}

#[test]
fn the_page_of_a_mail_is_self_contained() {
    let html = mail(NoticeKind::ApprovalNeeded).html;
    insta::assert_snapshot!("approval_needed_html", html);
    for word in ["<script", "<img", "<link", "@import", "url(", "<style"] {
        assert!(!html.contains(word), "{word} in a mail");
    }
}

#[test]
fn the_calendar_entry_moves_is_confirmed_and_goes() {
    let text = |kind| mail(kind).calendar.expect("a calendar part").text.replace("\r\n", "\n");
    insta::assert_snapshot!("approval_needed_ics", text(NoticeKind::ApprovalNeeded));
    assert!(text(NoticeKind::Approved).contains("STATUS:CONFIRMED"));
    let gone = text(NoticeKind::Cancelled);
    assert!(gone.contains("METHOD:CANCEL") && gone.contains("UID:window-00000000-0000-0000-0000-000000000001@drydock.example"), "{gone}");
    assert!(!text(NoticeKind::ApprovalNeeded).replace("\n ", "").contains("/a/"), "calendars are shared: no personal link in them");
    let lost = text(NoticeKind::ApprovalLost);
    assert!(lost.contains("METHOD:REQUEST") && lost.contains("STATUS:TENTATIVE"), "{lost}");
    assert!(text(NoticeKind::Started).contains("STATUS:CONFIRMED"), "whoever was added since has it from now on");
    for kind in [NoticeKind::Held, NoticeKind::Validating, NoticeKind::AllClear, NoticeKind::VoteRecorded] {
        assert!(mail(kind).calendar.is_none(), "{}", kind.word());
    }
}

#[test]
fn the_commands_of_a_mail_name_the_sessions_of_its_run() {
    let run = RunId(Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef));
    let session = SessionName::new(run, 3, 2, 1).expect("short").to_string();
    for kind in [NoticeKind::Started, NoticeKind::Held] {
        let mut told = material(kind);
        told.run.as_mut().expect("it ran").id = run;
        let text = write(&told).expect("written").text;
        let patterns: Vec<_> = text.split("LIKE '").skip(1).filter_map(|rest| rest.split_once("%'")).map(|(pattern, _)| pattern).collect();
        assert_eq!(patterns.len(), 3, "{text}");
        assert!(patterns.iter().all(|pattern| session.starts_with(pattern)), "{patterns:?} and {session}");
    }
}

#[test]
fn what_a_policy_approves_beforehand_is_no_agreement_of_people() {
    let mut told = material(NoticeKind::Approved);
    assert!(write(&told).expect("written").text.contains("Enough people agreed."));
    told.subject.plan.policy.rules.pre_approved = Some(RiskClass::R4);
    let text = write(&told).expect("written").text;
    assert!(text.contains("Nobody was asked. Approved beforehand by the policy “standard”, version 1: risk R1"), "{text}");
    assert!(text.contains("none asked for: the policy approves it beforehand"), "{text}");
    assert!(!text.contains("Enough people agreed"), "{text}");
}

#[test]
fn the_start_of_several_databases_says_how_to_get_at_each() {
    let mut told = material(NoticeKind::Started);
    let plan = &mut told.subject.plan;
    let second = PlanTarget { id: TargetId(Uuid::from_u128(8)), short_name: "prod-invoices".into(), ..plan.target().clone() };
    let order = vec![vec![second.id], vec![plan.target().id]];
    plan.bars.push(Bar { target: second.id, policy: plan.policy.clone(), eligible: plan.eligible.clone() });
    plan.targets.push(second);
    plan.waves = Some(Waves { order, soak_min: 5 });
    let text = write(&told).expect("written").text;
    assert!(text.contains("see what it is doing on each of these databases, until its part has ended"), "{text}");
    let any_run = RunId(Uuid::from_u128(77)).session_prefix();
    let pattern = text.split("LIKE '").nth(1).and_then(|rest| rest.split_once("%'")).map(|(pattern, _)| pattern).expect("a pattern");
    // An underscore of a pattern is any one character.
    let fits = pattern.chars().zip(any_run.chars()).all(|(wanted, there)| wanted == '_' || wanted == there);
    assert!(fits && pattern.len() == any_run.len() && text.contains("datname = current_database()"), "{text}");
    assert!(!"drydock: password of somebody, changed".starts_with(&pattern[..9]), "{pattern}");
}

#[test]
fn the_start_of_a_change_says_how_it_is_taken_back() {
    let mut told = material(NoticeKind::Started);
    let statement = |text: &str| Statement { text: text.into(), reading: Reading::harmless("CREATE INDEX") };
    told.subject.plan.change = Some(Change {
        statements: vec![statement("CREATE INDEX one ON shop.orders (state)")],
        role: Some("Shop owner".into()),
        keep_out: KeepOut::parse("shop_app", "", "").expect("good"),
        back: WayBack::Statements { statements: vec![statement("DROP INDEX shop.one -- the first"), statement("SELECT 1")] },
    });
    let text = write(&told).expect("written").text;
    for line in ["ALTER ROLE \"shop_app\" LOGIN;", "SET ROLE \"Shop owner\";", "DROP INDEX shop.one -- the first", "SELECT 1"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains("-- the first;"), "a comment would swallow the end of the statement: {text}");
    let change = settings::read("work_mem = 64MB\nwal_compression = default").expect("good");
    told.subject.plan.change = Some(change);
    let text = write(&told).expect("written").text;
    for line in ["ALTER SYSTEM RESET \"work_mem\";", "ALTER SYSTEM RESET \"wal_compression\";", "SELECT pg_reload_conf();"] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn foreign_text_stays_text() {
    let mut hostile = material(NoticeKind::Rejected);
    hostile.votes[0].comment = "<script>alert(1)</script>\u{202e}\r\n\r\nX: y".into();
    hostile.votes[0].name = "<b>Sten</b>\r\nBcc: evil@example.org".into();
    let mail = write(&hostile).expect("written");
    assert!(!mail.html.contains("<script") && !mail.html.contains("<b>"), "{}", mail.html);
    assert!(mail.text.contains("⟨U+202E⟩") && !mail.subject.contains('\r'));
    let comment = Some(("<b>Lena</b>\r\nBcc: evil@example.org".into(), "<script>alert(1)</script>\u{202e}".into()));
    let mail = write(&Material { comment, ..material(NoticeKind::Mentioned) }).expect("written");
    assert!(!mail.html.contains("<script") && !mail.html.contains("<b>"), "{}", mail.html);
    assert!(mail.text.contains("⟨U+202E⟩") && !mail.text.contains("\nBcc:"), "{}", mail.text);
}

#[test]
fn the_head_is_honest_before_the_first_seal() {
    let first = Material { head: None, ..material(NoticeKind::Approved) };
    assert!(write(&first).expect("written").text.contains("Audit head  none yet"));
}

/// What mails about no window share.
pub fn frame(kind: NoticeKind) -> Frame {
    let told = material(NoticeKind::Approved);
    Frame {
        kind,
        now: told.now,
        installation: told.installation,
        base: told.base,
        recipient: told.recipient,
        head: told.head,
        message_id: told.message_id,
    }
}

fn bulletin(kind: NoticeKind, news: News) -> Bulletin {
    Bulletin { frame: frame(kind), news }
}

fn paused(resumed: bool) -> PauseRow {
    PauseRow {
        level: PauseLevel::HoldRunning,
        reason: "The storage of the second site is failing.".into(),
        paused_at: at("2026-07-20T11:58:00Z"),
        paused_by: "Lena".into(),
        resumed: resumed.then(|| (at("2026-07-20T14:30:00Z"), "Adele".into(), "The storage was replaced.".into())),
    }
}

#[test]
fn a_pause_is_told_as_it_stands_when_the_mail_leaves() {
    for (name, resumed) in [("paused", false), ("resumed", true)] {
        let kind = NoticeKind::from_word(name).expect("a kind");
        let mail = bulletin(kind, News::Pause(paused(resumed))).write().expect("written");
        assert!(mail.calendar.is_none() && !mail.html.contains("<script"));
        insta::assert_snapshot!(name, format!("To: {} <{}>\nSubject: {}\n\n{}", mail.to_name, mail.to_address, mail.subject, mail.text));
    }
    // Owed when it began, sent when it was over: the truth of the sending.
    let late = bulletin(NoticeKind::Paused, News::Pause(paused(true))).write().expect("written");
    assert!(late.subject.starts_with("[Maintenance resumed]"), "{}", late.subject);
}

#[test]
fn a_freeze_is_told_with_the_windows_it_keeps_as_it_stands_when_the_mail_leaves() {
    let freeze = Freeze {
        id: FreezeId(Uuid::from_u128(8)),
        name: "Year end".into(),
        reason: "The books are closed.".into(),
        scope: Scope::Everything,
        zone: "Etc/UTC".into(),
        start: at("2026-11-15T00:00:00Z"),
        end: at("2026-12-03T00:00:00Z"),
        by: PersonId(Uuid::from_u128(9)),
        by_name: "Adele".into(),
        lifted_at: None,
        revision: 1,
    };
    let window = |number, passes| MetWindow {
        number,
        title: "weekly maintenance".into(),
        state: WindowState::Approved,
        database: "prod-orders".into(),
        start: at("2026-11-24T02:00:00Z"),
        end: at("2026-11-24T04:00:00Z"),
        passes,
    };
    let windows = vec![window(142, None), window(143, Some(("Anton".into(), "The disk fills up.".into())))];
    let row = |freeze, lifted| Box::new(FreezeRow { freeze, covers: "Everything".into(), lifted });
    let mail = bulletin(NoticeKind::Frozen, News::Freeze(row(freeze.clone(), None), windows.clone(), None)).write().expect("written");
    assert!(mail.calendar.is_none() && !mail.html.contains("<script"));
    insta::assert_snapshot!("frozen", format!("To: {} <{}>\nSubject: {}\n\n{}", mail.to_name, mail.to_address, mail.subject, mail.text));
    // Owed when it began, sent when it was lifted: the truth of the sending, and no word of windows that it keeps no more.
    let lifted = Freeze { lifted_at: Some(at("2026-11-18T10:00:00Z")), ..freeze.clone() };
    let late = News::Freeze(row(lifted, Some(("Adele".into(), "Closed early.".into()))), windows.clone(), None);
    let late = bulletin(NoticeKind::FreezeChanged, late);
    let late = late.write().expect("written");
    insta::assert_snapshot!("freeze_changed", format!("Subject: {}\n\n{}", late.subject, late.text));
    assert!(!late.text.contains("#142"), "{}", late.text);
    for (start, end, lead) in [
        ("2026-11-01T00:00:00Z", "2026-11-19T00:00:00Z", "The freeze “Year end” is over: approved windows start again at their times."),
        ("2026-11-21T00:00:00Z", "2026-12-19T00:00:00Z", "Adele made the freeze “Year end”: from its beginning on nothing starts"),
    ] {
        let freeze = Freeze { start: at(start), end: at(end), ..freeze.clone() };
        let mail = bulletin(NoticeKind::Frozen, News::Freeze(row(freeze, None), windows.clone(), None)).write().expect("written");
        assert!(mail.text.contains(lead) && mail.text.contains("#142") == lead.starts_with("Adele"), "{}", mail.text);
    }
    // Whoever made the freeze owns none of the windows it meets, and reads which one may pass it, who said so, and why.
    for (granted, lead) in [
        (true, "Anton let the window #142 on prod-orders pass the freeze “Year end”."),
        (false, "Anton took back that the window #142 on prod-orders may pass the freeze “Year end”: it is kept like the others."),
    ] {
        let passing = Passing {
            number: 142,
            title: "weekly maintenance".into(),
            database: "prod-orders".into(),
            by: "Anton".into(),
            reason: "The disk fills up.".into(),
            granted,
        };
        let news = News::Freeze(row(freeze.clone(), None), vec![], Some(passing));
        let text = bulletin(NoticeKind::FreezeChanged, news).write().expect("written").text;
        assert!(text.contains(lead) && text.contains("The disk fills up.") && text.contains("whoever made the freeze"), "{text}");
    }
}

#[test]
fn a_moved_window_is_asked_for_again_and_moves_in_the_calendar() {
    let moved = Material {
        moved_from: Some((at("2026-11-28T02:00:00Z"), at("2026-11-28T04:00:00Z"))),
        sequence: 9,
        ..material(NoticeKind::ApprovalNeeded)
    };
    let mail = write(&moved).expect("written");
    insta::assert_snapshot!("approval_needed_moved", format!("Subject: {}\n\n{}", mail.subject, mail.text));
    let calendar = mail.calendar.expect("a calendar part").text;
    assert!(
        calendar.contains("SEQUENCE:9\r\n") && calendar.contains("DTSTART:20261129T020000Z") && calendar.contains("STATUS:TENTATIVE"),
        "{calendar}"
    );
    let told = write(&material(NoticeKind::Moved)).expect("written");
    assert!(told.calendar.expect("a calendar part").text.contains("STATUS:TENTATIVE"));
}

#[test]
fn a_test_mail_says_what_to_try() {
    let asked_at: Timestamp = "2026-11-20T11:59:58Z".parse().expect("a time");
    let mail = bulletin(NoticeKind::TestMail, News::Test(asked_at)).write().expect("written");
    insta::assert_snapshot!("test_mail", format!("To: {} <{}>\nSubject: {}\n\n{}", mail.to_name, mail.to_address, mail.subject, mail.text));
}

#[test]
fn a_change_of_owner_is_told_to_both_teams() {
    let change = OwnerChange {
        target: TargetId(Uuid::from_u128(6)),
        short_name: "prod-orders".into(),
        name: "Orders".into(),
        from: "Orders".into(),
        to: "Billing".into(),
        reason: "Billing took the service over.".into(),
    };
    let mail = bulletin(NoticeKind::OwnerChanged, News::Owner(change)).write().expect("written");
    insta::assert_snapshot!(
        "owner_changed",
        format!("To: {} <{}>\nSubject: {}\n\n{}", mail.to_name, mail.to_address, mail.subject, mail.text)
    );
}

#[test]
fn administrators_hear_of_a_receiver_that_never_answers() {
    let silence = Silence {
        webhook: WebhookId(Uuid::from_u128(8)),
        name: "Dashboard".into(),
        origin: "https://hooks.example.org".into(),
        reason: "It took nothing for three days. The last answer: It could not take the call: 503.".into(),
    };
    let mail = bulletin(NoticeKind::WebhookPaused, News::Webhook(silence)).write().expect("written");
    insta::assert_snapshot!(
        "webhook_paused",
        format!("To: {} <{}>\nSubject: {}\n\n{}", mail.to_name, mail.to_address, mail.subject, mail.text)
    );
}

#[test]
fn dates_that_are_asked_about_together_are_read_signed_in() {
    let at = |text: &str| text.parse().expect("a time");
    let asked = AskedSeries {
        id: SeriesId(Uuid::from_u128(5)),
        title: "Weekly maintenance".into(),
        database: "prod-orders".into(),
        by: "Egon".into(),
        starts: vec![at("2026-11-29T01:00:00Z"), at("2026-12-06T01:00:00Z"), at("2026-12-13T01:00:00Z")],
    };
    let mail = bulletin(NoticeKind::SeriesAsked, News::Together(asked)).write().expect("written");
    insta::assert_snapshot!(
        "series_asked",
        format!("To: {} <{}>\nSubject: {}\n\n{}", mail.to_name, mail.to_address, mail.subject, mail.text)
    );
}

#[test]
fn an_approval_of_dates_is_confirmed_with_the_way_to_take_it_back() {
    let at = |text: &str| text.parse().expect("a time");
    let voted = VotedSeries {
        id: SeriesId(Uuid::from_u128(5)),
        title: "Weekly maintenance".into(),
        database: "prod-orders".into(),
        digest: Digest([7; 32]),
        starts: vec![at("2026-11-29T01:00:00Z"), at("2026-12-13T01:00:00Z")],
        known: Assurance::Account,
        at: at("2026-11-20T09:30:00Z"),
        comment: "Fine with us.".into(),
        withdrawn: false,
    };
    let mail = bulletin(NoticeKind::SeriesVoted, News::Voted(voted.clone())).write().expect("written");
    insta::assert_snapshot!(
        "series_voted",
        format!("To: {} <{}>\nSubject: {}\n\n{}", mail.to_name, mail.to_address, mail.subject, mail.text)
    );
    let late = bulletin(NoticeKind::SeriesVoted, News::Voted(VotedSeries { withdrawn: true, ..voted })).write().expect("written").text;
    assert!(late.contains("Your approval was recorded, and has been taken back since.") && !late.contains("It counts"), "{late}");
}

#[test]
fn a_series_that_cannot_go_on_says_what_to_do() {
    let stuck = StuckSeries {
        id: SeriesId(Uuid::from_u128(5)),
        title: "Weekly maintenance".into(),
        database: "prod-orders".into(),
        start: Some("2026-11-29T02:00:00Z".parse().expect("a time")),
        said: "This overlaps #7 “Restore drill”. Choose a time that ends before or starts after it.".into(),
    };
    let mail = bulletin(NoticeKind::SeriesStuck, News::Series(stuck)).write().expect("written");
    insta::assert_snapshot!(
        "series_stuck",
        format!("To: {} <{}>\nSubject: {}\n\n{}", mail.to_name, mail.to_address, mail.subject, mail.text)
    );
}

#[test]
fn whoever_is_away_and_whoever_votes_meanwhile_read_what_follows() {
    let away = |delegate: u128, ends: &str| {
        News::Absence(Away {
            absence: Absence {
                id: AbsenceId(Uuid::from_u128(9)),
                person: PersonId(Uuid::from_u128(8)),
                starts: at("2026-11-19T23:00:00Z"),
                ends: at(ends),
                delegate: Some(PersonId(Uuid::from_u128(delegate))),
                said_by: PersonId(Uuid::from_u128(8)),
            },
            name: "Ana".into(),
            delegate: Some("Ben".into()),
            by: "Ana".into(),
        })
    };
    let reader = bulletin(NoticeKind::AbsenceSaid, away(8, "2026-12-05T23:00:00Z")).frame.recipient.id.0.as_u128();
    let mail = bulletin(NoticeKind::AbsenceSaid, away(reader, "2026-12-05T23:00:00Z")).write().expect("written");
    insta::assert_snapshot!(
        "absence_said",
        format!("To: {} <{}>\nSubject: {}\n\n{}", mail.to_name, mail.to_address, mail.subject, mail.text)
    );
    let own = bulletin(NoticeKind::AbsenceSaid, away(1_000, "2026-12-05T23:00:00Z")).write().expect("written").text;
    assert!(own.contains("You are said to be away. Ben votes in your place meanwhile."), "{own}");
    let over = bulletin(NoticeKind::AbsenceChanged, away(reader, "2026-11-19T23:30:00Z")).write().expect("written").text;
    assert!(over.contains("You no longer vote in the place of Ana."), "{over}");
    let back = bulletin(NoticeKind::AbsenceChanged, away(1_000, "2026-11-19T23:30:00Z")).write().expect("written").text;
    assert!(back.contains("Decisions that were given in your place stay"), "{back}");
}

#[test]
fn a_decision_in_ones_place_that_was_taken_back_is_not_told_as_one_that_stands() {
    let taken_back = Material { votes: vec![], ..material(NoticeKind::VotedInPlace) };
    let text = write(&taken_back).expect("written").text;
    assert!(text.contains("A decision was given in your place, and has been withdrawn since."), "{text}");
}

#[test]
fn a_delegate_reads_for_whom_they_decide() {
    let given = Material { in_place_of: vec!["Sten".into()], given_by: vec!["Sten".into()], ..material(NoticeKind::ApprovalNeeded) };
    let text = write(&given).expect("written").text;
    assert!(text.contains("in the place of Sten, who lets you decide on this plan. Your decision counts once"), "{text}");
    let asked = Material { in_place_of: vec!["Ana".into(), "Cem".into()], ..material(NoticeKind::ApprovalNeeded) };
    let text = write(&asked).expect("written").text;
    assert!(text.contains("You are asked in the place of Ana and Cem, who are away: you were named as who votes meanwhile."), "{text}");
}
