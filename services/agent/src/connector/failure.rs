//! Why the connector did not do what was asked.

use std::time::Duration;

use chassis::{Code, Fault, fault};

use crate::error::Error;

/// Why the connector did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {message}")]
pub(crate) struct Failure {
    /// As clients read codes: `gateway_unreachable`.
    pub reason: String,
    pub message: String,
    /// As requests are answered.
    pub code: Code,
    pub lasts: Lasts,
    pub retry_after: Option<Duration>,
}

/// How long a failure lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasts {
    /// It may be gone by itself.
    AWhile,
    /// Until somebody changes the gateway or what we know of it.
    UntilChanged,
    /// This very request will never be taken.
    Forever,
}

/// How long each refusal of a gateway lasts. Pairing is somebody's click on the gateway, for which we wait.
const REFUSALS: [(&str, Lasts); 8] = [
    ("GATEWAY_PAIRING_REQUIRED", Lasts::AWhile),
    ("GATEWAY_UNAUTHORIZED", Lasts::UntilChanged),
    ("GATEWAY_SCOPE_MISSING", Lasts::UntilChanged),
    ("GATEWAY_INCOMPATIBLE", Lasts::UntilChanged),
    ("GATEWAY_TLS", Lasts::UntilChanged),
    ("GATEWAY_UNSUPPORTED", Lasts::UntilChanged),
    ("GATEWAY_ADDRESS_REFUSED", Lasts::UntilChanged),
    ("GATEWAY_REFUSED", Lasts::Forever),
];

impl From<tonic::Status> for Failure {
    fn from(status: tonic::Status) -> Self {
        let fault = fault::read(&status);
        let refusal = REFUSALS.iter().find(|(reason, _)| *reason == fault.reason);
        let lasts = match (refusal, fault.code) {
            (Some((_, lasts)), _) => *lasts,
            (None, Code::Invalid) => Lasts::Forever,
            (None, _) => Lasts::AWhile,
        };
        Self {
            reason: fault.rest_code(),
            message: fault.message,
            code: fault.code,
            lasts,
            retry_after: fault.retry_after,
        }
    }
}

/// When asking again makes sense where the gateway does not say.
const AGAIN: Duration = Duration::from_secs(5);

impl Failure {
    /// The gateway did not answer in time.
    pub(crate) fn too_late() -> Self {
        Self {
            reason: "gateway_timeout".to_owned(),
            message: "the gateway did not answer in time".to_owned(),
            code: Code::Unavailable,
            lasts: Lasts::AWhile,
            retry_after: None,
        }
    }
}

/// A request that needed the gateway. That it does not accept our token is no fault of the caller's credential, so it is
/// told like whatever has to change on the gateway first; what may be gone by itself is told with a time for trying again.
impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let code = match failure.code {
            Code::Unauthenticated | Code::Forbidden => Code::Conflict,
            code => code,
        };
        let mut fault = Fault::new(code, failure.reason.to_ascii_uppercase(), failure.message);
        fault.retry_after = failure
            .retry_after
            .or((code == Code::Unavailable).then_some(AGAIN));
        Self::Refused(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_lasts_as_long_as_its_cause() {
        let lasts = |code, reason: &str| {
            Failure::from(tonic::Status::from(Fault::new(code, reason, "x"))).lasts
        };
        assert_eq!(
            lasts(Code::Unavailable, "GATEWAY_UNREACHABLE"),
            Lasts::AWhile
        );
        assert_eq!(
            lasts(Code::Unauthenticated, "GATEWAY_UNAUTHORIZED"),
            Lasts::UntilChanged
        );
        assert_eq!(
            lasts(Code::Conflict, "GATEWAY_INCOMPATIBLE"),
            Lasts::UntilChanged
        );
        assert_eq!(
            lasts(Code::Conflict, "GATEWAY_PAIRING_REQUIRED"),
            Lasts::AWhile
        );
        assert_eq!(lasts(Code::Conflict, "GATEWAY_REFUSED"), Lasts::Forever);
        assert_eq!(
            lasts(Code::Invalid, "GATEWAY_ADDRESS_REFUSED"),
            Lasts::UntilChanged
        );
        assert_eq!(lasts(Code::Invalid, "INVALID_REQUEST"), Lasts::Forever);
        assert_eq!(lasts(Code::Internal, "INTERNAL"), Lasts::AWhile);
        assert_eq!(
            Failure::from(tonic::Status::deadline_exceeded("late")).lasts,
            Lasts::AWhile
        );
    }
}
