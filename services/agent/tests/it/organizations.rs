//! An organization that is deleted leaves nothing here.

use proto::{
    agent::v1::{AgentStatus, GetGatewayRequest, ListAgentsRequest, ListGatewaysRequest},
    board::v1::Board,
    event::v1::{BoardPaused, OrganizationDeleted, event::Payload},
    org::v1::Organization,
};
use sqlx::PgPool;

use crate::{
    fixture::{SHORT_DEADLINE, World, key, reason, until},
    stand_in::Mood,
    team::{Team, user},
};

impl World {
    async fn delete_organization(&self) {
        let deleted = OrganizationDeleted {
            organization: Some(Organization {
                id: self.organization.to_string(),
                ..Organization::default()
            }),
        };
        let payload = Payload::OrganizationDeleted(deleted);
        let event = bus::event(user(), self.organization, self.clock.now(), payload);
        self.tell(event.build()).await;
    }

    /// Tables of the schema that have rows, whoever made them; those of the bus and of migrations aside.
    async fn filled_tables(&self) -> Vec<(String, i64)> {
        let tables: Vec<String> = sqlx::query_scalar(
            "select table_name::text from information_schema.tables
             where table_schema = current_schema() and table_type = 'BASE TABLE'
               and table_name not like '%migration%' and table_name not in ('outbox', 'inbox')
               and table_name not like 'bus%'
             order by table_name",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap();
        assert!(
            [
                "agent",
                "agent_token",
                "delivery",
                "delivery_attempt",
                "gateway",
                "job",
                "notice"
            ]
            .iter()
            .all(|known| tables.iter().any(|table| table == known)),
            "{tables:?}"
        );
        let mut filled = Vec::new();
        for table in tables {
            // The names come from the database's own catalogue.
            let count = sqlx::AssertSqlSafe(format!("select count(*) from \"{table}\""));
            let rows: i64 = sqlx::query_scalar(count)
                .fetch_one(&self.pool)
                .await
                .unwrap();
            if rows > 0 {
                filled.push((table, rows));
            }
        }
        filled
    }

    /// Nothing is left but the ids of what is gone, kept for a day so that nobody makes anything on it.
    async fn until_nothing_is_left(&self, gone: i64) {
        until("nothing is left", || async {
            let filled = self.filled_tables().await;
            (filled == [("gone".to_owned(), gone)]).then_some(())
        })
        .await;
    }
}

/// A row in every table: agents in place and on their way, notices sent and waiting, a paused board.
async fn full(pool: PgPool) -> Team {
    let team = Team::start(pool, &[]).await;
    team.created(user(), Some(&team.ada)).await;
    team.told(2).await;
    let board = Some(Board {
        id: team.board.to_string(),
        ..Board::default()
    });
    team.tell(user(), Payload::BoardPaused(BoardPaused { board }))
        .await;
    team.created(user(), Some(&team.bob)).await;
    until("the notices are held", || async {
        (team.notices(&team.bob).await.len() == 1).then_some(())
    })
    .await;
    team.world.gateway("Without boards").await;
    let filled = team.world.filled_tables().await;
    for table in [
        "agent",
        "gateway",
        "job",
        "notice",
        "delivery",
        "delivery_attempt",
        "paused_board",
    ] {
        assert!(
            filled.iter().any(|(name, _)| name == table),
            "{table}: {filled:?}"
        );
    }
    team
}

#[sqlx::test(migrations = false)]
async fn its_agents_are_taken_from_their_gateways_and_nothing_is_left(pool: PgPool) {
    let team = full(pool).await;
    team.world.connector.forget();
    team.world.delete_organization().await;
    team.world.until_nothing_is_left(1).await;
    let removed = team.world.connector.removed();
    for agent in [&team.lead, &team.ada, &team.bob] {
        assert!(removed.contains(&key(agent)), "{removed:?}");
    }
    assert_eq!(removed.len(), 5);
    team.world.until_heard("agent.deleted", 5).await;
    team.world.until_heard("agent.token_changed", 5).await;
    assert_eq!(team.world.until_heard("gateway.deleted", 2).await.len(), 2);
}

#[sqlx::test(migrations = false)]
async fn a_gateway_that_is_down_keeps_nothing_beyond_the_deadline(pool: PgPool) {
    let team = full(pool).await;
    let world = team.world.restart(&SHORT_DEADLINE).await;
    let team = Team { world, ..team };
    team.world.connector.be(Mood::Failing {
        times: 100_000,
        reason: "GATEWAY_UNREACHABLE",
    });
    team.world.delete_organization().await;
    until("it is known", || async {
        (!team.world.heard("agent.token_changed").is_empty()).then_some(())
    })
    .await;
    // Nobody sees what goes, and nobody adds to it.
    let admin = || team.world.admin();
    let agents = team
        .world
        .agents(admin())
        .list_agents(ListAgentsRequest::default())
        .await;
    let agents = agents.unwrap().into_inner();
    assert_eq!((agents.items.len(), agents.total), (0, 0));
    let gateways = team
        .world
        .gateways(admin())
        .list_gateways(ListGatewaysRequest::default())
        .await;
    assert_eq!(gateways.unwrap().into_inner().total, 0);
    let request = GetGatewayRequest {
        gateway_id: team.lead.gateway_id.clone(),
    };
    let hidden = team.world.gateways(admin()).get_gateway(request).await;
    assert_eq!(reason(&hidden.unwrap_err()), "GATEWAY_NOT_FOUND");
    let late = proto::agent::v1::CreateGatewayRequest {
        name: "Late".into(),
        url: "ws://127.0.0.1:1".into(),
        workspace_root: "/srv".into(),
        ..Default::default()
    };
    let late = team.world.gateways(admin()).create_gateway(late).await;
    assert_eq!(reason(&late.unwrap_err()), "ORGANIZATION_NOT_FOUND");
    team.world.until_nothing_is_left(1).await;
    team.world.until_heard("gateway.deleted", 2).await;
}

#[sqlx::test(migrations = false)]
async fn what_was_left_of_a_board_goes_with_the_organization(pool: PgPool) {
    let team = full(pool).await;
    team.world.connector.be(Mood::Failing {
        times: 1_000,
        reason: "GATEWAY_UNAUTHORIZED",
    });
    team.world.delete_board(team.board, false).await;
    for agent in [&team.lead, &team.ada, &team.bob] {
        team.world.until(&agent.id, AgentStatus::Failed).await;
    }
    team.world.delete_organization().await;
    // The gateway still says no: for good, so nobody waits for it.
    team.world.until_nothing_is_left(2).await;
    assert_eq!(team.world.until_heard("agent.deleted", 5).await.len(), 5);
}

#[sqlx::test(migrations = false)]
async fn another_organization_notices_nothing(pool: PgPool) {
    let team = full(pool).await;
    let payload = Payload::OrganizationDeleted(OrganizationDeleted::default());
    let foreign = uuid::Uuid::from_u128(2);
    let event = bus::event(user(), foreign, team.world.clock.now(), payload).build();
    let before: i64 = sqlx::query_scalar("select count(*) from agent where leaving_at is null")
        .fetch_one(&team.world.pool)
        .await
        .unwrap();
    team.world.tell(event).await;
    team.world.until_quiet().await;
    let after: i64 = sqlx::query_scalar("select count(*) from agent where leaving_at is null")
        .fetch_one(&team.world.pool)
        .await
        .unwrap();
    assert_eq!((before, after), (5, 5));
}
