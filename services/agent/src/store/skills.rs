//! Skills of organizations.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::{Rows, installs};
use crate::skill::{Card, Found, Pack, Skill, address};

impl FromRow<'_, PgRow> for Skill {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            organization_id: row.try_get("organization_id")?,
            name: row.try_get("name")?,
            description: row.try_get("description")?,
            category: row.try_get("category")?,
            risk: row.try_get("risk")?,
            source: row.try_get("source")?,
            source_url: row.try_get("source_url")?,
            repository: row.try_get("repository")?,
            metadata: row.try_get("metadata")?,
            vanished_at: row.try_get("vanished_at")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}

/// Which skills a list shows. What is absent does not matter.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub organization_id: Uuid,
    /// Whose installations are shown with them.
    pub gateway_id: Uuid,
    /// Stands somewhere in name, description, category, risk or source.
    pub search: Option<String>,
    pub category: Label,
    pub risk: Label,
    pub repository: Option<String>,
    pub limit: i64,
    pub offset: i64,
}

/// What a label must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    Any,
    /// There is none.
    Missing,
    /// This one, whatever the case.
    Is(String),
}

impl Label {
    fn word(&self) -> Option<&str> {
        match self {
            Self::Any => None,
            Self::Missing => Some(""),
            Self::Is(word) => Some(word),
        }
    }
}

/// What a list is filtered by, in one place for the rows and their number.
macro_rules! matching {
    ($select:literal, $rest:literal) => {
        concat!(
            $select,
            " where skill.organization_id = $1
               and ($2::text is null or strpos(lower(
                   concat_ws(chr(10), skill.name, skill.description, skill.category, skill.risk, skill.source)
               ), lower($2)) > 0)
               and ($3::text is null or lower(coalesce(skill.category, '')) = lower($3))
               and ($4::text is null or lower(coalesce(skill.risk, '')) = lower($4))
               and ($5::text is null or skill.repository = $5) ",
            $rest
        )
    };
}

/// Skills with what one gateway has of them, newest first.
pub(crate) async fn list(conn: &mut PgConnection, filter: &Filter) -> sqlx::Result<Rows<Card>> {
    let items: Vec<PgRow> = sqlx::query(matching!(
        "select skill.*, install.gateway_id, install.skill_id, install.state, install.error, install.notice_id,
                install.check_id, install.installed_at, install.updated_at as install_updated_at
         from skill
         left join skill_install install on install.skill_id = skill.id and install.gateway_id = $6",
        "order by skill.created_at desc, skill.id desc limit $7 offset $8"
    ))
    .bind(filter.organization_id)
    .bind(&filter.search)
    .bind(filter.category.word())
    .bind(filter.risk.word())
    .bind(&filter.repository)
    .bind(filter.gateway_id)
    .bind(filter.limit)
    .bind(filter.offset)
    .fetch_all(&mut *conn)
    .await?;
    let items = items.iter().map(|row| {
        Ok(Card {
            skill: Skill::from_row(row)?,
            install: installs::beside_a_skill(row)?,
        })
    });
    let items = items.collect::<sqlx::Result<_>>()?;
    let total = sqlx::query_scalar(matching!("select count(*) from skill", ""))
        .bind(filter.organization_id)
        .bind(&filter.search)
        .bind(filter.category.word())
        .bind(filter.risk.word())
        .bind(&filter.repository)
        .fetch_one(conn)
        .await?;
    Ok(Rows { items, total })
}

pub(crate) async fn find(
    conn: &mut PgConnection,
    organization_id: Uuid,
    id: Uuid,
) -> sqlx::Result<Option<Skill>> {
    sqlx::query_as("select * from skill where id = $1 and organization_id = $2")
        .bind(id)
        .bind(organization_id)
        .fetch_optional(conn)
        .await
}

/// A skill of which an installation is decided: nobody else decides of one before the transaction ends.
pub(crate) async fn lock(
    conn: &mut PgConnection,
    organization_id: Uuid,
    id: Uuid,
) -> sqlx::Result<Option<Skill>> {
    sqlx::query_as("select * from skill where id = $1 and organization_id = $2 for no key update")
        .bind(id)
        .bind(organization_id)
        .fetch_optional(conn)
        .await
}

/// How a skill was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saved {
    Created,
    Changed,
    Same,
}

