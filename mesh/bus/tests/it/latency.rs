//! How long it takes from a commit to a handler.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use proto::event::v1::Event;
use sqlx::PgConnection;
use tokio::sync::mpsc;

use crate::support::{World, event, on_both_transports};

/// The goal is 10 ms on an idle machine; a test machine is not idle, and a fixed sleep anywhere would take longer still.
const LIMIT: Duration = Duration::from_millis(100);

on_both_transports!(a_handler_runs_soon_after_the_commit);

struct Watch(mpsc::UnboundedSender<Instant>);

#[async_trait]
impl bus::Handler for Watch {
    async fn handle(&self, _tx: &mut PgConnection, _event: &Event) -> anyhow::Result<()> {
        Ok(self.0.send(Instant::now())?)
    }
}

async fn a_handler_runs_soon_after_the_commit(world: World) {
    let (send, mut receive) = mpsc::unbounded_channel();
    let _relay = world.relay();
    let _consumer = world.consumer("a", &["#"], Watch(send)).await;
    let mut latencies = Vec::new();
    for _ in 0..51 {
        world.tell(&[event()]).await;
        let committed = Instant::now();
        let handled = receive.recv().await.unwrap();
        latencies.push(handled.saturating_duration_since(committed));
    }
    latencies.sort();
    println!(
        "commit to handler: median {:?}, worst {:?}",
        latencies[25], latencies[50]
    );
    assert!(latencies[25] < LIMIT, "median {:?}", latencies[25]);
}
