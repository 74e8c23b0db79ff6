//! What requests about skills must look like.

use std::time::Duration;

use chassis::{Fault, decode, encode};
use prost_types::Struct;
use serde_json::{Value, json};

use crate::{
    error::Error,
    skill::{
        DESCRIPTION, LABEL, NAME,
        address::{self, Hosts},
    },
    store::skills::Label,
};

/// Skills that are answered to who asks for all of them.
const ALL: i64 = 1_000;
/// Skills of a page.
const PAGE: i32 = 200;
const SEARCH: usize = 200;
/// Characters of the name of a branch.
const BRANCH: usize = 200;
/// Bytes of what people note about a pack, and objects within each other.
const METADATA: usize = 16 * 1024;
const DEPTH: usize = 8;
/// The word for what has no label.
const UNCATEGORIZED: &str = "uncategorized";
/// How long a sync is waited for, seconds.
const WAIT: i32 = 60;
const USUAL_WAIT: i32 = 30;

fn line(field: &str, text: Option<&str>, max: usize) -> Result<Option<String>, Fault> {
    let text = decode::optional_text(field, text, max)?;
    if text
        .as_ref()
        .is_some_and(|text| text.contains(char::is_control))
    {
        let message = "must be one line without control characters";
        return Err(Fault::invalid(field, "CONTROL_CHARACTER", message));
    }
    Ok(text)
}

pub(super) fn name(name: Option<&str>) -> Result<Option<String>, Fault> {
    line("name", name, NAME)
}

pub(super) fn description(text: Option<&str>) -> Result<Option<String>, Fault> {
    decode::optional_text("description", text, DESCRIPTION)
}

pub(super) fn skill_url(url: &str) -> Result<String, Fault> {
    let text = decode::text("source_url", url, 1, address::MAX)?;
    address::skill(&text).map_err(|bad| Fault::invalid("source_url", "INVALID", bad.to_string()))
}

pub(super) fn pack_url(hosts: &Hosts, url: &str) -> Result<String, Fault> {
    let text = decode::text("source_url", url, 1, address::MAX)?;
    hosts
        .pack(&text)
        .map_err(|bad| Fault::rejected("PACK_URL_INVALID", "source_url", bad.to_string()))
}

pub(super) fn branch(branch: Option<&str>) -> Result<String, Error> {
    let Some(branch) = decode::optional_text("branch", branch, BRANCH)? else {
        return Ok(super::default_branch());
    };
    if address::is_branch(&branch) {
        return Ok(branch);
    }
    let message = "letters, digits, `.`, `_`, `/` and `-`, as git names branches";
    Err(Fault::rejected("PACK_BRANCH_INVALID", "branch", message).into())
}

pub(super) fn metadata(given: Option<&Struct>) -> Result<Value, Fault> {
    let Some(given) = given else {
        return Ok(json!({}));
    };
    let refuse = |reason, message: &str| Err(Fault::invalid("metadata", reason, message));
    let metadata = encode::from_struct(given);
    if depth(&metadata) > DEPTH {
        return refuse("TOO_DEEP", "at most 8 levels");
    }
    let text = metadata.to_string();
    if text.len() > METADATA {
        return refuse("TOO_LONG", "at most 16 KiB");
    }
    // A backslash that is meant as one is written twice.
    if text.replace("\\\\", "").contains("\\u0000") {
        return refuse("NUL_BYTE", "contains a NUL byte");
    }
    Ok(metadata)
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Limit and offset of a list. Without a limit it is the whole list, as much of it as is ever answered.
pub(super) fn window(limit: Option<i32>, offset: Option<i32>) -> Result<(i64, i64), Fault> {
    let offset = decode::number("offset", offset.unwrap_or(0), 0, i32::MAX)?;
    match limit {
        Some(limit) => Ok((
            decode::number("limit", limit, 1, PAGE)?.into(),
            offset.into(),
        )),
        None => Ok((ALL, 0)),
    }
}

pub(super) fn search(text: Option<&str>) -> Result<Option<String>, Fault> {
    decode::optional_text("search", text, SEARCH)
}

pub(super) fn label(field: &str, text: Option<&str>) -> Result<Label, Fault> {
    Ok(match decode::optional_text(field, text, LABEL)? {
        None => Label::Any,
        Some(word) if word.eq_ignore_ascii_case(UNCATEGORIZED) => Label::Missing,
        Some(word) => Label::Is(word),
    })
}

pub(super) fn wait_seconds(given: Option<i32>) -> Result<Duration, Fault> {
    let seconds = decode::number("wait_seconds", given.unwrap_or(USUAL_WAIT), 0, WAIT)?;
    Ok(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_can_be_stored() {
        let judge = |json: Value| {
            let given = encode::to_struct(&json);
            metadata(given.as_ref()).map_err(|fault| fault.fields[0].reason.clone())
        };
        assert_eq!(metadata(None).unwrap(), json!({}));
        for good in [json!({"a": [1, {"b": "c"}]}), json!({"a": "\\u0000"})] {
            assert_eq!(judge(good.clone()), Ok(good));
        }
        for (bad, reason) in [
            (json!({"a": "x\0y"}), "NUL_BYTE"),
            (json!({"x\0y": 1}), "NUL_BYTE"),
            (json!({"a": "x".repeat(METADATA)}), "TOO_LONG"),
            (json!({"a": [[[[[[[[1]]]]]]]]}), "TOO_DEEP"),
        ] {
            assert_eq!(judge(bad), Err(reason.to_owned()));
        }
    }

    #[test]
    fn a_window_is_bounded() {
        assert_eq!(window(None, Some(7)).unwrap(), (1_000, 0));
        assert_eq!(window(Some(200), Some(7)).unwrap(), (200, 7));
        for (limit, offset, field) in [
            (Some(0), None, "limit"),
            (Some(201), None, "limit"),
            (Some(1), Some(-1), "offset"),
        ] {
            assert_eq!(window(limit, offset).unwrap_err().fields[0].field, field);
        }
    }
}
