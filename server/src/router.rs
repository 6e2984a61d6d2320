//! The one table of doors: every page, form and route, and who may knock. The router is built from it, and so are the tests.

use crate::forms;
use crate::guard::{self, crowd, finish, hosts, origin, patience, proxies, reveal, words};
use crate::routes;
use crate::session;
use crate::visit;
use crate::web::Web;
use app::door::Visit;
use app::shell::shell;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get, post};
use http::Method;
use http::request::Parts;
use leptos::prelude::{provide_context, use_context};
use leptos::server_fn::axum::server_fn_paths;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::csrf::CsrfLayer;
use tower_http::limit::RequestBodyLimitLayer;

/// Who may knock. Rights are checked inside, by the action or query that knows the team; this is what the door itself asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody; a session is read if there is one.
    Public,
    /// Anybody, also before the first run.
    FirstRun,
    /// People who are signed in.
    SignedIn,
    /// The same, asked by a program of the page again and again: does not keep the session alive.
    Polled,
    /// Anybody, and no session is read: assets, health.
    Bare,
}

impl Access {
    /// True for pages that people look at: messages and typed text are for them.
    pub fn is_page(self) -> bool {
        matches!(self, Self::Public | Self::FirstRun | Self::SignedIn)
    }
}

/// One door.
pub struct Door {
    /// The method it takes.
    pub method: Method,
    /// Path as axum writes it: `/people/{id}`.
    pub path: &'static str,
    /// Who may knock.
    pub access: Access,
    open: fn() -> MethodRouter<Web>,
}

impl Door {
    /// A page: the router of `app` has the same path.
    const fn page(path: &'static str, access: Access) -> Self {
        Self { method: Method::GET, path, access, open: page }
    }
    /// A form's target: `|| post(handler)`.
    const fn form(path: &'static str, access: Access, open: fn() -> MethodRouter<Web>) -> Self {
        Self { method: Method::POST, path, access, open }
    }
    /// Anything else that is read: `|| get(handler)`.
    const fn route(path: &'static str, access: Access, open: fn() -> MethodRouter<Web>) -> Self {
        Self { method: Method::GET, path, access, open }
    }
    /// True for doors whose page is in `app`.
    pub fn is_page(&self) -> bool {
        std::ptr::fn_addr_eq(self.open, page as fn() -> MethodRouter<Web>)
    }
}

