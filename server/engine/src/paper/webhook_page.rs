//! The secret of a webhook, for the eyes of the administrator who had it made, once.

use super::letter::line;
use crate::error::{Error, Result};
use askama::Template;
use secrecy::{ExposeSecret as _, SecretString};

#[derive(Template)]
#[template(path = "webhook_secret.html")]
struct SecretPage<'a> {
    name: String,
    secret: &'a str,
    rotated: bool,
    back: &'a str,
}

/// The page; `rotated` says that there was one before, `back` is the webhook's own.
pub fn secret(name: &str, secret: &SecretString, rotated: bool, back: &str) -> Result<String> {
    SecretPage { name: line(name), secret: secret.expose_secret(), rotated, back }.render().map_err(Error::internal)
}
