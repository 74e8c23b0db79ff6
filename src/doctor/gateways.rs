//! The way to each gateway: as the running product sees it, or from here without one.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use anyhow::Context;
use gateway_connector::Flags;
use serde_json::{Value, json};
use url::{Host, Url};

use super::{
    Facts, Options,
    report::{Check, Gateway, Outcome, Report, Trouble},
};
use crate::rest::{self, Rest};

/// Lets the running product examine every gateway that it knows.
pub(super) async fn examine_all(facts: &Facts<'_>, report: &mut Report) {
    let began = Instant::now();
    let (Ok(http), Some(token)) = (rest::http(), facts.token()) else {
        return;
    };
    let person = Rest::person(&http, &facts.base_url, &token);
    let known = match person.all("/api/v1/gateways").await {
        Ok(known) => known,
        Err(error) => {
            let trouble = Trouble::says(&error, "the log of the process says more");
            report.note("gateways", began, Err(trouble));
            return;
        }
    };
    for gateway in known {
        let optional = |field: &str| gateway[field].as_str().map(str::to_owned);
        let url = optional("url").unwrap_or_default();
        let mut checks = diagnose(&person, &gateway).await;
        checks.push(reaches_us(&facts.base_url, &url));
        report.gateways.push(Gateway {
            id: optional("id"),
            name: optional("name"),
            url,
            checks,
        });
    }
}

/// Examines the way to one gateway from here. Whoever asks for an address by hand may have a private one.
pub(super) async fn examine_one(url: &str, options: &Options) -> anyhow::Result<Report> {
    let mut config = options.serve.gateway.clone();
    config.gateway_allow_private_addresses = config.gateway_allow_private_addresses.or(true);
    config
        .device_identity_file
        .get_or_insert_with(|| options.serve.data_dir.join("device.json"));
    let token = match &options.gateway_token_file {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("{} cannot be read", path.display()))?;
            Some(text.trim().to_owned())
        }
        None => None,
    };
    let flags = Flags {
        allow_insecure_tls: options.allow_insecure_tls,
        disable_device_pairing: options.disable_device_pairing,
    };
    let checks = gateway_connector::diagnose(&config, url, token.as_deref(), flags).await?;
    let checks = checks.into_iter().map(|check| Check {
        name: check.name.to_owned(),
        outcome: match check.outcome {
            gateway_connector::Outcome::Pass => Outcome::Pass,
            gateway_connector::Outcome::Fail => Outcome::Fail,
            gateway_connector::Outcome::Skipped => Outcome::Skipped,
        },
        detail: check.detail,
        fix: check.fix,
        took: check.took,
    });
    let gateway = Gateway {
        id: None,
        name: None,
        url: shown(url),
        checks: checks.collect(),
    };
    Ok(Report {
        checks: Vec::new(),
        gateways: vec![gateway],
    })
}

/// An address without what may be secret in it.
fn shown(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else {
        return "not an address".to_owned();
    };
    let is_clean = url.set_username("").is_ok() && url.set_password(None).is_ok();
    url.set_query(None);
    url.set_fragment(None);
    if is_clean || url.username().is_empty() {
        url.into()
    } else {
        "an address with a name in it".to_owned()
    }
}

async fn diagnose(person: &Rest, gateway: &Value) -> Vec<Check> {
    let began = Instant::now();
    let path = format!(
        "/api/v1/gateways/{}/diagnose",
        gateway["id"].as_str().unwrap_or_default()
    );
    match person.post(&path, json!({})).await {
        Ok(diagnosis) => {
            let checks = diagnosis["checks"].as_array().into_iter().flatten();
            checks.map(read).collect()
        }
        Err(error) => {
            let trouble = Trouble::says(&error, "the log of the process says more");
            vec![Check::ended("diagnosis", began, Err(trouble))]
        }
    }
}

fn read(check: &Value) -> Check {
    let text = |field: &str| check[field].as_str().unwrap_or_default().to_owned();
    Check {
        name: text("name"),
        outcome: match check["outcome"].as_str() {
            Some("pass") => Outcome::Pass,
            Some("skipped") => Outcome::Skipped,
            _ => Outcome::Fail,
        },
        detail: text("detail"),
        fix: check["fix"].as_str().map(str::to_owned),
        took: Duration::from_millis(check["took_ms"].as_u64().unwrap_or_default()),
    }
}

/// Whether agents on the gateway can reach the address that they are given, as far as the addresses tell.
fn reaches_us(base_url: &str, gateway_url: &str) -> Check {
    let began = Instant::now();
    let outcome = match (is_local(base_url), is_local(gateway_url)) {
        (Some(true), Some(false)) => Err(Trouble::new(
            format!("agents there are told to call {base_url}, which is their own machine"),
            "set BASE_URL to an address that they reach, restart, and sync the gateway's templates",
        )),
        _ => Ok(format!("agents there call {base_url}")),
    };
    Check::ended("way back", began, outcome)
}

/// Whether an address means the machine that uses it.
fn is_local(url: &str) -> Option<bool> {
    let url = Url::parse(url).ok()?;
    Some(match url.host()? {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => is_own(address.into()),
        Host::Ipv6(address) => is_own(address.to_canonical()),
    })
}

/// Whoever calls the unspecified address reaches itself, too.
fn is_own(address: IpAddr) -> bool {
    address.is_loopback() || address.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loopback_address_is_no_way_back_for_agents_elsewhere() {
        let outcome = |base: &str, gateway: &str| reaches_us(base, gateway).outcome;
        for base in [
            "http://127.0.0.1:8000",
            "http://localhost:8000",
            "http://[::1]:8000",
            "http://0.0.0.0:8000",
            "http://[::]:8000",
        ] {
            assert_eq!(outcome(base, "wss://gateway.example.com"), Outcome::Fail);
            assert_eq!(outcome(base, "ws://127.0.0.1:18789"), Outcome::Pass);
        }
        assert_eq!(
            outcome("https://mc.example.com", "wss://gateway.example.com"),
            Outcome::Pass
        );
    }

    #[test]
    fn a_diagnosis_is_read_as_it_is() {
        let check = read(
            &json!({"name": "tls", "outcome": "fail", "detail": "expired", "fix": "renew it", "took_ms": 12}),
        );
        assert_eq!(
            (check.outcome, check.fix.as_deref()),
            (Outcome::Fail, Some("renew it"))
        );
        assert_eq!(check.took, Duration::from_millis(12));
        assert_eq!(
            read(&json!({"outcome": "skipped"})).outcome,
            Outcome::Skipped
        );
    }
}
