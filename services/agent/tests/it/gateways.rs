use chassis::Role;
use prost_types::FieldMask;
use proto::agent::v1::{
    AgentStatus, CreateGatewayRequest, Gateway, GetGatewayRequest, ListGatewaysRequest,
    ResolveGatewayRequest, UpdateGatewayRequest,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    fixture::{World, key, person, reason, until},
    stand_in::{Call, Mood},
};

pub(crate) fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask {
        paths: paths.iter().map(|&path| path.to_owned()).collect(),
    })
}

#[sqlx::test(migrations = false)]
async fn creating_a_gateway_answers_at_once_and_brings_its_main_agent(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.gateway("Lab").await;
    assert_eq!(
        gateway,
        Gateway {
            id: gateway.id.clone(),
            organization_id: world.organization.to_string(),
            name: "Lab".into(),
            url: "ws://127.0.0.1:18789".into(),
            has_token: true,
            token: None,
            workspace_root: "~/.openclaw/".into(),
            allow_insecure_tls: false,
            disable_device_pairing: false,
            created_at: gateway.created_at,
            updated_at: gateway.created_at,
        }
    );
    let main = world.main_agent(&gateway).await;
    assert_eq!(main.name, "Lab Gateway Agent");
    assert_eq!(
        main.openclaw_session_id,
        Some(format!("agent:mc-gateway-{}:main", gateway.id))
    );
    let main = world.until(&main.id, AgentStatus::Ready).await;
    let Call::Ensure(ensure) = &world.connector.calls()[0] else {
        panic!("the agent comes first")
    };
    assert_eq!(
        ensure.workspace,
        format!("~/.openclaw/workspace-gateway-{}", gateway.id)
    );
    assert_eq!(
        ensure.target.as_ref().unwrap().token.as_deref(),
        Some("gateway secret")
    );
    assert!(
        world
            .connector
            .file(&key(&main), "AGENTS.md")
            .unwrap()
            .contains("gateway \"Lab\"")
    );
    world.until_heard("agent.provisioned", 1).await;
    assert_eq!(world.heard("gateway.created").len(), 1);
    assert_eq!(world.heard("agent.created").len(), 1);
}

#[sqlx::test(migrations = false)]
async fn the_token_of_a_gateway_is_sealed_and_never_shown(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.gateway("Lab").await;
    let (stored,): (Vec<u8>,) = sqlx::query_as("select token_sealed from gateway")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert!(!stored.windows(6).any(|window| window == b"secret"));
    let told = format!("{:?}", world.until_heard("gateway.created", 1).await);
    assert!(!told.contains("gateway secret"));

    let request = UpdateGatewayRequest {
        gateway_id: gateway.id.clone(),
        update_mask: mask(&["token"]),
        ..UpdateGatewayRequest::default()
    };
    let updated = world
        .gateways(world.admin())
        .update_gateway(request)
        .await
        .unwrap()
        .into_inner()
        .gateway
        .unwrap();
    assert!(!updated.has_token);
    assert_eq!(updated.token, None);
}

#[sqlx::test(migrations = false)]
async fn a_right_token_brings_back_whom_a_wrong_one_kept_out(pool: PgPool) {
    let world = World::start(pool).await;
    world.connector.fail(1, "GATEWAY_UNAUTHORIZED");
    let gateway = world.gateway("Lab").await;
    let main = world.main_agent(&gateway).await;
    world.until(&main.id, AgentStatus::Failed).await;
    let request = UpdateGatewayRequest {
        gateway_id: gateway.id.clone(),
        update_mask: mask(&["token"]),
        token: Some("the right one".into()),
        ..UpdateGatewayRequest::default()
    };
    let mut client = world.gateways(world.admin());
    client.update_gateway(request.clone()).await.unwrap();
    let ready = world.until(&main.id, AgentStatus::Ready).await;
    assert_eq!(ready.last_error, None);

    // The same once more is no change.
    world.until_heard("gateway.updated", 1).await;
    client.update_gateway(request.clone()).await.unwrap();
    let renamed = UpdateGatewayRequest {
        update_mask: mask(&["name"]),
        name: Some("Works".into()),
        token: None,
        ..request
    };
    client.update_gateway(renamed).await.unwrap();
    let told = world.until_heard("gateway.updated", 2).await;
    assert_eq!(told.len(), 2, "{told:?}");
}

