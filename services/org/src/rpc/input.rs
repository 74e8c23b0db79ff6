//! What requests must look like beyond what [`chassis::decode`] knows.

use chassis::{Fault, decode};
use proto::org::v1::{self as pb, BoardAccessSpec};

use crate::{
    access::{BOARDS_MAX, Grant, Grants},
    address,
    api_token::Scope,
    member::Role,
    settings, wire,
};

/// Longest profile texts, in characters.
const PROFILE_LINE: usize = 200;
const PROFILE_PAGE: usize = 10_000;

/// What is to be granted. Flags that are absent grant nothing; a board that is named grants reading unless it says no.
pub(super) fn grants(
    all_boards_read: Option<bool>,
    all_boards_write: Option<bool>,
    boards: &[BoardAccessSpec],
) -> Result<Grants, Fault> {
    if boards.len() > BOARDS_MAX {
        let message = format!("at most {BOARDS_MAX} boards");
        return Err(Fault::invalid("board_access", "TOO_MANY", message));
    }
    let mut granted: Vec<Grant> = Vec::with_capacity(boards.len());
    for (index, spec) in boards.iter().enumerate() {
        let field = format!("board_access[{index}].board_id");
        let board_id = decode::id(&field, &spec.board_id)?;
        if granted.iter().any(|grant| grant.board_id == board_id) {
            return Err(Fault::invalid(
                field,
                "DUPLICATE",
                "the board is named twice",
            ));
        }
        let can_read = spec.can_read.unwrap_or(true);
        let grant = Grant::of(board_id, can_read, spec.can_write.unwrap_or(false));
        granted.push(grant.ok_or_else(|| {
            let field = format!("board_access[{index}].can_read");
            Fault::invalid(field, "GRANTS_NOTHING", "must grant reading or writing")
        })?);
    }
    Ok(Grants::new(
        all_boards_read.unwrap_or(false),
        all_boards_write.unwrap_or(false),
        granted,
    ))
}

/// A role that has to be said.
pub(super) fn required_role(role: pb::Role) -> Result<Role, Fault> {
    decode::required("role", wire::role(role))
}

/// What a token is to be limited to: each scope once, from narrow to wide.
pub(super) fn scopes(numbers: &[i32]) -> Result<Vec<Scope>, Fault> {
    let mut scopes = Vec::new();
    for (index, number) in numbers.iter().enumerate() {
        let scope = wire::scope(*number).ok_or_else(|| {
            let field = format!("scopes[{index}]");
            Fault::invalid(field, "UNKNOWN_VALUE", "must be read, write or admin")
        })?;
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    scopes.sort_unstable();
    Ok(scopes)
}

/// An address in its normal form.
pub(super) fn address(text: &str) -> Result<String, Fault> {
    let text = decode::text("invited_email", text, 1, address::MAX)?;
    address::normal(&text).ok_or_else(|| {
        let message = "must be an e-mail address such as ann@example.com";
        Fault::rejected("EMAIL_INVALID", "invited_email", message)
    })
}

pub(super) fn line(field: &str, text: Option<&str>) -> Result<Option<String>, Fault> {
    decode::optional_text(field, text, PROFILE_LINE)
}

pub(super) fn page(field: &str, text: Option<&str>) -> Result<Option<String>, Fault> {
    decode::optional_text(field, text, PROFILE_PAGE)
}

/// The name of a time zone, as the IANA database spells it.
pub(super) fn timezone(text: Option<&str>) -> Result<Option<String>, Fault> {
    let Some(name) = line("timezone", text)? else {
        return Ok(None);
    };
    match name.parse::<chrono_tz::Tz>() {
        Ok(zone) => Ok(Some(zone.name().to_owned())),
        Err(_) => Err(Fault::rejected(
            "TIMEZONE_UNKNOWN",
            "timezone",
            "must be an IANA time zone such as Europe/Berlin",
        )),
    }
}

/// A retention in days.
pub(super) fn days(field: &str, days: Option<i32>) -> Result<Option<i32>, Fault> {
    let (min, max) = settings::DAYS;
    days.map(|days| decode::number(field, days, min, max))
        .transpose()
}
