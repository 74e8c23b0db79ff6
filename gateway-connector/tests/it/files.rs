//! Files reach the workspace, whatever the gateway takes.

use proto::gateway::v1::{
    RemoveFilesRequest, WorkspaceFile, WriteFilesRequest, WriteFilesResponse,
};
use simulator::Version;
use sqlx::PgPool;

use crate::support::{Bench, KEY, file};

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn gateways_that_take_every_file_get_every_file(pool: PgPool) {
    for version in [Version::V2026_2_9, Version::V2026_7_1] {
        let bench = Bench::new(&pool, version).await;
        bench.ensure(KEY).await.unwrap();
        let files = [
            ("AGENTS.md", "# a"),
            ("TOOLS.md", "TOKEN=x"),
            ("HEARTBEAT.md", "beat"),
            ("SOUL.md", ""),
        ];
        let response = bench.write(&files).await.unwrap();
        assert_eq!(response.written.len(), 4);
        assert_eq!(response.folded, names(&[]));
        for (name, content) in files {
            assert_eq!(bench.gateway.file(KEY, name).as_deref(), Some(content));
        }
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn files_that_are_not_taken_become_sections_of_one_that_is(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_9_6).await;
    bench.ensure(KEY).await.unwrap();
    let files = [
        ("TOOLS.md", "BASE_URL=http://x\nAUTH_TOKEN=t1"),
        ("AGENTS.md", "# Agent"),
        ("HEARTBEAT.md", "check in"),
        ("SOUL.md", "calm"),
    ];
    let response = bench.write(&files).await.unwrap();
    assert_eq!(
        response,
        WriteFilesResponse {
            written: names(&["SOUL.md", "AGENTS.md"]),
            kept: vec![],
            folded: names(&["TOOLS.md", "HEARTBEAT.md"]),
        }
    );
    let text = bench.gateway.file(KEY, "AGENTS.md").unwrap();
    assert!(text.starts_with("# Agent\n"));
    assert!(text.contains("## TOOLS.md\n\nBASE_URL=http://x\nAUTH_TOKEN=t1\n"));
    assert!(text.contains("## HEARTBEAT.md\n\ncheck in\n"));
    assert_eq!(bench.gateway.scratch(KEY).as_deref(), Some("check in"));

    bench.write(&files).await.unwrap();
    assert_eq!(
        bench.gateway.file(KEY, "AGENTS.md").as_deref(),
        Some(text.as_str()),
        "once, not twice"
    );

    bench
        .write(&[("TOOLS.md", "BASE_URL=http://x\nAUTH_TOKEN=t2")])
        .await
        .unwrap();
    let rotated = bench.gateway.file(KEY, "AGENTS.md").unwrap();
    assert_eq!(rotated, text.replace("t1", "t2"));

    bench.write(&[("AGENTS.md", "# Other")]).await.unwrap();
    assert_eq!(
        bench.gateway.file(KEY, "AGENTS.md").unwrap(),
        rotated.replace("# Agent\n", "# Other\n")
    );
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn files_that_are_to_be_kept_are_kept(pool: PgPool) {
    for version in Version::ALL {
        let bench = Bench::new(&pool, version).await;
        bench.ensure(KEY).await.unwrap();
        bench
            .write(&[("USER.md", "mine"), ("AGENTS.md", "own")])
            .await
            .unwrap();
        let kept = |name: &str| WorkspaceFile {
            keep_existing: true,
            ..file(name, "theirs")
        };
        let all = ["USER.md", "MEMORY.md", "AGENTS.md", "TOOLS.md"];
        let response = bench.write_as(all.map(kept).to_vec()).await.unwrap();
        assert_eq!(bench.gateway.file(KEY, "USER.md").as_deref(), Some("mine"));
        assert!(
            bench
                .gateway
                .file(KEY, "AGENTS.md")
                .unwrap()
                .starts_with("own")
        );
        assert!(
            response.kept.contains(&"USER.md".to_owned())
                && response.kept.contains(&"AGENTS.md".to_owned())
        );
        let again = bench.write_as(all.map(kept).to_vec()).await.unwrap();
        let mut every = again.kept.clone();
        every.sort();
        assert_eq!(
            every,
            names(&["AGENTS.md", "MEMORY.md", "TOOLS.md", "USER.md"]),
            "{version:?}"
        );
        assert!(
            again.written.is_empty() && again.folded.is_empty(),
            "{again:?}"
        );
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn an_agent_that_does_not_exist_gets_no_files(pool: PgPool) {
    for version in Version::ALL {
        let bench = Bench::new(&pool, version).await;
        let fault = bench.write(&[("SOUL.md", "x")]).await.unwrap_err();
        assert_eq!(fault.reason, "GATEWAY_AGENT_NOT_FOUND");
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_file_larger_than_the_gateway_takes_is_refused_and_the_session_stays(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_2_9).await;
    bench.ensure(KEY).await.unwrap();
    // Characters of three bytes: within the limit of characters, beyond the gateway's of bytes.
    let fault = bench
        .write(&[("SOUL.md", &"€".repeat(300_000))])
        .await
        .unwrap_err();
    assert_eq!(fault.reason, "GATEWAY_REFUSED");
    bench.write(&[("SOUL.md", "small")]).await.unwrap();
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn the_agent_that_a_gateway_always_has_can_be_told_where_mission_control_is(pool: PgPool) {
    for version in Version::ALL {
        let bench = Bench::new(&pool, version).await;
        let request = WriteFilesRequest {
            target: Some(bench.target.clone()),
            agent_key: "main".into(),
            files: vec![file("MISSION_CONTROL.md", "BASE_URL=http://x")],
        };
        bench.connector.clone().write_files(request).await.unwrap();
        let text = bench.gateway.file("main", "AGENTS.md").unwrap();
        assert!(text.contains("BASE_URL=http://x"), "{version:?}: {text}");
        let request = RemoveFilesRequest {
            target: Some(bench.target.clone()),
            agent_key: "main".into(),
            names: names(&["MISSION_CONTROL.md"]),
        };
        bench.connector.clone().remove_files(request).await.unwrap();
        let text = bench.gateway.file("main", "AGENTS.md").unwrap();
        assert!(!text.contains("BASE_URL"), "{version:?}: {text}");
    }
}
