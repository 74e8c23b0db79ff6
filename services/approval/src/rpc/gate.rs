//! Whether a task may move.

use chassis::decode;
use proto::approval::v1::{CheckGateRequest, CheckGateResponse, gate_service_server::GateService};
use tonic::{Request, Response, Status};

use super::Approvals;
use crate::store::gates;

#[tonic::async_trait]
impl GateService for Approvals {
    async fn check_gate(
        &self,
        request: Request<CheckGateRequest>,
    ) -> Result<Response<CheckGateResponse>, Status> {
        let request = request.into_inner();
        let board_id = decode::id("board_id", &request.board_id)?;
        let task_id = decode::id("task_id", &request.task_id)?;
        let mut conn = self.conn().await?;
        let gate = gates::find(&mut conn, board_id, task_id, request.cycle).await?;
        Ok(Response::new(CheckGateResponse {
            approved: gate.approved,
            pending_approval_id: gate.pending_approval_id.map(|id| id.to_string()),
        }))
    }
}
