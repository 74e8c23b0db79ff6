//! Calling another component: the same call whether it is in this process or behind a URL.

use std::{
    collections::HashMap,
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderName, HeaderValue, Request, Response};
use tonic::{
    body::Body,
    transport::{Channel, Endpoint},
};
use tower::{Service, ServiceExt};
use url::Url;

use crate::{Caller, Fault, Keyring, context, keyring::CALLER_HEADER};

/// A transport for generated clients. Each call carries who calls, the request id and the trace.
#[derive(Clone)]
pub struct Peer {
    role: &'static str,
    caller: Arc<Caller>,
    directory: Directory,
}

impl Peer {
    pub(crate) fn new(role: &'static str, caller: Caller, directory: Directory) -> Self {
        Self {
            role,
            caller: Arc::new(caller),
            directory,
        }
    }

    /// The same peer, called by somebody else.
    #[must_use]
    pub fn acting_as(&self, caller: Caller) -> Self {
        Self {
            caller: Arc::new(caller),
            ..self.clone()
        }
    }
}

/// Makes transports to single replicas, whose addresses come to light only while the process runs.
#[derive(Clone)]
pub struct Dialer(Keyring);

impl Dialer {
    pub(crate) fn new(keyring: Keyring) -> Self {
        Self(keyring)
    }

    /// The replica of a role at this address, called by a component of the mesh on nobody's behalf. The connection comes
    /// about on first use.
    pub fn replica(&self, role: &'static str, url: &Url) -> anyhow::Result<Peer> {
        let directory = Directory::new(self.0.clone(), &[(role.to_owned(), url.clone())])?;
        let caller = Caller::Internal {
            service: "mesh".into(),
        };
        Ok(Peer::new(role, caller, directory))
    }
}

/// Where each role is.
#[derive(Clone)]
pub struct Directory(Arc<Inner>);

struct Inner {
    keyring: Keyring,
    local: OnceLock<Local>,
    remote: HashMap<String, Channel>,
}

struct Local {
    roles: Vec<&'static str>,
    router: axum::Router,
}

/// How long a connection to a peer may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

impl Directory {
    /// A directory of the peers behind URLs. Connections come about on first use.
    pub fn new(keyring: Keyring, remote: &[(String, Url)]) -> anyhow::Result<Self> {
        let mut channels = HashMap::new();
        for (role, url) in remote {
            let endpoint = Endpoint::from_shared(url.to_string())?
                .connect_timeout(CONNECT_TIMEOUT)
                .http2_keep_alive_interval(Duration::from_secs(20))
                .keep_alive_while_idle(true)
                .tcp_nodelay(true)
                .initial_connection_window_size(4 * 1024 * 1024)
                .initial_stream_window_size(2 * 1024 * 1024);
            channels.insert(role.clone(), endpoint.connect_lazy());
        }
        Ok(Self(Arc::new(Inner {
            keyring,
            local: OnceLock::new(),
            remote: channels,
        })))
    }

    /// Makes the roles of this process reachable without a network.
    pub(crate) fn bind(&self, roles: Vec<&'static str>, router: axum::Router) {
        // A second binding cannot happen: only `Server::start` and `Server::run` bind, and each consumes the server.
        let _ = self.0.local.set(Local { roles, router });
    }

    /// Roles that are behind a URL, with the transport to ask for their health.
    pub(crate) fn remotes(&self) -> Vec<(String, Channel)> {
        self.0
            .remote
            .iter()
            .map(|(role, channel)| (role.clone(), channel.clone()))
            .collect()
    }

    /// Whether calls to the role stay in this process.
    fn local(&self, role: &str) -> Option<axum::Router> {
        self.0
            .local
            .get()
            .filter(|local| local.roles.contains(&role))
            .map(|local| local.router.clone())
    }
}

impl Service<Request<Body>> for Peer {
    type Response = Response<Body>;
    type Error = tonic::Status;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        self.label(&mut request);
        if let Some(router) = self.directory.local(self.role) {
            return Box::pin(async move {
                let answer: Result<_, Infallible> =
                    router.oneshot(request.map(axum::body::Body::new)).await;
                Ok(answer.unwrap_or_else(|never| match never {}).map(Body::new))
            });
        }
        let (role, channel) = (self.role, self.directory.0.remote.get(self.role).cloned());
        Box::pin(async move {
            let channel = channel.ok_or_else(|| unreachable_peer(role, "it is not configured"))?;
            channel
                .oneshot(request)
                .await
                .map_err(|error| unreachable_peer(role, &crate::fault::chain(&error)))
        })
    }
}

impl Peer {
    fn label(&self, request: &mut Request<Body>) {
        let context = context::current();
        let headers = request.headers_mut();
        let mut set = |name: &'static str, value: Option<String>| {
            if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        set(
            CALLER_HEADER,
            Some(self.directory.0.keyring.sign(&self.caller)),
        );
        set(context::REQUEST_ID_HEADER, context.request_id);
        set(context::TRACEPARENT_HEADER, context.traceparent);
    }
}

fn unreachable_peer(role: &str, why: &str) -> tonic::Status {
    tracing::warn!(peer = role, why, "peer cannot be reached");
    Fault::unavailable(
        "PEER_UNAVAILABLE",
        format!("the {role} service cannot be reached"),
    )
    .into()
}
