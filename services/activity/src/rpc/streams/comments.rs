//! Comments on tasks of readable boards.

use proto::activity::v1::WatchTaskCommentsResponse;
use uuid::Uuid;

use super::{Kind, Target};
use crate::wire::comment::{self, Names};

pub(super) fn kind(board_id: Option<Uuid>) -> Kind<WatchTaskCommentsResponse> {
    Kind {
        target: board_id.map_or(Target::Anywhere, Target::Board),
        types: &["task.comment"],
        standing: |sequence| WatchTaskCommentsResponse {
            sequence,
            comment: None,
        },
        telling: Box::new(|_, item| {
            let names = Names {
                agent_role: item.actor_role.clone(),
                ..Names::default()
            };
            Some(WatchTaskCommentsResponse {
                sequence: item.sequence,
                comment: Some(comment::item(&item.event, names)?),
            })
        }),
    }
}