/// Every door there is.
pub const DOORS: &[Door] = &[
    Door::route("/healthz", Access::Bare, || get(routes::health::alive)),
    Door::route("/readyz", Access::Bare, || get(routes::health::ready)),
    Door::route("/metrics", Access::Bare, || get(routes::metrics::metrics)),
    Door::route("/a/{secret}", Access::Bare, || get(routes::approval::show)),
    Door::form("/a/{secret}", Access::Bare, || post(routes::approval::decide)),
    Door::form("/a/{secret}/not-me", Access::Bare, || post(routes::approval::object)),
    Door::form("/a/{secret}/delegate", Access::Bare, || post(routes::approval::delegate)),
    Door::form("/a/{secret}/code", Access::Bare, || post(routes::approval::code)),
    Door::form("/a/{secret}/fresh", Access::Bare, || post(routes::approval::fresh)),
    Door::route("/address/{secret}", Access::Bare, || get(routes::address::show)),
    Door::form("/address/{secret}", Access::Bare, || post(routes::address::confirm)),
    Door::route("/invite/{secret}", Access::Bare, || get(routes::account_links::invite)),
    Door::form("/invite/{secret}", Access::Bare, || post(routes::account_links::accept)),
    Door::route("/reset/{secret}", Access::Bare, || get(routes::account_links::reset)),
    Door::form("/reset/{secret}", Access::Bare, || post(routes::account_links::set)),
    Door::route("/cal/{secret}", Access::Bare, || get(routes::feed::show)),
    Door::page("/", Access::SignedIn),
    Door::page("/mailbox", Access::SignedIn),
    Door::page("/mailbox/{id}", Access::SignedIn),
    Door::route("/mailbox/{id}/html", Access::SignedIn, || get(routes::mailbox::html)),
    Door::route("/mailbox.json", Access::Polled, || get(routes::mailbox::json)),
    Door::page("/messages", Access::SignedIn),
    Door::form("/messages/read", Access::SignedIn, || post(forms::messages::read)),
    Door::route("/messages/{id}", Access::SignedIn, || get(routes::messages::follow)),
    Door::page("/admin/outbox", Access::SignedIn),
    Door::form("/admin/outbox/resend", Access::SignedIn, || post(forms::outbox::resend_all)),
    Door::form("/admin/outbox/test", Access::SignedIn, || post(forms::outbox::test)),
    Door::form("/admin/outbox/{id}/resend", Access::SignedIn, || post(forms::outbox::resend)),
    Door::page("/admin/webhooks", Access::SignedIn),
    Door::page("/admin/webhooks/new", Access::SignedIn),
    Door::form("/admin/webhooks/new", Access::SignedIn, || post(forms::webhooks::add)),
    Door::page("/admin/webhooks/{id}", Access::SignedIn),
    Door::page("/admin/webhooks/{id}/edit", Access::SignedIn),
    Door::form("/admin/webhooks/{id}/edit", Access::SignedIn, || post(forms::webhooks::edit)),
    Door::form("/admin/webhooks/{id}/test", Access::SignedIn, || post(forms::webhooks::test)),
    Door::form("/admin/webhooks/{id}/pause", Access::SignedIn, || post(forms::webhooks::pause)),
    Door::form("/admin/webhooks/{id}/resume", Access::SignedIn, || post(forms::webhooks::resume)),
    Door::form("/admin/webhooks/{id}/rotate", Access::SignedIn, || post(forms::webhooks::rotate)),
    Door::form("/admin/webhooks/{id}/delete", Access::SignedIn, || post(forms::webhooks::delete)),
    Door::form("/admin/webhooks/{id}/deliveries/{delivery}/resend", Access::SignedIn, || post(forms::webhooks::resend)),
    Door::page("/pause", Access::SignedIn),
    Door::form("/pause", Access::SignedIn, || post(forms::pause::pause)),
    Door::form("/pause/resume", Access::SignedIn, || post(forms::pause::resume)),
    Door::page("/freezes", Access::SignedIn),
    Door::page("/freezes/new", Access::SignedIn),
    Door::form("/freezes/new", Access::SignedIn, || post(forms::freezes::create)),
    Door::page("/freezes/import", Access::SignedIn),
    Door::form("/freezes/import", Access::SignedIn, || post(forms::freezes::look)),
    Door::page("/freezes/import/{id}", Access::SignedIn),
    Door::form("/freezes/import/{id}", Access::SignedIn, || post(forms::freezes::import)),
    Door::page("/freezes/{id}", Access::SignedIn),
    Door::form("/freezes/{id}/end", Access::SignedIn, || post(forms::freezes::end)),
    Door::form("/freezes/{id}/lift", Access::SignedIn, || post(forms::freezes::lift)),
    Door::page("/procedures", Access::SignedIn),
    Door::page("/procedures/new", Access::SignedIn),
    Door::form("/procedures/new", Access::SignedIn, || post(forms::procedures::propose)),
    Door::page("/procedures/{key}", Access::SignedIn),
    Door::route("/procedures/{key}/file", Access::SignedIn, || get(routes::procedures::file)),
    Door::form("/procedures/versions/{id}/agree", Access::SignedIn, || post(forms::procedures::agree)),
    Door::form("/procedures/versions/{id}/end", Access::SignedIn, || post(forms::procedures::end)),
    Door::page("/policies", Access::SignedIn),
    Door::page("/policies/new", Access::SignedIn),
    Door::form("/policies/new", Access::SignedIn, || post(forms::policies::add)),
    Door::page("/policies/who", Access::SignedIn),
    Door::form("/policies/examples", Access::SignedIn, || post(forms::policies::keep)),
    Door::form("/policies/examples/{id}/forget", Access::SignedIn, || post(forms::policies::forget)),
    Door::page("/policies/{id}", Access::SignedIn),
    Door::form("/policies/{id}", Access::SignedIn, || post(forms::policies::change)),
    Door::form("/policies/changes/{id}/agree", Access::SignedIn, || post(forms::policies::agree)),
    Door::form("/policies/changes/{id}/withdraw", Access::SignedIn, || post(forms::policies::withdraw)),
    Door::page("/people", Access::SignedIn),
    Door::page("/people/new", Access::SignedIn),
    Door::form("/people/new", Access::SignedIn, || post(forms::people::add)),
    Door::page("/people/{id}", Access::SignedIn),
    Door::page("/people/{id}/edit", Access::SignedIn),
    Door::form("/people/{id}/edit", Access::SignedIn, || post(forms::people::edit)),
    Door::page("/people/{id}/absence", Access::SignedIn),
    Door::form("/people/{id}/absence", Access::SignedIn, || post(forms::absences::say)),
    Door::page("/people/{id}/deactivate", Access::SignedIn),
    Door::form("/people/{id}/deactivate", Access::SignedIn, || post(forms::people::deactivate)),
    Door::form("/people/{id}/reactivate", Access::SignedIn, || post(forms::people::reactivate)),
    Door::form("/people/{id}/factor/remove", Access::SignedIn, || post(forms::factors::take_away)),
    Door::form("/people/{id}/invite", Access::SignedIn, || post(forms::invites::invite)),
    Door::form("/people/{id}/invite/withdraw", Access::SignedIn, || post(forms::invites::withdraw)),
    Door::page("/teams", Access::SignedIn),
    Door::page("/teams/new", Access::SignedIn),
    Door::form("/teams/new", Access::SignedIn, || post(forms::people::add_team)),
    Door::page("/teams/{id}", Access::SignedIn),
    Door::page("/teams/{id}/edit", Access::SignedIn),
    Door::form("/teams/{id}/edit", Access::SignedIn, || post(forms::people::edit_team)),
    Door::form("/teams/{id}/members", Access::SignedIn, || post(forms::people::set_member)),
    Door::form("/teams/{id}/contacts", Access::SignedIn, || post(forms::people::add_contact)),
    Door::page("/audit", Access::SignedIn),
    Door::page("/audit/{id}", Access::SignedIn),
    Door::form("/audit/verify", Access::SignedIn, || post(forms::audit::verify)),
    Door::form("/audit/export", Access::SignedIn, || post(forms::audit::export)),
    Door::page("/me", Access::SignedIn),
    Door::form("/me", Access::SignedIn, || post(forms::me::edit)),
    Door::form("/me/password", Access::SignedIn, || post(forms::me::change_password)),
    Door::form("/me/address", Access::SignedIn, || post(forms::me::address)),
    Door::form("/me/notices", Access::SignedIn, || post(forms::me::notices)),
    Door::page("/me/absence", Access::SignedIn),
    Door::form("/me/absence", Access::SignedIn, || post(forms::absences::say_own)),
    Door::form("/absences/{id}/move", Access::SignedIn, || post(forms::absences::move_end)),
    Door::form("/absences/{id}/end", Access::SignedIn, || post(forms::absences::end)),
    Door::page("/me/sessions", Access::SignedIn),
    Door::form("/me/sessions/end", Access::SignedIn, || post(forms::sessions::end_many)),
    Door::form("/me/sessions/{id}/end", Access::SignedIn, || post(forms::sessions::end_one)),
    Door::page("/me/calendar", Access::SignedIn),
    Door::form("/me/calendar", Access::SignedIn, || post(forms::feeds::make)),
    Door::form("/me/calendar/{id}/revoke", Access::SignedIn, || post(forms::feeds::revoke)),
    Door::page("/me/factor", Access::SignedIn),
    Door::form("/me/factor", Access::SignedIn, || post(forms::factors::begin)),
    Door::form("/me/factor/confirm", Access::SignedIn, || post(forms::factors::confirm)),
    Door::form("/me/factor/remove", Access::SignedIn, || post(forms::factors::remove)),
    Door::page("/me/confirm", Access::SignedIn),
    Door::form("/me/confirm", Access::SignedIn, || post(forms::me::confirm)),
    Door::page("/databases", Access::SignedIn),
    Door::page("/databases/new", Access::SignedIn),
    Door::form("/databases/new", Access::SignedIn, || post(forms::databases::register)),
    Door::page("/databases/{id}", Access::SignedIn),
    Door::page("/databases/{id}/edit", Access::SignedIn),
    Door::form("/databases/{id}/edit", Access::SignedIn, || post(forms::databases::edit)),
    Door::page("/databases/{id}/password", Access::SignedIn),
    Door::form("/databases/{id}/password", Access::SignedIn, || post(forms::databases::password)),
    Door::page("/databases/{id}/stakeholders", Access::SignedIn),
    Door::form("/databases/{id}/stakeholders", Access::SignedIn, || post(forms::databases::stakeholders)),
    Door::page("/databases/{id}/backups", Access::SignedIn),
    Door::form("/databases/{id}/backups", Access::SignedIn, || post(forms::databases::backup)),
    Door::form("/databases/{id}/backups/prove", Access::SignedIn, || post(forms::databases::prove)),
    Door::page("/databases/{id}/queries", Access::SignedIn),
    Door::form("/databases/{id}/queries", Access::SignedIn, || post(forms::databases::query)),
    Door::form("/databases/{id}/queries/retire", Access::SignedIn, || post(forms::databases::retire_query)),
    Door::form("/databases/{id}/test", Access::SignedIn, || post(forms::databases::test)),
    Door::form("/databases/{id}/superuser", Access::SignedIn, || post(forms::databases::superuser)),
    Door::form("/databases/{id}/watchers", Access::SignedIn, || post(forms::watch::database)),
    Door::form("/databases/{id}/watchers/add", Access::SignedIn, || post(forms::watch::add_to_database)),
    Door::form("/databases/{id}/watchers/{person}/remove", Access::SignedIn, || post(forms::watch::end_of_database)),
    Door::form("/databases/{id}/hours", Access::SignedIn, || post(forms::databases::hours)),
    Door::form("/databases/{id}/links", Access::SignedIn, || post(forms::databases::link)),
    Door::form("/databases/{id}/links/remove", Access::SignedIn, || post(forms::databases::unlink)),
    Door::form("/databases/{id}/tags", Access::SignedIn, || post(forms::databases::tags)),
    Door::form("/databases/{id}/rotate", Access::SignedIn, || post(forms::databases::rotate)),
    Door::page("/databases/{id}/transfer", Access::SignedIn),
    Door::form("/databases/{id}/transfer", Access::SignedIn, || post(forms::databases::transfer)),
    Door::form("/databases/{id}/reinstate", Access::SignedIn, || post(forms::databases::reinstate)),
    Door::form("/databases/{id}/delete", Access::SignedIn, || post(forms::databases::delete)),
    Door::form("/databases/{id}/retire", Access::SignedIn, || post(forms::databases::retire)),
    Door::page("/windows", Access::SignedIn),
    Door::page("/windows/new", Access::SignedIn),
    Door::form("/windows/new", Access::SignedIn, || post(forms::windows::propose)),
    Door::form("/windows/new/preview", Access::SignedIn, || post(forms::windows::look)),
    Door::page("/windows/cancel", Access::SignedIn),
    Door::form("/windows/cancel", Access::SignedIn, || post(forms::windows::cancel_several)),
    Door::page("/windows/{number}", Access::SignedIn),
    Door::page("/windows/{number}/edit", Access::SignedIn),
    Door::form("/windows/{number}/edit", Access::SignedIn, || post(forms::windows::amend)),
    Door::form("/windows/{number}/edit/preview", Access::SignedIn, || post(forms::windows::look_again)),
    Door::page("/windows/{number}/move", Access::SignedIn),
    Door::form("/windows/{number}/move", Access::SignedIn, || post(forms::windows::reschedule)),
    Door::form("/windows/{number}/vote", Access::SignedIn, || post(forms::windows::vote)),
    Door::form("/windows/{number}/take-back", Access::SignedIn, || post(forms::windows::take_back)),
    Door::form("/windows/{number}/start", Access::SignedIn, || post(forms::windows::start)),
    Door::form("/windows/{number}/hold", Access::SignedIn, || post(forms::windows::hold)),
    Door::form("/windows/{number}/stop", Access::SignedIn, || post(forms::windows::stop)),
    Door::form("/windows/{number}/cancel", Access::SignedIn, || post(forms::windows::call_off)),
    Door::form("/windows/{number}/glass", Access::SignedIn, || post(forms::glass::ask)),
    Door::form("/windows/{number}/glass/confirm", Access::SignedIn, || post(forms::glass::confirm)),
    Door::form("/windows/{number}/glass/{glass}/review", Access::SignedIn, || post(forms::glass::review)),
    Door::form("/windows/{number}/override/{freeze}", Access::SignedIn, || post(forms::freezes::let_pass)),
    Door::form("/windows/{number}/override/{freeze}/withdraw", Access::SignedIn, || post(forms::freezes::hold_again)),
    Door::form("/windows/{number}/issues", Access::SignedIn, || post(forms::windows::issues_met)),
    Door::page("/windows/{number}/decide", Access::SignedIn),
    Door::page("/windows/{number}/checklist", Access::SignedIn),
    Door::page("/windows/{number}/evidence", Access::SignedIn),
    Door::route("/windows/{number}/evidence.json", Access::SignedIn, || get(routes::evidence::json)),
    Door::form("/windows/{number}/checks/{ordinal}", Access::SignedIn, || post(forms::checks::tick)),
    Door::form("/windows/{number}/checks/{ordinal}/accept", Access::SignedIn, || post(forms::checks::accept)),
    Door::form("/windows/{number}/probe", Access::SignedIn, || post(forms::checks::probe)),
    Door::form("/windows/{number}/close", Access::SignedIn, || post(forms::checks::close)),
    Door::form("/windows/{number}/comments", Access::SignedIn, || post(forms::comments::write)),
    Door::form("/windows/{number}/comments/{comment}/retract", Access::SignedIn, || post(forms::comments::retract)),
    Door::form("/windows/{number}/watchers", Access::SignedIn, || post(forms::watch::window)),
    Door::form("/windows/{number}/watchers/add", Access::SignedIn, || post(forms::watch::add_to_window)),
    Door::form("/windows/{number}/watchers/{person}/remove", Access::SignedIn, || post(forms::watch::end_of_window)),
    Door::page("/calendar", Access::SignedIn),
    Door::page("/timeline", Access::SignedIn),
    Door::page("/series", Access::SignedIn),
    Door::page("/series/new", Access::SignedIn),
    Door::form("/series/new", Access::SignedIn, || post(forms::series::make)),
    Door::page("/series/{id}", Access::SignedIn),
    Door::page("/series/{id}/edit", Access::SignedIn),
    Door::form("/series/{id}/edit", Access::SignedIn, || post(forms::series::edit)),
    Door::form("/series/{id}/skip", Access::SignedIn, || post(forms::series::skip)),
    Door::form("/series/{id}/move", Access::SignedIn, || post(forms::series::move_to)),
    Door::form("/series/{id}/restore", Access::SignedIn, || post(forms::series::restore)),
    Door::form("/series/{id}/end", Access::SignedIn, || post(forms::series::end)),
    Door::page("/series/{id}/approval", Access::SignedIn),
    Door::form("/series/{id}/ask", Access::SignedIn, || post(forms::series::ask)),
    Door::form("/series/{id}/approve", Access::SignedIn, || post(forms::series::approve)),
    Door::form("/series/{id}/take-back", Access::SignedIn, || post(forms::series::take_back)),
    Door::page("/runs/{id}", Access::SignedIn),
    Door::route("/runs/{id}/events", Access::Polled, || get(routes::run_events::follow)),
    Door::form("/runs/{id}/hold", Access::SignedIn, || post(forms::runs::hold)),
    Door::form("/runs/{id}/stop", Access::SignedIn, || post(forms::runs::stop)),
    Door::form("/runs/{id}/resolve", Access::SignedIn, || post(forms::runs::resolve)),
    Door::form("/api/check_times", Access::SignedIn, || post(routes::api::ask)),
    Door::page("/setup", Access::FirstRun),
    Door::form("/setup", Access::FirstRun, || post(forms::setup::set_up_form)),
    Door::page("/login", Access::Public),
    Door::form("/login", Access::Public, || post(forms::sign_in::sign_in_form)),
    Door::page("/login/factor", Access::Public),
    Door::form("/login/factor", Access::Public, || post(forms::factors::pass)),
    Door::page("/forgot", Access::Public),
    Door::form("/forgot", Access::Public, || post(forms::sign_in::forgot_form)),
    Door::form("/logout", Access::Public, || post(forms::sign_in::sign_out_form)),
];

