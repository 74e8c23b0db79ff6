//! Passing requests on to the replica that holds the gateway.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chassis::{Peer, fault, peer::Dialer};
use proto::gateway::v1::connector_service_client::ConnectorServiceClient;
use tonic::{Request, Response, Status, metadata::MetadataValue};
use url::Url;

use crate::{ROLE, error::Error};

/// Metadata of a request that was passed on already: it is not passed on again.
const PASSED_ON: &str = "x-mission-passed-on";
/// How long the caller waits, which has to hold for the whole way.
const TIMEOUT: &str = "grpc-timeout";
/// Bytes of an answer: histories are long.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// The other replicas, by address.
pub(crate) struct Replicas {
    dialer: Dialer,
    known: Mutex<HashMap<String, Peer>>,
}

/// The replica that holds a gateway.
pub(crate) struct Holder {
    peer: Peer,
    /// When its lease expires unless it renews it.
    left: Duration,
}

impl Replicas {
    pub(crate) fn new(dialer: Dialer) -> Self {
        Self {
            dialer,
            known: Mutex::default(),
        }
    }

    /// The replica at this address, unless no request can get there.
    pub(crate) fn holder(&self, address: Option<&Url>, left: Duration) -> Result<Holder, Error> {
        let unreachable = || Error::HeldElsewhere { left };
        let address = address.ok_or_else(unreachable)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let peer = match known.get(address.as_str()) {
            Some(peer) => peer.clone(),
            None => {
                let peer = self.dialer.replica(ROLE, address).map_err(|error| {
                    tracing::warn!(%address, %error, "a replica cannot be called");
                    unreachable()
                })?;
                // Replicas come and go with their addresses.
                if known.len() >= 64 {
                    known.clear();
                }
                known.insert(address.to_string(), peer.clone());
                peer
            }
        };
        Ok(Holder { peer, left })
    }
}

impl Holder {
    pub(crate) fn client(&self) -> ConnectorServiceClient<Peer> {
        ConnectorServiceClient::new(self.peer.clone()).max_decoding_message_size(MAX_ANSWER)
    }

    /// The request as it is passed on.
    pub(crate) fn mark<T>(&self, request: Request<T>) -> Request<T> {
        let deadline = request.metadata().get(TIMEOUT).cloned();
        let mut marked = Request::new(request.into_inner());
        let metadata = marked.metadata_mut();
        metadata.insert(PASSED_ON, MetadataValue::from_static("1"));
        if let Some(deadline) = deadline {
            metadata.insert(TIMEOUT, deadline);
        }
        marked
    }

    /// The answer as it is passed back. A holder that cannot be reached holds the gateway all the same, for a while.
    pub(crate) fn settle<T>(
        &self,
        answer: Result<Response<T>, Status>,
    ) -> Result<Response<T>, Status> {
        answer.map_err(|status| {
            if fault::read(&status).reason == "PEER_UNAVAILABLE" {
                Error::HeldElsewhere { left: self.left }.into()
            } else {
                status
            }
        })
    }
}

/// Whether another replica has passed this request on.
pub(crate) fn was_passed_on<T>(request: &Request<T>) -> bool {
    request.metadata().contains_key(PASSED_ON)
}
