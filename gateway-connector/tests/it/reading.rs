//! What can be read of a gateway, on every version alike.

use proto::gateway::v1::ListSkillsRequest;
use serde_json::json;
use simulator::{Failure, Version};
use sqlx::PgPool;

use crate::support::{Bench, KEY, SESSION, answer};

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn agents_of_the_configuration_are_told_from_what_is_left_of_others(pool: PgPool) {
    for version in Version::ALL {
        let bench = Bench::new(&pool, version).await;
        bench.ensure(KEY).await.unwrap();
        bench.gateway.add_ghost("deleted-one");
        let agents = bench.agents().await.unwrap();
        let found: Vec<_> = agents
            .iter()
            .map(|agent| (agent.agent_key.as_str(), agent.is_configured))
            .collect();
        assert_eq!(found, [("main", true), (KEY, true), ("deleted-one", false)]);
        assert_eq!(agents[1].name.as_deref(), Some("Worker One"));
        assert_eq!(
            agents[1].workspace.as_deref(),
            Some("/srv/workspace-mc-7f3c")
        );
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn sessions_are_found_over_all_pages(pool: PgPool) {
    for version in Version::ALL {
        let bench = Bench::new(&pool, version).await;
        bench.ensure(KEY).await.unwrap();
        let key = |number: usize| format!("agent:{KEY}:s{number:03}");
        bench.gateway.add_sessions((0..150).map(key));
        bench.gateway.add_sessions([SESSION.to_owned()]);
        let (keys, total) = bench.sessions(None, None).await.unwrap();
        assert_eq!((keys.len(), total), (151, 151), "{version:?}");
        let mut once = keys.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), 151, "no session comes twice");

        bench.gateway.add_sessions((150..260).map(key));
        let (keys, total) = bench.sessions(None, None).await.unwrap();
        assert_eq!((keys.len(), total), (200, 261), "{version:?}");
        let (keys, total) = bench.sessions(None, Some(SESSION)).await.unwrap();
        assert_eq!((keys, total), (vec![SESSION.to_owned()], 1), "{version:?}");
        let (keys, total) = bench.sessions(Some("main"), None).await.unwrap();
        assert_eq!((keys.len(), total), (0, 0), "{version:?}");
        let none = bench.sessions(None, Some("agent:none:main")).await;
        assert_eq!(none.unwrap(), (Vec::new(), 0), "{version:?}");
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn the_newest_messages_are_read_oldest_first(pool: PgPool) {
    for version in Version::ALL {
        let bench = Bench::new(&pool, version).await;
        bench.ensure(KEY).await.unwrap();
        assert!(bench.history(10).await.unwrap().is_empty());
        for number in 0..5 {
            bench
                .gateway
                .remember(SESSION, "user", &format!("message {number}"));
        }
        let messages = bench.history(2).await.unwrap();
        let texts: Vec<_> = messages
            .iter()
            .map(|message| message["content"][0]["text"].clone())
            .collect();
        assert_eq!(texts, [json!("message 3"), json!("message 4")]);
        assert!(messages[0]["timestamp"].as_u64().unwrap() > 1_600_000_000_000);
        for wrong in [0, 1001, -1] {
            let fault = bench.history(wrong).await.unwrap_err();
            assert_eq!(fault.fields[0].field, "limit");
        }
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_history_that_one_answer_cannot_hold_loses_its_old_end(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_9_6).await;
    for number in 0..10 {
        let text = format!("{number}{}", "x".repeat(500_000));
        bench.gateway.remember(SESSION, "user", &text);
    }
    let messages = bench.history(1000).await.unwrap();
    assert_eq!(messages.len(), 6);
    let last = messages[5]["content"][0]["text"].as_str().unwrap();
    assert!(last.starts_with('9'));
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_session_begins_anew(pool: PgPool) {
    for version in Version::ALL {
        let bench = Bench::new(&pool, version).await;
        bench.ensure(KEY).await.unwrap();
        bench.gateway.remember(SESSION, "user", "old");
        bench.reset().await.unwrap();
        let said = bench.history(10).await.unwrap();
        assert!(
            !said
                .iter()
                .any(|message| message.to_string().contains("old"))
        );
        bench.reset().await.unwrap();
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_file_is_read_wherever_the_gateway_keeps_it(pool: PgPool) {
    for version in Version::ALL {
        let bench = Bench::new(&pool, version).await;
        bench.ensure(KEY).await.unwrap();
        bench.gateway.settle();
        let files = [
            ("AGENTS.md", "# Agent"),
            ("TOOLS.md", "TOKEN=x\n\nmore"),
            ("HEARTBEAT.md", "beat"),
            ("BOARD.md", "of ours"),
            ("SOUL.md", "soul"),
        ];
        bench.write(&files).await.unwrap();
        for (name, content) in &files[1..] {
            let read = bench.read(name).await.unwrap();
            assert_eq!(read.as_deref(), Some(*content), "{version:?} {name}");
        }
        let host = bench.read("AGENTS.md").await.unwrap().unwrap();
        assert!(host.starts_with("# Agent") && host.contains("of ours"));
        assert_eq!(bench.read("NOTHING.md").await.unwrap(), None);
        assert_eq!(bench.read("MEMORY.md").await.unwrap().is_none(), {
            version == Version::V2026_9_6
        });
        let fault = bench.read("../x").await.unwrap_err();
        assert_eq!(fault.fields[0].field, "name");
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn what_was_folded_in_is_taken_out(pool: PgPool) {
    for version in Version::ALL {
        let bench = Bench::new(&pool, version).await;
        bench.ensure(KEY).await.unwrap();
        bench.gateway.settle();
        let files = [
            ("AGENTS.md", "# Agent"),
            ("HEARTBEAT.md", "beat"),
            ("BOARD.md", "of ours"),
        ];
        bench.write(&files).await.unwrap();
        let folds = version == Version::V2026_9_6;
        assert_eq!(
            bench.gateway.scratch(KEY).as_deref(),
            folds.then_some("beat")
        );
        bench
            .remove_files(&["HEARTBEAT.md", "BOARD.md"])
            .await
            .unwrap();
        assert_eq!(bench.read("AGENTS.md").await.unwrap().unwrap(), "# Agent\n");
        assert_eq!(bench.read("BOARD.md").await.unwrap(), None);
        // A file of its own is not ours to take.
        let beat = bench.read("HEARTBEAT.md").await.unwrap();
        assert_eq!(beat.as_deref(), (!folds).then_some("beat"));
        assert_eq!(bench.gateway.scratch(KEY).as_deref(), folds.then_some(""));
        let writes = bench.gateway.count("agents.files.set");
        bench
            .remove_files(&["HEARTBEAT.md", "BOARD.md"])
            .await
            .unwrap();
        assert_eq!(bench.gateway.count("agents.files.set"), writes);
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn skills_are_listed_by_name(pool: PgPool) {
    for version in Version::ALL {
        let bench = Bench::new(&pool, version).await;
        bench.ensure(KEY).await.unwrap();
        bench.gateway.settle();
        assert!(bench.skills().await.unwrap().is_empty());
        bench.gateway.install_skill(KEY, "pdf");
        bench.gateway.install_skill("main", "other");
        assert_eq!(bench.skills().await.unwrap(), ["pdf"]);
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn an_agent_that_its_owner_wrote_with_capitals_is_asked_like_any(pool: PgPool) {
    for version in Version::ALL {
        let bench = Bench::new(&pool, version).await;
        bench.gateway.add_agent("MyAgent", "/srv/own");
        bench.gateway.install_skill("MyAgent", "pdf");
        let request = ListSkillsRequest {
            target: Some(bench.target.clone()),
            agent_key: "MyAgent".into(),
        };
        let found = answer(bench.connector.clone().list_skills(request).await).unwrap();
        assert_eq!(found.names, ["pdf"], "{version:?}");
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn an_agent_that_does_not_exist_has_nothing(pool: PgPool) {
    for version in Version::ALL {
        let bench = Bench::new(&pool, version).await;
        for fault in [
            bench.skills().await.unwrap_err(),
            bench.read("SOUL.md").await.unwrap_err(),
            bench.remove_files(&["BOARD.md"]).await.unwrap_err(),
        ] {
            assert_eq!(
                (fault.code, fault.reason.as_str()),
                (chassis::Code::NotFound, "GATEWAY_AGENT_NOT_FOUND")
            );
        }
    }
}

#[sqlx::test(migrator = "gateway_connector::MIGRATOR")]
async fn a_method_that_the_gateway_does_not_have_is_unsupported(pool: PgPool) {
    let bench = Bench::new(&pool, Version::V2026_2_9).await;
    let unknown = Failure::invalid("unknown method: skills.status");
    bench.gateway.fail("skills.status", 1, unknown);
    let fault = bench.skills().await.unwrap_err();
    assert_eq!(fault.reason, "GATEWAY_UNSUPPORTED");
    assert_eq!(fault.facts["method"], "skills.status");
}
