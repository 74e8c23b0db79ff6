//! Reading only what is new, and changing only what is known.

use axum::{body::Body, response::Response};
use bytes::Bytes;
use chassis::conditional;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tonic::metadata::MetadataValue;

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

/// The tag of the copy that a writer has seen.
pub(super) fn if_match<'a>(method: &Method, headers: &'a HeaderMap) -> Option<&'a str> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    headers
        .get(header::IF_MATCH)
        .and_then(|value| value.to_str().ok())
}

/// The version that a writer has seen, for requests that have a field for it: `If-Match: "7"`.
pub(super) fn expected_version(method: &Method, headers: &HeaderMap) -> Result<Option<i64>> {
    let Some(tag) = if_match(method, headers) else {
        return Ok(None);
    };
    let mut request = tonic::Request::new(());
    if let Ok(value) = MetadataValue::try_from(tag) {
        request.metadata_mut().insert(conditional::IF_MATCH, value);
    }
    Ok(conditional::if_match(&request)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_stands_in_quotes() {
        let version = |text: &str| {
            let headers = HeaderMap::from_iter([(header::IF_MATCH, text.parse().unwrap())]);
            expected_version(&Method::PATCH, &headers).map_err(|_| ())
        };
        assert_eq!(version("\"7\""), Ok(Some(7)));
        assert_eq!(version("*"), Ok(None));
        assert_eq!(version("7"), Err(()));
        assert_eq!(version("\"7\", \"8\""), Err(()));
    }

    #[test]
    fn a_reader_expects_nothing() {
        let headers = HeaderMap::from_iter([(header::IF_MATCH, "7".parse().unwrap())]);
        assert_eq!(expected_version(&Method::GET, &headers).ok(), Some(None));
    }
}
