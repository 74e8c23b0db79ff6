//! An organization's own life: founded, chosen, renamed, set, deleted.

use chassis::caller::User;
use uuid::Uuid;

use super::{Org, administering, found, owning};
use crate::{
    error::{Error, Result},
    event::Act,
    member::Member,
    organization::{Organization, PER_PERSON},
    settings::Settings,
    store::{api_tokens, members, organizations, users},
};

impl Org {
    pub(super) async fn create(
        &self,
        organization: &Organization,
        owner: Uuid,
        act: &Act,
    ) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        if !users::lock(&mut tx, owner).await? {
            return Err(Error::UserNotFound);
        }
        if members::count_of_user(&mut tx, owner).await? >= PER_PERSON {
            return Err(Error::OrganizationLimit);
        }
        let member = Member::owner(organization.id, owner, organization.created_at);
        found(&mut tx, organization, &member).await?;
        let events = vec![
            act.organization_created(organization),
            act.active_organization_changed(owner, organization.id),
        ];
        bus::outbox::append_all(&mut tx, events).await?;
        Ok(tx.commit().await?)
    }

    /// Makes the person act in an organization of theirs. Choosing the present one changes nothing and tells nobody.
    pub(super) async fn switch(&self, id: Uuid, user_id: Uuid, act: &Act) -> Result<Organization> {
        let mut tx = self.pool.begin().await?;
        let organization = organizations::hold_of_member(&mut tx, id, user_id)
            .await?
            .ok_or(Error::OrganizationNotFound(id))?;
        // Whoever ends the membership has locked the person: from here on it is there or it is not.
        users::lock(&mut tx, user_id).await?;
        if members::find(&mut tx, id, user_id).await?.is_none() {
            return Err(Error::OrganizationNotFound(id));
        }
        if users::update_active_organization(&mut tx, user_id, id, act.at).await? {
            let switched = act.active_organization_changed(user_id, id);
            bus::outbox::append(&mut tx, switched).await?;
        }
        tx.commit().await?;
        Ok(organization)
    }

    /// Gives the organization another name. The present one changes nothing.
    pub(super) async fn rename(
        &self,
        person: &User,
        name: Option<String>,
        act: &Act,
    ) -> Result<Organization> {
        let id = person.organization_id;
        let mut tx = self.pool.begin().await?;
        let mut organization = organizations::lock(&mut tx, id)
            .await?
            .ok_or(Error::OrganizationNotFound(id))?;
        administering(&mut tx, person).await?;
        if let Some(name) = name.filter(|name| *name != organization.name) {
            organization.name = name;
            organization.updated_at = act.at;
            organizations::update_name(&mut tx, &organization).await?;
            bus::outbox::append(&mut tx, act.organization_renamed(&organization)).await?;
        }
        tx.commit().await?;
        Ok(organization)
    }

    pub(super) async fn settings(&self, person: &User) -> Result<Settings> {
        let id = person.organization_id;
        let mut conn = self.conn().await?;
        administering(&mut conn, person).await?;
        organizations::find_settings(&mut conn, id)
            .await?
            .ok_or(Error::OrganizationNotFound(id))
    }

    /// Changes settings by a rule that makes new ones of the present.
    pub(super) async fn change_settings(
        &self,
        person: &User,
        change: impl FnOnce(Settings) -> Settings + Send,
        act: &Act,
    ) -> Result<Settings> {
        let id = person.organization_id;
        let absent = || Error::OrganizationNotFound(id);
        let mut tx = self.pool.begin().await?;
        organizations::lock(&mut tx, id).await?.ok_or_else(absent)?;
        administering(&mut tx, person).await?;
        let before = organizations::find_settings(&mut tx, id)
            .await?
            .ok_or_else(absent)?;
        let after = change(before);
        let changed = before.differences(&after);
        if !changed.is_empty() {
            organizations::update_settings(&mut tx, id, &after, act.at).await?;
            bus::outbox::append(&mut tx, act.settings_changed(&after, changed, id)).await?;
        }
        tx.commit().await?;
        Ok(after)
    }

    /// Deletes the organization in which an owner acts. Whoever acted in it acts in their oldest other one from now on.
    pub(super) async fn delete(&self, person: &User, act: &Act) -> Result<()> {
        let id = person.organization_id;
        let mut tx = self.pool.begin().await?;
        let mut locked = organizations::lock_whole(&mut tx, &[id]).await?;
        let organization = locked.pop().ok_or(Error::OrganizationNotFound(id))?;
        owning(&mut tx, person).await?;
        let members = users::lock_members(&mut tx, id).await?;
        api_tokens::take_out(&mut tx, id, &members).await?;
        organizations::delete(&mut tx, &[id]).await?;
        bus::outbox::append(&mut tx, act.organization_deleted(&organization)).await?;
        Ok(tx.commit().await?)
    }
}
