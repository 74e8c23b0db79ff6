//! A free-form payload, bounded and free of what neither JSON nor the database can hold.

use chassis::{Fault, encode};
use prost::Message;
use prost_types::{Struct, Value, value::Kind};
use serde_json::Value as Json;

/// Largest payload, in bytes of its encoding: 64 KiB. People read it.
const MAX_BYTES: usize = 64 * 1024;
/// Deepest nesting of objects and lists.
const MAX_DEPTH: usize = 32;

/// The payload as JSON.
pub(crate) fn json(field: &str, payload: &Struct) -> Result<Json, Fault> {
    if payload.encoded_len() > MAX_BYTES {
        return Err(Fault::invalid(
            field,
            "TOO_LARGE",
            format!("at most {MAX_BYTES} bytes"),
        ));
    }
    object(field, payload, 1)?;
    Ok(encode::from_struct(payload))
}

fn object(field: &str, fields: &Struct, depth: usize) -> Result<(), Fault> {
    if depth > MAX_DEPTH {
        return Err(too_deep(field));
    }
    for (name, inner) in &fields.fields {
        text(field, name)?;
        value(field, inner, depth)?;
    }
    Ok(())
}

fn value(field: &str, value: &Value, depth: usize) -> Result<(), Fault> {
    match &value.kind {
        Some(Kind::NumberValue(number)) if !number.is_finite() => Err(Fault::invalid(
            field,
            "NOT_A_NUMBER",
            "holds a number that is not finite",
        )),
        Some(Kind::StringValue(string)) => text(field, string),
        Some(Kind::StructValue(inner)) => object(field, inner, depth + 1),
        Some(Kind::ListValue(_)) if depth >= MAX_DEPTH => Err(too_deep(field)),
        Some(Kind::ListValue(list)) => list
            .values
            .iter()
            .try_for_each(|inner| self::value(field, inner, depth + 1)),
        Some(Kind::NumberValue(_) | Kind::BoolValue(_) | Kind::NullValue(_)) | None => Ok(()),
    }
}

fn text(field: &str, text: &str) -> Result<(), Fault> {
    if text.contains('\0') {
        return Err(Fault::invalid(field, "NUL_BYTE", "contains a NUL byte"));
    }
    Ok(())
}

fn too_deep(field: &str) -> Fault {
    Fault::invalid(field, "TOO_DEEP", format!("nested deeper than {MAX_DEPTH}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(payload: &Struct) -> String {
        super::json("payload", payload).unwrap_err().fields[0]
            .reason
            .clone()
    }

    fn of(json: &Json) -> Struct {
        encode::to_struct(json).unwrap()
    }

    #[test]
    fn an_ordinary_payload_is_kept_whole() {
        let payload = json!({"reason": "x", "n": 1.5, "list": [1, {"a": null}], "on": true});
        assert_eq!(super::json("payload", &of(&payload)), Ok(payload));
    }

    #[test]
    fn what_the_database_cannot_hold_is_refused() {
        assert_eq!(refusal(&of(&json!({"a": "x\0y"}))), "NUL_BYTE");
        assert_eq!(refusal(&of(&json!({"a": [{"b\0": 1}]}))), "NUL_BYTE");
        for number in [f64::NAN, f64::INFINITY] {
            let kind = Some(Kind::NumberValue(number));
            let fields = [("a".to_owned(), Value { kind })].into();
            assert_eq!(refusal(&Struct { fields }), "NOT_A_NUMBER");
        }
    }

    #[test]
    fn a_huge_or_bottomless_payload_is_refused() {
        assert_eq!(
            refusal(&of(&json!({"a": "x".repeat(MAX_BYTES)}))),
            "TOO_LARGE"
        );
        let nested = |depth: usize| (1..depth).fold(json!({}), |inner, _| json!({"a": inner}));
        assert!(super::json("payload", &of(&nested(MAX_DEPTH))).is_ok());
        assert_eq!(refusal(&of(&nested(MAX_DEPTH + 1))), "TOO_DEEP");
        let lists = (0..MAX_DEPTH).fold(json!([]), |inner, _| json!([inner]));
        assert_eq!(refusal(&of(&json!({"a": lists}))), "TOO_DEEP");
    }
}
