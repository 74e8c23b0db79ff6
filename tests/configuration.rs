//! The page of variables says what the program reads.

#[test]
fn the_configuration_page_is_up_to_date() {
    let page = include_str!("../docs/configuration.md");
    assert!(
        page == mission_control::reference::markdown(),
        "docs/configuration.md is stale: mission-control options > docs/configuration.md"
    );
}
