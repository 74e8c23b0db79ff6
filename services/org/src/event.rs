//! What this service tells the others.

use chrono::{DateTime, Utc};
use proto::{
    event::v1::{
        ActiveOrganizationChanged, Actor, ActorKind, ApiTokenCreated, ApiTokenRevoked, Event,
        InviteAccepted, InviteCreated, InviteResent, InviteRevoked, MemberAccessChanged,
        MemberAdded, MemberRemoved, MemberRoleChanged, OrganizationCreated, OrganizationDeleted,
        OrganizationSettingsChanged, OrganizationUpdated, UserCreated, UserDeleted, UserUpdated,
        event::Payload,
    },
    org::v1 as pb,
};
use uuid::Uuid;

use crate::{
    api_token::ApiToken, invite::Invite, member::Role, organization::Organization,
    settings::Settings, user::User, wire,
};

/// Why a membership ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Departure {
    Removed,
    Left,
    AccountDeleted,
}

impl Departure {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Left => "left",
            Self::AccountDeleted => "account_deleted",
        }
    }
}

/// Who does something, when: what every event of one change has in common.
#[derive(Clone, Debug)]
pub(crate) struct Act {
    pub actor: Actor,
    pub at: DateTime<Utc>,
}

/// A person as the doer: at their first sign-in nobody else can be.
pub(crate) fn actor(user: &User) -> Actor {
    Actor {
        kind: ActorKind::User.into(),
        id: Some(user.id.to_string()),
        name: user.display_name(),
    }
}

impl Act {
    fn tells(&self, organization_id: Uuid, payload: Payload) -> Event {
        bus::event(self.actor.clone(), organization_id, self.at, payload).build()
    }

    /// `user.created`, told in the organization that the person begins in.
    pub(crate) fn user_created(&self, user: &User, organization_id: Uuid) -> Event {
        let user = Some(wire::user(user.clone()));
        self.tells(organization_id, Payload::UserCreated(UserCreated { user }))
    }

    /// `user.updated`, to one of the person's organizations.
    pub(crate) fn user_updated(
        &self,
        user: &User,
        changed_fields: &[String],
        organization_id: Uuid,
    ) -> Event {
        let payload = Payload::UserUpdated(UserUpdated {
            user_id: user.id.to_string(),
            name: user.display_name(),
            changed_fields: changed_fields.to_vec(),
        });
        self.tells(organization_id, payload)
    }

    /// `user.deleted`, to one of the person's organizations.
    pub(crate) fn user_deleted(&self, user_id: Uuid, organization_id: Uuid) -> Event {
        let user_id = user_id.to_string();
        let payload = Payload::UserDeleted(UserDeleted { user_id });
        self.tells(organization_id, payload)
    }

    /// `user.active_organization_changed`: whoever remembers what the person's credential stands for forgets it.
    pub(crate) fn active_organization_changed(
        &self,
        user_id: Uuid,
        organization_id: Uuid,
    ) -> Event {
        let user_id = user_id.to_string();
        let payload = Payload::ActiveOrganizationChanged(ActiveOrganizationChanged { user_id });
        self.tells(organization_id, payload)
    }

    /// `organization.created`
    pub(crate) fn organization_created(&self, organization: &Organization) -> Event {
        let payload = Payload::OrganizationCreated(OrganizationCreated {
            organization: Some(wire::organization(organization.clone())),
        });
        self.tells(organization.id, payload)
    }

    /// `organization.updated`
    pub(crate) fn organization_renamed(&self, organization: &Organization) -> Event {
        let payload = Payload::OrganizationUpdated(OrganizationUpdated {
            organization: Some(wire::organization(organization.clone())),
            changed_fields: vec!["name".to_owned()],
        });
        self.tells(organization.id, payload)
    }

