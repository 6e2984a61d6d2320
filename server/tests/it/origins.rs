//! Every door that changes something, against every combination of headers by which a browser says where a request comes from.

use crate::browser::{Answer, Browser, HOST, ORIGIN, Place};
use crate::guard::{assert_guarded, example};
use http::{Method, StatusCode};
use server::router::DOORS;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const EVIL: (&str, &str) = ("origin", "https://evil.example");
const OURS: (&str, &str) = ("origin", ORIGIN);
const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");

/// What the layers before the doors say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    /// It may come in; what the door says then is another question.
    Comes,
    /// 403: another site made it.
    Foreign,
    /// 421: another name was called.
    Misdirected,
    /// 415, or 400 where there is no session and no page to go back to: not what a form sends.
    NoForm,
}

/// A set of headers, whether the cookie goes with it, and what is said.
type Set = (&'static str, &'static [(&'static str, &'static str)], bool, Said);

const SETS: &[Set] = &[
    ("an own page", &[SAME, OURS, FORM], true, Said::Comes),
    ("an own page that hides its origin", &[SAME, FORM], true, Said::Comes),
    ("an old browser", &[OURS, FORM], true, Said::Comes),
    ("sent again by the person", &[("sec-fetch-site", "none"), ("origin", "null"), FORM], true, Said::Comes),
    ("an own page behind a proxy that names another host", &[SAME, OURS, ("x-forwarded-host", "evil.example"), FORM], true, Said::Comes),
    ("a script without cookie", &[FORM], false, Said::Comes),
    ("no word about where it comes from, with the cookie", &[FORM], true, Said::Foreign),
    ("another site", &[("sec-fetch-site", "cross-site"), EVIL, FORM], true, Said::Foreign),
    ("another site without the cookie", &[("sec-fetch-site", "cross-site"), EVIL, FORM], false, Said::Foreign),
    ("another site that claims our origin", &[("sec-fetch-site", "cross-site"), OURS, FORM], true, Said::Foreign),
    (
        "another port or sub-domain",
        &[("sec-fetch-site", "same-site"), ("origin", "https://drydock.example:8443"), FORM],
        true,
        Said::Foreign,
    ),
    ("another port that claims our origin", &[("sec-fetch-site", "same-site"), OURS, FORM], true, Said::Foreign),
    ("an old browser on another site", &[EVIL, FORM], true, Said::Foreign),
    ("an old browser in a sandbox", &[("origin", "null"), FORM], true, Said::Foreign),
    ("the same name without TLS", &[("origin", "http://drydock.example"), FORM], true, Said::Foreign),
    ("headers that contradict each other", &[SAME, EVIL, FORM], true, Said::Foreign),
    ("a word that no browser says", &[("sec-fetch-site", "maybe"), OURS, FORM], true, Said::Foreign),
    ("a foreign name", &[("host", "evil.example"), SAME, OURS, FORM], true, Said::Misdirected),
    ("a foreign name with its own origin", &[("host", "evil.example"), SAME, EVIL, FORM], true, Said::Misdirected),
    ("no form", &[SAME, OURS, ("content-type", "text/plain")], true, Said::NoForm),
    ("nothing said about what it is", &[SAME, OURS], true, Said::NoForm),
];

async fn sent(ada: &Browser, method: &Method, path: &str, (_, headers, cookie, _): &Set) -> Answer {
    let mut browser = ada.clone();
    if !cookie {
        browser.cookies.clear();
    }
    browser.send(method.clone(), path, headers, "nothing=here".into()).await
}

fn is_as_said(said: Said, path: &str, answer: &Answer) -> bool {
    match said {
        Said::Comes => {
            !matches!(answer.status, StatusCode::FORBIDDEN | StatusCode::MISDIRECTED_REQUEST | StatusCode::UNSUPPORTED_MEDIA_TYPE)
        }
        Said::Foreign => answer.status == StatusCode::FORBIDDEN,
        Said::Misdirected => answer.status == StatusCode::MISDIRECTED_REQUEST,
        // A link that nobody knows has no page, whatever is sent there; signing out and asking for a fresh link take no field.
        Said::NoForm if path == "/logout" || path.ends_with("/fresh") => !answer.status.is_server_error(),
        Said::NoForm => answer.status.is_client_error(),
    }
}

#[tokio::test]
async fn only_our_own_pages_open_doors_that_change_something() {
    let (place, ada) = Place::set_up().await;
    let facts = || async { place.count("SELECT count(*) FROM drydock.fact WHERE action <> 'session.end'").await };
    let mut wrong = Vec::new();
    for set in SETS.iter().filter(|(.., said)| *said != Said::Comes) {
        let before = (facts().await, place.count("SELECT count(*) FROM drydock.session").await);
        for door in DOORS.iter().filter(|door| door.method != Method::GET && door.path != "/logout") {
            let path = example(door.path);
            let answer = sent(&ada, &door.method, &path, set).await;
            assert_guarded(&format!("{} at {path}", set.0), &answer);
            if !is_as_said(set.3, &path, &answer) {
                wrong.push(format!("{path}: {} is answered {}", set.0, answer.status));
            }
        }
        assert_eq!((facts().await, place.count("SELECT count(*) FROM drydock.session").await), before, "{} changed something", set.0);
    }
    // Those that come in afterwards: they may do what they like. Signing out is the last of the doors.
    for set in SETS {
        for door in DOORS.iter().filter(|door| door.method != Method::GET && (set.3 == Said::Comes || door.path == "/logout")) {
            let path = example(door.path);
            let answer = sent(&ada, &door.method, &path, set).await;
            assert_guarded(&format!("{} at {path}", set.0), &answer);
            if !is_as_said(set.3, &path, &answer) || answer.to().contains("evil") || answer.body.contains("evil.example") {
                wrong.push(format!("{path}: {} is answered {} {}", set.0, answer.status, answer.to()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn every_door_answers_to_our_own_name_alone() {
    let (place, ada) = Place::set_up().await;
    for door in DOORS {
        let path = example(door.path);
        let ours = [SAME, OURS, FORM];
        for (what, uri, host) in [
            ("another name", path.clone(), "evil.example"),
            ("another name in the request line", format!("https://evil.example{path}"), HOST),
            ("two names", format!("https://{HOST}{path}"), "evil.example"),
            ("no name", path.clone(), ""),
        ] {
            let headers = [&[("host", host)][..], &ours].concat();
            let answer = ada.clone().send(door.method.clone(), &uri, &headers, String::new()).await;
            let expected = match door.path {
                "/healthz" | "/readyz" => StatusCode::OK,
                // Monitoring asks by address, too; here there is no token in the settings, and no figures.
                "/metrics" => StatusCode::NOT_FOUND,
                _ => StatusCode::MISDIRECTED_REQUEST,
            };
            assert_eq!(answer.status, expected, "{what} at {path}");
            assert_guarded(&format!("{what} at {path}"), &answer);
        }
    }
    let absolute = place.browser().send(Method::GET, &format!("https://{HOST}/login"), &[("host", HOST)], String::new()).await;
    assert_eq!(absolute.status, StatusCode::OK, "our own name in the request line is ours");
}
