//! How often agents of a group check in.

/// Shortest pace, seconds.
const MIN: u32 = 30;
/// Longest pace, seconds: a day.
const MAX: u32 = 24 * 60 * 60;

/// A pace in its proper form, such as `10m`: a whole number of `s`, `m` or `h`, 30 seconds to 24 hours.
pub(crate) fn parse(text: &str) -> Option<String> {
    let text = text.trim();
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit_seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        _ => return None,
    };
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u32 = number.parse().ok()?;
    let seconds = number.checked_mul(unit_seconds)?;
    (MIN..=MAX)
        .contains(&seconds)
        .then(|| format!("{number}{unit}"))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_pace_is_thirty_seconds_to_a_day() {
        for (text, pace) in [
            ("30s", "30s"),
            (" 10m ", "10m"),
            ("024h", "24h"),
            ("86400s", "86400s"),
        ] {
            assert_eq!(parse(text).as_deref(), Some(pace));
        }
        for text in [
            "",
            "s",
            "29s",
            "25h",
            "0m",
            "banana",
            "10",
            "1.5h",
            "-5m",
            "+5m",
            "10 m",
            "5d",
            "99999999999s",
            "4294967295h",
            "10é",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
