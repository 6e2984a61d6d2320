//! What a run changed, drawn: how much of each object is left.

use crate::pages::windows::foreign;
use crate::parts::layout::Card;
use crate::parts::table::Table;
use domain::procedure::text::{count, size};
use domain::view::gains::{Gain, Gains, Measured};
use leptos::prelude::*;

/// Width of a bar for the largest figure of its kind, in the drawing's own units.
const WIDTH: u64 = 100;

/// Figures before and after, and the space won; nothing where nothing was measured.
#[component]
pub fn GainsCard(gains: Gains) -> impl IntoView {
    let any = gains.won_bytes.is_some() || !gains.rows.is_empty();
    any.then(|| {
        let largest = |measured: Measured| {
            gains
                .rows
                .iter()
                .filter(|(_, gain)| gain.measured == measured)
                .filter_map(|(_, gain)| gain.before.max(gain.after))
                .max()
                .unwrap_or(0)
        };
        let rows = gains
            .rows
            .iter()
            .map(|(object, gain)| {
                view! {
                    <tr>
                        <th scope="row">{foreign(object)}</th>
                        <td>{gain.measured.label()}</td>
                        <td class="number" data-label="Before">{gain.measured.say(gain.before)}</td>
                        <td class="number" data-label="After">{gain.measured.say(gain.after)}</td>
                        <td><Bars gain=gain.clone() largest=largest(gain.measured)/></td>
                    </tr>
                }
            })
            .collect_view();
        let table = (!gains.rows.is_empty()).then(
            || view! { <Table caption="Figures that changed" head=&["Object", "Measure", "#Before", "#After", "Compared"]>{rows}</Table> },
        );
        view! { <Card title="Before and after" id="gains".to_owned()><Sums gains=gains.clone()/>{table}</Card> }
    })
}

/// The run in three figures.
#[component]
fn Sums(gains: Gains) -> impl IntoView {
    let space = gains.won_bytes.map(|won| {
        let (words, bytes) = if won >= 0 { ("Space won", won) } else { ("Space grown meanwhile", -won) };
        view! { <p><strong>{size(bytes.unsigned_abs())}</strong>" "{words}<br/><span class="quiet">"of "{size(gains.before_bytes)}" worked on"</span></p> }
    });
    let rows = gains.removed_rows.map(|rows| view! { <p><strong>{count(rows)}</strong>" dead rows removed"</p> });
    let statistics = (gains.analyzed > 0).then(|| {
        view! { <p><strong>{gains.analyzed}</strong>{if gains.analyzed == 1 { " table with fresh statistics" } else { " tables with fresh statistics" }}</p> }
    });
    view! { <div class="sums">{space}{rows}{statistics}</div> }
}

/// Two bars, before above after, on the scale of all objects of the run.
#[component]
fn Bars(gain: Gain, largest: u64) -> impl IntoView {
    let drawn = matches!(gain.measured, Measured::SizeBytes | Measured::DeadRows) && largest > 0;
    let (before, after) = (gain.before.unwrap_or(0), gain.after.unwrap_or(0));
    drawn.then(|| {
        let width = |figure: u64| u64::try_from(u128::from(figure) * u128::from(WIDTH) / u128::from(largest)).unwrap_or(WIDTH);
        let said = format!("{} before, {} after", gain.measured.say(gain.before), gain.measured.say(gain.after));
        view! {
            <svg class="bars" viewBox=format!("0 0 {WIDTH} 12") width=WIDTH height="12" role="img" aria-label=said>
                <rect class="before" x="0" y="0" width=width(before) height="5"></rect>
                <rect class="after" x="0" y="7" width=width(after) height="5"></rect>
            </svg>
        }
    })
}
