//! The pages behind an invitation and behind a link to a new password: plain, without script and without session, because their address
//! holds a secret that nothing may keep. Password managers recognise their fields.

use super::approval::message;
use super::letter::line;
use super::when::Zone;
use crate::actions::invite_person::Shown;
use crate::error::{Error, Result};
use crate::queries::account_links::Living;
use askama::Template;
use domain::account_link::AccountLink;
use domain::decision::FieldError;
use secrecy::ExposeSecret as _;

/// What was typed, to be shown again when it could not be taken; passwords are never among it.
#[derive(Debug, Clone, Default)]
pub struct TypedAgain {
    /// Name, where the form asks for one.
    pub name: String,
    /// Zone, where the form asks for one.
    pub zone: String,
    /// What is wrong, by field.
    pub errors: Vec<FieldError>,
}

impl TypedAgain {
    fn error(&self, field: &str) -> &str {
        self.errors.iter().find(|error| error.field == field).map_or("", |error| error.message.as_str())
    }
}

#[derive(Template)]
#[template(path = "account_invite.html")]
struct InvitePage<'a> {
    installation: String,
    email: String,
    until: String,
    action: &'a str,
    zones: Vec<String>,
    typed: &'a TypedAgain,
}

#[derive(Template)]
#[template(path = "account_reset.html")]
struct ResetPage<'a> {
    installation: String,
    email: String,
    until: String,
    action: &'a str,
    typed: &'a TypedAgain,
}

#[derive(Template)]
#[template(path = "account_shown.html")]
struct ShownPage<'a> {
    title: String,
    name: String,
    url: String,
    until: String,
    invites: bool,
    back: &'a str,
}

/// The page of a secret that still opens something. `action` is its own path; `None` for what was typed shows it for the first time.
pub fn page(kind: AccountLink, link: &Living, action: &str, typed: Option<&TypedAgain>) -> Result<String> {
    let zone = Zone::named(&link.zone);
    let (installation, email, until) = (line(&link.installation), line(&link.email), zone.short_with_utc(link.until));
    let first = TypedAgain { name: link.name.clone(), zone: link.zone.clone(), errors: vec![] };
    let typed = typed.unwrap_or(&first);
    match kind {
        AccountLink::Invite => InvitePage { installation, email, until, action, zones: crate::zones::names(), typed }.render(),
        AccountLink::Reset => ResetPage { installation, email, until, action, typed }.render(),
    }
    .map_err(Error::internal)
}

/// The one answer to every secret that opens nothing.
pub fn unknown() -> Result<String> {
    message(
        "This link does not work",
        "It was used or replaced, it has expired, or it is not complete: mail programs sometimes break long addresses. Open it again from the newest mail. Whoever can sign in has a new one mailed on the sign-in page, by “Forgot your password?”. Whoever was invited asks an administrator to send the invitation again.",
    )
}

/// The link for the eyes of the administrator who had it made, once. `base` begins every address; `back` is the person's page.
pub fn shown(link: &Shown, base: &str, back: &str, zone: &str) -> Result<String> {
    let (title, invites) = match link.kind {
        AccountLink::Invite => (format!("Invitation for {}", line(&link.name)), true),
        AccountLink::Reset => (format!("Link to a new password for {}", line(&link.name)), false),
    };
    ShownPage {
        title,
        name: line(&link.name),
        url: format!("{}{}{}", base.trim_end_matches('/'), link.kind.path(), link.secret.expose_secret()),
        until: Zone::named(zone).short_with_utc(link.until),
        invites,
        back,
    }
    .render()
    .map_err(Error::internal)
}
