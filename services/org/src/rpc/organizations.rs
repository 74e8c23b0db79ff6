//! Organizations of the caller, and who belongs to the active one: what is asked and answered.

use chassis::{Caller, decode};
use proto::org::v1::{
    CreateOrganizationRequest, CreateOrganizationResponse, DeleteOrganizationRequest,
    DeleteOrganizationResponse, GetMemberRequest, GetMemberResponse, GetOrganizationMemberRequest,
    GetOrganizationMemberResponse, GetOrganizationRequest, GetOrganizationResponse,
    GetSettingsRequest, GetSettingsResponse, LeaveOrganizationRequest, LeaveOrganizationResponse,
    ListMembersRequest, ListMembersResponse, ListOrganizationsRequest, ListOrganizationsResponse,
    RemoveMemberRequest, RemoveMemberResponse, SetActiveOrganizationRequest,
    SetActiveOrganizationResponse, SetMemberAccessRequest, SetMemberAccessResponse,
    TransferOwnershipRequest, TransferOwnershipResponse, UpdateMemberRequest, UpdateMemberResponse,
    UpdateOrganizationRequest, UpdateOrganizationResponse, UpdateSettingsRequest,
    UpdateSettingsResponse, organization_service_server::OrganizationService,
};
use tonic::{Request, Response, Status};

