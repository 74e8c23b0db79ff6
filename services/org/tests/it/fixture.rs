//! The service on a database of its own, the boards that it asks for, and everything that it tells the others.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use bus::{Bus, Handler, Subscription};
use chassis::{Caller, Clock, Fault, Running, Server, caller::User};
use chrono::{DateTime, Utc};
use org::{AuthMode, Config};
use proto::{
    board::v1::{
        ResolveBoardIdsRequest, ResolveBoardIdsResponse,
        board_directory_service_server::{BoardDirectoryService, BoardDirectoryServiceServer},
    },
    event::v1::Event,
    org::v1::{
        AuthenticateRequest, AuthenticateResponse, Role,
        api_token_service_client::ApiTokenServiceClient,
        identity_service_client::IdentityServiceClient, invite_service_client::InviteServiceClient,
        organization_service_client::OrganizationServiceClient,
        user_service_client::UserServiceClient,
    },
};
use sqlx::{PgConnection, PgPool, postgres::PgPoolOptions};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tonic::{Request, Response, Status};
use uuid::Uuid;

pub(crate) const TOKEN: &str = "test-token-0123456789-0123456789-0123456789-0123456789";

pub(crate) struct Fixture {
    pub pool: PgPool,
    pub clock: Clock,
    pub boards: Boards,
    running: Running,
    told: UnboundedReceiver<Event>,
}

/// The boards that exist, each with its organization.
#[derive(Clone, Default)]
pub(crate) struct Boards(Arc<Mutex<HashSet<(Uuid, Uuid)>>>);

impl Boards {
    /// A new board of an organization.
    pub(crate) fn add(&self, organization_id: Uuid) -> Uuid {
        let id = Uuid::now_v7();
        self.0.lock().unwrap().insert((organization_id, id));
        id
    }
}

#[tonic::async_trait]
impl BoardDirectoryService for Boards {
    async fn resolve_board_ids(
        &self,
        request: Request<ResolveBoardIdsRequest>,
    ) -> Result<Response<ResolveBoardIdsResponse>, Status> {
        let request = request.into_inner();
        let organization_id = request.organization_id.parse().unwrap();
        let known = self.0.lock().unwrap();
        let is_known = |id: &String| known.contains(&(organization_id, id.parse().unwrap()));
        let board_ids = request.board_ids.into_iter().filter(is_known).collect();
        Ok(Response::new(ResolveBoardIdsResponse { board_ids }))
    }
}

/// A member beside the one who signed in first.
#[derive(Clone, Debug)]
pub(crate) struct Colleague {
    pub user: User,
    pub member_id: Uuid,
}

struct Recorder(UnboundedSender<Event>);

#[async_trait::async_trait]
impl Handler for Recorder {
    async fn handle(&self, _: &mut PgConnection, event: &Event) -> anyhow::Result<()> {
        Ok(self.0.send(event.clone())?)
    }
}

pub(crate) fn start_of_time() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

impl Fixture {
    pub(crate) async fn start(pool: PgPool) -> Self {
        // The pool of the test macro is too narrow for races.
        let pool = PgPoolOptions::new()
            .max_connections(24)
            .connect_with((*pool.connect_options()).clone())
            .await
            .unwrap();
        bus::migrator().run(&pool).await.unwrap();
        bus::install(&pool).await.unwrap();
        org::MIGRATOR.run(&pool).await.unwrap();

        let clock = Clock::fixed(start_of_time());
        let mut server = Server::for_tests(pool.clone(), clock.clone());
        let bus = Bus::for_tests(pool.clone());
        let (tell, told) = unbounded_channel();
        let everything = Subscription {
            group: "test",
            topics: &["#"],
        };
        bus.consume(&mut server, everything, pool.clone(), Recorder(tell))
            .await
            .unwrap();
        let config = Config {
            auth_mode: AuthMode::Local,
            local_auth_token: Some(TOKEN.into()),
        };
        org::register(&mut server, &bus, config).await.unwrap();
        let boards = Boards::default();
        server.add_service("board", BoardDirectoryServiceServer::new(boards.clone()));
        Self {
            pool,
            clock,
            boards,
            running: server.start(),
            told,
        }
    }

    /// Ends the test: nothing may have been told that the test did not look at.
    pub(crate) async fn stop(mut self) {
        self.running.stop().await.unwrap();
        let unseen = self.told.try_recv();
        assert!(unseen.is_err(), "the test did not expect {unseen:?}");
        self.pool.close().await;
    }

    /// Ends a test that does not look at what is told.
    pub(crate) async fn stop_deaf(self) {
        self.running.stop().await.unwrap();
        self.pool.close().await;
    }

