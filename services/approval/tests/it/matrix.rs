//! Who may do what: every kind of caller against every RPC.

use chassis::{
    Caller, Role,
    caller::{Agent, User},
};
use proto::approval::v1::{
    ApprovalStatus, CheckGateRequest, CreateApprovalPolicyRequest, CreateApprovalRequest,
    DeleteApprovalPolicyRequest, DryRunApprovalPolicyRequest, GetApprovalPolicyRequest,
    GetApprovalRequest, ListApprovalHistoryRequest, ListApprovalPoliciesRequest,
    ListApprovalsRequest, SummarizeBoardRequest, UpdateApprovalPolicyRequest,
};
use sqlx::PgPool;
use tonic::Status;
use uuid::Uuid;

use crate::{
    boards::{BOARD, FOREIGN_BOARD, FOREIGN_ORGANIZATION, OTHER_BOARD, task},
    fixture::{Fixture, admin, agent, asking, board_service, member, owner, resolving, stranger},
};

/// What an RPC answers to a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Done,
    Refused(&'static str),
}
use Answer::{Done, Refused};

/// The RPCs, in the order of the columns below.
const RPCS: [&str; 13] = [
    "ListApprovals",
    "GetApproval",
    "ListApprovalHistory",
    "CreateApproval",
    "ResolveApproval",
    "ListApprovalPolicies",
    "GetApprovalPolicy",
    "CreateApprovalPolicy",
    "UpdateApprovalPolicy",
    "DeleteApprovalPolicy",
    "DryRunApprovalPolicy",
    "CheckGate",
    "SummarizeBoard",
];

const HIDDEN: Answer = Refused("BOARD_NOT_FOUND");
const KIND: Answer = Refused("CALLER_NOT_ADMITTED");
const WRITE: Answer = Refused("BOARD_WRITE_REQUIRED");
const ADMIN: Answer = Refused("ADMIN_REQUIRED");
const ABSENT: Answer = Refused("POLICY_NOT_FOUND");
const SCOPE: Answer = Refused("SCOPE_MISSING");
const ANONYMOUS: Answer = Refused("UNAUTHENTICATED");

/// A user of the organization with changes.
fn user(change: impl FnOnce(&mut User)) -> Caller {
    let Caller::User(mut user) = member(true) else {
        panic!("a member is a user");
    };
    change(&mut user);
    Caller::User(user)
}

/// The main agent of a gateway, with changes.
fn main_agent(change: impl FnOnce(&mut Agent)) -> Caller {
    let Caller::Agent(mut main) = agent(None, false) else {
        panic!("an agent is one");
    };
    change(&mut main);
    Caller::Agent(main)
}

fn table() -> Vec<(&'static str, Caller, [Answer; 13])> {
    let all = [
        Done, Done, Done, Done, Done, Done, Done, Done, Done, Done, Done, KIND, KIND,
    ];
    let unseen = |create, resolve| {
        [
            HIDDEN, HIDDEN, HIDDEN, create, resolve, Done, Done, ADMIN, ADMIN, ADMIN, ADMIN, KIND,
            KIND,
        ]
    };
    let agents = |seen, create| {
        [
            seen, seen, seen, create, KIND, KIND, KIND, KIND, KIND, KIND, KIND, KIND, KIND,
        ]
    };
    let member_with = |create, resolve| {
        [
            Done, Done, Done, create, resolve, Done, Done, ADMIN, ADMIN, ADMIN, ADMIN, KIND, KIND,
        ]
    };
    let other = user(|user| user.boards[0].board_id = OTHER_BOARD);
    let everywhere = user(|user| {
        user.boards.clear();
        user.all_boards_read = true;
    });
    let reading = user(|user| {
        user.role = Role::Owner;
        user.scopes = vec!["read".into()];
    });
    let writing = user(|user| {
        user.role = Role::Owner;
        user.scopes = vec!["write".into()];
    });
    let other_gateway = main_agent(|main| main.gateway_id = Uuid::from_u128(1));
    let other_tenant = main_agent(|main| main.organization_id = FOREIGN_ORGANIZATION);
    let foreign_member = user(|user| user.organization_id = FOREIGN_ORGANIZATION);
    vec![
        ("owner", owner(), all),
        ("admin", admin(), all),
        ("member who writes", member(true), member_with(Done, Done)),
        ("member who reads", member(false), member_with(WRITE, WRITE)),
        (
            "member who reads all",
            everywhere,
            member_with(WRITE, WRITE),
        ),
        ("member elsewhere", other, unseen(HIDDEN, HIDDEN)),
        (
            "token to read",
            reading,
            [
                Done, Done, Done, SCOPE, SCOPE, Done, Done, SCOPE, SCOPE, SCOPE, SCOPE, KIND, KIND,
            ],
        ),
        (
            "token to write",
            writing,
            [
                Done, Done, Done, Done, Done, Done, Done, SCOPE, SCOPE, SCOPE, SCOPE, KIND, KIND,
            ],
        ),
        ("lead", agent(Some(BOARD), true), agents(Done, Done)),
        ("worker", agent(Some(BOARD), false), agents(Done, Done)),
        (
            "lead of another board",
            agent(Some(OTHER_BOARD), true),
            agents(HIDDEN, HIDDEN),
        ),
        (
            "worker of another board",
            agent(Some(OTHER_BOARD), false),
            agents(HIDDEN, HIDDEN),
        ),
        (
            "agent of another tenant's board",
            agent(Some(FOREIGN_BOARD), true),
            agents(HIDDEN, HIDDEN),
        ),
        (
            "main agent of the gateway",
            agent(None, false),
            agents(Done, KIND),
        ),
        (
            "main agent of another gateway",
            other_gateway,
            agents(HIDDEN, KIND),
        ),
        (
            "main agent of another tenant",
            other_tenant,
            agents(HIDDEN, KIND),
        ),
        (
            "owner of another tenant",
            stranger(),
            [
                HIDDEN, HIDDEN, HIDDEN, HIDDEN, HIDDEN, Done, ABSENT, Done, ABSENT, ABSENT, Done,
                KIND, KIND,
            ],
        ),
        (
            "member of another tenant",
            foreign_member,
            [
                HIDDEN, HIDDEN, HIDDEN, HIDDEN, HIDDEN, Done, ABSENT, ADMIN, ADMIN, ADMIN, ADMIN,
                KIND, KIND,
            ],
        ),
        (
            "component",
            board_service(),
            [
                KIND, KIND, KIND, KIND, KIND, KIND, KIND, KIND, KIND, KIND, KIND, Done, Done,
            ],
        ),
        ("nobody", Caller::Anonymous, [ANONYMOUS; 13]),
    ]
}

