//! Invitations of an address to an organization.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::{access::Grants, member::Role};

/// How long a token of an invite is good.
const IN_FORCE: TimeDelta = TimeDelta::days(7);

/// An invitation, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invite {
    pub id: Uuid,
    pub organization_id: Uuid,
    /// Lower case.
    pub invited_email: String,
    pub role: Role,
    pub grants: Grants,
    pub created_by_user_id: Option<Uuid>,
    pub accepted_by_user_id: Option<Uuid>,
    /// `None` while it waits.
    pub accepted_at: Option<DateTime<Utc>>,
    pub expires_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// When a token that is made now ends.
pub(crate) fn expiry(now: DateTime<Utc>) -> DateTime<Utc> {
    now + IN_FORCE
}