#[sqlx::test(migrations = false)]
async fn a_gateway_of_another_organization_does_not_exist(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.gateway("Lab").await;
    let stranger = person(Uuid::from_u128(2), Role::Owner);
    let get = GetGatewayRequest {
        gateway_id: gateway.id.clone(),
    };
    let error = world
        .gateways(stranger.clone())
        .get_gateway(get.clone())
        .await
        .unwrap_err();
    assert_eq!(reason(&error), "GATEWAY_NOT_FOUND");
    let list = world
        .gateways(stranger)
        .list_gateways(ListGatewaysRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert_eq!((list.items.len(), list.total), (0, 0));
    assert_eq!(
        world
            .gateways(world.admin())
            .get_gateway(get)
            .await
            .unwrap()
            .into_inner()
            .gateway,
        Some(gateway.clone())
    );

    let resolve = |organization: Uuid| ResolveGatewayRequest {
        gateway_id: gateway.id.clone(),
        organization_id: organization.to_string(),
    };
    let found = world
        .directory()
        .resolve_gateway(resolve(world.organization))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        found.main_agent_id,
        Some(world.main_agent(&gateway).await.id)
    );
    let error = world
        .directory()
        .resolve_gateway(resolve(Uuid::from_u128(2)))
        .await
        .unwrap_err();
    assert_eq!(reason(&error), "GATEWAY_NOT_FOUND");
}

#[sqlx::test(migrations = false)]
async fn members_cannot_touch_gateways(pool: PgPool) {
    let world = World::start(pool).await;
    let member = person(world.organization, Role::Member);
    let error = world
        .gateways(member)
        .list_gateways(ListGatewaysRequest::default())
        .await
        .unwrap_err();
    assert_eq!(error.code(), tonic::Code::PermissionDenied);
}

#[sqlx::test(migrations = false)]
async fn addresses_that_are_no_gateways_are_refused(pool: PgPool) {
    let world = World::start(pool).await;
    for url in ["http://h", "ws://", "h:1", "ws://u:p@h", "", "ws://h\0"] {
        let request = CreateGatewayRequest {
            name: "Lab".into(),
            url: url.into(),
            workspace_root: "/srv".into(),
            ..CreateGatewayRequest::default()
        };
        let error = world
            .gateways(world.admin())
            .create_gateway(request)
            .await
            .unwrap_err();
        assert_eq!(error.code(), tonic::Code::InvalidArgument, "{url}");
        assert!(
            ["GATEWAY_URL_INVALID", "INVALID_REQUEST"].contains(&reason(&error).as_str()),
            "{url}"
        );
        assert_eq!(chassis::fault::read(&error).fields[0].field, "url", "{url}");
    }
    let count: i64 = sqlx::query_scalar("select count(*) from agent")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(count, 0);
}

#[sqlx::test(migrations = false)]
async fn only_what_differs_is_changed_and_only_what_stands_in_files_is_written_again(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.gateway("Lab").await;
    let board = world.board(&gateway, 1);
    let worker = world.worker(board, "Ada").await;
    let main = world.main_agent(&gateway).await;
    world.until(&main.id, AgentStatus::Ready).await;
    world.until(&worker.id, AgentStatus::Ready).await;
    world.connector.forget();

    let update = |paths: &[&str]| UpdateGatewayRequest {
        gateway_id: gateway.id.clone(),
        update_mask: mask(paths),
        name: Some("Lab".into()),
        url: Some("wss://gw.example.com".into()),
        workspace_root: Some("/srv".into()),
        ..UpdateGatewayRequest::default()
    };
    let mut client = world.gateways(world.admin());
    let same = client
        .update_gateway(update(&["name"]))
        .await
        .unwrap()
        .into_inner()
        .gateway
        .unwrap();
    assert_eq!(same, gateway);
    client.update_gateway(update(&["url"])).await.unwrap();
    let events = world.until_heard("gateway.updated", 1).await;
    assert_eq!(events.len(), 1);
    assert!(world.connector.calls().is_empty());

    client
        .update_gateway(update(&["workspace_root"]))
        .await
        .unwrap();
    for agent in [&main, &worker] {
        let tools = until("the files are written again", || async {
            world
                .connector
                .file(&key(agent), "TOOLS.md")
                .filter(|tools| tools.contains("WORKSPACE_ROOT=/srv"))
        })
        .await;
        assert!(tools.contains("AUTH_TOKEN=mca_"));
        world.until(&agent.id, AgentStatus::Ready).await;
    }
    let ensured = world
        .connector
        .calls()
        .into_iter()
        .find_map(|call| match call {
            Call::Ensure(ensure) => Some(ensure.target.unwrap().url),
            _ => None,
        });
    assert_eq!(ensured.as_deref(), Some("wss://gw.example.com"));

    let rename = UpdateGatewayRequest {
        name: Some("Garage".into()),
        ..update(&["name"])
    };
    client.update_gateway(rename).await.unwrap();
    assert_eq!(world.agent(&main.id).await.name, "Garage Gateway Agent");
}

