//! Examining the way to a gateway, step by step, on a connection of its own.
//!
//! Every step passes, or fails with what was seen and what to do about it; what comes after a failure is skipped. No text of
//! it holds a credential.

mod advice;
mod greeting;
mod report;

use std::{net::SocketAddr, time::Duration};

use tokio::{net::TcpStream, time::timeout};
use url::{Host, Url};

pub use self::report::{Check, Outcome};

use self::report::{Fault, Report};
use crate::{
    Config, address,
    dial::{self, Socket},
    error::Error,
    gateways::Settings,
    handshake::Guise,
    identity::Identity,
    target,
    tls::Tls,
};

/// How long one step may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is known of a gateway beside its URL and its token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    pub allow_insecure_tls: bool,
    pub disable_device_pairing: bool,
}

/// Examines the way to a gateway without a running installation. The device is the one of the identity files that the
/// options name; without them the gateway is met without a device.
///
/// # Errors
/// Fails when an identity file cannot be read. What is wrong with the gateway is in the answer.
pub async fn diagnose(
    config: &Config,
    url: &str,
    token: Option<&str>,
    flags: Flags,
) -> anyhow::Result<Vec<Check>> {
    let identity = Identity::of_files(config)?;
    let examination = Examination {
        settings: &Settings::from(config),
        tls: &Tls::new()?,
        identity: identity.as_ref(),
        url,
        token,
        flags,
    };
    Ok(examination.run().await)
}

/// What is examined, and with what.
pub(crate) struct Examination<'a> {
    pub settings: &'a Settings,
    pub tls: &'a Tls,
    /// The device to appear with; `None` for a command that is not the installation.
    pub identity: Option<&'a Identity>,
    pub url: &'a str,
    pub token: Option<&'a str>,
    pub flags: Flags,
}

type Step<T> = Result<T, Fault>;

impl Examination<'_> {
    pub(crate) async fn run(&self) -> Vec<Check> {
        let mut report = Report::begin();
        if let Err(fault) = Box::pin(self.examine(&mut report)).await {
            report.fail(fault);
        }
        report.finish()
    }

    async fn examine(&self, report: &mut Report) -> Step<()> {
        let (url, addresses) = self.address(report).await?;
        let stream = connect(report, &addresses).await?;
        let mut socket = self.socket(report, &url, stream).await?;
        let mut guise = self.guise();
        loop {
            match self.greet(report, &mut socket, guise).await? {
                greeting::Next::Done => return Ok(()),
                greeting::Next::Again => {}
                greeting::Next::As(other) => guise = other,
            }
            // A gateway hangs up after it has refused, so the same way is gone once more, without telling of it again.
            socket = self.redial(&url, &addresses, guise).await?;
        }
    }

    fn guise(&self) -> Guise {
        if self.identity.is_none() || self.flags.disable_device_pairing {
            Guise::Bare
        } else {
            Guise::Device
        }
    }

    /// The form of the URL, what stands behind its name, and whether that may be called.
    async fn address(&self, report: &mut Report) -> Step<(Url, Vec<SocketAddr>)> {
        let url = target::address(self.url).map_err(|fault| {
            let message = fault
                .fields
                .first()
                .map_or("is no gateway URL", |field| &field.message);
            Fault::new(
                "address",
                format!("The URL {message}"),
                advice::URL.to_owned(),
            )
        })?;
        let named = matches!(url.host(), Some(Host::Domain(_)));
        let passes = format!("{} is a gateway URL", shown(&url));
        let resolving = address::resolve(&url, self.settings.allow_private_addresses);
        let addresses = match timeout(PATIENCE, resolving).await {
            Ok(Ok(addresses)) => addresses,
            Ok(Err(Error::AddressRefused(why))) => {
                let detail = format!("This installation does not call the address: {why}");
                return Err(Fault::new("address", detail, advice::POLICY.to_owned()));
            }
            Ok(Err(_)) | Err(_) => {
                report.pass("address", passes);
                let host = url.host_str().unwrap_or_default();
                return Err(Fault::new(
                    "dns",
                    format!("The name {host} cannot be resolved"),
                    advice::dns(host),
                ));
            }
        };
        report.pass("address", passes);
        let found = addresses.iter().map(|address| address.ip().to_string());
        let found = found.collect::<Vec<_>>().join(", ");
        report.pass(
            "dns",
            if named {
                format!("The name stands for {found}")
            } else {
                "The URL names an address, so there is no name to resolve".to_owned()
            },
        );
        Ok((url, addresses))
    }

    /// From an open connection to a WebSocket.
    async fn socket(&self, report: &mut Report, url: &Url, stream: TcpStream) -> Step<Socket> {
        let tls = self.tls.client(self.flags.allow_insecure_tls);
        let secured = timeout(PATIENCE, dial::secure(url, tls, stream)).await;
        let stream = match secured {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(advice::tls(&error)),
            Err(_) => return Err(advice::no_tls()),
        };
        report.pass(
            "tls",
            match (url.scheme(), self.flags.allow_insecure_tls) {
                ("wss", false) => "The certificate is trusted",
                ("wss", true) => {
                    "Encrypted; the certificate is not looked at, as allow_insecure_tls says"
                }
                _ => "Not used: the URL begins with ws://",
            }
            .to_owned(),
        );
        let origin = self.origin(url, self.guise());
        let opened = timeout(PATIENCE, dial::upgrade(url, stream, origin.as_deref())).await;
        let socket = match opened {
            Ok(Ok(socket)) => socket,
            Ok(Err(error)) => return Err(advice::upgrade(&error, url)),
            Err(_) => return Err(advice::silent(url)),
        };
        report.pass(
            "origin",
            "Nothing on the way refuses the WebSocket".to_owned(),
        );
        Ok(socket)
    }

    async fn redial(&self, url: &Url, addresses: &[SocketAddr], guise: Guise) -> Step<Socket> {
        let lost = || {
            Fault::new(
                "version",
                "The gateway could not be reached a second time".to_owned(),
                advice::AGAIN.to_owned(),
            )
        };
        let origin = self.origin(url, guise);
        let tls = self.tls.client(self.flags.allow_insecure_tls);
        let dialling = async {
            let stream = dial::tcp(addresses).await.ok()?;
            let stream = dial::secure(url, tls, stream).await.ok()?;
            dial::upgrade(url, stream, origin.as_deref()).await.ok()
        };
        timeout(PATIENCE, dialling)
            .await
            .ok()
            .flatten()
            .ok_or_else(lost)
    }

    fn origin(&self, url: &Url, guise: Guise) -> Option<String> {
        (guise == Guise::ControlUi).then(|| dial::origin(url))
    }
}

async fn connect(report: &mut Report, addresses: &[SocketAddr]) -> Step<TcpStream> {
    let port = addresses.first().map_or(0, SocketAddr::port);
    match timeout(PATIENCE, dial::tcp(addresses)).await {
        Ok(Ok(stream)) => {
            report.pass("tcp", format!("Something listens on port {port}"));
            Ok(stream)
        }
        Ok(Err(_)) => Err(advice::refused(port)),
        Err(_) => Err(advice::unanswered(port)),
    }
}

/// The URL without its query, in which people put tokens.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.to_string()
}
