//! What this service tells the others.

use chrono::{DateTime, Utc};
use proto::event::v1::{
    ActiveOrganizationChanged, Actor, ActorKind, Event, OrganizationCreated, UserCreated,
    event::Payload,
};
use uuid::Uuid;

use crate::{organization::Organization, user::User, wire};

/// A person as the doer: at their first sign-in nobody else can be.
pub(crate) fn actor(user: &User) -> Actor {
    Actor {
        kind: ActorKind::User.into(),
        id: Some(user.id.to_string()),
        name: user.display_name(),
    }
}

/// `user.created`, told in the organization that the person begins in.
pub(crate) fn user_created(user: &User, organization_id: Uuid, at: DateTime<Utc>) -> Event {
    let payload = Payload::UserCreated(UserCreated {
        user: Some(wire::user(user.clone())),
    });
    bus::event(actor(user), organization_id, at, payload).build()
}

/// `organization.created`
pub(crate) fn organization_created(actor: Actor, organization: &Organization) -> Event {
    let payload = Payload::OrganizationCreated(OrganizationCreated {
        organization: Some(wire::organization(organization.clone())),
    });
    bus::event(actor, organization.id, organization.created_at, payload).build()
}

/// `user.active_organization_changed`: whoever remembers what the person's credential stands for forgets it.
pub(crate) fn active_organization_changed(
    actor: Actor,
    user_id: Uuid,
    organization_id: Uuid,
    at: DateTime<Utc>,
) -> Event {
    let payload = Payload::ActiveOrganizationChanged(ActiveOrganizationChanged {
        user_id: user_id.to_string(),
    });
    bus::event(actor, organization_id, at, payload).build()
}
