//! Windows in time: by day, and by database.

mod agenda;
mod frame;
mod grid;
mod timeline;

use crate::door;
use crate::parts::table::Empty;
use domain::view::calendar::{CalendarPage as Calendar, Page, Place, View};
use engine::queries;
pub(super) use frame::ways;
use leptos::prelude::*;
pub use timeline::TimelinePage;

#[component]
pub fn CalendarPage() -> impl IntoView {
    let place = Place::read(Page::Calendar, door::query_parameter);
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async { queries::calendar::calendar(&engine, &caller?.actor, &place).await }.await;
        door::show(answer, |page| calendar(page).into_any())
    })
}

fn calendar(page: Calendar) -> impl IntoView {
    let empty = page.days.iter().all(|day| day.total == 0);
    let body = match page.frame.place.view {
        View::Month | View::Week => grid::grid(&page).into_any(),
        View::Agenda | View::Day => agenda::agenda(&page).into_any(),
    };
    let nothing = empty.then(|| nothing(&page.frame));
    view! {
        {frame::head("Calendar", &page.frame)}
        {nothing}
        {body}
    }
}

/// Why nothing is shown, and the way to something.
fn nothing(frame: &domain::view::calendar::Frame) -> impl IntoView + use<> {
    let filtered = !frame.place.filter.is_empty();
    let why = if filtered {
        "There may be others: the filter hides them."
    } else {
        "Nothing is planned for these days, and nothing ran. Windows that were called off are shown when you choose their state."
    };
    let action = match (filtered, frame.may_propose) {
        (true, _) => {
            let all = Place { filter: domain::view::windows::list::Filter::default(), after: String::new(), ..frame.place.clone() };
            view! { <a class="button" href=all.address()>"Show all windows of these days"</a> }.into_any()
        }
        (false, true) => view! { <a class="button" href="/windows/new">"Propose a window"</a> }.into_any(),
        (false, false) => view! { <a class="button" href="/windows">"All windows, as a list"</a> }.into_any(),
    };
    view! { <Empty title="No windows in this time" why=why>{action}</Empty> }
}
