//! From the bytes of a message to JSON, in one pass.
//!
//! Senders write fields by ascending number, so the pass goes through wire and plan side by side and writes what the wire
//! lacks in between. A message in another order, or with a field sent twice, is brought into order first: slower, same
//! result.

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_STANDARD};

use super::{
    Field, Plans, Reader, known,
    plan::{MapKey, Plan, Scalar, Shape, Step},
    text,
    wire::{self, unzigzag},
};

/// Why bytes are not the message that they should be.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("not a message of the contract: {0}")]
pub struct Broken(pub(super) &'static str);

/// How deep messages may be nested; the decoders of the mesh have the same bound.
pub(super) const DEPTH: u32 = 100;

impl Plans {
    pub(super) fn message(
        &self,
        place: usize,
        wire: &[u8],
        out: &mut Vec<u8>,
        depth: u32,
    ) -> Result<(), Broken> {
        if depth > DEPTH {
            return Err(Broken("nested too deep"));
        }
        let plan = &self.all[place];
        let start = out.len();
        if !self.in_order(plan, wire, out, depth)? {
            out.truncate(start);
            let ordered = ordered(plan, wire)?;
            if !self.in_order(plan, &ordered, out, depth)? {
                return Err(Broken("fields could not be ordered"));
            }
        }
        Ok(())
    }

    /// Writes a message whose fields ascend; `false`, with part of it written, when they do not.
    fn in_order(
        &self,
        plan: &Plan,
        wire: &[u8],
        out: &mut Vec<u8>,
        depth: u32,
    ) -> Result<bool, Broken> {
        let mut next = 0;
        let mut oneofs = 0_u64;
        let mut reader = Reader::new(wire);
        let mut field = reader.next_field()?;
        out.push(b'{');
        while let Some((number, value)) = field {
            while let Some(step) = plan.steps.get(next).filter(|step| step.number < number) {
                absent(step, out);
                next += 1;
            }
            let Some(step) = plan.steps.get(next).filter(|step| step.number == number) else {
                if plan.find(number).is_some() {
                    return Ok(false);
                }
                field = reader.next_field()?;
                continue;
            };
            if let Some(place) = step.oneof {
                if oneofs & (1 << place) != 0 {
                    return Ok(false);
                }
                oneofs |= 1 << place;
            }
            key(step, out);
            field = match step.shape {
                Shape::Single { .. } => {
                    self.value(&step.value, value, out, depth)?;
                    reader.next_field()?
                }
                Shape::List | Shape::Map { .. } => {
                    self.many(step, value, &mut reader, out, depth)?
                }
            };
            next += 1;
        }
        for step in &plan.steps[next..] {
            absent(step, out);
        }
        out.push(b'}');
        Ok(true)
    }

    /// Writes the run of a repeated field that begins with `first`, and answers the field after it.
    fn many<'a>(
        &self,
        step: &Step,
        first: Field<'a>,
        reader: &mut Reader<'a>,
        out: &mut Vec<u8>,
        depth: u32,
    ) -> Result<Option<(u32, Field<'a>)>, Broken> {
        out.push(opening(step.shape));
        let mut field = Some((step.number, first));
        while let Some((number, value)) = field
            && number == step.number
        {
            self.item(step, value, out, depth)?;
            field = reader.next_field()?;
        }
        out.push(closing(step.shape));
        Ok(field)
    }

    /// Writes one occurrence of a repeated field: an item, a pair, or a packed run of items.
    fn item(
        &self,
        step: &Step,
        field: Field<'_>,
        out: &mut Vec<u8>,
        depth: u32,
    ) -> Result<(), Broken> {
        if let Shape::Map { key } = step.shape {
            return self.pair(key, &step.value, field.bytes()?, out, depth);
        }
        let Some(unpack) = packed(&step.value) else {
            comma(out);
            return self.value(&step.value, field, out, depth);
        };
        let Field::Len(bytes) = field else {
            comma(out);
            return self.value(&step.value, field, out, depth);
        };
        let mut run = Reader::new(bytes);
        while !run.rest().is_empty() {
            let item = unpack(&mut run)?;
            comma(out);
            self.value(&step.value, item, out, depth)?;
        }
        Ok(())
    }

    fn pair(
        &self,
        kind: MapKey,
        value: &Scalar,
        entry: &[u8],
        out: &mut Vec<u8>,
        depth: u32,
    ) -> Result<(), Broken> {
        let (mut name, mut content) = (None, None);
        let mut reader = Reader::new(entry);
        while let Some((number, field)) = reader.next_field()? {
            match number {
                1 => name = Some(field),
                2 => content = Some(field),
                _ => {}
            }
        }
        comma(out);
        map_key(kind, name, out)?;
        out.push(b':');
        let content = content.unwrap_or(match value {
            Scalar::Fixed32 | Scalar::Sfixed32 | Scalar::Float => Field::Fixed32(0),
            Scalar::Fixed64 | Scalar::Sfixed64 | Scalar::Double => Field::Fixed64(0),
            Scalar::Bool | Scalar::Signed | Scalar::Unsigned | Scalar::Zigzag | Scalar::Word(_) => {
                Field::Varint(0)
            }
            _ => Field::Len(&[]),
        });
        self.value(value, content, out, depth)
    }

    fn value(
        &self,
        kind: &Scalar,
        field: Field<'_>,
        out: &mut Vec<u8>,
        depth: u32,
    ) -> Result<(), Broken> {
        match kind {
            Scalar::Bool => text::boolean(field.varint()? != 0, out),
            Scalar::Signed => text::integer(field.varint()? as i64, out),
            Scalar::Unsigned => text::integer(field.varint()?, out),
            Scalar::Zigzag => text::integer(unzigzag(field.varint()?), out),
            Scalar::Fixed32 => text::integer(field.fixed32()?, out),
            Scalar::Sfixed32 => text::integer(field.fixed32()? as i32, out),
            Scalar::Fixed64 => text::integer(field.fixed64()?, out),
            Scalar::Sfixed64 => text::integer(field.fixed64()? as i64, out),
            Scalar::Float => text::float(f32::from_bits(field.fixed32()?), out),
            Scalar::Double => text::double(f64::from_bits(field.fixed64()?), out),
            Scalar::Text => text::string(utf8(field.bytes()?)?, out),
            Scalar::Bytes => text::string(&BASE64_STANDARD.encode(field.bytes()?), out),
            Scalar::Word(words) => match field.varint()? as i32 {
                0 => out.extend_from_slice(b"null"),
                number => match words.word(number) {
                    Some(word) => text::string(word, out),
                    None => text::integer(number, out),
                },
            },
            Scalar::Timestamp => known::timestamp(field.bytes()?, out)?,
            Scalar::Duration => known::duration(field.bytes()?, out)?,
            Scalar::FieldMask => known::field_mask(field.bytes()?, out)?,
            Scalar::Struct => known::object(field.bytes()?, out, depth + 1)?,
            Scalar::List => known::list(field.bytes()?, out, depth + 1)?,
            Scalar::Value => known::value(field.bytes()?, out, depth + 1)?,
            Scalar::Message(place) => self.message(*place, field.bytes()?, out, depth + 1)?,
        }
        Ok(())
    }

    /// Writes one field of a message as a document of its own.
    pub(super) fn field(&self, step: &Step, wire: &[u8], out: &mut Vec<u8>) -> Result<(), Broken> {
        let mut reader = Reader::new(wire);
        let Shape::Single { absent } = step.shape else {
            out.push(opening(step.shape));
            while let Some((number, value)) = reader.next_field()? {
                if number == step.number {
                    self.item(step, value, out, 0)?;
                }
            }
            out.push(closing(step.shape));
            return Ok(());
        };
        let mut found: Option<(Field<'_>, Cow<'_, [u8]>)> = None;
        while let Some((number, value)) = reader.next_field()? {
            if number == step.number {
                found = Some((value, joined(step, found, value)));
            }
        }
        match found {
            Some((Field::Len(_), bytes)) => self.value(&step.value, Field::Len(&bytes), out, 0),
            Some((value, _)) => self.value(&step.value, value, out, 0),
            None => {
                out.extend_from_slice(absent.unwrap_or("null").as_bytes());
                Ok(())
            }
        }
    }
}

