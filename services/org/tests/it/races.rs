//! What the database decides when two come at once. Each race is run many times; whichever wins, the organization is sound.

use futures::{
    FutureExt,
    future::{BoxFuture, join, join_all},
};
use proto::org::v1::{
    AcceptInviteRequest, CreateOrganizationRequest, DeleteMeRequest, DeleteOrganizationRequest,
    LeaveOrganizationRequest, RedeemInviteRequest, RemoveMemberRequest, Role,
    SetActiveOrganizationRequest, TransferOwnershipRequest, UpdateMemberRequest,
};
use sqlx::PgPool;
use tonic::{Response, Status};
use uuid::Uuid;

use crate::{
    fixture::{Colleague, Fixture, code, mask},
    scene::invitation,
};

const ROUNDS: usize = 40;
/// Rounds of a race in which tokens are hashed, which is slow on purpose.
const HASHING_ROUNDS: usize = 10;

/// An organization with two owners and a member.
struct Team {
    organization_id: Uuid,
    ada: Colleague,
    bob: Colleague,
    cyd: Colleague,
}

impl Team {
    async fn new(it: &Fixture, round: usize) -> Self {
        let organization_id = it.organization("Team").await;
        let of = it.acting(Uuid::nil(), organization_id, "nobody", "owner");
        Self {
            organization_id,
            ada: it.colleague(&of, &format!("ada{round}"), "owner").await,
            bob: it.colleague(&of, &format!("bob{round}"), "owner").await,
            cyd: it.colleague(&of, &format!("cyd{round}"), "member").await,
        }
    }
}

async fn demote(it: &Fixture, by: &Colleague, whom: &Colleague) -> Result<(), Status> {
    let request = UpdateMemberRequest {
        member_id: whom.member_id.to_string(),
        update_mask: mask(&["role"]),
        role: Role::Admin.into(),
    };
    it.organizations(&by.user)
        .update_member(request)
        .await
        .map(drop)
}

/// How many succeeded, and the codes of the others.
fn outcome(results: Vec<Result<(), Status>>) -> (usize, Vec<String>) {
    let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    let mut codes: Vec<_> = lost.into_iter().map(code).collect();
    codes.dedup();
    (won.len(), codes)
}

async fn owners(it: &Fixture, organization_id: Uuid) -> usize {
    let roles = it.roles(organization_id).await;
    roles.iter().filter(|role| *role == "owner").count()
}

#[sqlx::test(migrations = false)]
async fn two_owners_who_demote_each_other_leave_one(pool: PgPool) {
    let it = Fixture::start(pool).await;
    for round in 0..ROUNDS {
        let team = Team::new(&it, round).await;
        let (one, other) = join(
            demote(&it, &team.ada, &team.bob),
            demote(&it, &team.bob, &team.ada),
        )
        .await;
        assert_eq!(
            outcome(vec![one, other]),
            (1, vec!["owner_required".into()])
        );
        assert_eq!(owners(&it, team.organization_id).await, 1, "round {round}");
    }
    it.stop_deaf().await;
}

#[sqlx::test(migrations = false)]
async fn two_owners_who_demote_themselves_leave_one(pool: PgPool) {
    let it = Fixture::start(pool).await;
    for round in 0..ROUNDS {
        let team = Team::new(&it, round).await;
        let (one, other) = join(
            demote(&it, &team.ada, &team.ada),
            demote(&it, &team.bob, &team.bob),
        )
        .await;
        assert_eq!(outcome(vec![one, other]), (1, vec!["last_owner".into()]));
        assert_eq!(owners(&it, team.organization_id).await, 1, "round {round}");
    }
    it.stop_deaf().await;
}

#[sqlx::test(migrations = false)]
async fn a_last_owner_leaves_only_before_the_other_steps_back(pool: PgPool) {
    let it = Fixture::start(pool).await;
    for round in 0..ROUNDS {
        let team = Team::new(&it, round).await;
        let mut ada = it.organizations(&team.ada.user);
        let (left, demoted) = join(
            ada.leave_organization(LeaveOrganizationRequest {}),
            demote(&it, &team.bob, &team.bob),
        )
        .await;
        let results = vec![left.map(drop), demoted];
        assert_eq!(outcome(results), (1, vec!["last_owner".into()]));
        assert_eq!(owners(&it, team.organization_id).await, 1, "round {round}");
    }
    it.stop_deaf().await;
}

#[sqlx::test(migrations = false)]
async fn ownership_is_handed_over_before_or_not_at_all(pool: PgPool) {
    let it = Fixture::start(pool).await;
    for round in 0..ROUNDS {
        let team = Team::new(&it, round).await;
        let mut ada = it.organizations(&team.ada.user);
        let request = TransferOwnershipRequest {
            member_id: team.cyd.member_id.to_string(),
        };
        let (handed, demoted) = join(
            ada.transfer_ownership(request),
            demote(&it, &team.bob, &team.ada),
        )
        .await;
        demoted.unwrap();
        let expected = match handed {
            Ok(_) => 2,
            Err(refused) => {
                assert_eq!(code::<()>(Err(refused)), "owner_required");
                1
            }
        };
        assert_eq!(
            owners(&it, team.organization_id).await,
            expected,
            "round {round}"
        );
    }
    it.stop_deaf().await;
}

#[sqlx::test(migrations = false)]
async fn of_two_owners_only_one_deletes_their_account(pool: PgPool) {
    let it = Fixture::start(pool).await;
    for round in 0..ROUNDS {
        let team = Team::new(&it, round).await;
        let results = join_all([&team.ada, &team.bob].map(|owner| {
            let mut client = it.users(&owner.user);
            async move { client.delete_me(DeleteMeRequest {}).await.map(drop) }
        }))
        .await;
        assert_eq!(outcome(results), (1, vec!["last_owner".into()]));
        assert_eq!(it.roles(team.organization_id).await, ["owner", "member"]);
    }
    it.stop_deaf().await;
}

