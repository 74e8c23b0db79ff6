//! Template syncs: planned at once, waited for a while.

use std::time::Duration;

use chassis::{Caller, Fault, decode, encode};
use chrono::{DateTime, Utc};
use proto::agent::v1::{
    GetTemplateSyncRequest, SyncTemplatesRequest, TemplateSync, TemplateSyncError,
};
use tokio::time::Instant;
use uuid::Uuid;

use super::{Desk, owned, person};
use crate::{
    error::Error,
    job::Wish,
    rpc::organization,
    store,
    sync::{self, Options},
    wire,
};

/// Seconds that are waited for the jobs unless the caller says otherwise, and the most it may ask for.
const WAIT: i32 = 20;
const MAX_WAIT: i32 = 60;
/// From one look at the jobs to the next.
const LOOK: Duration = Duration::from_millis(250);

impl Desk {
    /// Begins a sync and waits for its end, as long as the caller says and whoever carries the request lets it.
    pub(super) async fn sync_templates(
        &self,
        caller: &Caller,
        request: &SyncTemplatesRequest,
        patience: Option<Duration>,
    ) -> Result<TemplateSync, Error> {
        let wait = decode::number(
            "wait_seconds",
            request.wait_seconds.unwrap_or(WAIT),
            0,
            MAX_WAIT,
        )?;
        let wait = Duration::from_secs(wait.unsigned_abs().into());
        let until = Instant::now() + patience.map_or(wait, |patience| wait.min(patience));
        let gateway = self.own_gateway(caller, &request.gateway_id).await?;
        let board_id = decode::optional_id("board_id", request.board_id.as_deref())?;
        if let Some(id) = board_id {
            let (board, _) = self.visible_board(caller, id).await?;
            if board.gateway_id != Some(gateway.id.to_string()) {
                return Ok(nothing(gateway.id, id, request, self.clock.now()));
            }
        }
        let options = Options {
            // A single board is no reason to touch the agent of the whole gateway, unless somebody says so.
            include_main: request.include_main.unwrap_or(board_id.is_none()),
            lead_only: request.lead_only.unwrap_or(false),
            board_id,
            wish: Wish {
                rotate: request.rotate_tokens.unwrap_or(false),
                reset_session: request.reset_sessions.unwrap_or(false),
                force_bootstrap: request.force_bootstrap.unwrap_or(false),
                overwrite: request.overwrite.unwrap_or(false),
                ..Wish::default()
            },
        };
        let mut seen = self.begin_sync(caller, gateway.id, options).await?;
        while seen.agents_pending > 0 && Instant::now() < until {
            tokio::time::sleep_until((Instant::now() + LOOK).min(until)).await;
            // With its gateway it is gone, and what was seen last is all there is to say.
            match self.find_sync(gateway.id, seen.id()).await? {
                Some(now) => seen = now,
                None => break,
            }
        }
        Ok(seen)
    }

    pub(super) async fn template_sync(
        &self,
        caller: &Caller,
        request: &GetTemplateSyncRequest,
    ) -> Result<TemplateSync, Error> {
        let gateway = self.own_gateway(caller, &request.gateway_id).await?;
        let found = self.find_sync(gateway.id, &request.sync_id).await?;
        let message = "there is no such template sync; it is kept for a week at most";
        found.ok_or_else(|| Error::Refused(Fault::not_found("TEMPLATE_SYNC_NOT_FOUND", message)))
    }

    async fn begin_sync(
        &self,
        caller: &Caller,
        gateway_id: Uuid,
        options: Options,
    ) -> Result<TemplateSync, Error> {
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        let gateway = store::gateways::find_for_update(&mut tx, gateway_id).await?;
        let gateway = owned(gateway, organization(caller)?)?;
        if let Some(running) = store::syncs::find_unfinished(&mut tx, gateway_id).await? {
            let message = "a template sync of this gateway is under way";
            return Err(Error::Refused(
                Fault::conflict("TEMPLATE_SYNC_RUNNING", message)
                    .with_fact("sync_id", running.to_string()),
            ));
        }
        let (by, actor) = (person(caller), caller.event_actor());
        let (sync, entries) = sync::begin(
            &mut tx,
            &self.planner,
            &gateway,
            options,
            (by.as_ref(), actor),
            now,
        )
        .await?;
        tx.commit().await?;
        Ok(wire::sync::sync(&sync, &entries))
    }

    async fn find_sync(&self, gateway_id: Uuid, id: &str) -> Result<Option<TemplateSync>, Error> {
        let id = decode::id("sync_id", id)?;
        let mut conn = self.pool.acquire().await?;
        let Some(sync) = store::syncs::find(&mut conn, gateway_id, id).await? else {
            return Ok(None);
        };
        let entries = store::syncs::list_entries(&mut conn, id).await?;
        Ok(Some(wire::sync::sync(&sync, &entries)))
    }
}

/// The board lives elsewhere: nothing is planned.
fn nothing(
    gateway_id: Uuid,
    board_id: Uuid,
    request: &SyncTemplatesRequest,
    now: DateTime<Utc>,
) -> TemplateSync {
    TemplateSync {
        gateway_id: gateway_id.to_string(),
        include_main: request.include_main.unwrap_or(false),
        reset_sessions: request.reset_sessions.unwrap_or(false),
        errors: vec![TemplateSyncError {
            board_id: Some(board_id.to_string()),
            message: "the board does not live on this gateway".to_owned(),
            ..TemplateSyncError::default()
        }],
        created_at: Some(encode::time(now)),
        ..TemplateSync::default()
    }
}
