//! The component on a database of its own, and a bus to tell it events on.

use std::time::Duration;

use bus::Bus;
use chassis::{
    Caller, Clock, Fault, Role, Running, Server,
    caller::{Agent, User},
};
use chrono::{DateTime, Utc};
use proto::{
    board::v1::{Task, TaskStatus, board_directory_service_server::BoardDirectoryServiceServer},
    event::v1::{Event, TaskCreated, TaskStatusChanged, event::Payload},
    webhook::v1::{
        CreateWebhookEndpointRequest, GetWebhookDeliveryRequest, ListWebhookDeliveriesRequest,
        WebhookDelivery, WebhookEndpoint,
        webhook_endpoint_service_client::WebhookEndpointServiceClient,
    },
};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tonic::Status;
use uuid::Uuid;
use webhook_worker::Config;

use crate::boards::{BOARD, Boards, FOREIGN_ORGANIZATION, ORGANIZATION};

pub(crate) struct Fixture {
    pub pool: PgPool,
    pub bus: Bus,
    pub boards: Boards,
    running: Running,
}

/// How the component is set up.
pub(crate) struct Setup {
    pub schedule: &'static str,
    pub allow_private: bool,
    pub timeout: Duration,
    pub clock: Clock,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            schedule: "20ms,20ms",
            allow_private: true,
            timeout: Duration::from_secs(2),
            clock: Clock::system(),
        }
    }
}

impl Fixture {
    pub(crate) async fn start(pool: &PgPool) -> Self {
        Self::start_with(pool, Setup::default()).await
    }

    pub(crate) async fn start_with(pool: &PgPool, setup: Setup) -> Self {
        // The pool of the test macro is too narrow for races.
        let pool = PgPoolOptions::new()
            .max_connections(24)
            .connect_with((*pool.connect_options()).clone())
            .await
            .unwrap();
        bus::migrator().run(&pool).await.unwrap();
        bus::install(&pool).await.unwrap();
        delivery::migrator().run(&pool).await.unwrap();
        webhook_worker::MIGRATOR.run(&pool).await.unwrap();

        let boards = Boards::default();
        let mut server = Server::for_tests(pool.clone(), setup.clock);
        let bus = Bus::for_tests(pool.clone());
        bus.relay(&mut server, "test", pool.clone());
        server.add_service("board", BoardDirectoryServiceServer::new(boards.clone()));
        let config = Config {
            webhook_retry_schedule: setup.schedule.parse().unwrap(),
            webhook_allow_private_addresses: setup.allow_private,
            webhook_timeout: setup.timeout,
        };
        webhook_worker::register(&mut server, &bus, config)
            .await
            .unwrap();
        Self {
            pool,
            bus,
            boards,
            running: server.start(),
        }
    }

    pub(crate) async fn stop(self) {
        let parked = self.bus.parked("webhook", 10).await.unwrap();
        assert!(parked.is_empty(), "events were parked: {parked:?}");
        self.running.stop().await.unwrap();
        self.pool.close().await;
    }

    /// Ends the process as a kill would.
    pub(crate) async fn kill(self) {
        self.running.abort();
        self.pool.close().await;
    }

    pub(crate) fn client(&self, caller: Caller) -> WebhookEndpointServiceClient<chassis::Peer> {
        WebhookEndpointServiceClient::new(self.running.client(caller))
    }

    /// The client of the organization's owner.
    pub(crate) fn owner(&self) -> WebhookEndpointServiceClient<chassis::Peer> {
        self.client(owner())
    }

    pub(crate) async fn create(
        &self,
        request: CreateWebhookEndpointRequest,
    ) -> Result<WebhookEndpoint, Status> {
        let answer = self.owner().create_webhook_endpoint(request).await?;
        Ok(answer.into_inner().webhook_endpoint.unwrap())
    }

    /// Subscribes a URL to these types, for the whole organization.
    pub(crate) async fn subscribe(&self, url: &str, event_types: &[&str]) -> WebhookEndpoint {
        self.create(asking(url, event_types)).await.unwrap()
    }

    /// Tells events, in this order.
    pub(crate) fn tell(&self, events: impl IntoIterator<Item = Event>) -> impl Future<Output = ()> {
        tell(&self.pool, events)
    }

    pub(crate) async fn deliveries(&self, endpoint: &WebhookEndpoint) -> Vec<WebhookDelivery> {
        let request = ListWebhookDeliveriesRequest {
            webhook_endpoint_id: endpoint.id.clone(),
            ..ListWebhookDeliveriesRequest::default()
        };
        let answer = self.owner().list_webhook_deliveries(request).await.unwrap();
        answer.into_inner().items
    }

