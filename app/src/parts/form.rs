//! Plain forms: they work without script, show everything typed again, and never do the same thing twice.

use crate::door::{self, Typed};
use leptos::context::Provider;
use leptos::prelude::*;

/// What a field has to know about the form around it.
#[derive(Debug, Clone, Default)]
struct Around {
    /// What was typed last time, and what was wrong.
    typed: Option<Typed>,
    /// Prefix of ids, when a page has several forms.
    prefix: String,
}

impl Around {
    /// What was typed; of a field that was not on the page then, what it begins with.
    fn value(&self, field: &str, initial: String) -> String {
        self.typed.as_ref().and_then(|typed| typed.get(field)).map_or(initial, str::to_owned)
    }
    fn error(&self, field: &str) -> Option<String> {
        self.typed.as_ref().and_then(|typed| typed.error(field)).map(str::to_owned)
    }
    fn id(&self, field: &str) -> String {
        format!("{}{field}", self.prefix)
    }
}

fn around() -> Around {
    use_context::<Around>().unwrap_or_default()
}

/// A form that posts to `action`. After a refusal the page shows it again with everything typed.
#[component]
pub fn Form(
    /// Where it posts to; also tells several forms of one page apart.
    #[prop(into)]
    action: String,
    /// Text of the button.
    #[prop(into)]
    submit: String,
    /// Where "Cancel" leads; without it there is none.
    #[prop(optional, into)]
    cancel: Option<String>,
    /// The button does something that cannot be undone.
    #[prop(optional)]
    danger: bool,
    /// Something else on the page is the thing to do.
    #[prop(optional)]
    secondary: bool,
    /// Text of a second button, after the first: shows the page again for what is typed, and does nothing else.
    #[prop(optional, into)]
    again: Option<String>,
    /// It sends a file: what is in it arrives as a field's text.
    #[prop(optional)]
    upload: bool,
    /// Prefix of the fields' ids, needed when a page has several forms with equal field names.
    #[prop(optional, into)]
    prefix: String,
    children: Children,
) -> impl IntoView {
    let visit = door::maybe_visit();
    let back = visit
        .map(|visit| if visit.query.is_empty() { visit.path.clone() } else { format!("{}?{}", visit.path, visit.query) })
        .unwrap_or_default();
    let by = door::actor().map(|actor| view! { <input type="hidden" name="_by" value=actor.person.to_string()/> });
    let typed = door::typed().filter(|typed| Some(typed.action.as_str()) == action.split('?').next());
    let around = Around { typed: typed.clone(), prefix };
    let summary_around = around.clone();
    let class = match (danger, secondary) {
        (true, _) => "button danger",
        (false, true) => "button",
        (false, false) => "button primary",
    };
    view! {
        <Provider value=around>
            <form method="post" action=action class="form" enctype=upload.then_some("multipart/form-data")>
                <input type="hidden" name="_once" value=once()/>
                <input type="hidden" name="_back" value=back/>
                {by}
                <ErrorSummary typed around=summary_around/>
                {children()}
                <p class="actions">
                    <button type="submit" class=class>{submit}</button>
                    {again.map(|label| view! { <button type="submit" class="button" name="again" value="1" formnovalidate=true>{label}</button> })}
                    {cancel.map(|to| view! { <a class="button quiet" href=to>"Cancel"</a> })}
                </p>
            </form>
        </Provider>
    }
}

