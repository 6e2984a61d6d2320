//! What a rule answers: yes with what follows from it, or a refusal that says what is missing and who can supply it.

use serde::{Deserialize, Serialize};

/// One field of a form that cannot be taken as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// Name of the form field.
    pub field: String,
    /// A sentence: what is wrong, the limit, the way out.
    pub message: String,
}

impl FieldError {
    /// An error of one field.
    pub fn new(field: &str, message: impl Into<String>) -> Self {
        Self { field: field.to_owned(), message: message.into() }
    }
}

/// Why something is not done. Shown to people as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Stable word for tests, logs and programs: `four_eyes`, `moved_on`, `not_permitted` …
    pub code: String,
    /// What is missing or in the way, as a sentence.
    pub message: String,
    /// Who can supply it, or what to do; empty when there is nothing to do.
    pub way_out: String,
}

impl Refusal {
    /// A refusal with its way out.
    pub fn new(code: &str, message: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), way_out: way_out.into() }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.way_out.is_empty() { f.write_str(&self.message) } else { write!(f, "{} {}", self.message, self.way_out) }
    }
}

/// Collects the errors of a whole form, so that a person sees all of them at once.
#[derive(Debug, Default)]
pub struct FormCheck {
    errors: Vec<FieldError>,
}

impl FormCheck {
    /// Keeps the value, or notes the error and gives `None`.
    pub fn take<T>(&mut self, result: Result<T, FieldError>) -> Option<T> {
        result.map_err(|error| self.errors.push(error)).ok()
    }
    /// Notes an error.
    pub fn refuse(&mut self, field: &str, message: impl Into<String>) {
        self.errors.push(FieldError::new(field, message));
    }
    /// Notes several errors.
    pub fn refuse_all(&mut self, errors: impl IntoIterator<Item = FieldError>) {
        self.errors.extend(errors);
    }
    /// True while nothing was wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.errors.is_empty()
    }
    /// The value, if no field was wrong and all parts were there.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Vec<FieldError>> {
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(self.errors),
        }
    }
}
