//! Policies as rows.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    approval::Requester,
    error::Result,
    policy::{Effect, Policy, Rule},
};

/// A statement that ends with policies.
macro_rules! returning {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " id, organization_id, name, enabled, position, action_type, board_id, min_confidence, max_confidence,
             requester_roles, effect, required_approvals, forbid_self_approval, expires_after_seconds,
             created_at, updated_at ",
            $after
        )
    };
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    organization_id: Uuid,
    name: String,
    enabled: bool,
    position: i32,
    action_type: Option<String>,
    board_id: Option<Uuid>,
    min_confidence: Option<f64>,
    max_confidence: Option<f64>,
    requester_roles: Vec<String>,
    effect: String,
    required_approvals: i32,
    forbid_self_approval: bool,
    expires_after_seconds: Option<i32>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl Row {
    fn into_policy(self) -> sqlx::Result<Policy> {
        let unknown = |column: &str| sqlx::Error::ColumnDecode {
            index: column.to_owned(),
            source: "unknown".into(),
        };
        let requester_roles = self
            .requester_roles
            .iter()
            .map(|word| Requester::parse(word).ok_or_else(|| unknown("requester_roles")))
            .collect::<sqlx::Result<_>>()?;
        Ok(Policy {
            id: self.id,
            organization_id: self.organization_id,
            rule: Rule {
                name: self.name,
                enabled: self.enabled,
                position: self.position,
                action_type: self.action_type,
                board_id: self.board_id,
                min_confidence: self.min_confidence,
                max_confidence: self.max_confidence,
                requester_roles,
                effect: Effect::parse(&self.effect).ok_or_else(|| unknown("effect"))?,
                required_approvals: self.required_approvals,
                forbid_self_approval: self.forbid_self_approval,
                expires_after_seconds: self.expires_after_seconds,
            },
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

/// Lets one transaction at a time add policies to an organization, so that the limit holds.
pub(crate) async fn lock(conn: &mut PgConnection, organization_id: Uuid) -> Result<()> {
    sqlx::query(
        "select pg_advisory_xact_lock(hashtextextended('approval.policies:' || $1::text, 0))",
    )
    .bind(organization_id)
    .execute(conn)
    .await?;
    Ok(())
}

pub(crate) async fn count(conn: &mut PgConnection, organization_id: Uuid) -> Result<i64> {
    let count =
        sqlx::query_scalar("select count(*) from approval_policy where organization_id = $1")
            .bind(organization_id)
            .fetch_one(conn)
            .await?;
    Ok(count)
}

/// Policies of an organization, by position, then by age.
pub(crate) async fn list(conn: &mut PgConnection, organization_id: Uuid) -> Result<Vec<Policy>> {
    let rows: Vec<Row> = sqlx::query_as(returning!(
        "select",
        "from approval_policy where organization_id = $1 order by position, created_at, id"
    ))
    .bind(organization_id)
    .fetch_all(conn)
    .await?;
    policies(rows)
}

pub(crate) async fn find(
    conn: &mut PgConnection,
    organization_id: Uuid,
    id: Uuid,
) -> Result<Option<Policy>> {
    let row: Option<Row> = sqlx::query_as(returning!(
        "select",
        "from approval_policy where organization_id = $1 and id = $2"
    ))
    .bind(organization_id)
    .bind(id)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Row::into_policy).transpose()?)
}

/// The same, locked until the transaction ends.
pub(crate) async fn find_locked(
    conn: &mut PgConnection,
    organization_id: Uuid,
    id: Uuid,
) -> Result<Option<Policy>> {
    let row: Option<Row> = sqlx::query_as(returning!(
        "select",
        "from approval_policy where organization_id = $1 and id = $2 for update"
    ))
    .bind(organization_id)
    .bind(id)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Row::into_policy).transpose()?)
}

pub(crate) async fn insert(conn: &mut PgConnection, policy: &Policy) -> Result<()> {
    let rule = &policy.rule;
    sqlx::query(
        "insert into approval_policy (id, organization_id, name, enabled, position, action_type, board_id, min_confidence,
             max_confidence, requester_roles, effect, required_approvals, forbid_self_approval, expires_after_seconds,
             created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind(policy.id)
    .bind(policy.organization_id)
    .bind(&rule.name)
    .bind(rule.enabled)
    .bind(rule.position)
    .bind(&rule.action_type)
    .bind(rule.board_id)
    .bind(rule.min_confidence)
    .bind(rule.max_confidence)
    .bind(roles(rule))
    .bind(rule.effect.as_str())
    .bind(rule.required_approvals)
    .bind(rule.forbid_self_approval)
    .bind(rule.expires_after_seconds)
    .bind(policy.created_at)
    .bind(policy.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

pub(crate) async fn update(conn: &mut PgConnection, policy: &Policy) -> Result<()> {
    let rule = &policy.rule;
    sqlx::query(
        "update approval_policy
         set name = $2, enabled = $3, position = $4, action_type = $5, board_id = $6, min_confidence = $7,
             max_confidence = $8, requester_roles = $9, effect = $10, required_approvals = $11,
             forbid_self_approval = $12, expires_after_seconds = $13, updated_at = $14
         where id = $1",
    )
    .bind(policy.id)
    .bind(&rule.name)
    .bind(rule.enabled)
    .bind(rule.position)
    .bind(&rule.action_type)
    .bind(rule.board_id)
    .bind(rule.min_confidence)
    .bind(rule.max_confidence)
    .bind(roles(rule))
    .bind(rule.effect.as_str())
    .bind(rule.required_approvals)
    .bind(rule.forbid_self_approval)
    .bind(rule.expires_after_seconds)
    .bind(policy.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes a policy and answers it as it was.
pub(crate) async fn delete(
    conn: &mut PgConnection,
    organization_id: Uuid,
    id: Uuid,
) -> Result<Option<Policy>> {
    let row: Option<Row> = sqlx::query_as(returning!(
        "delete from approval_policy where organization_id = $1 and id = $2 returning",
        ""
    ))
    .bind(organization_id)
    .bind(id)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Row::into_policy).transpose()?)
}

/// Deletes the policies that are about one board only, and answers them as they were.
pub(crate) async fn delete_of_board(
    conn: &mut PgConnection,
    board_id: Uuid,
) -> Result<Vec<Policy>> {
    let rows: Vec<Row> = sqlx::query_as(returning!(
        "delete from approval_policy where board_id = $1 returning",
        ""
    ))
    .bind(board_id)
    .fetch_all(conn)
    .await?;
    policies(rows)
}

fn roles(rule: &Rule) -> Vec<&'static str> {
    rule.requester_roles
        .iter()
        .map(|role| role.as_str())
        .collect()
}

fn policies(rows: Vec<Row>) -> Result<Vec<Policy>> {
    Ok(rows
        .into_iter()
        .map(Row::into_policy)
        .collect::<sqlx::Result<_>>()?)
}
