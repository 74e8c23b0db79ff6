//! Agents that are changed: what differs reaches the gateway, and nothing else happens.

use prost_types::{Struct, Value, value::Kind};
use proto::{
    agent::v1::{AgentStatus, UpdateAgentRequest},
    event::v1::event::Payload,
};
use sqlx::PgPool;

use crate::{
    fixture::{World, key, refusal, until},
    life::{change, renamed},
    stand_in::{Call, Mood},
};

fn object(pairs: &[(&str, &str)]) -> Struct {
    let fields = pairs.iter().map(|(name, value)| {
        let kind = Some(Kind::StringValue((*value).to_owned()));
        ((*name).to_owned(), Value { kind })
    });
    Struct {
        fields: fields.collect(),
    }
}

#[sqlx::test(migrations = false)]
async fn a_change_brings_the_files_and_keeps_token_and_session(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, _) = world.placed("Ada").await;
    let token = token_before(&world, &agent).await;
    let changed = UpdateAgentRequest {
        soul_template: Some("Kind and exact. {{ braces }} stay.".into()),
        identity_profile: Some(object(&[("role", "Editor")])),
        ..change(&agent, &["soul_template", "identity_profile"])
    };
    let after = world.update(changed).await.unwrap();
    assert_eq!(after.status(), AgentStatus::Pending);
    let after = world.until(&agent.id, AgentStatus::Ready).await;
    assert_eq!(world.connector.names(), ["ensure", "write"]);
    let soul = world.connector.file(&key(&agent), "SOUL.md").unwrap();
    assert_eq!(soul, "Kind and exact. {{ braces }} stay.\n");
    assert_eq!(world.connector.token(&key(&agent)).unwrap(), token);
    world.authenticate(&token).await.unwrap();
    assert_eq!(after.wake_attempts, Some(1), "nobody woke it again");

    let told = world.heard("agent.updated");
    let fields = told.iter().find_map(|event| match &event.payload {
        Some(Payload::AgentUpdated(updated)) if updated.changed_fields.len() == 3 => {
            Some(updated.changed_fields.clone())
        }
        _ => None,
    });
    assert_eq!(
        fields.unwrap(),
        ["identity_profile", "soul_template", "status"]
    );
    assert!(world.heard("agent.token_changed").is_empty());
}

/// The token of an agent whose writing was forgotten.
async fn token_before(world: &World, agent: &proto::agent::v1::Agent) -> String {
    let forced = UpdateAgentRequest {
        force: Some(true),
        ..change(agent, &[])
    };
    world.update(forced).await.unwrap();
    let token = world.token(agent).await;
    world.until(&agent.id, AgentStatus::Ready).await;
    world.until_quiet().await;
    world.connector.forget();
    token
}

#[sqlx::test(migrations = false)]
async fn what_does_not_differ_changes_nothing(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, board) = world.placed("Ada").await;
    world.until_quiet().await;
    let (heard, before) = (
        world.heard("agent.updated").len(),
        world.agent(&agent.id).await,
    );
    let same = UpdateAgentRequest {
        name: Some(" Ada ".into()),
        board_id: Some(board.to_string()),
        is_gateway_main: Some(false),
        heartbeat_config: None,
        identity_template: Some("  ".into()),
        ..change(
            &agent,
            &[
                "name",
                "board_id",
                "is_gateway_main",
                "heartbeat_config",
                "identity_template",
            ],
        )
    };
    assert_eq!(world.update(same).await.unwrap(), before);
    assert_eq!(world.update(change(&agent, &[])).await.unwrap(), before);
    world.until_quiet().await;
    assert_eq!(world.heard("agent.updated").len(), heard);
    assert_eq!(world.jobs(&agent).await.len(), 1);
    assert!(world.connector.calls().is_empty());
}

#[sqlx::test(migrations = false)]
async fn a_forced_change_writes_everything_again_and_wakes(pool: PgPool) {
    let world = World::start(pool).await;
    let (_, board) = world.placed("Ada").await;
    let lead = world.lead(board, "Lena").await;
    world.until(&lead.id, AgentStatus::Ready).await;
    world.until_quiet().await;
    world.connector.forget();
    let forced = UpdateAgentRequest {
        force: Some(true),
        ..change(&lead, &[])
    };
    world.update(forced).await.unwrap();
    world.until_heard("agent.wakeup.sent", 4).await;
    world.until(&lead.id, AgentStatus::Ready).await;
    assert_eq!(world.connector.names(), ["ensure", "write", "send"]);
    assert!(world.connector.file(&key(&lead), "BOOTSTRAP.md").is_some());
    let calls = world.connector.calls();
    let kept: Vec<&str> = calls
        .iter()
        .filter_map(|call| match call {
            Call::Write(write) => Some(&write.files),
            _ => None,
        })
        .flatten()
        .filter(|file| file.keep_existing)
        .map(|file| file.name.as_str())
        .collect();
    assert_eq!(kept, ["MEMORY.md", "USER.md"]);
}

#[sqlx::test(migrations = false)]
async fn a_new_pace_alone_writes_no_files(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, _) = world.placed("Ada").await;
    let paced = UpdateAgentRequest {
        heartbeat_config: Some(object(&[("every", "30m")])),
        ..change(&agent, &["heartbeat_config"])
    };
    world.update(paced).await.unwrap();
    world.until(&agent.id, AgentStatus::Ready).await;
    assert_eq!(world.connector.names(), ["ensure"]);
    assert_eq!(world.jobs(&agent).await[0].kind, "pace");
}

