//! The first page: what happens now, what waits for me, what comes next.

use crate::parts::layout::Heading;
use crate::parts::table::Empty;
use leptos::prelude::*;

#[component]
pub fn HomePage() -> impl IntoView {
    view! {
        <Heading title="Home"/>
        <Empty title="No window is near" why="Nothing runs, nothing waits for you, and nothing is planned for the next seven days."/>
    }
}