/// A message sent in parts is their concatenation; of anything else the last counts.
fn joined<'a>(
    step: &Step,
    before: Option<(Field<'a>, Cow<'a, [u8]>)>,
    value: Field<'a>,
) -> Cow<'a, [u8]> {
    match (before, value) {
        (Some((_, earlier)), Field::Len(bytes)) if step.value.is_message() => {
            Cow::Owned([&earlier[..], bytes].concat())
        }
        (_, Field::Len(bytes)) => Cow::Borrowed(bytes),
        _ => Cow::Borrowed(&[]),
    }
}

impl Scalar {
    fn is_message(&self) -> bool {
        matches!(
            self,
            Self::Timestamp
                | Self::Duration
                | Self::FieldMask
                | Self::Struct
                | Self::List
                | Self::Value
                | Self::Message(_)
        )
    }
}

/// The same message with its fields ascending, each singular one once and of each `oneof` the member that was sent last.
fn ordered(plan: &Plan, wire: &[u8]) -> Result<Vec<u8>, Broken> {
    let mut singles: Vec<Option<(Field<'_>, Cow<'_, [u8]>)>> = vec![None; plan.steps.len()];
    let mut repeated = Vec::new();
    let mut reader = Reader::new(wire);
    while let Some((number, value)) = reader.next_field()? {
        let Some(place) = plan.find(number) else {
            continue;
        };
        let step = &plan.steps[place];
        if !matches!(step.shape, Shape::Single { .. }) {
            repeated.push((place, value));
            continue;
        }
        if step.oneof.is_some() {
            for (other, _) in plan
                .steps
                .iter()
                .enumerate()
                .filter(|(_, other)| other.oneof == step.oneof)
            {
                if other != place {
                    singles[other] = None;
                }
            }
        }
        let before = singles[place].take();
        singles[place] = Some((value, joined(step, before, value)));
    }
    repeated.sort_by_key(|(place, _)| *place);
    let mut repeated = repeated.into_iter().peekable();
    let mut out = Vec::with_capacity(wire.len());
    for (place, single) in singles.iter().enumerate() {
        let number = plan.steps[place].number;
        match single {
            Some((Field::Len(_), bytes)) => wire::put(&mut out, number, Field::Len(bytes)),
            Some((value, _)) => wire::put(&mut out, number, *value),
            None => {}
        }
        while let Some((_, value)) = repeated.next_if(|(at, _)| *at == place) {
            wire::put(&mut out, number, value);
        }
    }
    Ok(out)
}

