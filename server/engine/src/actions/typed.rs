//! What is typed where work is kept from going on: the database's short name, so that it is the right one, and why.

use crate::error::Result;
use domain::decision::FormCheck;
use domain::people;

/// The two fields.
#[derive(Debug, Clone, Default, serde::Deserialize, serde::Serialize)]
#[serde(default)]
pub struct Typed {
    /// The database's short name, typed as confirmation.
    pub short_name: String,
    /// Why, 1 to 2,000 characters.
    pub reason: String,
}

impl Typed {
    /// The reason, when both fields are as they should be; else every error at once.
    pub(super) fn check(&self, expected: &str) -> Result<String> {
        let mut form = FormCheck::default();
        let reason = form.take(people::text("reason", &self.reason, 1, 2000));
        if !self.short_name.trim().eq_ignore_ascii_case(expected) {
            form.refuse("short_name", format!("Type the short name of the database to confirm: {expected}"));
        }
        Ok(form.finish(reason)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn it_needs_the_name_and_a_reason() {
        let Err(Error::Invalid(errors)) = Typed { short_name: "shop".into(), reason: " ".into() }.check("prod-orders") else {
            panic!("accepted")
        };
        assert_eq!(errors.len(), 2);
        let good = Typed { short_name: " Prod-Orders ".into(), reason: "release".into() };
        assert_eq!(good.check("prod-orders").expect("good"), "release");
    }
}
