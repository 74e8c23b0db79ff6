//! What gateways were asked to install.

use sqlx::{FromRow, PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::unknown_word;
use crate::{
    agent::Agent,
    skill::{Install, Skill, install::State},
};

/// An installation and its skill.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    pub install: Install,
    pub skill: Skill,
}

fn state(row: &PgRow) -> sqlx::Result<Option<State>> {
    let word: Option<&str> = row.try_get("state")?;
    word.map(|word| State::parse(word).ok_or_else(|| unknown_word("state", word)))
        .transpose()
}

/// The installation in a row about a skill, if there is one.
pub(super) fn beside_a_skill(row: &PgRow) -> sqlx::Result<Option<Install>> {
    let Some(state) = state(row)? else {
        return Ok(None);
    };
    Ok(Some(Install {
        gateway_id: row.try_get("gateway_id")?,
        skill_id: row.try_get("skill_id")?,
        state,
        error: row.try_get("error")?,
        notice_id: row.try_get("notice_id")?,
        check_id: row.try_get("check_id")?,
        installed_at: row.try_get("installed_at")?,
        updated_at: row.try_get("install_updated_at")?,
    }))
}

impl FromRow<'_, PgRow> for Asked {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let install = beside_a_skill(row)?;
        Ok(Self {
            install: install.ok_or(sqlx::Error::RowNotFound)?,
            skill: Skill::from_row(row)?,
        })
    }
}

/// An installation that is about to be changed: nobody else changes it before the transaction ends.
pub(crate) async fn lock(
    conn: &mut PgConnection,
    gateway_id: Uuid,
    skill_id: Uuid,
) -> sqlx::Result<Option<Asked>> {
    sqlx::query_as(
        "select skill.*, install.gateway_id, install.skill_id, install.state, install.error, install.notice_id,
                install.check_id, install.installed_at, install.updated_at as install_updated_at
         from skill_install install join skill on skill.id = install.skill_id
         where install.gateway_id = $1 and install.skill_id = $2
         for update of install",
    )
    .bind(gateway_id)
    .bind(skill_id)
    .fetch_optional(conn)
    .await
}

/// The installation of which this is the last request to the main agent; nobody else changes it before the transaction ends.
pub(crate) async fn lock_by_notice(
    conn: &mut PgConnection,
    notice_id: Uuid,
) -> sqlx::Result<Option<Asked>> {
    sqlx::query_as(
        "select skill.*, install.gateway_id, install.skill_id, install.state, install.error, install.notice_id,
                install.check_id, install.installed_at, install.updated_at as install_updated_at
         from skill_install install join skill on skill.id = install.skill_id
         where install.notice_id = $1
         for update of install",
    )
    .bind(notice_id)
    .fetch_optional(conn)
    .await
}

/// The installation of which this question is the last one.
pub(crate) async fn find_by_check(
    conn: &mut PgConnection,
    check_id: Uuid,
) -> sqlx::Result<Option<Asked>> {
    sqlx::query_as(
        "select skill.*, install.gateway_id, install.skill_id, install.state, install.error, install.notice_id,
                install.check_id, install.installed_at, install.updated_at as install_updated_at
         from skill_install install join skill on skill.id = install.skill_id
         where install.check_id = $1",
    )
    .bind(check_id)
    .fetch_optional(conn)
    .await
}

/// The same; nobody else changes it before the transaction ends.
pub(crate) async fn lock_by_check(
    conn: &mut PgConnection,
    check_id: Uuid,
) -> sqlx::Result<Option<Asked>> {
    sqlx::query_as(
        "select skill.*, install.gateway_id, install.skill_id, install.state, install.error, install.notice_id,
                install.check_id, install.installed_at, install.updated_at as install_updated_at
         from skill_install install join skill on skill.id = install.skill_id
         where install.check_id = $1
         for update of install",
    )
    .bind(check_id)
    .fetch_optional(conn)
    .await
}

/// Writes an installation, new or changed. Whoever calls has locked its skill.
pub(crate) async fn put(conn: &mut PgConnection, install: &Install) -> sqlx::Result<()> {
    sqlx::query(
        "insert into skill_install (
             gateway_id, skill_id, state, error, notice_id, check_id, installed_at, created_at, updated_at
         ) values ($1, $2, $3, $4, $5, $6, $7, $8, $8)
         on conflict on constraint skill_install_pkey do update
         set state = excluded.state, error = excluded.error, notice_id = excluded.notice_id,
             check_id = excluded.check_id, installed_at = excluded.installed_at, updated_at = excluded.updated_at",
    )
    .bind(install.gateway_id)
    .bind(install.skill_id)
    .bind(install.state.as_str())
    .bind(&install.error)
    .bind(install.notice_id)
    .bind(install.check_id)
    .bind(install.installed_at)
    .bind(install.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes what can change of an installation.
pub(crate) async fn update(conn: &mut PgConnection, install: &Install) -> sqlx::Result<()> {
    sqlx::query(
        "update skill_install
         set state = $3, error = $4, check_id = $5, installed_at = $6, updated_at = $7
         where gateway_id = $1 and skill_id = $2",
    )
    .bind(install.gateway_id)
    .bind(install.skill_id)
    .bind(install.state.as_str())
    .bind(&install.error)
    .bind(install.check_id)
    .bind(install.installed_at)
    .bind(install.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    conn: &mut PgConnection,
    gateway_id: Uuid,
    skill_id: Uuid,
) -> sqlx::Result<()> {
    sqlx::query("delete from skill_install where gateway_id = $1 and skill_id = $2")
        .bind(gateway_id)
        .bind(skill_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Ids of what gateways are to be asked and were asked.
pub(crate) async fn list_checks(
    conn: &mut PgConnection,
    gateway_ids: &[Uuid],
    queue: &str,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "select id from delivery where queue = $2 and target = any($1::uuid[]::text[])",
    )
    .bind(gateway_ids)
    .bind(queue)
    .fetch_all(conn)
    .await
}

/// The agent that speaks for a gateway, unless it goes.
pub(crate) async fn find_main_agent(
    conn: &mut PgConnection,
    gateway_id: Uuid,
) -> sqlx::Result<Option<Agent>> {
    sqlx::query_as(
        "select * from agent where gateway_id = $1 and board_id is null and leaving_at is null",
    )
    .bind(gateway_id)
    .fetch_optional(conn)
    .await
}

/// A request about a skill that is still to be sent, and what it is to lead to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unsent {
    pub notice_id: Uuid,
    pub gateway_id: Uuid,
    pub state: State,
}

/// Requests about a skill that main agents are still to be told of. Whoever calls has locked the skill.
pub(crate) async fn list_unsent(
    conn: &mut PgConnection,
    skill_id: Uuid,
) -> sqlx::Result<Vec<Unsent>> {
    let rows = sqlx::query(
        "select install.notice_id, install.gateway_id, install.state
         from skill_install install
         join notice on notice.id = install.notice_id
         left join delivery on delivery.id = notice.id
         where install.skill_id = $1 and coalesce(delivery.state, 'waiting') not in ('sent', 'dead')",
    )
    .bind(skill_id)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Unsent {
                notice_id: row.try_get("notice_id")?,
                gateway_id: row.try_get("gateway_id")?,
                state: state(row)?.ok_or(sqlx::Error::RowNotFound)?,
            })
        })
        .collect()
}
