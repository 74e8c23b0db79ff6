//! Who works on the boards of a group.

use proto::agent::v1::ResolveAgentsRequest;
use uuid::Uuid;

use super::Peers;
use crate::{error::Error, roster::Roster};

impl Peers {
    /// Who works on any of these boards of one organization, at most 200 of them.
    pub(crate) async fn roster_of_boards(
        &self,
        organization_id: Uuid,
        boards: &[Uuid],
    ) -> Result<Roster, Error> {
        if boards.is_empty() {
            return Ok(Roster::default());
        }
        let of_boards = ResolveAgentsRequest {
            board_ids: boards.iter().map(ToString::to_string).collect(),
            ..ResolveAgentsRequest::default()
        };
        Ok(Roster {
            members: self.resolve(of_boards, organization_id).await?,
            stranger: None,
        })
    }
}
