//! Lists of tasks, newest first: of one board, or of every board that the caller may read.

use chassis::{Caller, decode};
use proto::board::v1::{ListTasksRequest, ListTasksResponse};
use sqlx::PgConnection;

use super::super::{
    Copy, Desk, Read, access, cursor, etag,
    paging::{Last, Paging},
};
use crate::{
    error::Error,
    store::{
        self,
        tasks::{Filter, Place, Words},
    },
    visible::Visible,
    wire,
};

/// Most tags of a filter.
const MAX_TAGS: usize = 50;
/// Most characters of a search.
const MAX_SEARCH: usize = 200;

pub(super) async fn list(
    desk: &Desk,
    caller: &Caller,
    copy: &Copy,
    request: &ListTasksRequest,
) -> Result<Read<ListTasksResponse>, Error> {
    let mut conn = desk.pool.acquire().await?;
    let (place, etag) = place(&mut conn, caller, request).await?;
    let paging = paging(request)?;
    let page = paging.page;
    let filter = Filter {
        place,
        statuses: wire::tasks::statuses(&request.status)?,
        assignee: decode::optional_id("assigned_agent_id", request.assigned_agent_id.as_deref())?,
        unassigned: request.unassigned,
        priorities: wire::tasks::priorities(&request.priority)?,
        tags: Some(decode::ids("tag_id", &request.tag_id, MAX_TAGS)?)
            .filter(|tags| !tags.is_empty()),
        due_after: decode::time("due_after", request.due_after.as_ref())?,
        due_before: decode::time("due_before", request.due_before.as_ref())?,
        words: decode::optional_text("q", request.q.as_deref(), MAX_SEARCH)?
            .as_deref()
            .and_then(Words::of),
    };
    if copy.holds(&etag) {
        return Ok(Read::Unchanged(etag));
    }
    let mut tasks = store::tasks::list(&mut conn, &filter, &page.beyond()).await?;
    let next_page_token = paging.cut(&mut tasks, |task| Last {
        cursor: cursor(task.created_at, task.id),
        first: "",
    });
    let answer = ListTasksResponse {
        next_page_token,
        items: tasks.into_iter().map(wire::tasks::task).collect(),
        total: store::tasks::count(&mut conn, &filter).await?,
        limit: page.wire_limit(),
        offset: page.wire_offset(),
    };
    Ok(Read::Fresh(answer, etag))
}

/// Judges the paging fields. A token belongs to the place and the filter that it was given for.
fn paging(request: &ListTasksRequest) -> Result<Paging, Error> {
    let question = ListTasksRequest {
        limit: None,
        offset: None,
        page_token: None,
        ..request.clone()
    };
    let token = request.page_token.as_deref();
    let (limit, offset) = (request.limit, request.offset);
    Ok(Paging::of("tasks", &question, limit, offset, token)?)
}

/// Where to look, and the tag of what is there.
async fn place(
    conn: &mut PgConnection,
    caller: &Caller,
    request: &ListTasksRequest,
) -> Result<(Place, String), Error> {
    if let Some(board_id) = decode::optional_id("board_id", request.board_id.as_deref())? {
        let stamp = access::stamp(conn, caller, board_id).await?;
        return Ok((Place::Board(board_id), etag(stamp.version)));
    }
    let visible = Visible::to(caller).ok_or(Error::BoardNotFound)?;
    let filter = store::boards::Filter {
        visible,
        gateway_id: None,
        board_group_id: None,
    };
    let (_, digest) = store::boards::summary(conn, &filter).await?;
    let organization_id = filter.visible.organization_id;
    let boards = match filter.visible.gateway_id {
        Some(_) => Some(store::boards::ids(conn, &filter.visible).await?),
        None => filter.visible.boards,
    };
    Ok((
        Place::Boards {
            organization_id,
            boards,
        },
        etag(digest),
    ))
}