    /// One delivery with everything.
    pub(crate) async fn delivery(&self, endpoint: &WebhookEndpoint, id: &str) -> WebhookDelivery {
        let request = GetWebhookDeliveryRequest {
            webhook_endpoint_id: endpoint.id.clone(),
            delivery_id: id.to_owned(),
        };
        let answer = self.owner().get_webhook_delivery(request).await.unwrap();
        answer.into_inner().webhook_delivery.unwrap()
    }

    /// The only delivery of an endpoint, once it is as wanted.
    pub(crate) async fn until(
        &self,
        endpoint: &WebhookEndpoint,
        is_wanted: impl Fn(&WebhookDelivery) -> bool,
    ) -> WebhookDelivery {
        let listed = eventually("the delivery is as wanted", async || {
            let found = self.deliveries(endpoint).await;
            assert!(found.len() < 2, "{found:#?}");
            found.into_iter().find(&is_wanted)
        })
        .await;
        self.delivery(endpoint, &listed.id).await
    }
}

/// Tells events, in this order, whether anybody is there to hear them or not.
pub(crate) fn tell(
    pool: &PgPool,
    events: impl IntoIterator<Item = Event>,
) -> impl Future<Output = ()> {
    let events = events.into_iter().collect();
    async move {
        let mut tx = pool.begin().await.unwrap();
        bus::outbox::append_all(&mut tx, events).await.unwrap();
        tx.commit().await.unwrap();
    }
}

/// Polls until there is something, for at most 20 seconds.
pub(crate) async fn eventually<T>(what: &str, probe: impl AsyncFn() -> Option<T>) -> T {
    for _ in 0..1_000 {
        if let Some(found) = probe().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not within 20 seconds: {what}");
}

pub(crate) fn asking(url: &str, event_types: &[&str]) -> CreateWebhookEndpointRequest {
    CreateWebhookEndpointRequest {
        url: url.to_owned(),
        event_types: event_types.iter().map(|&text| text.to_owned()).collect(),
        ..CreateWebhookEndpointRequest::default()
    }
}

/// A moment in the past.
pub(crate) fn then() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 5_000).unwrap()
}

fn task(title: &str) -> Task {
    Task {
        id: Uuid::from_u128(0x7a).to_string(),
        title: title.to_owned(),
        status: TaskStatus::Inbox.into(),
        ..Task::default()
    }
}

/// `task.created` on the board.
pub(crate) fn created(title: &str) -> Event {
    created_on(ORGANIZATION, Some(BOARD), title)
}

/// `task.created` wherever; without a board it is an event of the organization.
pub(crate) fn created_on(organization_id: Uuid, board_id: Option<Uuid>, title: &str) -> Event {
    let payload = Payload::TaskCreated(TaskCreated {
        task: Some(task(title)),
        board_name: "Launch".into(),
    });
    event(organization_id, board_id, payload)
}

/// `task.status_changed` on the board.
pub(crate) fn moved() -> Event {
    let payload = Payload::TaskStatusChanged(TaskStatusChanged {
        task: Some(task("Moved")),
        from: TaskStatus::Inbox.into(),
        to: TaskStatus::InProgress.into(),
        ..TaskStatusChanged::default()
    });
    event(ORGANIZATION, Some(BOARD), payload)
}

/// Any event of the organization.
pub(crate) fn event(organization_id: Uuid, board_id: Option<Uuid>, payload: Payload) -> Event {
    let draft = bus::event(owner().event_actor(), organization_id, then(), payload);
    match board_id {
        Some(board_id) => draft.board(board_id).build(),
        None => draft.build(),
    }
}

fn person(id: u128, name: &str, organization_id: Uuid, role: Role) -> Caller {
    Caller::User(User {
        id: Uuid::from_u128(id),
        name: name.to_owned(),
        organization_id,
        role,
        all_boards_read: true,
        all_boards_write: true,
        boards: Vec::new(),
        scopes: Vec::new(),
    })
}

/// The owner of the organization.
pub(crate) fn owner() -> Caller {
    person(0xada, "Ada", ORGANIZATION, Role::Owner)
}

/// A member who may write every board.
pub(crate) fn member() -> Caller {
    person(0xbe4, "Ben", ORGANIZATION, Role::Member)
}

/// The owner of another organization.
pub(crate) fn stranger() -> Caller {
    person(0xe4e, "Eve", FOREIGN_ORGANIZATION, Role::Owner)
}

/// The lead of the board.
pub(crate) fn lead() -> Caller {
    Caller::Agent(Agent {
        id: Uuid::from_u128(0xa9e),
        name: "Robo".into(),
        organization_id: ORGANIZATION,
        gateway_id: Uuid::from_u128(0x6a),
        board_id: Some(BOARD),
        is_board_lead: true,
    })
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
