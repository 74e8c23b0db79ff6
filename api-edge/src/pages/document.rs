//! Something that never changes while the process lives.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};

/// Bytes with their tag.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    content_type: HeaderValue,
    bytes: Bytes,
    etag: HeaderValue,
}

impl Document {
    pub(crate) fn new(content_type: &'static str, content: impl Into<Bytes>) -> Self {
        let bytes = content.into();
        let etag = etag(&Sha256::digest(&bytes));
        Self {
            content_type: HeaderValue::from_static(content_type),
            bytes,
            etag,
        }
    }

    /// The document, or 304 for a reader that has it.
    pub(crate) fn answer(&self, headers: &HeaderMap) -> Response {
        let mut response = if has(headers, &self.etag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let mut response = Response::new(Body::from(self.bytes.clone()));
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, self.content_type.clone());
            response
        };
        response
            .headers_mut()
            .insert(header::ETAG, self.etag.clone());
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response
    }
}

/// The tag of something with this digest.
pub(super) fn etag(digest: &[u8]) -> HeaderValue {
    let short = &digest[..digest.len().min(16)];
    HeaderValue::try_from(format!("\"{}\"", hex::encode(short)))
        .expect("hexadecimal digits are plain text")
}

/// Whether the reader has this version.
pub(super) fn has(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let wanted = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    wanted
        .zip(etag.to_str().ok())
        .is_some_and(|(wanted, etag)| chassis::conditional::matches(wanted, etag))
}
