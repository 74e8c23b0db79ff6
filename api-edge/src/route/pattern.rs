//! Paths with fields in them: `/api/v1/boards/{board_id}/tasks`.

use std::fmt;

use percent_encoding::percent_decode_str;

/// A path pattern. A field is one whole segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Literal(String),
    Field(String),
}

impl Pattern {
    /// Reads a pattern of `google.api.http`; wildcards and verbs after a colon are not part of our contract.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let path = text
            .strip_prefix('/')
            .ok_or_else(|| format!("`{text}` does not begin with a slash"))?;
        let segments = path.split('/').map(|segment| {
            let field = segment
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'));
            let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
            match field.unwrap_or(segment) {
                name if name.is_empty() || !name.chars().all(plain) => Err(format!(
                    "`{text}` holds the segment `{segment}`, which the edge does not understand"
                )),
                name if field.is_some() => Ok(Segment::Field(name.to_owned())),
                name => Ok(Segment::Literal(name.to_owned())),
            }
        });
        Ok(Self {
            segments: segments.collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Names of the fields, in order.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Field(name) => Some(name.as_str()),
            Segment::Literal(_) => None,
        })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            match segment {
                Segment::Literal(text) => write!(f, "/{text}")?,
                Segment::Field(name) => write!(f, "/{{{name}}}")?,
            }
        }
        Ok(())
    }
}

/// The segments of a request's path, decoded. What is not UTF-8 stays as the replacement character, which no id holds.
pub(super) fn split(path: &str) -> Vec<String> {
    path.strip_prefix('/')
        .unwrap_or(path)
        .split('/')
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect()
}
