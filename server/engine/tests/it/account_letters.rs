//! The wording of mails about accounts, under snapshot.

use domain::factor::Happened;
use domain::notice::NoticeKind;
use engine::paper::{AccountMaterial, FactorNews, Mail, write_account};
use engine::store::letters::Recipient;

fn material(kind: NoticeKind, by: Option<&str>) -> AccountMaterial {
    let at = |text: &str| text.parse().expect("a time");
    let mut frame = crate::letters::frame(kind);
    frame.installation.name = "Harbour".into();
    frame.recipient =
        Recipient { name: "Zoë Ünal".into(), email: "zoe@example.org".into(), zone: "Europe/Berlin".into(), ..frame.recipient };
    AccountMaterial {
        frame,
        by: by.map(str::to_owned),
        link: matches!(kind, NoticeKind::Invited | NoticeKind::ResetAsked)
            .then(|| ("0123456789abcdefghijklmnopqrstuvwxyzABCDEFG".into(), at("2026-11-27T12:00:00Z"))),
        at: at("2026-11-20T11:59:58Z"),
        votes_paused: true,
        factor: None,
    }
}

fn mail(kind: NoticeKind, by: Option<&str>) -> Mail {
    write_account(&material(kind, by)).expect("written")
}

#[test]
fn every_message_about_an_account_says_this() {
    // What happened to a second factor is several messages of one kind.
    for kind in NoticeKind::ALL.iter().filter(|kind| kind.is_about_account() && **kind != NoticeKind::FactorChanged) {
        let by = (*kind == NoticeKind::Invited).then_some("Ada Andersen");
        let mail = mail(*kind, by);
        insta::assert_snapshot!(
            kind.word(),
            format!("To: {} <{}>\nSubject: {}\n\n{}", mail.to_name, mail.to_address, mail.subject, mail.text)
        );
        assert!(mail.thread.is_none() && mail.calendar.is_none(), "it belongs to no window");
        for word in ["<script", "<img", "<link", "@import", "url(", "<style", "Plan digest"] {
            assert!(!mail.html.contains(word), "{word} in a mail");
        }
    }
    assert!(mail(NoticeKind::ResetAsked, Some("Ada")).text.contains("Ada had this link sent to you"));
    let changed = write_account(&AccountMaterial { votes_paused: false, ..material(NoticeKind::PasswordChanged, None) }).expect("written");
    assert!(!changed.text.contains("24 hours"), "{}", changed.text);
}

#[test]
fn what_happened_to_a_second_factor_is_told() {
    for what in Happened::ALL {
        let by = (*what == Happened::TakenAway).then(|| ("Ada Andersen".to_owned(), "Her phone fell into the harbour.".to_owned()));
        let news = FactorNews { what: *what, by, left: 9 };
        let mail = write_account(&AccountMaterial { factor: Some(news), ..material(NoticeKind::FactorChanged, None) }).expect("written");
        insta::assert_snapshot!(
            format!("factor_{}", what.word()),
            format!("To: {} <{}>\nSubject: {}\n\n{}", mail.to_name, mail.to_address, mail.subject, mail.text)
        );
    }
}

#[test]
fn foreign_text_stays_text() {
    let hostile = mail(NoticeKind::Invited, Some("<b>Ada</b>\r\nBcc: evil@example.org\u{202e}"));
    assert!(!hostile.html.contains("<b>") && !hostile.subject.contains('\r') && hostile.text.contains("⟨U+202E⟩"), "{}", hostile.text);
}
