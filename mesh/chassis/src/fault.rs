//! How failures travel: an error says its code and reason once, and every protocol tells it in its own way.

mod wire;

use std::{collections::BTreeMap, error::Error, fmt, time::Duration};

use serde_json::{Map, Value};

use crate::db;

pub use wire::read;

/// The nine ways in which a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The request is wrong in itself.
    Invalid,
    /// No credential, or one that is not ours.
    Unauthenticated,
    /// The caller is known and may not.
    Forbidden,
    /// Absent, or not for this caller to see.
    NotFound,
    /// Would be the second of something unique.
    AlreadyExists,
    /// The thing is not in a state that allows it.
    Conflict,
    /// Too often or too much.
    TooMany,
    /// Something needed is away; the same request may succeed later.
    Unavailable,
    /// Our fault.
    Internal,
}

impl Code {
    /// The code on gRPC.
    pub const fn grpc(self) -> tonic::Code {
        match self {
            Self::Invalid => tonic::Code::InvalidArgument,
            Self::Unauthenticated => tonic::Code::Unauthenticated,
            Self::Forbidden => tonic::Code::PermissionDenied,
            Self::NotFound => tonic::Code::NotFound,
            Self::AlreadyExists => tonic::Code::AlreadyExists,
            Self::Conflict => tonic::Code::FailedPrecondition,
            Self::TooMany => tonic::Code::ResourceExhausted,
            Self::Unavailable => tonic::Code::Unavailable,
            Self::Internal => tonic::Code::Internal,
        }
    }

    /// The status on HTTP.
    pub const fn http(self) -> u16 {
        match self {
            Self::Invalid => 422,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::AlreadyExists | Self::Conflict => 409,
            Self::TooMany => 429,
            Self::Unavailable => 503,
            Self::Internal => 500,
        }
    }

    /// The code that a gRPC code stands for.
    pub const fn from_grpc(code: tonic::Code) -> Self {
        match code {
            tonic::Code::InvalidArgument | tonic::Code::OutOfRange => Self::Invalid,
            tonic::Code::Unauthenticated => Self::Unauthenticated,
            tonic::Code::PermissionDenied => Self::Forbidden,
            tonic::Code::NotFound | tonic::Code::Unimplemented => Self::NotFound,
            tonic::Code::AlreadyExists => Self::AlreadyExists,
            tonic::Code::FailedPrecondition | tonic::Code::Aborted => Self::Conflict,
            tonic::Code::ResourceExhausted => Self::TooMany,
            tonic::Code::Unavailable | tonic::Code::DeadlineExceeded | tonic::Code::Cancelled => {
                Self::Unavailable
            }
            tonic::Code::Ok
            | tonic::Code::Unknown
            | tonic::Code::DataLoss
            | tonic::Code::Internal => Self::Internal,
        }
    }

    /// Whether the same request may succeed later.
    pub const fn retryable(self) -> bool {
        matches!(self, Self::TooMany | Self::Unavailable)
    }
}

/// A field of the request that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field, as the request names it: `title`, `items[2].id`.
    pub field: String,
    /// UPPER_SNAKE.
    pub reason: String,
    /// For people.
    pub message: String,
}

/// An error that can be told to a caller.
pub trait Explain: Error {
    /// Which of the nine it is.
    fn code(&self) -> Code;
    /// What exactly, UPPER_SNAKE and stable: programs branch on it.
    fn reason(&self) -> &str;
    /// Fields that are wrong.
    fn fields(&self) -> Vec<Violation> {
        Vec::new()
    }
    /// Facts of the case, by the name under which clients find them.
    fn facts(&self) -> Map<String, Value> {
        Map::new()
    }
    /// When trying again makes sense.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// Reason of a request of which nothing was done, because others changed the same things at the same moment. Such a request
/// is tried again before its caller hears of it.
pub const COLLISION: &str = "TRANSACTION_COLLISION";

/// Tells an error to a gRPC caller. An internal one is logged here, once, with its chain, and its text stays here.
pub fn status<E: Explain>(error: &E) -> tonic::Status {
    if error.code() != Code::Internal {
        return wire::write(error);
    }
    if is_collision(error) {
        tracing::warn!(error = %chain(error), "a transaction was given up for another");
        let message = "others changed the same things at the same moment; try again";
        return wire::write(&Fault::new(Code::Unavailable, COLLISION, message));
    }
    tracing::error!(error = %chain(error), "request failed");
    wire::write(error)
}

fn is_collision(error: &dyn Error) -> bool {
    let mut source = error.source();
    while let Some(inner) = source {
        if inner.downcast_ref().is_some_and(db::is_deadlock) {
            return true;
        }
        source = inner.source();
    }
    false
}

/// An error with its sources, outermost first.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        source = inner.source();
    }
    text
}

