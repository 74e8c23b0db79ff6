//! The pace of many agents at once, and lists that cost the same however long they are.

use chassis::{Clock, testing::statements};
use proto::agent::v1::{
    ActingUser, Agent, AgentPhase, AgentStatus, ApplyHeartbeatRequest, ApplyHeartbeatResponse,
    ListAgentNoticesRequest, ListBoardAgentsRequest, ListBoardNoticesRequest, ResolveAgentsRequest,
};
use serde_json::{Value, json};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    fixture::{World, refusal},
    stand_in::{Call, Mood},
    team::{Team, user},
};

impl Team {
    pub(crate) fn pace(&self, every: &str, leads: bool) -> ApplyHeartbeatRequest {
        ApplyHeartbeatRequest {
            organization_id: self.world.organization.to_string(),
            board_ids: vec![self.board.to_string(), Uuid::now_v7().to_string()],
            every: every.into(),
            include_board_leads: leads,
            requested_by: Some(ActingUser {
                kind: "user".into(),
                id: Uuid::from_u128(77).to_string(),
                name: "Grace Hopper".into(),
            }),
        }
    }

    pub(crate) async fn set(
        &self,
        request: ApplyHeartbeatRequest,
    ) -> Result<ApplyHeartbeatResponse, Status> {
        let answer = self.world.directory().apply_heartbeat(request).await?;
        Ok(answer.into_inner())
    }
}

fn ids(agents: &[&Agent]) -> Vec<String> {
    agents.iter().map(|agent| agent.id.clone()).collect()
}

fn config(agent: &Agent) -> Value {
    chassis::encode::from_struct(agent.heartbeat_config.as_ref().unwrap())
}

#[sqlx::test(migrations = false)]
async fn a_new_pace_reaches_every_gateway_and_disturbs_no_session(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let token = {
        let carl = team.world.worker(team.board, "Carl").await;
        team.world.until(&carl.id, AgentStatus::Ready).await;
        let token = team.world.token(&carl).await;
        team.world.authenticate(&token).await.unwrap();
        sqlx::query("update agent set heartbeat_config = heartbeat_config || '{\"every\": \"5m\", \"model\": \"small\"}' where id = $1::uuid")
            .bind(&carl.id)
            .execute(&team.world.pool)
            .await
            .unwrap();
        (carl, token)
    };
    let (carl, token) = token;
    team.world.connector.forget();
    let answer = team.set(team.pace("5m", false)).await.unwrap();
    let expected = ApplyHeartbeatResponse {
        updated_agent_ids: ids(&[&team.ada, &team.bob]),
        failed_agent_ids: Vec::new(),
        unchanged_agent_ids: ids(&[&carl]),
    };
    assert_eq!(answer, expected);
    for agent in [&team.ada, &team.bob] {
        let agent = team.world.until(&agent.id, AgentStatus::Ready).await;
        assert_eq!(
            config(&agent),
            json!({"every": "5m", "target": "last", "includeReasoning": false})
        );
    }
    let calls = team.world.connector.calls();
    assert_eq!(calls.len(), 2, "{calls:?}");
    for call in &calls {
        let Call::Ensure(ensure) = call else {
            panic!("{call:?}")
        };
        let told = chassis::encode::from_struct(ensure.heartbeat.as_ref().unwrap());
        assert_eq!(told["every"], "5m");
    }
    team.world.authenticate(&token).await.unwrap();
    let lead = team.world.agent(&team.lead.id).await;
    assert_eq!(config(&lead)["every"], "10m");

    let events = team.world.until_heard("agent.updated", 4).await;
    let told: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.payload {
            Some(proto::event::v1::event::Payload::AgentUpdated(updated))
                if updated.changed_fields == ["heartbeat_config"] =>
            {
                assert_eq!(event.actor, Some(user()));
                event.agent_id.clone()
            }
            _ => None,
        })
        .collect();
    assert_eq!(told, ids(&[&team.ada, &team.bob]));

    let again = team.set(team.pace("5m", true)).await.unwrap();
    assert_eq!(again.updated_agent_ids, ids(&[&team.lead]));
    assert_eq!(
        again.unchanged_agent_ids,
        ids(&[&team.ada, &team.bob, &carl])
    );
    let kept = config(&team.world.agent(&carl.id).await);
    assert_eq!(kept["model"], "small");
}

