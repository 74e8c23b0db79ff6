//! Groups on the wire.

use chassis::{Fault, decode, encode};
use proto::board::v1 as pb;

use super::{Named, boards::given_slug};
use crate::group::{Group, pace};

/// Most characters of a name.
const MAX_NAME: usize = 200;
/// Most characters of a description.
const MAX_TEXT: usize = 10_000;

/// A group for its readers.
pub(crate) fn group(group: Group) -> pb::BoardGroup {
    pb::BoardGroup {
        id: group.id.to_string(),
        organization_id: group.organization_id.to_string(),
        name: group.name,
        slug: group.slug,
        description: group.description,
        created_at: Some(encode::time(group.created_at)),
        updated_at: Some(encode::time(group.updated_at)),
    }
}

/// What somebody says about a group.
pub(crate) struct Wanted {
    pub(crate) name: String,
    /// None where it is to be derived from the name.
    pub(crate) slug: Option<String>,
    pub(crate) description: Option<String>,
}

/// A group that somebody wants.
pub(crate) fn draft(request: &pb::CreateBoardGroupRequest) -> Result<Wanted, Fault> {
    Ok(Wanted {
        name: decode::text("name", &request.name, 1, MAX_NAME)?,
        slug: given_slug(request.slug.as_deref())?,
        description: description(request.description.as_deref())?,
    })
}

/// What a request makes of a group. Fields that it does not name stay; a slug that it names and leaves blank is derived.
pub(crate) fn edit(request: &pb::UpdateBoardGroupRequest, was: &Group) -> Result<Wanted, Fault> {
    let named = Named::of(request.update_mask.clone());
    let name = if named.has("name", request.name.is_some()) {
        let name = decode::required("name", request.name.as_deref())?;
        decode::text("name", name, 1, MAX_NAME)?
    } else {
        was.name.clone()
    };
    let slug = if named.has("slug", request.slug.is_some()) {
        given_slug(request.slug.as_deref())?
    } else {
        Some(was.slug.clone())
    };
    let description = if named.has("description", request.description.is_some()) {
        description(request.description.as_deref())?
    } else {
        was.description.clone()
    };
    Ok(Wanted {
        name,
        slug,
        description,
    })
}

fn description(text: Option<&str>) -> Result<Option<String>, Fault> {
    decode::optional_text("description", text, MAX_TEXT)
}

/// A pace in its proper form.
pub(crate) fn pace(text: &str) -> Result<String, Fault> {
    pace::parse(text).ok_or_else(|| {
        let message = "a whole number of s, m or h, `30s` to `24h`";
        Fault::rejected("HEARTBEAT_INVALID", "every", message)
    })
}
