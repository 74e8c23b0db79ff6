//! Packs of skills, and their syncs.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::unknown_word;
use crate::skill::{Counts, MAX_PACKS, Pack, Sync, SyncState};

impl FromRow<'_, PgRow> for Pack {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let state: &str = row.try_get("sync_state")?;
        Ok(Self {
            id: row.try_get("id")?,
            organization_id: row.try_get("organization_id")?,
            name: row.try_get("name")?,
            description: row.try_get("description")?,
            source_url: row.try_get("source_url")?,
            repository: row.try_get("repository")?,
            branch: row.try_get("branch")?,
            metadata: row.try_get("metadata")?,
            skill_count: row.try_get("skill_count")?,
            sync: Sync {
                state: SyncState::parse(state).ok_or_else(|| unknown_word("sync_state", state))?,
                id: row.try_get("sync_id")?,
                at: row.try_get("synced_at")?,
                error: row.try_get("sync_error")?,
                warnings: row.try_get("sync_warnings")?,
                counts: Counts {
                    found: row.try_get("sync_found")?,
                    created: row.try_get("sync_created")?,
                    updated: row.try_get("sync_updated")?,
                    vanished: row.try_get("sync_vanished")?,
                },
            },
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}

pub(crate) async fn list(
    conn: &mut PgConnection,
    organization_id: Uuid,
) -> sqlx::Result<Vec<Pack>> {
    sqlx::query_as(
        "select skill_pack.*, coalesce(held.count, 0) as skill_count
         from skill_pack left join (
             select repository, count(*) as count from skill where organization_id = $1 group by repository
         ) held on held.repository = skill_pack.repository
         where organization_id = $1
         order by created_at desc, id desc
         limit $2",
    )
    .bind(organization_id)
    .bind(MAX_PACKS)
    .fetch_all(conn)
    .await
}

pub(crate) async fn find(
    conn: &mut PgConnection,
    organization_id: Uuid,
    id: Uuid,
) -> sqlx::Result<Option<Pack>> {
    sqlx::query_as(
        "select skill_pack.*, (
             select count(*) from skill
             where skill.organization_id = skill_pack.organization_id and skill.repository = skill_pack.repository
         ) as skill_count
         from skill_pack where id = $1 and organization_id = $2",
    )
    .bind(id)
    .bind(organization_id)
    .fetch_optional(conn)
    .await
}

/// A pack that is about to be changed: nobody else changes it before the transaction ends.
pub(crate) async fn find_for_update(
    conn: &mut PgConnection,
    organization_id: Uuid,
    id: Uuid,
) -> sqlx::Result<Option<Pack>> {
    sqlx::query("select from skill_pack where id = $1 and organization_id = $2 for no key update")
        .bind(id)
        .bind(organization_id)
        .execute(&mut *conn)
        .await?;
    find(conn, organization_id, id).await
}

/// Counts the packs of an organization and keeps everybody else from counting until the transaction ends.
pub(crate) async fn count(conn: &mut PgConnection, organization_id: Uuid) -> sqlx::Result<i64> {
    sqlx::query(
        "select pg_advisory_xact_lock(hashtextextended('agent.skill_pack/' || $1::text, 0))",
    )
    .bind(organization_id)
    .execute(&mut *conn)
    .await?;
    sqlx::query_scalar("select count(*) from skill_pack where organization_id = $1")
        .bind(organization_id)
        .fetch_one(conn)
        .await
}

/// The pack of a repository; nobody else changes it before the transaction ends.
pub(crate) async fn find_of_repository(
    conn: &mut PgConnection,
    organization_id: Uuid,
    repository: &str,
) -> sqlx::Result<Option<Pack>> {
    let id: Option<Uuid> = sqlx::query_scalar(
        "select id from skill_pack where organization_id = $1 and repository = $2 for no key update",
    )
    .bind(organization_id)
    .bind(repository)
    .fetch_optional(&mut *conn)
    .await?;
    match id {
        Some(id) => find(conn, organization_id, id).await,
        None => Ok(None),
    }
}

/// Inserts packs of repositories that have none; answers those.
pub(crate) async fn insert_missing(
    conn: &mut PgConnection,
    packs: &[Pack],
) -> sqlx::Result<Vec<Pack>> {
    let texts = |text: fn(&Pack) -> &str| packs.iter().map(text).collect::<Vec<_>>();
    sqlx::query_as(
        "insert into skill_pack (
             id, organization_id, name, description, source_url, repository, branch, metadata, created_at, updated_at
         )
         select * from unnest(
             $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::jsonb[],
             $9::timestamptz[], $10::timestamptz[]
         )
         on conflict on constraint skill_pack_repository_key do nothing
         returning *, (
             select count(*) from skill
             where skill.organization_id = skill_pack.organization_id and skill.repository = skill_pack.repository
         ) as skill_count",
    )
    .bind(packs.iter().map(|p| p.id).collect::<Vec<_>>())
    .bind(packs.iter().map(|p| p.organization_id).collect::<Vec<_>>())
    .bind(texts(|p| &p.name))
    .bind(packs.iter().map(|p| p.description.as_deref()).collect::<Vec<_>>())
    .bind(texts(|p| &p.source_url))
    .bind(texts(|p| &p.repository))
    .bind(texts(|p| &p.branch))
    .bind(packs.iter().map(|p| &p.metadata).collect::<Vec<_>>())
    .bind(packs.iter().map(|p| p.created_at).collect::<Vec<_>>())
    .bind(packs.iter().map(|p| p.updated_at).collect::<Vec<_>>())
    .fetch_all(conn)
    .await
}

