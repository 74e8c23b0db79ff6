//! What a gateway says when it refuses, and what that means: the one place that reads its words.

use std::time::Duration;

use crate::error::Error;

/// The error of a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub code: String,
    /// `details.code`, which only newer gateways send.
    pub detail_code: Option<String>,
    pub request_id: Option<String>,
    pub missing_scope: Option<String>,
    pub message: String,
    pub retryable: bool,
    pub retry_after: Option<Duration>,
}

/// What a refusal is about. Gateways have no code of their own for most of these, only words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Matter {
    NoSuchAgent,
    AgentExists,
    UnsupportedFile,
    /// A link, or written by somebody else at this moment: by a request of ours whose response was lost, for example.
    UnsafeFile,
    /// The configuration moved since it was read.
    StaleConfiguration,
    InvalidConfiguration,
    MainSession,
    LabelTaken,
    UnknownMethod,
    DeviceRequired,
    Pairing,
    Protocol,
    Scope,
    Unauthorized,
    /// Later, perhaps.
    Busy,
    Other,
}

/// Codes first, then words; the first line that fits decides. The words are in lower case.
const TABLE: &[(Sign, Matter)] = &[
    (Sign::Detail("PAIRING_REQUIRED"), Matter::Pairing),
    (
        Sign::Detail("DEVICE_IDENTITY_REQUIRED"),
        Matter::DeviceRequired,
    ),
    (
        Sign::Detail("CONTROL_UI_DEVICE_IDENTITY_REQUIRED"),
        Matter::DeviceRequired,
    ),
    (
        Sign::Detail("CONTROL_UI_ORIGIN_NOT_ALLOWED"),
        Matter::DeviceRequired,
    ),
    (Sign::Detail("PROTOCOL_MISMATCH"), Matter::Protocol),
    (Sign::Detail("MISSING_SCOPE"), Matter::Scope),
    (Sign::DetailStart("AUTH_"), Matter::Unauthorized),
    (Sign::DetailStart("DEVICE_AUTH_"), Matter::Unauthorized),
    (
        Sign::Start("device identity required"),
        Matter::DeviceRequired,
    ),
    (Sign::Start("control ui requires"), Matter::DeviceRequired),
    (Sign::Start("origin not allowed"), Matter::DeviceRequired),
    (Sign::Start("pairing required"), Matter::Pairing),
    (Sign::Start("protocol mismatch"), Matter::Protocol),
    (Sign::Start("missing scope:"), Matter::Scope),
    (Sign::Start("unauthorized role"), Matter::Scope),
    (Sign::Start("unauthorized"), Matter::Unauthorized),
    (Sign::Start("device signature"), Matter::Unauthorized),
    (Sign::Start("device nonce"), Matter::Unauthorized),
    (
        Sign::Start("device identity mismatch"),
        Matter::Unauthorized,
    ),
    (Sign::Start("invalid connect params"), Matter::Protocol),
    (Sign::Start("unsupported file"), Matter::UnsupportedFile),
    (Sign::Start("unsafe workspace file"), Matter::UnsafeFile),
    (
        Sign::Start("config changed since last load"),
        Matter::StaleConfiguration,
    ),
    (
        Sign::Start("config base hash required"),
        Matter::StaleConfiguration,
    ),
    (Sign::Start("invalid config"), Matter::InvalidConfiguration),
    (
        Sign::Start("cannot delete the main session"),
        Matter::MainSession,
    ),
    (Sign::Start("label already in use"), Matter::LabelTaken),
    (Sign::Start("unknown method"), Matter::UnknownMethod),
    (Sign::Start("unknown agent"), Matter::NoSuchAgent),
    (Sign::Quoted("agent", "not found"), Matter::NoSuchAgent),
    (
        Sign::Quoted("agent", "no longer exists in configuration"),
        Matter::NoSuchAgent,
    ),
    (Sign::Quoted("agent", "already exists"), Matter::AgentExists),
    (Sign::Code("NOT_PAIRED"), Matter::Pairing),
    (Sign::Code("FORBIDDEN"), Matter::Scope),
    (Sign::Code("UNAVAILABLE"), Matter::Busy),
];

