//! `GatewaySessionService`.

mod history;

use chassis::{Caller, Fault, decode};
use prost_types::Value;
use proto::agent::v1::{
    GetGatewaySessionRequest, GetGatewaySessionResponse, GetSessionHistoryRequest,
    GetSessionHistoryResponse, ListGatewaySessionsRequest, ListGatewaySessionsResponse,
    SendSessionMessageRequest, SendSessionMessageResponse,
    gateway_session_service_server::GatewaySessionService,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Desk, status, within};
use crate::{
    connector::{Failure, Letter},
    error::Error,
    gateway::Gateway,
};

/// Characters of a session's key, of a message, and of the key that makes a repeated message the same message.
const KEY: usize = 300;
const MESSAGE: usize = 20_000;
const IDEMPOTENCY_KEY: usize = 200;

#[tonic::async_trait]
impl GatewaySessionService for Desk {
    async fn list_gateway_sessions(
        &self,
        request: Request<ListGatewaySessionsRequest>,
    ) -> Result<Response<ListGatewaySessionsResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let gateway = self
            .target(
                &caller,
                request.gateway_id.as_deref(),
                request.board_id.as_deref(),
            )
            .await?;
        let look = async {
            let sessions = self.connector.list_sessions(&gateway, None).await?;
            let main_session = self.main_session(&gateway, &sessions).await?;
            Ok(ListGatewaySessionsResponse {
                sessions: sessions.shown,
                main_session,
            })
        };
        Ok(Response::new(within(look).await.map_err(Error::from)?))
    }

    async fn get_gateway_session(
        &self,
        request: Request<GetGatewaySessionRequest>,
    ) -> Result<Response<GetGatewaySessionResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let key = session_key(&request.session_id)?;
        let gateway = self
            .target(
                &caller,
                request.gateway_id.as_deref(),
                request.board_id.as_deref(),
            )
            .await?;
        let found = within(self.session(&gateway, &key)).await;
        let session = found.map_err(Error::from)?.ok_or_else(not_found)?;
        Ok(Response::new(GetGatewaySessionResponse {
            session: Some(session),
        }))
    }

    async fn get_session_history(
        &self,
        request: Request<GetSessionHistoryRequest>,
    ) -> Result<Response<GetSessionHistoryResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let key = session_key(&request.session_id)?;
        let page = history::Page::decode(request.limit, request.page_token.as_deref())?;
        let gateway = self
            .target(
                &caller,
                request.gateway_id.as_deref(),
                request.board_id.as_deref(),
            )
            .await?;
        Ok(Response::new(self.history(&gateway, &key, page).await?))
    }

    async fn send_session_message(
        &self,
        request: Request<SendSessionMessageRequest>,
    ) -> Result<Response<SendSessionMessageResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let key = session_key(&request.session_id)?;
        let letter = Letter {
            message: decode::text("content", &request.content, 1, MESSAGE)?,
            deliver: false,
            idempotency_key: idempotency_key(&caller, request.idempotency_key.as_deref())?,
        };
        let gateway = self
            .target(
                &caller,
                request.gateway_id.as_deref(),
                request.board_id.as_deref(),
            )
            .await?;
        let send = async {
            if self.session(&gateway, &key).await?.is_none() {
                return Ok(false);
            }
            // Its label stays as it is.
            self.connector.say(&gateway, &key, "", letter).await?;
            Ok(true)
        };
        if within(send).await.map_err(Error::from)? {
            Ok(Response::new(SendSessionMessageResponse { ok: true }))
        } else {
            Err(not_found().into())
        }
    }
}

impl Desk {
    async fn session(&self, gateway: &Gateway, key: &str) -> Result<Option<Value>, Failure> {
        let sessions = self.connector.list_sessions(gateway, Some(key)).await?;
        Ok(status::find(&sessions.shown, key).cloned())
    }

    /// A page of what was said, oldest first.
    async fn history(
        &self,
        gateway: &Gateway,
        key: &str,
        page: history::Page,
    ) -> Result<GetSessionHistoryResponse, Error> {
        let mut asked = page.window();
        loop {
            let messages = within(self.connector.history(gateway, key, asked)).await?;
            match page.cut(messages, asked) {
                history::Cut::Found { history, older } => {
                    return Ok(GetSessionHistoryResponse {
                        history,
                        next_page_token: older,
                    });
                }
                history::Cut::Beyond if asked < history::REACH => asked = history::REACH,
                history::Cut::Beyond => {
                    return Err(Error::Refused(Fault::invalid(
                        "page_token",
                        "STALE",
                        "the session is not as it was: begin with its newest messages",
                    )));
                }
            }
        }
    }
}

fn session_key(text: &str) -> Result<String, Fault> {
    decode::text("session_id", text, 1, KEY)
}

/// Keys are each person's own, so that nobody's message is taken for somebody else's.
fn idempotency_key(caller: &Caller, given: Option<&str>) -> Result<String, Fault> {
    let given = decode::optional_text("idempotency_key", given, IDEMPOTENCY_KEY)?;
    let own = given.unwrap_or_else(|| Uuid::now_v7().to_string());
    let from = caller.event_actor().id.unwrap_or_default();
    Ok(format!("session-message/{from}/{own}"))
}

fn not_found() -> Error {
    Error::Refused(Fault::not_found(
        "SESSION_NOT_FOUND",
        "the gateway has no such session",
    ))
}
