//! The doctor, on installations that are well and on ones that are not.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt};

use serde_json::Value;
use simulator::{Simulator, SimulatorConfig};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::installation::{Installation, text};

/// What the doctor says as JSON, and whether it ended well.
async fn examine(installation: &Installation, env: &[(&str, &str)]) -> (bool, Value) {
    let mut command = installation.program(&["doctor", "--json"]);
    let output = command.envs(env.iter().copied()).output().await.unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
    });
    assert_eq!(report["ok"], output.status.success(), "{report:#}");
    (output.status.success(), report)
}

/// Outcome and words of a check.
fn found<'a>(report: &'a Value, name: &str) -> (&'a str, String) {
    let mut checks = report["checks"].as_array().unwrap().iter();
    let check = checks.find(|check| check["name"] == name);
    let check = check.unwrap_or_else(|| panic!("{name} was not looked at: {report:#}"));
    let words = format!(
        "{} | {}",
        text(check, "detail"),
        check["fix"].as_str().unwrap_or_default()
    );
    (text(check, "outcome"), words)
}

#[tokio::test]
async fn where_nothing_runs_yet_it_says_that_a_start_will_do() {
    let installation = Installation::prepare();
    let (well, report) = examine(&installation, &[]).await;
    assert!(well, "{report:#}");
    for name in [
        "data directory",
        "configuration",
        "database",
        "port of the edge",
        "admin port",
    ] {
        assert_eq!(found(&report, name).0, "pass", "{report:#}");
    }
    for name in ["migrations", "bus", "base url", "readiness", "sign-in"] {
        assert_eq!(found(&report, name).0, "skipped", "{report:#}");
    }
    assert!(!installation.data_dir().exists(), "looking makes nothing");
}

#[tokio::test]
async fn of_what_is_wrong_it_says_the_exact_fix() {
    let installation = Installation::prepare();
    let data = installation.data_dir();
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
    let taken = TcpListener::bind(&installation.http_addr).unwrap();
    let (well, report) = examine(&installation, &[]).await;
    assert!(!well);
    let (outcome, words) = found(&report, "data directory");
    assert_eq!(outcome, "fail");
    assert!(
        words.contains(&format!("chmod 700 {}", data.display())),
        "{words}"
    );
    let (outcome, words) = found(&report, "port of the edge");
    assert_eq!(outcome, "fail");
    assert!(
        words.contains("taken by another program") && words.contains("MC_HTTP_ADDR"),
        "{words}"
    );
    drop(taken);

    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(data.join("secrets.env"), "MC_SEAL_KEY=x\n").unwrap();
    fs::set_permissions(data.join("secrets.env"), fs::Permissions::from_mode(0o644)).unwrap();
    let (_, report) = examine(&installation, &[]).await;
    let (outcome, words) = found(&report, "data directory");
    assert_eq!(outcome, "fail");
    assert!(words.contains("chmod 600"), "{words}");
    assert_eq!(found(&report, "port of the edge").0, "pass");
}