/// Adds a skill, or gives the one of the same address a name and a description where there are new ones; answers it as it is
/// now. Of two who add the same at once, one adds it.
pub(crate) async fn upsert(
    conn: &mut PgConnection,
    skill: &Skill,
    name: Option<&str>,
) -> sqlx::Result<(Skill, Saved)> {
    let row = sqlx::query(
        "insert into skill (
             id, organization_id, name, description, category, risk, source, source_url, repository, metadata,
             created_at, updated_at
         ) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         on conflict on constraint skill_source_url_key do update
         set name = coalesce($13, skill.name), description = coalesce(excluded.description, skill.description),
             updated_at = excluded.updated_at
         where (skill.name, skill.description)
             is distinct from (coalesce($13, skill.name), coalesce(excluded.description, skill.description))
         returning *, xmax = 0 as is_new",
    )
    .bind(skill.id)
    .bind(skill.organization_id)
    .bind(&skill.name)
    .bind(&skill.description)
    .bind(&skill.category)
    .bind(&skill.risk)
    .bind(&skill.source)
    .bind(&skill.source_url)
    .bind(&skill.repository)
    .bind(&skill.metadata)
    .bind(skill.created_at)
    .bind(skill.updated_at)
    .bind(name)
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(row) = row {
        let saved = if row.try_get("is_new")? {
            Saved::Created
        } else {
            Saved::Changed
        };
        return Ok((Skill::from_row(&row)?, saved));
    }
    // The statement has locked it, so it is still there.
    let found =
        sqlx::query_as("select * from skill where organization_id = $1 and source_url = $2")
            .bind(skill.organization_id)
            .bind(&skill.source_url)
            .fetch_one(conn)
            .await?;
    Ok((found, Saved::Same))
}

pub(crate) async fn delete(
    conn: &mut PgConnection,
    organization_id: Uuid,
    id: Uuid,
) -> sqlx::Result<Option<Skill>> {
    sqlx::query_as("delete from skill where id = $1 and organization_id = $2 returning *")
        .bind(id)
        .bind(organization_id)
        .fetch_optional(conn)
        .await
}

pub(crate) async fn delete_of_organization(
    conn: &mut PgConnection,
    organization_id: Uuid,
) -> sqlx::Result<()> {
    sqlx::query("delete from skill where organization_id = $1")
        .bind(organization_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Adds what a sync found, or brings it up to date, with one statement; how many were added and how many changed. What had
/// vanished and is back is so no more.
pub(crate) async fn upsert_found(
    conn: &mut PgConnection,
    pack: &Pack,
    found: &[Found],
    at: DateTime<Utc>,
) -> sqlx::Result<(i32, i32)> {
    let texts = |text: fn(&Found) -> &str| found.iter().map(text).collect::<Vec<_>>();
    let maybe =
        |text: fn(&Found) -> Option<&str>| found.iter().map(text).collect::<Vec<Option<&str>>>();
    let (ids, repositories): (Vec<Uuid>, Vec<String>) = found
        .iter()
        .map(|found| (Uuid::now_v7(), address::repository(&found.source_url)))
        .unzip();
    let metadata: Vec<&serde_json::Value> = found.iter().map(|found| &found.metadata).collect();
    sqlx::query_as(
        "with saved as (
             insert into skill (
                 id, organization_id, pack_id, name, description, category, risk, source, source_url, repository,
                 metadata, created_at, updated_at
             )
             select id, $10, $11, name, description, category, risk, source, source_url, repository, metadata, $12, $12
             from unnest(
                 $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                 $9::jsonb[]
             ) as given (id, name, description, category, risk, source, source_url, repository, metadata)
             order by source_url
             on conflict on constraint skill_source_url_key do update
             set pack_id = excluded.pack_id, name = excluded.name, description = excluded.description,
                 category = excluded.category, risk = excluded.risk, source = excluded.source,
                 metadata = excluded.metadata, vanished_at = null, updated_at = excluded.updated_at
             where (skill.pack_id, skill.name, skill.description, skill.category, skill.risk, skill.source,
                    skill.metadata, skill.vanished_at)
                 is distinct from (excluded.pack_id, excluded.name, excluded.description, excluded.category,
                    excluded.risk, excluded.source, excluded.metadata, null)
             returning xmax = 0 as is_new
         )
         select (count(*) filter (where is_new))::integer, (count(*) filter (where not is_new))::integer from saved",
    )
    .bind(ids)
    .bind(texts(|f| &f.name))
    .bind(maybe(|f| f.description.as_deref()))
    .bind(maybe(|f| f.category.as_deref()))
    .bind(maybe(|f| f.risk.as_deref()))
    .bind(texts(|f| &f.source))
    .bind(texts(|f| &f.source_url))
    .bind(repositories)
    .bind(metadata)
    .bind(pack.organization_id)
    .bind(pack.id)
    .bind(at)
    .fetch_one(conn)
    .await
}

/// Marks what an earlier sync of a pack found and this one did not; how many.
pub(crate) async fn mark_vanished(
    conn: &mut PgConnection,
    pack_id: Uuid,
    found: &[&str],
    at: DateTime<Utc>,
) -> sqlx::Result<i32> {
    let marked = sqlx::query(
        "update skill set vanished_at = $3, updated_at = $3
         where pack_id = $1 and vanished_at is null and source_url <> all($2)",
    )
    .bind(pack_id)
    .bind(found)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(i32::try_from(marked.rows_affected()).unwrap_or(i32::MAX))
}
