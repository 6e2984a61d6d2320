//! Accounts that a run keeps out of the database: since when, and how they came in again.

use crate::pages::windows::foreign;
use crate::parts::layout::Card;
use crate::parts::status::{Pill, Tone};
use crate::parts::time::Time;
use domain::view::runs::KeptOutRow;
use leptos::prelude::*;

/// The accounts; nothing where the run keeps none out.
#[component]
pub fn KeptOutCard(accounts: Vec<KeptOutRow>, ended: bool) -> impl IntoView {
    let out = accounts.iter().any(|account| account.could_sign_in && account.let_in.is_none());
    let warning = (out && ended).then(|| {
        view! { <p class="message warn">"The run is over, and not all of them could be let in yet. Drydock tries it again every few seconds; by hand: ALTER ROLE … LOGIN."</p> }
    });
    let rows: Vec<_> = accounts
        .into_iter()
        .map(|account| {
            let (state, more) = match (account.could_sign_in, account.let_in) {
                (true, None) => (view! { <Pill tone=Tone::Warn label="kept out"/> }, None),
                (false, None) => (view! { <Pill tone=Tone::Quiet label="could not sign in before"/> }, None),
                (true, Some(let_in)) => (view! { <Pill tone=Tone::Good label="as before"/> }, Some(let_in)),
                (false, Some(let_in)) => (view! { <Pill tone=Tone::Quiet label="as before"/> }, Some(let_in)),
            };
            let more = more.map(|(at, said)| view! { <br/><Time at/>": "{said} });
            view! { <li><strong>{foreign(&account.account)}</strong>" "{state}<br/><span class="quiet">"Out since "<Time at=account.since/>{more}</span></li> }
        })
        .collect();
    (!rows.is_empty())
        .then(|| view! { <Card title="Accounts kept out" id="kept-out".to_owned()>{warning}<ul class="steps">{rows}</ul></Card> })
}
