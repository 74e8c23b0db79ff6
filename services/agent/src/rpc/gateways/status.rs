//! How a gateway is, and which one is meant.

use chassis::{Caller, Fault, decode};
use prost_types::{Value, value::Kind};
use proto::agent::v1::{GatewayStatus, GetGatewayStatusRequest, ProbeGatewayRequest};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Desk, within};
use crate::{
    agent::place,
    connector::{Failure, Sessions},
    error::Error,
    gateway::Gateway,
    rpc::{input, organization},
    store,
};

/// Characters of an address in a query.
const URL: usize = 2_000;

impl Desk {
    /// How a registered gateway is. What its address, its token and its flags are stands in its row; those of the query
    /// are there for clients of the earlier API.
    pub(super) async fn status(
        &self,
        caller: &Caller,
        request: &GetGatewayStatusRequest,
    ) -> Result<GatewayStatus, Error> {
        if request
            .gateway_token
            .as_ref()
            .is_some_and(|token| !token.is_empty())
        {
            return Err(token_in_query("gateway_token"));
        }
        let url = decode::optional_text("gateway_url", request.gateway_url.as_deref(), URL)?;
        let gateway = match url {
            Some(url) => self.gateway_at(caller, &url).await?,
            None => {
                self.target(
                    caller,
                    request.gateway_id.as_deref(),
                    request.board_id.as_deref(),
                )
                .await?
            }
        };
        self.examine(&gateway, true).await
    }

    /// How a gateway is that is not registered.
    pub(super) async fn probe(
        &self,
        organization_id: Uuid,
        request: &ProbeGatewayRequest,
    ) -> Result<GatewayStatus, Error> {
        let now = self.clock.now();
        let url = input::gateway_url(&request.url)?;
        let token = input::gateway_token(request.token.as_deref())?;
        let (allow_insecure_tls, disable_device_pairing) = (
            request.allow_insecure_tls.unwrap_or(false),
            request.disable_device_pairing.unwrap_or(false),
        );
        let flags = format!("{allow_insecure_tls}/{disable_device_pairing}");
        let parts = [
            organization_id.to_string(),
            url.clone(),
            token.clone().unwrap_or_default(),
            flags,
        ];
        let id = stand_in_id(&parts);
        let stranger = Gateway {
            id,
            organization_id,
            name: String::new(),
            url,
            token_sealed: token.map(|token| self.sealed(id, &token)),
            workspace_root: String::new(),
            allow_insecure_tls,
            disable_device_pairing,
            leaving_at: None,
            created_at: now,
            updated_at: now,
        };
        self.examine(&stranger, false).await
    }

    /// The gateway that a request names, itself or by a board of it.
    pub(super) async fn target(
        &self,
        caller: &Caller,
        gateway_id: Option<&str>,
        board_id: Option<&str>,
    ) -> Result<Gateway, Error> {
        if let Some(id) = gateway_id.filter(|id| !id.is_empty()) {
            return self.own_gateway(caller, id).await;
        }
        let Some(board_id) = decode::optional_id("board_id", board_id)? else {
            let message = "name a gateway by gateway_id, or a board of it by board_id";
            return Err(Error::Refused(Fault::rejected(
                "GATEWAY_TARGET_REQUIRED",
                "gateway_id",
                message,
            )));
        };
        let (board, _) = self.visible_board(caller, board_id).await?;
        match board.gateway_id.filter(|id| !id.is_empty()) {
            Some(id) => self.own_gateway(caller, &id).await,
            None => Err(Error::Refused(Fault::rejected(
                "GATEWAY_REQUIRED",
                "board_id",
                "the board has no gateway",
            ))),
        }
    }

    /// The newest gateway of the organization that is registered with this very address.
    async fn gateway_at(&self, caller: &Caller, url: &str) -> Result<Gateway, Error> {
        let carries_token = url::Url::parse(url).is_ok_and(|url| {
            url.query_pairs()
                .any(|(key, _)| matches!(&*key, "token" | "password"))
        });
        if carries_token {
            return Err(token_in_query("gateway_url"));
        }
        let mut conn = self.pool.acquire().await?;
        store::gateways::find_by_url(&mut conn, organization(caller)?, url)
            .await?
            .ok_or(Error::GatewayNotFound)
    }

    /// What a gateway answers, or why it does not. That the connector is away says nothing about the gateway.
    async fn examine(
        &self,
        gateway: &Gateway,
        is_registered: bool,
    ) -> Result<GatewayStatus, Error> {
        match within(self.look(gateway, is_registered)).await {
            Ok(status) => Ok(status),
            Err(failure) if failure.reason.starts_with("gateway_") => Ok(GatewayStatus {
                connected: false,
                gateway_url: gateway.url.clone(),
                error: Some(failure.message),
                error_code: Some(failure.reason),
                ..GatewayStatus::default()
            }),
            Err(failure) => Err(failure.into()),
        }
    }

    async fn look(&self, gateway: &Gateway, is_registered: bool) -> Result<GatewayStatus, Failure> {
        let probed = self.connector.probe(gateway).await?;
        let sessions = self.connector.list_sessions(gateway, None).await?;
        let mut status = GatewayStatus {
            connected: true,
            gateway_url: gateway.url.clone(),
            sessions_count: Some(sessions.total),
            version: Some(probed.version),
            protocol: Some(probed.protocol),
            latency_ms: Some(probed.latency_ms),
            ..GatewayStatus::default()
        };
        if is_registered {
            match self.main_session(gateway, &sessions).await {
                Ok(found) => status.main_session = found,
                Err(failure) => status.main_session_error = Some(failure.message),
            }
        }
        status.sessions = sessions.shown;
        Ok(status)
    }

    /// The session of the gateway's main agent, as the gateway describes it; asked for by its key when there are too many
    /// to be listed.
    pub(super) async fn main_session(
        &self,
        gateway: &Gateway,
        sessions: &Sessions,
    ) -> Result<Option<Value>, Failure> {
        let key = place::session_key(&place::main_key(gateway.id));
        let found = find(&sessions.shown, &key);
        let all_shown =
            usize::try_from(sessions.total).is_ok_and(|all| all <= sessions.shown.len());
        if found.is_some() || all_shown {
            return Ok(found.cloned());
        }
        let asked = self.connector.list_sessions(gateway, Some(&key)).await?;
        Ok(find(&asked.shown, &key).cloned())
    }
}

/// The session with this key.
pub(super) fn find<'a>(sessions: &'a [Value], key: &str) -> Option<&'a Value> {
    sessions.iter().find(|session| match &session.kind {
        Some(Kind::StructValue(fields)) => {
            let named = fields
                .fields
                .get("key")
                .and_then(|value| value.kind.as_ref());
            matches!(named, Some(Kind::StringValue(own)) if own == key)
        }
        _ => false,
    })
}

/// The connector keeps a session per id: the same question finds the same session again, and no other.
fn stand_in_id(parts: &[String]) -> Uuid {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.finalize()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

fn token_in_query(field: &str) -> Error {
    let message = "a token in an address lands in logs: POST it to /api/v1/gateways/probe";
    Error::Refused(Fault::rejected("TOKEN_IN_QUERY", field, message))
}
