//! The trail: verification and export.

use super::{Done, TypedForm};
use crate::visit::flash;
use app::door::{Flash, FlashKind};
use axum::body::Body;
use axum::response::Response;
use engine::actions::export_trail::{self, Export, export_trail};
use engine::actions::verify_trail::{self, verify_trail};
use engine::trail::report::End;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};

/// Verifies and says what was found.
pub async fn verify(form: TypedForm<verify_trail::Input>) -> Response {
    let done = verify_trail(&form.engine, &form.caller, &form.input).await;
    if let Ok(report) = &done {
        let kind = match (&report.flaw, &report.end) {
            (Some(_), _) => FlashKind::Refused,
            (None, End::Proven { .. }) => FlashKind::Done,
            (None, End::NotProven) => FlashKind::Note,
        };
        flash(form.session(), Flash { kind, text: report.page_sentences().join(" ") }).await;
    }
    let to = form.page().to_owned();
    form.answer(done, |_| Done::to(to, "")).await
}

/// Answers with a file, piece by piece.
pub async fn export(form: TypedForm<export_trail::Input>) -> Response {
    match export_trail(&form.engine, &form.caller, &form.input).await {
        Ok(export) => file(export),
        Err(error) => form.answer(Err(error), |()| Done::to("/audit", "")).await,
    }
}

fn file(export: Export) -> Response {
    let name = format!("attachment; filename=\"{}\"", export.file_name);
    let mut response = Response::new(Body::from_stream(export.body));
    for (header, value) in [(CONTENT_TYPE, export.media_type), (CONTENT_DISPOSITION, name.as_str())] {
        response.headers_mut().extend(http::HeaderValue::from_str(value).ok().map(|value| (header, value)));
    }
    response
}
