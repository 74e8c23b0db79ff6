//! Finding out what a gateway is.

use std::sync::Arc;

use serde_json::json;
use tokio::time::Instant;

use crate::{error::Error, gateway::Gateway};

/// What a gateway is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Probed {
    pub version: String,
    pub protocol: i32,
    pub latency_ms: i64,
}

/// Connects, even if that failed a moment ago, and measures a round trip.
pub(crate) async fn probe(gateway: &Arc<Gateway>) -> Result<Probed, Error> {
    let session = gateway.session_now().await?;
    let started = Instant::now();
    gateway.call("health", &json!({})).await?;
    let latency_ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
    Ok(Probed {
        version: session.hello.version.clone(),
        protocol: session.hello.protocol,
        latency_ms,
    })
}
