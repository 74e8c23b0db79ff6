//! What a request wants changed about a task.

use chassis::{Fault, decode};
use proto::board::v1 as pb;

use super::{
    super::{Named, known},
    MAX_COMMENT, MAX_DESCRIPTION, MAX_TITLE, from_priority, from_status, named_values,
};
use crate::{
    tag,
    task::{MAX_DEPENDENCIES, patch::Patch, revision::Revision},
};

/// What a request wants changed.
pub(crate) fn patch(request: &pb::UpdateTaskRequest) -> Result<Patch, Fault> {
    let named = Named::of(request.update_mask.clone());
    let mut patch = Patch {
        expected_version: request.expected_version,
        ..Patch::default()
    };
    if named.has("title", request.title.is_some()) {
        let title = decode::required("title", request.title.as_deref())?;
        patch.title = Some(decode::text("title", title, 1, MAX_TITLE)?);
    }
    if named.has("description", request.description.is_some()) {
        patch.description = Some(decode::optional_text(
            "description",
            request.description.as_deref(),
            MAX_DESCRIPTION,
        )?);
    }
    if named.has("status", request.status != 0) {
        patch.status = Some(known("status", request.status, from_status)?);
    }
    if named.has("priority", request.priority != 0) {
        patch.priority = Some(known("priority", request.priority, from_priority)?);
    }
    if named.has("due_at", request.due_at.is_some()) {
        patch.due_at = Some(decode::time("due_at", request.due_at.as_ref())?);
    }
    if named.has("assigned_agent_id", request.assigned_agent_id.is_some()) {
        patch.assignee = Some(decode::optional_id(
            "assigned_agent_id",
            request.assigned_agent_id.as_deref(),
        )?);
    }
    let dependencies = Lists {
        whole: ("depends_on_task_ids", &request.depends_on_task_ids),
        add: ("add_depends_on_task_ids", &request.add_depends_on_task_ids),
        remove: (
            "remove_depends_on_task_ids",
            &request.remove_depends_on_task_ids,
        ),
    };
    patch.depends_on = dependencies.revision(&named, MAX_DEPENDENCIES)?;
    let tags = Lists {
        whole: ("tag_ids", &request.tag_ids),
        add: ("add_tag_ids", &request.add_tag_ids),
        remove: ("remove_tag_ids", &request.remove_tag_ids),
    };
    patch.tags = tags.revision(&named, tag::MAX_PER_TASK)?;
    if named.has("custom_field_values", request.custom_field_values.is_some()) {
        patch.values = Some(named_values(request.custom_field_values.as_ref())?);
    }
    if named.has("comment", request.comment.is_some()) {
        patch.comment = decode::optional_text("comment", request.comment.as_deref(), MAX_COMMENT)?;
    }
    Ok(patch)
}

/// One list of ids as a request may change it: each way with the field that stands for it.
struct Lists<'a> {
    whole: (&'static str, &'a [String]),
    add: (&'static str, &'a [String]),
    remove: (&'static str, &'a [String]),
}

impl Lists<'_> {
    fn revision(&self, named: &Named, max: usize) -> Result<Option<Revision>, Fault> {
        let has = |(field, ids): (&str, &[String])| named.has(field, !ids.is_empty());
        let ids = |(field, ids): (&'static str, &[String])| decode::ids(field, ids, max);
        let parts = has(self.add) || has(self.remove);
        let whole = has(self.whole);
        if whole && parts {
            let message = format!("excludes {} and {}", self.add.0, self.remove.0);
            return Err(conflicting(self.whole.0, message));
        }
        if whole {
            return Ok(Some(Revision::Whole(ids(self.whole)?)));
        }
        if !parts {
            return Ok(None);
        }
        let (add, remove) = (ids(self.add)?, ids(self.remove)?);
        if add.iter().any(|id| remove.contains(id)) {
            let message = format!("names an id that {} names too", self.remove.0);
            return Err(conflicting(self.add.0, message));
        }
        Ok(Some(Revision::Parts { add, remove }))
    }
}

fn conflicting(field: &str, message: String) -> Fault {
    Fault::rejected("CONFLICTING_FIELDS", field, message)
}
