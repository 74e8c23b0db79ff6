//! Conditional reads over gRPC metadata, so that the edge can answer 304 without knowing the resource.

use tonic::{Request, Response, metadata::MetadataValue};

use crate::Fault;

/// Request metadata: what the reader already has.
pub const IF_NONE_MATCH: &str = "if-none-match";
/// Request metadata: the copy that a writer has seen.
pub const IF_MATCH: &str = "if-match";
/// Response metadata: what the answer is.
pub const ETAG: &str = "etag";
/// Response metadata: `true` when the reader's copy still holds; the message is then empty.
pub const NOT_MODIFIED: &str = "x-mission-not-modified";

/// The tag of the copy that the reader has.
pub fn if_none_match<T>(request: &Request<T>) -> Option<String> {
    request
        .metadata()
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}

/// The tag of a thing that counts its changes.
pub fn version_tag(version: i64) -> String {
    format!("\"{version}\"")
}

/// The version that a writer has seen, by the `If-Match` of the request. `*` asks for nothing.
///
/// # Errors
/// A tag that is not one of ours: 422 with `IF_MATCH_INVALID` at `if-match`.
pub fn if_match<T>(request: &Request<T>) -> Result<Option<i64>, Fault> {
    let Some(value) = request.metadata().get(IF_MATCH) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    text.trim_start_matches("W/")
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .and_then(|version| version.parse().ok())
        .map(Some)
        .ok_or_else(|| {
            Fault::invalid(
                "if-match",
                "IF_MATCH_INVALID",
                "must be the ETag of the thing that is changed",
            )
        })
}

/// Whether a list of tags (`"a", W/"b"`, `*`) names this one, compared weakly.
pub fn matches(candidates: &str, etag: &str) -> bool {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    candidates.trim() == "*"
        || candidates
            .split(',')
            .any(|candidate| bare(candidate) == bare(etag))
}

/// An answer with its tag.
pub fn answer<T>(message: T, etag: &str) -> Response<T> {
    let mut response = Response::new(message);
    if let Ok(value) = MetadataValue::try_from(etag) {
        response.metadata_mut().insert(ETAG, value);
    }
    response
}

/// The answer "your copy still holds".
pub fn not_modified<T: Default>(etag: &str) -> Response<T> {
    let mut response = answer(T::default(), etag);
    response
        .metadata_mut()
        .insert(NOT_MODIFIED, MetadataValue::from_static("true"));
    response
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_writer_names_the_version_that_it_has_seen() {
        let request = |tag: &'static str| {
            let mut request = tonic::Request::new(());
            request.metadata_mut().insert(
                super::IF_MATCH,
                tonic::metadata::MetadataValue::from_static(tag),
            );
            super::if_match(&request)
        };
        assert_eq!(request(r#""7""#).unwrap(), Some(7));
        assert_eq!(request(r#"W/"7""#).unwrap(), Some(7));
        assert_eq!(request("*").unwrap(), None);
        let refused = request("7").unwrap_err();
        assert_eq!(refused.rest_code(), "invalid_request");
        assert_eq!(refused.fields[0].reason, "IF_MATCH_INVALID");
    }

    #[test]
    fn tags_are_compared_weakly() {
        assert!(super::matches(r#""a", W/"b""#, r#"W/"b""#));
        assert!(super::matches("*", r#""x""#));
        assert!(!super::matches(r#""a""#, r#""b""#));
    }
}
