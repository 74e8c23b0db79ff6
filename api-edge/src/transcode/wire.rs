//! The protobuf encoding itself: tags, varints and lengths, read and written without knowing any message.

use super::Broken;

/// The value of one field as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Field<'a> {
    Varint(u64),
    Fixed64(u64),
    Len(&'a [u8]),
    Fixed32(u32),
}

impl<'a> Field<'a> {
    pub(super) fn varint(self) -> Result<u64, Broken> {
        match self {
            Self::Varint(value) => Ok(value),
            _ => Err(Broken("a varint was expected")),
        }
    }

    pub(super) fn fixed64(self) -> Result<u64, Broken> {
        match self {
            Self::Fixed64(value) => Ok(value),
            _ => Err(Broken("eight bytes were expected")),
        }
    }

    pub(super) fn fixed32(self) -> Result<u32, Broken> {
        match self {
            Self::Fixed32(value) => Ok(value),
            _ => Err(Broken("four bytes were expected")),
        }
    }

    pub(super) fn bytes(self) -> Result<&'a [u8], Broken> {
        match self {
            Self::Len(bytes) => Ok(bytes),
            _ => Err(Broken("a length was expected")),
        }
    }
}

/// Reads the fields of one message in the order of the wire.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The next field with its number; `None` at the end of the message.
    ///
    /// # Errors
    /// When the bytes are no protobuf message.
    pub fn next_field(&mut self) -> Result<Option<(u32, Field<'a>)>, Broken> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).map_err(|_| Broken("a field number is too large"))?;
        let field = match tag & 7 {
            0 => Field::Varint(self.varint()?),
            1 => Field::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length =
                    usize::try_from(self.varint()?).map_err(|_| Broken("a length is too large"))?;
                Field::Len(self.take(length)?)
            }
            5 => Field::Fixed32(u32::from_le_bytes(self.array()?)),
            _ => return Err(Broken("an unknown wire type")),
        };
        Ok(Some((number, field)))
    }

    /// What has not been read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn varint(&mut self) -> Result<u64, Broken> {
        let mut value = 0_u64;
        for (index, &byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        Err(Broken("a varint does not end"))
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Broken> {
        let (head, tail) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(Broken("the message is cut short"))?;
        self.rest = tail;
        Ok(*head)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Broken> {
        let (head, tail) = self
            .rest
            .split_at_checked(length)
            .ok_or(Broken("the message is cut short"))?;
        self.rest = tail;
        Ok(head)
    }
}

pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(super) fn put(out: &mut Vec<u8>, number: u32, field: Field<'_>) {
    let tag = u64::from(number) << 3;
    match field {
        Field::Varint(value) => {
            put_varint(out, tag);
            put_varint(out, value);
        }
        Field::Fixed64(value) => {
            put_varint(out, tag | 1);
            out.extend_from_slice(&value.to_le_bytes());
        }
        Field::Len(bytes) => {
            put_varint(out, tag | 2);
            put_varint(out, bytes.len() as u64);
            out.extend_from_slice(bytes);
        }
        Field::Fixed32(value) => {
            put_varint(out, tag | 5);
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
}

/// Small numbers of either sign as small varints.
pub(super) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

pub(super) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}
