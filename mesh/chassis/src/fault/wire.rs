//! Faults on the wire: `google.rpc.ErrorInfo`, `BadRequest` and `RetryInfo` in the details of a status.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use tonic_types::{ErrorDetails, StatusExt};

use super::{Code, Explain, Fault, Violation};

/// Domain of every reason.
const DOMAIN: &str = "mission-control";

pub(super) fn write<E: Explain>(error: &E) -> tonic::Status {
    let mut details = ErrorDetails::new();
    let facts: HashMap<String, String> = error
        .facts()
        .into_iter()
        .map(|(name, value)| (name, value.to_string()))
        .collect();
    details.set_error_info(error.reason(), DOMAIN, facts);
    for violation in error.fields() {
        details.add_bad_request_violation(
            violation.field,
            format!("{}: {}", violation.reason, violation.message),
        );
    }
    if let Some(after) = error.retry_after() {
        details.set_retry_info(Some(after));
    }
    let message = match error.code() {
        Code::Internal => "internal error".to_owned(),
        _ => error.to_string(),
    };
    tonic::Status::with_error_details(error.code().grpc(), message, details)
}

/// Reads back what [`super::status`] told. A status of somebody else's making gets the reason of its code.
pub fn read(status: &tonic::Status) -> Fault {
    let details = status.get_error_details();
    let code = Code::from_grpc(status.code());
    let mut fault = Fault::new(code, fallback_reason(status.code()), status.message());
    if let Some(info) = details.error_info() {
        fault.reason.clone_from(&info.reason);
        fault.facts = info
            .metadata
            .iter()
            .map(|(name, text)| {
                (
                    name.clone(),
                    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone())),
                )
            })
            .collect::<BTreeMap<_, _>>();
    }
    if let Some(bad) = details.bad_request() {
        fault.fields = bad
            .field_violations
            .iter()
            .map(|v| {
                let (reason, message) = v
                    .description
                    .split_once(": ")
                    .unwrap_or(("INVALID", &v.description));
                Violation {
                    field: v.field.clone(),
                    reason: reason.to_owned(),
                    message: message.to_owned(),
                }
            })
            .collect();
    }
    fault.retry_after = details.retry_info().and_then(|info| info.retry_delay);
    fault
}

fn fallback_reason(code: tonic::Code) -> &'static str {
    match code {
        tonic::Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        tonic::Code::Cancelled => "CANCELLED",
        tonic::Code::Unimplemented => "UNIMPLEMENTED",
        other => match Code::from_grpc(other) {
            Code::Invalid => "INVALID_REQUEST",
            Code::Unauthenticated => "UNAUTHENTICATED",
            Code::Forbidden => "FORBIDDEN",
            Code::NotFound => "NOT_FOUND",
            Code::AlreadyExists => "ALREADY_EXISTS",
            Code::Conflict => "CONFLICT",
            Code::TooMany => "TOO_MANY_REQUESTS",
            Code::Unavailable => "UNAVAILABLE",
            Code::Internal => "INTERNAL",
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_fault_survives_the_wire() {
        let mut fault = Fault::invalid("title", "TOO_LONG", "at most 500 characters")
            .with_fact("blocked_by_task_ids", serde_json::json!(["a", "b"]));
        fault.retry_after = Some(Duration::from_secs(3));
        assert_eq!(read(&tonic::Status::from(fault.clone())), fault);
    }

    #[test]
    fn a_foreign_status_gets_the_reason_of_its_code() {
        let fault = read(&tonic::Status::unavailable("gone"));
        assert_eq!(
            (fault.code, fault.reason.as_str()),
            (Code::Unavailable, "UNAVAILABLE")
        );
    }

    #[test]
    fn the_text_of_an_internal_error_stays_inside() {
        let fault = Fault::new(Code::Internal, "INTERNAL", "select * from secret");
        assert_eq!(tonic::Status::from(fault).message(), "internal error");
    }
}
