//! What every action that makes a sign-in checks.

use domain::decision::FormCheck;
use domain::people;
use secrecy::{ExposeSecret as _, SecretString};

/// A checked name, address and password.
#[derive(Debug, Clone)]
pub(super) struct NewAccount {
    pub(super) name: String,
    pub(super) email: String,
    pub(super) password: SecretString,
}

/// Checks all fields at once; `again` is compared where the person chooses the password for themselves.
pub(super) fn check(
    form: &mut FormCheck,
    name: &str,
    email: &str,
    password: &SecretString,
    again: Option<&SecretString>,
) -> Option<NewAccount> {
    let name = form.take(people::label("name", name, 120));
    let email = form.take(people::email("email", email));
    let about = [name.as_deref().unwrap_or_default(), email.as_deref().unwrap_or_default()];
    let judged = form.take(crate::passwords::judge("password", password, &about));
    if judged.is_some() && again.is_some_and(|again| again.expose_secret() != password.expose_secret()) {
        form.refuse("password_again", "The two passwords differ. Type the same one twice.");
        return None;
    }
    let (name, email) = name.zip(email)?;
    judged.map(|()| NewAccount { name, email, password: password.clone() })
}

/// Checks a password that somebody chooses for themselves, typed twice.
pub(super) fn choose(form: &mut FormCheck, password: &SecretString, again: &SecretString, about: &[&str]) {
    let judged = form.take(crate::passwords::judge("password", password, about));
    if judged.is_some() && again.expose_secret() != password.expose_secret() {
        form.refuse("password_again", "The two passwords differ. Type the same one twice.");
    }
}
