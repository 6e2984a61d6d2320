//! The pages of webhooks, through the whole router and without script: what is secret is shown once or never.

use crate::browser::{PASSWORD, Place};
use http::StatusCode;

#[tokio::test]
async fn a_secret_is_shown_once_and_an_address_never() {
    let (place, mut ada) = Place::set_up().await;
    let keys = tempfile::tempdir().expect("a folder");
    let ring = engine::vault::Keyring::open(keys.path()).expect("a key");
    sqlx::query("INSERT INTO drydock.worker_key (id, public_key, label, admitted_at) VALUES ($1, $2, 'test', now())")
        .bind(ring.id().0)
        .bind(ring.public_key().as_slice())
        .execute(&place.admin)
        .await
        .expect("a worker key");
    place.run("UPDATE drydock.session SET elevated_until = now() - interval '1 minute'").await;
    assert!(ada.get("/admin/webhooks").await.body.contains("No webhook yet"));
    let asked = ada.get("/admin/webhooks/new").await;
    assert!(asked.to().starts_with("/me/confirm"), "the password once more: {}", asked.to());
    let confirmed = ada.post("/me/confirm?next=/admin/webhooks/new", &[("password", PASSWORD), ("next", "/admin/webhooks/new")]).await;
    assert_eq!(confirmed.to(), "/admin/webhooks/new");

    let typed = |url: &'static str| [("name", "Dashboard <b>"), ("format", "cloudevents"), ("url", url), ("_back", "/admin/webhooks/new")];
    let refused = ada.post("/admin/webhooks/new", &typed("https://me:pw@hooks.example.org/")).await;
    assert_eq!(refused.to(), "/admin/webhooks/new");
    let again = ada.get("/admin/webhooks/new").await.body;
    assert!(again.contains("Leave user name and password out of the address") && again.contains("Dashboard &lt;b&gt;"), "{again}");

    // An address may be a password: of what was refused it alone is typed again.
    assert!(!again.contains("me:pw@") && !again.contains("hooks.example.org"), "{again}");
    assert_eq!(place.count("SELECT count(*) FROM drydock.session s WHERE s::text LIKE '%hooks.example.org%'").await, 0);

    let shown = ada.post("/admin/webhooks/new", &typed("https://hooks.example.org/services/canary-address")).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.body);
    assert_eq!(shown.header("cache-control"), "no-store");
    let secret = shown.body.split("whsec_").nth(1).and_then(|rest| rest.split('<').next()).expect("the secret").to_owned();
    assert!(!shown.body.contains("<b>") && secret.len() == 44, "{}", shown.body);
    let page = shown.body.split("href=\"/admin/webhooks/").nth(1).and_then(|rest| rest.split('"').next()).expect("the way back").to_owned();
    let page = format!("/admin/webhooks/{page}");

    ada.post(&format!("{page}/test"), &[("_back", page.as_str())]).await;
    for path in ["/admin/webhooks".to_owned(), page.clone(), format!("{page}/edit"), "/audit".to_owned()] {
        let body = ada.get(&path).await.body;
        assert!(!body.contains("canary-address") && !body.contains(&secret), "{path}");
    }
    let body = ada.get(&page).await.body;
    assert!(body.contains("https://hooks.example.org") && body.contains("The rest of the address is sealed."), "{body}");
    assert!(body.contains("Test") && body.contains("Waiting"), "{body}");
    let paused = ada.post(&format!("{page}/pause"), &[("reason", " "), ("_back", page.as_str())]).await;
    assert_eq!(paused.to(), page);
    assert!(ada.get(&page).await.body.contains("Type something here."), "a pause needs a reason");
}
