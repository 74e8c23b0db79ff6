//! Bounded input: each function names the field that is wrong, and nothing unbounded gets past them.

mod page;

use chrono::{DateTime, Utc};
use prost_types::{FieldMask, Timestamp};
use uuid::Uuid;

use crate::Fault;

pub use page::{Cursor, Page, page};

/// Length of a UUID with its hyphens.
const ID_LENGTH: usize = 36;

/// A UUID in its one usual form: 36 characters, with hyphens.
pub fn id(field: &str, text: &str) -> Result<Uuid, Fault> {
    Uuid::try_parse(text)
        .ok()
        .filter(|_| text.len() == ID_LENGTH)
        .ok_or_else(|| Fault::invalid(field, "NOT_A_UUID", "not a UUID"))
}

/// A UUID that may be absent; blank stands for absent.
pub fn optional_id(field: &str, text: Option<&str>) -> Result<Option<Uuid>, Fault> {
    text.filter(|text| !text.is_empty())
        .map(|text| id(field, text))
        .transpose()
}

/// Up to `max` UUIDs, without repeats, in the order given.
pub fn ids(field: &str, texts: &[String], max: usize) -> Result<Vec<Uuid>, Fault> {
    if texts.len() > max {
        return Err(Fault::invalid(
            field,
            "TOO_MANY",
            format!("at most {max} ids"),
        ));
    }
    let mut found = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let id = id(&format!("{field}[{index}]"), text)?;
        if !found.contains(&id) {
            found.push(id);
        }
    }
    Ok(found)
}

/// Text of `min` to `max` characters after trimming, without NUL.
pub fn text(field: &str, text: &str, min: usize, max: usize) -> Result<String, Fault> {
    let trimmed = text.trim();
    if trimmed.contains('\0') {
        return Err(Fault::invalid(field, "NUL_BYTE", "contains a NUL byte"));
    }
    // Counting characters of a text that is too long in bytes by any count would be work for nothing.
    let count = if trimmed.len() > max.saturating_mul(4) {
        usize::MAX
    } else {
        trimmed.chars().count()
    };
    if count < min {
        let message = if min == 1 {
            "must not be blank".to_owned()
        } else {
            format!("at least {min} characters")
        };
        return Err(Fault::invalid(
            field,
            if count == 0 { "BLANK" } else { "TOO_SHORT" },
            message,
        ));
    }
    if count > max {
        return Err(Fault::invalid(
            field,
            "TOO_LONG",
            format!("at most {max} characters"),
        ));
    }
    Ok(trimmed.to_owned())
}

/// Text of up to `max` characters that may be absent; blank stands for absent.
pub fn optional_text(
    field: &str,
    value: Option<&str>,
    max: usize,
) -> Result<Option<String>, Fault> {
    match value {
        None => Ok(None),
        Some(value) => Ok(Some(text(field, value, 0, max)?).filter(|text| !text.is_empty())),
    }
}

/// A moment that may be absent, to the microsecond.
pub fn time(field: &str, value: Option<&Timestamp>) -> Result<Option<DateTime<Utc>>, Fault> {
    let Some(value) = value else { return Ok(None) };
    let bad = || {
        Fault::invalid(
            field,
            "OUT_OF_RANGE",
            "not a moment between the years 1 and 9999",
        )
    };
    // Years 1 to 9999, as RFC 3339 can write them.
    if !(-62_135_596_800..=253_402_300_799).contains(&value.seconds) {
        return Err(bad());
    }
    let nanos = u32::try_from(value.nanos).map_err(|_| bad())?;
    DateTime::from_timestamp(value.seconds, nanos / 1_000 * 1_000)
        .map(Some)
        .ok_or_else(bad)
}

/// A number within bounds.
pub fn number<N: PartialOrd + std::fmt::Display>(
    field: &str,
    value: N,
    min: N,
    max: N,
) -> Result<N, Fault> {
    if value >= min && value <= max {
        Ok(value)
    } else {
        Err(Fault::invalid(
            field,
            "OUT_OF_RANGE",
            format!("must be between {min} and {max}"),
        ))
    }
}

/// The fields that an update names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mask(Vec<String>);

impl Mask {
    /// Whether the update names the field.
    pub fn has(&self, field: &str) -> bool {
        self.0.iter().any(|name| name == field)
    }

    /// The fields in the order given.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// Whether the update names nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The fields that an update names; nothing when the mask is absent.
pub fn mask(mask: Option<FieldMask>) -> Mask {
    Mask(mask.map(|mask| mask.paths).unwrap_or_default())
}

/// The value of a field that an update may change but not empty.
pub fn required<T>(field: &str, value: Option<T>) -> Result<T, Fault> {
    value.ok_or_else(|| Fault::invalid(field, "REQUIRED", "must not be null"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_trimmed_bounded_and_free_of_nul() {
        assert_eq!(text("t", "  a ", 1, 3).unwrap(), "a");
        assert_eq!(text("t", "  ", 1, 3).unwrap_err().fields[0].reason, "BLANK");
        assert_eq!(
            text("t", "abcd", 1, 3).unwrap_err().fields[0].reason,
            "TOO_LONG"
        );
        assert_eq!(
            text("t", "a\0b", 1, 3).unwrap_err().fields[0].reason,
            "NUL_BYTE"
        );
        assert_eq!(text("t", "äöü", 1, 3).unwrap(), "äöü");
    }

    #[test]
    fn ids_lose_repeats_and_keep_order() {
        let (a, b) = (
            Uuid::from_u128(2).to_string(),
            Uuid::from_u128(1).to_string(),
        );
        let found = ids("x", &[a.clone(), b, a], 5).unwrap();
        assert_eq!(found, [Uuid::from_u128(2), Uuid::from_u128(1)]);
        assert_eq!(
            ids("x", &["nope".into()], 5).unwrap_err().fields[0].field,
            "x[0]"
        );
    }

    #[test]
    fn an_id_has_one_form() {
        let id = Uuid::from_u128(7);
        assert_eq!(super::id("x", &id.to_string()).unwrap(), id);
        for other in [
            id.simple().to_string(),
            id.urn().to_string(),
            id.braced().to_string(),
        ] {
            assert!(super::id("x", &other).is_err(), "{other}");
        }
    }

    #[test]
    fn a_moment_outside_of_the_calendar_is_refused() {
        let far = Timestamp {
            seconds: i64::MAX,
            nanos: 0,
        };
        assert!(time("due_at", Some(&far)).is_err());
        assert_eq!(time("due_at", None).unwrap(), None);
    }
}