#[sqlx::test(migrations = false)]
async fn a_job_under_way_is_followed_by_one_with_the_new_pace(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    team.world.connector.be(Mood::Failing {
        times: 20,
        reason: "GATEWAY_BUSY",
    });
    let carl = team.world.worker(team.board, "Carl").await;
    let answer = team.set(team.pace("7m", false)).await.unwrap();
    assert_eq!(
        answer.updated_agent_ids,
        ids(&[&team.ada, &team.bob, &carl])
    );
    team.world.connector.be(Mood::Well);
    for agent in [&carl, &team.ada, &team.bob] {
        crate::fixture::until("the gateway knows the pace", || async {
            let agent = team.world.agent(&agent.id).await;
            let calls = team.world.connector.calls();
            let last = calls.iter().rev().find_map(|call| match call {
                Call::Ensure(ensure) if ensure.display_name == agent.name => Some(ensure.clone()),
                _ => None,
            })?;
            let told = chassis::encode::from_struct(last.heartbeat.as_ref().unwrap());
            (told["every"] == "7m" && agent.phase() == AgentPhase::Ready).then_some(())
        })
        .await;
    }
}

#[sqlx::test(migrations = false)]
async fn paces_in_quick_succession_leave_tokens_as_they_are(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let carl = team.world.worker(team.board, "Carl").await;
    team.world.until(&carl.id, AgentStatus::Ready).await;
    let token = team.world.token(&carl).await;
    team.world.authenticate(&token).await.unwrap();
    for round in 0..10 {
        // The first is still told when the others arrive.
        team.world.connector.be(Mood::Failing {
            times: 3,
            reason: "GATEWAY_BUSY",
        });
        for every in ["5m", "6m", "7m"] {
            team.set(team.pace(every, false)).await.unwrap();
        }
        team.world.connector.be(Mood::Well);
        crate::fixture::until("the gateway knows the pace", || async {
            let told = team.world.connector.calls().into_iter().rev();
            let last = told.filter_map(|call| match call {
                Call::Ensure(ensure) if ensure.display_name == carl.name => ensure.heartbeat,
                _ => None,
            });
            let told = chassis::encode::from_struct(&last.take(1).next()?);
            let settled = "select count(*) from job where finished_at is null";
            let open: i64 = sqlx::query_scalar(settled)
                .fetch_one(&team.world.pool)
                .await
                .unwrap();
            (told["every"] == "7m" && open == 0).then_some(())
        })
        .await;
        assert_eq!(team.world.token(&carl).await, token, "round {round}");
        team.world.authenticate(&token).await.unwrap();
    }
}

#[sqlx::test(migrations = false)]
async fn one_that_goes_cannot_be_paced_and_strangers_are_not_touched(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    team.world.connector.be(Mood::Failing {
        times: 1_000,
        reason: "GATEWAY_BUSY",
    });
    team.world.delete_board(team.board, false).await;
    team.world.until(&team.ada.id, AgentStatus::Deleting).await;
    let answer = team.set(team.pace("5m", false)).await.unwrap();
    let expected = ApplyHeartbeatResponse {
        failed_agent_ids: ids(&[&team.ada, &team.bob]),
        ..ApplyHeartbeatResponse::default()
    };
    assert_eq!(answer, expected);
    let foreign = ApplyHeartbeatRequest {
        organization_id: Uuid::from_u128(2).to_string(),
        ..team.pace("5m", true)
    };
    assert_eq!(
        team.set(foreign).await.unwrap(),
        ApplyHeartbeatResponse::default()
    );
    for (request, field) in [
        (team.pace("banana", false), "every"),
        (team.pace("", false), "every"),
        (team.pace("31d", false), "every"),
        (
            ApplyHeartbeatRequest {
                board_ids: vec![Uuid::now_v7().to_string(); 201],
                ..team.pace("5m", false)
            },
            "board_ids",
        ),
        (
            ApplyHeartbeatRequest {
                organization_id: "x".into(),
                ..team.pace("5m", false)
            },
            "organization_id",
        ),
    ] {
        let refused = team.set(request).await.unwrap_err();
        let (code, _, named) = refusal(&refused);
        assert_eq!((code, named.as_str()), (422, field));
    }
}

