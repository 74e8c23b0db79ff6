//! Boards on the wire.

use chassis::{Fault, decode, encode};
use proto::board::v1 as pb;

use super::{Named, known, object};
use crate::{
    board::{Board, Content, Governance, Kind, slug},
    task::gate::Rules,
};

/// Most characters of a name.
const MAX_NAME: usize = 200;
/// Most characters of a description and of an objective.
const MAX_TEXT: usize = 10_000;
/// Most characters of the word for where a goal came from.
const MAX_SOURCE: usize = 100;
/// Most characters of a slug as it is given.
const MAX_SLUG: usize = 100;

/// A board for its readers.
pub(crate) fn board(board: &Board) -> pb::Board {
    let Board {
        content,
        governance,
        pause,
        ..
    } = board.clone();
    pb::Board {
        id: board.id.to_string(),
        organization_id: board.organization_id.to_string(),
        name: content.name,
        slug: content.slug,
        description: content.description,
        gateway_id: encode::optional_id(governance.gateway_id),
        board_group_id: encode::optional_id(governance.board_group_id),
        board_type: to_kind(content.kind).into(),
        objective: content.objective,
        success_metrics: content.success_metrics.as_ref().and_then(encode::to_struct),
        target_date: encode::optional_time(content.target_date),
        goal_confirmed: content.goal_confirmed,
        goal_source: content.goal_source,
        require_approval_for_done: governance.rules.require_approval_for_done,
        require_review_before_done: governance.rules.require_review_before_done,
        comment_required_for_review: governance.rules.comment_required_for_review,
        block_status_changes_with_pending_approval: governance
            .rules
            .block_status_changes_with_pending_approval,
        only_lead_can_change_status: governance.rules.only_lead_can_change_status,
        max_agents: governance.max_agents,
        created_at: Some(encode::time(board.created_at)),
        updated_at: Some(encode::time(board.updated_at)),
        version: board.version,
        agents_paused: pause.is_some(),
        paused_at: pause.as_ref().map(|pause| encode::time(pause.at)),
        paused_by: pause.map(|pause| super::author(pause.by)),
    }
}

const fn to_kind(kind: Kind) -> pb::BoardType {
    match kind {
        Kind::Goal => pb::BoardType::Goal,
        Kind::General => pb::BoardType::General,
    }
}

const fn from_kind(kind: pb::BoardType) -> Option<Kind> {
    match kind {
        pb::BoardType::Unspecified => None,
        pb::BoardType::Goal => Some(Kind::Goal),
        pb::BoardType::General => Some(Kind::General),
    }
}

/// A slug as somebody gave it, in its proper form; none for a blank one.
pub(super) fn given_slug(text: Option<&str>) -> Result<Option<String>, Fault> {
    let Some(text) = decode::optional_text("slug", text, MAX_SLUG)? else {
        return Ok(None);
    };
    slug::of(&text)
        .map(Some)
        .ok_or_else(|| Fault::invalid("slug", "MALFORMED", "needs a letter a-z or a digit"))
}

/// A board that somebody wants.
pub(crate) struct Wanted {
    /// Its slug is empty where it is to be derived from the name.
    pub(crate) content: Content,
    pub(crate) governance: Governance,
}

/// A board that somebody wants.
pub(crate) fn draft(request: &pb::CreateBoardRequest) -> Result<Wanted, Fault> {
    let kind = match request.board_type {
        0 => Kind::Goal,
        number => known("board_type", number, from_kind)?,
    };
    if request.gateway_id.is_empty() {
        return Err(Fault::invalid("gateway_id", "REQUIRED", "must not be null"));
    }
    let content = Content {
        name: decode::text("name", &request.name, 1, MAX_NAME)?,
        slug: given_slug(request.slug.as_deref())?.unwrap_or_default(),
        description: decode::text("description", &request.description, 1, MAX_TEXT)?,
        kind,
        objective: decode::optional_text("objective", request.objective.as_deref(), MAX_TEXT)?,
        success_metrics: object("success_metrics", request.success_metrics.as_ref())?,
        target_date: decode::time("target_date", request.target_date.as_ref())?,
        goal_confirmed: request.goal_confirmed.unwrap_or(false),
        goal_source: decode::optional_text(
            "goal_source",
            request.goal_source.as_deref(),
            MAX_SOURCE,
        )?,
    };
    let governance = Governance {
        gateway_id: Some(decode::id("gateway_id", &request.gateway_id)?),
        board_group_id: decode::optional_id("board_group_id", request.board_group_id.as_deref())?,
        rules: Rules {
            require_approval_for_done: request.require_approval_for_done.unwrap_or(true),
            require_review_before_done: request.require_review_before_done.unwrap_or(false),
            comment_required_for_review: request.comment_required_for_review.unwrap_or(false),
            block_status_changes_with_pending_approval: request
                .block_status_changes_with_pending_approval
                .unwrap_or(false),
            only_lead_can_change_status: request.only_lead_can_change_status.unwrap_or(false),
        },
        max_agents: decode::number("max_agents", request.max_agents.unwrap_or(1), 0, 1_000)?,
    };
    Ok(Wanted {
        content,
        governance,
    })
}

