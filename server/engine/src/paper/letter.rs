//! One letter, two renderings.

use crate::error::{Error, Result};
use askama::Template;
use css_inline::CSSInliner;
use domain::people::visible;

/// The one thing the reader is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// On the button: an imperative.
    pub label: String,
    /// Where it leads; also shown as text.
    pub url: String,
}

/// A statement to type by hand when Drydock cannot be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What it does.
    pub what: String,
    /// The statement.
    pub text: String,
}

/// What is said, in the order in which it is read. Foreign text in it was made visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Subject line.
    pub subject: String,
    /// First line.
    pub headline: String,
    /// What happened or is asked, in a sentence or two.
    pub lead: String,
    /// Label and value: what, where, when, impact, risk, votes, decide by.
    pub rows: Vec<(&'static str, String)>,
    /// The one thing to do.
    pub button: Option<Button>,
    /// What else is worth knowing.
    pub paragraphs: Vec<String>,
    /// Manual way out, where there is one.
    pub commands: Vec<Command>,
    /// Short digest of the plan spoken of; empty where it speaks of none.
    pub digest: String,
    /// Head of the audit trail.
    pub head: String,
    /// Why this person gets it.
    pub because: String,
    /// Page it is about.
    pub page: String,
    /// Name of the installation.
    pub installation: String,
}

#[derive(Template)]
#[template(path = "letter.txt", escape = "none")]
struct Text<'a> {
    letter: &'a Letter,
}

#[derive(Template)]
#[template(path = "letter.html")]
struct Html<'a> {
    letter: &'a Letter,
}

impl Letter {
    /// The plain rendering: lines end in LF, none is folded.
    pub fn text(&self) -> Result<String> {
        Text { letter: self }.render().map_err(Error::internal)
    }
    /// The HTML rendering: no script, no image, nothing loaded from anywhere, styles inlined.
    pub fn html(&self) -> Result<String> {
        let raw = Html { letter: self }.render().map_err(Error::internal)?;
        CSSInliner::options().keep_at_rules(true).build().inline(&raw).map_err(Error::internal)
    }
}

/// One visible line: what headers, calendar properties and table cells are made of.
#[must_use]
pub fn line(text: &str) -> String {
    visible(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Several visible lines.
#[must_use]
pub fn block(text: &str) -> String {
    visible(text).replace("\r\n", "\n").trim_end().to_owned()
}
