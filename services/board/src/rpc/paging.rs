//! Pages of a list, each with a token that belongs to that list: the same rows, asked for with the same words.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chassis::{Cursor, Fault, Page, decode};
use chrono::DateTime;
use prost::Message;
use uuid::Uuid;

/// A page, and what its tokens are bound to.
pub(super) struct Paging {
    pub(super) page: Page,
    /// By what rows are sorted before their time, of the last row of the page before.
    pub(super) after: Option<String>,
    list: [u8; 8],
}

/// The last row of a page, as far as a list sorts by it.
pub(super) struct Last<'a> {
    pub(super) cursor: Cursor,
    /// By what rows are sorted before their time; empty where by nothing.
    pub(super) first: &'a str,
}

impl Paging {
    /// Judges the paging fields of a question. `question` is the request without them.
    pub(super) fn of(
        list: &str,
        question: &impl Message,
        limit: Option<i32>,
        offset: Option<i32>,
        token: Option<&str>,
    ) -> Result<Self, Fault> {
        let mut page = decode::page(limit, offset, None)?;
        let list = fingerprint(list, &question.encode_to_vec());
        let Some(token) = token.filter(|token| !token.is_empty()) else {
            return Ok(Self {
                page,
                after: None,
                list,
            });
        };
        let (cursor, first) = read(list, token)
            .ok_or_else(|| Fault::invalid("page_token", "MALFORMED", "not a token of this list"))?;
        if page.offset != 0 {
            let message = "cannot be combined with page_token";
            return Err(Fault::invalid("offset", "EXCLUDED", message));
        }
        page.after = Some(cursor);
        Ok(Self {
            page,
            after: Some(first),
            list,
        })
    }

    /// Takes the row beyond the page away and answers the token of the page that it is on; none on the last page.
    pub(super) fn cut<'a, T>(
        &self,
        rows: &'a mut Vec<T>,
        last: impl Fn(&'a T) -> Last<'a>,
    ) -> Option<String> {
        let limit = usize::try_from(self.page.limit).unwrap_or(usize::MAX);
        let follows = rows.len() > limit;
        rows.truncate(limit);
        let last = last(rows.last().filter(|_| follows)?);
        let mut bytes = self.list.to_vec();
        bytes.extend(last.cursor.at.timestamp_micros().to_be_bytes());
        bytes.extend(last.cursor.id.as_bytes());
        bytes.extend(last.first.as_bytes());
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }
}

fn read(list: [u8; 8], token: &str) -> Option<(Cursor, String)> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (bound, rest) = bytes.split_first_chunk::<8>()?;
    let (micros, rest) = rest.split_first_chunk::<8>()?;
    let (id, first) = rest.split_first_chunk::<16>()?;
    let at = DateTime::from_timestamp_micros(i64::from_be_bytes(*micros))?;
    let id = Uuid::from_bytes(*id);
    let first = std::str::from_utf8(first).ok()?;
    let good = *bound == list && !first.contains('\0');
    good.then(|| (Cursor { at, id }, first.to_owned()))
}

/// FNV-1a over the name of a list and the question: it tells lists apart, and keeps no secret.
fn fingerprint(list: &str, question: &[u8]) -> [u8; 8] {
    let bytes = list.bytes().chain([0]).chain(question.iter().copied());
    bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
        .to_be_bytes()
}

#[cfg(test)]
mod tests {
    use proto::board::v1::ListTagsRequest;

    use super::*;

    fn paging(
        list: &str,
        question: &ListTagsRequest,
        token: Option<&str>,
    ) -> Result<Paging, Fault> {
        Paging::of(list, question, Some(1), None, token)
    }

    #[test]
    fn a_token_belongs_to_its_list_and_its_question() {
        let question = ListTagsRequest::default();
        let first = paging("tags", &question, None).unwrap();
        let cursor = Cursor {
            at: DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap(),
            id: Uuid::from_u128(7),
        };
        let mut rows = vec!["größe", "next"];
        let token = first
            .cut(&mut rows, |name| Last {
                cursor,
                first: name,
            })
            .unwrap();
        assert_eq!(rows, ["größe"]);
        let second = paging("tags", &question, Some(&token)).unwrap();
        assert_eq!(
            (second.page.after, second.after.as_deref()),
            (Some(cursor), Some("größe"))
        );
        let other = ListTagsRequest {
            limit: Some(3),
            ..question.clone()
        };
        for answer in [
            paging("labels", &question, Some(&token)),
            paging("tags", &other, Some(&token)),
            paging("tags", &question, Some("?")),
            paging("tags", &question, Some("AAAA")),
        ] {
            assert_eq!(answer.err().unwrap().fields[0].reason, "MALFORMED");
        }
        assert_eq!(first.cut(&mut vec!["only"], |_| unreachable!()), None);
    }
}