/// A token of this rendering of a form: sent twice, it is done once.
fn once() -> String {
    engine::clock::random::<16>().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[component]
fn ErrorSummary(typed: Option<Typed>, around: Around) -> impl IntoView {
    let (errors, note) = typed.map(|typed| (typed.errors, typed.note)).unwrap_or_default();
    if let Some(note) = note {
        return view! { <p class="message note" role="status">{note}</p> }.into_any();
    }
    (!errors.is_empty())
        .then(|| {
            let count = if errors.len() == 1 {
                "One thing needs your attention".to_owned()
            } else {
                format!("{} things need your attention", errors.len())
            };
            let list = errors
                .into_iter()
                .map(|error| {
                    let to = format!("#{}", around.id(&error.field));
                    view! { <li><a href=to>{error.message}</a></li> }
                })
                .collect_view();
            view! { <div class="error-summary" role="alert" tabindex="-1"><h2>{count}</h2><ul>{list}</ul></div> }
        })
        .into_any()
}

/// Label, hint and error around one control.
#[component]
fn Labelled(id: String, label: String, hint: String, error: Option<String>, optional: bool, children: Children) -> impl IntoView {
    let class = if error.is_some() { "field wrong" } else { "field" };
    view! {
        <div class=class>
            <label for=id.clone()>{label}{optional.then(|| view! { <span class="quiet">" (optional)"</span> })}</label>
            {(!hint.is_empty()).then(|| view! { <p class="hint" id=format!("{id}-hint")>{hint}</p> })}
            {error.map(|error| view! { <p class="field-error" id=format!("{id}-error")>{error}</p> })}
            {children()}
        </div>
    }
}

/// Ids of hint and error, for `aria-describedby`.
fn described_by(id: &str, hint: &str, error: Option<&String>) -> Option<String> {
    let ids: Vec<String> =
        [(!hint.is_empty()).then(|| format!("{id}-hint")), error.map(|_| format!("{id}-error"))].into_iter().flatten().collect();
    (!ids.is_empty()).then(|| ids.join(" "))
}

/// One line of text.
#[component]
pub fn Field(
    /// Name of the field, as the action's input calls it.
    #[prop(into)]
    name: String,
    #[prop(into)] label: String,
    #[prop(optional, into)] hint: String,
    /// Value before anything was typed.
    #[prop(optional, into)]
    value: String,
    /// `text`, `email`, `password`, `number`, `date`, `time`, `datetime-local`, `url`, `file`.
    #[prop(default = "text")]
    kind: &'static str,
    #[prop(optional)] required: bool,
    #[prop(optional)] autocomplete: &'static str,
    /// `inputmode`, for keyboards of phones.
    #[prop(optional)]
    mode: &'static str,
    /// Suggestions, shown by the browser.
    #[prop(optional)]
    suggestions: Vec<String>,
) -> impl IntoView {
    let around = around();
    let (id, error) = (around.id(&name), around.error(&name));
    // A browser keeps neither a password nor a file for another try.
    let value = (!matches!(kind, "password" | "file")).then(|| around.value(&name, value));
    let described = described_by(&id, &hint, error.as_ref());
    let wrong = error.is_some();
    let list = (!suggestions.is_empty()).then(|| format!("{id}-list"));
    let options = suggestions.into_iter().map(|value| view! { <option value=value></option> }).collect_view();
    view! {
        <Labelled id=id.clone() label hint error optional=!required>
            <input type=kind id=id name=name value=value required=required aria-describedby=described aria-invalid=wrong.then_some("true")
                autocomplete=(!autocomplete.is_empty()).then_some(autocomplete) inputmode=(!mode.is_empty()).then_some(mode) list=list.clone()/>
            {list.map(|list| view! { <datalist id=list>{options}</datalist> })}
        </Labelled>
    }
}

/// Whose password a form takes, for password managers: they overlook a field of type `hidden`.
#[component]
pub fn Username(#[prop(into)] value: String) -> impl IntoView {
    view! { <input type="text" name="username" autocomplete="username" value=value hidden=true readonly=true tabindex="-1"/> }
}

/// Several lines of text.
#[component]
pub fn TextArea(
    /// Name of the field, as the action's input calls it.
    name: &'static str,
    #[prop(into)] label: String,
    #[prop(optional, into)] hint: String,
    #[prop(optional, into)] value: String,
    #[prop(optional)] required: bool,
    #[prop(default = 4)] rows: u32,
    /// Code: fixed width, no spelling.
    #[prop(optional)]
    code: bool,
    /// The field of a file that goes before it: after a refusal its text stands here, to be mended.
    #[prop(optional, into)]
    or_file: Option<&'static str>,
) -> impl IntoView {
    let around = around();
    let (id, error) = (around.id(name), around.error(name));
    let sent = or_file.map(|file| around.value(file, String::new())).filter(|text| !text.trim().is_empty());
    let value = sent.unwrap_or_else(|| around.value(name, value));
    let described = described_by(&id, &hint, error.as_ref());
    let wrong = error.is_some();
    view! {
        <Labelled id=id.clone() label hint error optional=!required>
            <textarea id=id name=name rows=rows required=required class:code=code spellcheck=code.then_some("false") aria-describedby=described
                aria-invalid=wrong.then_some("true") inner_html=inside(&value)></textarea>
        </Labelled>
    }
}

/// What stands between the tags of a text area. The renderer neither escapes there nor leaves its markers out, so this does; and a parser
/// drops the first line break, so that one is ours, not the person's.
fn inside(value: &str) -> String {
    format!("\n{}", value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"))
}

/// The options of a list to choose from, given as (value, label).
pub fn options_of(options: Vec<(String, String)>, chosen: &str) -> impl IntoView + use<> {
    let option = |(value, label): (String, String)| {
        let selected = value == chosen;
        view! { <option value=value selected=selected>{label}</option> }
    };
    options.into_iter().map(option).collect_view()
}

/// One of several values, given as (value, label).
#[component]
pub fn Select(
    /// Name of the field, as the action's input calls it.
    #[prop(into)]
    name: String,
    #[prop(into)] label: String,
    #[prop(optional, into)] hint: String,
    #[prop(optional, into)] value: String,
    options: Vec<(String, String)>,
    #[prop(optional)] required: bool,
) -> impl IntoView {
    let around = around();
    let (id, error) = (around.id(&name), around.error(&name));
    let chosen = around.value(&name, value);
    let described = described_by(&id, &hint, error.as_ref());
    let wrong = error.is_some();
    // The empty choice says by itself that nothing needs to be chosen.
    let optional = false;
    let options = options_of(options, &chosen);
    view! {
        <Labelled id=id.clone() label hint error optional>
            <select id=id name=name required=required aria-describedby=described aria-invalid=wrong.then_some("true")>{options}</select>
        </Labelled>
    }
}

/// A box to tick; sends `on`, or `value`.
#[component]
pub fn Check(
    /// Name of the field, as the action's input calls it.
    name: &'static str,
    #[prop(into)] label: String,
    #[prop(optional, into)] hint: String,
    /// What it sends when ticked: `on` unless several boxes share a name.
    #[prop(default = "on".to_owned(), into)]
    value: String,
    #[prop(optional)] checked: bool,
) -> impl IntoView {
    let around = around();
    let shared = value != "on";
    let id = if shared { format!("{}-{value}", around.id(name)) } else { around.id(name) };
    let error = around.error(name).filter(|_| !shared);
    let checked = around.typed.as_ref().map_or(checked, |typed| typed.all(name).contains(&value.as_str()));
    let described = described_by(&id, &hint, error.as_ref());
    let class = if error.is_some() { "field check wrong" } else { "field check" };
    view! {
        <div class=class>
            <input type="checkbox" id=id.clone() name=name value=value checked=checked aria-describedby=described/>
            <label for=id.clone()>{label}</label>
            {(!hint.is_empty()).then(|| view! { <p class="hint" id=format!("{id}-hint")>{hint}</p> })}
            {error.map(|error| view! { <p class="field-error" id=format!("{id}-error")>{error}</p> })}
        </div>
    }
}

/// Fields that belong together, under one legend; errors of `name` are shown at the legend.
#[component]
pub fn Group(
    #[prop(into)] legend: String,
    #[prop(optional, into)] hint: String,
    #[prop(optional)] name: &'static str,
    children: Children,
) -> impl IntoView {
    let around = around();
    let error = (!name.is_empty()).then(|| around.error(name)).flatten();
    let id = (!name.is_empty()).then(|| around.id(name));
    view! {
        <fieldset id=id tabindex=(!name.is_empty()).then_some("-1")>
            <legend>{legend}</legend>
            {(!hint.is_empty()).then(|| view! { <p class="hint">{hint}</p> })}
            {error.map(|error| view! { <p class="field-error">{error}</p> })}
            {children()}
        </fieldset>
    }
}

/// One of a few values, all in sight, given as (value, label, what follows from it).
#[component]
pub fn Radios(
    /// Name of the field, as the action's input calls it.
    name: &'static str,
    #[prop(into)] legend: String,
    #[prop(optional, into)] hint: String,
    #[prop(optional, into)] value: String,
    options: Vec<(String, String, String)>,
    /// The browser lets nobody send the form without a choice.
    #[prop(default = true)]
    required: bool,
) -> impl IntoView {
    let around = around();
    let (id, error) = (around.id(name), around.error(name));
    let chosen = around.value(name, value);
    let options = options
        .into_iter()
        .map(|(value, label, follows)| {
            let (own, checked) = (format!("{id}-{value}"), value == chosen);
            let described = (!follows.is_empty()).then(|| format!("{own}-hint"));
            view! {
                <div class="field check">
                    <input type="radio" id=own.clone() name=name value=value checked=checked required=required aria-describedby=described.clone()/>
                    <label for=own>{label}</label>
                    {described.map(|id| view! { <p class="hint" id=id>{follows}</p> })}
                </div>
            }
        })
        .collect_view();
    view! {
        <fieldset id=id tabindex="-1" class="radios">
            <legend>{legend}</legend>
            {(!hint.is_empty()).then(|| view! { <p class="hint">{hint}</p> })}
            {error.map(|error| view! { <p class="field-error">{error}</p> })}
            {options}
        </fieldset>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(view: impl FnOnce() -> AnyView) -> String {
        Owner::new().with(|| view().to_html())
    }

    #[test]
    fn typed_text_cannot_leave_its_field() {
        let attack = "\n</textarea><script>alert(1)</script> & \"quoted\"";
        let area = html(|| view! { <TextArea name="reason" label="Reason" value=attack/> }.into_any());
        assert!(area.contains(">\n\n&lt;/textarea&gt;&lt;script&gt;alert(1)&lt;/script&gt; &amp; \"quoted\"</textarea>"), "{area}");
        let field = html(|| view! { <Field name="name" label="Name" value=attack/> }.into_any());
        assert!(!field.contains("<script>") && !field.contains("\"quoted"), "{field}");
        let choice = html(|| view! { <Select name="team" label="Team" options=vec![(attack.to_owned(), attack.to_owned())]/> }.into_any());
        assert!(!choice.contains("<script>"), "{choice}");
    }
}
