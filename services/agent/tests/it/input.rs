use chassis::encode;
use proto::agent::v1::{
    CreateAgentRequest, CreateGatewayRequest, GetAgentRequest, GetGatewayRequest,
    ListAgentNoticesRequest, ListAgentsRequest, ListBoardNoticesRequest, RetryAgentRequest,
};
use serde_json::json;
use sqlx::PgPool;
use tonic::Status;

use crate::fixture::{World, refusal, wanted};

fn field(error: &Status) -> String {
    let (code, _, field) = refusal(error);
    assert_eq!(code, 422, "{error:?}");
    field
}

#[sqlx::test(migrations = false)]
async fn agents_with_absurd_fields_are_refused_by_the_field(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.gateway("Lab").await;
    let board = world.board(&gateway, 1);
    let good = || wanted(board, "Ada");
    let object = |json| encode::to_struct(&json);
    let cases = [
        (
            CreateAgentRequest {
                name: String::new(),
                ..good()
            },
            "name",
        ),
        (
            CreateAgentRequest {
                name: "  ".into(),
                ..good()
            },
            "name",
        ),
        (
            CreateAgentRequest {
                name: "x".repeat(101),
                ..good()
            },
            "name",
        ),
        (
            CreateAgentRequest {
                name: "a\0b".into(),
                ..good()
            },
            "name",
        ),
        (
            CreateAgentRequest {
                name: "a\nb".into(),
                ..good()
            },
            "name",
        ),
        (
            CreateAgentRequest {
                board_id: Some("not a uuid".into()),
                ..good()
            },
            "board_id",
        ),
        (
            CreateAgentRequest {
                soul_template: Some("x".repeat(19_001)),
                ..good()
            },
            "soul_template",
        ),
        (
            CreateAgentRequest {
                identity_template: Some("\0".into()),
                ..good()
            },
            "identity_template",
        ),
        (
            CreateAgentRequest {
                heartbeat_config: object(json!({"every": "soon"})),
                ..good()
            },
            "heartbeat_config.every",
        ),
        (
            CreateAgentRequest {
                heartbeat_config: object(json!({"x": "\0"})),
                ..good()
            },
            "heartbeat_config",
        ),
        (
            CreateAgentRequest {
                identity_profile: object(json!({"role": {"a": 1}})),
                ..good()
            },
            "identity_profile.role",
        ),
        (
            CreateAgentRequest {
                identity_profile: object(json!({"role": "\0x"})),
                ..good()
            },
            "identity_profile.role",
        ),
    ];
    for (request, expected) in cases {
        let error = world.try_create(world.admin(), request).await.unwrap_err();
        assert_eq!(field(&error), expected);
    }
    let count: i64 = sqlx::query_scalar("select count(*) from agent where board_id is not null")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(count, 0);
}

#[sqlx::test(migrations = false)]
async fn blank_and_partial_fields_get_their_defaults(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.gateway("Lab").await;
    let request = CreateAgentRequest {
        name: "  Ada  ".into(),
        heartbeat_config: encode::to_struct(&json!({"every": "20s"})),
        identity_profile: encode::to_struct(&json!({" role ": " Tester ", "x": null})),
        identity_template: Some("  ".into()),
        soul_template: Some(" I am ".into()),
        ..wanted(world.board(&gateway, 1), "")
    };
    let agent = world.try_create(world.admin(), request).await.unwrap();
    assert_eq!(agent.name, "Ada");
    let beat = encode::from_struct(agent.heartbeat_config.as_ref().unwrap());
    assert_eq!(
        beat,
        json!({"every": "20s", "target": "last", "includeReasoning": false})
    );
    assert_eq!(
        encode::from_struct(agent.identity_profile.as_ref().unwrap()),
        json!({"role": "Tester"})
    );
    assert_eq!(
        (agent.identity_template, agent.soul_template),
        (None, Some("I am".into()))
    );
}

