//! Template syncs: every agent in place has its files written again, and whoever is left alone is named.

use chassis::{Clock, Role};
use chrono::TimeDelta;
use futures::future::join_all;
use proto::{
    agent::v1::{
        Agent, AgentStatus, GetTemplateSyncRequest, SyncTemplatesRequest, TemplateSync,
        UpdateGatewayRequest,
    },
    event::v1::{Event, event::Payload},
};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    fixture::{World, key, person, reason, refusal, until, wanted},
    stand_in::{Call, Mood},
    team::Team,
};

impl Team {
    fn wanted(&self) -> SyncTemplatesRequest {
        SyncTemplatesRequest {
            gateway_id: self.lead.gateway_id.clone(),
            ..SyncTemplatesRequest::default()
        }
    }

    async fn sync(&self, request: SyncTemplatesRequest) -> TemplateSync {
        self.world.sync(request).await.unwrap()
    }

    async fn until_synced(&self, sync: &TemplateSync) -> TemplateSync {
        until("the sync has ended", || async {
            self.world.clock.advance(TimeDelta::milliseconds(50));
            let seen = self
                .world
                .template_sync(&sync.gateway_id, &sync.id)
                .await
                .unwrap();
            (seen.agents_pending == 0).then_some(seen)
        })
        .await
    }
}

impl World {
    async fn sync(&self, request: SyncTemplatesRequest) -> Result<TemplateSync, Status> {
        let mut client = self.gateways(self.admin());
        Ok(client
            .sync_templates(request)
            .await?
            .into_inner()
            .sync
            .unwrap())
    }

    async fn template_sync(&self, gateway_id: &str, id: &str) -> Result<TemplateSync, Status> {
        let request = GetTemplateSyncRequest {
            gateway_id: gateway_id.into(),
            sync_id: id.into(),
        };
        let mut client = self.gateways(self.admin());
        Ok(client
            .get_template_sync(request)
            .await?
            .into_inner()
            .sync
            .unwrap())
    }

    /// Keys of the agents whose files were written, in order.
    fn written(&self) -> Vec<String> {
        let mut keys: Vec<String> = self
            .connector
            .calls()
            .into_iter()
            .filter_map(|call| match call {
                Call::Write(write) => Some(write.agent_key),
                _ => None,
            })
            .collect();
        keys.sort();
        keys
    }

    async fn finished(&self, count: usize) -> Vec<TemplateSync> {
        let told = self.until_heard("gateway.templates_synced", count).await;
        told.iter().map(synced).collect()
    }
}

fn synced(event: &Event) -> TemplateSync {
    match &event.payload {
        Some(Payload::TemplatesSynced(told)) => told.sync.clone().unwrap(),
        other => panic!("{other:?}"),
    }
}

fn keys(agents: &[&Agent]) -> Vec<String> {
    let mut keys: Vec<String> = agents.iter().map(|&agent| key(agent)).collect();
    keys.sort();
    keys
}

#[sqlx::test(migrations = false)]
async fn everybody_in_place_is_written_again_and_nobody_notices(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let main = team.world.main_agent(&team.gateway().await).await;
    let sync = team.sync(team.wanted()).await;
    let expected = TemplateSync {
        gateway_id: team.lead.gateway_id.clone(),
        include_main: true,
        reset_sessions: false,
        agents_updated: 3,
        agents_skipped: 0,
        main_updated: true,
        errors: Vec::new(),
        id: sync.id.clone(),
        agents_pending: 0,
        created_at: sync.created_at,
    };
    assert_eq!(sync, expected);
    assert_eq!(
        team.world.written(),
        keys(&[&main, &team.lead, &team.ada, &team.bob])
    );
    let mut names = team.world.connector.names();
    names.sort_unstable();
    assert_eq!(names, [["ensure"; 4], ["write"; 4]].concat());
    let (started, ended) = (
        team.world
            .until_heard("gateway.templates_sync_started", 1)
            .await,
        team.world.finished(1).await,
    );
    assert_eq!(
        (synced(&started[0]).agents_pending, &ended[0]),
        (4, &expected)
    );
    assert_eq!(started[0].actor.as_ref().unwrap().name, "Grace Hopper");
    let tokens = team.world.until_heard("agent.provisioned", 8).await;
    assert_eq!(tokens.len(), 8);
    assert!(team.world.heard("agent.token_changed").is_empty());
    let again = team
        .world
        .template_sync(&sync.gateway_id, &sync.id)
        .await
        .unwrap();
    assert_eq!(again, expected);
}