/// What a request makes of a board. Fields that it does not name stay.
pub(crate) fn edit(
    request: &pb::UpdateBoardRequest,
    content: &Content,
    governance: &Governance,
) -> Result<Wanted, Fault> {
    let named = Named::of(request.update_mask.clone());
    Ok(Wanted {
        content: edit_content(&named, request, content.clone())?,
        governance: edit_governance(&named, request, *governance)?,
    })
}

/// A board with the goal that a person has confirmed.
pub(crate) fn confirmed(request: &pb::ConfirmGoalRequest, before: Board) -> Result<Board, Fault> {
    let content = Content {
        kind: known("board_type", request.board_type, from_kind)?,
        objective: decode::optional_text("objective", request.objective.as_deref(), MAX_TEXT)?,
        success_metrics: object("success_metrics", request.success_metrics.as_ref())?,
        target_date: decode::time("target_date", request.target_date.as_ref())?,
        goal_confirmed: true,
        goal_source: Some(decode::text(
            "goal_source",
            &request.goal_source,
            1,
            MAX_SOURCE,
        )?),
        ..before.content
    };
    let rules = Rules {
        require_approval_for_done: request.require_approval_for_done,
        ..before.governance.rules
    };
    let governance = Governance {
        rules,
        ..before.governance
    };
    Ok(Board {
        content,
        governance,
        ..before
    })
}

fn edit_content(
    named: &Named,
    request: &pb::UpdateBoardRequest,
    mut content: Content,
) -> Result<Content, Fault> {
    if named.has("name", request.name.is_some()) {
        content.name = decode::text(
            "name",
            decode::required("name", request.name.as_deref())?,
            1,
            MAX_NAME,
        )?;
    }
    if named.has("slug", request.slug.is_some()) {
        content.slug = decode::required("slug", given_slug(request.slug.as_deref())?)?;
    }
    if named.has("description", request.description.is_some()) {
        let text = decode::required("description", request.description.as_deref())?;
        content.description = decode::text("description", text, 1, MAX_TEXT)?;
    }
    if named.has("board_type", request.board_type != 0) {
        content.kind = known("board_type", request.board_type, from_kind)?;
    }
    if named.has("objective", request.objective.is_some()) {
        content.objective =
            decode::optional_text("objective", request.objective.as_deref(), MAX_TEXT)?;
    }
    if named.has("success_metrics", request.success_metrics.is_some()) {
        content.success_metrics = object("success_metrics", request.success_metrics.as_ref())?;
    }
    if named.has("target_date", request.target_date.is_some()) {
        content.target_date = decode::time("target_date", request.target_date.as_ref())?;
    }
    if named.has("goal_confirmed", request.goal_confirmed.is_some()) {
        content.goal_confirmed = decode::required("goal_confirmed", request.goal_confirmed)?;
    }
    if named.has("goal_source", request.goal_source.is_some()) {
        content.goal_source =
            decode::optional_text("goal_source", request.goal_source.as_deref(), MAX_SOURCE)?;
    }
    Ok(content)
}

fn edit_governance(
    named: &Named,
    request: &pb::UpdateBoardRequest,
    was: Governance,
) -> Result<Governance, Fault> {
    let flag = |field: &str, value: Option<bool>, was: bool| {
        if named.has(field, value.is_some()) {
            decode::required(field, value)
        } else {
            Ok(was)
        }
    };
    let gateway_id = if named.has("gateway_id", request.gateway_id.is_some()) {
        let text = request
            .gateway_id
            .as_deref()
            .filter(|text| !text.is_empty());
        Some(decode::id(
            "gateway_id",
            decode::required("gateway_id", text)?,
        )?)
    } else {
        was.gateway_id
    };
    let board_group_id = if named.has("board_group_id", request.board_group_id.is_some()) {
        decode::optional_id("board_group_id", request.board_group_id.as_deref())?
    } else {
        was.board_group_id
    };
    let max_agents = if named.has("max_agents", request.max_agents.is_some()) {
        decode::number(
            "max_agents",
            decode::required("max_agents", request.max_agents)?,
            0,
            1_000,
        )?
    } else {
        was.max_agents
    };
    let rules = Rules {
        require_approval_for_done: flag(
            "require_approval_for_done",
            request.require_approval_for_done,
            was.rules.require_approval_for_done,
        )?,
        require_review_before_done: flag(
            "require_review_before_done",
            request.require_review_before_done,
            was.rules.require_review_before_done,
        )?,
        comment_required_for_review: flag(
            "comment_required_for_review",
            request.comment_required_for_review,
            was.rules.comment_required_for_review,
        )?,
        block_status_changes_with_pending_approval: flag(
            "block_status_changes_with_pending_approval",
            request.block_status_changes_with_pending_approval,
            was.rules.block_status_changes_with_pending_approval,
        )?,
        only_lead_can_change_status: flag(
            "only_lead_can_change_status",
            request.only_lead_can_change_status,
            was.rules.only_lead_can_change_status,
        )?,
    };
    Ok(Governance {
        gateway_id,
        board_group_id,
        rules,
        max_agents,
    })
}
