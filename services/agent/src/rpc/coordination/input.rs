//! What is said must look like this.

use chassis::{Fault, decode};
use prost_types::value::Kind as ValueKind;
use proto::agent::v1::LeadMessageKind;
use uuid::Uuid;

use super::super::directory::MAX_IDS;
use crate::coordination::{Purpose, Words};

/// Characters of what is said, of the words around it, and how many tags an answer may have.
pub(super) const CONTENT: usize = 10_000;
const CORRELATION: usize = 200;
pub(super) const CHANNEL: usize = 200;
const SOURCE: usize = 100;
const TAG: usize = 50;
const MAX_TAGS: usize = 10;

/// What a message to a lead asks for.
pub(super) fn purpose(kind: i32) -> Result<Purpose, Fault> {
    match LeadMessageKind::try_from(kind) {
        Ok(LeadMessageKind::Unspecified | LeadMessageKind::Question) => Ok(Purpose::Question),
        Ok(LeadMessageKind::Handoff) => Ok(Purpose::Handoff),
        Err(_) => Err(Fault::invalid(
            "kind",
            "UNKNOWN_VALUE",
            "must be one of: question, handoff",
        )),
    }
}

/// What is said, and how the answer is to look.
pub(super) fn words(
    content: &str,
    correlation_id: Option<&str>,
    (tags, default_tags): (&[String], [&str; 2]),
    (source, default_source): (Option<&str>, &str),
) -> Result<Words, Fault> {
    if tags.len() > MAX_TAGS {
        let message = format!("at most {MAX_TAGS} tags");
        return Err(Fault::invalid("reply_tags", "TOO_MANY", message));
    }
    let mut reply_tags: Vec<String> = Vec::with_capacity(tags.len());
    for (index, tag) in tags.iter().enumerate() {
        let tag = decode::text(&format!("reply_tags[{index}]"), tag, 1, TAG)?;
        if !reply_tags.contains(&tag) {
            reply_tags.push(tag);
        }
    }
    if reply_tags.is_empty() {
        reply_tags = default_tags.map(str::to_owned).to_vec();
    }
    Ok(Words {
        content: decode::text("content", content, 1, CONTENT)?,
        correlation_id: decode::optional_text("correlation_id", correlation_id, CORRELATION)?,
        reply_tags,
        reply_source: decode::optional_text("reply_source", source, SOURCE)?
            .unwrap_or_else(|| default_source.to_owned()),
    })
}

/// Ids of boards in a list that may hold anything.
pub(super) fn board_ids(values: &[prost_types::Value]) -> Result<Vec<Uuid>, Fault> {
    let texts = values
        .iter()
        .enumerate()
        .map(|(index, value)| match &value.kind {
            Some(ValueKind::StringValue(text)) => Ok(text.clone()),
            _ => Err(Fault::invalid(
                format!("board_ids[{index}]"),
                "NOT_A_UUID",
                "not a UUID",
            )),
        });
    let texts: Vec<String> = texts.collect::<Result<_, _>>()?;
    decode::ids("board_ids", &texts, MAX_IDS)
}
