//! What other services ask about approvals.

use chassis::{Page, decode};
use proto::approval::v1::{
    CheckGateRequest, CheckGateResponse, SummarizeBoardRequest, SummarizeBoardResponse,
    gate_service_server::GateService,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::Approvals;
use crate::{
    error::Error,
    store::{approvals, counts, gates},
    wire,
};

/// Approvals in a summary.
const SUMMARY_MAX: i32 = 200;

#[tonic::async_trait]
impl GateService for Approvals {
    async fn check_gate(
        &self,
        request: Request<CheckGateRequest>,
    ) -> Result<Response<CheckGateResponse>, Status> {
        let request = request.into_inner();
        let board_id = decode::id("board_id", &request.board_id)?;
        let task_id = decode::id("task_id", &request.task_id)?;
        let (cycle, now) = (request.cycle, self.clock.now());
        let mut conn = self.conn().await?;
        let gate = gates::find(&mut conn, board_id, task_id, cycle, now).await?;
        Ok(Response::new(CheckGateResponse {
            approved: gate.approved,
            pending_approval_id: gate.pending_approval_id.map(|id| id.to_string()),
        }))
    }

    async fn summarize_board(
        &self,
        request: Request<SummarizeBoardRequest>,
    ) -> Result<Response<SummarizeBoardResponse>, Status> {
        let request = request.into_inner();
        let board_id = decode::id("board_id", &request.board_id)?;
        let newest = Page {
            limit: decode::number("limit", request.limit, 0, SUMMARY_MAX)?.into(),
            offset: 0,
            after: None,
        };

        // One moment for everything, so that the counts fit the approvals.
        let begin = "begin isolation level repeatable read read only";
        let mut tx = self.pool.begin_with(begin).await.map_err(Error::from)?;
        let newest = approvals::list(&mut tx, board_id, None, &newest).await?;
        let counts = counts::find_all(&mut tx, board_id).await?;
        tx.commit().await.map_err(Error::from)?;

        let mut task_ids: Vec<Uuid> = counts.tasks.keys().copied().collect();
        task_ids.sort_unstable();
        Ok(Response::new(SummarizeBoardResponse {
            approvals: newest.into_iter().map(wire::approval).collect(),
            pending_count: wire::count(counts.pending),
            tasks: wire::task_counts(task_ids, &counts),
        }))
    }
}