#[sqlx::test(migrations = false)]
async fn an_invite_is_accepted_once(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    for round in 0..HASHING_ROUNDS {
        let name = format!("guest{round}");
        let guest = it.other_person(&name).await;
        let made = it
            .invite(&user, invitation(&format!("{name}@example.com")))
            .await;
        let token = made.token.unwrap();
        let results = join_all((0..4).map(|_| {
            let mut client = it.invites(&guest);
            let request = AcceptInviteRequest {
                token: token.clone(),
            };
            async move { client.accept_invite(request).await.map(drop) }
        }))
        .await;
        assert_eq!(
            outcome(results),
            (1, vec!["invite_not_found".into()]),
            "round {round}"
        );
    }
    assert_eq!(
        it.roles(user.organization_id).await.len(),
        1 + HASHING_ROUNDS
    );
    it.stop_deaf().await;
}

#[sqlx::test(migrations = false)]
async fn an_invite_is_redeemed_once_and_an_address_gets_one_account(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    let ada = it.other_person("ada").await;
    for round in 0..HASHING_ROUNDS / 2 {
        let address = format!("guest{round}@example.com");
        let mut tokens = Vec::new();
        for inviter in [&user, &ada] {
            let token = it
                .invite(inviter, invitation(&address))
                .await
                .token
                .unwrap();
            tokens.extend([token.clone(), token]);
        }
        let results: Vec<Result<Response<_>, Status>> = join_all(tokens.into_iter().map(|token| {
            let mut client = it.invites_as(chassis::Caller::Anonymous);
            let name = "Guest".to_owned();
            async move {
                client
                    .redeem_invite(RedeemInviteRequest { token, name })
                    .await
            }
        }))
        .await;
        let won = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(won, 1, "round {round}: {results:?}");
        for refused in results.into_iter().filter(Result::is_err) {
            let code = code(refused);
            assert!(
                ["invite_not_found", "account_exists"].contains(&&*code),
                "{code}"
            );
        }
        let people: i64 = sqlx::query_scalar("select count(*) from user_account where email = $1")
            .bind(&address)
            .fetch_one(&it.pool)
            .await
            .unwrap();
        assert_eq!(people, 1, "round {round}");
    }
    it.stop_deaf().await;
}

#[sqlx::test(migrations = false)]
async fn an_address_is_invited_once(pool: PgPool) {
    let mut it = Fixture::start(pool).await;
    let user = it.first_sign_in().await;
    for round in 0..HASHING_ROUNDS {
        let results = join_all((0..4).map(|_| {
            let mut client = it.invites(&user);
            let request = invitation(&format!("guest{round}@example.com"));
            async move { client.create_invite(request).await.map(drop) }
        }))
        .await;
        assert_eq!(
            outcome(results),
            (1, vec!["invite_exists".into()]),
            "round {round}"
        );
    }
    it.stop_deaf().await;
}

#[sqlx::test(migrations = false)]
async fn whatever_happens_at_once_nobody_waits_for_ever(pool: PgPool) {
    let it = Fixture::start(pool).await;
    for round in 0..HASHING_ROUNDS {
        let team = Team::new(&it, round).await;
        let guest = it.other_person(&format!("guest{round}")).await;
        let made = it
            .invite(
                &team.ada.user,
                invitation(&format!("guest{round}@example.com")),
            )
            .await;
        for (member, name) in [(&team.cyd, "c"), (&team.bob, "b")] {
            it.api_token(team.organization_id, member.user.id, name)
                .await;
        }
        let [mut ada, mut bob, mut cyd] =
            [&team.ada, &team.bob, &team.cyd].map(|who| it.organizations(&who.user));
        let mut second_bob = it.organizations(&team.bob.user);
        let mut guest_invites = it.invites(&guest);
        let mut guest_organizations = it.organizations(&guest);
        let (mut cyd_account, mut guest_account) = (it.users(&team.cyd.user), it.users(&guest));
        let member_id = team.cyd.member_id.to_string();
        let token = made.token.unwrap();
        let organization_id = team.organization_id.to_string();
        let calls: Vec<BoxFuture<Result<(), Status>>> = vec![
            async {
                ada.remove_member(RemoveMemberRequest { member_id })
                    .await
                    .map(drop)
            }
            .boxed(),
            async {
                let request = SetActiveOrganizationRequest { organization_id };
                cyd.set_active_organization(request).await.map(drop)
            }
            .boxed(),
            async { cyd_account.delete_me(DeleteMeRequest {}).await.map(drop) }.boxed(),
            async {
                bob.leave_organization(LeaveOrganizationRequest {})
                    .await
                    .map(drop)
            }
            .boxed(),
            async {
                guest_invites
                    .accept_invite(AcceptInviteRequest { token })
                    .await
                    .map(drop)
            }
            .boxed(),
            async {
                let name = "Another".to_owned();
                let request = CreateOrganizationRequest { name };
                guest_organizations
                    .create_organization(request)
                    .await
                    .map(drop)
            }
            .boxed(),
            async { guest_account.delete_me(DeleteMeRequest {}).await.map(drop) }.boxed(),
            async {
                if round % 2 == 0 {
                    return Ok(());
                }
                let request = DeleteOrganizationRequest {};
                second_bob.delete_organization(request).await.map(drop)
            }
            .boxed(),
        ];
        for refused in join_all(calls).await.into_iter().filter(Result::is_err) {
            let code = code(refused);
            assert!(
                !["internal", "busy"].contains(&&*code),
                "round {round}: {code}"
            );
        }
    }
    it.stop_deaf().await;
}
