//! `CoordinationService`.

mod input;
mod leads;

use chassis::{BoardScope, Caller, caller, decode};
use proto::{
    agent::v1::{
        AskUserRequest, AskUserResponse, BroadcastResult, BroadcastToLeadsRequest,
        BroadcastToLeadsResponse, MessageLeadRequest, MessageLeadResponse, NoticeState,
        NudgeAgentRequest, NudgeAgentResponse, coordination_service_server::CoordinationService,
    },
    board::v1::Board,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Desk, agents::calling_agent};
use crate::{
    agent::Agent,
    coordination::{self, Place},
    error::Error,
    notice::Kind,
    post::{self, Direct},
    store,
};
use input::{CHANNEL, CONTENT, board_ids, purpose, words};
use leads::{Errand, result};

#[tonic::async_trait]
impl CoordinationService for Desk {
    async fn nudge_agent(
        &self,
        request: Request<NudgeAgentRequest>,
    ) -> Result<Response<NudgeAgentResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let agent_id = decode::id("agent_id", &request.agent_id)?;
        let (_, scope) = self.writable_board(&caller, &request.board_id).await?;
        let message = decode::text("message", &request.message, 1, CONTENT)?;
        let notice_id = self
            .nudge(calling_agent(&caller)?, &scope, agent_id, message)
            .await?;
        Ok(Response::new(NudgeAgentResponse {
            ok: true,
            notice_id: notice_id.to_string(),
            state: NoticeState::Waiting.into(),
        }))
    }

    async fn ask_user(
        &self,
        request: Request<AskUserRequest>,
    ) -> Result<Response<AskUserResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let (board, scope) = self.writable_board(&caller, &request.board_id).await?;
        let channel = decode::optional_text(
            "preferred_channel",
            request.preferred_channel.as_deref(),
            CHANNEL,
        )?;
        let words = words(
            &request.content,
            request.correlation_id.as_deref(),
            (&request.reply_tags, ["gateway_main", "user_reply"]),
            (request.reply_source.as_deref(), "user_via_gateway_main"),
        )?;
        let lead = calling_agent(&caller)?;
        let message = coordination::ask_user(
            place(&scope, &board),
            &lead.name,
            channel.as_deref(),
            &words,
            &self.base_url,
        );
        let (main, notice_id) = self.ask_main(lead, &scope, message).await?;
        Ok(Response::new(AskUserResponse {
            ok: true,
            board_id: scope.board_id.to_string(),
            main_agent_id: Some(main.id.to_string()),
            main_agent_name: Some(main.name),
            notice_id: notice_id.to_string(),
            state: NoticeState::Waiting.into(),
        }))
    }

    async fn message_lead(
        &self,
        request: Request<MessageLeadRequest>,
    ) -> Result<Response<MessageLeadResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let (board, scope) = self.writable_board(&caller, &request.board_id).await?;
        let purpose = purpose(request.kind)?;
        let words = words(
            &request.content,
            request.correlation_id.as_deref(),
            (&request.reply_tags, ["gateway_main", "lead_reply"]),
            (request.reply_source.as_deref(), "lead_to_gateway_main"),
        )?;
        let errand = Errand {
            kind: Kind::LeadMessage,
            purpose,
            words,
        };
        let told = self.tell_leads(&caller, &[(scope, board)], &errand).await?;
        let mut told = told.into_values();
        let told = told.next().ok_or(Error::BoardNotFound)??;
        Ok(Response::new(MessageLeadResponse {
            ok: true,
            board_id: scope.board_id.to_string(),
            lead_agent_id: Some(told.lead.agent.id.to_string()),
            lead_agent_name: Some(told.lead.agent.name),
            lead_created: told.lead.is_new,
            notice_id: told.notice_id.to_string(),
            state: NoticeState::Waiting.into(),
        }))
    }

    async fn broadcast_to_leads(
        &self,
        request: Request<BroadcastToLeadsRequest>,
    ) -> Result<Response<BroadcastToLeadsResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let purpose = purpose(request.kind)?;
        let words = words(
            &request.content,
            request.correlation_id.as_deref(),
            (&request.reply_tags, ["gateway_main", "lead_reply"]),
            (request.reply_source.as_deref(), "lead_to_gateway_main"),
        )?;
        let asked = request
            .board_ids
            .as_ref()
            .map(|list| board_ids(&list.values))
            .transpose()?;
        let boards = match &asked {
            Some(ids) if ids.is_empty() => Vec::new(),
            _ => self.gateway_boards(calling_agent(&caller)?).await?,
        };
        // Every board of the gateway that is asked for, and what is asked for and is none.
        let ids: Vec<Uuid> =
            asked.unwrap_or_else(|| boards.iter().map(|(scope, _)| scope.board_id).collect());
        let boards: Vec<_> = boards
            .into_iter()
            .filter(|(scope, _)| ids.contains(&scope.board_id))
            .collect();
        let errand = Errand {
            kind: Kind::LeadBroadcast,
            purpose,
            words,
        };
        let mut told = self.tell_leads(&caller, &boards, &errand).await?;
        let results: Vec<BroadcastResult> = ids
            .into_iter()
            .map(|id| result(id, told.remove(&id).unwrap_or(Err(Error::BoardNotFound))))
            .collect();
        let sent = results.iter().filter(|result| result.ok).count();
        let failed = results.len() - sent;
        Ok(Response::new(BroadcastToLeadsResponse {
            ok: true,
            sent: i32::try_from(sent).unwrap_or(i32::MAX),
            failed: i32::try_from(failed).unwrap_or(i32::MAX),
            results,
        }))
    }
}

