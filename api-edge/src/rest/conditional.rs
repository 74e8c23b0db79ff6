//! Reading only what is new, and changing only what is known.

use axum::{body::Body, response::Response};
use bytes::Bytes;
use chassis::conditional;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

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

/// The tag of the copy that a writer has seen. It travels as metadata: the service that changes the thing judges it, beside
/// what the body may say of the version.
pub(super) fn if_match<'a>(method: &Method, headers: &'a HeaderMap) -> Option<&'a str> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    headers
        .get(header::IF_MATCH)
        .and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_expects_nothing() {
        let headers = HeaderMap::from_iter([(header::IF_MATCH, HeaderValue::from_static("\"7\""))]);
        assert_eq!(if_match(&Method::PATCH, &headers), Some("\"7\""));
        assert_eq!(if_match(&Method::GET, &headers), None);
    }
}