/// The access a request's door asks for; unknown doors are public, they show "nothing here" to everybody.
pub fn access_of(method: &Method, path: Option<&str>) -> Access {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    path.and_then(|path| DOORS.iter().find(|door| door.path == path && door.method == *method)).map_or(Access::Public, |door| door.access)
}

/// The whole web side.
///
/// # Panics
/// When the configured origin is none a browser could send, which the settings refuse before.
pub fn router(web: Web, assets: Router) -> Router {
    router_within(web, assets, patience::ANSWER_WITHIN)
}

/// The same with another time in which a request is answered or given up.
///
/// # Panics
/// As [`router`].
pub fn router_within(web: Web, assets: Router, within: Duration) -> Router {
    // Fails when it was done before: several routers in one process of tests.
    let _ = any_spawner::Executor::init_tokio();
    let open = |router: Router<Web>, door: &Door| router.route(door.path, (door.open)());
    let bare = DOORS.iter().filter(|door| door.access == Access::Bare).fold(Router::new(), open);
    let pages = DOORS.iter().filter(|door| door.access != Access::Bare).fold(Router::new(), open);
    let tasks = web.live.tasks().clone();
    let csrf = CsrfLayer::new().add_trusted_origin(web.hosts.origin()).expect("the settings hold an origin of scheme, host and port");
    pages
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(from_fn_with_state(web.clone(), visit::visit))
        .layer(session::layer(&web.engine, &web.hosts))
        .layer(map_response(session::say_unavailable))
        .merge(bare)
        .merge(assets.with_state(()))
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(crowd::limit))
        .layer(from_fn(move |request, next| finish::finish(tasks.clone(), within, request, next)))
        .layer(from_fn_with_state(web.clone(), origin::check))
        .layer(csrf)
        .layer(from_fn_with_state(web.clone(), proxies::locate))
        .layer(from_fn_with_state(web.clone(), hosts::check))
        .layer(RequestBodyLimitLayer::new(guard::BODY_LIMIT))
        .layer(from_fn(patience::small_heads))
        .layer(patience::layer(within))
        .layer(CatchPanicLayer::custom(words::after_panic))
        .layer(map_response(|response: Response| async { response.into_response() }))
        .layer(from_fn_with_state(web.clone(), words::dress))
        .layer(from_fn(reveal::reveal))
        .layer(from_fn_with_state(web.clone(), guard::frame))
        .with_state(web)
}

