//! Comments and what was decided, in one line of time, and the form to add to it.

use super::foreign;
use crate::parts::form::{Form, TextArea};
use crate::parts::layout::Card;
use crate::parts::status::{Pill, Tone};
use crate::parts::time::Time;
use domain::approval::VoteDecision;
use domain::conversation::{LONGEST_COMMENT, MOST_MENTIONS};
use domain::view::windows::conversation::{Comment, Conversation, Entry, Said};
use leptos::prelude::*;

#[component]
pub fn ConversationCard(number: i64, conversation: Conversation) -> impl IntoView {
    let base = format!("/windows/{number}");
    let older = conversation.older.map(|fact| {
        let to = format!("{base}?said_before={fact}#conversation");
        view! { <p><a class="button quiet" href=to>"What was said before"</a></p> }
    });
    let newest = conversation.past.then(|| {
        let to = format!("{base}#conversation");
        view! { <p><a class="button quiet" href=to>"To the newest"</a></p> }
    });
    let entries = conversation.entries.into_iter().map(|entry| view! { <EntryLine entry base=base.clone()/> }).collect_view();
    let hint = format!(
        "At most {LONGEST_COMMENT} characters. @ and a name or an address tells that person, if they may see this window; at most {MOST_MENTIONS} people."
    );
    let form = conversation.may_comment.then(|| {
        view! {
            <Form action=format!("{base}/comments") submit="Comment" prefix="comment-">
                <TextArea name="text" label="Your comment" hint=hint rows=3 required=true/>
            </Form>
        }
    });
    view! {
        <Card title="Conversation" id="conversation".to_owned()>
            {older}
            <ol class="plain conversation">{entries}</ol>
            {newest}
            {form}
        </Card>
    }
}

#[component]
fn EntryLine(entry: Entry, base: String) -> impl IntoView {
    let id = format!("said-{}", entry.fact);
    let head = view! { <strong>{entry.who}</strong>" "<span class="quiet"><Time at=entry.at/></span> };
    match entry.said {
        Said::Comment(comment) => view! { <li id=id class="comment"><p class="said-by">{head}</p><Written comment base/></li> }.into_any(),
        Said::Vote(decision, why) => {
            let tone = match decision {
                VoteDecision::Approve => Tone::Good,
                VoteDecision::Reject => Tone::Bad,
                VoteDecision::RequestChanges => Tone::Warn,
            };
            view! { <li id=id><p class="said-by">{head}" "<Pill tone=tone label=decision.label()/></p>{quoted(&why)}</li> }.into_any()
        }
        Said::Change(what, why) => view! { <li id=id class="change"><p class="said-by">{head}" "{what}</p>{quoted(&why)}</li> }.into_any(),
    }
}

fn quoted(text: &str) -> impl IntoView + use<> {
    let text = foreign(text);
    (!text.trim().is_empty()).then(|| view! { <p class="said-text">{text}</p> })
}

#[component]
fn Written(comment: Comment, base: String) -> impl IntoView {
    let Some(text) = comment.text else {
        let at = comment.retracted_at.map(|at| view! { " "<Time at=at/> });
        return view! { <p class="quiet">"Taken back by its author"{at}"."</p> }.into_any();
    };
    let told = (!comment.mentions.is_empty()).then(|| view! { <p class="quiet">"Names "{comment.mentions.join(", ")}</p> });
    let retract = comment.own.then(|| {
        let to = format!("{base}/comments/{}/retract", comment.id);
        view! {
            <details class="fold">
                <summary>"Take back"</summary>
                <Form action=to submit="Take my comment back" secondary=true>
                    <p>"Nobody is shown the text any more. That you wrote something here stays, and mails that were sent cannot be called back."</p>
                </Form>
            </details>
        }
    });
    view! { {quoted(&text)}{told}{retract} }.into_any()
}
