//! The name of one request in every log line, event and answer.

use http::HeaderMap;
use uuid::Uuid;

use super::REQUEST_ID;

/// Longest id that is taken from a caller.
const LONGEST: usize = 128;

/// The caller's id when it is harmless, otherwise a new one.
pub(super) fn of(headers: &HeaderMap) -> String {
    let given = headers
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok());
    match given.filter(|id| harmless(id)) {
        Some(id) => id.to_owned(),
        None => Uuid::new_v4().simple().to_string(),
    }
}

fn harmless(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=LONGEST).contains(&id.len()) && id.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_harmless_id_is_taken_over() {
        for (given, kept) in [
            ("abc-1.2_3", true),
            ("", false),
            ("a b", false),
            ("<x>", false),
            (&*"x".repeat(129), false),
        ] {
            let headers = HeaderMap::from_iter([(REQUEST_ID, given.parse().unwrap())]);
            assert_eq!(of(&headers) == given, kept, "{given}");
        }
    }
}
