//! One request, out of the four places a caller may put its fields: path, body, query and headers.

use std::collections::HashSet;

use chassis::Violation;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value as Json};

use super::{
    Field, query,
    value::{At, Faults, encode},
    wire,
};

/// What of a request the JSON body holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// The body is not looked at.
    Ignored,
    Whole,
    Field(FieldDescriptor),
}

/// How requests of one route become messages.
#[derive(Clone, Debug)]
pub struct Input {
    message: MessageDescriptor,
    /// Fields that the path holds, in the order of the pattern.
    path: Vec<FieldDescriptor>,
    body: Body,
    mask: Option<FieldDescriptor>,
}

/// What a caller sent.
#[derive(Debug, Default)]
pub struct Request<'a> {
    /// Values of the pattern's fields, in its order, decoded.
    pub path: &'a [String],
    /// The raw query string.
    pub query: &'a str,
    pub body: Option<&'a Map<String, Json>>,
    /// Whole numbers that headers hold (`Last-Event-ID`), by the field that they stand for; ignored when the request has
    /// no such field.
    pub headers: &'a [(&'static str, i64)],
}

impl Input {
    pub fn new(message: MessageDescriptor, path: Vec<FieldDescriptor>, body: Body) -> Self {
        let mask = message.get_field_by_name("update_mask").filter(|field| {
            matches!(field.kind(), Kind::Message(kind) if kind.full_name() == "google.protobuf.FieldMask")
        });
        Self {
            message,
            path,
            body,
            mask,
        }
    }

    pub fn body(&self) -> &Body {
        &self.body
    }

    pub fn path(&self) -> &[FieldDescriptor] {
        &self.path
    }

    pub fn message(&self) -> &MessageDescriptor {
        &self.message
    }

    /// Whether requests have a field of this name.
    pub fn has(&self, name: &str) -> bool {
        self.message.get_field_by_name(name).is_some()
    }

    /// Fields that a caller may name in the query: all that the path does not hold, the mask apart.
    pub fn query_fields(&self) -> impl Iterator<Item = FieldDescriptor> + '_ {
        self.message
            .fields()
            .filter(|field| !self.path.contains(field) && self.mask.as_ref() != Some(field))
    }

    /// Encodes a request. Of a field that is given twice the path goes first, then headers, body and query: a
    /// browser that reconnects repeats its query and says in a header how far it came.
    ///
    /// # Errors
    /// Every violation, in that order.
    pub fn encode(&self, request: &Request<'_>) -> Result<Vec<u8>, Vec<Violation>> {
        let mut out = Vec::with_capacity(256);
        let mut faults = Faults::default();
        let mut taken: HashSet<u32> = self.path.iter().map(FieldDescriptor::number).collect();
        taken.extend(self.mask.as_ref().map(FieldDescriptor::number));

        for (field, text) in self.path.iter().zip(request.path) {
            encode(
                field,
                &query::json(field, text),
                At::Name(None, field.name()),
                &mut out,
                &mut faults,
            );
        }
        for (name, number) in request.headers {
            if let Some(field) = self.message.get_field_by_name(name)
                && taken.insert(field.number())
            {
                encode(
                    &field,
                    &Json::from(*number),
                    At::Name(None, name),
                    &mut out,
                    &mut faults,
                );
            }
        }
        if let Some(body) = request.body {
            self.body_fields(body, &mut taken, &mut out, &mut faults);
        }
        for (field, value) in query::fields(request.query, &self.message, &mut taken, &mut faults) {
            encode(
                &field,
                &value,
                At::Name(None, field.name()),
                &mut out,
                &mut faults,
            );
        }
        faults.into_result(out)
    }

    fn body_fields(
        &self,
        body: &Map<String, Json>,
        taken: &mut HashSet<u32>,
        out: &mut Vec<u8>,
        faults: &mut Faults,
    ) {
        match &self.body {
            Body::Ignored => {}
            Body::Field(field) => {
                taken.insert(field.number());
                encode(
                    field,
                    &Json::Object(body.clone()),
                    At::Name(None, field.name()),
                    out,
                    faults,
                );
            }
            Body::Whole => {
                let mut mask = Vec::new();
                for (name, value) in body {
                    let Some(field) = self.message.get_field_by_name(name) else {
                        continue;
                    };
                    if !taken.insert(field.number()) {
                        continue;
                    }
                    encode(&field, value, At::Name(None, name), out, faults);
                    // Over REST a list that is null stays as it is; an empty one is emptied.
                    if !(value.is_null() && field.is_list()) {
                        wire::put(&mut mask, 1, Field::Len(name.as_bytes()));
                    }
                }
                if let Some(field) = &self.mask {
                    wire::put(out, field.number(), Field::Len(&mask));
                }
            }
        }
    }
}
