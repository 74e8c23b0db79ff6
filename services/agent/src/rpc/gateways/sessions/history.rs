//! Pages of a session's messages. A gateway gives the newest ones only, and a session grows while it is read: a token
//! therefore names the oldest message of the page before, and where it was counted from the end. Growth moves it further
//! from the end, never nearer.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chassis::{Fault, decode, encode};
use prost_types::Value;
use sha2::{Digest, Sha256};

/// Messages that a gateway gives at most, counted from the newest.
pub(super) const REACH: i32 = 1_000;
/// Messages of a page unless the reader says otherwise, and the most it may ask for.
const MAX_LIMIT: i32 = 200;
/// Messages that may have come since the page before without another question.
const GROWTH: i32 = 100;

/// Which page is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    limit: i32,
    before: Option<Anchor>,
}

/// The oldest message of the page before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Anchor {
    /// It was the so-manieth from the end, at least 1.
    from_end: u16,
    mark: [u8; 16],
}

/// What a question brought.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cut {
    Found {
        history: Vec<Value>,
        /// Token of the page before; `None` at the beginning, or where the gateway gives no more.
        older: Option<String>,
    },
    /// The message that the token names is not among them.
    Beyond,
}

impl Page {
    pub(super) fn decode(limit: Option<i32>, token: Option<&str>) -> Result<Self, Fault> {
        let limit = decode::number("limit", limit.unwrap_or(MAX_LIMIT), 1, MAX_LIMIT)?;
        let before = token.filter(|token| !token.is_empty()).map(|token| {
            Anchor::from_token(token).ok_or_else(|| {
                Fault::invalid("page_token", "MALFORMED", "not a token of this list")
            })
        });
        Ok(Self {
            limit,
            before: before.transpose()?,
        })
    }

    /// How many of the newest messages have to be asked for.
    pub(super) fn window(&self) -> i32 {
        let (seen, growth) = match self.before {
            Some(anchor) => (i32::from(anchor.from_end), GROWTH),
            None => (0, 0),
        };
        // One more tells whether another page follows.
        (seen + growth + self.limit + 1).min(REACH)
    }

    /// The page out of the newest `asked` messages, oldest first.
    pub(super) fn cut(&self, mut messages: Vec<Value>, asked: i32) -> Cut {
        let Some(end) = self.end(&messages) else {
            return Cut::Beyond;
        };
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let start = end.saturating_sub(limit);
        let got = messages.len();
        // All that was asked for, and the page reaches to its beginning: what comes before is not known yet.
        let is_cut_short = start == 0 && usize::try_from(asked).is_ok_and(|asked| got >= asked);
        if is_cut_short && asked < REACH {
            return Cut::Beyond;
        }
        let older = messages
            .get(start)
            .filter(|_| start > 0)
            .and_then(|oldest| Anchor::of(oldest, got - start))
            .map(Anchor::to_token);
        messages.truncate(end);
        messages.drain(..start);
        Cut::Found {
            history: messages,
            older,
        }
    }

    /// How many messages there are before the page that was seen; all of them when none was.
    fn end(&self, messages: &[Value]) -> Option<usize> {
        let Some(anchor) = self.before else {
            return Some(messages.len());
        };
        let newest = messages.len().checked_sub(anchor.from_end.into())?;
        (0..=newest).rev().find(|&index| {
            messages
                .get(index)
                .is_some_and(|seen| mark(seen) == anchor.mark)
        })
    }
}

impl Anchor {
    fn of(message: &Value, from_end: usize) -> Option<Self> {
        Some(Self {
            from_end: u16::try_from(from_end).ok()?,
            mark: mark(message),
        })
    }

    fn to_token(self) -> String {
        let mut bytes = [0; 18];
        bytes[..2].copy_from_slice(&self.from_end.to_be_bytes());
        bytes[2..].copy_from_slice(&self.mark);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn from_token(token: &str) -> Option<Self> {
        let bytes: [u8; 18] = URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
        let (count, seen) = bytes.split_at(2);
        let from_end = u16::from_be_bytes(count.try_into().ok()?);
        Some(Self {
            from_end: (1..=REACH.unsigned_abs())
                .contains(&from_end.into())
                .then_some(from_end)?,
            mark: seen.try_into().ok()?,
        })
    }
}

/// What a message is told from others by. The fields of an object are in the order of their names.
fn mark(message: &Value) -> [u8; 16] {
    let digest = Sha256::digest(encode::from_value(message).to_string());
    let mut mark = [0; 16];
    mark.copy_from_slice(&digest[..16]);
    mark
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn messages(range: std::ops::Range<i32>) -> Vec<Value> {
        range
            .map(|n| encode::to_value(&json!({"role": "user", "content": n})))
            .collect()
    }

    /// Reads a session of `count` messages that grows by `growth` after each page.
    fn read(count: i32, growth: i32, limit: i32) -> Vec<Value> {
        let (mut all, mut token, mut total) = (Vec::new(), None, count);
        loop {
            let page = Page::decode(Some(limit), token.as_deref()).unwrap();
            let newest = |asked: i32| messages((total - asked).max(0)..total);
            let cut = match page.cut(newest(page.window()), page.window()) {
                Cut::Beyond => page.cut(newest(REACH), REACH),
                found => found,
            };
            let Cut::Found { history, older } = cut else {
                panic!("{token:?} of {total}")
            };
            all.splice(0..0, history);
            total += growth;
            token = older;
            if token.is_none() {
                return all;
            }
        }
    }

    #[test]
    fn every_message_is_read_once_however_the_session_grows() {
        for (count, growth, limit) in [
            (0, 0, 5),
            (5, 0, 5),
            (11, 0, 5),
            (11, 3, 5),
            (401, 7, 200),
            (300, 90, 100),
            (300, 150, 100),
            (1, 1, 1),
        ] {
            assert_eq!(
                read(count, growth, limit),
                messages(0..count),
                "{count} {growth}"
            );
        }
    }

    #[test]
    fn no_more_is_promised_than_a_gateway_gives() {
        assert_eq!(read(5_000, 0, 200), messages(4_000..5_000));
    }

    #[test]
    fn a_session_that_began_anew_is_told() {
        let page = Page::decode(Some(2), None).unwrap();
        let Cut::Found { older, .. } = page.cut(messages(7..10), 3) else {
            panic!()
        };
        let page = Page::decode(Some(2), older.as_deref()).unwrap();
        assert_eq!(page.cut(messages(20..24), REACH), Cut::Beyond);
        assert_eq!(page.cut(Vec::new(), REACH), Cut::Beyond);
    }

    #[test]
    fn a_token_of_something_else_is_refused() {
        for token in ["x", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAA", &"A".repeat(1_000)] {
            let refused = Page::decode(None, Some(token)).unwrap_err();
            assert_eq!(refused.fields[0].field, "page_token", "{token}");
        }
        for limit in [0, 201, -1] {
            let refused = Page::decode(Some(limit), None).unwrap_err();
            assert_eq!(refused.fields[0].field, "limit");
        }
    }
}
