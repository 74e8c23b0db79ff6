//! What was found, for people and for programs.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Pass,
    Fail,
    /// Not looked at: something before it failed, or it does not apply.
    Skipped,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) name: String,
    pub(super) outcome: Outcome,
    /// What was seen.
    pub(super) detail: String,
    /// What to do about it, when it failed.
    pub(super) fix: Option<String>,
    pub(super) took: Duration,
}

/// The way to one gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gateway {
    /// None for one that Mission Control does not know.
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) url: String,
    pub(super) checks: Vec<Check>,
}

/// Everything that was looked at, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) checks: Vec<Check>,
    pub(super) gateways: Vec<Gateway>,
}

/// What is wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) seen: String,
    pub(super) fix: String,
}

impl Trouble {
    pub(super) fn new(seen: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            seen: seen.into(),
            fix: fix.into(),
        }
    }

    /// An error whose text says itself what to do.
    pub(super) fn says(error: &anyhow::Error, fix: impl Into<String>) -> Self {
        Self::new(format!("{error:#}"), fix)
    }
}

impl Report {
    /// Notes how a check ended that began then; answers whether it passed.
    pub(super) fn note(
        &mut self,
        name: &str,
        began: Instant,
        outcome: Result<String, Trouble>,
    ) -> bool {
        let passed = outcome.is_ok();
        self.checks.push(Check::ended(name, began, outcome));
        passed
    }

    pub(super) fn skip(&mut self, name: &str, why: &str) {
        self.checks.push(Check {
            name: name.to_owned(),
            outcome: Outcome::Skipped,
            detail: why.to_owned(),
            fix: None,
            took: Duration::ZERO,
        });
    }

    pub(super) fn failures(&self) -> usize {
        let of_gateways = self.gateways.iter().flat_map(|gateway| &gateway.checks);
        let all = self.checks.iter().chain(of_gateways);
        all.filter(|check| check.outcome == Outcome::Fail).count()
    }

    pub(super) fn to_json(&self) -> Value {
        let gateways: Vec<Value> = self.gateways.iter().map(Gateway::to_json).collect();
        json!({
            "ok": self.failures() == 0,
            "checks": self.checks.iter().map(Check::to_json).collect::<Vec<_>>(),
            "gateways": gateways,
        })
    }

    pub(super) fn to_text(&self, colour: bool) -> String {
        let mut text = String::new();
        for check in &self.checks {
            check.write(&mut text, "", colour);
        }
        for gateway in &self.gateways {
            let name = gateway.name.as_deref().unwrap_or("gateway");
            text.push_str(&format!("\n{name}, {}\n", gateway.url));
            for check in &gateway.checks {
                check.write(&mut text, "  ", colour);
            }
        }
        text
    }
}

impl Check {
    pub(super) fn ended(name: &str, began: Instant, outcome: Result<String, Trouble>) -> Self {
        let (outcome, detail, fix) = match outcome {
            Ok(detail) => (Outcome::Pass, detail, None),
            Err(trouble) => (Outcome::Fail, trouble.seen, Some(trouble.fix)),
        };
        Self {
            name: name.to_owned(),
            outcome,
            detail,
            fix,
            took: began.elapsed(),
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "name": self.name, "outcome": self.outcome.word(), "detail": self.detail, "fix": self.fix,
            "took_ms": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
        })
    }

    fn write(&self, text: &mut String, indent: &str, colour: bool) {
        let (sign, paint) = match self.outcome {
            Outcome::Pass => ("✓", "32"),
            Outcome::Fail => ("✗", "31"),
            Outcome::Skipped => ("-", "2"),
        };
        let sign = if colour {
            format!("\u{1b}[{paint}m{sign}\u{1b}[0m")
        } else {
            sign.to_owned()
        };
        let (name, detail) = (&self.name, one_line(&self.detail));
        text.push_str(&format!("{indent}{sign} {name:<17} {detail}\n"));
        if let Some(fix) = &self.fix {
            text.push_str(&format!("{indent}    do: {}\n", one_line(fix)));
        }
    }
}

impl Gateway {
    fn to_json(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "url": self.url,
            "ok": self.checks.iter().all(|check| check.outcome != Outcome::Fail),
            "checks": self.checks.iter().map(Check::to_json).collect::<Vec<_>>(),
        })
    }
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Skipped => "skipped",
        }
    }
}

/// What others wrote must not reach the terminal as it is.
fn one_line(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_reads_alike_for_people_and_programs() {
        let mut report = Report::default();
        let began = Instant::now();
        assert!(report.note("database", began, Ok("PostgreSQL 17".into())));
        assert!(!report.note(
            "ports",
            began,
            Err(Trouble::new("taken\u{1b}[31m", "free it"))
        ));
        report.skip("base url", "nothing runs");
        assert_eq!(report.failures(), 1);
        assert_eq!(
            report.to_text(false),
            "✓ database          PostgreSQL 17\n✗ ports             taken [31m\n    do: free it\n- base url          nothing runs\n"
        );
        assert!(
            report
                .to_text(true)
                .starts_with("\u{1b}[32m✓\u{1b}[0m database")
        );
        let json = report.to_json();
        assert_eq!(
            (&json["ok"], &json["checks"][1]["fix"]),
            (&json!(false), &json!("free it"))
        );
        assert_eq!(json["checks"][2]["outcome"], "skipped");
    }
}
