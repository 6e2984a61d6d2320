//! The cookie of a browser that asked for a code: without it the code opens nothing, so one that is read over a shoulder or forwarded does not
//! help whoever holds the link elsewhere.

use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use domain::approval::code::LIFE_MIN;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// Each link has a cookie of its own, so that two windows can be decided side by side. Its name tells nothing of the link's secret but to who
/// knows it.
fn name(link: &str, https: bool) -> String {
    let of = Sha256::new_with_prefix(b"drydock code cookie\0").chain_update(link).finalize();
    format!("{}code-{}", if https { "__Host-" } else { "" }, hex::encode(&of[..8]))
}

/// The browser's secret, if it asked for a code of this link. With https only the name counts that no neighbouring host and no plain page can set.
pub(super) fn read(jar: &CookieJar, link: &str, https: bool) -> Option<SecretString> {
    let found = jar.get(&name(link, https))?;
    // No secret of ours is longer.
    (1..=64).contains(&found.value().len()).then(|| SecretString::from(found.value().to_owned()))
}

/// The cookie that keeps it: as long as the code lives. Lax, or a click in the mail would arrive without it.
pub(super) fn make(link: &str, browser: &SecretString, https: bool) -> Cookie<'static> {
    Cookie::build((name(link, https), browser.expose_secret().to_owned()))
        .path("/")
        .http_only(true)
        .secure(https)
        .same_site(SameSite::Lax)
        .max_age(time::Duration::minutes(LIFE_MIN))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_keeps_one_secret_for_each_link() {
        let jar = CookieJar::new().add(make("one", &"s3cret".into(), true)).add(make("two", &"other".into(), false));
        let read = |link, https| super::read(&jar, link, https).map(|secret| secret.expose_secret().to_owned());
        assert_eq!([read("one", true), read("two", false), read("three", true)], [Some("s3cret".into()), Some("other".into()), None]);
        assert_eq!([read("one", false), read("two", true)], [None, None], "with https the plain name is nobody's");
        let long = CookieJar::new().add(make("one", &"x".repeat(65).into(), true));
        assert!(super::read(&long, "one", true).is_none());
    }

    #[test]
    fn it_is_for_this_host_and_for_no_script() {
        let cookie = make("one", &"s3cret".into(), true).to_string();
        assert!(cookie.starts_with("__Host-code-") && !cookie.contains("one="), "{cookie}");
        for part in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age=600"] {
            assert!(cookie.contains(part), "{part} is missing in {cookie}");
        }
    }
}
