//! What happened, line by line, newest first.

use super::clock::Zone;
use super::state::LiveTime;
use super::watched::Watched;
use crate::parts::table::Table;
use leptos::prelude::*;

#[component]
pub fn Lines(watched: Watched, zone: StoredValue<Zone>) -> impl IntoView {
    let lines = watched.lines;
    let any = Memo::new(move |_| lines.with(|lines| !lines.is_empty()));
    let newest_first = move || lines.with(|lines| lines.iter().rev().cloned().collect::<Vec<_>>());
    move || {
        any.get().then(|| {
            view! {
                <section class="card" id="lines">
                    <h2>"What happened"</h2>
                    <Table caption="Lines of the run, newest first" head=&["When", "Kind", "About", "What"]>
                        <For each=newest_first key=|line| line.seq children=move |line| {
                            let about = line.ordinal.map(|ordinal| format!("item {ordinal}")).unwrap_or_default();
                            view! { <tr><td><LiveTime at_ms=line.at_ms zone/></td><td>{line.kind}</td><td class="whole">{about}</td><td class="wrap">{line.message}</td></tr> }
                        }/>
                    </Table>
                </section>
            }
        })
    }
}
