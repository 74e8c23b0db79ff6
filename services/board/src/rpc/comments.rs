//! The conversation on a task.

use bus::outbox;
use chassis::{Caller, decode};
use chrono::{DateTime, Utc};
use proto::board::v1::{
    CreateCommentRequest, CreateCommentResponse, ListCommentsRequest, ListCommentsResponse,
    comment_service_server::CommentService,
};
use sqlx::PgConnection;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{
    Copy, Desk, Read,
    access::{self, Place},
    cursor, etag,
    paging::{Last, Paging},
    scene,
};
use crate::{
    comment::{self, Author, Comment},
    error::Error,
    mention,
    roster::Roster,
    store,
    task::{Task, transition::Mover},
    wire,
};

pub(crate) struct Comments(pub(crate) Desk);

#[tonic::async_trait]
impl CommentService for Comments {
    async fn list_comments(
        &self,
        request: Request<ListCommentsRequest>,
    ) -> Result<Response<ListCommentsResponse>, Status> {
        let (caller, copy) = (Caller::of(&request)?, Copy::of(&request));
        Ok(list(&self.0, &caller, &copy, &request.into_inner())
            .await?
            .into())
    }

    async fn create_comment(
        &self,
        request: Request<CreateCommentRequest>,
    ) -> Result<Response<CreateCommentResponse>, Status> {
        let caller = Caller::of(&request)?;
        let comment = create(&self.0, &caller, &request.into_inner()).await?;
        Ok(Response::new(CreateCommentResponse {
            comment: Some(wire::comment(comment)),
        }))
    }
}

async fn list(
    desk: &Desk,
    caller: &Caller,
    copy: &Copy,
    request: &ListCommentsRequest,
) -> Result<Read<ListCommentsResponse>, Error> {
    let place = Place::decode(Some(&request.board_id), &request.task_id)?;
    let mut conn = desk.pool.acquire().await?;
    if let Some(etag) = access::held(&mut conn, caller, place, copy).await? {
        return Ok(Read::Unchanged(etag));
    }
    let (board, task) = access::task(&mut conn, caller, place).await?;
    let question = ListCommentsRequest {
        limit: None,
        offset: None,
        page_token: None,
        ..request.clone()
    };
    let token = request.page_token.as_deref();
    let paging = Paging::of("comments", &question, request.limit, request.offset, token)?;
    let page = paging.page;
    let mut comments = store::comments::list(&mut conn, task.id, &page.beyond()).await?;
    let next_page_token = paging.cut(&mut comments, |comment| Last {
        cursor: cursor(comment.created_at, comment.id),
        first: "",
    });
    let answer = ListCommentsResponse {
        next_page_token,
        items: comments.into_iter().map(wire::comment).collect(),
        total: store::comments::count(&mut conn, task.id).await?,
        limit: page.wire_limit(),
        offset: page.wire_offset(),
    };
    Ok(Read::Fresh(answer, etag(board.version)))
}

async fn create(
    desk: &Desk,
    caller: &Caller,
    request: &CreateCommentRequest,
) -> Result<Comment, Error> {
    let place = Place::decode(Some(&request.board_id), &request.task_id)?;
    let (seen, _) = access::task(&mut *desk.pool.acquire().await?, caller, place).await?;
    let writer = access::writer(caller, &seen)?;
    let message = decode::text("message", &request.message, 1, wire::tasks::MAX_COMMENT)?;
    let roster = if mention::words(&message).is_empty() {
        Roster::default()
    } else {
        desk.peers.roster(&seen.scope(), None).await?
    };

    let mut tx = desk.pool.begin().await?;
    let board = store::boards::lock(&mut tx, seen.id)
        .await?
        .ok_or(Error::BoardNotFound)?;
    let task = store::tasks::find(&mut tx, place.task_id)
        .await?
        .ok_or(Error::TaskNotFound)?;
    judge(&mut tx, writer, &task).await?;
    let now = desk.clock.now();
    let comment =
        write(caller, writer, &task, message, &roster, now).ok_or(Error::WriteRequired)?;
    store::comments::insert(&mut tx, &comment).await?;
    outbox::append(
        &mut tx,
        scene(caller, &board, now).commented(&comment, &task),
    )
    .await?;
    store::boards::touch(&mut tx, board.id).await?;
    tx.commit().await?;
    Ok(comment)
}

async fn judge(conn: &mut PgConnection, writer: Mover, task: &Task) -> Result<(), Error> {
    if comment::is_admitted(writer, task, false) {
        return Ok(());
    }
    let mentioned = match writer.agent_id() {
        Some(id) => store::comments::exists_mentioning(conn, task.id, id).await?,
        None => false,
    };
    if comment::is_admitted(writer, task, mentioned) {
        Ok(())
    } else {
        Err(Error::LeadCommentForbidden)
    }
}

/// The comment of a caller on a task: the one way in which a comment comes about. None for callers that are nobody.
pub(super) fn write(
    caller: &Caller,
    writer: Mover,
    task: &Task,
    message: String,
    roster: &Roster,
    now: DateTime<Utc>,
) -> Option<Comment> {
    let user = || writer.user_id().map(|id| Author::User(Some(id)));
    let author = writer.agent_id().map(Author::Agent).or_else(user)?;
    Some(Comment {
        id: Uuid::now_v7(),
        task_id: task.id,
        cycle: task.cycle,
        author,
        author_name: caller.event_actor().name,
        mentions: mention::resolve(&message, roster),
        message,
        created_at: now,
    })
}
