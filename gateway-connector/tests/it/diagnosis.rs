//! What is wrong on the way to a gateway, and what to do about it.

use gateway_connector::{Flags, Outcome, PrivateAddresses};
use proto::gateway::v1::{Check, CheckOutcome};
use simulator::{Pairing, SimulatorConfig, Version};
use sqlx::PgPool;

use crate::{
    support::{Bench, TOKEN, config, gateway_config},
    tls::self_signed,
};

const NAMES: [&str; 9] = [
    "address", "dns", "tcp", "tls", "origin", "version", "token", "scopes", "pairing",
];

/// Asserts that all steps pass up to this one, that it fails with a fix, and that none after it is looked at.
#[track_caller]
fn fails_at<'a>(checks: &'a [Check], name: &str) -> &'a Check {
    assert_eq!(
        checks.iter().map(|check| &check.name).collect::<Vec<_>>(),
        NAMES
    );
    let at = NAMES.iter().position(|known| *known == name).unwrap();
    for (number, check) in checks.iter().enumerate() {
        let wanted = match number {
            _ if number < at && check.name == "scopes" => CheckOutcome::Skipped,
            _ if number < at => CheckOutcome::Pass,
            _ if number == at => CheckOutcome::Fail,
            _ => CheckOutcome::Skipped,
        };
        assert_eq!(check.outcome(), wanted, "{name}: {checks:#?}");
        assert_eq!(check.fix.is_some(), number == at);
        assert!(!check.detail.is_empty() && check.took_ms >= 0);
    }
    &checks[at]
}

