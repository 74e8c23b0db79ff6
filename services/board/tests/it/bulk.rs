//! Many rows at once, as a large organization has them.

use sqlx::PgPool;
use uuid::Uuid;

/// Boards like this one, in its group, numbered.
pub(crate) async fn boards(pool: &PgPool, like: Uuid, numbers: std::ops::Range<i32>) {
    sqlx::query(
        "insert into board (
             id, organization_id, name, slug, description, gateway_id, board_group_id, board_type, goal_confirmed,
             require_approval_for_done, require_review_before_done, comment_required_for_review,
             block_status_changes_with_pending_approval, only_lead_can_change_status, max_agents, created_at, updated_at)
         select gen_random_uuid(), organization_id, name || ' ' || n, slug || '-n' || n, description, gateway_id,
                board_group_id, board_type, goal_confirmed, require_approval_for_done, require_review_before_done,
                comment_required_for_review, block_status_changes_with_pending_approval, only_lead_can_change_status,
                max_agents, created_at, updated_at
           from board, generate_series($2, $3 - 1) n
          where id = $1",
    )
    .bind(like)
    .bind(numbers.start)
    .bind(numbers.end)
    .execute(pool)
    .await
    .unwrap();
}

/// Tasks on a board, numbered, each a second newer than the one before.
pub(crate) async fn tasks(pool: &PgPool, board: Uuid, status: &str, numbers: std::ops::Range<i32>) {
    sqlx::query(
        "insert into task (
             id, organization_id, board_id, title, status, priority, status_changed_at, created_at, updated_at,
             in_progress_at)
         select gen_random_uuid(), organization_id, id, $2 || ' ' || n, $2, 'medium', made_at, made_at, made_at,
                case $2 when 'in_progress' then made_at end
           from board, generate_series($3, $4 - 1) n, lateral (select created_at + n * interval '1 s' as made_at) made
          where id = $1",
    )
    .bind(board)
    .bind(status)
    .bind(numbers.start)
    .bind(numbers.end)
    .execute(pool)
    .await
    .unwrap();
}

/// Groups of an organization, numbered.
pub(crate) async fn groups(pool: &PgPool, organization: Uuid, numbers: std::ops::Range<i32>) {
    sqlx::query(
        "insert into board_group (id, organization_id, name, slug, created_at, updated_at)
         select gen_random_uuid(), $1, 'Group ' || n, 'group-n' || n, now(), now() from generate_series($2, $3 - 1) n",
    )
    .bind(organization)
    .bind(numbers.start)
    .bind(numbers.end)
    .execute(pool)
    .await
    .unwrap();
}

/// Custom fields of a board, numbered.
pub(crate) async fn fields(pool: &PgPool, board: Uuid, numbers: std::ops::Range<i32>) {
    sqlx::query(
        "with made as (
             insert into custom_field (
                 id, organization_id, field_key, label, field_type, ui_visibility, required, created_at, updated_at)
             select gen_random_uuid(), organization_id, 'f' || n, 'F' || n, 'text', 'always', false, created_at, updated_at
               from board, generate_series($2, $3 - 1) n
              where id = $1
             returning id)
         insert into custom_field_board (custom_field_id, board_id) select id, $1 from made",
    )
    .bind(board)
    .bind(numbers.start)
    .bind(numbers.end)
    .execute(pool)
    .await
    .unwrap();
}

/// Tags of the organization of a board, numbered.
pub(crate) async fn tags(pool: &PgPool, board: Uuid, numbers: std::ops::Range<i32>) {
    sqlx::query(
        "insert into tag (id, organization_id, name, slug, color, created_at, updated_at)
         select gen_random_uuid(), organization_id, 'T' || n, 't' || n, '000000', created_at, updated_at
           from board, generate_series($2, $3 - 1) n
          where id = $1",
    )
    .bind(board)
    .bind(numbers.start)
    .bind(numbers.end)
    .execute(pool)
    .await
    .unwrap();
}

/// Gives the first ten tags to every task of a board, and each of its fields a value there.
pub(crate) async fn label(pool: &PgPool, board: Uuid) {
    for statement in [
        "insert into task_tag (task_id, tag_id)
         select t.id, g.id from task t, (select id from tag order by name limit 10) g where t.board_id = $1
             on conflict do nothing",
        "update task t
            set tag_ids = array(select tag_id from task_tag where task_id = t.id),
                custom_field_values = (select coalesce(jsonb_object_agg(custom_field_id, 'x'), '{}')
                                         from custom_field_board where board_id = $1)
          where board_id = $1",
    ] {
        sqlx::query(statement).bind(board).execute(pool).await.unwrap();
    }
}

/// A chain of tasks of a board in this status: each waits for the one before, the first for `head`.
pub(crate) async fn chain(pool: &PgPool, head: Uuid, length: i32) -> Uuid {
    sqlx::query_scalar(
        "with made as (
             insert into task (
                 id, organization_id, board_id, title, status, priority, status_changed_at, created_at, updated_at,
                 depends_on_ids)
             select ids.id, head.organization_id, head.board_id, 'Link ' || ids.n, 'inbox', 'medium', head.created_at,
                    head.created_at, head.created_at, array[coalesce(lag(ids.id) over (order by ids.n), head.id)]
               from task head, (select n, gen_random_uuid() as id from generate_series(1, $2) n) ids
              where head.id = $1
             returning id, title, depends_on_ids),
         edges as (
             insert into task_dependency (task_id, depends_on_task_id, position)
             select id, depends_on_ids[1], 1 from made)
         select id from made where title = 'Link ' || $2",
    )
    .bind(head)
    .bind(length)
    .fetch_one(pool)
    .await
    .unwrap()
}
