//! Agents that go with their board: their tokens end at once, their gateway lets go of them for as long as that takes.

use futures::future::join_all;
use prost_types::FieldMask;
use proto::{
    agent::v1::{
        Agent, AgentStatus, HeartbeatRequest, ListBoardAgentsRequest, ResolveAgentsRequest,
        RetryAgentRequest, UpdateGatewayRequest,
    },
    board::v1::Board,
    event::v1::{BoardDeleted, Event, event::Payload},
};
use sqlx::PgPool;
use tonic::Code;
use uuid::Uuid;

use crate::{
    fixture::{SHORT_DEADLINE, World, calling, key, reason, until},
    stand_in::Mood,
    team::{Team, user},
};

impl World {
    pub(crate) async fn delete_board(&self, board: Uuid, force: bool) {
        let deleted = BoardDeleted {
            board: Some(Board {
                id: board.to_string(),
                organization_id: self.organization.to_string(),
                ..Board::default()
            }),
            force,
        };
        let payload = Payload::BoardDeleted(deleted);
        let event = bus::event(user(), self.organization, self.clock.now(), payload);
        self.tell(event.board(board).build()).await;
    }

    async fn rows(&self, table: &'static str) -> i64 {
        let count = match table {
            "agent" => "select count(*) from agent where board_id is not null",
            "job" => "select count(*) from job",
            "notice" => "select count(*) from notice",
            _ => "select count(*) from delivery",
        };
        sqlx::query_scalar(count)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    async fn until_no_agent_on_boards(&self) {
        until("the agents of boards are gone", || async {
            (self.rows("agent").await == 0).then_some(())
        })
        .await;
    }

    async fn resolved(&self, board: Uuid, agents: &[&Agent]) -> usize {
        let by_board = ResolveAgentsRequest {
            board_id: Some(board.to_string()),
            ..ResolveAgentsRequest::default()
        };
        let by_id = ResolveAgentsRequest {
            agent_ids: agents.iter().map(|agent| agent.id.clone()).collect(),
            ..ResolveAgentsRequest::default()
        };
        let mut found = 0;
        for request in [by_board, by_id] {
            let answer = self.directory().resolve_agents(request).await.unwrap();
            found += answer.into_inner().agents.len();
        }
        found
    }

    async fn retry(&self, agent: &Agent) -> Result<Agent, tonic::Status> {
        let request = RetryAgentRequest {
            agent_id: agent.id.clone(),
        };
        let answer = self.agents(self.admin()).retry_agent(request).await?;
        Ok(answer.into_inner().agent.unwrap())
    }
}

fn about(events: &[Event], agent: &Agent) -> usize {
    events
        .iter()
        .filter(|event| event.agent_id.as_ref() == Some(&agent.id))
        .count()
}

#[sqlx::test(migrations = false)]
async fn the_agents_of_a_deleted_board_are_taken_from_their_gateway(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    team.created(user(), Some(&team.ada)).await;
    team.told(2).await;
    let agents = [&team.lead, &team.ada, &team.bob];
    let mut keys = agents.map(key);
    keys.sort();
    team.world.connector.forget();
    team.world.delete_board(team.board, false).await;
    team.world.until_no_agent_on_boards().await;
    assert_eq!(team.world.connector.removed(), keys);
    let sessions: Vec<_> = team.world.connector.names();
    assert_eq!(sessions, ["remove"; 3]);

    let deleted = team.world.until_heard("agent.deleted", 3).await;
    let revoked = team.world.until_heard("agent.token_changed", 3).await;
    for agent in agents {
        assert_eq!((about(&deleted, agent), about(&revoked, agent)), (1, 1));
    }
    // The main agent of the gateway stays, with the one job that put it in place and the look for its call.
    assert_eq!(team.world.rows("job").await, 1);
    assert_eq!(team.world.rows("delivery").await, 2);
    assert_eq!(team.world.rows("notice").await, 0);
}

#[sqlx::test(migrations = false)]
async fn while_the_gateway_is_down_they_are_nobody_and_when_it_is_up_they_go(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let token = {
        // The files were written before the team was handed over: have them written again.
        let fresh = team.world.worker(team.board, "Carl").await;
        team.world.until(&fresh.id, AgentStatus::Ready).await;
        team.world.token(&fresh).await
    };
    team.world.authenticate(&token).await.unwrap();
    team.world.connector.be(Mood::Failing {
        times: 1_000,
        reason: "GATEWAY_UNREACHABLE",
    });
    team.created(user(), Some(&team.ada)).await;
    team.world.delete_board(team.board, false).await;
    let deleting = until("it tries", || async {
        let agent = team.world.agent(&team.ada.id).await;
        (agent.status() == AgentStatus::Deleting && agent.last_error.is_some()).then_some(agent)
    })
    .await;
    assert_eq!(
        deleting.last_error.as_deref(),
        Some("gateway_unreachable: the gateway said no")
    );
    let refused = team.world.authenticate(&token).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    let cached = calling(&team.ada, team.world.organization);
    let refused = team
        .world
        .agents(cached)
        .heartbeat(HeartbeatRequest {})
        .await
        .unwrap_err();
    assert_eq!(reason(&refused), "AGENT_TOKEN_INVALID");
    let agents = [&team.lead, &team.ada, &team.bob];
    assert_eq!(team.world.resolved(team.board, &agents).await, 0);
    let shown = ListBoardAgentsRequest {
        board_id: team.board.to_string(),
    };
    let shown = team.world.directory().list_board_agents(shown).await;
    assert!(
        shown
            .unwrap()
            .into_inner()
            .agents
            .iter()
            .all(|agent| agent.status() == AgentStatus::Deleting)
    );
    let busy = team.world.retry(&team.ada).await.unwrap_err();
    assert_eq!(reason(&busy), "AGENT_BUSY");
    team.created(user(), Some(&team.ada)).await;
    assert_eq!(team.world.rows("notice").await, 0);

    let world = team.world.restart(&[]).await;
    world.connector.forget();
    world.connector.be(Mood::Well);
    world.until_no_agent_on_boards().await;
    assert!(world.connector.taken().is_empty());
    assert_eq!(world.until_heard("agent.deleted", 4).await.len(), 4);
    assert_eq!(world.rows("notice").await, 0);
    let left: Vec<(String, String, serde_json::Value, Option<String>)> =
        sqlx::query_as("select queue, state, payload, last_error from delivery")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[sqlx::test(migrations = false)]
async fn one_that_its_gateway_does_not_let_go_has_failed_and_can_be_tried_again(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    team.world.connector.be(Mood::Failing {
        times: 1_000,
        reason: "GATEWAY_UNAUTHORIZED",
    });
    team.world.delete_board(team.board, false).await;
    let agents = [&team.lead, &team.ada, &team.bob];
    for agent in agents {
        let failed = team.world.until(&agent.id, AgentStatus::Failed).await;
        assert!(
            failed
                .last_error
                .unwrap()
                .starts_with("gateway_unauthorized")
        );
    }
    assert!(team.world.heard("agent.provision_failed").is_empty());
    assert_eq!(team.world.resolved(team.board, &agents).await, 0);

    let again = team.world.retry(&team.ada).await.unwrap();
    assert_eq!(again.status(), AgentStatus::Deleting);
    team.world.until(&team.ada.id, AgentStatus::Failed).await;
    team.world.connector.forget();
    team.world.connector.be(Mood::Well);
    team.world.retry(&team.ada).await.unwrap();
    until("it is gone", || async {
        (team.world.rows("agent").await == 2).then_some(())
    })
    .await;
    assert_eq!(team.world.connector.removed(), [key(&team.ada)]);
    // A gateway that is opened anew lets the others go.
    let request = UpdateGatewayRequest {
        gateway_id: team.lead.gateway_id.clone(),
        update_mask: Some(FieldMask {
            paths: vec!["token".into()],
        }),
        token: Some("another secret".into()),
        ..UpdateGatewayRequest::default()
    };
    team.world
        .gateways(team.world.admin())
        .update_gateway(request)
        .await
        .unwrap();
    team.world.until_no_agent_on_boards().await;
    assert_eq!(team.world.connector.names(), ["remove"; 3]);
}

#[sqlx::test(migrations = false)]
async fn a_removal_has_a_deadline(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let world = team.world.restart(&SHORT_DEADLINE).await;
    let team = Team { world, ..team };
    team.world.connector.be(Mood::Failing {
        times: 1_000,
        reason: "GATEWAY_BUSY",
    });
    team.world.delete_board(team.board, false).await;
    let failed = team.world.until(&team.ada.id, AgentStatus::Failed).await;
    let told = failed.last_error.unwrap();
    assert!(told.contains("deadline"), "{told}");
}

#[sqlx::test(migrations = false)]
async fn by_force_they_are_gone_at_once_and_nobody_is_asked(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    team.world.connector.be(Mood::HangingOn("send"));
    team.created(user(), Some(&team.ada)).await;
    until("a notice is on its way", || async {
        team.world.connector.names().contains(&"send").then_some(())
    })
    .await;
    team.world.connector.forget();
    team.world.delete_board(team.board, true).await;
    team.world.until_no_agent_on_boards().await;
    let deleted = team.world.until_heard("agent.deleted", 3).await;
    assert!(
        deleted
            .iter()
            .all(|event| event.actor == Some(user()) && event.board_id.is_some())
    );
    team.world.until_quiet().await;
    assert!(team.world.connector.removed().is_empty());
    assert_eq!(team.world.rows("notice").await, 0);
    assert_eq!(team.world.rows("delivery").await, 2);
}

#[sqlx::test(migrations = false)]
async fn what_is_being_put_in_place_is_stopped_and_then_removed(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    team.world.connector.be(Mood::HangingOn("ensure"));
    let carl = team.world.worker(team.board, "Carl").await;
    until("the job is in the middle", || async {
        team.world
            .connector
            .names()
            .contains(&"ensure")
            .then_some(())
    })
    .await;
    team.world.delete_board(team.board, false).await;
    team.world.until(&carl.id, AgentStatus::Deleting).await;
    team.world.connector.be(Mood::Well);
    // The name is free, although its bearer is still there.
    let garage = team.world.board(&team.gateway().await, 1);
    team.world.worker(garage, "Carl").await;
    until("it is gone", || async {
        (team.world.rows("agent").await == 1).then_some(())
    })
    .await;
    let removed = team.world.connector.removed();
    assert!(removed.contains(&key(&carl)), "{removed:?}");
    let written = team.world.connector.file(&key(&carl), "TOOLS.md");
    assert_eq!(
        written, None,
        "it was put in place after its board was gone"
    );
}

#[sqlx::test(migrations = false)]
async fn whoever_comes_late_makes_no_agent_on_a_board_that_is_gone(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.gateway("Lab").await;
    let main = world.main_agent(&gateway).await;
    world.until(&main.id, AgentStatus::Ready).await;
    for round in 0..15 {
        // The directory of boards still knows it, as it would if it had been asked a moment before.
        let board = world.board(&gateway, 5);
        let create = async {
            let name = format!("Worker {round}");
            let request = crate::fixture::wanted(board, &name);
            world.try_create(world.admin(), request).await.map(drop)
        };
        let delete = async {
            world.delete_board(board, round % 2 == 0).await;
            Ok(())
        };
        let both: [futures::future::LocalBoxFuture<'_, Result<(), tonic::Status>>; 2] =
            [Box::pin(create), Box::pin(delete)];
        for result in join_all(both).await {
            if let Err(late) = result {
                assert_eq!(reason(&late), "BOARD_NOT_FOUND");
            }
        }
        until("the deletion is known", || async {
            let known: bool = sqlx::query_scalar("select exists (select from gone where id = $1)")
                .bind(board)
                .fetch_one(&world.pool)
                .await
                .unwrap();
            known.then_some(())
        })
        .await;
        let late = world
            .try_create(world.admin(), crate::fixture::wanted(board, "Late"))
            .await
            .unwrap_err();
        assert_eq!(reason(&late), "BOARD_NOT_FOUND");
    }
    world.until_no_agent_on_boards().await;
}
