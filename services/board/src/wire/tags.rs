//! Tags on the wire.

use chassis::{Fault, decode, encode};
use proto::board::v1 as pb;
use uuid::Uuid;

use super::Named;
use crate::tag::{self, Badge, DEFAULT_COLOR, Refusal, Tag};

/// Most characters of a name.
const MAX_NAME: usize = 100;
/// Most characters of a slug as it is given.
const MAX_SLUG: usize = 100;
/// Most characters of a description.
const MAX_DESCRIPTION: usize = 2_000;

/// A tag for its readers.
pub(crate) fn tag(tag: Tag) -> pb::Tag {
    pb::Tag {
        id: tag.badge.id.to_string(),
        organization_id: tag.organization_id.to_string(),
        name: tag.badge.name,
        slug: tag.badge.slug,
        color: tag.badge.color,
        description: tag.description,
        task_count: tag.task_count,
        created_at: Some(encode::time(tag.created_at)),
        updated_at: Some(encode::time(tag.updated_at)),
    }
}

/// A tag as its task shows it.
pub(crate) fn badge(badge: Badge) -> pb::TagRef {
    pb::TagRef {
        id: badge.id.to_string(),
        name: badge.name,
        slug: badge.slug,
        color: badge.color,
    }
}

/// A tag that somebody wants.
pub(crate) struct Wanted {
    pub(crate) badge: Badge,
    pub(crate) description: Option<String>,
}

/// A tag that somebody wants.
pub(crate) fn draft(id: Uuid, request: &pb::CreateTagRequest) -> Result<Wanted, Fault> {
    let name = decode::text("name", &request.name, 1, MAX_NAME)?;
    let slug = given_slug(request.slug.as_deref())?.unwrap_or_else(|| tag::slug(&name));
    let color = match request.color.as_deref() {
        Some(text) => color(text)?,
        None => DEFAULT_COLOR.to_owned(),
    };
    let description = description(request.description.as_deref())?;
    let badge = Badge {
        id,
        name,
        slug,
        color,
    };
    Ok(Wanted { badge, description })
}

/// The tag as a request makes it.
pub(crate) fn edit(
    request: &pb::UpdateTagRequest,
    before: &Tag,
) -> Result<Tag, crate::error::Error> {
    let named = Named::of(request.update_mask.clone());
    let mut after = before.clone();
    let names = [
        named.has("name", request.name.is_some()),
        named.has("slug", request.slug.is_some()),
        named.has("color", request.color.is_some()),
        named.has("description", request.description.is_some()),
    ];
    let [name, slug, paint, about] = names;
    if !names.contains(&true) {
        return Err(Refusal::NothingToChange.into());
    }
    if name {
        let text = decode::required("name", request.name.as_deref())?;
        after.badge.name = decode::text("name", text, 1, MAX_NAME)?;
    }
    if slug {
        after.badge.slug =
            given_slug(request.slug.as_deref())?.unwrap_or_else(|| tag::slug(&after.badge.name));
    }
    if paint {
        after.badge.color = color(decode::required("color", request.color.as_deref())?)?;
    }
    if about {
        after.description = description(request.description.as_deref())?;
    }
    Ok(after)
}

/// A slug as somebody gave it, in its proper form; none for a blank one.
fn given_slug(text: Option<&str>) -> Result<Option<String>, Fault> {
    Ok(decode::optional_text("slug", text, MAX_SLUG)?.map(|text| tag::slug(&text)))
}

fn color(text: &str) -> Result<String, Fault> {
    tag::color(text)
        .ok_or_else(|| Fault::invalid("color", "MALFORMED", "must be six hexadecimal digits"))
}

fn description(text: Option<&str>) -> Result<Option<String>, Fault> {
    decode::optional_text("description", text, MAX_DESCRIPTION)
}