type Unpack = for<'a> fn(&mut Reader<'a>) -> Result<Field<'a>, Broken>;

/// How to read one item of a packed run; `None` for what is never packed.
fn packed(kind: &Scalar) -> Option<Unpack> {
    match kind {
        Scalar::Bool | Scalar::Signed | Scalar::Unsigned | Scalar::Zigzag | Scalar::Word(_) => {
            Some(|run| run.varint().map(Field::Varint))
        }
        Scalar::Fixed32 | Scalar::Sfixed32 | Scalar::Float => Some(|run| {
            run.array()
                .map(|bytes| Field::Fixed32(u32::from_le_bytes(bytes)))
        }),
        Scalar::Fixed64 | Scalar::Sfixed64 | Scalar::Double => Some(|run| {
            run.array()
                .map(|bytes| Field::Fixed64(u64::from_le_bytes(bytes)))
        }),
        _ => None,
    }
}

fn map_key(kind: MapKey, field: Option<Field<'_>>, out: &mut Vec<u8>) -> Result<(), Broken> {
    if kind == MapKey::Text {
        let name = field.map_or(Ok(&[][..]), Field::bytes)?;
        text::string(utf8(name)?, out);
        return Ok(());
    }
    let number = field.map_or(Ok(0), Field::varint)?;
    out.push(b'"');
    match kind {
        MapKey::Unsigned => text::integer(number, out),
        MapKey::Signed => text::integer(number as i64, out),
        MapKey::Boolean => text::boolean(number != 0, out),
        MapKey::Text | MapKey::Other => return Err(Broken("a map with keys of an unusual kind")),
    }
    out.push(b'"');
    Ok(())
}

pub(super) fn utf8(bytes: &[u8]) -> Result<&str, Broken> {
    std::str::from_utf8(bytes).map_err(|_| Broken("a string is not UTF-8"))
}

fn key(step: &Step, out: &mut Vec<u8>) {
    comma(out);
    out.extend_from_slice(&step.key);
}

/// Separates from what stands before, unless that is the opening of the list or object.
pub(super) fn comma(out: &mut Vec<u8>) {
    if !matches!(out.last(), Some(b'{' | b'[')) {
        out.push(b',');
    }
}

fn absent(step: &Step, out: &mut Vec<u8>) {
    let text = match step.shape {
        Shape::Single { absent: None } => return,
        Shape::Single { absent: Some(text) } => text,
        Shape::List => "[]",
        Shape::Map { .. } => "{}",
    };
    key(step, out);
    out.extend_from_slice(text.as_bytes());
}

fn opening(shape: Shape) -> u8 {
    if shape == Shape::List { b'[' } else { b'{' }
}

fn closing(shape: Shape) -> u8 {
    if shape == Shape::List { b']' } else { b'}' }
}
