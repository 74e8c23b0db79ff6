//! What tests measure.

use std::{cell::Cell, sync::LazyLock};

use tracing::{Event, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

static COUNTING: LazyLock<()> = LazyLock::new(|| {
    let layer = Counting.with_filter(LevelFilter::DEBUG);
    tracing::subscriber::set_global_default(Registry::default().with(layer))
        .expect("nothing else in a test process collects traces");
});

/// How many SQL statements RPCs have issued on this thread so far. What runs beside them is not counted. A test on a database
/// of its own runs on one thread, its server included, so this is its count and nobody else's. Ask before the server
/// starts as well: spans that began earlier are not seen.
pub fn statements() -> u64 {
    LazyLock::force(&COUNTING);
    COUNT.get()
}

struct Counting;

impl<S> Layer<S> for Counting
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let in_rpc = || {
            context
                .event_scope(event)
                .is_some_and(|mut scope| scope.any(|span| span.name() == "rpc"))
        };
        if event.metadata().target() == "sqlx::query" && in_rpc() {
            COUNT.set(COUNT.get() + 1);
        }
    }
}
