//! Every page by its path. One line here, one in the server's route table; a test compares the two.

use crate::parts::layout::Layout;
use leptos::prelude::*;
use leptos_router::SsrMode;
use leptos_router::components::{Route, Router, Routes};
use leptos_router::path;

pub mod audit;
pub mod calendar;
pub mod databases;
pub mod forgot;
pub mod freezes;
pub mod home;
pub mod login;
pub mod login_factor;
pub mod mail;
pub mod me;
pub mod messages;
pub mod pause;
pub mod people;
pub mod policies;
pub mod procedures;
pub mod runs;
pub mod series;
pub mod setup;
pub mod teams;
pub mod webhooks;
pub mod windows;

/// The router. All pages are rendered whole (`SsrMode::Async`), so that the status is known before the first byte.
#[component]
pub fn Pages() -> impl IntoView {
    view! {
        <Router>
            <Layout>
                <Routes fallback=|| view! { <crate::parts::errors::NotFoundBody/> }>
                    <Route path=path!("/") view=home::HomePage ssr=SsrMode::Async/>
                    <Route path=path!("/mailbox") view=mail::MailboxPage ssr=SsrMode::Async/>
                    <Route path=path!("/mailbox/:id") view=mail::MailShowPage ssr=SsrMode::Async/>
                    <Route path=path!("/messages") view=messages::MessagesPage ssr=SsrMode::Async/>
                    <Route path=path!("/admin/outbox") view=mail::OutboxPage ssr=SsrMode::Async/>
                    <Route path=path!("/admin/webhooks") view=webhooks::ListPage ssr=SsrMode::Async/>
                    <Route path=path!("/admin/webhooks/new") view=webhooks::NewPage ssr=SsrMode::Async/>
                    <Route path=path!("/admin/webhooks/:id") view=webhooks::ShowPage ssr=SsrMode::Async/>
                    <Route path=path!("/admin/webhooks/:id/edit") view=webhooks::EditPage ssr=SsrMode::Async/>
                    <Route path=path!("/pause") view=pause::PausePage ssr=SsrMode::Async/>
                    <Route path=path!("/freezes") view=freezes::FreezesListPage ssr=SsrMode::Async/>
                    <Route path=path!("/freezes/new") view=freezes::FreezeNewPage ssr=SsrMode::Async/>
                    <Route path=path!("/freezes/import") view=freezes::FreezeImportPage ssr=SsrMode::Async/>
                    <Route path=path!("/freezes/import/:id") view=freezes::FreezeImportShowPage ssr=SsrMode::Async/>
                    <Route path=path!("/freezes/:id") view=freezes::FreezeShowPage ssr=SsrMode::Async/>
                    <Route path=path!("/procedures") view=procedures::ProceduresPage ssr=SsrMode::Async/>
                    <Route path=path!("/procedures/new") view=procedures::ProcedureNewPage ssr=SsrMode::Async/>
                    <Route path=path!("/procedures/:key") view=procedures::ProcedureShowPage ssr=SsrMode::Async/>
                    <Route path=path!("/policies") view=policies::PoliciesPage ssr=SsrMode::Async/>
                    <Route path=path!("/policies/new") view=policies::PolicyNewPage ssr=SsrMode::Async/>
                    <Route path=path!("/policies/who") view=policies::WhoPage ssr=SsrMode::Async/>
                    <Route path=path!("/policies/:id") view=policies::PolicyEditPage ssr=SsrMode::Async/>
                    <Route path=path!("/people") view=people::PeopleListPage ssr=SsrMode::Async/>
                    <Route path=path!("/people/new") view=people::PersonNewPage ssr=SsrMode::Async/>
                    <Route path=path!("/people/:id") view=people::PersonShowPage ssr=SsrMode::Async/>
                    <Route path=path!("/people/:id/edit") view=people::PersonEditPage ssr=SsrMode::Async/>
                    <Route path=path!("/people/:id/absence") view=people::PersonAbsencePage ssr=SsrMode::Async/>
                    <Route path=path!("/people/:id/deactivate") view=people::PersonDeactivatePage ssr=SsrMode::Async/>
                    <Route path=path!("/teams") view=teams::TeamsListPage ssr=SsrMode::Async/>
                    <Route path=path!("/teams/new") view=teams::TeamNewPage ssr=SsrMode::Async/>
                    <Route path=path!("/teams/:id") view=teams::TeamShowPage ssr=SsrMode::Async/>
                    <Route path=path!("/teams/:id/edit") view=teams::TeamEditPage ssr=SsrMode::Async/>
                    <Route path=path!("/me") view=me::ProfilePage ssr=SsrMode::Async/>
                    <Route path=path!("/me/absence") view=people::OwnAbsencePage ssr=SsrMode::Async/>
                    <Route path=path!("/me/sessions") view=me::SessionsPage ssr=SsrMode::Async/>
                    <Route path=path!("/me/calendar") view=me::FeedsPage ssr=SsrMode::Async/>
                    <Route path=path!("/me/factor") view=me::FactorPage ssr=SsrMode::Async/>
                    <Route path=path!("/me/confirm") view=me::ConfirmPage ssr=SsrMode::Async/>
                    <Route path=path!("/databases") view=databases::ListPage ssr=SsrMode::Async/>
                    <Route path=path!("/databases/new") view=databases::RegisterPage ssr=SsrMode::Async/>
                    <Route path=path!("/databases/:id") view=databases::ShowPage ssr=SsrMode::Async/>
                    <Route path=path!("/databases/:id/edit") view=databases::EditPage ssr=SsrMode::Async/>
                    <Route path=path!("/databases/:id/password") view=databases::PasswordPage ssr=SsrMode::Async/>
                    <Route path=path!("/databases/:id/transfer") view=databases::TransferPage ssr=SsrMode::Async/>
                    <Route path=path!("/databases/:id/stakeholders") view=databases::StakeholdersPage ssr=SsrMode::Async/>
                    <Route path=path!("/databases/:id/backups") view=databases::BackupPage ssr=SsrMode::Async/>
                    <Route path=path!("/databases/:id/queries") view=databases::QueryPage ssr=SsrMode::Async/>
                    <Route path=path!("/windows") view=windows::ListPage ssr=SsrMode::Async/>
                    <Route path=path!("/windows/new") view=windows::NewPage ssr=SsrMode::Async/>
                    <Route path=path!("/windows/cancel") view=windows::CancelPage ssr=SsrMode::Async/>
                    <Route path=path!("/windows/:number") view=windows::ShowPage ssr=SsrMode::Async/>
                    <Route path=path!("/windows/:number/edit") view=windows::EditPage ssr=SsrMode::Async/>
                    <Route path=path!("/windows/:number/move") view=windows::MovePage ssr=SsrMode::Async/>
                    <Route path=path!("/windows/:number/decide") view=windows::DecidePage ssr=SsrMode::Async/>
                    <Route path=path!("/windows/:number/checklist") view=windows::ChecklistPage ssr=SsrMode::Async/>
                    <Route path=path!("/windows/:number/evidence") view=windows::EvidencePage ssr=SsrMode::Async/>
                    <Route path=path!("/calendar") view=calendar::CalendarPage ssr=SsrMode::Async/>
                    <Route path=path!("/timeline") view=calendar::TimelinePage ssr=SsrMode::Async/>
                    <Route path=path!("/series") view=series::SeriesListPage ssr=SsrMode::Async/>
                    <Route path=path!("/series/new") view=series::SeriesNewPage ssr=SsrMode::Async/>
                    <Route path=path!("/series/:id") view=series::SeriesShowPage ssr=SsrMode::Async/>
                    <Route path=path!("/series/:id/edit") view=series::SeriesEditPage ssr=SsrMode::Async/>
                    <Route path=path!("/series/:id/approval") view=series::SeriesApprovalPage ssr=SsrMode::Async/>
                    <Route path=path!("/runs/:id") view=runs::RunPage ssr=SsrMode::Async/>
                    <Route path=path!("/audit") view=audit::AuditPage ssr=SsrMode::Async/>
                    <Route path=path!("/audit/:id") view=audit::FactShowPage ssr=SsrMode::Async/>
                    <Route path=path!("/login") view=login::LoginPage ssr=SsrMode::Async/>
                    <Route path=path!("/login/factor") view=login_factor::LoginFactorPage ssr=SsrMode::Async/>
                    <Route path=path!("/forgot") view=forgot::ForgotPage ssr=SsrMode::Async/>
                    <Route path=path!("/setup") view=setup::SetupPage ssr=SsrMode::Async/>
                </Routes>
            </Layout>
        </Router>
    }
}
