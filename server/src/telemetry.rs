//! Logs of the process, to standard error: one event, one line, whatever the event quotes; and how many statements a request sent to the
//! state database.

mod one_line;

use std::io::stderr;
use std::sync::atomic::{AtomicU32, Ordering};

use tracing::{Event, Id, Level, Span, Subscriber, span::Attributes};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::Targets,
    fmt,
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use crate::config::LogSettings;
use one_line::{Form, OneLine};

/// Name of the span around a request, in `guard`.
pub const REQUEST: &str = "request";
/// Where the driver speaks of each statement.
const STATEMENTS: &str = "sqlx::query";

/// Set up once, before anything else speaks. Standard output stays free for what was asked for.
pub fn start(settings: &LogSettings) {
    let lines = if settings.json {
        fmt::layer().with_writer(|| OneLine::new(stderr(), Form::Json)).json().flatten_event(true).with_current_span(true).boxed()
    } else {
        fmt::layer().with_writer(|| OneLine::new(stderr(), Form::Text)).with_ansi(false).boxed()
    };
    let counted = Targets::new().with_target(STATEMENTS, Level::DEBUG).with_target("server::guard", Level::INFO);
    let subscriber =
        Registry::default().with(lines.with_filter(EnvFilter::new(&settings.filter))).with(CountStatements.with_filter(counted));
    // A second call, as in tests, keeps the first subscriber.
    if subscriber.try_init().is_ok() {
        // A panic is an event like any other: its own words, over several lines, would break the log.
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(place, panic = panic.payload_as_str().unwrap_or("(no text)"), "a panic");
        }));
    }
}

#[derive(Debug, Default)]
struct Statements(AtomicU32);

/// Counts the driver's statements on the request whose span they are in. What they say is not looked at.
struct CountStatements;

impl<S: Subscriber + for<'l> LookupSpan<'l>> Layer<S> for CountStatements {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().name() == REQUEST
            && let Some(span) = context.span(id)
        {
            span.extensions_mut().insert(Statements::default());
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if event.metadata().target() != STATEMENTS {
            return;
        }
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(statements) = span.extensions().get::<Statements>() {
                statements.0.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
    }
}

/// How many statements were sent inside a request's span so far; 0 where nothing counts them.
pub fn statements_of(span: &Span) -> u32 {
    let counted = span.with_subscriber(|(id, dispatch)| {
        let registry = dispatch.downcast_ref::<Registry>()?;
        let span = registry.span(id)?;
        span.extensions().get::<Statements>().map(|statements| statements.0.load(Ordering::Relaxed))
    });
    counted.flatten().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Instrument as _;

    #[tokio::test]
    async fn statements_count_for_the_request_they_were_sent_in() {
        let subscriber = Registry::default().with(CountStatements);
        let _guard = tracing::subscriber::set_default(subscriber);
        let span = tracing::info_span!("request", request.id = "x");
        let work = async {
            tracing::debug!(target: "sqlx::query", "SELECT 1");
            // Further in, as in a transaction of its own.
            async { tracing::debug!(target: "sqlx::query", "SELECT 2") }.instrument(tracing::info_span!("inner")).await;
            tracing::debug!(target: "elsewhere", "no statement");
        };
        work.instrument(span.clone()).await;
        tracing::debug!(target: "sqlx::query", "SELECT 3");
        assert_eq!(statements_of(&span), 2);
    }
}