fn fix(check: &Check) -> &str {
    check.fix.as_deref().unwrap()
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_gateway_in_order_passes_every_step(pool: PgPool) {
    for version in Version::ALL {
        for disable_device_pairing in [false, true] {
            let mut bench = Bench::new(&pool, version).await;
            bench.target.disable_device_pairing = disable_device_pairing;
            let checks = bench.diagnose().await;
            assert!(
                checks
                    .iter()
                    .all(|check| check.outcome() == CheckOutcome::Pass),
                "{checks:#?}"
            );
            assert!(!format!("{checks:?}").contains(TOKEN));
            crate::support::eventually("the connection ends", || bench.gateway.connections() == 0)
                .await;
        }
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_url_that_is_none_is_told_and_not_refused(pool: PgPool) {
    let mut bench = Bench::new(&pool, Version::V2026_7_1).await;
    for url in ["", "host", "ftp://host", "ws://u:p@host/"] {
        bench.target.url = url.into();
        let checks = bench.diagnose().await;
        assert!(fix(fails_at(&checks, "address")).contains("ws://host:18789"));
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn an_address_that_is_not_called_names_the_setting(pool: PgPool) {
    let mut config = config();
    config.gateway_allow_private_addresses = PrivateAddresses::Refused;
    let bench = Bench::with(&pool, gateway_config(Version::V2026_7_1), config).await;
    let checks = bench.diagnose().await;
    assert!(fix(fails_at(&checks, "address")).contains("MC_GATEWAY_ALLOW_PRIVATE_ADDRESSES"));
    assert_eq!(bench.gateway.accepted(), 0);
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_name_that_nobody_knows_fails_at_dns(pool: PgPool) {
    let mut bench = Bench::new(&pool, Version::V2026_7_1).await;
    bench.target.url = "ws://no-such-host.invalid:18789".into();
    let checks = bench.diagnose().await;
    assert!(fix(fails_at(&checks, "dns")).contains("no-such-host.invalid"));
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_port_that_nobody_listens_on_fails_at_tcp(pool: PgPool) {
    let mut bench = Bench::new(&pool, Version::V2026_7_1).await;
    bench.target.url = format!("ws://{}", test_ports::free_addr());
    let checks = bench.diagnose().await;
    assert!(fix(fails_at(&checks, "tcp")).contains("openclaw gateway start"));
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_certificate_of_its_own_names_the_flag(pool: PgPool) {
    let gateway = SimulatorConfig {
        tls: Some(self_signed()),
        ..gateway_config(Version::V2026_9_6)
    };
    let mut bench = Bench::with(&pool, gateway, config()).await;
    let checks = bench.diagnose().await;
    assert!(fix(fails_at(&checks, "tls")).contains("allow_insecure_tls"));
    bench.target.allow_insecure_tls = true;
    let checks = bench.diagnose().await;
    assert!(
        checks
            .iter()
            .all(|check| check.outcome() == CheckOutcome::Pass)
    );
    // Spoken to in the clear it does not understand.
    bench.target.url = bench.target.url.replace("wss:", "ws:");
    let checks = bench.diagnose().await;
    assert!(fix(fails_at(&checks, "origin")).contains("wss://"));
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_gateway_without_tls_is_told_from_a_wrong_certificate(pool: PgPool) {
    let mut bench = Bench::new(&pool, Version::V2026_7_1).await;
    bench.target.url = bench.target.url.replace("ws:", "wss:");
    let checks = bench.diagnose().await;
    assert!(fix(fails_at(&checks, "tls")).contains("ws://"));
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn what_stands_before_the_gateway_fails_at_origin(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_9_6).await;
    for (status, body, word) in [
        (
            403,
            r#"{"error":{"type":"proxy_attribution_required"}}"#,
            "gateway.trustedProxies '[",
        ),
        (403, "no", "proxy"),
        (401, "", "sign-in"),
        (404, "not here", "gateway.port"),
        (301, "", "wss://"),
        (308, "", "wss://"),
        (502, "", "gateway status"),
        (429, "", "five minutes"),
    ] {
        bench.gateway.forbid_upgrades(Some((status, body)));
        let checks = bench.diagnose().await;
        let check = fails_at(&checks, "origin");
        assert!(
            check.detail.contains(&status.to_string()) && fix(check).contains(word),
            "{check:?}"
        );
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn releases_that_are_too_old_or_too_new_fail_at_version(pool: PgPool) {
    let old = SimulatorConfig {
        announced: Some("2026.1.30".into()),
        ..gateway_config(Version::V2026_2_9)
    };
    let bench = Bench::with(&pool, old, config()).await;
    let checks = bench.diagnose().await;
    let check = fails_at(&checks, "version");
    assert!(check.detail.contains("2026.1.30") && fix(check).contains("openclaw update"));
    let new = SimulatorConfig {
        protocol: Some(9),
        ..gateway_config(Version::V2026_9_6)
    };
    let bench = Bench::with(&pool, new, config()).await;
    let checks = bench.diagnose().await;
    assert!(fails_at(&checks, "version").detail.contains("protocol"));
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_gateway_that_is_starting_is_waited_for(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_9_6).await;
    bench.gateway.starting(2);
    let checks = bench.diagnose().await;
    assert!(
        checks
            .iter()
            .all(|check| check.outcome() == CheckOutcome::Pass)
    );
    bench.gateway.starting(100);
    let checks = bench.diagnose().await;
    assert!(fails_at(&checks, "version").detail.contains("not ready"));
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_wrong_token_says_where_the_right_one_stands(pool: PgPool) {
    for version in Version::ALL {
        for (token, disable) in [
            (Some("wrong"), false),
            (Some("wrong"), true),
            (None, false),
            (None, true),
        ] {
            let mut bench = Bench::new(&pool, version).await;
            bench.target.token = token.map(str::to_owned);
            bench.target.disable_device_pairing = disable;
            let checks = bench.diagnose().await;
            let check = fails_at(&checks, "token");
            assert!(fix(check).contains("gateway.auth.token"));
            assert!(!format!("{checks:?}").contains("wrong"));
        }
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn scopes_that_are_missing_are_named(pool: PgPool) {
    for version in Version::ALL {
        let gateway = SimulatorConfig {
            grants: Some(vec!["operator.read".into()]),
            ..gateway_config(version)
        };
        let bench = Bench::with(&pool, gateway, config()).await;
        let checks = bench.diagnose().await;
        assert_eq!(checks[7].outcome(), CheckOutcome::Fail, "{checks:#?}");
        assert!(checks[7].detail.contains("granted: operator.read"));
        assert!(fix(&checks[7]).contains("openclaw devices rotate --device"));
        assert_eq!(checks[8].outcome(), CheckOutcome::Skipped);
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_device_to_approve_is_named_by_its_request(pool: PgPool) {
    for version in Version::ALL {
        let gateway = SimulatorConfig {
            pairing: Pairing::Required,
            ..gateway_config(version)
        };
        let bench = Bench::with(&pool, gateway, config()).await;
        let checks = bench.diagnose().await;
        let pending = bench.gateway.pending_devices();
        let request_id = pending.values().next().unwrap();
        let command = format!("openclaw devices approve {request_id}");
        assert!(fix(fails_at(&checks, "pairing")).ends_with(&command));
        bench.gateway.approve_devices();
        let checks = bench.diagnose().await;
        assert!(
            checks
                .iter()
                .all(|check| check.outcome() == CheckOutcome::Pass)
        );
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_command_without_an_installation_can_examine_too(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_9_6).await;
    let (config, flags) = (config(), Flags::default());
    let url = bench.gateway.url();
    let checks = gateway_connector::diagnose(&config, &url, Some(TOKEN), flags)
        .await
        .unwrap();
    assert!(
        checks.iter().all(|check| check.outcome == Outcome::Pass),
        "{checks:#?}"
    );
    let checks = gateway_connector::diagnose(&config, &url, Some("wrong"), flags)
        .await
        .unwrap();
    assert_eq!(checks[6].outcome, Outcome::Fail);
    assert!(
        bench.gateway.pending_devices().is_empty(),
        "it leaves no device behind"
    );
}