#[sqlx::test(migrations = false)]
async fn what_cannot_be_changed_is_refused_with_its_field(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, board) = world.placed("Ada").await;
    let lead = world.lead(board, "Lena").await;
    let gateway = world.gateway("Other").await;
    let other = world.board(&gateway, 3);
    let main = world.main_agent(&gateway).await;
    let refused = |request| async { refusal(&world.update(request).await.unwrap_err()) };
    let is = |code: u16, reason: &str, field: &str| (code, reason.to_owned(), field.to_owned());

    let status = UpdateAgentRequest {
        status: Some("online".into()),
        ..change(&agent, &["status"])
    };
    assert_eq!(refused(status).await, is(403, "STATUS_READ_ONLY", ""));
    let role = UpdateAgentRequest {
        is_gateway_main: Some(true),
        ..change(&agent, &["is_gateway_main"])
    };
    assert_eq!(
        refused(role).await,
        is(422, "ROLE_FIXED", "is_gateway_main")
    );
    for stuck in [&lead, &main] {
        assert_eq!(
            refused(crate::life::moved(stuck, other)).await,
            is(422, "LEAD_CANNOT_MOVE", "board_id")
        );
    }
    for field in ["name", "board_id", "is_gateway_main"] {
        assert_eq!(
            refused(change(&agent, &[field])).await,
            is(422, "INVALID_REQUEST", field)
        );
    }
    for (name, reason) in [("", "name"), ("a\0b", "name"), (&"x".repeat(101), "name")] {
        assert_eq!(
            refused(renamed(&agent, name)).await,
            is(422, "INVALID_REQUEST", reason)
        );
    }
    assert_eq!(
        refused(renamed(&agent, "LENA")).await,
        is(409, "AGENT_NAME_TAKEN", "")
    );
    let nobody = UpdateAgentRequest {
        agent_id: uuid::Uuid::now_v7().to_string(),
        ..renamed(&agent, "x")
    };
    assert_eq!(refused(nobody).await, is(404, "AGENT_NOT_FOUND", ""));
    world.delete(world.admin(), &agent.id, false).await.unwrap();
    let late = world.update(renamed(&agent, "x")).await;
    let (code, reason, _) = refusal(&late.unwrap_err());
    assert!(
        matches!(
            (code, reason.as_str()),
            (409, "AGENT_LEAVING") | (404, "AGENT_NOT_FOUND")
        ),
        "{code} {reason}"
    );
}

#[sqlx::test(migrations = false)]
async fn a_change_during_a_job_is_brought_by_the_one_that_follows(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, _) = world.placed("Ada").await;
    world.connector.be(Mood::HangingOn("write"));
    world.update(renamed(&agent, "Ada L")).await.unwrap();
    until("a job is under way", || async {
        world.connector.names().contains(&"write").then_some(())
    })
    .await;
    let after = world.update(renamed(&agent, "Ada Lovelace")).await.unwrap();
    assert_eq!(
        (after.name.as_str(), after.status()),
        ("Ada Lovelace", AgentStatus::Updating)
    );
    world.connector.be(Mood::Well);
    until("the last name is brought", || async {
        let identity = world.connector.file(&key(&agent), "IDENTITY.md")?;
        let done = world.planned("lifecycle").await == 0;
        (identity.contains("Ada Lovelace") && done).then_some(())
    })
    .await;
    world.until(&agent.id, AgentStatus::Ready).await;
}

#[sqlx::test(migrations = false)]
async fn a_change_of_a_failed_agent_tries_again(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, _) = world.placed("Ada").await;
    world.connector.fail(1, "GATEWAY_UNAUTHORIZED");
    world.update(renamed(&agent, "Ada L")).await.unwrap();
    world.until(&agent.id, AgentStatus::Failed).await;
    let again = world.update(renamed(&agent, "Ada Lovelace")).await.unwrap();
    assert_eq!(again.status(), AgentStatus::Pending);
    let ready = world.until(&agent.id, AgentStatus::Ready).await;
    assert_eq!(ready.last_error, None);
}

#[sqlx::test(migrations = false)]
async fn of_changes_at_once_the_last_one_is_on_the_gateway(pool: PgPool) {
    let world = World::start(pool).await;
    let (agent, _) = world.placed("Ada").await;
    for round in 0..8 {
        let names: Vec<String> = (0..4).map(|n| format!("Ada {round} {n}")).collect();
        let changes = names.iter().map(|name| world.update(renamed(&agent, name)));
        for changed in futures::future::join_all(changes).await {
            changed.unwrap();
        }
        let now = world.until(&agent.id, AgentStatus::Ready).await;
        until("the last name is on the gateway", || async {
            let identity = world.connector.file(&key(&agent), "IDENTITY.md")?;
            let quiet = world.planned("lifecycle").await == 0;
            (quiet && identity.contains(&now.name)).then_some(())
        })
        .await;
    }
    let unfinished: i64 = sqlx::query_scalar("select count(*) from job where finished_at is null")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(unfinished, 0);
}
