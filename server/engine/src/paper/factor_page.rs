//! The recovery codes of a second factor, for the eyes of whoever set it up, once.

use crate::error::{Error, Result};
use askama::Template;
use secrecy::{ExposeSecret as _, SecretString};

#[derive(Template)]
#[template(path = "factor_codes.html")]
struct CodesPage<'a> {
    codes: Vec<&'a str>,
    back: &'a str,
}

/// The page; `back` is the one of the factor.
pub fn codes(codes: &[SecretString], back: &str) -> Result<String> {
    CodesPage { codes: codes.iter().map(|code| code.expose_secret()).collect(), back }.render().map_err(Error::internal)
}
