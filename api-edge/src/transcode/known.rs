//! The well-known types, each with a JSON of its own.

use std::borrow::Cow;

use super::{
    Field, Reader,
    response::{Broken, DEPTH, comma, utf8},
    text, time,
};

/// `google.protobuf.Timestamp` and `Duration` have the same two fields.
fn seconds_and_nanos(wire: &[u8]) -> Result<(i64, i32), Broken> {
    let (mut seconds, mut nanos) = (0, 0);
    let mut reader = Reader::new(wire);
    while let Some((number, field)) = reader.next_field()? {
        match number {
            1 => seconds = field.varint()? as i64,
            2 => nanos = field.varint()? as i32,
            _ => {}
        }
    }
    Ok((seconds, nanos))
}

pub(super) fn timestamp(wire: &[u8], out: &mut Vec<u8>) -> Result<(), Broken> {
    let (seconds, nanos) = seconds_and_nanos(wire)?;
    time::write(seconds, nanos, out);
    Ok(())
}

/// Seconds with a fraction and `s`.
pub(super) fn duration(wire: &[u8], out: &mut Vec<u8>) -> Result<(), Broken> {
    let (seconds, nanos) = seconds_and_nanos(wire)?;
    let sign = if seconds < 0 || nanos < 0 { "-" } else { "" };
    let mut written = format!("{sign}{}", seconds.unsigned_abs());
    if nanos != 0 {
        written += format!(".{:09}", nanos.unsigned_abs()).trim_end_matches('0');
    }
    text::string(&(written + "s"), out);
    Ok(())
}

/// Names, comma-separated.
pub(super) fn field_mask(wire: &[u8], out: &mut Vec<u8>) -> Result<(), Broken> {
    let mut names = Vec::new();
    let mut reader = Reader::new(wire);
    while let Some((number, field)) = reader.next_field()? {
        if number == 1 {
            names.push(utf8(field.bytes()?)?);
        }
    }
    text::string(&names.join(","), out);
    Ok(())
}

pub(super) fn object(wire: &[u8], out: &mut Vec<u8>, depth: u32) -> Result<(), Broken> {
    out.push(b'{');
    let mut reader = Reader::new(wire);
    while let Some((number, field)) = reader.next_field()? {
        if number != 1 {
            continue;
        }
        let (mut name, mut content) = (&[][..], &[][..]);
        let mut entry = Reader::new(field.bytes()?);
        while let Some((number, field)) = entry.next_field()? {
            match number {
                1 => name = field.bytes()?,
                2 => content = field.bytes()?,
                _ => {}
            }
        }
        comma(out);
        text::string(utf8(name)?, out);
        out.push(b':');
        value(content, out, depth + 1)?;
    }
    out.push(b'}');
    Ok(())
}

pub(super) fn list(wire: &[u8], out: &mut Vec<u8>, depth: u32) -> Result<(), Broken> {
    out.push(b'[');
    let mut reader = Reader::new(wire);
    while let Some((number, field)) = reader.next_field()? {
        if number == 1 {
            comma(out);
            value(field.bytes()?, out, depth + 1)?;
        }
    }
    out.push(b']');
    Ok(())
}

/// `google.protobuf.Value`, a `oneof` of six kinds: the last one sent counts, and parts of a list or object add up.
pub(super) fn value(wire: &[u8], out: &mut Vec<u8>, depth: u32) -> Result<(), Broken> {
    if depth > DEPTH {
        return Err(Broken("nested too deep"));
    }
    let mut kind = 1;
    let mut last = Field::Varint(0);
    let mut parts = Cow::Borrowed(&[][..]);
    let mut reader = Reader::new(wire);
    while let Some((number, field)) = reader.next_field()? {
        if !(1..=6).contains(&number) {
            continue;
        }
        if let Field::Len(bytes) = field {
            parts = match number {
                5 | 6 if number == kind => Cow::Owned([&parts[..], bytes].concat()),
                _ => Cow::Borrowed(bytes),
            };
        }
        (kind, last) = (number, field);
    }
    match kind {
        2 => text::double(f64::from_bits(last.fixed64()?), out),
        3 => text::string(utf8(last.bytes()?)?, out),
        4 => text::boolean(last.varint()? != 0, out),
        5 => last.bytes().and_then(|_| object(&parts, out, depth + 1))?,
        6 => last.bytes().and_then(|_| list(&parts, out, depth + 1))?,
        _ => out.extend_from_slice(b"null"),
    }
    Ok(())
}
