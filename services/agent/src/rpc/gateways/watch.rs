//! Following what a gateway tells by itself.

use std::time::Duration;

use chassis::Fault;
use proto::{agent::v1::WatchGatewayResponse, gateway::v1::WatchResponse};
use tonic::{Status, codegen::BoxStream};

use super::{Desk, within};
use crate::{connector::Failure, error::Error, gateway::Gateway, store};

/// How often it is looked whether the gateway is still the one that is watched.
const LOOK: Duration = Duration::from_secs(15);

impl Desk {
    /// Passes on what the connector hears. Ends when the gateway is gone or is reached in another way than when the watch
    /// began, and when the connector ends it.
    pub(super) async fn watch(
        &self,
        gateway: Gateway,
    ) -> Result<BoxStream<WatchGatewayResponse>, Error> {
        let mut heard = within(self.connector.watch(&gateway)).await?;
        let desk = self.clone();
        Ok(Box::pin(async_stream::try_stream! {
            let mut look = tokio::time::interval(LOOK);
            loop {
                let next = tokio::select! {
                    event = heard.message() => next(event),
                    _ = look.tick() => desk.still(&gateway).await.map(|()| None),
                };
                if let Some(event) = next? {
                    yield passed_on(&gateway, event);
                }
            }
        }))
    }

    async fn still(&self, watched: &Gateway) -> Result<(), Status> {
        let mut conn = self.pool.acquire().await.map_err(Error::from)?;
        let found = store::gateways::find(&mut conn, watched.id).await;
        let now = super::owned(found.map_err(Error::from)?, watched.organization_id)?;
        let way = |gateway: &Gateway| {
            (
                gateway.url.clone(),
                gateway.token_sealed.clone(),
                gateway.allow_insecure_tls,
                gateway.disable_device_pairing,
            )
        };
        if way(&now) == way(watched) {
            Ok(())
        } else {
            Err(ended())
        }
    }
}

/// What the connector said last: an event, or why it says no more.
fn next(said: Result<Option<WatchResponse>, Status>) -> Result<Option<WatchResponse>, Status> {
    match said {
        Ok(Some(event)) => Ok(Some(event)),
        Ok(None) => Err(ended()),
        Err(status) => Err(Error::from(Failure::from(status)).into()),
    }
}

fn ended() -> Status {
    let mut fault = Fault::unavailable("GATEWAY_WATCH_ENDED", "watch the gateway again");
    fault.retry_after = Some(Duration::from_secs(1));
    fault.into()
}

fn passed_on(gateway: &Gateway, event: WatchResponse) -> WatchGatewayResponse {
    WatchGatewayResponse {
        gateway_id: gateway.id.to_string(),
        r#type: event.r#type,
        at: event.at,
        payload: event.payload,
    }
}
