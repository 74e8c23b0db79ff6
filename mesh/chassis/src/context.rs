//! The request that is being served: its id and trace travel with every call and event that it causes.

use std::{collections::HashMap, future::Future};

use opentelemetry::propagation::{Extractor, Injector};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Metadata key of the request id.
pub const REQUEST_ID_HEADER: &str = "x-request-id";
/// Metadata key of the W3C trace context.
pub const TRACEPARENT_HEADER: &str = "traceparent";

/// What belongs to one request across hops.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    pub request_id: Option<String>,
    pub traceparent: Option<String>,
}

tokio::task_local! {
    static CURRENT: Context;
}

/// The context of the request that this task serves; empty outside of one. The trace is that of the present span.
pub fn current() -> Context {
    let mut context = CURRENT.try_with(Clone::clone).unwrap_or_default();
    if let Some(traceparent) = traceparent_of(&tracing::Span::current()) {
        context.traceparent = Some(traceparent);
    }
    context
}

/// Runs a future as part of a request.
pub async fn scope<F: Future>(context: Context, future: F) -> F::Output {
    CURRENT.scope(context, future).await
}

/// Makes a span continue the trace of a context, or begin one, and writes the trace's id into the span's field `trace.id`
/// where it has one, so that log lines carry it.
pub fn adopt(span: &tracing::Span, traceparent: Option<&str>) {
    if let Some(traceparent) = traceparent {
        let carrier = Carrier(HashMap::from([(
            TRACEPARENT_HEADER.to_owned(),
            traceparent.to_owned(),
        )]));
        let parent = opentelemetry::global::get_text_map_propagator(|propagator| {
            propagator.extract(&carrier)
        });
        // Fails only when no OpenTelemetry layer is installed, and then there is no trace to continue.
        let _ = span.set_parent(parent);
    }
    if let Some(trace_id) = traceparent_of(span).as_deref().and_then(trace_id) {
        span.record("trace.id", trace_id);
    }
}

/// The second part of a W3C `traceparent`.
fn trace_id(traceparent: &str) -> Option<&str> {
    traceparent.split('-').nth(1)
}

fn traceparent_of(span: &tracing::Span) -> Option<String> {
    let mut carrier = Carrier(HashMap::new());
    let context = span.context();
    opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&context, &mut carrier);
    });
    carrier.0.remove(TRACEPARENT_HEADER)
}

struct Carrier(HashMap<String, String>);

impl Extractor for Carrier {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }
    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

impl Injector for Carrier {
    fn set(&mut self, key: &str, value: String) {
        self.0.insert(key.to_owned(), value);
    }
}
