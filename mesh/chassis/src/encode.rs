//! Domain values as protobuf's well-known types.

use chrono::{DateTime, Utc};
use prost_types::{ListValue, Struct, Timestamp, Value, value::Kind};
use serde_json::Value as Json;

/// A moment.
pub fn time(at: DateTime<Utc>) -> Timestamp {
    Timestamp {
        seconds: at.timestamp(),
        nanos: i32::try_from(at.timestamp_subsec_nanos())
            .expect("below a second there are fewer than 2^31 nanoseconds"),
    }
}

/// A moment that may be absent.
pub fn optional_time(at: Option<DateTime<Utc>>) -> Option<Timestamp> {
    at.map(time)
}

/// An id that may be absent.
pub fn optional_id(id: Option<uuid::Uuid>) -> Option<String> {
    id.map(|id| id.to_string())
}

/// A JSON object as a struct; `None` for anything that is not an object.
pub fn to_struct(json: &Json) -> Option<Struct> {
    let Json::Object(fields) = json else {
        return None;
    };
    Some(Struct {
        fields: fields
            .iter()
            .map(|(key, value)| (key.clone(), to_value(value)))
            .collect(),
    })
}

/// A struct as a JSON object.
pub fn from_struct(value: &Struct) -> Json {
    Json::Object(
        value
            .fields
            .iter()
            .map(|(key, value)| (key.clone(), from_value(value)))
            .collect(),
    )
}

/// Any JSON as a value.
pub fn to_value(json: &Json) -> Value {
    let kind = match json {
        Json::Null => Kind::NullValue(0),
        Json::Bool(value) => Kind::BoolValue(*value),
        Json::Number(value) => Kind::NumberValue(value.as_f64().unwrap_or(f64::NAN)),
        Json::String(value) => Kind::StringValue(value.clone()),
        Json::Array(values) => Kind::ListValue(ListValue {
            values: values.iter().map(to_value).collect(),
        }),
        Json::Object(_) => Kind::StructValue(to_struct(json).unwrap_or_default()),
    };
    Value { kind: Some(kind) }
}

/// A value as JSON. Whole numbers come back as integers; what JSON cannot say (NaN) is null.
pub fn from_value(value: &Value) -> Json {
    match &value.kind {
        None | Some(Kind::NullValue(_)) => Json::Null,
        Some(Kind::BoolValue(value)) => Json::Bool(*value),
        Some(Kind::NumberValue(value)) => number(*value),
        Some(Kind::StringValue(value)) => Json::String(value.clone()),
        Some(Kind::ListValue(list)) => Json::Array(list.values.iter().map(from_value).collect()),
        Some(Kind::StructValue(value)) => from_struct(value),
    }
}

/// Largest integer that a double holds exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

fn number(value: f64) -> Json {
    if value.fract() == 0.0 && value.abs() <= EXACT {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "whole and within the exact range of a double"
        )]
        return Json::from(value as i64);
    }
    serde_json::Number::from_f64(value).map_or(Json::Null, Json::Number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn json_survives_a_struct() {
        let original = json!({"a": 1, "b": [true, null, "x", 1.5], "c": {"d": {}}});
        let round = super::from_struct(&super::to_struct(&original).expect("an object"));
        assert_eq!(round, original);
    }
}
