//! Calls to addresses that strangers name.
//!
//! A name is judged where it is resolved, for the connection that follows: between check and connection nobody can point it
//! elsewhere. A literal address is never resolved and is judged before the call. Nothing leads away from a judged address:
//! redirects are answers, and there is no proxy.

use std::{error::Error as _, sync::Arc, time::Duration};

use chassis::address::{self, Unusable};
use reqwest::{
    Client, Response, StatusCode,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{HeaderMap, RETRY_AFTER},
    redirect, retry,
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use url::Url;

use crate::endpoint;

/// What is read of an answer, bytes.
const ANSWER_MAX: usize = 1_024;
/// How long a connection waits for the next delivery to the same host.
const IDLE: Duration = Duration::from_secs(30);
/// How receivers know us.
const USER_AGENT: &str = concat!("MissionControl-Webhooks/", env!("CARGO_PKG_VERSION"));

/// Calls receivers.
pub(crate) struct Outbound {
    client: Client,
    allow_private: bool,
    timeout: Duration,
}

/// What a receiver answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub status: StatusCode,
    /// Pause that it asks for.
    pub retry_after: Option<Duration>,
    /// Its beginning.
    pub body: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("not called: {0}")]
    NotAllowed(Unusable),
    #[error("no answer within {}", humantime::format_duration(*.0))]
    Timeout(Duration),
    #[error("no connection: {0}")]
    Connect(String),
    #[error("no answer: {0}")]
    Broken(String),
}

impl Outbound {
    /// Trusts what the machine trusts. A machine that trusts nobody can still call `http`.
    pub(crate) fn new(allow_private: bool, timeout: Duration) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Arc::new(Judge { allow_private }))
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .no_proxy()
            .referer(false)
            .user_agent(USER_AGENT)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(1)
            .build()?;
        Ok(Self {
            client,
            allow_private,
            timeout,
        })
    }

    /// Posts a body once.
    pub(crate) async fn post(
        &self,
        url: Url,
        headers: HeaderMap,
        body: String,
    ) -> Result<Answer, Failure> {
        let is_private = |ip| !address::is_public(ip);
        if !self.allow_private && endpoint::literal(&url).is_some_and(is_private) {
            return Err(Failure::NotAllowed(Unusable::Private));
        }
        let request = self
            .client
            .post(url)
            .headers(headers)
            .body(body)
            .timeout(self.timeout);
        let response = request.send().await.map_err(|error| self.failure(error))?;
        Ok(answer(response).await)
    }

    fn failure(&self, error: reqwest::Error) -> Failure {
        if error.is_timeout() {
            return Failure::Timeout(self.timeout);
        }
        let is_connect = error.is_connect();
        match root(error) {
            Root::Unusable(unusable) => Failure::NotAllowed(unusable),
            Root::Text(text) if is_connect => Failure::Connect(text),
            Root::Text(text) => Failure::Broken(text),
        }
    }
}

/// The status counts, whatever becomes of the body.
async fn answer(mut response: Response) -> Answer {
    let (status, retry_after) = (response.status(), retry_after(&response));
    let mut body = Vec::new();
    while body.len() < ANSWER_MAX {
        let Ok(Some(chunk)) = response.chunk().await else {
            break;
        };
        let room = ANSWER_MAX - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    Answer {
        status,
        retry_after,
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}

/// `Retry-After` in seconds; a date is not understood.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    Some(Duration::from_secs(seconds.trim().parse().ok()?))
}

enum Root {
    Unusable(Unusable),
    Text(String),
}

/// What lies at the bottom of a failure. Its upper layers repeat the URL and the names of libraries.
fn root(error: reqwest::Error) -> Root {
    let mut deepest: &dyn std::error::Error = &error;
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(Unusable::Private) = inner.downcast_ref() {
            return Root::Unusable(Unusable::Private);
        }
        deepest = inner;
        source = inner.source();
    }
    Root::Text(deepest.to_string())
}

/// Resolves names, and answers nothing that may not be called.
struct Judge {
    allow_private: bool,
}

impl Resolve for Judge {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            // The port of the URL takes the place of 0.
            let found = address::lookup(name.as_str(), 0, allow_private).await?;
            let found: Addrs = Box::new(found.into_iter());
            Ok(found)
        })
    }
}
