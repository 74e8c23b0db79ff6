//! Which browsers may call from elsewhere.

use axum::{body::Body, extract::Request, response::Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use crate::config::Origins;

/// How long a browser may remember a preflight, seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
const METHODS: HeaderValue =
    HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
/// Response headers that scripts may read.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "x-request-id, etag, retry-after, x-total-count, x-limit, x-offset, grpc-status, grpc-message, grpc-status-details-bin",
);

/// The origins of the configuration; none turns CORS off.
pub(super) struct Cors(Origins);

/// What an `Origin` header means.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Origin {
    /// CORS is off.
    Off,
    /// No browser from elsewhere, or one that may not.
    Other,
    /// May call, with credentials.
    Listed(HeaderValue),
    /// May call, as everybody may.
    Any,
}

impl Cors {
    pub(super) fn new(origins: Origins) -> Self {
        Self(origins)
    }

    pub(super) fn origin(&self, headers: &HeaderMap) -> Origin {
        if self.0.listed.is_empty() && !self.0.any {
            return Origin::Off;
        }
        match headers.get(header::ORIGIN) {
            Some(origin)
                if self
                    .0
                    .listed
                    .iter()
                    .any(|listed| listed.as_bytes() == origin.as_bytes()) =>
            {
                Origin::Listed(origin.clone())
            }
            Some(_) if self.0.any => Origin::Any,
            _ => Origin::Other,
        }
    }

    /// The answer to a browser that asks before it calls; `None` for every other request.
    pub(super) fn preflight(&self, request: &Request) -> Option<Response> {
        let headers = request.headers();
        let origin = self.origin(headers);
        let asks = request.method() == Method::OPTIONS
            && headers.contains_key(header::ORIGIN)
            && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if !asks || origin == Origin::Off {
            return None;
        }
        let admitted = origin != Origin::Other;
        let mut response = Response::new(Body::from(if admitted {
            "OK"
        } else {
            "this origin may not call"
        }));
        let wanted = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
        let answer = response.headers_mut();
        answer.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        if admitted {
            answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            answer.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
            if let Some(wanted) = wanted {
                answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted);
            }
        } else {
            *response.status_mut() = StatusCode::BAD_REQUEST;
        }
        Some(response)
    }

    /// Marks a response for the browser.
    pub(super) fn stamp(&self, origin: Origin, headers: &mut HeaderMap) {
        if origin == Origin::Off {
            return;
        }
        headers.append(header::VARY, HeaderValue::from_static("origin"));
        let allowed = match origin {
            Origin::Off | Origin::Other => return,
            Origin::Any => HeaderValue::from_static("*"),
            Origin::Listed(origin) => {
                headers.insert(
                    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
                    HeaderValue::from_static("true"),
                );
                origin
            }
        };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}
