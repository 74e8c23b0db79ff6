//! Reading a JSON body within bounds. Of a key that stands twice the last counts; nesting beyond 127 levels is malformed.

use axum::body::Body;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};

use crate::problem::{Problem, Result};

/// The object in a request's body; without a body an empty one.
pub(super) async fn object(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<Map<String, Value>> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let bytes = match Limited::new(body, limit).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(too_large(limit)),
        Err(error) => {
            tracing::debug!(%error, "a request's body did not arrive");
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "INCOMPLETE_BODY",
                "the body did not arrive whole",
            ));
        }
    };
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
