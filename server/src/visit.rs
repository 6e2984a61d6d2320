//! One look at who is asking, made before every page and form: person, messages, typed text, theme.

use crate::guard::proxies::ClientAddress;
use crate::guard::{LoggedActor, RequestId};
use crate::router::{Access, access_of};
use crate::session;
use crate::web::Web;
use app::door::{Flash, Theme, Typed, Visit};
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use domain::ids::PersonId;
use engine::actions::Caller;
use engine::actions::note_refusal::note_refusal;
use engine::actions::read_messages::see_window;
use engine::queries::{messages, pauses, visit};
use http::header::USER_AGENT;
use http::request::Parts;
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, OnceLock};
use tower_sessions::Session;

/// Name of the cookie that remembers the preferred colours.
pub const THEME_COOKIE: &str = "theme";
const FLASH: &str = "flash";
const TYPED: &str = "typed";

/// Typed text in the session, with the person it belongs to: nobody else who signs in on this browser sees it.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    of: Option<PersonId>,
    typed: Typed,
}

/// Puts a message into the session for the next page.
pub async fn flash(session: &Session, flash: Flash) {
    let mut list: Vec<Flash> = session.get(FLASH).await.ok().flatten().unwrap_or_default();
    list.push(flash);
    if let Err(error) = session.insert(FLASH, list).await {
        tracing::warn!(%error, "a message was lost");
    }
}

/// Keeps what was typed for the next view of its page.
pub async fn keep(session: &Session, of: Option<PersonId>, typed: Typed) {
    if let Err(error) = session.insert(TYPED, Kept { of, typed }).await {
        tracing::warn!(%error, "typed text was lost");
    }
}

