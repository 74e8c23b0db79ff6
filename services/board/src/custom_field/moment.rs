//! Dates and moments as ISO 8601 writes them, in the basic and the extended form.

use chrono::NaiveDate;

/// Characters of a date in the extended and the basic form.
const DATES: [usize; 2] = [10, 8];

/// Whether a text is a calendar date: `2026-01-31` or `20260131`.
pub(super) fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = match bytes {
        [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] => [y1, y2, y3, y4, m1, m2, d1, d2],
        [y1, y2, y3, y4, m1, m2, d1, d2] => [y1, y2, y3, y4, m1, m2, d1, d2],
        _ => return false,
    };
    let Some(digits) = numbers(&digits.map(|digit| *digit)) else {
        return false;
    };
    let (year, rest) = (digits / 10_000, digits % 10_000);
    year > 0
        && i32::try_from(year)
            .is_ok_and(|year| NaiveDate::from_ymd_opt(year, rest / 100, rest % 100).is_some())
}

/// Whether a text is a moment: a date, and after `T` or a space a time with or without seconds, a fraction, and an offset.
pub(super) fn is_moment(text: &str) -> bool {
    if is_date(text) {
        return true;
    }
    DATES.into_iter().any(|length| {
        text.split_at_checked(length).is_some_and(|(date, rest)| {
            let time = rest.strip_prefix(['T', 't', ' ']);
            is_date(date) && time.is_some_and(is_time)
        })
    })
}

/// `14`, `14:30`, `1430`, `14:30:05.123`, each with or without `Z` or an offset.
fn is_time(text: &str) -> bool {
    let (clock, offset) = match text.find(['Z', 'z', '+', '-']) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let (whole, fraction) = match clock.find(['.', ',']) {
        Some(at) => (&clock[..at], Some(&clock[at + 1..])),
        None => (clock, None),
    };
    let Some(parts) = pairs(whole) else {
        return false;
    };
    let in_range = parts
        .iter()
        .zip([23, 59, 59])
        .all(|(part, most)| *part <= most);
    let fraction_fits = fraction.is_none_or(|digits| {
        parts.len() == 3
            && (1..=9).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    in_range && fraction_fits && is_offset(offset)
}

fn is_offset(text: &str) -> bool {
    match text {
        "" | "Z" | "z" => true,
        text => text.strip_prefix(['+', '-']).is_some_and(|text| {
            pairs(text).is_some_and(|parts| {
                parts.len() <= 2 && parts.iter().zip([23, 59]).all(|(part, most)| *part <= most)
            })
        }),
    }
}

/// One to three numbers of two digits, with colons between all of them or none.
fn pairs(text: &str) -> Option<Vec<u32>> {
    let parts: Vec<&[u8]> = if text.contains(':') {
        text.split(':').map(str::as_bytes).collect()
    } else {
        text.as_bytes().chunks(2).collect()
    };
    if !(1..=3).contains(&parts.len()) || parts.iter().any(|part| part.len() != 2) {
        return None;
    }
    parts.into_iter().map(numbers).collect()
}

fn numbers(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number: u32, digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + u32::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_two_forms_and_a_place_in_the_calendar() {
        for good in ["2026-01-31", "20260131", "2024-02-29", "0001-01-01"] {
            assert!(is_date(good), "{good}");
        }
        for bad in [
            "",
            "2026-1-31",
            "2026-02-30",
            "2026-0131",
            "202601",
            "0000-01-01",
            "2026-01-31T00:00",
            "２026-01-31",
            "2026-13-01",
            " 2026-01-31",
        ] {
            assert!(!is_date(bad), "{bad}");
        }
    }

    #[test]
    fn a_moment_is_a_date_with_or_without_a_time() {
        for good in [
            "2026-01-31",
            "20260131",
            "2026-01-31T14",
            "2026-01-31 14:30",
            "2026-01-31T14:30:05",
            "2026-01-31T14:30:05.123456Z",
            "20260131T143005,5+0200",
            "2026-01-31t00:00z",
            "2026-01-31T14:30-05:30",
            "2026-01-31T14:30+02",
        ] {
            assert!(is_moment(good), "{good}");
        }
        for bad in [
            "",
            "T14:30",
            "2026-01-31T",
            "2026-01-31T24:00",
            "2026-01-31T14:60",
            "2026-01-31T1:30",
            "2026-01-31T14:30.5",
            "2026-01-31T14:30:05.",
            "2026-01-31T14:30+",
            "2026-01-31T14:30+24:00",
            "2026-01-31T14:30Zx",
            "2026-01-31X14:30",
            "soon",
            "2026-01-31T14:30:05.1234567890",
        ] {
            assert!(!is_moment(bad), "{bad}");
        }
    }
}
