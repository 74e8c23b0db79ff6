//! Why a gateway did not do what was wanted, in words that callers can branch on and people can read.

use std::time::Duration;

use chassis::{Code, Explain, Fault, Violation, fault};
use serde_json::{Map, Value};

/// The ways in which a gateway fails. None of them carries a secret.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the gateway cannot be reached: {0}")]
    Unreachable(String),
    #[error("the gateway is busy; try again later")]
    Busy { retry_after: Option<Duration> },
    #[error("another replica of the connector has the session to the gateway; try again later")]
    HeldElsewhere { left: Duration },
    #[error("the gateway does not accept the token")]
    Unauthorized,
    #[error("the gateway wants this device to be approved first{}", named(request_id.as_ref()))]
    PairingRequired { request_id: Option<String> },
    #[error("the gateway does not grant the scope {scope}")]
    ScopeMissing { scope: String },
    #[error("the gateway is not compatible: {0}")]
    Incompatible(String),
    #[error("no trusted TLS connection to the gateway: {0}")]
    Tls(String),
    #[error("the gateway refused {method}: {message}")]
    Refused { method: String, message: String },
    /// Whether it is a link, which stays, or is being written, which passes, the gateway does not say.
    #[error(
        "the gateway refused {method} for a file that is a link or is being written: {message}"
    )]
    FileUnsafe { method: String, message: String },
    /// Seen since August 2026 on one that was killed while it took over a change: for five minutes it takes over no other.
    #[error("the gateway does not act on its own configuration yet")]
    Stuck,
    #[error("the gateway did not answer {method} in time")]
    Timeout { method: String },
    #[error("the gateway does not know the method {method}")]
    Unsupported { method: String },
    #[error("the gateway has no such agent")]
    NoSuchAgent,
    #[error("this installation does not call the address of the gateway: {0}")]
    AddressRefused(&'static str),
    #[error("news of the gateway was not read fast enough")]
    TooSlow,
    #[error(transparent)]
    Invalid(#[from] Fault),
}

/// The request that somebody has to approve on the gateway, where it has named one.
fn named(request_id: Option<&String>) -> String {
    request_id.map_or_else(String::new, |id| format!(": request {id}"))
}

impl Error {
    /// Whether connecting again without any change may help.
    pub(crate) fn passes(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Busy { .. } | Self::Stuck | Self::Timeout { .. } => true,
            Self::Invalid(fault) => fault.code == Code::Unavailable,
            Self::HeldElsewhere { .. }
            | Self::Unauthorized
            | Self::PairingRequired { .. }
            | Self::ScopeMissing { .. }
            | Self::Incompatible(_)
            | Self::Tls(_)
            | Self::Refused { .. }
            | Self::FileUnsafe { .. }
            | Self::Unsupported { .. }
            | Self::NoSuchAgent
            | Self::AddressRefused(_)
            | Self::TooSlow => false,
        }
    }
}

impl Explain for Error {
    fn code(&self) -> Code {
        match self {
            Self::Unreachable(_)
            | Self::Busy { .. }
            | Self::HeldElsewhere { .. }
            | Self::Stuck
            | Self::FileUnsafe { .. }
            | Self::Timeout { .. } => Code::Unavailable,
            Self::Unauthorized => Code::Unauthenticated,
            Self::PairingRequired { .. }
            | Self::ScopeMissing { .. }
            | Self::Incompatible(_)
            | Self::Tls(_)
            | Self::Unsupported { .. }
            | Self::Refused { .. } => Code::Conflict,
            Self::NoSuchAgent => Code::NotFound,
            Self::AddressRefused(_) => Code::Invalid,
            Self::TooSlow => Code::TooMany,
            Self::Invalid(fault) => fault.code,
        }
    }

    fn reason(&self) -> &str {
        match self {
            Self::Unreachable(_) => "GATEWAY_UNREACHABLE",
            Self::Busy { .. } | Self::HeldElsewhere { .. } => "GATEWAY_BUSY",
            Self::Unauthorized => "GATEWAY_UNAUTHORIZED",
            Self::PairingRequired { .. } => "GATEWAY_PAIRING_REQUIRED",
            Self::ScopeMissing { .. } => "GATEWAY_SCOPE_MISSING",
            Self::Incompatible(_) => "GATEWAY_INCOMPATIBLE",
            Self::Tls(_) => "GATEWAY_TLS",
            Self::Refused { .. } => "GATEWAY_REFUSED",
            Self::FileUnsafe { .. } => "GATEWAY_FILE_UNSAFE",
            Self::Stuck => "GATEWAY_STUCK",
            Self::Timeout { .. } => "GATEWAY_TIMEOUT",
            Self::Unsupported { .. } => "GATEWAY_UNSUPPORTED",
            Self::NoSuchAgent => "GATEWAY_AGENT_NOT_FOUND",
            Self::AddressRefused(_) => "GATEWAY_ADDRESS_REFUSED",
            Self::TooSlow => "GATEWAY_WATCH_TOO_SLOW",
            Self::Invalid(fault) => &fault.reason,
        }
    }

