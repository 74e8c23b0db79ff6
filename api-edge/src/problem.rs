//! What a caller over HTTP is told when a request fails: RFC 9457.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use chassis::{Code, Fault, context};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

/// The code of a failure, kept with its answer for the log.
#[derive(Clone, Debug)]
pub(crate) struct FailureCode(pub(crate) String);

/// A failure on its way to an HTTP caller.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    fault: Box<Fault>,
    allow: Option<HeaderValue>,
}

pub(crate) type Result<T> = std::result::Result<T, Problem>;

impl Problem {
    /// A failure whose status is not one of the nine of the mesh.
    pub(crate) fn new(status: StatusCode, reason: &str, message: impl Into<String>) -> Self {
        let code = match status {
            StatusCode::NOT_FOUND => Code::NotFound,
            _ if status.is_server_error() => Code::Internal,
            _ => Code::Invalid,
        };
        Self {
            status,
            fault: Box::new(Fault::new(code, reason, message)),
            allow: None,
        }
    }

    pub(crate) fn not_found() -> Self {
        Fault::not_found("NOT_FOUND", "nothing is served under this path").into()
    }

    /// The path is served, under these methods only.
    pub(crate) fn method_not_allowed(methods: &str) -> Self {
        let mut problem = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "METHOD_NOT_ALLOWED",
            format!("this path is served under {methods}"),
        );
        problem.allow = HeaderValue::from_str(methods).ok();
        problem
    }

    pub(crate) fn internal() -> Self {
        Fault::new(Code::Internal, "INTERNAL", "internal error").into()
    }

    /// Adds the field that is at fault.
    pub(crate) fn at(mut self, field: &str, reason: &str) -> Self {
        let message = self.fault.message.clone();
        self.fault.fields.push(chassis::Violation {
            field: field.to_owned(),
            reason: reason.to_owned(),
            message,
        });
        self
    }

    fn body(&self) -> Value {
        let fault = &self.fault;
        let mut body = Map::new();
        body.insert("type".into(), json!("about:blank"));
        body.insert(
            "title".into(),
            json!(self.status.canonical_reason().unwrap_or("Error")),
        );
        body.insert("status".into(), json!(self.status.as_u16()));
        body.insert("detail".into(), json!(fault.message));
        body.insert("code".into(), json!(fault.rest_code()));
        body.insert("request_id".into(), json!(context::current().request_id));
        body.insert("retryable".into(), json!(fault.code.retryable()));
        if !fault.fields.is_empty() {
            let errors = fault.fields.iter().map(|violation| {
                json!({
                    "field": violation.field,
                    "reason": violation.reason.to_ascii_lowercase(),
                    "message": violation.message,
                })
            });
            body.insert("errors".into(), errors.collect());
        }
        for (name, value) in &fault.facts {
            // A fact cannot take the place of a member that every problem has.
            body.entry(name).or_insert_with(|| value.clone());
        }
        Value::Object(body)
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let status = match fault.reason.as_str() {
            "DEADLINE_EXCEEDED" => StatusCode::GATEWAY_TIMEOUT,
            "UNIMPLEMENTED" => StatusCode::NOT_IMPLEMENTED,
            "AMBIGUOUS_CREDENTIALS" => StatusCode::BAD_REQUEST,
            _ => {
                StatusCode::from_u16(fault.code.http()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
        };
        Self {
            status,
            fault: Box::new(fault),
            allow: None,
        }
    }
}

impl From<tonic::Status> for Problem {
    fn from(status: tonic::Status) -> Self {
        let mut fault = chassis::fault::read(&status);
        if fault.code == Code::Internal {
            "internal error".clone_into(&mut fault.message);
        }
        fault.into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body().to_string()));
        *response.status_mut() = self.status;
        let code = FailureCode(self.fault.rest_code());
        response.extensions_mut().insert(code);
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"mission-control\""),
            );
        }
        if let Some(after) = self.fault.retry_after {
            headers.insert(
                header::RETRY_AFTER,
                HeaderValue::from(after.as_secs_f64().ceil() as u64),
            );
        }
        if let Some(allow) = self.allow {
            headers.insert(header::ALLOW, allow);
        }
        response
    }
}
