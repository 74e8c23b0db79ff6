//! Who may do what here: the rows of the authorization matrix that this service owns, each cell through a call.

use std::collections::BTreeSet;

use chassis::{Caller, caller::User};
use proto::org::v1::{
    AcceptInviteRequest, AuthenticateRequest, BootstrapRequest, CreateOrganizationRequest,
    DeleteMeRequest, DeleteOrganizationRequest, GetMeRequest, GetMemberRequest,
    GetOrganizationMemberRequest, GetOrganizationRequest, GetSettingsRequest,
    LeaveOrganizationRequest, ListApiTokensRequest, ListInvitesRequest, ListMembersRequest,
    ListOrganizationsRequest, RedeemInviteRequest, RemoveMemberRequest, ResendInviteRequest,
    RevokeApiTokenRequest, RevokeInviteRequest, Role, SetActiveOrganizationRequest,
    SetMemberAccessRequest, TransferOwnershipRequest, UpdateMeRequest, UpdateMemberRequest,
    UpdateOrganizationRequest, UpdateSettingsRequest,
    api_token_service_client::ApiTokenServiceClient, user_service_client::UserServiceClient,
};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    fixture::{Colleague, Fixture, TOKEN, agent, code, edge, mask},
    scene::{invitation, token_named},
};

/// Who calls, by column. The stranger owns another organization; the reader is the owner with a token that only reads.
const CALLERS: [&str; 8] = [
    "owner",
    "admin",
    "member",
    "stranger",
    "reader",
    "agent",
    "nobody",
    "component",
];
const OK: &str = "ok";
const ADMIN: &str = "admin_required";
const OWNER: &str = "owner_required";
const SCOPE: &str = "scope_missing";
const KIND: &str = "caller_not_admitted";
const WHO: &str = "unauthenticated";
const MEMBER_404: &str = "member_not_found";
const INVITE_404: &str = "invite_not_found";
const TOKEN_404: &str = "api_token_not_found";