#[tokio::test]
async fn a_database_that_is_behind_or_away_is_named_with_what_to_do() {
    let installation = Installation::prepare();
    let server = std::env::var("DATABASE_URL")
        .expect("DATABASE_URL names a PostgreSQL server: run `make test`");
    let name = format!("doctor_{}", Uuid::new_v4().simple());
    let mut conn = PgConnection::connect(&server).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(format!("create database {name}")))
        .execute(&mut conn)
        .await
        .unwrap();
    let mut url: url::Url = server.parse().unwrap();
    url.set_path(&name);

    let (_, report) = examine(&installation, &[("MC_DATABASE_URL", url.as_str())]).await;
    assert_eq!(found(&report, "database").0, "pass", "{report:#}");
    let (outcome, words) = found(&report, "migrations");
    assert_eq!(outcome, "fail");
    assert!(words.contains("mission-control migrate"), "{words}");
    assert_eq!(found(&report, "bus").0, "skipped");

    let broker = (
        "MC_AMQP_URL",
        "amqp://nobody:my-own-password@127.0.0.1:9/%2f",
    );
    let away = (
        "MC_DATABASE_URL",
        "postgres://nobody:my-own-password@127.0.0.1:9/x",
    );
    let (_, report) = examine(&installation, &[away, broker]).await;
    for (check, variable) in [("database", "MC_DATABASE_URL"), ("bus", "MC_AMQP_URL")] {
        let (outcome, words) = found(&report, check);
        assert_eq!(outcome, "fail", "{report:#}");
        assert!(words.contains(variable), "{words}");
    }
    assert!(!report.to_string().contains("my-own"), "{report:#}");
    sqlx::query(sqlx::AssertSqlSafe(format!(
        "drop database {name} with (force)"
    )))
    .execute(&mut conn)
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_running_product_it_examines_every_gateway() {
    let installation = Installation::start().await;
    installation.demo(&["--without-agents"]);
    let gateway =
        serde_json::json!({"name": "Nobody", "url": "ws://127.0.0.1:9", "workspace_root": "/srv"});
    installation.post("/api/v1/gateways", gateway).await;
    crate::installation::eventually("the simulated gateway is well", || async {
        let (_, report) = examine(&installation, &[]).await;
        for check in report["checks"].as_array()? {
            assert_eq!(check["outcome"], "pass", "{report:#}");
        }
        let gateways = report["gateways"].as_array()?;
        let by_name = |name: &str| gateways.iter().find(|gateway| gateway["name"] == name);
        (by_name("Demo gateway (simulated)")?["ok"] == true).then_some(())?;
        let nobody = by_name("Nobody")?;
        let failed = nobody["checks"]
            .as_array()?
            .iter()
            .find(|check| check["outcome"] == "fail")?;
        assert_eq!(failed["name"], "tcp", "{nobody:#}");
        assert!(failed["fix"].is_string(), "{nobody:#}");
        Some(())
    })
    .await;
    let (_, report) = examine(&installation, &[("LOCAL_AUTH_TOKEN", &"wrong".repeat(20))]).await;
    let (outcome, words) = found(&report, "sign-in");
    assert_eq!(outcome, "fail");
    assert!(words.contains("LOCAL_AUTH_TOKEN"), "{words}");
    let spoken = installation.program(&["doctor"]).output().await.unwrap();
    let spoken = String::from_utf8(spoken.stdout).unwrap();
    assert!(
        spoken.contains("✓ database") && !spoken.contains('\u{1b}'),
        "{spoken}"
    );
    installation.stop_demo().await;
    installation.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_is_examined_without_a_product() {
    let installation = Installation::prepare();
    let gateway = Simulator::start(SimulatorConfig {
        token: Some("the-token-of-the-gateway".to_owned()),
        ..SimulatorConfig::default()
    })
    .await
    .unwrap();
    let files = tempfile::tempdir().unwrap();
    let examine = async |url: &str, token: &str| {
        let file = files.path().join("token");
        fs::write(&file, format!("{token}\n")).unwrap();
        let file = file.to_str().unwrap();
        let command = [
            "doctor",
            "--json",
            "--gateway-url",
            url,
            "--gateway-token-file",
            file,
        ];
        let output = installation.program(&command).output().await.unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["ok"], output.status.success(), "{report:#}");
        assert_eq!(
            report["checks"],
            serde_json::json!([]),
            "nothing else is looked at"
        );
        assert!(!report.to_string().contains(token), "{report:#}");
        report["gateways"][0].clone()
    };
    let failed = |report: &Value| -> Vec<String> {
        let checks = report["checks"].as_array().unwrap().iter();
        let failed = checks.filter(|check| check["outcome"] == "fail");
        failed.map(|check| text(check, "name").to_owned()).collect()
    };
    let well = examine(&gateway.url(), "the-token-of-the-gateway").await;
    assert_eq!(well["ok"], true, "{well:#}");
    let wrong = examine(&gateway.url(), "another-token-altogether").await;
    assert_eq!(failed(&wrong), ["token"], "{wrong:#}");
    let nobody = examine("ws://127.0.0.1:9", "the-token-of-the-gateway").await;
    assert_eq!(failed(&nobody), ["tcp"], "{nobody:#}");
    gateway.stop().await;
}
