//! The moment that a stream begins at, as clients write it.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

/// ISO 8601 without an offset, which stands for UTC.
const NAIVE: [&str; 4] = [
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M",
];

/// Longest text that is looked at.
const MAX: usize = 64;

/// Reads a moment; `None` for anything that is not one.
pub(crate) fn read(text: Option<&str>) -> Option<DateTime<Utc>> {
    let text = text?.trim();
    if text.is_empty() || text.len() > MAX {
        return None;
    }
    DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%#z"))
        .map(|at| at.to_utc())
        .ok()
        .or_else(|| {
            NAIVE
                .iter()
                .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
                .or_else(|| {
                    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
                    Some(day.and_time(NaiveTime::MIN))
                })
                .map(|at| at.and_utc())
        })
        // Years that the database can hold.
        .filter(|at| (1..=9999).contains(&chrono::Datelike::year(at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_in_the_forms_that_clients_write() {
        let expected: DateTime<Utc> = "2026-11-22T10:30:00.25Z".parse().unwrap();
        for text in [
            "2026-11-22T10:30:00.25Z",
            "2026-11-22T11:30:00.250+01:00",
            "2026-11-22T11:30:00.25+0100",
            "2026-11-22T10:30:00.250000",
            " 2026-11-22 10:30:00.25 ",
        ] {
            assert_eq!(read(Some(text)), Some(expected), "{text}");
        }
        let midnight: DateTime<Utc> = "2026-11-22T00:00:00Z".parse().unwrap();
        assert_eq!(read(Some("2026-11-22")), Some(midnight));
        assert_eq!(read(Some("2026-11-22T00:00")), Some(midnight));
    }

    #[test]
    fn what_is_no_moment_is_none() {
        let long = "2".repeat(1_000);
        for text in [
            "",
            "  ",
            "yesterday",
            "2026-11-22T11:30:00 01:00",
            "2026-13-01",
            "+262142-01-01T00:00:00Z",
            "\0",
            long.as_str(),
        ] {
            assert_eq!(read(Some(text)), None, "{text:?}");
        }
        assert_eq!(read(None), None);
    }
}
