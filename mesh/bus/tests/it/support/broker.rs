//! The RabbitMQ of the test run, behind a proxy that can be cut.

use std::sync::{Arc, Mutex};

use lapin::{
    Connection, ConnectionProperties,
    options::{ExchangeDeleteOptions, QueueDeleteOptions},
};
use secrecy::SecretString;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};
use uuid::Uuid;

use super::RETRIES;

/// A namespace of its own on the broker.
#[derive(Clone)]
pub(crate) struct Broker {
    direct: String,
    proxied: String,
    pub(crate) prefix: String,
    groups: Arc<Mutex<Vec<&'static str>>>,
    /// Whether the broker can be reached; a change cuts every connection.
    up: Arc<watch::Sender<bool>>,
}

impl Broker {
    pub(crate) async fn start() -> Self {
        let direct = std::env::var("MC_TEST_AMQP_URL")
            .expect("MC_TEST_AMQP_URL must name a RabbitMQ broker, such as amqp://guest:guest@127.0.0.1:5672/%2f");
        let uri: lapin::uri::AMQPUri = direct.parse().unwrap();
        let upstream = format!("{}:{}", uri.authority.host, uri.authority.port);
        let listener = TcpListener::bind(test_ports::free_addr()).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut proxied = uri.clone();
        proxied.authority.host = "127.0.0.1".to_owned();
        proxied.authority.port = port;
        let user = &uri.authority.userinfo;
        let vhost = uri.vhost.replace('/', "%2f");
        let proxied = format!(
            "amqp://{}:{}@127.0.0.1:{port}/{vhost}",
            user.username, user.password
        );
        let up = Arc::new(watch::channel(true).0);
        tokio::spawn(proxy(listener, upstream, up.subscribe()));
        let prefix = format!("test-{}.", Uuid::now_v7().simple());
        Self {
            direct,
            proxied,
            prefix,
            groups: Arc::default(),
            up,
        }
    }

    pub(crate) fn url(&self) -> SecretString {
        SecretString::from(self.proxied.as_str())
    }

    pub(crate) fn remember(&self, group: &'static str) {
        self.groups.lock().unwrap().push(group);
    }

    /// Cuts every connection and refuses new ones until [`Broker::mend`].
    pub(crate) fn cut(&self) {
        self.up.send_replace(false);
    }

    pub(crate) fn mend(&self) {
        self.up.send_replace(true);
    }

    /// Removes everything of this test from the broker.
    pub(crate) async fn clean(&self) {
        let connection = Connection::connect(&self.direct, ConnectionProperties::default())
            .await
            .unwrap();
        let channel = connection.create_channel().await.unwrap();
        let groups = self.groups.lock().unwrap().clone();
        let queues = groups
            .iter()
            .flat_map(|group| [(*group).to_owned(), format!("{group}.parked")]);
        let pauses = RETRIES
            .iter()
            .map(|pause| format!("retry.{}", pause.as_millis()));
        for queue in queues.chain(pauses) {
            let name = format!("{}mission.{queue}", self.prefix);
            channel
                .queue_delete(name.into(), QueueDeleteOptions::default())
                .await
                .unwrap();
        }
        for exchange in ["events", "retry", "return"] {
            let name = format!("{}mission.{exchange}", self.prefix);
            channel
                .exchange_delete(name.into(), ExchangeDeleteOptions::default())
                .await
                .unwrap();
        }
    }
}

async fn proxy(listener: TcpListener, upstream: String, up: watch::Receiver<bool>) {
    while let Ok((mut client, _)) = listener.accept().await {
        let mut up = up.clone();
        let upstream = upstream.clone();
        if *up.borrow_and_update() {
            tokio::spawn(async move {
                let mut server = TcpStream::connect(upstream).await.unwrap();
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                tokio::select! {
                    _ = up.changed() => {}
                    _ = copy_bidirectional(&mut client, &mut server) => {}
                }
            });
        }
    }
}
