//! What tests measure.

use std::sync::{
    Arc, LazyLock,
    atomic::{AtomicU64, Ordering},
};

use tracing::{Event, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

static COUNTER: LazyLock<Arc<AtomicU64>> = LazyLock::new(|| {
    let counter = Arc::new(AtomicU64::new(0));
    let layer = Counting(Arc::clone(&counter)).with_filter(LevelFilter::DEBUG);
    tracing::subscriber::set_global_default(Registry::default().with(layer))
        .expect("nothing else in a test process collects traces");
    counter
});

/// How many SQL statements the RPCs of this process have issued so far. What runs beside them is not counted. Ask before
/// the server starts as well: spans that began earlier are not seen.
pub fn statements() -> u64 {
    COUNTER.load(Ordering::SeqCst)
}

struct Counting(Arc<AtomicU64>);

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
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}
