//! What is older than an organization wants. Deliveries are locked with whatever they carry, and nothing is that somebody
//! else holds.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// Notices of an organization that were sent or given up, were written before a moment and not tried since; the oldest of
/// them. The last request about a skill and those of an open onboarding are none of them.
pub(crate) async fn lock_notices(
    conn: &mut PgConnection,
    organization_id: Uuid,
    before: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "select notice.id
         from notice join delivery on delivery.id = notice.id
         where notice.organization_id = $1 and notice.created_at < $2 and delivery.state in ('sent', 'dead')
           and not exists (
               select from delivery_attempt attempt where attempt.delivery_id = notice.id and attempt.started_at >= $2)
           and not exists (select from skill_install where skill_install.notice_id = notice.id)
           and (notice.kind <> 'onboarding' or not exists (
               select from onboarding
               where onboarding.board_id = notice.board_id and onboarding.status in ('active', 'completed')))
         order by notice.created_at
         limit $3
         for update of delivery, notice skip locked",
    )
    .bind(organization_id)
    .bind(before)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Jobs of an organization that ended before a moment, with another that says more of their agent: any newer one, but one
/// that is to remove the agent says nothing of what it was to do before.
pub(crate) async fn lock_jobs(
    conn: &mut PgConnection,
    organization_id: Uuid,
    before: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "with old as (
             select job.id
             from agent join job on job.agent_id = agent.id
             where agent.organization_id = $1 and job.created_at < $2 and job.finished_at < $2
               and exists (
                   select from job newer
                   where newer.agent_id = job.agent_id and (newer.created_at, newer.id) > (job.created_at, job.id)
                     and (newer.kind <> 'delete' or job.kind = 'delete'))
               and not exists (
                   select from delivery where delivery.id = job.id and delivery.state not in ('sent', 'dead'))
             limit $3
         ),
         carried as (
             select job.id
             from old join delivery using (id) join job using (id)
             where delivery.state in ('sent', 'dead')
             for update of delivery, job skip locked
         ),
         -- Ended by something else that was wanted of the agent.
         bare as (
             select job.id
             from old join job using (id)
             where not exists (select from delivery where delivery.id = job.id)
             for update of job skip locked
         )
         select id from carried union all select id from bare",
    )
    .bind(organization_id)
    .bind(before)
    .bind(limit)
    .fetch_all(conn)
    .await
}

pub(crate) async fn delete_jobs(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<u64> {
    let done = sqlx::query("delete from job where id = any($1)")
        .bind(ids)
        .execute(conn)
        .await?;
    Ok(done.rows_affected())
}

/// Settled deliveries on these queues to the gateways of an organization, or for the organization itself, from before a
/// moment and not tried since, that no row names any more.
pub(crate) async fn lock_traces(
    conn: &mut PgConnection,
    organization_id: Uuid,
    queues: &[&str],
    before: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "select delivery.id
         from delivery
         where delivery.queue = any($4)
           and delivery.target = any(array(
               select id::text from gateway where organization_id = $1 union all select $1::text))
           and delivery.state in ('sent', 'dead') and delivery.created_at < $2
           and not exists (
               select from delivery_attempt attempt where attempt.delivery_id = delivery.id and attempt.started_at >= $2)
           and not exists (select from wake where wake.id = delivery.id)
           and not exists (select from skill_install where skill_install.check_id = delivery.id)
           and not exists (
               select from skill_pack where skill_pack.organization_id = $1 and skill_pack.sync_id = delivery.id)
         limit $3
         for update of delivery skip locked",
    )
    .bind(organization_id)
    .bind(before)
    .bind(limit)
    .bind(queues)
    .fetch_all(conn)
    .await
}

/// Deletes finished template syncs of an organization from before a moment. How many.
pub(crate) async fn delete_syncs(
    conn: &mut PgConnection,
    organization_id: Uuid,
    before: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<u64> {
    let done = sqlx::query(
        "delete from template_sync
         where id in (
             select id from template_sync
             where organization_id = $1 and created_at < $2 and finished_at < $2
             order by created_at
             limit $3
             for update skip locked)",
    )
    .bind(organization_id)
    .bind(before)
    .bind(limit)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