enum Sign {
    Code(&'static str),
    Detail(&'static str),
    DetailStart(&'static str),
    Start(&'static str),
    /// `agent "x" not found`, whatever stands between the quotes.
    Quoted(&'static str, &'static str),
}

impl Refusal {
    /// What it is about.
    pub(crate) fn matter(&self) -> Matter {
        let words = self.message.to_lowercase();
        TABLE
            .iter()
            .find(|(sign, _)| match sign {
                Sign::Code(code) => self.code == *code,
                Sign::Detail(code) => self.detail_code.as_deref() == Some(code),
                Sign::DetailStart(start) => self
                    .detail_code
                    .as_deref()
                    .is_some_and(|code| code.starts_with(start)),
                Sign::Start(start) => words.starts_with(start),
                Sign::Quoted(thing, what) => words
                    .strip_prefix(thing)
                    .and_then(|rest| rest.trim_start().strip_prefix('"'))
                    .and_then(|rest| rest.split_once('"'))
                    .is_some_and(|(_, rest)| rest.trim_start().starts_with(what)),
            })
            .map_or(
                if self.retryable {
                    Matter::Busy
                } else {
                    Matter::Other
                },
                |(_, matter)| *matter,
            )
    }

    /// The refusal as callers see it. `secret` is what must not be repeated, should the gateway have done so.
    pub(crate) fn to_error(&self, method: &str, secret: Option<&str>) -> Error {
        match self.matter() {
            Matter::Pairing | Matter::DeviceRequired => Error::PairingRequired {
                request_id: self.request_id.as_deref().map(|id| printable(id, secret)),
            },
            Matter::Protocol => {
                Error::Incompatible("it speaks none of the protocols 3 and 4".into())
            }
            Matter::Scope => Error::ScopeMissing {
                scope: self.scope(),
            },
            Matter::Unauthorized => Error::Unauthorized,
            Matter::Busy => Error::Busy {
                retry_after: self.retry_after,
            },
            Matter::UnknownMethod => Error::Unsupported {
                method: method.to_owned(),
            },
            Matter::NoSuchAgent => Error::NoSuchAgent,
            Matter::UnsafeFile => Error::FileUnsafe {
                method: method.to_owned(),
                message: printable(&self.message, secret),
            },
            Matter::AgentExists
            | Matter::UnsupportedFile
            | Matter::StaleConfiguration
            | Matter::InvalidConfiguration
            | Matter::MainSession
            | Matter::LabelTaken
            | Matter::Other => Error::Refused {
                method: method.to_owned(),
                message: printable(&self.message, secret),
            },
        }
    }

    fn scope(&self) -> String {
        let told = self
            .message
            .split_once("missing scope:")
            .map(|(_, scope)| scope.trim());
        let scope = self
            .missing_scope
            .as_deref()
            .or(told)
            .unwrap_or("operator.admin");
        printable(scope, None)
    }
}

/// A gateway's words, short, on one line and without the secret.
pub(crate) fn printable(words: &str, secret: Option<&str>) -> String {
    let words = match secret.filter(|secret| !secret.is_empty()) {
        Some(secret) => words.replace(secret, "[secret]"),
        None => words.to_owned(),
    };
    words
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(200)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: &str, detail: Option<&str>, message: &str) -> Refusal {
        Refusal {
            code: code.into(),
            detail_code: detail.map(str::to_owned),
            message: message.into(),
            ..Refusal::default()
        }
    }

    #[test]
    fn refusals_of_every_version_are_understood() {
        let invalid = "INVALID_REQUEST";
        let table = [
            (
                invalid,
                None,
                "unauthorized: gateway token mismatch (x)",
                Matter::Unauthorized,
            ),
            (
                invalid,
                Some("AUTH_TOKEN_MISSING"),
                "reworded one day",
                Matter::Unauthorized,
            ),
            (
                invalid,
                None,
                "device signature invalid",
                Matter::Unauthorized,
            ),
            (
                invalid,
                Some("DEVICE_AUTH_NONCE_MISMATCH"),
                "device nonce mismatch",
                Matter::Unauthorized,
            ),
            ("NOT_PAIRED", None, "pairing required", Matter::Pairing),
            (
                "NOT_PAIRED",
                Some("PAIRING_REQUIRED"),
                "pairing required: device is not approved yet",
                Matter::Pairing,
            ),
            (
                "NOT_PAIRED",
                None,
                "device identity required",
                Matter::DeviceRequired,
            ),
            (invalid, None, "protocol mismatch", Matter::Protocol),
            (
                invalid,
                None,
                "invalid connect params: at root: unexpected property 'foo'",
                Matter::Protocol,
            ),
            (
                invalid,
                None,
                "missing scope: operator.admin",
                Matter::Scope,
            ),
            (
                "FORBIDDEN",
                Some("MISSING_SCOPE"),
                "missing scope: operator.read",
                Matter::Scope,
            ),
            (
                invalid,
                None,
                "agent \"mc-1\" already exists",
                Matter::AgentExists,
            ),
            (
                invalid,
                None,
                "agent \"mc-1\" not found",
                Matter::NoSuchAgent,
            ),
            (invalid, None, "unknown agent id", Matter::NoSuchAgent),
            (
                invalid,
                None,
                "Agent \"mc-1\" no longer exists in configuration",
                Matter::NoSuchAgent,
            ),
            (
                invalid,
                None,
                "unsupported file \"TOOLS.md\"",
                Matter::UnsupportedFile,
            ),
            (
                invalid,
                None,
                "unsafe workspace file \"IDENTITY.md\"",
                Matter::UnsafeFile,
            ),
            (
                invalid,
                None,
                "config changed since last load; re-run config.get and retry",
                Matter::StaleConfiguration,
            ),
            (
                invalid,
                None,
                "Cannot delete the main session (agent:x:main).",
                Matter::MainSession,
            ),
            (
                invalid,
                None,
                "unknown method: agents.files.delete",
                Matter::UnknownMethod,
            ),
            (
                "UNAVAILABLE",
                None,
                "rate limit exceeded for config.patch; retry after 45s",
                Matter::Busy,
            ),
            (
                "UNAVAILABLE",
                None,
                "gateway starting; retry shortly",
                Matter::Busy,
            ),
            (invalid, None, "something new", Matter::Other),
        ];
        for (code, detail, message, matter) in table {
            assert_eq!(refusal(code, detail, message).matter(), matter, "{message}");
        }
    }

    #[test]
    fn a_secret_is_not_repeated() {
        let error = refusal("X", None, "no\nsuch thing: s3cret!").to_error("m", Some("s3cret!"));
        assert_eq!(
            error.to_string(),
            "the gateway refused m: no such thing: [secret]"
        );
    }

    #[test]
    fn a_missing_scope_is_named() {
        let error =
            refusal("INVALID_REQUEST", None, "missing scope: operator.write").to_error("m", None);
        assert!(matches!(error, Error::ScopeMissing { scope } if scope == "operator.write"));
    }
}
