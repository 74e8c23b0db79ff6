//! The service on a database of its own, and everything that it tells the others.

use std::time::Duration;

use bus::{Bus, Handler, Subscription};
use chassis::{Caller, Clock, Fault, Running, Server, caller::User};
use chrono::{DateTime, Utc};
use org::{AuthMode, Config};
use proto::{
    event::v1::Event,
    org::v1::{
        AuthenticateRequest, AuthenticateResponse, Role,
        identity_service_client::IdentityServiceClient,
        organization_service_client::OrganizationServiceClient,
        user_service_client::UserServiceClient,
    },
};
use sqlx::{PgConnection, PgPool, postgres::PgPoolOptions};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tonic::Status;
use uuid::Uuid;

pub(crate) const TOKEN: &str = "test-token-0123456789-0123456789-0123456789-0123456789";

pub(crate) struct Fixture {
    pub pool: PgPool,
    pub clock: Clock,
    running: Running,
    told: UnboundedReceiver<Event>,
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
        Self {
            pool,
            clock,
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
        let (id, organization_id) = (Uuid::now_v7(), Uuid::now_v7());
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
        sqlx::query(
            "insert into organization (id, name, created_at, updated_at) values ($1, $2, $3, $3)",
        )
        .bind(organization_id)
        .bind(format!("{name}'s"))
        .bind(self.clock.now())
        .execute(&self.pool)
        .await
        .unwrap();
        self.join(organization_id, id, "owner").await;
        User {
            id,
            name: name.to_owned(),
            organization_id,
            role: chassis::Role::Owner,
            all_boards_read: true,
            all_boards_write: true,
            boards: Vec::new(),
            scopes: Vec::new(),
        }
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