impl Desk {
    async fn nudge(
        &self,
        lead: &caller::Agent,
        scope: &BoardScope,
        agent_id: Uuid,
        message: String,
    ) -> Result<Uuid, Error> {
        let mut tx = self.pool.begin().await?;
        let agent = store::agents::find(&mut tx, agent_id)
            .await?
            .filter(|agent| {
                agent.board_id == Some(scope.board_id)
                    && agent.organization_id == scope.organization_id
            })
            .ok_or(Error::AgentNotFound)?;
        let direct = Direct {
            kind: Kind::Nudge,
            message,
            from_agent_id: Some(lead.id),
        };
        let notice_id = post::write_direct(&mut tx, &agent, direct, self.clock.now())
            .await
            .map_err(or(Error::AgentLeaving))?;
        tx.commit().await?;
        Ok(notice_id)
    }

    async fn ask_main(
        &self,
        lead: &caller::Agent,
        scope: &BoardScope,
        message: String,
    ) -> Result<(Agent, Uuid), Error> {
        let mut tx = self.pool.begin().await?;
        let known = store::agents::main_of(&mut tx, scope.organization_id, lead.gateway_id).await?;
        let id = known
            .and_then(|(_, main)| main)
            .ok_or(Error::GatewayMainMissing)?;
        let main = store::agents::find(&mut tx, id)
            .await?
            .ok_or(Error::GatewayMainMissing)?;
        let direct = Direct {
            kind: Kind::AskUser,
            message,
            from_agent_id: Some(lead.id),
        };
        let (board_id, now) = (Some(scope.board_id), self.clock.now());
        let notice_id = post::write_about(&mut tx, &main, board_id, direct, now)
            .await
            .map_err(or(Error::GatewayMainMissing))?;
        tx.commit().await?;
        Ok((main, notice_id))
    }
}

/// What it means that an agent does not stay.
fn or(leaves: Error) -> impl FnOnce(sqlx::Error) -> Error {
    |error| match error {
        sqlx::Error::RowNotFound => leaves,
        error => error.into(),
    }
}

fn place<'a>(scope: &BoardScope, board: &'a Board) -> Place<'a> {
    Place {
        board_id: scope.board_id,
        board_name: &board.name,
    }
}