    fn fields(&self) -> Vec<Violation> {
        match self {
            Self::Invalid(fault) => fault.fields.clone(),
            Self::AddressRefused(why) => vec![Violation {
                field: "url".into(),
                reason: self.reason().to_owned(),
                message: (*why).to_owned(),
            }],
            _ => Vec::new(),
        }
    }

    fn facts(&self) -> Map<String, Value> {
        let (name, value) = match self {
            Self::PairingRequired {
                request_id: Some(id),
            } => ("pairing_request_id", id),
            Self::ScopeMissing { scope } => ("scope", scope),
            Self::Refused { method, .. }
            | Self::FileUnsafe { method, .. }
            | Self::Timeout { method }
            | Self::Unsupported { method } => ("method", method),
            _ => return Map::new(),
        };
        Map::from_iter([(name.to_owned(), Value::from(value.as_str()))])
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after } => *retry_after,
            Self::HeldElsewhere { left } => Some(*left),
            _ => None,
        }
    }
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        let status = fault::status(&error);
        match error {
            // The contract tells a deadline from other kinds of being away.
            Error::Timeout { .. } => tonic::Status::with_details(
                tonic::Code::DeadlineExceeded,
                status.message(),
                status.details().to_vec().into(),
            ),
            _ => status,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_the_code_and_reason_of_the_contract() {
        let text = String::new;
        let table = [
            (
                Error::Unreachable(text()),
                tonic::Code::Unavailable,
                "GATEWAY_UNREACHABLE",
            ),
            (
                Error::Busy { retry_after: None },
                tonic::Code::Unavailable,
                "GATEWAY_BUSY",
            ),
            (
                Error::HeldElsewhere {
                    left: Duration::ZERO,
                },
                tonic::Code::Unavailable,
                "GATEWAY_BUSY",
            ),
            (
                Error::Unauthorized,
                tonic::Code::Unauthenticated,
                "GATEWAY_UNAUTHORIZED",
            ),
            (
                Error::PairingRequired { request_id: None },
                tonic::Code::FailedPrecondition,
                "GATEWAY_PAIRING_REQUIRED",
            ),
            (
                Error::ScopeMissing { scope: text() },
                tonic::Code::FailedPrecondition,
                "GATEWAY_SCOPE_MISSING",
            ),
            (
                Error::Incompatible(text()),
                tonic::Code::FailedPrecondition,
                "GATEWAY_INCOMPATIBLE",
            ),
            (
                Error::Tls(text()),
                tonic::Code::FailedPrecondition,
                "GATEWAY_TLS",
            ),
            (
                Error::Refused {
                    method: text(),
                    message: text(),
                },
                tonic::Code::FailedPrecondition,
                "GATEWAY_REFUSED",
            ),
            (
                Error::Timeout { method: text() },
                tonic::Code::DeadlineExceeded,
                "GATEWAY_TIMEOUT",
            ),
            (Error::Stuck, tonic::Code::Unavailable, "GATEWAY_STUCK"),
            (
                Error::FileUnsafe {
                    method: text(),
                    message: text(),
                },
                tonic::Code::Unavailable,
                "GATEWAY_FILE_UNSAFE",
            ),
            (
                Error::Unsupported { method: text() },
                tonic::Code::FailedPrecondition,
                "GATEWAY_UNSUPPORTED",
            ),
            (
                Error::NoSuchAgent,
                tonic::Code::NotFound,
                "GATEWAY_AGENT_NOT_FOUND",
            ),
            (
                Error::AddressRefused("it is private"),
                tonic::Code::InvalidArgument,
                "GATEWAY_ADDRESS_REFUSED",
            ),
            (
                Error::TooSlow,
                tonic::Code::ResourceExhausted,
                "GATEWAY_WATCH_TOO_SLOW",
            ),
        ];
        for (error, code, reason) in table {
            let status = tonic::Status::from(error);
            assert_eq!(status.code(), code, "{reason}");
            assert_eq!(fault::read(&status).reason, reason);
        }
    }
}