#[sqlx::test(migrations = false)]
async fn every_option_does_what_it_says(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let main = team.world.main_agent(&team.gateway().await).await;
    let leads = SyncTemplatesRequest {
        include_main: Some(false),
        lead_only: Some(true),
        force_bootstrap: Some(true),
        ..team.wanted()
    };
    let sync = team.sync(leads).await;
    assert_eq!(
        (sync.agents_updated, sync.main_updated, sync.include_main),
        (1, false, false)
    );
    assert_eq!(team.world.written(), keys(&[&team.lead]));
    assert!(
        team.world
            .connector
            .file(&key(&team.lead), "BOOTSTRAP.md")
            .is_some()
    );

    team.world.connector.forget();
    let board = SyncTemplatesRequest {
        board_id: Some(team.board.to_string()),
        ..team.wanted()
    };
    let sync = team.sync(board).await;
    assert_eq!((sync.agents_updated, sync.main_updated), (3, false));
    assert_eq!(
        team.world.written(),
        keys(&[&team.lead, &team.ada, &team.bob])
    );
    assert_eq!(
        team.world.connector.file(&key(&team.lead), "BOOTSTRAP.md"),
        None
    );
    let (token, kept) = (team.world.token(&team.ada).await, keeps(&team, "USER.md"));
    assert!(kept.iter().all(|kept| *kept), "{kept:?}");

    team.world.connector.forget();
    let all = SyncTemplatesRequest {
        reset_sessions: Some(true),
        rotate_tokens: Some(true),
        overwrite: Some(true),
        ..team.wanted()
    };
    let sync = team.sync(all).await;
    assert_eq!(
        (sync.agents_updated, sync.main_updated, sync.reset_sessions),
        (3, true, true)
    );
    let names = team.world.connector.names();
    assert_eq!(names.iter().filter(|name| **name == "reset").count(), 4);
    assert!(!names.contains(&"send"));
    let kept = keeps(&team, "USER.md");
    assert!(
        !kept.is_empty() && kept.iter().all(|kept| !kept),
        "{kept:?}"
    );
    assert_ne!(team.world.token(&team.ada).await, token);
    assert_eq!(
        team.world.written(),
        keys(&[&main, &team.lead, &team.ada, &team.bob])
    );
}

/// Whether each writing of a file left one alone that was there.
fn keeps(team: &Team, name: &str) -> Vec<bool> {
    let calls = team.world.connector.calls();
    let writes = calls.iter().filter_map(|call| match call {
        Call::Write(write) => Some(&write.files),
        _ => None,
    });
    let files = writes.flatten().filter(|file| file.name == name);
    files.map(|file| file.keep_existing).collect()
}

#[sqlx::test(migrations = false)]
async fn whoever_is_left_alone_is_named_unless_its_board_is_paused(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let gateway = team.gateway().await;
    let paused = team.world.board(&gateway, 5);
    let carl = team.world.worker(paused, "Carl").await;
    team.world.until(&carl.id, AgentStatus::Ready).await;
    team.world.until_quiet().await;
    for (change, id) in [
        (
            "update agent set runtime_key = 'main', runtime_workspace = '/srv' where id = $1::uuid",
            &team.ada.id,
        ),
        (
            "update agent set phase = 'failed' where id = $1::uuid",
            &team.bob.id,
        ),
        (
            "insert into paused_board select $1::uuid, organization_id, now() from gateway",
            &paused.to_string(),
        ),
    ] {
        sqlx::query(change)
            .bind(id)
            .execute(&team.world.pool)
            .await
            .unwrap();
    }
    team.world.connector.forget();
    team.world.connector.be(Mood::HangingOn("ensure"));
    let fresh = team.world.worker(team.board, "Dora").await;
    until("it is under way", || async {
        team.world
            .connector
            .names()
            .contains(&"ensure")
            .then_some(())
    })
    .await;
    team.world.connector.be(Mood::Well);
    let sync = team.sync(team.wanted()).await;
    assert_eq!(
        (sync.agents_updated, sync.main_updated, sync.agents_pending),
        (1, true, 0)
    );
    // Carl is not told of: his board is paused.
    assert_eq!(sync.agents_skipped, 4);
    let named: Vec<_> = sync
        .errors
        .iter()
        .map(|error| (error.agent_name.clone().unwrap(), error.message.as_str()))
        .collect();
    assert_eq!(
        named,
        [
            ("Ada".to_owned(), "it was imported: its files are its own"),
            ("Bob".to_owned(), "its last job was given up: try it again"),
            ("Dora".to_owned(), "it is not in place yet"),
        ]
    );
    let ids: Vec<_> = sync
        .errors
        .iter()
        .map(|error| error.agent_id.clone().unwrap())
        .collect();
    assert_eq!(ids, [team.ada.id.as_str(), &team.bob.id, &fresh.id]);
}

