//! Each call of the matrix, as plain as it can be.

use chassis::Caller;
use proto::org::v1::{
    AcceptInviteRequest, BootstrapRequest, CreateOrganizationRequest, DeleteMeRequest,
    DeleteOrganizationRequest, GetMeRequest, GetMemberRequest, GetOrganizationMemberRequest,
    GetOrganizationRequest, GetSettingsRequest, LeaveOrganizationRequest, ListApiTokensRequest,
    ListInvitesRequest, ListMembersRequest, ListOrganizationsRequest, RedeemInviteRequest,
    RemoveMemberRequest, ResendInviteRequest, RevokeApiTokenRequest, RevokeInviteRequest, Role,
    SetActiveOrganizationRequest, SetMemberAccessRequest, TransferOwnershipRequest,
    UpdateMeRequest, UpdateMemberRequest, UpdateOrganizationRequest, UpdateSettingsRequest,
    api_token_service_client::ApiTokenServiceClient, user_service_client::UserServiceClient,
};
use tonic::Status;
use uuid::Uuid;

use super::Scene;
use crate::{
    fixture::{Fixture, mask},
    scene::{invitation, token_named},
};

pub(super) async fn call(
    it: &Fixture,
    rpc: &str,
    caller: Caller,
    scene: &Scene,
) -> Result<(), Status> {
    let (service, method) = rpc.split_once('/').unwrap();
    match service {
        "UserService" => user(it, method, caller).await,
        "OrganizationService" => organization(it, method, caller, scene).await,
        "InviteService" => invite(it, method, caller, scene).await,
        "ApiTokenService" => api_token(it, method, caller, scene).await,
        other => panic!("there is no {other}"),
    }
}

async fn user(it: &Fixture, method: &str, caller: Caller) -> Result<(), Status> {
    let mut client = UserServiceClient::new(it.transport(caller));
    match method {
        "Bootstrap" => client.bootstrap(BootstrapRequest {}).await.map(drop),
        "GetMe" => client.get_me(GetMeRequest {}).await.map(drop),
        "UpdateMe" => {
            let request = UpdateMeRequest {
                update_mask: mask(&["pronouns"]),
                pronouns: Some("they/them".into()),
                ..UpdateMeRequest::default()
            };
            client.update_me(request).await.map(drop)
        }
        "DeleteMe" => client.delete_me(DeleteMeRequest {}).await.map(drop),
        other => panic!("there is no {other}"),
    }
}

async fn organization(
    it: &Fixture,
    method: &str,
    caller: Caller,
    scene: &Scene,
) -> Result<(), Status> {
    let mut client = it.organizations_as(caller);
    let member_id = scene.target.member_id.to_string();
    match method {
        "CreateOrganization" => {
            let name = "New".to_owned();
            client
                .create_organization(CreateOrganizationRequest { name })
                .await
                .map(drop)
        }
        "ListOrganizations" => client
            .list_organizations(ListOrganizationsRequest {})
            .await
            .map(drop),
        "SetActiveOrganization" => {
            let organization_id = scene.owner.organization_id.to_string();
            let request = SetActiveOrganizationRequest { organization_id };
            client.set_active_organization(request).await.map(drop)
        }
        "GetOrganization" => client
            .get_organization(GetOrganizationRequest {})
            .await
            .map(drop),
        "GetMember" => client.get_member(GetMemberRequest {}).await.map(drop),
        "UpdateOrganization" => {
            let request = UpdateOrganizationRequest {
                update_mask: mask(&["name"]),
                name: Some("Renamed".into()),
            };
            client.update_organization(request).await.map(drop)
        }
        "DeleteOrganization" => client
            .delete_organization(DeleteOrganizationRequest {})
            .await
            .map(drop),
        "GetSettings" => client.get_settings(GetSettingsRequest {}).await.map(drop),
        "UpdateSettings" => {
            let request = UpdateSettingsRequest {
                update_mask: mask(&["memory_retention_days"]),
                memory_retention_days: Some(30),
                ..UpdateSettingsRequest::default()
            };
            client.update_settings(request).await.map(drop)
        }
        "LeaveOrganization" => client
            .leave_organization(LeaveOrganizationRequest {})
            .await
            .map(drop),
        "TransferOwnership" => client
            .transfer_ownership(TransferOwnershipRequest { member_id })
            .await
            .map(drop),
        "GetOrganizationMember" => {
            let request = GetOrganizationMemberRequest { member_id };
            client.get_organization_member(request).await.map(drop)
        }
        "UpdateMember" => {
            let request = UpdateMemberRequest {
                member_id,
                update_mask: mask(&["role"]),
                role: Role::Admin.into(),
            };
            client.update_member(request).await.map(drop)
        }
        "SetMemberAccess" => {
            let request = SetMemberAccessRequest {
                member_id,
                all_boards_read: Some(true),
                ..SetMemberAccessRequest::default()
            };
            client.set_member_access(request).await.map(drop)
        }
        "RemoveMember" => client
            .remove_member(RemoveMemberRequest { member_id })
            .await
            .map(drop),
        "ListMembers" => client
            .list_members(ListMembersRequest::default())
            .await
            .map(drop),
        other => panic!("there is no {other}"),
    }
}

async fn invite(it: &Fixture, method: &str, caller: Caller, scene: &Scene) -> Result<(), Status> {
    let mut client = it.invites_as(caller.clone());
    let invite_id = scene.invite_id.to_string();
    match method {
        "ListInvites" => client
            .list_invites(ListInvitesRequest::default())
            .await
            .map(drop),
        "CreateInvite" => client
            .create_invite(invitation("new@example.com"))
            .await
            .map(drop),
        "ResendInvite" => client
            .resend_invite(ResendInviteRequest { invite_id })
            .await
            .map(drop),
        "RevokeInvite" => client
            .revoke_invite(RevokeInviteRequest { invite_id })
            .await
            .map(drop),
        "AcceptInvite" => {
            let token = match &caller {
                Caller::User(user) if user.scopes.is_empty() => scene.token(it, &user.name).await,
                // Nobody looks at it.
                _ => "mci_".to_owned(),
            };
            client
                .accept_invite(AcceptInviteRequest { token })
                .await
                .map(drop)
        }
        "RedeemInvite" => {
            let token = scene.token(it, &Uuid::now_v7().to_string()).await;
            let name = "New".to_owned();
            client
                .redeem_invite(RedeemInviteRequest { token, name })
                .await
                .map(drop)
        }
        other => panic!("there is no {other}"),
    }
}

async fn api_token(
    it: &Fixture,
    method: &str,
    caller: Caller,
    scene: &Scene,
) -> Result<(), Status> {
    let mut client = ApiTokenServiceClient::new(it.transport(caller));
    match method {
        "ListApiTokens" => client
            .list_api_tokens(ListApiTokensRequest::default())
            .await
            .map(drop),
        "CreateApiToken" => client.create_api_token(token_named("new")).await.map(drop),
        "RevokeApiToken" => {
            let api_token_id = scene.token_id.to_string();
            client
                .revoke_api_token(RevokeApiTokenRequest { api_token_id })
                .await
                .map(drop)
        }
        other => panic!("there is no {other}"),
    }
}
