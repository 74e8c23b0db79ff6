//! Who a subject is and what they may see, in one indexed read.

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
        })
    }
}
