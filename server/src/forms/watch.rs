//! Watching windows and databases.

use super::{At, AtBoth, Done, TypedForm};
use axum::response::Response;
use domain::ids::{PersonId, TargetId};
use engine::actions::watch::{Input, Thing, unwatch, watch};
use std::collections::HashMap;

type Plain = TypedForm<HashMap<String, String>>;

fn place(thing: Thing) -> String {
    match thing {
        Thing::Window(number) => format!("/windows/{number}#watchers"),
        Thing::Target(target) => format!("/databases/{target}#watchers"),
    }
}

async fn begin(thing: Thing, form: Plain) -> Response {
    let done = watch(&form.engine, &form.caller, thing, &Input::default()).await;
    form.answer(done, |_| Done::to(place(thing), "You watch it: what happens comes by mail.")).await
}

async fn add(thing: Thing, form: TypedForm<Input>) -> Response {
    let done = watch(&form.engine, &form.caller, thing, &form.input).await;
    form.answer(done, |who| Done::to(place(thing), format!("{who} is told of what happens from now on."))).await
}

async fn end(thing: Thing, person: PersonId, form: Plain) -> Response {
    let done = unwatch(&form.engine, &form.caller, thing, person).await;
    form.answer(done, |()| Done::to(place(thing), "Not watched any more.")).await
}

/// Watches a window.
pub async fn window(At(number): At<i64>, form: Plain) -> Response {
    begin(Thing::Window(number), form).await
}

/// Adds somebody who watches a window.
pub async fn add_to_window(At(number): At<i64>, form: TypedForm<Input>) -> Response {
    add(Thing::Window(number), form).await
}

/// Ends watching a window.
pub async fn end_of_window(AtBoth(number, person): AtBoth<i64, PersonId>, form: Plain) -> Response {
    end(Thing::Window(number), person, form).await
}

/// Watches a database.
pub async fn database(At(target): At<TargetId>, form: Plain) -> Response {
    begin(Thing::Target(target), form).await
}

/// Adds somebody who watches a database.
pub async fn add_to_database(At(target): At<TargetId>, form: TypedForm<Input>) -> Response {
    add(Thing::Target(target), form).await
}

/// Ends watching a database.
pub async fn end_of_database(AtBoth(target, person): AtBoth<TargetId, PersonId>, form: Plain) -> Response {
    end(Thing::Target(target), person, form).await
}