/// Adds workers that are in place, each with a notice, without asking anybody.
async fn crowd(world: &World, gateway: &str, board: Uuid, from: i32, to: i32) {
    sqlx::query(
        "with crew as (
             insert into agent (
                 id, organization_id, gateway_id, board_id, name, is_board_lead, phase, heartbeat_config,
                 provisioned_at, created_at, updated_at
             )
             select gen_random_uuid(), $1, $2::uuid, $3, 'Worker ' || n, false, 'ready', '{\"every\": \"10m\"}', now(),
                    now() + n * interval '1 ms', now()
             from generate_series($4, $5) as n
             returning id
         )
         insert into notice (id, event_id, organization_id, board_id, agent_id, kind, message, held, created_at)
         select gen_random_uuid(), gen_random_uuid(), $1, $3, coalesce((select id from agent where name = 'Worker 1'), id),
                'task_comment', 'x', false, now()
         from crew",
    )
    .bind(world.organization)
    .bind(gateway)
    .bind(board)
    .bind(from)
    .bind(to)
    .execute(&world.pool)
    .await
    .unwrap();
}

#[sqlx::test(migrations = false)]
async fn a_list_costs_the_same_however_long_it_is(pool: PgPool) {
    statements();
    let world = World::start_with(pool, Clock::system(), &[]).await;
    let gateway = world.gateway("Lab").await;
    let main = world.main_agent(&gateway).await;
    world.until(&main.id, AgentStatus::Ready).await;
    let board = world.board(&gateway, 5);
    crowd(&world, &gateway.id, board, 1, 10).await;
    let first: Uuid = sqlx::query_scalar("select id from agent where name = 'Worker 1'")
        .fetch_one(&world.pool)
        .await
        .unwrap();

    let few = costs(&world, board, first, 10).await;
    crowd(&world, &gateway.id, board, 11, 1_000).await;
    let many = costs(&world, board, first, 1_000).await;
    assert_eq!(few, many);
    assert!(few.iter().all(|cost| (1..=4).contains(cost)), "{few:?}");
}

/// How many statements each list issues.
async fn costs(world: &World, board: Uuid, agent: Uuid, expected: usize) -> Vec<u64> {
    let mut costs = Vec::new();
    let mut before = statements();
    let mut measure = |costs: &mut Vec<u64>| {
        let now = statements();
        costs.push(now - before);
        before = now;
    };
    let shown = ListBoardAgentsRequest {
        board_id: board.to_string(),
    };
    let shown = world.directory().list_board_agents(shown).await.unwrap();
    let shown = shown.into_inner().agents;
    measure(&mut costs);
    assert_eq!(shown.len(), expected);
    let newest = format!("Worker {expected}");
    assert_eq!(shown[0].name, newest);
    assert!(shown.iter().all(|agent| agent.heartbeat_config.is_some()));

    let resolve = ResolveAgentsRequest {
        board_ids: vec![board.to_string(), Uuid::now_v7().to_string()],
        ..ResolveAgentsRequest::default()
    };
    let resolved = world.directory().resolve_agents(resolve).await.unwrap();
    measure(&mut costs);
    assert_eq!(resolved.into_inner().agents.len(), expected);

    let of_board = ListBoardNoticesRequest {
        board_id: board.to_string(),
        ..ListBoardNoticesRequest::default()
    };
    let of_board = world
        .notices(world.admin())
        .list_board_notices(of_board)
        .await
        .unwrap()
        .into_inner();
    measure(&mut costs);
    assert_eq!(of_board.total, i64::try_from(expected).unwrap());
    assert_eq!(of_board.items.len(), expected.min(200));

    let of_agent = ListAgentNoticesRequest {
        agent_id: agent.to_string(),
        ..ListAgentNoticesRequest::default()
    };
    let of_agent = world
        .notices(world.admin())
        .list_agent_notices(of_agent)
        .await
        .unwrap()
        .into_inner();
    measure(&mut costs);
    assert!(of_agent.total >= 1);
    costs
}