/// What comes of each call. What a stranger does to an organization of no name happens to their own.
const MATRIX: [(&str, [&str; 8]); 29] = [
    (
        "UserService/Bootstrap",
        [OK, OK, OK, OK, SCOPE, KIND, WHO, KIND],
    ),
    ("UserService/GetMe", [OK, OK, OK, OK, OK, KIND, WHO, KIND]),
    (
        "UserService/UpdateMe",
        [OK, OK, OK, OK, SCOPE, KIND, WHO, KIND],
    ),
    (
        "UserService/DeleteMe",
        [OK, OK, OK, OK, SCOPE, KIND, WHO, KIND],
    ),
    (
        "OrganizationService/CreateOrganization",
        [OK, OK, OK, OK, SCOPE, KIND, WHO, KIND],
    ),
    (
        "OrganizationService/ListOrganizations",
        [OK, OK, OK, OK, OK, KIND, WHO, KIND],
    ),
    (
        "OrganizationService/SetActiveOrganization",
        [OK, OK, OK, "organization_not_found", SCOPE, KIND, WHO, KIND],
    ),
    (
        "OrganizationService/GetOrganization",
        [OK, OK, OK, OK, OK, KIND, WHO, KIND],
    ),
    (
        "OrganizationService/GetMember",
        [OK, OK, OK, OK, OK, KIND, WHO, KIND],
    ),
    (
        "OrganizationService/UpdateOrganization",
        [OK, OK, ADMIN, OK, SCOPE, KIND, WHO, KIND],
    ),
    (
        "OrganizationService/DeleteOrganization",
        [OK, OWNER, OWNER, OK, SCOPE, KIND, WHO, KIND],
    ),
    (
        "OrganizationService/GetSettings",
        [OK, OK, ADMIN, OK, OK, KIND, WHO, KIND],
    ),
    (
        "OrganizationService/UpdateSettings",
        [OK, OK, ADMIN, OK, SCOPE, KIND, WHO, KIND],
    ),
    (
        "OrganizationService/LeaveOrganization",
        [OK, OK, OK, "last_owner", SCOPE, KIND, WHO, KIND],
    ),
    (
        "OrganizationService/TransferOwnership",
        [OK, OWNER, OWNER, MEMBER_404, SCOPE, KIND, WHO, KIND],
    ),
    (
        "OrganizationService/GetOrganizationMember",
        [OK, OK, ADMIN, MEMBER_404, OK, KIND, WHO, KIND],
    ),
    (
        "OrganizationService/UpdateMember",
        [OK, OK, ADMIN, MEMBER_404, SCOPE, KIND, WHO, KIND],
    ),
    (
        "OrganizationService/SetMemberAccess",
        [OK, OK, ADMIN, MEMBER_404, SCOPE, KIND, WHO, KIND],
    ),
    (
        "OrganizationService/RemoveMember",
        [OK, OK, ADMIN, MEMBER_404, SCOPE, KIND, WHO, KIND],
    ),
    (
        "OrganizationService/ListMembers",
        [OK, OK, OK, OK, OK, KIND, WHO, KIND],
    ),
    (
        "InviteService/ListInvites",
        [OK, OK, ADMIN, OK, OK, KIND, WHO, KIND],
    ),
    (
        "InviteService/CreateInvite",
        [OK, OK, ADMIN, OK, SCOPE, KIND, WHO, KIND],
    ),
    (
        "InviteService/ResendInvite",
        [OK, OK, ADMIN, INVITE_404, SCOPE, KIND, WHO, KIND],
    ),
    (
        "InviteService/RevokeInvite",
        [OK, OK, ADMIN, INVITE_404, SCOPE, KIND, WHO, KIND],
    ),
    (
        "InviteService/AcceptInvite",
        [OK, OK, OK, OK, SCOPE, KIND, WHO, KIND],
    ),
    (
        "InviteService/RedeemInvite",
        [OK, OK, OK, OK, SCOPE, OK, OK, OK],
    ),
    (
        "ApiTokenService/ListApiTokens",
        [OK, OK, OK, OK, OK, KIND, WHO, KIND],
    ),
    (
        "ApiTokenService/CreateApiToken",
        [OK, OK, OK, OK, SCOPE, KIND, WHO, KIND],
    ),
    (
        "ApiTokenService/RevokeApiToken",
        [OK, TOKEN_404, TOKEN_404, TOKEN_404, SCOPE, KIND, WHO, KIND],
    ),
];
/// The one RPC that is for components only.
const AUTHENTICATE: &str = "IdentityService/Authenticate";

/// An organization with everybody in it, and somebody of another one.
struct Scene {
    owner: User,
    admin: User,
    member: User,
    stranger: User,
    /// The member that calls are about.
    target: Colleague,
    invite_id: Uuid,
    /// Of the owner.
    token_id: Uuid,
    /// Invites the caller, and somebody whom nobody knows, to a third organization.
    host: User,
}

impl Scene {
    async fn new(it: &Fixture, n: usize) -> Self {
        let name = |who: &str| format!("{who}{n}");
        let organization_id = it.organization("Scene").await;
        let of = it.acting(Uuid::nil(), organization_id, "of", "owner");
        let owner = it.colleague(&of, &name("owner"), "owner").await.user;
        it.colleague(&of, &name("other"), "owner").await;
        Self {
            admin: it.colleague(&of, &name("admin"), "admin").await.user,
            member: it.colleague(&of, &name("member"), "member").await.user,
            target: it.colleague(&of, &name("target"), "member").await,
            stranger: it.other_person(&name("stranger")).await,
            host: it.other_person(&name("host")).await,
            invite_id: it
                .invite_of(organization_id, owner.id, "guest@example.com")
                .await,
            token_id: it.api_token(organization_id, owner.id, "mine").await,
            owner,
        }
    }

