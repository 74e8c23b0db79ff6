//! What can become of one request on one connection.

use crate::{error::Error, refusal::Refusal};

/// Why a request brought no payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// The connection ended first: whether the request took effect is not known.
    Lost,
    /// No response in time: not known either.
    TimedOut,
    /// No free place among the requests in flight; it was not sent.
    Crowded,
    /// Larger than the gateway takes; it was not sent.
    TooLarge,
    Refused(Refusal),
}

impl Failed {
    /// The failure as callers see it.
    pub(crate) fn to_error(&self, method: &str, secret: Option<&str>) -> Error {
        match self {
            Self::Lost => {
                Error::Unreachable(format!("the connection keeps ending during {method}"))
            }
            Self::TimedOut => Error::Timeout {
                method: method.to_owned(),
            },
            Self::Crowded => Error::Busy { retry_after: None },
            Self::TooLarge => Error::Refused {
                method: method.to_owned(),
                message: "the request is larger than the gateway takes".to_owned(),
            },
            Self::Refused(refusal) => refusal.to_error(method, secret),
        }
    }
}
