//! What the gateway itself says: release, token, scopes, pairing.

use std::time::Duration;

use futures::SinkExt;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::{
    Examination, PATIENCE, Step, advice,
    report::{Fault, Report},
};
use crate::{
    dial::Socket,
    error::Error,
    frame::{self, Incoming},
    handshake::{self, Guise},
    hello::Hello,
    identity::Identity,
    refusal::{Matter, Refusal, printable},
    version::Calver,
};

/// Handshakes with a gateway that is starting before it counts as not coming up.
const TRIES: u32 = 10;

/// How the examination goes on.
pub(super) enum Next {
    Done,
    Again,
    As(Guise),
}

impl Examination<'_> {
    /// Greets the gateway and judges its answer.
    pub(super) async fn greet(
        &self,
        report: &mut Report,
        socket: &mut Socket,
        guise: Guise,
    ) -> Step<Next> {
        let nobody = Identity::ephemeral();
        let identity = self.identity.unwrap_or(&nobody);
        let greeting = handshake::greet(socket, identity, guise, self.token);
        match timeout(PATIENCE, greeting).await {
            Ok(Ok(hello)) => self.accepted(report, socket, guise, &hello).await,
            Ok(Err(handshake::Failed::Refused(refusal))) => {
                self.refused(report, guise, &refusal).await
            }
            Ok(Err(handshake::Failed::Broken(Error::Incompatible(why)))) => {
                Err(self.outdated(format!("The gateway is not one that we know: {why}")))
            }
            Ok(Err(handshake::Failed::Broken(_))) | Err(_) => Err(Fault::new(
                "version",
                "What answers does not greet as an OpenClaw gateway".to_owned(),
                "Check that host, port and path of the URL are the gateway's: openclaw config get gateway.port"
                    .to_owned(),
            )),
        }
    }

    async fn accepted(
        &self,
        report: &mut Report,
        socket: &mut Socket,
        guise: Guise,
        hello: &Hello,
    ) -> Step<Next> {
        let configuration = ask(socket, "config.get").await;
        let (version, minimum) = (&hello.version, self.settings.min_version);
        // A gateway that was not started by its service calls itself `dev`; its configuration may know better.
        let written = match &configuration {
            Some(Ok(payload)) => {
                let touched = &payload["config"]["meta"]["lastTouchedVersion"];
                touched.as_str().and_then(|text| text.parse().ok())
            }
            Some(Err(_)) | None => None,
        };
        let known = version.parse::<Calver>().ok().or(written);
        if let Some(known) = known
            && known < minimum
        {
            return Err(self.outdated(format!("OpenClaw {known} is older than {minimum}")));
        }
        let protocol = hello.protocol;
        report.pass(
            "version",
            match known {
                Some(known) => format!("OpenClaw {known}, protocol {protocol}"),
                None => format!(
                    "OpenClaw {}, which names no release; protocol {protocol}",
                    printable(version, None)
                ),
            },
        );
        report.pass(
            "token",
            if self.token.is_some() {
                "The gateway accepts the token"
            } else {
                "The gateway asks for no token"
            }
            .to_owned(),
        );
        let granted = hello.scopes.as_deref().unwrap_or_default();
        let administers = granted.iter().any(|scope| scope == "operator.admin")
            || (granted.is_empty() && matches!(configuration, Some(Ok(_))));
        if !administers {
            let granted = match granted {
                [] => "none".to_owned(),
                granted => printable(&granted.join(", "), None),
            };
            return Err(Fault::new(
                "scopes",
                format!("operator.admin is missing; granted: {granted}"),
                self.widen(guise),
            ));
        }
        report.pass("scopes", "operator.admin is granted".to_owned());
        report.pass(
            "pairing",
            match guise {
                Guise::Device => "The device of this installation is accepted",
                Guise::Bare | Guise::ControlUi => "The gateway asks for no device",
            }
            .to_owned(),
        );
        // A gateway that is gone cannot take a farewell either.
        let _ = timeout(Duration::from_secs(1), socket.close(None)).await;
        Ok(Next::Done)
    }

    async fn refused(&self, report: &mut Report, guise: Guise, refusal: &Refusal) -> Step<Next> {
        let words = printable(&refusal.message, self.token);
        match refusal.matter() {
            Matter::Busy => {
                if report.tried() >= TRIES {
                    return Err(Fault::new(
                        "version",
                        format!("The gateway is not ready: {words}"),
                        advice::AGAIN.to_owned(),
                    ));
                }
                let wait = refusal.retry_after.unwrap_or(Duration::from_secs(1));
                sleep(wait.min(Duration::from_secs(2))).await;
                Ok(Next::Again)
            }
            Matter::Protocol => Err(self.outdated(format!(
                "The gateway speaks none of the protocols 3 and 4: {words}"
            ))),
            Matter::DeviceRequired if guise == Guise::Bare && self.flags.disable_device_pairing => {
                Ok(Next::As(Guise::ControlUi))
            }
            matter => {
                report.pass(
                    "version",
                    "The gateway speaks a protocol that we know".to_owned(),
                );
                Err(self.unwelcome(report, matter, refusal, &words))
            }
        }
    }

    /// A refusal of a gateway that understands us.
    fn unwelcome(
        &self,
        report: &mut Report,
        matter: Matter,
        refusal: &Refusal,
        words: &str,
    ) -> Fault {
        let code = refusal.detail_code.as_deref().unwrap_or_default();
        let about_device = code.starts_with("DEVICE_AUTH_") || words.starts_with("device ");
        match matter {
            Matter::Unauthorized if code.contains("RATE_LIMIT") => Fault::new(
                "token",
                "Too many wrong tokens came from this address".to_owned(),
                "Wait five minutes, then set the right token.".to_owned(),
            ),
            Matter::Unauthorized if !about_device => self.wrong_token(),
            Matter::DeviceRequired if self.token.is_none() => self.wrong_token(),
            Matter::Scope => Fault::new("scopes", words.to_owned(), self.widen(self.guise())),
            Matter::Pairing | Matter::DeviceRequired | Matter::Unauthorized => {
                report.pass("token", "The gateway has no objection to it".to_owned());
                self.unpaired(matter, refusal, words)
            }
            _ => Fault::new(
                "token",
                format!("The gateway refuses: {words}"),
                "Look into the gateway's log: openclaw logs --follow".to_owned(),
            ),
        }
    }

    fn wrong_token(&self) -> Fault {
        let (seen, what) = match self.token {
            None => (
                "The gateway wants a token and none is set",
                "Set the gateway's token in Mission Control",
            ),
            Some(_) => (
                "The gateway does not accept the token",
                "Set the right token in Mission Control",
            ),
        };
        Fault::new(
            "token",
            seen.to_owned(),
            format!(
                "{what}: it is gateway.auth.token in the gateway's configuration (or OPENCLAW_GATEWAY_TOKEN in its \
                 environment). On the gateway's machine: openclaw config get gateway.auth.token"
            ),
        )
    }

    fn unpaired(&self, matter: Matter, refusal: &Refusal, words: &str) -> Fault {
        if matter == Matter::Unauthorized {
            return Fault::new(
                "pairing",
                format!("The gateway does not believe the device: {words}"),
                "Set the clocks of both machines right, and forget the device on the gateway's machine: openclaw devices \
                 list, then openclaw devices remove <deviceId>"
                    .to_owned(),
            );
        }
        let more = words.contains("scope") || words.contains("role");
        let step = if more { "scopes" } else { "pairing" };
        match refusal.request_id.as_deref() {
            Some(id) => Fault::new(
                step,
                if more {
                    "The device is approved for less than is needed".to_owned()
                } else {
                    "The gateway wants this device to be approved first".to_owned()
                },
                format!(
                    "On the gateway's machine: openclaw devices approve {}",
                    printable(id, None)
                ),
            ),
            None if self.identity.is_none() => Fault::new(
                step,
                "The gateway wants an approved device, and this command is none".to_owned(),
                "Add the gateway in Mission Control and run its diagnosis there: that appears as the installation's device, \
                 and names the request to approve."
                    .to_owned(),
            ),
            None if self.flags.disable_device_pairing => Fault::new(
                step,
                "The gateway wants a device, and disable_device_pairing is on".to_owned(),
                "Switch disable_device_pairing off for this gateway, then approve its device. (Up to 2026.7 also: openclaw \
                 config set gateway.controlUi.dangerouslyDisableDeviceAuth true)"
                    .to_owned(),
            ),
            None => Fault::new(
                step,
                "The gateway wants this device to be approved first".to_owned(),
                "On the gateway's machine: openclaw devices list, then openclaw devices approve <requestId>"
                    .to_owned(),
            ),
        }
    }

    /// How the connection comes by `operator.admin`.
    fn widen(&self, guise: Guise) -> String {
        match (guise, self.identity) {
            (Guise::Device, Some(identity)) => format!(
                "On the gateway's machine: openclaw devices rotate --device {} --role operator --scope operator.admin",
                identity.id()
            ),
            _ => "Switch disable_device_pairing off for this gateway, then approve its device on the gateway's machine: \
                  openclaw devices list, then openclaw devices approve <requestId>"
                .to_owned(),
        }
    }

    fn outdated(&self, seen: String) -> Fault {
        Fault::new(
            "version",
            seen,
            format!(
                "On the gateway's machine: openclaw update (at least {}), then openclaw gateway restart",
                self.settings.min_version
            ),
        )
    }
}

/// One request; `None` when the gateway does not answer it.
async fn ask(socket: &mut Socket, method: &str) -> Option<Result<Value, Refusal>> {
    let asking = async {
        let text = frame::request(method, method, &json!({}));
        socket.send(Message::text(text)).await.ok()?;
        loop {
            if let Incoming::Response { id, outcome } = handshake::next(socket).await.ok()?
                && id == method
            {
                return Some(outcome);
            }
        }
    };
    timeout(PATIENCE, asking).await.ok().flatten()
}