    /// The types of the next events on the bus, in order.
    pub(crate) async fn types(&mut self, count: usize) -> Vec<String> {
        let events = self.told(count).await;
        events.into_iter().map(|event| event.r#type).collect()
    }

    /// The next events on the bus, in order.
    pub(crate) async fn told(&mut self, count: usize) -> Vec<Event> {
        let mut events = Vec::new();
        for _ in 0..count {
            let next = tokio::time::timeout(Duration::from_secs(20), self.told.recv()).await;
            events.push(next.expect("an event within 20 seconds").unwrap());
        }
        events
    }

    pub(crate) fn transport(&self, caller: Caller) -> chassis::Peer {
        self.running.client(caller)
    }

    pub(crate) fn identity(&self, caller: Caller) -> IdentityServiceClient<chassis::Peer> {
        IdentityServiceClient::new(self.running.client(caller))
    }

    pub(crate) fn users(&self, user: &User) -> UserServiceClient<chassis::Peer> {
        UserServiceClient::new(self.running.client(Caller::User(user.clone())))
    }

    pub(crate) fn organizations(&self, user: &User) -> OrganizationServiceClient<chassis::Peer> {
        self.organizations_as(Caller::User(user.clone()))
    }

    pub(crate) fn organizations_as(
        &self,
        caller: Caller,
    ) -> OrganizationServiceClient<chassis::Peer> {
        OrganizationServiceClient::new(self.running.client(caller))
    }

    pub(crate) fn invites(&self, user: &User) -> InviteServiceClient<chassis::Peer> {
        self.invites_as(Caller::User(user.clone()))
    }

    pub(crate) fn invites_as(&self, caller: Caller) -> InviteServiceClient<chassis::Peer> {
        InviteServiceClient::new(self.running.client(caller))
    }

    pub(crate) fn tokens(&self, user: &User) -> ApiTokenServiceClient<chassis::Peer> {
        ApiTokenServiceClient::new(self.running.client(Caller::User(user.clone())))
    }

    pub(crate) async fn authenticate(&self, token: &str) -> Result<AuthenticateResponse, Status> {
        let request = AuthenticateRequest {
            token: token.to_owned(),
        };
        Ok(self
            .identity(edge())
            .authenticate(request)
            .await?
            .into_inner())
    }

    /// Signs the local person in, as the edge does.
    pub(crate) async fn sign_in(&self) -> User {
        caller_of(&self.authenticate(TOKEN).await.unwrap())
    }

    /// Signs the local person in for the first time and takes note of what that tells.
    pub(crate) async fn first_sign_in(&mut self) -> User {
        let user = self.sign_in().await;
        self.told(2).await;
        user
    }

    /// Makes another person with an organization of their own; they join by other ways than the local token.
    pub(crate) async fn other_person(&self, name: &str) -> User {
        let id = self.person(name).await;
        let organization_id = self.organization(&format!("{name}'s")).await;
        self.join(organization_id, id, "owner").await;
        self.acting(id, organization_id, name, "owner")
    }

    /// Makes another person a member of somebody's organization.
    pub(crate) async fn colleague(&self, of: &User, name: &str, role: &str) -> Colleague {
        let id = self.person(name).await;
        let member_id = self.join(of.organization_id, id, role).await;
        let user = self.acting(id, of.organization_id, name, role);
        Colleague { user, member_id }
    }

    /// A person as the caller that the edge makes of them in an organization.
    pub(crate) fn acting(&self, id: Uuid, organization_id: Uuid, name: &str, role: &str) -> User {
        let role = match role {
            "owner" => chassis::Role::Owner,
            "admin" => chassis::Role::Admin,
            _ => chassis::Role::Member,
        };
        User {
            id,
            name: name.to_owned(),
            organization_id,
            role,
            all_boards_read: role != chassis::Role::Member,
            all_boards_write: role != chassis::Role::Member,
            boards: Vec::new(),
            scopes: Vec::new(),
        }
    }

    /// Makes a person who belongs to nothing; their address is their name at `example.com`.
    pub(crate) async fn person(&self, name: &str) -> Uuid {
        let id = Uuid::now_v7();
        sqlx::query(
            "insert into user_account (id, clerk_user_id, email, name, created_at, updated_at)
             values ($1, $2, $2 || '@example.com', $2, $3, $3)",
        )
        .bind(id)
        .bind(name)
        .bind(self.clock.now())
        .execute(&self.pool)
        .await
        .unwrap();
        id
    }

    /// Makes an organization of which nobody is a member.
    pub(crate) async fn organization(&self, name: &str) -> Uuid {
        let id = Uuid::now_v7();
        sqlx::query(
            "insert into organization (id, name, created_at, updated_at) values ($1, $2, $3, $3)",
        )
        .bind(id)
        .bind(name)
        .bind(self.clock.now())
        .execute(&self.pool)
        .await
        .unwrap();
        id
    }

    /// Makes a person a member without any right on boards, and answers the membership.
    pub(crate) async fn join(&self, organization_id: Uuid, user_id: Uuid, role: &str) -> Uuid {
        let id = Uuid::now_v7();
        sqlx::query(
            "insert into member (id, organization_id, user_id, role, all_boards_read, all_boards_write, created_at, updated_at)
             values ($1, $2, $3, $4, false, false, $5, $5)",
        )
        .bind(id)
        .bind(organization_id)
        .bind(user_id)
        .bind(role)
        .bind(self.clock.now())
        .execute(&self.pool)
        .await
        .unwrap();
        id
    }

    /// Names of the tables whose rows mention one of these ids, of all the tables that the service owns.
    pub(crate) async fn mentioning(&self, ids: &[Uuid]) -> Vec<(String, bool)> {
        let tables: Vec<String> = sqlx::query_scalar(
            "select table_name::text from information_schema.tables
             where table_schema = 'public' and table_type = 'BASE TABLE'
                 and table_name not in ('inbox', 'outbox') and table_name not like '\\_%'
             order by 1",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap();
        let patterns: Vec<String> = ids.iter().map(|id| format!("%{id}%")).collect();
        let mut found = Vec::new();
        for table in tables {
            let query = format!("select exists (select from {table} t where t::text like any($1))");
            let mentions = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
                .bind(&patterns)
                .fetch_one(&self.pool)
                .await
                .unwrap();
            found.push((table, mentions));
        }
        found
    }

    /// The one value of a query.
    pub(crate) async fn value<T>(&self, query: &'static str, id: Uuid) -> T
    where
        T: Send + Unpin,
        (T,): for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
    {
        sqlx::query_scalar(query)
            .bind(id)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// How many people, organizations and memberships there are.
    pub(crate) async fn counts(&self) -> (i64, i64, i64) {
        sqlx::query_as(
            "select (select count(*) from user_account), (select count(*) from organization), (select count(*) from member)",
        )
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }
}

/// The only kind of caller that may authenticate others.
pub(crate) fn edge() -> Caller {
    Caller::Internal {
        service: "api-edge".into(),
    }
}

/// An agent, which has no business with organizations.
pub(crate) fn agent(organization_id: Uuid) -> Caller {
    Caller::Agent(chassis::caller::Agent {
        id: Uuid::from_u128(0xa),
        name: "Worker".into(),
        organization_id,
        gateway_id: Uuid::from_u128(0xb),
        board_id: Some(Uuid::from_u128(0xc)),
        is_board_lead: true,
    })
}

/// The caller that the edge makes of an authentication.
pub(crate) fn caller_of(answer: &AuthenticateResponse) -> User {
    User {
        id: answer.user_id.parse().unwrap(),
        name: answer.name.clone(),
        organization_id: answer.organization_id.parse().unwrap(),
        role: match answer.role() {
            Role::Owner => chassis::Role::Owner,
            Role::Admin => chassis::Role::Admin,
            Role::Member => chassis::Role::Member,
            Role::Unspecified => panic!("an authentication without a role"),
        },
        all_boards_read: answer.all_boards_read,
        all_boards_write: answer.all_boards_write,
        boards: answer
            .boards
            .iter()
            .map(|right| chassis::BoardRight {
                board_id: right.board_id.parse().unwrap(),
                can_write: right.can_write,
            })
            .collect(),
        scopes: answer.scopes.clone(),
    }
}

/// The fields that an update names.
pub(crate) fn mask(fields: &[&str]) -> Option<prost_types::FieldMask> {
    let paths = fields.iter().map(|&field| field.to_owned()).collect();
    Some(prost_types::FieldMask { paths })
}

/// The code of a call that has to fail, as REST clients read it.
pub(crate) fn code<T: std::fmt::Debug>(answer: Result<T, Status>) -> String {
    fault(answer).rest_code()
}

/// The failure of a call that has to fail.
pub(crate) fn fault<T: std::fmt::Debug>(answer: Result<T, Status>) -> Fault {
    chassis::fault::read(&answer.unwrap_err())
}

/// The one wrong field of a call that has to fail, and why it is wrong.
pub(crate) fn violation<T: std::fmt::Debug>(answer: Result<T, Status>) -> (String, String) {
    let fault = fault(answer);
    assert_eq!(
        (fault.code, fault.fields.len()),
        (chassis::Code::Invalid, 1),
        "{fault:?}"
    );
    (
        fault.fields[0].field.clone(),
        fault.fields[0].reason.clone(),
    )
}

/// Waits until something holds that happens beside the calls.
pub(crate) async fn eventually<F: Future<Output = bool>>(holds: impl Fn() -> F) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait)
        .await
        .expect("what is waited for happens within 20 seconds");
}
