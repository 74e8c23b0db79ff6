//! How often the agents of a group check in.

use chassis::{Caller, decode};
use proto::board::v1::{
    ApplyGroupHeartbeatRequest, ApplyGroupHeartbeatResponse, HeartbeatRequested,
};

use super::{Desk, access};
use crate::{error::Error, peers::Pace, store, wire};

pub(super) async fn apply(
    desk: &Desk,
    caller: &Caller,
    request: &ApplyGroupHeartbeatRequest,
) -> Result<ApplyGroupHeartbeatResponse, Error> {
    let id = decode::id("group_id", &request.group_id)?;
    let boards = {
        let mut conn = desk.pool.acquire().await?;
        let group = access::group(&mut conn, caller, id).await?;
        access::group_writer(&mut conn, caller, group.id).await?;
        store::boards::ids_in_group(&mut conn, group.id).await?
    };
    let organization_id = caller.organization_id().ok_or(Error::GroupNotFound)?;
    let pace = Pace {
        every: wire::groups::pace(&request.every)?,
        include_board_leads: request.include_board_leads(),
    };
    let requested = Some(HeartbeatRequested {
        every: pace.every.clone(),
        include_board_leads: pace.include_board_leads,
    });
    let outcome = desk
        .peers
        .apply_heartbeat(organization_id, &boards, pace, caller)
        .await?;
    Ok(ApplyGroupHeartbeatResponse {
        board_group_id: id.to_string(),
        requested,
        updated_agent_ids: outcome.updated_agent_ids,
        failed_agent_ids: outcome.failed_agent_ids,
        unchanged_agent_ids: outcome.unchanged_agent_ids,
    })
}
