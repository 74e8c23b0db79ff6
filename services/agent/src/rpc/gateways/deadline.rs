//! How long whoever asks waits for an answer.

use std::time::Duration;

use tonic::metadata::MetadataMap;

/// What answering itself may take.
const MARGIN: Duration = Duration::from_secs(3);

/// Time that may pass before the answer has to be on its way; `None` when nobody minds.
pub(super) fn of(metadata: &MetadataMap) -> Option<Duration> {
    let text = metadata.get("grpc-timeout")?.to_str().ok()?;
    Some(parse(text)?.saturating_sub(MARGIN))
}

/// A timeout as gRPC writes it: up to eight digits and a unit.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count.checked_mul(3_600)?)),
        "M" => Some(Duration::from_secs(count.checked_mul(60)?)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_read_as_grpc_writes_it() {
        let seconds = |n| Some(Duration::from_secs(n));
        for (text, expected) in [
            ("30S", seconds(30)),
            ("30000000u", seconds(30)),
            ("2M", seconds(120)),
            ("1H", seconds(3_600)),
            ("1500m", Some(Duration::from_millis(1_500))),
            ("", None),
            ("S", None),
            ("30", None),
            ("30s", None),
            ("ü", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
        let mut request = tonic::Request::new(());
        assert_eq!(of(request.metadata()), None);
        request.set_timeout(Duration::from_secs(30));
        assert_eq!(of(request.metadata()), seconds(27));
    }
}
