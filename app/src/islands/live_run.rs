//! A run while it is watched. The server draws it as it stands; where scripts run, a stream keeps it up to date in place.
//!
//! What is shown is what the stream said last. While it says nothing the page says so, and nothing on it counts on as if it were fresh.

pub mod clock;
mod current;
mod items;
mod lines;
mod state;
#[cfg(feature = "hydrate")]
mod stream;
mod watched;

use clock::Zone;
use current::Current;
use domain::view::live::News;
use items::Items;
use leptos::prelude::*;
use lines::Lines;
use state::BigState;
use watched::Watched;

/// Follows run `run`. `children` stand below the big state: what may be done, and how it ended; when the run changes what belongs there,
/// the page is loaded again, but never away from under somebody who types.
#[island]
pub fn LiveRun(run: String, news: News, zone: Zone, database: String, typing: bool, children: Children) -> impl IntoView {
    let watched = Watched::new(news);
    #[cfg(feature = "hydrate")]
    stream::follow(run.clone(), watched, typing);
    #[cfg(not(feature = "hydrate"))]
    let _ = typing;
    let zone = StoredValue::new(zone);
    view! {
        <BigState watched zone database run/>
        {children()}
        <Current watched/>
        <Items watched/>
        <Lines watched zone/>
    }
}
