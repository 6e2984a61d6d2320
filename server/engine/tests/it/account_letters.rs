//! The wording of mails about accounts, under snapshot.

use domain::notice::NoticeKind;
use engine::paper::{AccountMaterial, Mail, write_account};
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
        link: (kind != NoticeKind::PasswordChanged)
            .then(|| ("0123456789abcdefghijklmnopqrstuvwxyzABCDEFG".into(), at("2026-11-27T12:00:00Z"))),
        at: at("2026-11-20T11:59:58Z"),
        votes_paused: true,
    }
}

fn mail(kind: NoticeKind, by: Option<&str>) -> Mail {
    write_account(&material(kind, by)).expect("written")
}

#[test]
fn every_message_about_an_account_says_this() {
    for kind in NoticeKind::ALL.iter().filter(|kind| kind.is_about_account()) {
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
fn foreign_text_stays_text() {
    let hostile = mail(NoticeKind::Invited, Some("<b>Ada</b>\r\nBcc: evil@example.org\u{202e}"));
    assert!(!hostile.html.contains("<b>") && !hostile.subject.contains('\r') && hostile.text.contains("⟨U+202E⟩"), "{}", hostile.text);
}
