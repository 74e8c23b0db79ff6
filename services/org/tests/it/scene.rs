//! Rows that tests begin with.

use chassis::caller::User;
use chrono::TimeDelta;
use proto::org::v1::{CreateApiTokenRequest, CreateInviteRequest, Invite};
use uuid::Uuid;

use crate::fixture::Fixture;

impl Fixture {
    /// Fills every table with something of the organization in which a person is alone; answers the ids of what is theirs.
    pub(crate) async fn fill_alone(&self, user: &User) -> Vec<Uuid> {
        let organization_id = user.organization_id;
        let member_id = self.member_id(user).await;
        self.grant(member_id, Uuid::now_v7()).await;
        self.api_token(organization_id, user.id, "mine").await;
        let invite_id = self
            .invite_of(organization_id, user.id, "guest@example.com")
            .await;
        vec![organization_id, member_id, invite_id, user.id]
    }

    /// The same, with another member who acts in the organization.
    pub(crate) async fn fill(&self, user: &User, other: &User) -> Vec<Uuid> {
        let mut ids = self.fill_alone(user).await;
        ids.push(self.join(user.organization_id, other.id, "member").await);
        sqlx::query("update user_account set active_organization_id = $2 where id = $1")
            .bind(other.id)
            .bind(user.organization_id)
            .execute(&self.pool)
            .await
            .unwrap();
        ids
    }

    pub(crate) async fn member_id(&self, user: &User) -> Uuid {
        sqlx::query_scalar("select id from member where organization_id = $1 and user_id = $2")
            .bind(user.organization_id)
            .bind(user.id)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// The roles in an organization, highest first.
    pub(crate) async fn roles(&self, organization_id: Uuid) -> Vec<String> {
        sqlx::query_scalar("select role from member where organization_id = $1 order by role desc")
            .bind(organization_id)
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    pub(crate) async fn grant(&self, member_id: Uuid, board_id: Uuid) {
        sqlx::query(
            "insert into board_access (id, member_id, board_id, can_read, can_write, created_at, updated_at)
             values (gen_random_uuid(), $1, $2, true, false, $3, $3)",
        )
        .bind(member_id)
        .bind(board_id)
        .bind(self.clock.now())
        .execute(&self.pool)
        .await
        .unwrap();
    }

    /// A token that nobody can present.
    pub(crate) async fn api_token(&self, organization_id: Uuid, user_id: Uuid, name: &str) -> Uuid {
        let id = Uuid::now_v7();
        sqlx::query(
            "insert into api_token (id, organization_id, user_id, name, hash, scopes, created_at)
             values ($1, $2, $3, $4, '', '{}', $5)",
        )
        .bind(id)
        .bind(organization_id)
        .bind(user_id)
        .bind(name)
        .bind(self.clock.now())
        .execute(&self.pool)
        .await
        .unwrap();
        id
    }

    /// An invite with a right on a board, whose token nobody can present.
    pub(crate) async fn invite_of(
        &self,
        organization_id: Uuid,
        user_id: Uuid,
        address: &str,
    ) -> Uuid {
        let id = Uuid::now_v7();
        sqlx::query(
            "with made as (
                 insert into invite (id, organization_id, invited_email, token_hash, role, all_boards_read, all_boards_write,
                     created_by_user_id, expires_at, created_at, updated_at)
                 values ($1, $2, $4, '', 'member', false, false, $3, $6, $5, $5) returning id
             )
             insert into invite_access (invite_id, board_id, can_write) select id, gen_random_uuid(), true from made",
        )
        .bind(id)
        .bind(organization_id)
        .bind(user_id)
        .bind(address)
        .bind(self.clock.now())
        .bind(self.clock.now() + TimeDelta::days(7))
        .execute(&self.pool)
        .await
        .unwrap();
        id
    }

    /// Invites an address as a caller does, with the token.
    pub(crate) async fn invite(&self, by: &User, request: CreateInviteRequest) -> Invite {
        let answer = self.invites(by).create_invite(request).await.unwrap();
        answer.into_inner().invite.unwrap()
    }

    /// Makes a token that can be presented.
    pub(crate) async fn token(&self, by: &User, request: CreateApiTokenRequest) -> (Uuid, String) {
        let answer = self.tokens(by).create_api_token(request).await.unwrap();
        let token = answer.into_inner().api_token.unwrap();
        (token.id.parse().unwrap(), token.token.unwrap())
    }
}

/// An invite of an address as a member with no right on boards.
pub(crate) fn invitation(address: &str) -> CreateInviteRequest {
    CreateInviteRequest {
        invited_email: address.to_owned(),
        ..CreateInviteRequest::default()
    }
}

/// A token without limits.
pub(crate) fn token_named(name: &str) -> CreateApiTokenRequest {
    CreateApiTokenRequest {
        name: name.to_owned(),
        ..CreateApiTokenRequest::default()
    }
}
