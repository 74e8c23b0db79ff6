//! One line and one measurement per request, made when its response begins.

use std::{
    borrow::Cow,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{extract::Request, response::Response};
use http::Method;

use crate::{Config, problem::FailureCode, route::Rpc};

/// Requests that nobody reads about.
const HEALTH: [&str; 3] = ["/health", "/healthz", "/readyz"];
/// Longest path that is logged when it belongs to no route, bytes.
const LONGEST_PATH: usize = 200;

/// How codes begin that say that a gateway, or the directory of souls, is not there: nothing of ours has failed.
const ELSEWHERE: [&str; 2] = ["gateway_", "souls_directory_"];

/// How the front logs.
pub(super) struct Log {
    slow: Option<Duration>,
    include_health: bool,
}

/// What served a request; handlers leave it in the response's extensions.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    /// `rest`, `sse`, `grpc` or `page`.
    pub(crate) protocol: &'static str,
    pub(crate) rpc: Option<Arc<Rpc>>,
    /// The path with the names of its fields.
    pub(crate) template: Cow<'static, str>,
    /// Kind of caller.
    pub(crate) caller: &'static str,
}

/// A request that is being served.
pub(super) struct Line {
    method: Method,
    path: String,
    client: IpAddr,
    id: String,
    began: Instant,
}

impl Line {
    pub(super) fn begin(request: &Request, client: IpAddr, id: &str, began: Instant) -> Self {
        let path = request.uri().path();
        let end = path.floor_char_boundary(LONGEST_PATH);
        Self {
            method: request.method().clone(),
            path: path[..end].to_owned(),
            client,
            id: id.to_owned(),
            began,
        }
    }
}

impl Log {
    pub(super) fn new(config: &Config) -> Self {
        let slow =
            Some(Duration::from_millis(config.request_log_slow_ms)).filter(|slow| !slow.is_zero());
        Self {
            slow,
            include_health: config.request_log_include_health,
        }
    }

    pub(super) fn end(&self, line: Line, response: &Response) {
        let took = line.began.elapsed();
        let status = response.status().as_u16();
        let served = response.extensions().get::<Served>();
        let protocol = served.map_or("page", |served| served.protocol);
        let rpc = served
            .and_then(|served| served.rpc.as_deref())
            .map_or("", Rpc::label);
        metrics::histogram!(
            "mission_edge_request_seconds",
            "protocol" => protocol, "rpc" => rpc.to_owned(), "status" => status.to_string(),
        )
        .record(took.as_secs_f64());

        if !self.include_health && HEALTH.contains(&line.path.as_str()) {
            return;
        }
        let Line {
            method,
            path,
            client,
            id,
            ..
        } = line;
        let template = served.map_or(path.as_str(), |served| &served.template);
        let caller = served.map_or("none", |served| served.caller);
        let duration_ms = took.as_secs_f64() * 1_000.0;
        let code = response.extensions().get::<FailureCode>();
        let code = code.map_or("", |code| code.0.as_str());
        let slow = self.slow.is_some_and(|slow| took >= slow);
        // The level is part of a log statement's identity, so there is one for each.
        macro_rules! line {
            ($level:ident, $message:literal) => {
                tracing::$level!(
                    %method, path = template, status, duration_ms, client_ip = %client, request_id = id, caller, protocol, rpc, code, $message
                )
            };
        }
        if status >= 500 && ELSEWHERE.iter().any(|start| code.starts_with(start)) {
            line!(warn, "request unanswered elsewhere");
        } else if status >= 500 {
            line!(error, "request failed");
        } else if slow {
            line!(warn, "slow request");
        } else {
            line!(info, "request");
        }
    }
}