#[sqlx::test(migrations = false)]
async fn null_for_what_cannot_be_absent_is_refused(pool: PgPool) {
    let world = World::start(pool).await;
    let gateway = world.gateway("Lab").await;
    for field in [
        "name",
        "url",
        "workspace_root",
        "allow_insecure_tls",
        "disable_device_pairing",
    ] {
        let request = UpdateGatewayRequest {
            gateway_id: gateway.id.clone(),
            update_mask: mask(&[field]),
            ..UpdateGatewayRequest::default()
        };
        let error = world
            .gateways(world.admin())
            .update_gateway(request)
            .await
            .unwrap_err();
        assert_eq!(chassis::fault::read(&error).fields[0].field, field);
    }
}

#[sqlx::test(migrations = false)]
async fn gateways_are_listed_in_pages_newest_first(pool: PgPool) {
    let world = World::start(pool).await;
    let mut names = Vec::new();
    for n in 0..5 {
        names.insert(0, world.gateway(&format!("G{n}")).await.name);
    }
    let mut client = world.gateways(world.admin());
    let (mut seen, mut token) = (Vec::new(), None);
    loop {
        let request = ListGatewaysRequest {
            limit: Some(2),
            page_token: token,
            ..ListGatewaysRequest::default()
        };
        let page = client.list_gateways(request).await.unwrap().into_inner();
        assert_eq!((page.total, page.limit, page.offset), (5, 2, 0));
        seen.extend(page.items.into_iter().map(|gateway| gateway.name));
        token = page.next_page_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen, names);
}

#[sqlx::test(migrations = false)]
async fn a_change_during_a_job_gets_a_job_of_its_own(pool: PgPool) {
    let world = World::start(pool).await;
    world.connector.be(Mood::HangingOn("send"));
    let gateway = world.gateway("Lab").await;
    let main = world.main_agent(&gateway).await;
    until("the files are written", || async {
        world.connector.names().contains(&"send").then_some(())
    })
    .await;
    let request = UpdateGatewayRequest {
        gateway_id: gateway.id.clone(),
        update_mask: mask(&["workspace_root"]),
        workspace_root: Some("/srv".into()),
        ..UpdateGatewayRequest::default()
    };
    world
        .gateways(world.admin())
        .update_gateway(request)
        .await
        .unwrap();
    world.connector.be(Mood::Well);
    world.until_heard("agent.provisioned", 2).await;
    world.until(&main.id, AgentStatus::Ready).await;
    assert!(
        world
            .connector
            .file(&key(&main), "TOOLS.md")
            .unwrap()
            .contains("WORKSPACE_ROOT=/srv\n")
    );
}

#[sqlx::test(migrations = false)]
async fn a_corrected_address_is_tried_at_once(pool: PgPool) {
    let extra = ["--lifecycle-retry-schedule", "30m"];
    let world = World::start_with(pool, chassis::Clock::system(), &extra).await;
    world.connector.fail(1, "GATEWAY_UNREACHABLE");
    let gateway = world.gateway("Lab").await;
    let main = world.main_agent(&gateway).await;
    until("it waits", || async {
        world.agent(&main.id).await.last_error
    })
    .await;
    let request = UpdateGatewayRequest {
        gateway_id: gateway.id.clone(),
        update_mask: mask(&["url"]),
        url: Some("ws://127.0.0.1:18790".into()),
        ..UpdateGatewayRequest::default()
    };
    world
        .gateways(world.admin())
        .update_gateway(request)
        .await
        .unwrap();
    world.until(&main.id, AgentStatus::Ready).await;
}
