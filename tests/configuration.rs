//! The page of variables says what the program reads, and a bad value is answered with the variable's name.

use std::process::Command;

#[test]
fn the_configuration_page_is_up_to_date() {
    let page = include_str!("../docs/configuration.md");
    assert!(
        page == mission_control::reference::markdown(),
        "docs/configuration.md is stale: mission-control options > docs/configuration.md"
    );
}

#[test]
fn the_authorization_page_is_up_to_date() {
    let page = include_str!("../docs/authorization.md");
    assert!(
        page == mission_control::authorization::markdown(),
        "docs/authorization.md is stale: mission-control authorization > docs/authorization.md"
    );
}

/// What `serve` says of a variable before it ends.
fn complaint(variable: &str, value: &str) -> String {
    let ended = Command::new(env!("CARGO_BIN_EXE_mission-control"))
        .arg("serve")
        .env(variable, value)
        .output()
        .expect("the program can be run");
    assert!(!ended.status.success(), "{variable}={value} is accepted");
    String::from_utf8(ended.stderr).expect("it speaks UTF-8")
}

#[test]
fn a_bad_value_is_answered_with_the_name_of_its_variable() {
    for (variable, value) in [
        ("MC_HTTP_ADDR", "nonsense"),
        ("LOG_FORMAT", "xml"),
        ("MC_LIFECYCLE_DEADLINE", "0s"),
        ("MC_GATEWAY_REQUEST_TIMEOUT", "0s"),
        ("MC_GATEWAY_IDLE_AFTER", "0s"),
        ("AUTH_MODE", "clerk"),
    ] {
        let said = complaint(variable, value);
        assert!(said.contains(variable) && said.contains(value), "{said}");
    }
}

#[test]
fn a_bad_secret_is_not_shown() {
    for (variable, value) in [
        ("MC_SEAL_KEY", "my-own-key"),
        ("MC_MESH_SECRET", "my-own-secret"),
        (
            "MC_DATABASE_URL",
            "postgresql+ssl://me:my-own-password@db/x",
        ),
        ("LOCAL_AUTH_TOKEN", "my-own-token"),
    ] {
        let said = complaint(variable, value);
        assert!(
            said.contains(variable) && !said.contains("my-own"),
            "{said}"
        );
    }
}
