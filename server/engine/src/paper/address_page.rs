//! The page behind a link to a new address: plain, without script and without session, because its address holds a secret.

use super::approval::message;
use super::letter::line;
use super::when::Zone;
use crate::error::{Error, Result};
use crate::store::new_addresses::Waiting;
use askama::Template;

#[derive(Template)]
#[template(path = "address.html")]
struct Page<'a> {
    name: String,
    address: String,
    email: String,
    until: String,
    action: &'a str,
    wrong: &'a str,
}

/// Asks whether the address is the reader's. `action` is the page's own path.
pub fn page(waiting: &Waiting, action: &str, wrong: &str) -> Result<String> {
    let (name, address, email) = (line(&waiting.name), line(&waiting.address), line(&waiting.email));
    Page { name, address, email, until: Zone::named(&waiting.zone).long(waiting.until), action, wrong }.render().map_err(Error::internal)
}

/// It is done.
pub fn done(address: &str) -> Result<String> {
    message(
        "Your address is changed",
        &format!(
            "Mail goes to {} from now on, and you sign in with it. The old address is told. For 24 hours no vote of yours counts.",
            line(address)
        ),
    )
}

/// The one answer to every secret that opens nothing.
pub fn unknown() -> Result<String> {
    message(
        "This link does not work",
        "It was used or replaced, it has expired, or it is not complete: mail programs sometimes break long addresses. Open it again from the newest mail, or ask for another one on your profile page.",
    )
}
