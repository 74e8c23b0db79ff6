//! Reading only what is new, and changing only what is known.

use axum::{body::Body, response::Response};
use bytes::Bytes;
use chassis::{Fault, conditional};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use crate::problem::Result;

/// The tags of the copies that a reader has.
pub(super) fn if_none_match(method: &Method, headers: &HeaderMap) -> Option<String> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}

pub(super) fn etag(response: &tonic::Response<Bytes>) -> Option<HeaderValue> {
    response
        .metadata()
        .get(conditional::ETAG)
        .and_then(|tag| HeaderValue::from_bytes(tag.as_bytes()).ok())
}

/// Whether the reader's copy holds: because the service says so, or because the answer carries its tag.
pub(super) fn holds(tag: Option<&str>, response: &tonic::Response<Bytes>) -> bool {
    let Some(wanted) = tag else { return false };
    if response.metadata().contains_key(conditional::NOT_MODIFIED) {
        return true;
    }
    etag(response).is_some_and(|etag| {
        etag.to_str()
            .is_ok_and(|etag| conditional::matches(wanted, etag))
    })
}

pub(super) fn not_modified(response: &tonic::Response<Bytes>) -> Response {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NOT_MODIFIED;
    if let Some(etag) = etag(response) {
        answer.headers_mut().insert(header::ETAG, etag);
    }
    answer.headers_mut().insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    answer
}

/// The version that a writer believes in: `If-Match: "7"`.
pub(super) fn expected_version(headers: &HeaderMap) -> Result<Option<i64>> {
    let Some(value) = headers.get(header::IF_MATCH) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let bare = text.strip_prefix("W/").unwrap_or(text);
    let quoted = bare
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    match quoted.and_then(|version| version.parse().ok()) {
        Some(version) => Ok(Some(version)),
        None => Err(Fault::invalid(
            "if-match",
            "BAD_VERSION",
            "must be one version in quotes, such as \"7\"",
        )
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_stands_in_quotes() {
        let version = |text: &str| {
            expected_version(&HeaderMap::from_iter([(
                header::IF_MATCH,
                text.parse().unwrap(),
            )]))
            .map_err(|_| ())
        };
        assert_eq!(version("\"7\""), Ok(Some(7)));
        assert_eq!(version("W/\"7\""), Ok(Some(7)));
        assert_eq!(version("*"), Ok(None));
        assert_eq!(version("7"), Err(()));
        assert_eq!(version("\"7\", \"8\""), Err(()));
    }
}
