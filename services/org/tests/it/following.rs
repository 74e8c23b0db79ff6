//! The token by which somebody joined stands for them wherever they act.

use chassis::caller::User;
use futures::future::join_all;
use proto::org::v1::{
    AcceptInviteRequest, CreateApiTokenRequest, CreateOrganizationRequest,
    DeleteOrganizationRequest, LeaveOrganizationRequest, RedeemInviteRequest, RemoveMemberRequest,
    SetActiveOrganizationRequest,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    fixture::{Fixture, caller_of, code},
    scene::invitation,
};

/// Ann, who joined by an invite, with her credential and her membership.
struct Ann {
    token: String,
    member_id: String,
}

impl Ann {
    async fn join(it: &Fixture, host: &User) -> Self {
        let invite = it.invite(host, invitation("ann@example.com")).await;
        let request = RedeemInviteRequest {
            token: invite.token.unwrap(),
            name: "Ann".into(),
        };
        let mut public = it.invites_as(chassis::Caller::Anonymous);
        let answer = public.redeem_invite(request).await.unwrap().into_inner();
        Self {
            token: answer.api_token.unwrap().token.unwrap(),
            member_id: answer.member.unwrap().id,
        }
    }

    async fn acts(&self, it: &Fixture) -> User {
        caller_of(&it.authenticate(&self.token).await.unwrap())
    }

    async fn accept(&self, it: &Fixture, host: &User) {
        let invite = it.invite(host, invitation("ann@example.com")).await;
        let token = invite.token.unwrap();
        let mut invites = it.invites(&self.acts(it).await);
        invites
            .accept_invite(AcceptInviteRequest { token })
            .await
            .unwrap();
    }
}

fn to(id: Uuid) -> SetActiveOrganizationRequest {
    SetActiveOrganizationRequest {
        organization_id: id.to_string(),
    }
}

#[sqlx::test(migrations = false)]
async fn who_switches_acts_there_with_the_first_token_and_no_other(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let host = it.first_sign_in().await;
    let ann = Ann::join(&it, &host).await;
    let request = CreateApiTokenRequest {
        name: "script".into(),
        ..CreateApiTokenRequest::default()
    };
    let mut tokens = it.tokens(&ann.acts(&it).await);
    let made = tokens.create_api_token(request).await.unwrap().into_inner();
    let script = made.api_token.unwrap().token.unwrap();

    let mut organizations = it.organizations(&ann.acts(&it).await);
    let request = CreateOrganizationRequest { name: "Own".into() };
    let answer = organizations.create_organization(request).await.unwrap();
    let own: Uuid = answer
        .into_inner()
        .organization
        .unwrap()
        .id
        .parse()
        .unwrap();
    let there = ann.acts(&it).await;
    assert_eq!(
        (there.organization_id, there.role),
        (own, chassis::Role::Owner)
    );
    let stays = caller_of(&it.authenticate(&script).await.unwrap());
    assert_eq!(stays.organization_id, host.organization_id);

    let mut organizations = it.organizations(&there);
    organizations
        .set_active_organization(to(host.organization_id))
        .await
        .unwrap();
    let back = ann.acts(&it).await;
    assert_eq!(
        (back.organization_id, back.role),
        (host.organization_id, chassis::Role::Member)
    );

    let bob = it.other_person("bob").await;
    ann.accept(&it, &bob).await;
    assert_eq!(ann.acts(&it).await.organization_id, bob.organization_id);
    it.stop_deaf().await;
}

#[sqlx::test(migrations = false)]
async fn whoever_belongs_to_another_organization_is_not_locked_out(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let host = it.first_sign_in().await;
    let (bob, eve) = (it.other_person("bob").await, it.other_person("eve").await);
    let ann = Ann::join(&it, &host).await;
    ann.accept(&it, &bob).await;
    ann.accept(&it, &eve).await;

    // Eve's organization goes while she acts in it: she falls back to the one that she joined first.
    it.organizations(&eve)
        .delete_organization(DeleteOrganizationRequest {})
        .await
        .unwrap();
    assert_eq!(ann.acts(&it).await.organization_id, host.organization_id);

    let removal = RemoveMemberRequest {
        member_id: ann.member_id.clone(),
    };
    it.organizations(&host)
        .remove_member(removal)
        .await
        .unwrap();
    let left = ann.acts(&it).await;
    assert_eq!(left.organization_id, bob.organization_id);

    // With the last membership the credential goes.
    it.organizations(&left)
        .leave_organization(LeaveOrganizationRequest {})
        .await
        .unwrap();
    assert_eq!(
        code(it.authenticate(&ann.token).await),
        "credential_invalid"
    );
    it.stop_deaf().await;
}

#[sqlx::test(migrations = false)]
async fn switching_removal_and_deletion_at_once_leave_the_credential_where_its_person_acts(
    pool: PgPool,
) {
    let mut it = Fixture::start(pool).await;
    let host = it.first_sign_in().await;
    let ann = Ann::join(&it, &host).await;
    for round in 0..12 {
        let bob = it.other_person(&format!("bob{round}")).await;
        let eve = it.other_person(&format!("eve{round}")).await;
        ann.accept(&it, &bob).await;
        let at_bobs = ann.acts(&it).await;
        let member_id = it
            .value::<Uuid>(
                "select m.id from member m join user_account u on u.id = m.user_id
                 where m.organization_id = $1 and u.email = 'ann@example.com'",
                bob.organization_id,
            )
            .await
            .to_string();
        ann.accept(&it, &eve).await;
        let switches = join_all((0..4).map(|_| async {
            let mut organizations = it.organizations(&at_bobs);
            let answer = organizations
                .set_active_organization(to(bob.organization_id))
                .await;
            if let Err(refusal) = answer {
                assert_eq!(code(Err::<(), _>(refusal)), "organization_not_found");
            }
        }));
        let removal = async {
            let mut organizations = it.organizations(&bob);
            organizations
                .remove_member(RemoveMemberRequest { member_id })
                .await
                .unwrap();
        };
        let deletion = async {
            let mut organizations = it.organizations(&eve);
            organizations
                .delete_organization(DeleteOrganizationRequest {})
                .await
                .unwrap();
        };
        tokio::join!(switches, removal, deletion);
        assert_eq!(ann.acts(&it).await.organization_id, host.organization_id);
    }
    it.stop_deaf().await;
}
