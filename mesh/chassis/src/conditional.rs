//! Conditional reads over gRPC metadata, so that the edge can answer 304 without knowing the resource.

use tonic::{Request, Response, metadata::MetadataValue};

/// Request metadata: what the reader already has.
pub const IF_NONE_MATCH: &str = "if-none-match";
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
    fn tags_are_compared_weakly() {
        assert!(super::matches(r#""a", W/"b""#, r#"W/"b""#));
        assert!(super::matches("*", r#""x""#));
        assert!(!super::matches(r#""a""#, r#""b""#));
    }
}
