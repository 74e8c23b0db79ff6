//! What a person wants to do with an approval.

use chassis::{Fault, Mask, decode};
use proto::approval::v1::{ApprovalStatus, ResolveApprovalRequest};

use super::known;
use crate::{approval::Decision, decision::Wanted};

/// Longest note, in characters.
const NOTE_MAX: usize = 2_000;

/// What is wanted, and what is said about it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Intent {
    /// Absent when the request names nothing to change.
    pub wanted: Option<Wanted>,
    pub note: Option<String>,
}

/// Reads an intent. With a mask the fields that it names count, without one those that are filled.
pub(crate) fn intent(request: &ResolveApprovalRequest) -> Result<Intent, Fault> {
    let mask = request
        .update_mask
        .as_ref()
        .map(|mask| decode::mask(Some(mask.clone())));
    let named =
        |field: &str, filled: bool| mask.as_ref().map_or(filled, |mask: &Mask| mask.has(field));
    let note = request.note.as_deref().filter(|_| named("note", true));
    let has_note = note.is_some();
    let note = decode::optional_text("note", note, NOTE_MAX)?;
    if !named("status", request.status != 0) {
        if has_note {
            let message = "a note needs a status that it is about";
            return Err(Fault::rejected("STATUS_REQUIRED", "status", message));
        }
        return Ok(Intent { wanted: None, note });
    }
    Ok(Intent {
        wanted: Some(wanted(known(request.status)?)?),
        note,
    })
}

fn wanted(status: ApprovalStatus) -> Result<Wanted, Fault> {
    match status {
        ApprovalStatus::Approved => Ok(Wanted::Decided(Decision::Approved)),
        ApprovalStatus::Rejected => Ok(Wanted::Decided(Decision::Rejected)),
        ApprovalStatus::Pending => Ok(Wanted::Pending),
        ApprovalStatus::Unspecified => {
            Err(Fault::invalid("status", "REQUIRED", "must not be null"))
        }
        ApprovalStatus::Expired => Err(Fault::invalid(
            "status",
            "NOT_A_DECISION",
            "approved or rejected decide, pending reopens",
        )),
    }
}
