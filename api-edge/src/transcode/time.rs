//! Moments as text.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Utc};

/// Reads RFC 3339 with any offset; without one the time is UTC, and a date alone is its first moment.
pub(super) fn parse(text: &str) -> Option<DateTime<Utc>> {
    let moment = DateTime::parse_from_rfc3339(text)
        .map(|zoned| zoned.to_utc())
        .or_else(|_| naive(text).map(|naive| naive.and_utc()))
        .ok()?;
    (1..=9999).contains(&moment.year()).then_some(moment)
}

fn naive(text: &str) -> chrono::ParseResult<NaiveDateTime> {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f"))
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M"))
        .or_else(|_| {
            Ok(NaiveDate::parse_from_str(text, "%Y-%m-%d")?.and_time(chrono::NaiveTime::MIN))
        })
}

/// Seconds of 0001-01-01 and of the last second of 9999, the range of a protobuf timestamp.
const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// Writes a quoted RFC 3339 time in UTC, with six digits of fraction when the microseconds are not zero; `null` when
/// the moment lies outside the years 1 to 9999.
pub(super) fn write(seconds: i64, nanos: i32, out: &mut Vec<u8>) {
    if !SECONDS.contains(&seconds) || !(0..1_000_000_000).contains(&nanos) {
        out.extend_from_slice(b"null");
        return;
    }
    let (day, second) = (
        seconds.div_euclid(86_400),
        seconds.rem_euclid(86_400) as u32,
    );
    let (year, month, date) = civil(day);
    let mut text = *b"\"0000-00-00T00:00:00.000000Z\"";
    digits(&mut text[1..5], year);
    digits(&mut text[6..8], month);
    digits(&mut text[9..11], date);
    digits(&mut text[12..14], second / 3_600);
    digits(&mut text[15..17], second / 60 % 60);
    digits(&mut text[18..20], second % 60);
    let micros = nanos as u32 / 1_000;
    if micros == 0 {
        out.extend_from_slice(&text[..20]);
        out.extend_from_slice(b"Z\"");
    } else {
        digits(&mut text[21..27], micros);
        out.extend_from_slice(&text);
    }
}

fn digits(at: &mut [u8], mut value: u32) {
    for digit in at.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

/// Year, month and day of a day counted from 1970-01-01 (the proleptic Gregorian calendar, era by era of 400 years).
fn civil(day: i64) -> (u32, u32, u32) {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let date = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year as u32, month as u32, date as u32)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, SecondsFormat};
    use proptest::prelude::*;

    #[test]
    fn a_time_may_come_with_any_offset_or_none() {
        for text in [
            "2026-11-22T08:11:58Z",
            "2026-11-22T10:11:58+02:00",
            "2026-11-22T08:11:58",
            "2026-11-22 08:11:58",
            "2026-11-22t08:11:58z",
        ] {
            assert_eq!(
                super::parse(text).map(|t| t.timestamp()),
                Some(1_795_335_118),
                "{text}"
            );
        }
        assert_eq!(
            super::parse("2026-11-22").map(|t| t.timestamp()),
            Some(1_795_305_600)
        );
        for text in [
            "",
            "now",
            "2026-13-01T00:00:00Z",
            "2026-11-22T25:00:00Z",
            "1795335118",
            "+12026-11-22T00:00:00Z",
        ] {
            assert_eq!(super::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_calendar_agrees_with_chrono(seconds in super::SECONDS, micros in 0_u32..1_000_000) {
            let mut out = Vec::new();
            super::write(seconds, (micros * 1_000) as i32, &mut out);
            let format = if micros == 0 { SecondsFormat::Secs } else { SecondsFormat::Micros };
            let expected = DateTime::from_timestamp(seconds, micros * 1_000).unwrap().to_rfc3339_opts(format, true);
            prop_assert_eq!(String::from_utf8(out).unwrap(), format!("\"{expected}\""));
        }
    }
}
