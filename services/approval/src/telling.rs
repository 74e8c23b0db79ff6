//! Changes of approvals, written down and told in the transaction that makes them. Whoever calls holds the lock of the board.

use chrono::{DateTime, Utc};
use proto::event::v1::Actor;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    approval::Approval,
    error::Result,
    event,
    history::{Author, Change, Entry},
    store::{approvals, changes, counts, history, links},
};

/// Who changes an approval: as events and as history name them, with what they say about it.
#[derive(Clone, Debug)]
pub(crate) struct By {
    pub actor: Actor,
    pub author: Author,
    pub note: Option<String>,
}

impl By {
    /// Mission Control itself, under its own name.
    pub(crate) fn system() -> Self {
        let actor = chassis::caller::system_actor();
        let author = Author::system(actor.name.clone());
        Self {
            actor,
            author,
            note: None,
        }
    }
}

/// Writes down and tells how an approval came to be as it is.
pub(crate) async fn changed(
    conn: &mut PgConnection,
    approval: &Approval,
    change: Change,
    by: By,
    at: DateTime<Utc>,
) -> Result<()> {
    let entry = Entry::of(approval, change, by.author, by.note, at);
    history::insert(&mut *conn, &[entry]).await?;
    let task_ids: Vec<Uuid> = approval.task_ids().collect();
    let counts = counts::find(&mut *conn, approval.board_id, &task_ids).await?;
    let told = event::changed(by.actor, approval, change, &counts, at);
    bus::outbox::append(conn, told).await?;
    Ok(())
}

/// Lets approvals of a board expire, those of them that are pending and due. Answers how many.
pub(crate) async fn expire(
    conn: &mut PgConnection,
    board_id: Uuid,
    ids: &[Uuid],
    now: DateTime<Utc>,
) -> Result<usize> {
    let ids = changes::expire(&mut *conn, board_id, ids, now).await?;
    if ids.is_empty() {
        return Ok(0);
    }
    links::settle(&mut *conn, &ids).await?;
    let mut expired = approvals::list_by_ids(&mut *conn, &ids).await?;
    expired.sort_by_key(|approval| (approval.terms.expires_at, approval.id));
    let entries: Vec<Entry> = expired
        .iter()
        .map(|approval| Entry::of(approval, Change::Expired, By::system().author, None, now))
        .collect();
    history::insert(&mut *conn, &entries).await?;

    let task_ids: Vec<Uuid> = expired.iter().flat_map(Approval::task_ids).collect();
    let counts = counts::find(&mut *conn, board_id, &task_ids).await?;
    let told = expired.iter().enumerate().map(|(index, approval)| {
        let counts = counts.before(expired.len() - 1 - index);
        event::changed(By::system().actor, approval, Change::Expired, &counts, now)
    });
    bus::outbox::append_all(conn, told.collect()).await?;
    Ok(expired.len())
}