/// Writes everything about a pack that people can change.
pub(crate) async fn update(conn: &mut PgConnection, pack: &Pack) -> sqlx::Result<()> {
    sqlx::query(
        "update skill_pack
         set name = $2, description = $3, source_url = $4, repository = $5, branch = $6, metadata = $7,
             updated_at = $8
         where id = $1",
    )
    .bind(pack.id)
    .bind(&pack.name)
    .bind(&pack.description)
    .bind(&pack.source_url)
    .bind(&pack.repository)
    .bind(&pack.branch)
    .bind(&pack.metadata)
    .bind(pack.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    conn: &mut PgConnection,
    organization_id: Uuid,
    id: Uuid,
) -> sqlx::Result<bool> {
    let deleted = sqlx::query("delete from skill_pack where id = $1 and organization_id = $2")
        .bind(id)
        .bind(organization_id)
        .execute(conn)
        .await?;
    Ok(deleted.rows_affected() > 0)
}

pub(crate) async fn delete_of_organization(
    conn: &mut PgConnection,
    organization_id: Uuid,
) -> sqlx::Result<()> {
    sqlx::query("delete from skill_pack where organization_id = $1")
        .bind(organization_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// A sync begins.
pub(crate) async fn begin_sync(
    conn: &mut PgConnection,
    id: Uuid,
    sync_id: Uuid,
) -> sqlx::Result<()> {
    sqlx::query(
        "update skill_pack
         set sync_state = $3, sync_id = $2, sync_error = null, sync_warnings = '{}', sync_found = 0,
             sync_created = 0, sync_updated = 0, sync_vanished = 0
         where id = $1",
    )
    .bind(id)
    .bind(sync_id)
    .bind(SyncState::Running.as_str())
    .execute(conn)
    .await?;
    Ok(())
}

/// The pack of which this sync runs.
pub(crate) async fn find_running(
    conn: &mut PgConnection,
    sync_id: Uuid,
) -> sqlx::Result<Option<Pack>> {
    sqlx::query_as(
        "select *, 0::bigint as skill_count from skill_pack where sync_id = $1 and sync_state = $2",
    )
    .bind(sync_id)
    .bind(SyncState::Running.as_str())
    .fetch_optional(conn)
    .await
}

/// The same; nobody else changes it before the transaction ends.
pub(crate) async fn lock_running(
    conn: &mut PgConnection,
    sync_id: Uuid,
) -> sqlx::Result<Option<Pack>> {
    sqlx::query_as(
        "select *, 0::bigint as skill_count from skill_pack where sync_id = $1 and sync_state = $2
         for no key update",
    )
    .bind(sync_id)
    .bind(SyncState::Running.as_str())
    .fetch_optional(conn)
    .await
}

/// A sync has read the repository; answers the pack as it is now.
pub(crate) async fn finish_sync(
    conn: &mut PgConnection,
    id: Uuid,
    warnings: &[String],
    counts: Counts,
    at: DateTime<Utc>,
) -> sqlx::Result<Pack> {
    sqlx::query_as(
        "update skill_pack
         set sync_state = $2, synced_at = $3, sync_error = null, sync_warnings = $4, sync_found = $5,
             sync_created = $6, sync_updated = $7, sync_vanished = $8
         where id = $1
         returning *, (
             select count(*) from skill
             where skill.organization_id = skill_pack.organization_id and skill.repository = skill_pack.repository
         ) as skill_count",
    )
    .bind(id)
    .bind(SyncState::Done.as_str())
    .bind(at)
    .bind(warnings)
    .bind(counts.found)
    .bind(counts.created)
    .bind(counts.updated)
    .bind(counts.vanished)
    .fetch_one(conn)
    .await
}

/// A sync that runs is given up; answers its pack as it is now. What was read before stays.
pub(crate) async fn fail_sync(
    conn: &mut PgConnection,
    sync_id: Uuid,
    error: &str,
) -> sqlx::Result<Option<Pack>> {
    sqlx::query_as(
        "update skill_pack
         set sync_state = $3, sync_error = $4, sync_warnings = '{}', sync_found = 0, sync_created = 0,
             sync_updated = 0, sync_vanished = 0
         where sync_id = $1 and sync_state = $2
         returning *, (
             select count(*) from skill
             where skill.organization_id = skill_pack.organization_id and skill.repository = skill_pack.repository
         ) as skill_count",
    )
    .bind(sync_id)
    .bind(SyncState::Running.as_str())
    .bind(SyncState::Failed.as_str())
    .bind(error)
    .fetch_optional(conn)
    .await
}
