//! What we tell, in the contract's own words.

use chassis::encode;
use proto::gateway::v1::{self as wire, WatchResponse};

use crate::{
    diagnose::{Check, Outcome},
    feed::Told,
};

pub(crate) fn told(told: &Told) -> WatchResponse {
    WatchResponse {
        r#type: told.kind.to_string(),
        at: Some(encode::time(told.at)),
        payload: told.payload.as_deref().map(encode::to_value),
    }
}

pub(crate) fn check(check: Check) -> wire::Check {
    let outcome = match check.outcome {
        Outcome::Pass => wire::CheckOutcome::Pass,
        Outcome::Fail => wire::CheckOutcome::Fail,
        Outcome::Skipped => wire::CheckOutcome::Skipped,
    };
    wire::Check {
        name: check.name.to_owned(),
        outcome: outcome.into(),
        detail: check.detail,
        fix: check.fix,
        took_ms: i64::try_from(check.took.as_millis()).unwrap_or(i64::MAX),
    }
}
