//! Personal API tokens of the caller in the active organization.

use chassis::{Caller, Cursor, Fault, caller::User, decode};
use proto::org::v1::{
    CreateApiTokenRequest, CreateApiTokenResponse, ListApiTokensRequest, ListApiTokensResponse,
    RevokeApiTokenRequest, RevokeApiTokenResponse, api_token_service_server::ApiTokenService,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Org, input, person, standing};
use crate::{
    api_token::{ApiToken, IN_FORCE_MAX, NAME_MAX, exceeds},
    error::{Error, Result},
    event::Act,
    store::{api_tokens, members},
    token::{Kind, Token},
    wire,
};

#[tonic::async_trait]
impl ApiTokenService for Org {
    async fn list_api_tokens(
        &self,
        request: Request<ListApiTokensRequest>,
    ) -> Result<Response<ListApiTokensResponse>, Status> {
        let person = person(Caller::of(&request)?)?;
        let request = request.into_inner();
        let page = decode::page(request.limit, request.offset, request.page_token.as_deref())?;

        let mut conn = self.conn().await?;
        let organization_id = person.organization_id;
        standing(&mut conn, &person).await?;
        let total = api_tokens::count(&mut conn, organization_id, person.id).await?;
        let mut tokens =
            api_tokens::list(&mut conn, organization_id, person.id, &page.beyond()).await?;
        let next_page_token = page.cut(&mut tokens, |token| Cursor {
            at: token.created_at,
            id: token.id,
        });
        Ok(Response::new(ListApiTokensResponse {
            items: tokens
                .into_iter()
                .map(|token| wire::api_token(token, None))
                .collect(),
            total,
            limit: page.wire_limit(),
            offset: page.wire_offset(),
            next_page_token,
        }))
    }

    async fn create_api_token(
        &self,
        request: Request<CreateApiTokenRequest>,
    ) -> Result<Response<CreateApiTokenResponse>, Status> {
        let caller = Caller::of(&request)?;
        let act = self.act(caller.event_actor());
        let person = person(caller)?;
        let request = request.into_inner();
        let expires_at = decode::time("expires_at", request.expires_at.as_ref())?;
        if expires_at.is_some_and(|end| end <= act.at) {
            let message = "must be in the future";
            return Err(Fault::invalid("expires_at", "NOT_IN_FUTURE", message).into());
        }
        let token = ApiToken {
            id: Uuid::now_v7(),
            organization_id: person.organization_id,
            user_id: person.id,
            name: decode::text("name", &request.name, 1, NAME_MAX)?,
            scopes: input::scopes(&request.scopes)?,
            created_at: act.at,
            expires_at,
            last_used_at: None,
        };
        if exceeds(&person.scopes, &token.scopes) {
            return Err(Error::ScopeExceeded.into());
        }

        let text = self.issue(&person, &token, &act).await?;
        let api_token = Some(wire::api_token(token, Some(text)));
        Ok(Response::new(CreateApiTokenResponse { api_token }))
    }

    async fn revoke_api_token(
        &self,
        request: Request<RevokeApiTokenRequest>,
    ) -> Result<Response<RevokeApiTokenResponse>, Status> {
        let caller = Caller::of(&request)?;
        let act = self.act(caller.event_actor());
        let person = person(caller)?;
        let id = decode::id("api_token_id", &request.into_inner().api_token_id)?;

        self.revoke(&person, id, &act).await?;
        Ok(Response::new(RevokeApiTokenResponse { ok: true }))
    }
}

impl Org {
    /// Stores a token and answers its text.
    async fn issue(&self, person: &User, token: &ApiToken, act: &Act) -> Result<String> {
        let secret = Token::new(Kind::Api, token.id, rand::random());
        let hash = self.hasher.hash(&secret).await?;
        let mut tx = self.pool.begin().await?;
        let member = standing(&mut tx, person).await?;
        // Of simultaneous creations each counts the one before it.
        if !members::lock(&mut tx, member.id).await? {
            return Err(Error::OrganizationNotFound(person.organization_id));
        }
        let in_force =
            api_tokens::count_in_force(&mut tx, token.organization_id, token.user_id, act.at)
                .await?;
        if in_force >= IN_FORCE_MAX {
            return Err(Error::TooManyApiTokens);
        }
        api_tokens::insert(&mut tx, token, &hash).await?;
        bus::outbox::append(&mut tx, act.api_token_created(token)).await?;
        tx.commit().await?;
        Ok(secret.reveal())
    }

    async fn revoke(&self, person: &User, id: Uuid, act: &Act) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        let token = api_tokens::delete(&mut tx, person.organization_id, person.id, id)
            .await?
            .ok_or(Error::ApiTokenNotFound(id))?;
        bus::outbox::append(&mut tx, act.api_token_revoked(&token)).await?;
        Ok(tx.commit().await?)
    }
}