    fn caller(&self, column: &str) -> Caller {
        Caller::User(match column {
            "owner" => self.owner.clone(),
            "admin" => self.admin.clone(),
            "member" => self.member.clone(),
            "stranger" => self.stranger.clone(),
            "reader" => User {
                scopes: vec!["read".into()],
                ..self.owner.clone()
            },
            "agent" => return agent(self.owner.organization_id),
            "nobody" => return Caller::Anonymous,
            "component" => return edge(),
            other => panic!("nobody is {other}"),
        })
    }

    /// Everything that is stored of the organization.
    async fn stored(&self, it: &Fixture) -> Vec<String> {
        sqlx::query_scalar(
            "select o::text from organization o where id = $1
             union all select m::text from member m where organization_id = $1
             union all select i::text from invite i where organization_id = $1
             union all select t::text from api_token t where organization_id = $1
             union all select a::text from board_access a join member m on m.id = a.member_id where m.organization_id = $1
             order by 1",
        )
        .bind(self.owner.organization_id)
        .fetch_all(&it.pool)
        .await
        .unwrap()
    }
}

#[sqlx::test(migrations = false)]
async fn everybody_may_do_what_the_matrix_says_and_nothing_else(pool: PgPool) {
    let it = Fixture::start(pool).await;
    let mut wrong = Vec::new();
    for (row, (rpc, expected)) in MATRIX.iter().enumerate() {
        for (column, (caller, expected)) in CALLERS.iter().zip(expected).enumerate() {
            let scene = Scene::new(&it, row * CALLERS.len() + column).await;
            let before = scene.stored(&it).await;
            let answer = call(&it, rpc, scene.caller(caller), &scene).await;
            let got = answer.map_or_else(|status| code::<()>(Err(status)), |()| OK.to_owned());
            if got != *expected {
                wrong.push(format!("{rpc} by {caller}: {got} instead of {expected}"));
            }
            let is_harmless = *caller == "stranger" || *expected != OK;
            if is_harmless && before != scene.stored(&it).await {
                wrong.push(format!("{rpc} by {caller} changed the organization"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    it.stop_deaf().await;
}

#[test]
fn the_matrix_has_a_row_for_every_rpc() {
    let listed: BTreeSet<String> = MATRIX
        .iter()
        .map(|(rpc, _)| *rpc)
        .chain([AUTHENTICATE])
        .map(|rpc| format!("/mission.org.v1.{rpc}"))
        .collect();
    let offered: BTreeSet<String> = proto::pool()
        .services()
        .filter(|service| service.package_name() == "mission.org.v1")
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .map(|method| proto::access::path(&method))
        .collect();
    assert_eq!(listed, offered);
}

#[sqlx::test(migrations = false)]
async fn only_components_authenticate(pool: PgPool) {
    let it = Fixture::start(pool).await;
    let scene = Scene::new(&it, 0).await;
    for column in CALLERS {
        let request = AuthenticateRequest {
            token: TOKEN.into(),
        };
        let answer = it
            .identity(scene.caller(column))
            .authenticate(request)
            .await;
        let expected = match column {
            "component" => {
                answer.unwrap();
                continue;
            }
            "nobody" => WHO,
            _ => KIND,
        };
        assert_eq!(code(answer), expected, "{column}");
    }
    it.stop_deaf().await;
}

async fn call(it: &Fixture, rpc: &str, caller: Caller, scene: &Scene) -> Result<(), Status> {
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
            let name = match &caller {
                Caller::User(user) => user.name.as_str(),
                _ => "whoever",
            };
            let address = format!("{name}@example.com");
            let token = it
                .invite(&scene.host, invitation(&address))
                .await
                .token
                .unwrap();
            client
                .accept_invite(AcceptInviteRequest { token })
                .await
                .map(drop)
        }
        "RedeemInvite" => {
            let address = format!("for{}@example.com", scene.owner.name);
            let token = it
                .invite(&scene.host, invitation(&address))
                .await
                .token
                .unwrap();
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
