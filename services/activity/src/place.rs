//! What a stream is bound to, and whether its viewer may still see that.

use std::collections::HashSet;

use chassis::BoardScope;
use proto::event::v1::event::Payload;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    error::Error,
    feed::Item,
    rpc::{self, Gone},
    store::groups,
    viewer::Viewer,
};

/// What a stream is bound to.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// Everything that the viewer sees.
    Anywhere,
    Board(Board),
    /// The memory of a group.
    Group(Group),
    /// The memory of the group that a board is in.
    BoardGroup(Board, Membership),
}

/// A board, as of the last look or event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Board {
    scope: BoardScope,
    deleted: bool,
}

/// A group with its boards, as of a position of the log.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    id: Uuid,
    organization_id: Uuid,
    boards: HashSet<Uuid>,
    deleted: bool,
    position: i64,
}

/// The group that a board is in, as of a position of the log.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Membership {
    group: Option<Uuid>,
    position: i64,
}

impl Place {
    /// A board that the viewer sees.
    pub(crate) async fn board(pool: &PgPool, viewer: &Viewer, id: Uuid) -> Result<Self, Error> {
        Ok(Self::Board(Board::look(pool, viewer, id).await?))
    }

    /// The group of a board that the viewer sees.
    pub(crate) async fn board_group(
        pool: &PgPool,
        viewer: &Viewer,
        id: Uuid,
    ) -> Result<Self, Error> {
        let board = Board::look(pool, viewer, id).await?;
        let (position, group) = groups::of_board(&mut *pool.acquire().await?, id).await?;
        Ok(Self::BoardGroup(board, Membership { group, position }))
    }

    /// A group that the viewer sees.
    pub(crate) async fn group(pool: &PgPool, viewer: &Viewer, id: Uuid) -> Result<Self, Error> {
        Ok(Self::Group(Group::look(pool, viewer, id).await?))
    }

    /// The same place, looked at anew.
    pub(crate) async fn again(&self, pool: &PgPool, viewer: &Viewer) -> Result<Self, Error> {
        match self {
            Self::Anywhere => Ok(Self::Anywhere),
            Self::Board(board) => Self::board(pool, viewer, board.scope.board_id).await,
            Self::Group(group) => Self::group(pool, viewer, group.id).await,
            Self::BoardGroup(board, _) => {
                Self::board_group(pool, viewer, board.scope.board_id).await
            }
        }
    }

    /// Learns from an event.
    pub(crate) fn heed(&mut self, item: &Item) {
        match self {
            Self::Anywhere => {}
            Self::Board(board) => board.heed(item),
            Self::Group(group) => group.heed(item),
            Self::BoardGroup(board, membership) => {
                board.heed(item);
                membership.heed(board.scope.board_id, item);
            }
        }
    }

    /// Refuses a viewer that no longer sees it.
    pub(crate) fn admit(&self, viewer: &Viewer) -> Result<(), Error> {
        match self {
            Self::Anywhere => Ok(()),
            Self::Board(board) | Self::BoardGroup(board, _) => board.admit(viewer),
            Self::Group(group) => group.admit(viewer),
        }
    }

    /// Whether an event is of this place and for this viewer, who sees the place.
    pub(crate) fn shows(&self, viewer: &Viewer, item: &Item) -> bool {
        match self {
            // A board is also a condition of the filter.
            Self::Anywhere | Self::Board(_) => viewer.sees(item),
            Self::Group(group) => {
                item.organization_id == group.organization_id && written_in(item) == Some(group.id)
            }
            Self::BoardGroup(board, membership) => {
                item.organization_id == board.scope.organization_id
                    && membership.covers(board.scope.board_id, item)
            }
        }
    }
}

impl Board {
    async fn look(pool: &PgPool, viewer: &Viewer, id: Uuid) -> Result<Self, Error> {
        let scope = rpc::must_see(pool, viewer, id, Gone::Hidden).await?;
        Ok(Self {
            scope,
            deleted: false,
        })
    }

    fn heed(&mut self, item: &Item) {
        if item.board_id != Some(self.scope.board_id) {
            return;
        }
        match &item.event.payload {
            Some(Payload::BoardDeleted(_)) => self.deleted = true,
            // The item carries the gateway that the board is on.
            Some(Payload::BoardUpdated(_)) => self.scope.gateway_id = item.gateway_id,
            _ => {}
        }
    }

    fn admit(&self, viewer: &Viewer) -> Result<(), Error> {
        if self.deleted || !viewer.0.sees(&self.scope) {
            return Err(Error::BoardNotFound(self.scope.board_id));
        }
        Ok(())
    }
}

impl Group {
    async fn look(pool: &PgPool, viewer: &Viewer, id: Uuid) -> Result<Self, Error> {
        let organization_id = viewer.0.organization_id().ok_or(Error::GroupNotFound(id))?;
        let found = rpc::arrival(|| async {
            Ok(groups::find(&mut *pool.acquire().await?, organization_id, id).await?)
        })
        .await?
        .ok_or(Error::GroupNotFound(id))?;
        let group = Self {
            id,
            organization_id,
            boards: found.boards.into_iter().collect(),
            deleted: false,
            position: found.head,
        };
        group.admit(viewer)?;
        Ok(group)
    }

    fn heed(&mut self, item: &Item) {
        if item.sequence <= self.position || item.organization_id != self.organization_id {
            return;
        }
        match &item.event.payload {
            Some(Payload::BoardGroupDeleted(p)) => {
                self.deleted |= p
                    .group
                    .as_ref()
                    .is_some_and(|group| group.id == self.id.to_string());
            }
            Some(Payload::BoardDeleted(_)) => {
                if let Some(board) = item.board_id {
                    self.boards.remove(&board);
                }
            }
            payload => {
                if let (Some(board), Some(group)) = (item.board_id, membership(payload.as_ref())) {
                    if group == Some(self.id) {
                        self.boards.insert(board);
                    } else {
                        self.boards.remove(&board);
                    }
                }
            }
        }
    }

    fn admit(&self, viewer: &Viewer) -> Result<(), Error> {
        if self.deleted || !viewer.sees_group(self.organization_id, &self.boards) {
            return Err(Error::GroupNotFound(self.id));
        }
        Ok(())
    }
}

impl Membership {
    fn heed(&mut self, board: Uuid, item: &Item) {
        if item.sequence > self.position
            && item.board_id == Some(board)
            && let Some(group) = membership(item.event.payload.as_ref())
        {
            self.group = group;
        }
    }

    /// Whether an entry was written while the board was in its group: the entry names the boards of that moment.
    fn covers(&self, board: Uuid, item: &Item) -> bool {
        let Some(Payload::GroupMemoryCreated(written)) = &item.event.payload else {
            return false;
        };
        let board = board.to_string();
        written.boards.iter().any(|other| other.id == board)
            || (self.group.is_some() && written_in(item) == self.group)
    }
}

/// The group that an event says its board is in; `None` when it does not say.
fn membership(payload: Option<&Payload>) -> Option<Option<Uuid>> {
    let board = match payload? {
        Payload::BoardCreated(p) => p.board.as_ref()?,
        Payload::BoardUpdated(p) => p.board.as_ref()?,
        _ => return None,
    };
    Some(
        board
            .board_group_id
            .as_deref()
            .and_then(|id| Uuid::try_parse(id).ok()),
    )
}

/// The group whose memory an event adds to.
fn written_in(item: &Item) -> Option<Uuid> {
    let Some(Payload::GroupMemoryCreated(written)) = &item.event.payload else {
        return None;
    };
    let memory = written.memory.as_ref()?;
    Uuid::try_parse(&memory.board_group_id).ok()
}
