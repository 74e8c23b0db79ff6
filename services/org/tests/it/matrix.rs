//! Who may do what here: the rows of the authorization matrix that this service owns, each cell through a call.

mod call;

use std::collections::BTreeSet;

use chassis::{Caller, caller::User};
use proto::org::v1::{AuthenticateRequest, ResolveProfileRequest};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    fixture::{Colleague, Fixture, TOKEN, agent, code, edge},
    scene::invitation,
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
/// The RPCs that are for components only.
const OF_COMPONENTS: [&str; 2] = [
    "IdentityService/Authenticate",
    "IdentityService/ResolveProfile",
];

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
    /// Owns a third organization.
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

    /// The token of an invite of somebody at `example.com` to a third organization.
    async fn token(&self, it: &Fixture, name: &str) -> String {
        let request = invitation(&format!("{name}@example.com"));
        it.invite(&self.host, request).await.token.unwrap()
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
async fn the_matrix_holds_for_people(pool: PgPool) {
    hold(pool, "UserService").await;
}

#[sqlx::test(migrations = false)]
async fn the_matrix_holds_for_organizations(pool: PgPool) {
    hold(pool, "OrganizationService").await;
}

#[sqlx::test(migrations = false)]
async fn the_matrix_holds_for_invites(pool: PgPool) {
    hold(pool, "InviteService").await;
}

#[sqlx::test(migrations = false)]
async fn the_matrix_holds_for_api_tokens(pool: PgPool) {
    hold(pool, "ApiTokenService").await;
}

/// Everybody may do what the rows of a service say, and nothing else.
async fn hold(pool: PgPool, service: &str) {
    let it = Fixture::start(pool).await;
    let mut wrong = Vec::new();
    let (mut scenes, mut scene) = (0, None);
    let rows = MATRIX
        .into_iter()
        .filter(|(rpc, _)| rpc.starts_with(service));
    for (rpc, row) in rows {
        for (caller, expected) in CALLERS.into_iter().zip(row) {
            // What changed nothing is good for the next call.
            let here = match scene.take() {
                Some(scene) => scene,
                None => {
                    scenes += 1;
                    Scene::new(&it, scenes).await
                }
            };
            let before = here.stored(&it).await;
            let answer = call::call(&it, rpc, here.caller(caller), &here).await;
            let got = answer.map_or_else(|status| code::<()>(Err(status)), |()| OK.to_owned());
            if got != expected {
                wrong.push(format!("{rpc} by {caller}: {got} instead of {expected}"));
            }
            let is_same = before == here.stored(&it).await;
            if !is_same && (caller == "stranger" || expected != OK) {
                wrong.push(format!("{rpc} by {caller} changed the organization"));
            }
            let reads = ["/Get", "/List"].iter().any(|verb| rpc.contains(verb));
            scene = (is_same && (reads || got != OK)).then_some(here);
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
        .chain(OF_COMPONENTS)
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
async fn only_components_ask_who_somebody_is(pool: PgPool) {
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
        let profile = it
            .identity(scene.caller(column))
            .resolve_profile(ResolveProfileRequest {
                organization_id: scene.owner.organization_id.to_string(),
                user_id: None,
            })
            .await;
        let expected = match column {
            "component" => {
                answer.unwrap();
                profile.unwrap();
                continue;
            }
            "nobody" => WHO,
            _ => KIND,
        };
        assert_eq!(code(answer), expected, "{column}");
        assert_eq!(code(profile), expected, "{column}");
    }
    it.stop_deaf().await;
}
