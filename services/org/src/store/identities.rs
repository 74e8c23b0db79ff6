//! Who a credential stands for and what they may see, in one indexed read.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    error::Result,
    identity::{BoardRight, Identity},
    user,
};

#[derive(sqlx::FromRow)]
struct Row {
    user_id: Uuid,
    email: Option<String>,
    name: Option<String>,
    preferred_name: Option<String>,
    organization_id: Uuid,
    role: String,
    all_boards_read: bool,
    all_boards_write: bool,
    board_ids: Vec<Uuid>,
    board_writes: Vec<bool>,
}

#[derive(sqlx::FromRow)]
struct HeldRow {
    #[sqlx(flatten)]
    row: Row,
    hash: String,
    scopes: Vec<String>,
    expires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
}

/// Who an API token stands for, if it is the one that the hash is of and has not expired.
pub(crate) struct Held {
    pub identity: Identity,
    pub hash: String,
    pub expires_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
}

/// Finds the person of a subject in the organization they chose or, when they are no member of it any more, in the one
/// they joined first. `None` for an unknown person and for one without any organization.
pub(crate) async fn find(conn: &mut PgConnection, subject: &str) -> Result<Option<Identity>> {
    let row: Option<Row> = sqlx::query_as(
        "select u.id as user_id, u.email, u.name, u.preferred_name,
                m.organization_id, m.role, m.all_boards_read, m.all_boards_write, a.board_ids, a.board_writes
         from user_account u
         cross join lateral (
             select * from member
             where member.user_id = u.id
             order by (member.organization_id is not distinct from u.active_organization_id) desc, member.created_at, member.id
             limit 1
         ) m
         cross join lateral (
             select coalesce(array_agg(board_id order by board_id), '{}') as board_ids,
                    coalesce(array_agg(can_write order by board_id), '{}') as board_writes
             from board_access
             where board_access.member_id = m.id and (can_read or can_write)
         ) a
         where u.clerk_user_id = $1",
    )
    .bind(subject)
    .fetch_optional(conn)
    .await?;
    row.map(Row::into_identity).transpose()
}

/// Finds the person of an API token in the organization that it is bound to.
pub(crate) async fn find_by_token(conn: &mut PgConnection, token_id: Uuid) -> Result<Option<Held>> {
    let row: Option<HeldRow> = sqlx::query_as(
        "select u.id as user_id, u.email, u.name, u.preferred_name,
                m.organization_id, m.role, m.all_boards_read, m.all_boards_write, a.board_ids, a.board_writes,
                t.hash, t.scopes, t.expires_at, t.last_used_at
         from api_token t
         join user_account u on u.id = t.user_id
         join member m on m.organization_id = t.organization_id and m.user_id = t.user_id
         cross join lateral (
             select coalesce(array_agg(board_id order by board_id), '{}') as board_ids,
                    coalesce(array_agg(can_write order by board_id), '{}') as board_writes
             from board_access
             where board_access.member_id = m.id and (can_read or can_write)
         ) a
         where t.id = $1",
    )
    .bind(token_id)
    .fetch_optional(conn)
    .await?;
    row.map(HeldRow::into_held).transpose()
}

impl HeldRow {
    fn into_held(self) -> Result<Held> {
        Ok(Held {
            identity: Identity {
                scopes: super::scopes(&self.scopes)?,
                ..self.row.into_identity()?
            },
            hash: self.hash,
            expires_at: self.expires_at,
            last_used_at: self.last_used_at,
        })
    }
}

impl Row {
    fn into_identity(self) -> Result<Identity> {
        let boards = self.board_ids.into_iter().zip(self.board_writes);
        Ok(Identity {
            user_id: self.user_id,
            name: user::display_name([&self.preferred_name, &self.name, &self.email]),
            organization_id: self.organization_id,
            role: super::role(&self.role)?,
            all_boards_read: self.all_boards_read,
            all_boards_write: self.all_boards_write,
            boards: boards
                .map(|(board_id, can_write)| BoardRight {
                    board_id,
                    can_write,
                })
                .collect(),
            scopes: Vec::new(),
            good_until: None,
        })
    }
}
