//! Stand-ins for org and agent: they know five credentials.

use std::sync::{Arc, atomic::Ordering};

use chassis::{Caller, Fault, encode};
use proto::{
    agent::v1::{
        agent_directory_service_server::AgentDirectoryService, agent_service_server::AgentService,
        *,
    },
    org::v1::{
        identity_service_server::IdentityService, invite_service_server::InviteService,
        organization_service_server::OrganizationService, user_service_server::UserService, *,
    },
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{BOARD, Behind, CROWD, LEAD, MAIN, MEMBER, OWNER, READER, WORKER, agent_token};

pub(crate) struct People(pub(crate) Arc<Behind>);
pub(crate) struct Agents(pub(crate) Arc<Behind>);

type Answer<T> = Result<Response<T>, Status>;

fn unknown() -> Status {
    Fault::unauthenticated("CREDENTIAL_UNKNOWN", "not one of ours").into()
}

fn unused<T>() -> Answer<T> {
    Err(Status::unimplemented("no test needs it"))
}

#[tonic::async_trait]
impl IdentityService for People {
    async fn authenticate(
        &self,
        request: Request<AuthenticateRequest>,
    ) -> Answer<AuthenticateResponse> {
        self.0.authentications.fetch_add(1, Ordering::SeqCst);
        if self.0.locked_out.load(Ordering::SeqCst) {
            return Err(unknown());
        }
        let token = request.into_inner().token;
        let role = match token.as_str() {
            OWNER | READER => Role::Owner,
            MEMBER => Role::Member,
            _ => return Err(unknown()),
        };
        Ok(Response::new(AuthenticateResponse {
            user_id: Uuid::from_u128(role as u128).to_string(),
            name: "Ada".into(),
            organization_id: Uuid::from_u128(100).to_string(),
            role: role.into(),
            all_boards_read: self.0.granted.load(Ordering::SeqCst),
            scopes: (token == READER)
                .then(|| "read".into())
                .into_iter()
                .collect(),
            good_until: self.0.good_until.lock().unwrap().map(encode::time),
            ..AuthenticateResponse::default()
        }))
    }
}

#[tonic::async_trait]
impl UserService for People {
    async fn bootstrap(&self, request: Request<BootstrapRequest>) -> Answer<BootstrapResponse> {
        Ok(Response::new(BootstrapResponse {
            user: Some(user(&request)?),
        }))
    }

    async fn get_me(&self, request: Request<GetMeRequest>) -> Answer<GetMeResponse> {
        Ok(Response::new(GetMeResponse {
            user: Some(self.user(&request)?),
        }))
    }
}

impl People {
    fn user<T>(&self, request: &Request<T>) -> Result<User, Status> {
        if let Caller::User(user) = Caller::of(request)? {
            self.0.scopes.lock().unwrap().push(user.scopes);
        }
        user(request)
    }
}

#[tonic::async_trait]
impl InviteService for People {
    async fn redeem_invite(
        &self,
        request: Request<RedeemInviteRequest>,
    ) -> Answer<RedeemInviteResponse> {
        assert_eq!(Caller::of(&request)?, Caller::Anonymous);
        if request.get_ref().token != "mci_good" {
            return Err(Fault::not_found("INVITE_NOT_FOUND", "no such invite").into());
        }
        let token = ApiToken {
            token: Some("mcp_new".into()),
            ..ApiToken::default()
        };
        Ok(Response::new(RedeemInviteResponse {
            member: Some(Member::default()),
            api_token: Some(token),
        }))
    }
}

fn user<T>(request: &Request<T>) -> Result<User, Status> {
    match Caller::of(request)? {
        Caller::User(user) => Ok(User {
            id: user.id.to_string(),
            name: Some(user.name),
            ..User::default()
        }),
        other => panic!("the edge let {other:?} through"),
    }
}

#[tonic::async_trait]
impl OrganizationService for People {
    async fn create_organization(
        &self,
        _: Request<CreateOrganizationRequest>,
    ) -> Answer<CreateOrganizationResponse> {
        unused()
    }

    async fn list_organizations(
        &self,
        _: Request<ListOrganizationsRequest>,
    ) -> Answer<ListOrganizationsResponse> {
        let items = ["Personal", "Work"].map(|name| OrganizationListItem {
            id: Uuid::from_u128(100).to_string(),
            name: name.into(),
            role: Role::Owner.into(),
            is_active: name == "Work",
        });
        Ok(Response::new(ListOrganizationsResponse {
            items: items.into(),
        }))
    }

    async fn set_active_organization(
        &self,
        _: Request<SetActiveOrganizationRequest>,
    ) -> Answer<SetActiveOrganizationResponse> {
        unused()
    }

    async fn get_organization(
        &self,
        _: Request<GetOrganizationRequest>,
    ) -> Answer<GetOrganizationResponse> {
        unused()
    }

    async fn get_member(&self, _: Request<GetMemberRequest>) -> Answer<GetMemberResponse> {
        unused()
    }

    async fn list_members(&self, _: Request<ListMembersRequest>) -> Answer<ListMembersResponse> {
        unused()
    }
}

#[tonic::async_trait]
impl AgentDirectoryService for Agents {
    async fn authenticate_agent(
        &self,
        request: Request<AuthenticateAgentRequest>,
    ) -> Answer<AuthenticateAgentResponse> {
        self.0.authentications.fetch_add(1, Ordering::SeqCst);
        if self.0.locked_out.load(Ordering::SeqCst) {
            return Err(unknown());
        }
        let (number, board, lead) = match request.get_ref().token.as_str() {
            LEAD => (11, true, true),
            WORKER => (12, true, false),
            MAIN => (13, false, false),
            token => match CROWD
                .into_iter()
                .find(|number| token == agent_token(*number))
            {
                Some(number) => (number, true, false),
                None => return Err(unknown()),
            },
        };
        Ok(Response::new(AuthenticateAgentResponse {
            agent: Some(AgentRef {
                id: Uuid::from_u128(number).to_string(),
                organization_id: Uuid::from_u128(100).to_string(),
                gateway_id: Uuid::from_u128(200).to_string(),
                board_id: board.then(|| BOARD.to_owned()),
                name: "Bob".into(),
                is_board_lead: lead,
            }),
        }))
    }

    async fn record_presence(
        &self,
        request: Request<RecordPresenceRequest>,
    ) -> Answer<RecordPresenceResponse> {
        self.0
            .seen
            .lock()
            .unwrap()
            .extend(request.into_inner().seen);
        Ok(Response::new(RecordPresenceResponse {}))
    }

    async fn resolve_agents(
        &self,
        _: Request<ResolveAgentsRequest>,
    ) -> Answer<ResolveAgentsResponse> {
        unused()
    }

    async fn resolve_gateway(
        &self,
        _: Request<ResolveGatewayRequest>,
    ) -> Answer<ResolveGatewayResponse> {
        unused()
    }
}

#[tonic::async_trait]
impl AgentService for Agents {
    async fn list_agents(&self, _: Request<ListAgentsRequest>) -> Answer<ListAgentsResponse> {
        unused()
    }

    async fn create_agent(&self, _: Request<CreateAgentRequest>) -> Answer<CreateAgentResponse> {
        unused()
    }

    async fn get_agent(&self, _: Request<GetAgentRequest>) -> Answer<GetAgentResponse> {
        unused()
    }

    async fn retry_agent(&self, _: Request<RetryAgentRequest>) -> Answer<RetryAgentResponse> {
        unused()
    }

    async fn heartbeat(&self, request: Request<HeartbeatRequest>) -> Answer<HeartbeatResponse> {
        let Caller::Agent(caller) = Caller::of(&request)? else {
            panic!("the edge let somebody else through")
        };
        let agent = Agent {
            id: caller.id.to_string(),
            name: caller.name,
            ..Agent::default()
        };
        Ok(Response::new(HeartbeatResponse { agent: Some(agent) }))
    }

    async fn check_health(&self, _: Request<CheckHealthRequest>) -> Answer<CheckHealthResponse> {
        Ok(Response::new(CheckHealthResponse {
            ok: true,
            ..CheckHealthResponse::default()
        }))
    }
}
