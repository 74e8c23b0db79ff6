//! What an examination found.

use std::time::Duration;

use tokio::time::Instant;

/// Every step, in its order.
const NAMES: [&str; 9] = [
    "address", "dns", "tcp", "tls", "origin", "version", "token", "scopes", "pairing",
];

/// One step of an examination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub name: &'static str,
    pub outcome: Outcome,
    /// What was seen. Never holds a credential.
    pub detail: String,
    /// What to do about it; present when it failed.
    pub fix: Option<String>,
    pub took: Duration,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Pass,
    Fail,
    Skipped,
}

/// A step that failed.
pub(super) struct Fault {
    name: &'static str,
    detail: String,
    fix: String,
}

impl Fault {
    pub(super) fn new(name: &'static str, detail: String, fix: String) -> Self {
        Self { name, detail, fix }
    }

    #[cfg(test)]
    pub(super) fn seen(&self) -> &str {
        &self.detail
    }
}

/// The steps so far.
pub(super) struct Report {
    checks: Vec<Check>,
    since: Instant,
    tries: u32,
}

impl Report {
    pub(super) fn begin() -> Self {
        Self {
            checks: Vec::with_capacity(NAMES.len()),
            since: Instant::now(),
            tries: 0,
        }
    }

    /// Counts a handshake with a gateway that is not ready.
    pub(super) fn tried(&mut self) -> u32 {
        self.tries += 1;
        self.tries
    }

    pub(super) fn pass(&mut self, name: &'static str, detail: String) {
        if !self.has(name) {
            self.add(name, Outcome::Pass, detail, None);
        }
    }

    /// A failure. Steps before it that did not come to an end were not told of by the gateway.
    pub(super) fn fail(&mut self, fault: Fault) {
        for name in NAMES.into_iter().take_while(|name| *name != fault.name) {
            if !self.has(name) {
                let detail = "The gateway does not say before the rest is settled".to_owned();
                self.add(name, Outcome::Skipped, detail, None);
            }
        }
        self.add(fault.name, Outcome::Fail, fault.detail, Some(fault.fix));
    }

    /// All steps: what was not reached was skipped.
    pub(super) fn finish(mut self) -> Vec<Check> {
        for name in NAMES {
            if !self.has(name) {
                let detail = "Not looked at: an earlier step failed".to_owned();
                self.add(name, Outcome::Skipped, detail, None);
            }
        }
        self.checks
    }

    fn has(&self, name: &str) -> bool {
        self.checks.iter().any(|check| check.name == name)
    }

    fn add(&mut self, name: &'static str, outcome: Outcome, detail: String, fix: Option<String>) {
        let now = Instant::now();
        self.checks.push(Check {
            name,
            outcome,
            detail,
            fix,
            took: now - self.since,
        });
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_in_the_report_once_and_in_order() {
        let mut report = Report::begin();
        report.pass("address", "a".into());
        report.pass("dns", "d".into());
        report.fail(Fault::new("token", "t".into(), "fix".into()));
        let checks = report.finish();
        assert_eq!(checks.iter().map(|c| c.name).collect::<Vec<_>>(), NAMES);
        let failed: Vec<_> = checks.iter().filter(|c| c.fix.is_some()).collect();
        assert_eq!((failed.len(), failed[0].name), (1, "token"));
        assert_eq!(checks[4].outcome, Outcome::Skipped);
        assert_eq!(checks[8].outcome, Outcome::Skipped);
    }
}
