//! Opening a session: dial, greet, judge the release.

use std::sync::Arc;

use tokio::time::timeout;

use super::{Gateway, Shared};
use crate::{
    dial::{dial, origin},
    error::Error,
    handshake::{self, Guise},
    refusal::Matter,
    session::Session,
    version::Calver,
};

impl Gateway {
    pub(super) async fn connect(&self) -> Result<Arc<Session>, Error> {
        let limit = self.shared.settings.connect_timeout;
        let connected = timeout(limit, self.greet()).await;
        let outcome = connected.unwrap_or_else(|_| {
            Err(Error::Timeout {
                method: "connect".to_owned(),
            })
        });
        if let Ok(session) = &outcome {
            tracing::info!(
                gateway.id = %self.target.gateway_id,
                version = %session.hello.version,
                protocol = session.hello.protocol,
                "gateway session opened"
            );
        }
        outcome
    }

    /// Logs a failure: aloud when it is news, for a gateway that is away is tried again and again.
    pub(super) fn tell(&self, error: &Error, is_news: bool) {
        if is_news {
            tracing::warn!(gateway.id = %self.target.gateway_id, %error, "gateway cannot be connected to");
        } else {
            tracing::debug!(gateway.id = %self.target.gateway_id, %error, "gateway still cannot be connected to");
        }
    }

    async fn greet(&self) -> Result<Arc<Session>, Error> {
        // Without a device a gateway takes us as a back-end or, when it is older, as the browser that its owner has exempted.
        let guises: &[Guise] = if self.target.disable_device_pairing {
            &[Guise::Bare, Guise::ControlUi]
        } else {
            &[Guise::Device]
        };
        let mut refused = None;
        for guise in guises {
            match self.greet_as(*guise).await {
                Ok(session) => return Ok(session),
                Err(handshake::Failed::Broken(error)) => return Err(error),
                Err(handshake::Failed::Refused(refusal)) => {
                    let error = refusal.to_error("connect", self.target.token());
                    if refusal.matter() != Matter::DeviceRequired {
                        return Err(error);
                    }
                    refused.get_or_insert(error);
                }
            }
        }
        Err(refused.unwrap_or(Error::PairingRequired { request_id: None }))
    }

    async fn greet_as(&self, guise: Guise) -> Result<Arc<Session>, handshake::Failed> {
        let Shared {
            settings,
            identity,
            tls,
            ..
        } = &*self.shared;
        let url = &self.target.url;
        let origin = (guise == Guise::ControlUi).then(|| origin(url));
        let tls = tls.client(self.target.allow_insecure_tls);
        let mut socket = dial(
            url,
            tls,
            settings.allow_private_addresses,
            origin.as_deref(),
        )
        .await?;
        let hello = handshake::greet(&mut socket, identity, guise, self.target.token()).await?;
        if let Ok(version) = hello.version.parse::<Calver>()
            && version < settings.min_version
        {
            let message = format!(
                "its version {version} is older than {}",
                settings.min_version
            );
            return Err(Error::Incompatible(message).into());
        }
        Ok(Session::start(
            socket,
            hello,
            settings.max_in_flight,
            &self.target.gateway_id,
            Arc::clone(&self.feed),
        ))
    }
}