/// Server functions that must not be served, each with the reason: the start ends with them.
///
/// Forms write and islands ask. A function that is read by GET, or that is no door of the table (which would pass by every check that the table is
/// the source of), is a mistake of whoever added it. That functions call no action is held by a test over the source.
pub fn unfit_functions() -> Vec<String> {
    unfit(server_fn_paths())
}

fn unfit(functions: impl Iterator<Item = (&'static str, Method)>) -> Vec<String> {
    let reason = |path: &str, method: &Method| {
        let known = |door: &Door| door.path == path && door.method == *method && matches!(door.access, Access::SignedIn | Access::Polled);
        if *method != Method::POST {
            Some(format!("{method} {path} is a server function that every link could call"))
        } else if !DOORS.iter().any(known) {
            Some(format!("{method} {path} is a server function that is no door for people who are signed in"))
        } else {
            None
        }
    };
    functions.filter_map(|(path, method)| reason(path, &method)).collect()
}

/// Paths of pages that stand in one of the two tables only; a test wants it empty.
pub fn strangers() -> Vec<String> {
    let routes: BTreeSet<String> = leptos_axum::generate_route_list(shell).iter().map(|route| route.path().to_owned()).collect();
    let doors: BTreeSet<String> = DOORS.iter().filter(|door| door.is_page()).map(|door| door.path.to_owned()).collect();
    routes.symmetric_difference(&doors).cloned().collect()
}

/// The handler of every page.
fn page() -> MethodRouter<Web> {
    get(|axum::extract::State(web): axum::extract::State<Web>, request: Request| async move {
        let assets = web.assets.clone();
        let context = move || {
            provide_context(assets.clone());
            if let Some(visit) = use_context::<Parts>().and_then(|parts| parts.extensions.get::<Arc<Visit>>().cloned()) {
                provide_context(visit);
            }
        };
        leptos_axum::render_app_async_with_context(context, shell)(request).await
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_function_that_is_read_or_is_no_door_ends_the_start() {
        assert_eq!(unfit_functions(), Vec::<String>::new());
        let made = [
            ("/api/check_times", Method::POST),
            ("/api/check_times", Method::GET),
            ("/api/forgotten", Method::POST),
            // A door, and not for people who are signed in.
            ("/login", Method::POST),
        ];
        let found = unfit(made.into_iter());
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(
            found[0].starts_with("GET /api/check_times") && found[1].contains("/api/forgotten") && found[2].contains("/login"),
            "{found:?}"
        );
    }
}