use super::{Org, input, person, whole};
use crate::{
    error::Error,
    organization::{NAME_MAX, Organization},
    settings::Settings,
    store::{members, organizations},
    wire,
};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl OrganizationService for Org {
    async fn create_organization(
        &self,
        request: Request<CreateOrganizationRequest>,
    ) -> Answer<CreateOrganizationResponse> {
        let caller = Caller::of(&request)?;
        let act = self.act(caller.event_actor());
        let person = person(caller)?;
        let name = decode::text("name", &request.into_inner().name, 1, NAME_MAX)?;

        let organization = Organization::new(name, act.at);
        self.create(&organization, person.id, &act).await?;
        let organization = Some(wire::organization(organization));
        Ok(Response::new(CreateOrganizationResponse { organization }))
    }

    async fn list_organizations(
        &self,
        request: Request<ListOrganizationsRequest>,
    ) -> Answer<ListOrganizationsResponse> {
        let person = person(Caller::of(&request)?)?;
        let mut conn = self.conn().await?;
        let listed = organizations::list_of_member(&mut conn, person.id).await?;
        let items = listed.into_iter().map(wire::listed).collect();
        Ok(Response::new(ListOrganizationsResponse { items }))
    }

    async fn set_active_organization(
        &self,
        request: Request<SetActiveOrganizationRequest>,
    ) -> Answer<SetActiveOrganizationResponse> {
        let caller = Caller::of(&request)?;
        let act = self.act(caller.event_actor());
        let person = person(caller)?;
        let id = decode::id("organization_id", &request.into_inner().organization_id)?;

        let organization = self.switch(id, person.id, &act).await?;
        let organization = Some(wire::organization(organization));
        Ok(Response::new(SetActiveOrganizationResponse {
            organization,
        }))
    }

    async fn get_organization(
        &self,
        request: Request<GetOrganizationRequest>,
    ) -> Answer<GetOrganizationResponse> {
        let person = person(Caller::of(&request)?)?;
        let id = person.organization_id;
        let mut conn = self.conn().await?;
        let organization = organizations::find_of_member(&mut conn, id, person.id)
            .await?
            .ok_or(Error::OrganizationNotFound(id))?;
        let organization = Some(wire::organization(organization));
        Ok(Response::new(GetOrganizationResponse { organization }))
    }

    async fn get_member(&self, request: Request<GetMemberRequest>) -> Answer<GetMemberResponse> {
        let person = person(Caller::of(&request)?)?;
        let id = person.organization_id;
        let mut conn = self.conn().await?;
        let (member, profile) = members::find(&mut conn, id, person.id)
            .await?
            .ok_or(Error::OrganizationNotFound(id))?;
        let member = Some(whole(&mut conn, member, profile).await?);
        Ok(Response::new(GetMemberResponse { member }))
    }

    async fn update_organization(
        &self,
        request: Request<UpdateOrganizationRequest>,
    ) -> Answer<UpdateOrganizationResponse> {
        let caller = Caller::of(&request)?;
        let act = self.act(caller.event_actor());
        let person = person(caller)?;
        let request = request.into_inner();
        let name = if decode::mask(request.update_mask).has("name") {
            let name = decode::required("name", request.name)?;
            Some(decode::text("name", &name, 1, NAME_MAX)?)
        } else {
            None
        };

        let organization = self.rename(&person, name, &act).await?;
        let organization = Some(wire::organization(organization));
        Ok(Response::new(UpdateOrganizationResponse { organization }))
    }

    async fn delete_organization(
        &self,
        request: Request<DeleteOrganizationRequest>,
    ) -> Answer<DeleteOrganizationResponse> {
        let caller = Caller::of(&request)?;
        let act = self.act(caller.event_actor());
        self.delete(&person(caller)?, &act).await?;
        Ok(Response::new(DeleteOrganizationResponse { ok: true }))
    }

    async fn get_settings(
        &self,
        request: Request<GetSettingsRequest>,
    ) -> Answer<GetSettingsResponse> {
        let person = person(Caller::of(&request)?)?;
        let settings = self.settings(&person).await?;
        let settings = Some(wire::settings(&settings));
        Ok(Response::new(GetSettingsResponse { settings }))
    }

    async fn update_settings(
        &self,
        request: Request<UpdateSettingsRequest>,
    ) -> Answer<UpdateSettingsResponse> {
        let caller = Caller::of(&request)?;
        let act = self.act(caller.event_actor());
        let person = person(caller)?;
        let request = request.into_inner();
        let mask = decode::mask(request.update_mask);
        let given = Settings {
            event_retention_days: input::days(
                "event_retention_days",
                request.event_retention_days,
            )?,
            payload_retention_days: input::days(
                "payload_retention_days",
                request.payload_retention_days,
            )?,
            memory_retention_days: input::days(
                "memory_retention_days",
                request.memory_retention_days,
            )?,
        };

        let change = |before: Settings| before.with(&given, |field| mask.has(field));
        let settings = self.change_settings(&person, change, &act).await?;
        let settings = Some(wire::settings(&settings));
        Ok(Response::new(UpdateSettingsResponse { settings }))
    }

    async fn leave_organization(
        &self,
        request: Request<LeaveOrganizationRequest>,
    ) -> Answer<LeaveOrganizationResponse> {
        let caller = Caller::of(&request)?;
        let act = self.act(caller.event_actor());
        self.leave(&person(caller)?, &act).await?;
        Ok(Response::new(LeaveOrganizationResponse { ok: true }))
    }

    async fn transfer_ownership(
        &self,
        request: Request<TransferOwnershipRequest>,
    ) -> Answer<TransferOwnershipResponse> {
        let caller = Caller::of(&request)?;
        let act = self.act(caller.event_actor());
        let person = person(caller)?;
        let to = decode::id("member_id", &request.into_inner().member_id)?;

        let member = Some(self.transfer(&person, to, &act).await?);
        Ok(Response::new(TransferOwnershipResponse { member }))
    }

    async fn get_organization_member(
        &self,
        request: Request<GetOrganizationMemberRequest>,
    ) -> Answer<GetOrganizationMemberResponse> {
        let person = person(Caller::of(&request)?)?;
        let id = decode::id("member_id", &request.into_inner().member_id)?;
        let member = Some(self.read_member(&person, id).await?);
        Ok(Response::new(GetOrganizationMemberResponse { member }))
    }

    async fn update_member(
        &self,
        request: Request<UpdateMemberRequest>,
    ) -> Answer<UpdateMemberResponse> {
        let caller = Caller::of(&request)?;
        let act = self.act(caller.event_actor());
        let person = person(caller)?;
        let mut request = request.into_inner();
        let id = decode::id("member_id", &request.member_id)?;
        let role = if decode::mask(request.update_mask.take()).has("role") {
            Some(input::required_role(request.role())?)
        } else {
            None
        };

        let member = Some(self.change_role(&person, id, role, &act).await?);
        Ok(Response::new(UpdateMemberResponse { member }))
    }

    async fn set_member_access(
        &self,
        request: Request<SetMemberAccessRequest>,
    ) -> Answer<SetMemberAccessResponse> {
        let caller = Caller::of(&request)?;
        let act = self.act(caller.event_actor());
        let person = person(caller)?;
        let request = request.into_inner();
        let id = decode::id("member_id", &request.member_id)?;
        let grants = input::grants(
            request.all_boards_read,
            request.all_boards_write,
            &request.board_access,
        )?;

        let member = Some(self.change_access(&person, id, &grants, &act).await?);
        Ok(Response::new(SetMemberAccessResponse { member }))
    }

    async fn remove_member(
        &self,
        request: Request<RemoveMemberRequest>,
    ) -> Answer<RemoveMemberResponse> {
        let caller = Caller::of(&request)?;
        let act = self.act(caller.event_actor());
        let person = person(caller)?;
        let id = decode::id("member_id", &request.into_inner().member_id)?;

        self.remove(&person, id, &act).await?;
        Ok(Response::new(RemoveMemberResponse { ok: true }))
    }

    async fn list_members(
        &self,
        request: Request<ListMembersRequest>,
    ) -> Answer<ListMembersResponse> {
        let person = person(Caller::of(&request)?)?;
        let response = self.list(&person, request.into_inner()).await?;
        Ok(Response::new(response))
    }
}
