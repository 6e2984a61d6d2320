//! While somebody chooses date and time: what that instant is, and whether the database is free. Nothing is shown without script; sealing
//! checks the same again.

use leptos::prelude::*;

/// Watches the form's fields `date`, `time`, `fold` and `duration_min`, and shows what the server says about them.
///
/// `edits`: number of the window that is edited; it is not in its own way. `others`: databases that have a field for their wave.
#[island]
pub fn TimesCheck(database: String, edits: Option<i64>, others: Vec<String>) -> impl IntoView {
    let answer = RwSignal::new(Vec::new());
    #[cfg(feature = "hydrate")]
    browser::watch(database, edits, others, answer);
    #[cfg(not(feature = "hydrate"))]
    let _ = (database, edits, others);
    view! {
        <div class="times-check" role="status" aria-live="polite">
            {move || answer.get().into_iter().map(|said: crate::api::Said| { let class = said.class(); view! { <p class=class>{said.text}</p> } }).collect_view()}
        </div>
    }
}

#[cfg(feature = "hydrate")]
mod browser {
    use crate::api::{Said, check_times};
    use domain::proposal::several::{FIELD, field};
    use leptos::prelude::*;
    use leptos::web_sys;
    use leptos::web_sys::wasm_bindgen::JsCast as _;
    use std::time::Duration;

    const FIELDS: [&str; 5] = ["date", "time", "fold", "duration_min", "latest_start_min"];
    /// Beside them: what is done says who has to agree, and how long before.
    const PROCEDURE: &str = "procedure";
    /// A person types several digits; one question is enough.
    const QUIET: Duration = Duration::from_millis(400);

    fn value(id: &str) -> String {
        let element = document().get_element_by_id(id);
        let text = element.as_ref().and_then(|element| {
            let input = element.dyn_ref::<web_sys::HtmlInputElement>().map(web_sys::HtmlInputElement::value);
            input.or_else(|| element.dyn_ref::<web_sys::HtmlSelectElement>().map(web_sys::HtmlSelectElement::value))
        });
        text.unwrap_or_default()
    }

    fn procedure() -> String {
        let chosen = document().query_selector(&format!("input[name={PROCEDURE}]:checked")).ok().flatten();
        chosen.and_then(|element| element.dyn_into::<web_sys::HtmlInputElement>().ok()).map(|input| input.value()).unwrap_or_default()
    }

    pub(super) fn watch(database: String, edits: Option<i64>, others: Vec<String>, answer: RwSignal<Vec<Said>>) {
        // Answers may overtake each other: only the newest question's counts.
        let asked = StoredValue::new(0_u32);
        let ask = move || {
            asked.update_value(|n| *n += 1);
            let mine = asked.get_value();
            let database = database.clone();
            let chosen = others.iter().filter(|name| !value(&field(name)).is_empty()).cloned().collect();
            let (fields, procedure) = (FIELDS.map(value), procedure());
            if fields[0].is_empty() || fields[1].is_empty() {
                answer.set(Vec::new());
                return;
            }
            leptos::task::spawn_local(async move {
                let [date, time, fold, duration_min, latest_start_min] = fields;
                let said = check_times(database, edits, date, time, fold, duration_min, latest_start_min, procedure, chosen).await;
                let said = said.unwrap_or_default();
                if asked.try_get_value() == Some(mine) {
                    answer.set(said);
                }
            });
        };
        ask();
        let pending = StoredValue::new(None::<TimeoutHandle>);
        let handle = window_event_listener_untyped("input", move |event| {
            let id = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok()).map(|element| element.id());
            if id.is_some_and(|id| FIELDS.contains(&id.as_str()) || id.starts_with(FIELD) || id.starts_with(PROCEDURE)) {
                if let Some(earlier) = pending.get_value() {
                    earlier.clear();
                }
                pending.set_value(set_timeout_with_handle(ask.clone(), QUIET).ok());
            }
        });
        on_cleanup(move || handle.remove());
    }
}
