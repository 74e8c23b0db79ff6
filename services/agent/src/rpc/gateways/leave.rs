//! Deleting a gateway.

use chassis::{Caller, Fault};
use proto::board::v1::{ListGatewayBoardsRequest, ListGatewayBoardsResponse};
use serde_json::json;
use uuid::Uuid;

use super::{Desk, owned};
use crate::{
    departure::{self, Departure},
    error::Error,
    gateway::Gateway,
    rpc::organization,
    store::{
        self,
        locks::{self, Matter},
    },
};

/// Boards and agents that a refusal names.
const NAMED: usize = 50;

impl Desk {
    /// Has a gateway go, unless somebody stands on it.
    ///
    /// What stands on it is known in two places. Boards are asked of their owner before the transaction, because nothing
    /// remote is done inside of one; agents are judged inside, with the row of the gateway held against everybody who
    /// would put another one there. The gateway leaves and its removal is planned in that one transaction, so a crash
    /// leaves either a gateway as it was or one that goes by a job, and there is no mark that would have to be taken back.
    ///
    /// A board that is created between the question and the commit is the one thing that this does not see. No order of
    /// the two closes that gap, since a board's creator asks us before it writes. Its owner closes it: it takes its boards
    /// from a gateway that it hears is gone, and refuses one for which it was judged earlier. No agent comes to live there
    /// meanwhile, as a gateway that goes takes none.
    pub(super) async fn leave(&self, caller: &Caller, id: Uuid, force: bool) -> Result<(), Error> {
        let organization_id = organization(caller)?;
        let mut conn = self.pool.acquire().await?;
        let gateway = present(
            store::gateways::find(&mut conn, id).await?,
            organization_id,
            force,
        )?;
        drop(conn);
        let boards = self.boards_on(&gateway).await?;

        let (now, actor) = (self.clock.now(), caller.event_actor());
        let mut tx = self.pool.begin().await?;
        locks::seize(&mut tx, Matter::Being, id).await?;
        if force {
            departure::gateway::forget_deliveries(&mut tx, id).await?;
        }
        let gateway = store::gateways::find_to_leave(&mut tx, id).await?;
        let gateway = present(gateway, organization_id, force)?;
        let agents = store::gateways::list_agents_of_boards(&mut tx, id).await?;
        refuse_in_use(&boards, &agents)?;
        let departure = Departure {
            planner: self.planner.clone(),
        };
        departure
            .of_gateway(&mut tx, &gateway, &actor, force, now)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn boards_on(&self, gateway: &Gateway) -> Result<ListGatewayBoardsResponse, Error> {
        let request = ListGatewayBoardsRequest {
            organization_id: gateway.organization_id.to_string(),
            gateway_id: gateway.id.to_string(),
        };
        let answer = self.boards.clone().list_gateway_boards(request).await;
        let answer = answer.map_err(|status| Error::Refused(status.into()))?;
        Ok(answer.into_inner())
    }
}

/// One that goes already is not there any more, save for somebody who does not want to wait for it.
fn present(gateway: Option<Gateway>, organization_id: Uuid, force: bool) -> Result<Gateway, Error> {
    let gateway = gateway.map(|gateway| Gateway {
        leaving_at: gateway.leaving_at.filter(|_| !force),
        ..gateway
    });
    owned(gateway, organization_id)
}

fn refuse_in_use(boards: &ListGatewayBoardsResponse, agents: &[Uuid]) -> Result<(), Error> {
    if boards.total == 0 && agents.is_empty() {
        return Ok(());
    }
    let message = format!(
        "{} boards and {} agents of boards stand on the gateway: move or delete them first",
        boards.total,
        agents.len()
    );
    let board_ids: Vec<&str> = boards
        .boards
        .iter()
        .take(NAMED)
        .map(|board| board.id.as_str())
        .collect();
    let agent_ids: Vec<String> = agents.iter().take(NAMED).map(Uuid::to_string).collect();
    Err(Error::Refused(
        Fault::conflict("GATEWAY_IN_USE", message)
            .with_fact("board_ids", json!(board_ids))
            .with_fact("agent_ids", json!(agent_ids)),
    ))
}
