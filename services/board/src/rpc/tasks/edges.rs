//! What a task depends on, looked up while the board is held.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    error::Error,
    store,
    task::{MAX_DEPENDENCIES, Refusal, Status, Task, patch::Patch},
};

/// Judges a list of dependencies: other tasks of the board, all there, no circle. Answers those that are not done, in
/// the order of the list.
pub(super) async fn judge(
    conn: &mut PgConnection,
    board_id: Uuid,
    task_id: Uuid,
    depends_on: &[Uuid],
) -> Result<Vec<Uuid>, Error> {
    if depends_on.contains(&task_id) {
        return Err(Error::SelfDependency);
    }
    let statuses = store::tasks::statuses(conn, board_id, depends_on).await?;
    let missing: Vec<Uuid> = depends_on
        .iter()
        .filter(|id| !statuses.contains_key(id))
        .copied()
        .collect();
    if !missing.is_empty() {
        return Err(Error::DependenciesNotFound { missing });
    }
    if store::dependencies::reaches(conn, task_id, depends_on).await? {
        return Err(Error::DependencyCycle);
    }
    let open = depends_on
        .iter()
        .filter(|id| statuses.get(id) != Some(&Status::Done));
    Ok(open.copied().collect())
}

/// The dependencies that a task will have after a change and that are not done.
pub(super) async fn open(
    conn: &mut PgConnection,
    task: &Task,
    patch: &Patch,
) -> Result<Vec<Uuid>, Error> {
    match &patch.depends_on {
        Some(revision) => {
            let depends_on = revision.of(task.depends_on.iter().copied());
            if depends_on.len() > MAX_DEPENDENCIES {
                return Err(Refusal::TooManyDependencies.into());
            }
            judge(conn, task.board_id, task.id, &depends_on).await
        }
        // A task that is done does not note what it would wait for.
        None if task.status == Status::Done && patch.status.is_some() => {
            judge(conn, task.board_id, task.id, &task.depends_on).await
        }
        None => Ok(task.blocked_by.clone()),
    }
}
