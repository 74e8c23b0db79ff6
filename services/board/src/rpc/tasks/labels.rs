//! The tags that a request names, looked up before the board is held.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    error::Error,
    store,
    tag::{self, Badge},
    task::{Refusal, Task, revision::Revision},
};

/// The tags that a request gives to a task, as far as they are there, held against change.
pub(super) struct Labels<'a> {
    named: &'a [Uuid],
    held: Vec<Badge>,
}

impl<'a> Labels<'a> {
    pub(super) async fn hold(
        conn: &mut PgConnection,
        organization_id: Uuid,
        named: &'a [Uuid],
    ) -> Result<Self, Error> {
        let held = if named.is_empty() {
            Vec::new()
        } else {
            store::tags::hold(conn, organization_id, named).await?
        };
        Ok(Self { named, held })
    }

    /// Judges whether all of them are there.
    pub(super) fn judge(&self) -> Result<(), Error> {
        let known: Vec<Uuid> = self.held.iter().map(|badge| badge.id).collect();
        judge(self.named, &known)
    }

    /// The tags of a task after a request.
    pub(super) fn after(&self, task: &Task, revision: &Revision) -> Result<Vec<Badge>, Error> {
        let ids = revision.of(task.tag_ids());
        if ids.len() > tag::MAX_PER_TASK {
            return Err(Refusal::TooManyTags.into());
        }
        let find = |id: Uuid| {
            let mut known = self.held.iter().chain(&task.tags);
            known.find(|badge| badge.id == id).cloned()
        };
        Ok(ids.into_iter().filter_map(find).collect())
    }

    /// The tags of a new task.
    pub(super) fn all(&self) -> &[Badge] {
        &self.held
    }
}

/// Judges tags before anybody is asked about the rest.
pub(super) async fn foresee(
    conn: &mut PgConnection,
    organization_id: Uuid,
    named: &[Uuid],
) -> Result<(), Error> {
    if named.is_empty() {
        return Ok(());
    }
    judge(
        named,
        &store::tags::known(conn, organization_id, named).await?,
    )
}

fn judge(named: &[Uuid], known: &[Uuid]) -> Result<(), Error> {
    let ids: Vec<Uuid> = named
        .iter()
        .filter(|id| !known.contains(id))
        .copied()
        .collect();
    if ids.is_empty() {
        Ok(())
    } else {
        Err(tag::Refusal::Missing { ids }.into())
    }
}
