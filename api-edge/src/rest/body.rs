//! Reading a JSON body within bounds. Of a key that stands twice the last counts; nesting beyond 127 levels is malformed.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Map, Value};

use crate::problem::{Problem, Result};

/// How long a body may take to arrive.
const ARRIVES: Duration = Duration::from_secs(30);
/// What is read and thrown away of a body that is too large, bytes: a client that is still sending would not see the answer.
const DISCARDED: usize = 64 * 1024 * 1024;

/// What is read of a body that nobody will look at, bytes, and for how long.
const UNREAD: (usize, Duration) = (64 * 1024, Duration::from_secs(1));

/// Takes in a body that nobody will look at, so that the connection can be used again: one that is left lying closes
/// it, and a client that has already sent its next request there loses that. Whether the body has ended.
pub(super) async fn discard(headers: &HeaderMap, mut body: Body) -> bool {
    if headers.contains_key(header::EXPECT) {
        return body.is_end_stream();
    }
    let (mut left, patience) = UNREAD;
    let end = async move {
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            let length = frame.data_ref().map_or(0, bytes::Bytes::len);
            let Some(rest) = left.checked_sub(length) else {
                return false;
            };
            left = rest;
        }
        true
    };
    tokio::time::timeout(patience, end).await.unwrap_or(false)
}

/// The object in a request's body; without a body an empty one.
pub(super) async fn object(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<Map<String, Value>> {
    let Ok(bytes) = tokio::time::timeout(ARRIVES, read(headers, body, limit)).await else {
        return Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "BODY_TIMEOUT",
            "the body did not arrive in time",
        ));
    };
    let bytes = bytes?;
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    if !is_json(headers) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UNSUPPORTED_MEDIA_TYPE",
            "the body must be application/json",
        )
        .at("content-type", "UNSUPPORTED_MEDIA_TYPE"));
    }
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => {
            let message = "the body must be a JSON object";
            Err(
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "INVALID_REQUEST", message)
                    .at("body", "WRONG_TYPE"),
            )
        }
        Err(error) => {
            let message = format!("the body is not JSON: {error}");
            Err(
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "MALFORMED_JSON", message)
                    .at("body", "MALFORMED_JSON"),
            )
        }
    }
}

async fn read(headers: &HeaderMap, mut body: Body, limit: usize) -> Result<Vec<u8>> {
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let announced = length.unwrap_or(0);
    if announced > DISCARDED || (announced > limit && headers.contains_key(header::EXPECT)) {
        return Err(too_large(limit));
    }
    let mut bytes = Vec::with_capacity(announced.min(limit));
    let mut seen = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            tracing::debug!(%error, "a request's body did not arrive");
            Problem::new(
                StatusCode::BAD_REQUEST,
                "INCOMPLETE_BODY",
                "the body did not arrive whole",
            )
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        seen += data.len();
        if seen <= limit {
            bytes.extend_from_slice(&data);
        } else if seen > DISCARDED {
            break;
        }
    }
    if seen > limit {
        Err(too_large(limit))
    } else {
        Ok(bytes)
    }
}

fn too_large(limit: usize) -> Problem {
    let message = format!("the body may have at most {limit} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE", message).at("body", "TOO_LARGE")
}

/// `application/json`, anything `+json`, or nothing said.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return true;
    };
    let essence = value
        .to_str()
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    let essence = essence.to_ascii_lowercase();
    essence.is_empty()
        || essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_goes_by_several_names() {
        for (value, json) in [
            ("application/json", true),
            ("application/JSON; charset=utf-8", true),
            ("application/merge-patch+json", true),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("application/jsonp", false),
        ] {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, value.parse().unwrap())]);
            assert_eq!(is_json(&headers), json, "{value}");
        }
        assert!(is_json(&HeaderMap::new()));
    }
}
