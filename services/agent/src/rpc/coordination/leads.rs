//! The leads of one board, or of many.

use std::collections::HashMap;

use chassis::{BoardScope, Caller, Fault, caller};
use proto::{
    agent::v1::BroadcastResult,
    board::v1::{Board, ListGatewayBoardsRequest},
};
use uuid::Uuid;

use super::{super::agents::calling_agent, Desk};
use crate::{
    agent::Agent,
    coordination::{self, Place, Purpose, Words},
    departure,
    error::Error,
    lead::{self, Cause, Lead, Wanted},
    notice::Kind,
    post::{self, Direct},
    wire,
};

/// What the leads of some boards are told.
pub(super) struct Errand {
    pub kind: Kind,
    pub purpose: Purpose,
    pub words: Words,
}

/// A lead that is told, and by which notice.
pub(super) struct Told {
    pub lead: Lead,
    pub notice_id: Uuid,
}

impl Desk {
    /// Tells the leads of boards, all of one gateway; a board without a lead gets one, which is told when it is in place.
    /// Everything is decided in one transaction, with one statement per table.
    pub(super) async fn tell_leads(
        &self,
        caller: &Caller,
        boards: &[(BoardScope, Board)],
        errand: &Errand,
    ) -> Result<HashMap<Uuid, Result<Told, Error>>, Error> {
        let main = calling_agent(caller)?;
        let ids: Vec<Uuid> = boards.iter().map(|(scope, _)| scope.board_id).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        let gone = departure::list_gone(&mut tx, &ids, main.organization_id).await?;
        let ids: Vec<Uuid> = ids.into_iter().filter(|id| !gone.contains(id)).collect();
        let wanted = Wanted {
            organization_id: main.organization_id,
            gateway_id: main.gateway_id,
            name: lead::NAME,
            identity_profile: None,
        };
        let cause = Cause {
            actor: caller.event_actor(),
            requester: None,
            at: now,
        };
        let leads = lead::ensure(&mut tx, &self.planner, wanted, &ids, &cause).await?;
        let names: HashMap<Uuid, &Board> = boards
            .iter()
            .map(|(scope, board)| (scope.board_id, board))
            .collect();
        let words = |lead: &Agent| Direct {
            kind: errand.kind,
            message: self.errand(lead, &names, main, errand),
            from_agent_id: Some(main.id),
        };
        let lead_ids: Vec<Uuid> = leads.values().map(|lead| lead.agent.id).collect();
        let notices: HashMap<Uuid, Uuid> = post::write_several(&mut tx, &lead_ids, words, now)
            .await?
            .into_iter()
            .map(|(lead, notice_id)| (lead.id, notice_id))
            .collect();
        tx.commit().await?;
        let told = leads.into_iter().map(|(board_id, lead)| {
            let told = match notices.get(&lead.agent.id) {
                Some(&notice_id) => Ok(Told { lead, notice_id }),
                None => Err(Error::AgentLeaving),
            };
            (board_id, told)
        });
        Ok(told.collect())
    }

    fn errand(
        &self,
        lead: &Agent,
        boards: &HashMap<Uuid, &Board>,
        main: &caller::Agent,
        errand: &Errand,
    ) -> String {
        let board_id = lead.board_id.unwrap_or_default();
        let place = Place {
            board_id,
            board_name: boards.get(&board_id).map_or("", |board| &board.name),
        };
        coordination::to_lead(
            place,
            errand.purpose,
            &main.name,
            &errand.words,
            &self.base_url,
        )
    }

    /// The boards on the gateway of a main agent, newest first.
    pub(super) async fn gateway_boards(
        &self,
        main: &caller::Agent,
    ) -> Result<Vec<(BoardScope, Board)>, Error> {
        let request = ListGatewayBoardsRequest {
            organization_id: main.organization_id.to_string(),
            gateway_id: main.gateway_id.to_string(),
        };
        let answer = self
            .boards
            .clone()
            .list_gateway_boards(request)
            .await
            .map_err(|status| Error::Refused(Fault::from(status)))?
            .into_inner();
        if i64::try_from(answer.boards.len()).is_ok_and(|listed| listed < answer.total) {
            let message = "the gateway has too many boards to tell all of their leads at once";
            return Err(Fault::rejected("TOO_MANY_BOARDS", "board_ids", message).into());
        }
        answer
            .boards
            .into_iter()
            .map(|board| {
                let scope = wire::board::scope(&board).map_err(|error| Error::Peer {
                    role: "board",
                    source: error.into(),
                })?;
                Ok((scope, board))
            })
            .collect()
    }
}

/// What became of one board of a broadcast.
pub(super) fn result(board_id: Uuid, told: Result<Told, Error>) -> BroadcastResult {
    let base = BroadcastResult {
        board_id: board_id.to_string(),
        ..BroadcastResult::default()
    };
    match told {
        Ok(told) => BroadcastResult {
            lead_agent_id: Some(told.lead.agent.id.to_string()),
            lead_agent_name: Some(told.lead.agent.name),
            ok: true,
            notice_id: Some(told.notice_id.to_string()),
            ..base
        },
        Err(error) => BroadcastResult {
            error: Some(chassis::Explain::reason(&error).to_lowercase()),
            ..base
        },
    }
}
