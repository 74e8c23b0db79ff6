//! What every request handler needs, made once.

use std::{collections::HashMap, sync::Arc};

use chassis::{Caller, Code, Fault, Peer, ready::Readiness};
use http::HeaderMap;
use tokio_util::sync::CancellationToken;

use crate::{
    Config,
    front::Client,
    identity::{self, Credential, Identity},
    openapi,
    pages::{Catalogue, Document},
    route::{self, Rpc, Table},
    streams::Streams,
    transcode::Plans,
};

/// The edge of one process.
pub(crate) struct Edge {
    pub(crate) plans: Plans,
    pub(crate) table: Table,
    /// Methods by their gRPC path.
    pub(crate) rpcs: HashMap<String, Arc<Rpc>>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) streams: Streams,
    pub(crate) openapi: Document,
    pub(crate) catalogue: Catalogue,
    pub(crate) readiness: Readiness,
    /// Cancelled when open streams have to end.
    pub(crate) stop: CancellationToken,
    pub(crate) config: Config,
    peers: HashMap<&'static str, Peer>,
}

/// A caller that may call, and what proved it.
pub(crate) struct Admitted {
    pub(crate) caller: Caller,
    pub(crate) credential: Option<Credential>,
    client: Client,
}

impl Edge {
    pub(crate) fn new(
        server: &chassis::Server,
        identity: Arc<Identity>,
        config: Config,
    ) -> anyhow::Result<Self> {
        let plans = Plans::compile(proto::pool());
        let rpcs = route::exposed();
        let table = Table::compile(&rpcs, &plans)?;
        let document = openapi::document(&table);
        Ok(Self {
            catalogue: Catalogue::new(openapi::Catalogue::of(&table, &document)),
            openapi: Document::new("application/json", document.to_string()),
            peers: rpcs
                .iter()
                .map(|rpc| (rpc.role, server.peer(rpc.role)))
                .collect(),
            rpcs: rpcs
                .into_iter()
                .map(|rpc| (rpc.path.path().to_owned(), rpc))
                .collect(),
            streams: Streams::new(config.streams_per_caller),
            readiness: server.readiness(),
            stop: server.shutdown(),
            plans,
            table,
            identity,
            config,
        })
    }

    /// Finds out who calls, and refuses kinds of caller that the RPC is not for.
    pub(crate) async fn admit(
        &self,
        headers: &HeaderMap,
        client: Client,
        rpc: &Rpc,
    ) -> Result<Admitted, Fault> {
        if rpc.is_public() {
            self.identity.may_guess(client.0).await?;
            return Ok(Admitted {
                caller: Caller::Anonymous,
                credential: None,
                client,
            });
        }
        let credential = Credential::of(headers)?;
        let caller = self.identity.caller(credential.as_ref(), client.0).await?;
        identity::admit(&caller, &rpc.allow)?;
        Ok(Admitted {
            caller,
            credential,
            client,
        })
    }

    /// To be called when an RPC has been answered, however, before the answer goes out.
    pub(crate) async fn answered(&self, rpc: &Rpc, admitted: &Admitted, failure: Option<Code>) {
        self.identity.forget_after(&admitted.caller, rpc.changes);
        if let (true, Some(code)) = (rpc.is_public(), failure) {
            self.identity.failed(admitted.client.0, code).await;
        }
    }

    /// The component that serves an RPC, called by this caller.
    pub(crate) fn peer(&self, rpc: &Rpc, caller: &Caller) -> Peer {
        self.peers[rpc.role].acting_as(caller.clone())
    }
}

impl Admitted {
    /// The kind of caller, for logs.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.caller {
            Caller::User(_) => "user",
            Caller::Agent(_) => "agent",
            Caller::Internal { .. } => "internal",
            Caller::Anonymous => "none",
        }
    }
}