#[sqlx::test(migrations = false)]
async fn every_caller_may_what_the_table_says(pool: PgPool) {
    let it = Fixture::start(pool).await;
    let approval = it.create(&owner(), asking(&[1])).await.unwrap().id;
    for (name, caller, expected) in table() {
        for (rpc, expected) in RPCS.into_iter().zip(expected) {
            let found = match call(&it, &caller, rpc, &approval).await {
                Ok(()) => "done".to_owned(),
                Err(status) => chassis::fault::read(&status).reason,
            };
            let expected = match expected {
                Done => "done",
                Refused(reason) => reason,
            };
            assert_eq!(found, expected, "{rpc} by {name}");
        }
    }
    it.stop_unheard().await;
}

#[test]
fn no_rpc_is_left_out() {
    let mut contract: Vec<String> = proto::pool()
        .services()
        .filter(|service| service.full_name().starts_with("mission.approval.v1."))
        .flat_map(|service| {
            let names: Vec<_> = service
                .methods()
                .map(|method| method.name().to_owned())
                .collect();
            names
        })
        .collect();
    contract.sort_unstable();
    let mut listed = RPCS.map(str::to_owned);
    listed.sort_unstable();
    assert_eq!(contract, listed);
}

async fn call(it: &Fixture, caller: &Caller, rpc: &str, approval: &str) -> Result<(), Status> {
    let board_id = BOARD.to_string();
    let approval_id = approval.to_owned();
    let mut approvals = it.approvals(caller);
    let mut policies = it.policies(caller);
    let mut gates = it.gates(caller.clone());
    match rpc {
        "ListApprovals" => {
            let request = ListApprovalsRequest {
                board_id,
                ..Default::default()
            };
            approvals.list_approvals(request).await.map(drop)
        }
        "GetApproval" => {
            let request = GetApprovalRequest {
                board_id,
                approval_id,
            };
            approvals.get_approval(request).await.map(drop)
        }
        "ListApprovalHistory" => {
            let request = ListApprovalHistoryRequest {
                board_id,
                approval_id,
                ..Default::default()
            };
            approvals.list_approval_history(request).await.map(drop)
        }
        "CreateApproval" => {
            let request = CreateApprovalRequest {
                board_id,
                ..asking(&[])
            };
            approvals.create_approval(request).await.map(drop)
        }
        "ResolveApproval" => {
            let request = resolving(approval, ApprovalStatus::Approved);
            approvals.resolve_approval(request).await.map(drop)
        }
        "ListApprovalPolicies" => {
            let request = ListApprovalPoliciesRequest {};
            policies.list_approval_policies(request).await.map(drop)
        }
        "CreateApprovalPolicy" => policies.create_approval_policy(policy()).await.map(drop),
        "DryRunApprovalPolicy" => {
            let request = DryRunApprovalPolicyRequest {
                policy: Some(policy()),
                days: None,
            };
            policies.dry_run_approval_policy(request).await.map(drop)
        }
        "CheckGate" => {
            let request = CheckGateRequest {
                board_id,
                task_id: task(1).to_string(),
                cycle: 1,
            };
            gates.check_gate(request).await.map(drop)
        }
        "SummarizeBoard" => {
            let request = SummarizeBoardRequest { board_id, limit: 1 };
            gates.summarize_board(request).await.map(drop)
        }
        about_one => {
            let policy_id = it.create_policy(policy()).await?.id;
            let called = match about_one {
                "GetApprovalPolicy" => {
                    let request = GetApprovalPolicyRequest {
                        policy_id: policy_id.clone(),
                    };
                    policies.get_approval_policy(request).await.map(drop)
                }
                "UpdateApprovalPolicy" => {
                    let request = UpdateApprovalPolicyRequest {
                        policy_id: policy_id.clone(),
                        name: Some("other".into()),
                        ..Default::default()
                    };
                    policies.update_approval_policy(request).await.map(drop)
                }
                "DeleteApprovalPolicy" => {
                    let request = DeleteApprovalPolicyRequest {
                        policy_id: policy_id.clone(),
                    };
                    return policies.delete_approval_policy(request).await.map(drop);
                }
                unknown => panic!("{unknown} is no RPC of this service"),
            };
            // Nothing piles up to the limit.
            let request = DeleteApprovalPolicyRequest { policy_id };
            it.policies(&owner())
                .delete_approval_policy(request)
                .await?;
            called
        }
    }
}

fn policy() -> CreateApprovalPolicyRequest {
    CreateApprovalPolicyRequest {
        name: "policy".into(),
        enabled: Some(false),
        ..CreateApprovalPolicyRequest::default()
    }
}