/// A failure as plain data: what services raise in the simple cases and what callers read back.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub code: Code,
    pub reason: String,
    pub message: String,
    pub fields: Vec<Violation>,
    pub facts: BTreeMap<String, Value>,
    pub retry_after: Option<Duration>,
}

impl Fault {
    /// A failure without fields or facts.
    pub fn new(code: Code, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.into(),
            message: message.into(),
            fields: Vec::new(),
            facts: BTreeMap::new(),
            retry_after: None,
        }
    }

    /// One field is wrong. The reason of the whole is `INVALID_REQUEST`; the field carries its own.
    pub fn invalid(
        field: impl Into<String>,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        let (field, message) = (field.into(), message.into());
        let mut fault = Self::new(
            Code::Invalid,
            "INVALID_REQUEST",
            format!("{field}: {message}"),
        );
        fault.fields.push(Violation {
            field,
            reason: reason.into(),
            message,
        });
        fault
    }

    /// The request as a whole is wrong in a way that programs branch on.
    pub fn rejected(reason: &str, field: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let mut fault = Self::new(Code::Invalid, reason, message.clone());
        fault.fields.push(Violation {
            field: field.to_owned(),
            reason: reason.to_owned(),
            message,
        });
        fault
    }

    pub fn unauthenticated(reason: &str, message: impl Into<String>) -> Self {
        Self::new(Code::Unauthenticated, reason, message)
    }

    pub fn forbidden(reason: &str, message: impl Into<String>) -> Self {
        Self::new(Code::Forbidden, reason, message)
    }

    pub fn not_found(reason: &str, message: impl Into<String>) -> Self {
        Self::new(Code::NotFound, reason, message)
    }

    pub fn already_exists(reason: &str, message: impl Into<String>) -> Self {
        Self::new(Code::AlreadyExists, reason, message)
    }

    pub fn conflict(reason: &str, message: impl Into<String>) -> Self {
        Self::new(Code::Conflict, reason, message)
    }

    pub fn too_many(reason: &str, message: impl Into<String>) -> Self {
        Self::new(Code::TooMany, reason, message)
    }

    pub fn unavailable(reason: &str, message: impl Into<String>) -> Self {
        Self::new(Code::Unavailable, reason, message)
    }

    /// Our fault. Logged here with the chain of its cause; the caller learns only that it happened.
    pub fn internal(cause: &dyn Error) -> Self {
        tracing::error!(error = %chain(cause), "request failed");
        Self::new(Code::Internal, "INTERNAL", "internal error")
    }

    /// Adds a fact of the case.
    #[must_use]
    pub fn with_fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    /// The reason as REST clients read it: `task_not_found`.
    pub fn rest_code(&self) -> String {
        self.reason.to_ascii_lowercase()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Fault {}

impl Explain for Fault {
    fn code(&self) -> Code {
        self.code
    }
    fn reason(&self) -> &str {
        &self.reason
    }
    fn fields(&self) -> Vec<Violation> {
        self.fields.clone()
    }
    fn facts(&self) -> Map<String, Value> {
        self.facts.clone().into_iter().collect()
    }
    fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl From<Fault> for tonic::Status {
    fn from(fault: Fault) -> Self {
        wire::write(&fault)
    }
}

impl From<tonic::Status> for Fault {
    fn from(status: tonic::Status) -> Self {
        read(&status)
    }
}