    /// `organization.deleted`: its members and their tokens are gone with it and have no events of their own.
    pub(crate) fn organization_deleted(&self, organization: &Organization) -> Event {
        let payload = Payload::OrganizationDeleted(OrganizationDeleted {
            organization: Some(wire::organization(organization.clone())),
        });
        self.tells(organization.id, payload)
    }

    /// `organization.settings_changed`
    pub(crate) fn settings_changed(
        &self,
        settings: &Settings,
        changed_fields: Vec<String>,
        organization_id: Uuid,
    ) -> Event {
        let payload = Payload::OrganizationSettingsChanged(OrganizationSettingsChanged {
            settings: Some(wire::settings(settings)),
            changed_fields,
        });
        self.tells(organization_id, payload)
    }

    /// `member.added`
    pub(crate) fn member_added(&self, member: &pb::Member, organization_id: Uuid) -> Event {
        let member = Some(member.clone());
        self.tells(
            organization_id,
            Payload::MemberAdded(MemberAdded { member }),
        )
    }

    /// `member.role_changed`
    pub(crate) fn member_role_changed(
        &self,
        member: &pb::Member,
        from: Role,
        organization_id: Uuid,
    ) -> Event {
        let payload = Payload::MemberRoleChanged(MemberRoleChanged {
            from: pb::Role::from(from).into(),
            to: member.role,
            member: Some(member.clone()),
        });
        self.tells(organization_id, payload)
    }

    /// `member.access_changed`
    pub(crate) fn member_access_changed(
        &self,
        member: &pb::Member,
        organization_id: Uuid,
    ) -> Event {
        let member = Some(member.clone());
        let payload = Payload::MemberAccessChanged(MemberAccessChanged { member });
        self.tells(organization_id, payload)
    }

    /// `member.removed`, with the member as they were.
    pub(crate) fn member_removed(
        &self,
        member: pb::Member,
        departure: Departure,
        organization_id: Uuid,
    ) -> Event {
        let payload = Payload::MemberRemoved(MemberRemoved {
            member: Some(member),
            reason: departure.as_str().to_owned(),
        });
        self.tells(organization_id, payload)
    }

    /// `invite.created`
    pub(crate) fn invite_created(&self, invite: &Invite) -> Event {
        let payload = Payload::InviteCreated(InviteCreated {
            invite: Some(wire::invite(invite.clone(), None)),
        });
        self.tells(invite.organization_id, payload)
    }

    /// `invite.resent`
    pub(crate) fn invite_resent(&self, invite: &Invite) -> Event {
        let payload = Payload::InviteResent(InviteResent {
            invite: Some(wire::invite(invite.clone(), None)),
        });
        self.tells(invite.organization_id, payload)
    }

    /// `invite.revoked`
    pub(crate) fn invite_revoked(&self, invite: &Invite) -> Event {
        let payload = Payload::InviteRevoked(InviteRevoked {
            invite: Some(wire::invite(invite.clone(), None)),
        });
        self.tells(invite.organization_id, payload)
    }

    /// `invite.accepted`
    pub(crate) fn invite_accepted(&self, invite: &Invite, member: &pb::Member) -> Event {
        let payload = Payload::InviteAccepted(InviteAccepted {
            invite: Some(wire::invite(invite.clone(), None)),
            member: Some(member.clone()),
        });
        self.tells(invite.organization_id, payload)
    }

    /// `api_token.created`
    pub(crate) fn api_token_created(&self, token: &ApiToken) -> Event {
        let payload = Payload::ApiTokenCreated(ApiTokenCreated {
            api_token: Some(wire::api_token(token.clone(), None)),
            user_id: token.user_id.to_string(),
        });
        self.tells(token.organization_id, payload)
    }

    /// `api_token.revoked`
    pub(crate) fn api_token_revoked(&self, token: &ApiToken) -> Event {
        let payload = Payload::ApiTokenRevoked(ApiTokenRevoked {
            api_token: Some(wire::api_token(token.clone(), None)),
            user_id: token.user_id.to_string(),
        });
        self.tells(token.organization_id, payload)
    }
}
