//! Template syncs: every agent in place has its files written again, and whoever is left alone is named.

use chrono::TimeDelta;
use proto::{
    agent::v1::{
        Agent, AgentStatus, GetTemplateSyncRequest, SyncTemplatesRequest, TemplateSync,
        UpdateGatewayRequest,
    },
    event::v1::{Event, event::Payload},
};
use sqlx::PgPool;
use tonic::Status;

use crate::{
    fixture::{World, key, until},
    stand_in::{Call, Mood},
    team::Team,
};

impl Team {
    pub(crate) fn wanted(&self) -> SyncTemplatesRequest {
        SyncTemplatesRequest {
            gateway_id: self.lead.gateway_id.clone(),
            ..SyncTemplatesRequest::default()
        }
    }

    pub(crate) async fn sync(&self, request: SyncTemplatesRequest) -> TemplateSync {
        self.world.sync(request).await.unwrap()
    }

    pub(crate) async fn until_synced(&self, sync: &TemplateSync) -> TemplateSync {
        until("the sync has ended", || async {
            self.world.clock.advance(TimeDelta::milliseconds(50));
            let seen = self
                .world
                .template_sync(&sync.gateway_id, sync.id())
                .await
                .unwrap();
            (seen.agents_pending == 0).then_some(seen)
        })
        .await
    }
}

impl World {
    pub(crate) async fn sync(&self, request: SyncTemplatesRequest) -> Result<TemplateSync, Status> {
        let mut client = self.gateways(self.admin());
        Ok(client
            .sync_templates(request)
            .await?
            .into_inner()
            .sync
            .unwrap())
    }

    pub(crate) async fn template_sync(
        &self,
        gateway_id: &str,
        id: &str,
    ) -> Result<TemplateSync, Status> {
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

    pub(crate) async fn finished(&self, count: usize) -> Vec<TemplateSync> {
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
        .template_sync(&sync.gateway_id, sync.id())
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
    assert_eq!(fault.facts["sync_id"], sync.id());
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
async fn a_main_agent_that_was_deleted_is_made_again(pool: PgPool) {
    let team = Team::start(pool, &[]).await;
    let gateway = team.gateway().await;
    let before = team.world.main_agent(&gateway).await;
    let deleted = team.world.delete(team.world.admin(), &before.id, false);
    deleted.await.unwrap();
    team.world.until_forgotten(&before).await;
    let request = SyncTemplatesRequest {
        include_main: Some(false),
        ..team.wanted()
    };
    let without = team.until_synced(&team.sync(request).await).await;
    assert_eq!((without.agents_updated, without.main_updated), (3, false));
    let sync = team.until_synced(&team.sync(team.wanted()).await).await;
    assert_eq!(
        (sync.agents_updated, sync.main_updated, sync.errors),
        (3, true, Vec::new())
    );
    let main = team.world.main_agent(&gateway).await;
    assert_ne!(main.id, before.id);
    assert_eq!((&main.name, key(&main)), (&before.name, key(&before)));
    team.world.until(&main.id, AgentStatus::Ready).await;
    let created = team.world.until_heard("agent.created", 5).await;
    assert_eq!(created.len(), 5, "once, whoever syncs again");
    team.sync(team.wanted()).await;
    assert_eq!(team.world.main_agent(&gateway).await.id, main.id);
}