/// The layer of pages and forms: makes the visit, sends to the first run or to the sign-in where needed.
pub async fn visit(State(web): State<Web>, session: Session, jar: CookieJar, mut request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let access = access_of(request.method(), matched.as_deref());
    let asked = Asked::new(&request);
    let window = asked.window();
    let seen = match look(&web, &session, &jar, asked, access).await {
        Ok(seen) => seen,
        Err(error) => {
            tracing::error!(%error, "the visit could not be read");
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    };
    let actor = seen.visit.caller.as_ref().map_or("-".to_owned(), |caller| caller.actor.person.to_string());
    let mut response = if seen.visit.installation.is_none() && access != Access::FirstRun && matched.is_some() {
        Redirect::to("/setup").into_response()
    } else if request.method() == Method::GET && access == Access::SignedIn && seen.visit.caller.is_none() {
        Redirect::to(&sign_in_path(request.uri().path_and_query().map_or("/", |to| to.as_str()))).into_response()
    } else {
        request.extensions_mut().insert(seen.visit.clone());
        request.extensions_mut().insert(Former(seen.former));
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = next.run(request).await;
        note_denial(&seen.visit, &format!("{method} {}", matched.as_deref().unwrap_or("-")), &path).await;
        note_seen(&seen.visit, window.filter(|_| response.status() == StatusCode::OK)).await;
        response
    };
    response.extensions_mut().insert(LoggedActor(actor));
    response.extensions_mut().insert(seen.visit);
    response
}

/// Denied acts stand in the trail, whatever the answer looked like: a page, a form that came back, or a 404 that hides another team's work.
async fn note_denial(visit: &Visit, door: &str, path: &str) {
    if let (Some(caller), Some(denied)) = (&visit.caller, visit.denied.get())
        && let Err(error) = note_refusal(&visit.engine, caller, door, path, denied).await
    {
        tracing::error!(request.id = visit.request, %error, "a refusal is not in the trail");
    }
}

/// The person of a session that ended in mid-form.
#[derive(Debug, Clone, Copy)]
pub struct Former(pub Option<PersonId>);

struct Seen {
    visit: Arc<Visit>,
    former: Option<PersonId>,
}

/// What the visit takes from the request.
struct Asked {
    id: String,
    get: bool,
    path: String,
    query: String,
}

impl Asked {
    fn new(request: &Request) -> Self {
        Self {
            id: request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default(),
            get: request.method() == Method::GET,
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
        }
    }
    /// The window that is looked at by somebody: its page, the one to decide on, or its list.
    fn window(&self) -> Option<i64> {
        let path = self.path.strip_prefix("/windows/")?;
        let number = path.strip_suffix("/decide").or(path.strip_suffix("/checklist")).unwrap_or(path);
        number.parse().ok().filter(|_| self.get && !self.is_automatic())
    }
    /// A page that loads itself again says so in its address: nobody is there to keep the session for.
    fn is_automatic(&self) -> bool {
        self.query.split('&').any(|part| part == "auto=1")
    }
}

async fn look(web: &Web, session: &Session, jar: &CookieJar, asked: Asked, access: Access) -> engine::Result<Seen> {
    let (installation, stopping) = visit::installation(&web.engine).await?;
    let key = session.id().map(|id| session::key(&id));
    let visitor = match &key {
        Some(key) => visit::visitor(&web.engine, key).await?,
        None => visit::Visitor::default(),
    };
    if let Some(key) = key.filter(|_| visitor.actor.is_some() && access != Access::Polled && !asked.is_automatic()) {
        engine::store::sessions::touch(web.engine.pool(), &key).await?;
    }
    let person = visitor.actor.as_ref().map(|actor| actor.person);
    let (flash, typed) = if key.is_some() && asked.get && access.is_page() && !is_redirected(access, person) {
        (take_flash(session).await, take_typed(session, person, &asked.path).await)
    } else {
        (Vec::new(), None)
    };
    let pause = if person.is_some() && asked.get && access == Access::SignedIn { pauses::open(&web.engine).await? } else { None };
    let caller = visitor.actor.map(|actor| Caller { actor, request: asked.id.clone() });
    let unread = match caller.as_ref().filter(|_| asked.get && access == Access::SignedIn) {
        Some(caller) => messages::unread(&web.engine, caller.actor.person, asked.window()).await?,
        None => 0,
    };
    let visit = Visit {
        pause,
        unread,
        engine: web.engine.clone(),
        caller,
        session: visitor.session,
        request: asked.id,
        path: asked.path,
        query: asked.query,
        flash,
        typed,
        public_url: web.hosts.origin().to_owned(),
        theme: Theme::from_word(jar.get(THEME_COOKIE).map_or("", |cookie| cookie.value())),
        installation,
        stopping: if web.draining.is_cancelled() { Some(stopping.unwrap_or_default()) } else { stopping },
        denied: OnceLock::new(),
    };
    Ok(Seen { visit: Arc::new(visit), former: visitor.former })
}

/// What tells of a window counts as read once its page was shown.
async fn note_seen(visit: &Visit, window: Option<i64>) {
    if let (Some(caller), Some(number)) = (&visit.caller, window)
        && let Err(error) = see_window(&visit.engine, caller, number).await
    {
        tracing::warn!(request.id = visit.request, %error, "messages of a window that was looked at stay unread");
    }
}

/// Whether the request is sent on to the sign-in: messages wait for the page that is shown.
fn is_redirected(access: Access, person: Option<PersonId>) -> bool {
    access == Access::SignedIn && person.is_none()
}

async fn take_flash(session: &Session) -> Vec<Flash> {
    match session.get::<Vec<Flash>>(FLASH).await {
        Ok(Some(_)) => session.remove(FLASH).await.ok().flatten().unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// Typed text waits until its own page is shown, to its own person.
async fn take_typed(session: &Session, person: Option<PersonId>, path: &str) -> Option<Typed> {
    let kept: Kept = session.get(TYPED).await.ok().flatten()?;
    if kept.typed.page.split('?').next() != Some(path) {
        return None;
    }
    if let Err(error) = session.remove_value(TYPED).await {
        tracing::warn!(%error, "typed text stays in the session");
    }
    (kept.of.is_none() || kept.of == person).then_some(kept.typed)
}

/// The sign-in page that leads on to `next`.
pub fn sign_in_path(next: &str) -> String {
    leading_on("/login", next)
}

/// The page that asks for the second factor, and leads on to `next`.
pub fn factor_path(next: &str) -> String {
    leading_on("/login/factor", next)
}

fn leading_on(page: &str, next: &str) -> String {
    let query: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
    if next == "/" { page.to_owned() } else { format!("{page}?next={query}") }
}

/// A path of our own to go on to; anything else leads home. Refuses `//host` and `/\host`, which browsers read as other sites.
pub fn local_path(path: &str) -> &str {
    let plain =
        path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '\r', '\n', '\t']) && !path.chars().any(char::is_control);
    if plain { path } else { "/" }
}

/// Where the request came from; unspecified where nothing is known, as in tests.
#[derive(Debug, Clone)]
pub struct Client {
    /// Address, by way of trusted proxies only.
    pub address: IpAddr,
    /// What the browser calls itself.
    pub agent: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let address = parts.extensions.get::<ClientAddress>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.0);
        let agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok(Self { address, agent: agent.chars().take(300).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        for foreign in ["https://evil.example", "//evil.example", "/\\evil.example", "evil", "", "/a\r\nSet-Cookie: x"] {
            assert_eq!(local_path(foreign), "/", "{foreign:?}");
        }
        assert_eq!(local_path("/windows/7?tab=plan"), "/windows/7?tab=plan");
        assert_eq!(sign_in_path("/windows/7?tab=plan"), "/login?next=%2Fwindows%2F7%3Ftab%3Dplan");
        assert_eq!((factor_path("/"), factor_path("/login")), ("/login/factor".to_owned(), "/login/factor?next=%2Flogin".to_owned()));
    }
}
