//! The databases of a window of several: how far each is, wave by wave.

use super::history::tone_of;
use crate::parts::layout::Card;
use crate::parts::status::{Pill, Tone};
use crate::parts::table::Table;
use crate::parts::time::Time;
use domain::lanes::LaneState;
use domain::view::windows::page::{LaneLine, failures_named};
use domain::window::WindowState;
use leptos::prelude::*;

/// Colour of a lane.
fn tone(state: LaneState) -> Tone {
    match state {
        LaneState::Waiting | LaneState::Opened => Tone::Waiting,
        LaneState::Working | LaneState::Settling | LaneState::RollingBack => Tone::Live,
        LaneState::Held | LaneState::Blocked | LaneState::NotStarted => Tone::Warn,
        LaneState::Ended { ending, clean } if clean => tone_of(ending),
        LaneState::Ended { ending, .. } => match tone_of(ending) {
            Tone::Good => Tone::Bad,
            other => other,
        },
    }
}

/// Nothing for a window of one database: its own state says it.
#[component]
pub fn LanesCard(lanes: Vec<LaneLine>, state: WindowState) -> impl IntoView {
    (!lanes.is_empty()).then(|| {
        let mut by_wave = lanes;
        by_wave.sort_by_key(|line| line.lane.wave);
        let failed = failures_named(&by_wave).map(|named| {
            let what = if state == WindowState::Completed { "Completed with failures: " } else { "Not everything went as planned: " };
            view! { <p class="message warn"><strong>{what}</strong>{named}"."</p> }
        });
        let rows = by_wave.into_iter().map(|line| row(line, state)).collect_view();
        view! {
            <Card title="Databases" id="databases".to_owned()>
                {failed}
                <Table caption="Databases, wave by wave" head=&["Database", "#Wave", "State", "What is known"]>{rows}</Table>
            </Card>
        }
    })
}

fn row(line: LaneLine, window: WindowState) -> impl IntoView {
    // Of a window that ended before its work nothing waits any more.
    let label = if window.is_terminal() && !line.lane.state.is_over() { "Not started" } else { line.lane.state.label() };
    let run = line.run.map(|run| view! { <a href=format!("/runs/{run}")>"Open its run"</a> });
    let soak =
        line.soak_until.map(|until| view! { " "<span class="quiet">"Watched until "<Time at=until/>" before the next wave."</span> });
    view! {
        <tr>
            <th scope="row"><a href=format!("/databases/{}", line.lane.target)>{line.name}</a></th>
            <td class="number" data-label="Wave">{line.lane.wave}</td>
            <td><Pill tone=tone(line.lane.state) label=label/></td>
            <td class="wrap">{run}{soak}{line.not_started}</td>
        </tr>
    }
}