#[sqlx::test(migrations = false)]
async fn whose_job_is_under_way_is_written_after_it(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    team.world.connector.be(Mood::HangingOn("write"));
    let moves = UpdateGatewayRequest {
        gateway_id: team.lead.gateway_id.clone(),
        update_mask: Some(prost_types::FieldMask {
            paths: vec!["workspace_root".into()],
        }),
        workspace_root: Some("/srv".into()),
        ..UpdateGatewayRequest::default()
    };
    team.world
        .gateways(team.world.admin())
        .update_gateway(moves)
        .await
        .unwrap();
    until("somebody is written", || async {
        team.world
            .connector
            .names()
            .contains(&"write")
            .then_some(())
    })
    .await;
    let at_once = SyncTemplatesRequest {
        wait_seconds: Some(0),
        rotate_tokens: Some(true),
        ..team.wanted()
    };
    let sync = team.sync(at_once).await;
    assert_eq!(
        (sync.agents_pending, sync.agents_updated, sync.errors.len()),
        (4, 0, 0)
    );
    let busy = team.world.sync(team.wanted()).await.unwrap_err();
    let fault = chassis::fault::read(&busy);
    assert_eq!(
        (fault.code.http(), fault.reason.as_str()),
        (409, "TEMPLATE_SYNC_RUNNING")
    );
    assert_eq!(fault.facts["sync_id"], sync.id.as_str());
    // The process dies meanwhile.
    let world = team.world.restart(&[]).await;
    world.connector.be(Mood::Well);
    let team = Team { world, ..team };
    let ended = team.until_synced(&sync).await;
    assert_eq!(
        (
            ended.agents_updated,
            ended.main_updated,
            ended.agents_skipped
        ),
        (3, true, 0)
    );
    assert_eq!(team.world.finished(1).await.len(), 1);
    // Now that it has ended, there may be another.
    assert_eq!(team.sync(team.wanted()).await.agents_updated, 3);
    assert_eq!(team.world.finished(2).await.len(), 2);
}

#[sqlx::test(migrations = false)]
async fn a_job_that_is_given_up_is_named_with_its_reason(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    team.world.connector.fail(1_000, "GATEWAY_SCOPE_MISSING");
    let sync = team.sync(team.wanted()).await;
    assert_eq!(
        (sync.agents_updated, sync.main_updated, sync.agents_skipped),
        (0, false, 4)
    );
    assert_eq!(sync.errors.len(), 4);
    for error in &sync.errors {
        assert_eq!(error.message, "gateway_scope_missing: the gateway said no");
        assert_eq!(
            error.board_id.is_none(),
            error.agent_name.as_deref() == Some("Lab Gateway Agent")
        );
    }
    assert_eq!(team.world.finished(1).await, [sync]);
}

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
            assert_eq!(fault.facts["sync_id"], sync[0].id.as_str());
        }
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
        (sync.errors.len(), sync.id.as_str(), sync.agents_pending),
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
        (&elsewhere.id, done.id.as_str(), "TEMPLATE_SYNC_NOT_FOUND"),
        (
            &done.gateway_id,
            &Uuid::now_v7().to_string(),
            "TEMPLATE_SYNC_NOT_FOUND",
        ),
        (&done.gateway_id, "seven", "INVALID_REQUEST"),
        (&Uuid::now_v7().to_string(), &done.id, "GATEWAY_NOT_FOUND"),
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
    let world = World::start_with(pool, Clock::fixed(chrono::Utc::now()), &[]).await;
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
    world.template_sync(&gateway.id, &sync.id).await.unwrap();
    world.clock.advance(TimeDelta::days(2));
    until("it is forgotten", || async {
        world.template_sync(&gateway.id, &sync.id).await.err()
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
    request.set_timeout(std::time::Duration::from_millis(3_500));
    let began = std::time::Instant::now();
    let mut client = team.world.gateways(team.world.admin());
    let sync = client
        .sync_templates(request)
        .await
        .unwrap()
        .into_inner()
        .sync
        .unwrap();
    assert_eq!(sync.agents_pending, 4);
    assert!(began.elapsed() < std::time::Duration::from_secs(20));
    team.world.connector.be(Mood::Well);
    team.until_synced(&sync).await;
    let created = team
        .world
        .try_create(team.world.admin(), wanted(team.board, "Eve"))
        .await;
    created.unwrap();
}
