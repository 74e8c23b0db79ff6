//! What is seen of a gateway.

use proto::{agent::v1 as wire, gateway::v1 as seen};

use crate::gateway::Gateway;

/// A diagnosis, with the steps in the order in which they were made.
pub(crate) fn diagnosis(gateway: &Gateway, checks: &[seen::Check]) -> wire::GatewayDiagnosis {
    wire::GatewayDiagnosis {
        gateway_id: gateway.id.to_string(),
        gateway_url: gateway.url.clone(),
        ok: checks
            .iter()
            .all(|check| check.outcome() != seen::CheckOutcome::Fail),
        checks: checks.iter().map(check).collect(),
    }
}

fn check(check: &seen::Check) -> wire::DiagnosisCheck {
    let outcome = match check.outcome() {
        seen::CheckOutcome::Unspecified => wire::DiagnosisOutcome::Unspecified,
        seen::CheckOutcome::Pass => wire::DiagnosisOutcome::Pass,
        seen::CheckOutcome::Fail => wire::DiagnosisOutcome::Fail,
        seen::CheckOutcome::Skipped => wire::DiagnosisOutcome::Skipped,
    };
    wire::DiagnosisCheck {
        name: check.name.clone(),
        outcome: outcome.into(),
        detail: check.detail.clone(),
        fix: check.fix.clone(),
        took_ms: check.took_ms,
    }
}
