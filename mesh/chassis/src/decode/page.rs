//! Pages of a list: by offset, or by a cursor that stays true while rows come and go.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::Fault;

/// Rows of a page unless the reader says otherwise, and the most it may ask for.
const MAX_LIMIT: i32 = 200;

/// The last row of the page before: a moment, and an id to tell rows of the same moment apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub at: DateTime<Utc>,
    pub id: Uuid,
}

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// 1 to 200.
    pub limit: i64,
    /// 0 when a cursor is given.
    pub offset: i64,
    pub after: Option<Cursor>,
}

impl Page {
    /// The same page with one row more: what to ask the store for, so that [`Page::cut`] knows whether another page follows.
    pub fn beyond(&self) -> Self {
        Self {
            limit: self.limit + 1,
            ..*self
        }
    }

    /// Takes the row beyond the page away and answers the token of the page that it is on; none on the last page.
    pub fn cut<T>(&self, rows: &mut Vec<T>, cursor: impl Fn(&T) -> Cursor) -> Option<String> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let follows = rows.len() > limit;
        rows.truncate(limit);
        rows.last()
            .filter(|_| follows)
            .map(|last| cursor(last).to_token())
    }

    /// The limit as answers carry it.
    pub fn wire_limit(&self) -> i32 {
        i32::try_from(self.limit).unwrap_or(MAX_LIMIT)
    }

    /// The offset as answers carry it.
    pub fn wire_offset(&self) -> i32 {
        i32::try_from(self.offset).unwrap_or(i32::MAX)
    }
}

impl Cursor {
    fn to_token(self) -> String {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.at.timestamp_micros().to_be_bytes());
        bytes[8..].copy_from_slice(self.id.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn from_token(token: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (micros, id) = bytes.split_at_checked(8)?;
        Some(Self {
            at: DateTime::from_timestamp_micros(i64::from_be_bytes(micros.try_into().ok()?))?,
            id: Uuid::from_slice(id).ok()?,
        })
    }
}

/// Judges the three paging fields that every list takes.
pub fn page(
    limit: Option<i32>,
    offset: Option<i32>,
    page_token: Option<&str>,
) -> Result<Page, Fault> {
    let limit = super::number("limit", limit.unwrap_or(MAX_LIMIT), 1, MAX_LIMIT)?;
    let offset = super::number("offset", offset.unwrap_or(0), 0, i32::MAX)?;
    let after = page_token
        .filter(|token| !token.is_empty())
        .map(|token| {
            Cursor::from_token(token).ok_or_else(|| {
                Fault::invalid("page_token", "MALFORMED", "not a token of this list")
            })
        })
        .transpose()?;
    if after.is_some() && offset != 0 {
        return Err(Fault::invalid(
            "offset",
            "EXCLUDED",
            "cannot be combined with page_token",
        ));
    }
    Ok(Page {
        limit: limit.into(),
        offset: offset.into(),
        after,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(id: u128) -> Cursor {
        let at = DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap();
        Cursor {
            at,
            id: Uuid::from_u128(id),
        }
    }

    #[test]
    fn a_cursor_survives_its_token() {
        let token = cursor(7).to_token();
        assert_eq!(
            page(None, None, Some(&token)).unwrap().after,
            Some(cursor(7))
        );
    }

    #[test]
    fn a_token_is_given_only_when_another_page_follows() {
        let page = page(Some(2), None, None).unwrap();
        assert_eq!(page.beyond().limit, 3);
        let (mut exact, mut more) = (vec![1, 2], vec![1, 2, 3]);
        assert_eq!(page.cut(&mut exact, |id| cursor(*id)), None);
        assert_eq!(
            page.cut(&mut more, |id| cursor(*id)),
            Some(cursor(2).to_token())
        );
        assert_eq!(more, [1, 2]);
    }

    #[test]
    fn bounds_are_refused_with_the_field() {
        assert_eq!(
            page(Some(201), None, None).unwrap_err().fields[0].field,
            "limit"
        );
        assert_eq!(
            page(Some(0), None, None).unwrap_err().fields[0].field,
            "limit"
        );
        assert_eq!(
            page(None, Some(-1), None).unwrap_err().fields[0].field,
            "offset"
        );
        assert_eq!(
            page(None, None, Some("x")).unwrap_err().fields[0].field,
            "page_token"
        );
    }
}
