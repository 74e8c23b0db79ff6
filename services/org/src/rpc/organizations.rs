//! Organizations of the caller, and who belongs to the active one.

use chassis::{Caller, Fault, decode};
use proto::{
    event::v1::Actor,
    org::v1::{
        CreateOrganizationRequest, CreateOrganizationResponse, GetMemberRequest, GetMemberResponse,
        GetOrganizationRequest, GetOrganizationResponse, ListMembersRequest, ListMembersResponse,
        ListOrganizationsRequest, ListOrganizationsResponse, SetActiveOrganizationRequest,
        SetActiveOrganizationResponse, organization_service_server::OrganizationService,
    },
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Org, found, person};
use crate::{
    error::{Error, Result},
    event,
    member::{Member, Position},
    organization::{NAME_MAX, Organization, PER_PERSON},
    store::{members, organizations, users},
    wire,
};

#[tonic::async_trait]
impl OrganizationService for Org {
    async fn create_organization(
        &self,
        request: Request<CreateOrganizationRequest>,
    ) -> Result<Response<CreateOrganizationResponse>, Status> {
        let caller = Caller::of(&request)?;
        let actor = caller.event_actor();
        let person = person(caller)?;
        let name = decode::text("name", &request.into_inner().name, 1, NAME_MAX)?;

        let organization = Organization::new(name, self.clock.now());
        self.create(&organization, person.id, actor).await?;
        let organization = Some(wire::organization(organization));
        Ok(Response::new(CreateOrganizationResponse { organization }))
    }

    async fn list_organizations(
        &self,
        request: Request<ListOrganizationsRequest>,
    ) -> Result<Response<ListOrganizationsResponse>, Status> {
        let person = person(Caller::of(&request)?)?;
        let mut conn = self.conn().await?;
        let listed = organizations::list_of_member(&mut conn, person.id).await?;
        let items = listed.into_iter().map(wire::listed).collect();
        Ok(Response::new(ListOrganizationsResponse { items }))
    }

    async fn set_active_organization(
        &self,
        request: Request<SetActiveOrganizationRequest>,
    ) -> Result<Response<SetActiveOrganizationResponse>, Status> {
        let caller = Caller::of(&request)?;
        let actor = caller.event_actor();
        let person = person(caller)?;
        let id = decode::id("organization_id", &request.into_inner().organization_id)?;

        let organization = self.switch(id, person.id, actor).await?;
        let organization = Some(wire::organization(organization));
        Ok(Response::new(SetActiveOrganizationResponse {
            organization,
        }))
    }

    async fn get_organization(
        &self,
        request: Request<GetOrganizationRequest>,
    ) -> Result<Response<GetOrganizationResponse>, Status> {
        let person = person(Caller::of(&request)?)?;
        let id = person.organization_id;
        let mut conn = self.conn().await?;
        let organization = organizations::find_of_member(&mut conn, id, person.id)
            .await?
            .ok_or(Error::OrganizationNotFound(id))?;
        let organization = Some(wire::organization(organization));
        Ok(Response::new(GetOrganizationResponse { organization }))
    }

    async fn get_member(
        &self,
        request: Request<GetMemberRequest>,
    ) -> Result<Response<GetMemberResponse>, Status> {
        let person = person(Caller::of(&request)?)?;
        let id = person.organization_id;
        let mut conn = self.conn().await?;
        let (member, profile) = members::find(&mut conn, id, person.id)
            .await?
            .ok_or(Error::OrganizationNotFound(id))?;
        let access = members::list_access(&mut conn, member.id).await?;
        let member = Some(wire::member(member, profile, access));
        Ok(Response::new(GetMemberResponse { member }))
    }

    async fn list_members(
        &self,
        request: Request<ListMembersRequest>,
    ) -> Result<Response<ListMembersResponse>, Status> {
        let person = person(Caller::of(&request)?)?;
        let response = self
            .members(person.organization_id, person.id, request.into_inner())
            .await?;
        Ok(Response::new(response))
    }
}

impl Org {
    async fn create(&self, organization: &Organization, owner: Uuid, actor: Actor) -> Result<()> {
        let at = organization.created_at;
        let mut tx = self.pool.begin().await?;
        if !users::lock(&mut tx, owner).await? {
            return Err(Error::UserNotFound);
        }
        if members::count_of_user(&mut tx, owner).await? >= PER_PERSON {
            return Err(Error::OrganizationLimit);
        }
        found(
            &mut tx,
            organization,
            &Member::owner(organization.id, owner, at),
        )
        .await?;
        let created = event::organization_created(actor.clone(), organization);
        bus::outbox::append(&mut tx, created).await?;
        let switched = event::active_organization_changed(actor, owner, organization.id, at);
        bus::outbox::append(&mut tx, switched).await?;
        Ok(tx.commit().await?)
    }

    /// Makes the person act in an organization of theirs. Choosing the present one changes nothing and tells nobody.
    async fn switch(&self, id: Uuid, user_id: Uuid, actor: Actor) -> Result<Organization> {
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        let organization = organizations::find_of_member(&mut tx, id, user_id)
            .await?
            .ok_or(Error::OrganizationNotFound(id))?;
        if users::update_active_organization(&mut tx, user_id, id, now).await? {
            let switched = event::active_organization_changed(actor, user_id, id, now);
            bus::outbox::append(&mut tx, switched).await?;
        }
        tx.commit().await?;
        Ok(organization)
    }

    async fn members(
        &self,
        organization_id: Uuid,
        user_id: Uuid,
        request: ListMembersRequest,
    ) -> Result<ListMembersResponse> {
        let page = decode::page(request.limit, request.offset, None)?;
        let after = position(request.page_token.as_deref(), page.offset)?;

        let mut conn = self.conn().await?;
        if members::find(&mut conn, organization_id, user_id)
            .await?
            .is_none()
        {
            return Err(Error::OrganizationNotFound(organization_id));
        }
        let total = members::count(&mut conn, organization_id).await?;
        // One more than asked for tells whether a page follows.
        let mut entries = members::list(
            &mut conn,
            organization_id,
            after.as_ref(),
            page.limit + 1,
            page.offset,
        )
        .await?;
        let full = usize::try_from(page.limit).is_ok_and(|limit| entries.len() > limit);
        let next_page_token = full.then(|| {
            entries.pop();
            entries.last().map(|last| last.position.to_token())
        });
        Ok(ListMembersResponse {
            items: entries
                .into_iter()
                .map(|entry| wire::member(entry.member, entry.profile, Vec::new()))
                .collect(),
            total,
            limit: page.wire_limit(),
            offset: page.wire_offset(),
            next_page_token: next_page_token.flatten(),
        })
    }
}

fn position(token: Option<&str>, offset: i64) -> Result<Option<Position>> {
    let Some(token) = token.filter(|token| !token.is_empty()) else {
        return Ok(None);
    };
    let position = Position::from_token(token)
        .ok_or_else(|| Fault::invalid("page_token", "MALFORMED", "not a token of this list"))?;
    if offset != 0 {
        let message = "cannot be combined with page_token";
        return Err(Fault::invalid("offset", "EXCLUDED", message).into());
    }
    Ok(Some(position))
}
