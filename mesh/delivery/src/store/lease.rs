//! The table `delivery`, as workers use it.

use chassis::context::Context;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor, Row as _};
use uuid::Uuid;

use super::row;
use crate::state::{Delivery, State};

/// A delivery under lease.
pub(crate) struct Claimed {
    pub(crate) delivery: Delivery,
    /// Attempts since it was last (re)delivered, this one included.
    pub(crate) tries: i32,
    pub(crate) started_at: DateTime<Utc>,
    /// Of the request that caused it.
    pub(crate) context: Context,
}

/// What a queue needs.
pub(crate) struct Outlook {
    /// Some lease has expired.
    pub(crate) lost: bool,
    /// Some deadline has passed.
    pub(crate) expired: bool,
    /// Something is due.
    pub(crate) due: bool,
    /// When the next of these will be so.
    pub(crate) next: Option<DateTime<Utc>>,
}

pub(crate) async fn outlook(
    db: impl PgExecutor<'_>,
    queue: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<Outlook> {
    let row = sqlx::query(
        "select
             exists (select from delivery
                 where queue = $1 and state = 'sending' and leased_until <= $2) as lost,
             exists (select from delivery
                 where queue = $1 and state in ('waiting', 'failed') and deadline_at <= $2) as expired,
             exists (select from delivery
                 where queue = $1 and state in ('waiting', 'failed') and next_attempt_at <= $2) as due,
             least(
                 (select min(leased_until) from delivery
                     where queue = $1 and state = 'sending' and leased_until > $2),
                 (select min(deadline_at) from delivery
                     where queue = $1 and state in ('waiting', 'failed') and deadline_at > $2),
                 (select min(next_attempt_at) from delivery
                     where queue = $1 and state in ('waiting', 'failed') and next_attempt_at > $2)) as next",
    )
    .bind(queue)
    .bind(now)
    .fetch_one(db)
    .await?;
    Ok(Outlook {
        lost: row.try_get("lost")?,
        expired: row.try_get("expired")?,
        due: row.try_get("due")?,
        next: row.try_get("next")?,
    })
}

/// Takes what is due under lease: every target in its turn, none beyond its limit. Workers of a queue claim one after the
/// other, so that the limit holds over all of them; call it in a transaction of its own.
pub(crate) async fn claim(
    conn: &mut PgConnection,
    queue: &str,
    now: DateTime<Utc>,
    leased_until: DateTime<Utc>,
    per_target: i64,
    limit: i64,
) -> sqlx::Result<Vec<Claimed>> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('delivery.' || current_schema() || '.' || $1, 0))")
        .bind(queue)
        .execute(&mut *conn)
        .await?;
    let rows = sqlx::query(
        "with recursive target (name) as (
             (select target from delivery
              where queue = $1 and state in ('waiting', 'failed') order by target limit 1)
             union all
             select (select d.target from delivery d
                     where d.queue = $1 and d.state in ('waiting', 'failed') and d.target > t.name
                     order by d.target limit 1)
             from target t where t.name is not null),
         busy as (
             select target, count(*) as attempts from delivery
             where queue = $1 and state = 'sending' group by target),
         ready as (
             select c.id
             from target t
             left join busy b on b.target = t.name
             cross join lateral (
                 select id, next_attempt_at,
                        coalesce(b.attempts, 0) + row_number() over (order by next_attempt_at, id) as turn
                 from (select d.id, d.next_attempt_at from delivery d
                       where d.queue = $1 and d.target = t.name and d.state in ('waiting', 'failed')
                         and d.next_attempt_at <= $2 and (d.deadline_at is null or d.deadline_at > $2)
                       order by d.next_attempt_at, d.id limit $4) oldest) c
             where c.turn <= $4
             order by c.turn, c.next_attempt_at, c.id
             limit $5),
         free as (
             select d.id from delivery d join ready using (id)
             where d.state in ('waiting', 'failed') for update of d skip locked)
         update delivery d
         set state = 'sending', fence = fence + 1, attempts = attempts + 1, tries = tries + 1,
             started_at = $2, leased_until = $3, next_attempt_at = null
         from free where d.id = free.id
         returning d.*",
    )
    .bind(queue)
    .bind(now)
    .bind(leased_until)
    .bind(per_target)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(row::claimed).collect()
}

/// Moves the end of leases, save of those that were lost. Does not wait for what is being settled or discarded meanwhile:
/// the others would run out.
pub(crate) async fn renew(
    conn: &mut PgConnection,
    ids: &[Uuid],
    fences: &[i64],
    leased_until: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query(
        "with mine as (
             select d.id
             from delivery d join unnest($1::uuid[], $2::bigint[]) as held (id, fence) using (id, fence)
             where d.state = 'sending' for update of d skip locked)
         update delivery d set leased_until = $3 from mine where d.id = mine.id",
    )
    .bind(ids)
    .bind(fences)
    .bind(leased_until)
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends an attempt, unless the fence has moved on.
pub(crate) async fn settle(
    conn: &mut PgConnection,
    claimed: &Claimed,
    state: State,
    next_attempt_at: Option<DateTime<Utc>>,
    error: Option<&str>,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Delivery>> {
    let row = sqlx::query(
        "update delivery
         set state = $3, next_attempt_at = $4, last_error = coalesce($5, last_error), leased_until = null,
             started_at = null, sent_at = case when $3 = 'sent' then $6 end
         where id = $1 and fence = $2 and state = 'sending'
         returning *",
    )
    .bind(claimed.delivery.id)
    .bind(claimed.delivery.fence)
    .bind(state.word())
    .bind(next_attempt_at)
    .bind(error)
    .bind(now)
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(row::delivery).transpose()
}

/// A delivery whose lease has expired.
pub(crate) async fn find_lost(
    db: impl PgExecutor<'_>,
    queue: &str,
    now: DateTime<Utc>,
    except: &[Uuid],
) -> sqlx::Result<Option<Claimed>> {
    let row = sqlx::query(
        "select * from delivery
         where queue = $1 and state = 'sending' and leased_until <= $2 and id <> all($3)
         order by leased_until limit 1",
    )
    .bind(queue)
    .bind(now)
    .bind(except)
    .fetch_optional(db)
    .await?;
    row.as_ref().map(row::claimed).transpose()
}

/// Gives up a delivery whose deadline has passed while it waited.
pub(crate) async fn expire(
    conn: &mut PgConnection,
    queue: &str,
    now: DateTime<Utc>,
    reason: &str,
    except: &[Uuid],
) -> sqlx::Result<Option<Delivery>> {
    let row = sqlx::query(
        "update delivery d
         set state = 'dead', next_attempt_at = null, last_error = concat_ws('; ', last_error, $3::text)
         from (select id from delivery
               where queue = $1 and state in ('waiting', 'failed') and deadline_at <= $2 and id <> all($4)
               order by deadline_at limit 1 for update skip locked) late
         where d.id = late.id
         returning d.*",
    )
    .bind(queue)
    .bind(now)
    .bind(reason)
    .bind(except)
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(row::delivery).transpose()
}
