//! Mails about somebody's own account: an invitation, a link to a new password, the news that it was changed.

use super::frame::Frame;
use super::letter::{Button, Letter, line};
use super::mail::Mail;
use crate::error::Result;
use domain::account_link::AccountLink;
use domain::factor::Happened;
use domain::notice::NoticeKind;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

/// Everything such a message is written from, as it stands when it leaves.
#[derive(Debug)]
pub struct AccountMaterial {
    /// What it shares with every mail about no window.
    pub frame: Frame,
    /// Name of the administrator who had it written; `None` where the product or the person did.
    pub by: Option<String>,
    /// The personal address it carries, and until when it works.
    pub link: Option<(SecretString, Timestamp)>,
    /// When the act happened that it tells of.
    pub at: Timestamp,
    /// No vote of the person counts for a day.
    pub votes_paused: bool,
    /// What happened to the second factor, where the mail is about it.
    pub factor: Option<FactorNews>,
}

/// What happened to a second factor.
#[derive(Debug, Clone)]
pub struct FactorNews {
    /// What.
    pub what: Happened,
    /// The administrator who did it, and why.
    pub by: Option<(String, String)>,
    /// Recovery codes that are left, where one was used.
    pub left: i64,
}

/// Writes the mail.
pub fn write_account(m: &AccountMaterial) -> Result<Mail> {
    m.frame.mail(letter(m), None)
}

fn letter(m: &AccountMaterial) -> Letter {
    let kind = m.frame.kind;
    let name = line(&m.frame.installation.name);
    let (headline, lead, paragraphs) = match kind {
        NoticeKind::Invited => invited(m, &name),
        NoticeKind::ResetAsked => reset_asked(m, &name),
        NoticeKind::FactorChanged => factor_changed(m, &name),
        _ => changed(m, &name),
    };
    Letter {
        subject: format!("[{}] {headline}", kind.label()),
        headline,
        lead,
        rows: rows(m),
        button: button(m),
        paragraphs,
        because: "This message goes to the person whose account it is.".to_owned(),
        ..m.frame.blank()
    }
}

type Said = (String, String, Vec<String>);

fn invited(m: &AccountMaterial, name: &str) -> Said {
    let by = m.by.as_deref().map_or_else(|| "An administrator".to_owned(), line);
    (
        format!("{by} invites you to {name}"),
        "There you see, approve and follow maintenance of databases. Choose a password behind the link, and you can sign in.".to_owned(),
        vec![
            format!(
                "The link works once, for {}. It is for you alone: whoever has it can sign in in your name.",
                AccountLink::Invite.life_label()
            ),
            "Opening the link changes nothing; the account is made when you send the form behind it.".to_owned(),
            "If you do not know what this is about, do nothing: without you no account is made.".to_owned(),
        ],
    )
}

fn reset_asked(m: &AccountMaterial, name: &str) -> Said {
    let lead = match m.by.as_deref() {
        Some(by) => format!("{} had this link sent to you, so that you can set a new password.", line(by)),
        None => "Somebody asked for this link on the sign-in page, so that you can set a new password.".to_owned(),
    };
    (
        format!("Set a new password for {name}"),
        lead,
        vec![
            format!("The link works once, for {}. It is for you alone: whoever has it can set your password.", AccountLink::Reset.life_label()),
            "After that you are signed out everywhere, your calendar feeds are revoked, and for 24 hours no vote of yours counts: a mailbox that somebody else reads for a moment must not be enough to approve work on a database.".to_owned(),
            "If this was not you, do nothing: your password stays as it is. If it happens again, tell an administrator.".to_owned(),
        ],
    )
}

fn changed(m: &AccountMaterial, name: &str) -> Said {
    let mut more = vec!["Every session that was open elsewhere ended with it, and calendar feeds that you had were revoked.".to_owned()];
    if m.votes_paused {
        more.push("For 24 hours no vote of yours counts, because the password was set by a link.".to_owned());
    }
    more.push("If this was not you, set another password at once, and tell an administrator: somebody may read your mail.".to_owned());
    (format!("Your password for {name} was changed"), "From now on you sign in with the new password.".to_owned(), more)
}

fn factor_changed(m: &AccountMaterial, name: &str) -> Said {
    let Some(news) = &m.factor else { return (format!("Your second factor for {name}"), String::new(), vec![]) };
    let lead = match (news.what, &news.by) {
        (Happened::Set, _) => "From now on every sign-in of yours asks for a code of your app. Your other sessions ended.".to_owned(),
        (Happened::Recovered, _) => {
            format!("Somebody signed in as you with a recovery code instead of the app. {}", left(news.left))
        }
        (Happened::TakenAway, Some((by, why))) => {
            format!("{} removed it, and you were signed out everywhere. Reason: {}", line(by), line(why))
        }
        (Happened::Removed | Happened::TakenAway, _) => "From now on your password alone signs you in.".to_owned(),
    };
    let mut more = Vec::new();
    if news.what == Happened::TakenAway {
        more.push("For 24 hours no vote of yours counts. Sign in with your password and set up a second factor again.".to_owned());
    }
    more.push("If this was not you, or not asked for by you, set another password at once and tell an administrator.".to_owned());
    (format!("{} for {name}", news.what.label()), lead, more)
}

fn left(codes: i64) -> String {
    match codes {
        0 => "No recovery code is left: set up the factor anew to get others.".to_owned(),
        1 => "One recovery code is left.".to_owned(),
        codes => format!("{codes} recovery codes are left."),
    }
}

fn rows(m: &AccountMaterial) -> Vec<(&'static str, String)> {
    let (label, at) = match &m.link {
        Some((_, until)) => ("Works until", *until),
        None => ("Changed", m.at),
    };
    let mut rows = vec![("Account", line(&m.frame.recipient.email))];
    rows.extend(m.frame.zone().rows(label, at));
    rows
}

fn button(m: &AccountMaterial) -> Option<Button> {
    let link = |kind: AccountLink| m.link.as_ref().map(|(secret, _)| format!("{}{}{}", m.frame.base, kind.path(), secret.expose_secret()));
    let (label, url) = match m.frame.kind {
        NoticeKind::Invited => ("Choose a password", link(AccountLink::Invite)?),
        NoticeKind::ResetAsked => ("Set a new password", link(AccountLink::Reset)?),
        _ => ("This was not me", format!("{}/forgot", m.frame.base)),
    };
    Some(Button { label: label.to_owned(), url })
}
