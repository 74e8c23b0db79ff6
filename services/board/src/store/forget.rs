//! Forgetting the ids of people who are gone. Names stay.

use sqlx::PgConnection;
use uuid::Uuid;

/// Some boards of an organization on which a person did something that is still theirs, held until the transaction ends.
pub(crate) async fn lock_boards(
    conn: &mut PgConnection,
    organization_id: Uuid,
    user_id: Uuid,
    limit: i64,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "select id from board
          where organization_id = $1
            and (paused_by_kind = 'user' and paused_by_id = $2
                 or id in (select board_id from task where created_by_user_id = $2
                            union
                           select t.board_id
                             from task_comment c join task t on t.id = c.task_id
                            where c.user_id = $2
                            union
                           select board_id from board_memory where author_kind = 'user' and author_id = $2))
          order by id
          limit $3
          for no key update",
    )
    .bind(organization_id)
    .bind(user_id)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Forgets a person on boards that are held. Readers of these boards have a stale copy then.
pub(crate) async fn user(
    conn: &mut PgConnection,
    boards: &[Uuid],
    user_id: Uuid,
) -> sqlx::Result<()> {
    for statement in [
        "update task set created_by_user_id = null where board_id = any ($1) and created_by_user_id = $2",
        "update task_comment c
            set user_id = null
           from task t
          where t.id = c.task_id and t.board_id = any ($1) and c.user_id = $2",
        "update board_memory
            set author_id = null
          where board_id = any ($1) and author_kind = 'user' and author_id = $2",
        "update board
            set paused_by_id = case when paused_by_kind = 'user' and paused_by_id = $2 then null else paused_by_id end,
                version = version + 1
          where id = any ($1)",
    ] {
        let query = sqlx::query(statement).bind(boards).bind(user_id);
        query.execute(&mut *conn).await?;
    }
    Ok(())
}
