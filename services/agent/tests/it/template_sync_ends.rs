//! Template syncs that begin twice, lose an agent, are refused, waited for, and forgotten.

use std::time::{Duration, Instant};

use chassis::{Clock, Role};
use chrono::TimeDelta;
use futures::future::join_all;
use proto::agent::v1::{AgentStatus, SyncTemplatesRequest};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    fixture::{World, person, reason, refusal, until, wanted},
    stand_in::Mood,
    team::Team,
};

#[sqlx::test(migrations = false)]
async fn an_agent_that_goes_meanwhile_does_not_keep_it_open(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    team.world.connector.be(Mood::HangingOn("write"));
    let board = SyncTemplatesRequest {
        board_id: Some(team.board.to_string()),
        wait_seconds: Some(0),
        ..team.wanted()
    };
    let sync = team.sync(board).await;
    assert_eq!(sync.agents_pending, 3);
    team.world.delete_board(team.board, true).await;
    let ended = team.until_synced(&sync).await;
    assert_eq!((ended.agents_updated, ended.agents_skipped), (0, 3));
    assert!(
        ended
            .errors
            .iter()
            .all(|error| error.message == "it was deleted meanwhile")
    );
    assert_eq!(team.world.finished(1).await, [ended]);
    team.world.connector.be(Mood::Well);
}

#[sqlx::test(migrations = false)]
async fn of_several_who_begin_one_does(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let mut ids = Vec::new();
    for _ in 0..10 {
        // One that has ended would let the next begin.
        team.world.connector.be(Mood::Waiting);
        let outcomes = join_all((0..6).map(|_| {
            let at_once = SyncTemplatesRequest {
                wait_seconds: Some(0),
                ..team.wanted()
            };
            team.world.sync(at_once)
        }))
        .await;
        let (begun, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        let sync = begun.into_iter().map(Result::unwrap).collect::<Vec<_>>();
        assert_eq!(sync.len(), 1);
        for refused in refused.into_iter().filter_map(Result::err) {
            let fault = chassis::fault::read(&refused);
            assert_eq!(fault.reason, "TEMPLATE_SYNC_RUNNING");
            assert_eq!(fault.facts["sync_id"], sync[0].id());
        }
        team.world.connector.be(Mood::Well);
        let ended = team.until_synced(&sync[0]).await;
        assert_eq!((ended.agents_updated, ended.main_updated), (3, true));
        ids.push(sync[0].id.clone());
    }
    let told: Vec<_> = team
        .world
        .finished(10)
        .await
        .into_iter()
        .map(|sync| sync.id)
        .collect();
    assert_eq!(told, ids);
}

#[sqlx::test(migrations = false)]
async fn a_board_of_another_gateway_is_one_error_and_nothing_is_planned(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let elsewhere = team.world.gateway("Garage").await;
    let board = team.world.board(&elsewhere, 1);
    let main = team.world.main_agent(&elsewhere).await;
    team.world.until(&main.id, AgentStatus::Ready).await;
    team.world.connector.forget();
    let foreign = |id: &str| SyncTemplatesRequest {
        board_id: Some(id.into()),
        ..team.wanted()
    };
    let sync = team.sync(foreign(&board.to_string())).await;
    assert_eq!(
        (sync.errors.len(), sync.id(), sync.agents_pending),
        (1, "", 0)
    );
    assert_eq!(sync.errors[0].board_id, Some(board.to_string()));
    assert!(team.world.connector.calls().is_empty());
    assert!(
        team.world
            .heard("gateway.templates_sync_started")
            .is_empty()
    );

    let waits = |seconds| SyncTemplatesRequest {
        wait_seconds: Some(seconds),
        ..team.wanted()
    };
    for (request, field) in [
        (waits(-1), "wait_seconds"),
        (waits(61), "wait_seconds"),
        (foreign("seven"), "board_id"),
    ] {
        let refused = team.world.sync(request).await.unwrap_err();
        assert_eq!(
            refusal(&refused),
            (422, "INVALID_REQUEST".into(), field.into())
        );
    }
    let unknown = team
        .world
        .sync(foreign(&Uuid::now_v7().to_string()))
        .await
        .unwrap_err();
    assert_eq!(reason(&unknown), "BOARD_NOT_FOUND");
    let done = team.sync(team.wanted()).await;
    for (gateway, id, expected) in [
        (&elsewhere.id, done.id(), "TEMPLATE_SYNC_NOT_FOUND"),
        (
            &done.gateway_id,
            &Uuid::now_v7().to_string(),
            "TEMPLATE_SYNC_NOT_FOUND",
        ),
        (&done.gateway_id, "seven", "INVALID_REQUEST"),
        (&Uuid::now_v7().to_string(), done.id(), "GATEWAY_NOT_FOUND"),
    ] {
        let refused = team.world.template_sync(gateway, id).await.unwrap_err();
        assert_eq!(reason(&refused), expected);
    }
    let stranger = person(Uuid::from_u128(2), Role::Owner);
    let refused = team
        .world
        .gateways(stranger)
        .sync_templates(team.wanted())
        .await
        .unwrap_err();
    assert_eq!(reason(&refused), "GATEWAY_NOT_FOUND");
}

#[sqlx::test(migrations = false)]
async fn a_sync_is_forgotten_after_a_week(pool: PgPool) {
    let world = World::start_with(pool, Clock::fixed(Clock::system().now()), &[]).await;
    let gateway = world.gateway("Lab").await;
    let main = world.main_agent(&gateway).await;
    world.until(&main.id, AgentStatus::Ready).await;
    let request = SyncTemplatesRequest {
        gateway_id: gateway.id.clone(),
        ..SyncTemplatesRequest::default()
    };
    let sync = world.sync(request).await.unwrap();
    assert!(sync.main_updated);
    world.clock.advance(TimeDelta::days(6));
    world.template_sync(&gateway.id, sync.id()).await.unwrap();
    world.clock.advance(TimeDelta::days(2));
    until("it is forgotten", || async {
        world.template_sync(&gateway.id, sync.id()).await.err()
    })
    .await;
}

#[sqlx::test(migrations = false)]
async fn nobody_waits_longer_than_whoever_asks(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    team.world.connector.be(Mood::HangingOn("write"));
    let mut request = tonic::Request::new(SyncTemplatesRequest {
        wait_seconds: Some(60),
        ..team.wanted()
    });
    request.set_timeout(Duration::from_millis(3_500));
    let began = Instant::now();
    let mut client = team.world.gateways(team.world.admin());
    let sync = client
        .sync_templates(request)
        .await
        .unwrap()
        .into_inner()
        .sync
        .unwrap();
    assert_eq!(sync.agents_pending, 4);
    assert!(began.elapsed() < Duration::from_secs(20));
    team.world.connector.be(Mood::Well);
    team.until_synced(&sync).await;
    let created = team
        .world
        .try_create(team.world.admin(), wanted(team.board, "Eve"))
        .await;
    created.unwrap();
}