#[sqlx::test(migrations = false)]
async fn gateways_with_absurd_fields_are_refused_by_the_field(pool: PgPool) {
    let world = World::start(pool).await;
    let good = || CreateGatewayRequest {
        name: "Lab".into(),
        url: "ws://h:1".into(),
        workspace_root: "/srv".into(),
        ..CreateGatewayRequest::default()
    };
    let cases = [
        (
            CreateGatewayRequest {
                name: " ".into(),
                ..good()
            },
            "name",
        ),
        (
            CreateGatewayRequest {
                name: "x".repeat(201),
                ..good()
            },
            "name",
        ),
        (
            CreateGatewayRequest {
                name: "a\0".into(),
                ..good()
            },
            "name",
        ),
        (
            CreateGatewayRequest {
                url: format!("ws://{}", "h".repeat(3_000)),
                ..good()
            },
            "url",
        ),
        (
            CreateGatewayRequest {
                workspace_root: " ".into(),
                ..good()
            },
            "workspace_root",
        ),
        (
            CreateGatewayRequest {
                workspace_root: "/a\nAUTH_TOKEN=x".into(),
                ..good()
            },
            "workspace_root",
        ),
        (
            CreateGatewayRequest {
                token: Some("x".repeat(5_000)),
                ..good()
            },
            "token",
        ),
        (
            CreateGatewayRequest {
                token: Some("a\0b".into()),
                ..good()
            },
            "token",
        ),
    ];
    for (request, expected) in cases {
        let error = world
            .gateways(world.admin())
            .create_gateway(request)
            .await
            .unwrap_err();
        assert_eq!(field(&error), expected);
    }
    let blank = CreateGatewayRequest {
        token: Some(" ".into()),
        ..good()
    };
    let gateway = world
        .gateways(world.admin())
        .create_gateway(blank)
        .await
        .unwrap()
        .into_inner()
        .gateway
        .unwrap();
    assert!(!gateway.has_token);
}

#[sqlx::test(migrations = false)]
async fn malformed_and_unknown_ids_are_told_apart(pool: PgPool) {
    let world = World::start(pool).await;
    let (mut agents, mut gateways, mut notices) = (
        world.agents(world.admin()),
        world.gateways(world.admin()),
        world.notices(world.admin()),
    );
    let unknown = uuid::Uuid::now_v7().to_string();
    for (id, code) in [("x", 422), ("\0", 422), ("", 422), (unknown.as_str(), 404)] {
        let id = id.to_owned();
        let board = ListBoardNoticesRequest {
            board_id: id.clone(),
            ..Default::default()
        };
        let notice = ListAgentNoticesRequest {
            agent_id: id.clone(),
            ..Default::default()
        };
        let errors = [
            agents
                .get_agent(GetAgentRequest {
                    agent_id: id.clone(),
                })
                .await
                .unwrap_err(),
            agents
                .retry_agent(RetryAgentRequest {
                    agent_id: id.clone(),
                })
                .await
                .unwrap_err(),
            gateways
                .get_gateway(GetGatewayRequest {
                    gateway_id: id.clone(),
                })
                .await
                .unwrap_err(),
            notices.list_agent_notices(notice).await.unwrap_err(),
            notices.list_board_notices(board).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(refusal(&error).0, code, "{id:?} {error:?}");
        }
    }
    for (limit, offset, token) in [
        (Some(0), None, None),
        (Some(201), None, None),
        (None, Some(-1), None),
        (None, None, Some("x")),
    ] {
        let request = ListAgentsRequest {
            limit,
            offset,
            page_token: token.map(str::to_owned),
            ..Default::default()
        };
        assert_eq!(
            refusal(&agents.list_agents(request).await.unwrap_err()).0,
            422
        );
    }
}

#[sqlx::test(migrations = false)]
async fn a_number_of_any_size_is_read_as_it_was_written(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.gateway("Lab").await;
    let numbers = json!([
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        5e-324,
        0.1 + 0.2,
        1e22
    ]);
    let request = CreateAgentRequest {
        heartbeat_config: encode::to_struct(&json!({"every": "20s", "x": numbers})),
        ..wanted(world.board(&gateway, 1), "Ada")
    };
    let agent = world.try_create(world.admin(), request).await.unwrap();
    let read = world.agent(&agent.id).await;
    let beat = encode::from_struct(read.heartbeat_config.as_ref().unwrap());
    assert_eq!(beat["x"], numbers);
}
