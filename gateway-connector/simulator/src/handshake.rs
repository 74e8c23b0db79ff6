//! The handshake: who may connect, as what, over which protocol.

use serde_json::{Map, Value, json};

use crate::{
    Failure, Pairing, SimulatorConfig, Version,
    device::{Claim, Doubt},
    frame::{Request, now_ms},
    params::{Kind, closed, text},
    state::State,
};

const CLIENT_IDS: &[&str] = &[
    "gateway-client",
    "cli",
    "openclaw-control-ui",
    "webchat",
    "webchat-ui",
    "openclaw-macos",
    "openclaw-ios",
    "openclaw-android",
    "node-host",
    "test",
    "fingerprint",
    "openclaw-probe",
];
const CLIENT_MODES: &[&str] = &["backend", "cli", "ui", "webchat", "node", "probe", "test"];
const CONTROL_UI: &str = "openclaw-control-ui";

/// An accepted connection.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub scopes: Vec<String>,
    pub device_id: Option<String>,
    pub hello: Value,
}

/// A refused one, with the close code that follows the answer.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub failure: Failure,
    pub close: u16,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            close: 1008,
        }
    }
}

/// Judges the first request of a connection.
pub(crate) fn judge(
    config: &SimulatorConfig,
    state: &mut State,
    nonce: &str,
    origin: Option<&str>,
    request: &Request,
) -> Result<Accepted, Refusal> {
    if request.method != "connect" {
        return Err(Failure::invalid("invalid handshake: first request must be connect").into());
    }
    let version = config.version;
    let params = shape(version, &request.params)
        .map_err(|problem| Failure::invalid(format!("invalid connect params: {problem}")))?;
    protocol(config, params)?;
    let role = params
        .get("role")
        .and_then(Value::as_str)
        .unwrap_or("operator");
    if role != "operator" {
        return Err(Failure::invalid("invalid role").into());
    }
    let scopes: Vec<&str> = params
        .get("scopes")
        .and_then(Value::as_array)
        .map(|scopes| scopes.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let client = params["client"].as_object().cloned().unwrap_or_default();
    let device = params.get("device").and_then(Value::as_object);
    let token = params
        .get("auth")
        .and_then(|auth| auth["token"].as_str())
        .unwrap_or_default();

    let exempt = control_ui(config, text(&client, "id"), origin, device.is_some())?;
    credentials(config, token, device.is_some() || exempt)?;
    if let Some(device) = device {
        let claim = Claim {
            id: text(device, "id"),
            public_key: text(device, "publicKey"),
            signature: text(device, "signature"),
            signed_at: device
                .get("signedAt")
                .and_then(Value::as_i64)
                .unwrap_or_default(),
            nonce: text(device, "nonce"),
            client_id: text(&client, "id"),
            client_mode: text(&client, "mode"),
            role,
            scopes: scopes.clone(),
            token,
        };
        let skew_ms = if version == Version::V2026_2_9 {
            600_000
        } else {
            120_000
        };
        claim
            .verify(nonce, i64::try_from(now_ms()).unwrap_or(i64::MAX), skew_ms)
            .map_err(|doubt| doubtful(version, doubt))?;
        paired(config, state, claim.id, &scopes)?;
    }
    let scopes: Vec<String> = if scopes.is_empty() && version == Version::V2026_2_9 {
        vec!["operator.admin".to_owned()]
    } else {
        scopes.into_iter().map(str::to_owned).collect()
    };
    let scopes: Vec<String> = match &config.grants {
        None => scopes,
        Some(grants) => scopes
            .into_iter()
            .filter(|scope| grants.contains(scope))
            .collect(),
    };
    let device_id = device.map(|device| text(device, "id").to_owned());
    Ok(Accepted {
        hello: hello(config, &scopes, device_id.as_deref()),
        scopes,
        device_id,
    })
}

fn shape(version: Version, params: &Value) -> Result<&Map<String, Value>, String> {
    let count = Kind::Count {
        from: 1,
        to: i64::MAX,
    };
    let known = closed(
        params,
        "",
        &[
            ("minProtocol", count, true),
            ("maxProtocol", count, true),
            ("client", Kind::Object, true),
            ("role", Kind::Text, false),
            ("scopes", Kind::Any, false),
            ("auth", Kind::Object, false),
            ("device", Kind::Object, false),
            ("caps", Kind::Any, false),
            ("commands", Kind::Any, false),
            ("permissions", Kind::Any, false),
            ("locale", Kind::AnyText, false),
            ("userAgent", Kind::AnyText, false),
            ("pathEnv", Kind::AnyText, false),
        ],
    )?;
    let client = closed(
        &known["client"],
        "/client",
        &[
            ("id", Kind::Text, true),
            ("version", Kind::Text, true),
            ("platform", Kind::Text, true),
            ("mode", Kind::Text, true),
            ("displayName", Kind::AnyText, false),
            ("deviceFamily", Kind::AnyText, false),
            ("modelIdentifier", Kind::AnyText, false),
            ("instanceId", Kind::AnyText, false),
        ],
    )?;
    for (name, allowed) in [("id", CLIENT_IDS), ("mode", CLIENT_MODES)] {
        if !allowed.contains(&text(client, name)) {
            return Err(format!(
                "at /client/{name}: must be equal to one of the allowed values"
            ));
        }
    }
    if let Some(auth) = known.get("auth") {
        let old = [
            ("token", Kind::AnyText, false),
            ("password", Kind::AnyText, false),
        ];
        let new = [
            old[0],
            old[1],
            ("deviceToken", Kind::AnyText, false),
            ("bootstrapToken", Kind::AnyText, false),
        ];
        closed(
            auth,
            "/auth",
            if version == Version::V2026_2_9 {
                &old
            } else {
                &new
            },
        )?;
    }
    if let Some(device) = known.get("device") {
        closed(
            device,
            "/device",
            &[
                ("id", Kind::Text, true),
                ("publicKey", Kind::Text, true),
                ("signature", Kind::Text, true),
                (
                    "signedAt",
                    Kind::Count {
                        from: 0,
                        to: i64::MAX,
                    },
                    true,
                ),
                ("nonce", Kind::AnyText, version != Version::V2026_2_9),
            ],
        )?;
    }
    Ok(known)
}

fn protocol(config: &SimulatorConfig, params: &Map<String, Value>) -> Result<(), Refusal> {
    let (version, own) = (config.version, config.protocol());
    let min = params["minProtocol"].as_i64().unwrap_or_default();
    let max = params["maxProtocol"].as_i64().unwrap_or_default();
    if (min..=max).contains(&own) {
        return Ok(());
    }
    let details = match version {
        Version::V2026_2_9 | Version::V2026_7_1 => json!({"expectedProtocol": own}),
        Version::V2026_9_6 => json!({
            "code": "PROTOCOL_MISMATCH", "clientMinProtocol": min, "clientMaxProtocol": max,
            "expectedProtocol": own, "minimumProbeProtocol": 3,
        }),
    };
    Err(Refusal {
        failure: Failure::invalid("protocol mismatch").details(details),
        close: 1002,
    })
}

/// Judges a browser; answers whether it needs no device.
fn control_ui(
    config: &SimulatorConfig,
    client_id: &str,
    origin: Option<&str>,
    has_device: bool,
) -> Result<bool, Refusal> {
    if client_id != CONTROL_UI {
        return Ok(false);
    }
    if origin.is_none() {
        let message = "origin not allowed (open the Control UI from the gateway host or allow it in \
                       gateway.controlUi.allowedOrigins)";
        return Err(detailed(config.version, message, "CONTROL_UI_ORIGIN_NOT_ALLOWED").into());
    }
    let bypass = config.control_ui_without_device && config.version != Version::V2026_9_6;
    if has_device || bypass {
        return Ok(bypass);
    }
    let message = "control ui requires device identity (use HTTPS or localhost secure context)";
    Err(detailed(
        config.version,
        message,
        "CONTROL_UI_DEVICE_IDENTITY_REQUIRED",
    )
    .into())
}

fn credentials(config: &SimulatorConfig, token: &str, has_device: bool) -> Result<(), Refusal> {
    let version = config.version;
    let Some(wanted) = config.token.as_deref() else {
        if has_device {
            return Ok(());
        }
        let code = "DEVICE_IDENTITY_REQUIRED";
        let failure = Failure::new("NOT_PAIRED", "device identity required");
        return Err(with_code(version, failure, code).into());
    };
    if token == wanted {
        return Ok(());
    }
    let (message, code) = match (token.is_empty(), has_device) {
        (true, false) => {
            let failure = Failure::new("NOT_PAIRED", "device identity required");
            return Err(with_code(version, failure, "DEVICE_IDENTITY_REQUIRED").into());
        }
        (true, true) => (
            "unauthorized: gateway token missing (provide gateway auth token)",
            "AUTH_TOKEN_MISSING",
        ),
        (false, _) => (
            "unauthorized: gateway token mismatch (provide gateway auth token)",
            "AUTH_TOKEN_MISMATCH",
        ),
    };
    Err(detailed(version, message, code).into())
}

fn doubtful(version: Version, doubt: Doubt) -> Refusal {
    let (message, code) = match doubt {
        Doubt::Identity => ("device identity mismatch", "DEVICE_AUTH_DEVICE_ID_MISMATCH"),
        Doubt::Expired => ("device signature expired", "DEVICE_AUTH_SIGNATURE_EXPIRED"),
        Doubt::Nonce => ("device nonce mismatch", "DEVICE_AUTH_NONCE_MISMATCH"),
        Doubt::Signature => ("device signature invalid", "DEVICE_AUTH_SIGNATURE_INVALID"),
    };
    detailed(version, message, code).into()
}

fn paired(
    config: &SimulatorConfig,
    state: &mut State,
    device_id: &str,
    scopes: &[&str],
) -> Result<(), Refusal> {
    if config.pairing == Pairing::Silent || state.approved.contains(device_id) {
        return Ok(());
    }
    let request_id = state
        .pending
        .entry(device_id.to_owned())
        .or_insert_with(|| uuid::Uuid::new_v4().to_string())
        .clone();
    let failure = match config.version {
        Version::V2026_2_9 => {
            Failure::new("NOT_PAIRED", "pairing required").details(json!({"requestId": request_id}))
        }
        Version::V2026_7_1 | Version::V2026_9_6 => {
            Failure::new("NOT_PAIRED", "pairing required: device is not approved yet").details(
                json!({
                    "code": "PAIRING_REQUIRED", "reason": "not-paired", "requestId": request_id,
                    "deviceId": device_id, "requestedRole": "operator", "requestedScopes": scopes,
                    "remediationHint": "Approve this device from the pending pairing requests.",
                }),
            )
        }
    };
    Err(failure.into())
}

fn hello(config: &SimulatorConfig, scopes: &[String], device_id: Option<&str>) -> Value {
    let version = config.version;
    let mut auth = json!({"role": "operator", "scopes": scopes});
    if let (Version::V2026_2_9, Some(device_id)) = (version, device_id) {
        auth["deviceToken"] = device_id[..32.min(device_id.len())].into();
        auth["issuedAtMs"] = now_ms().into();
    }
    json!({
        "type": "hello-ok",
        "protocol": config.protocol(),
        "server": {"version": config.announced.as_deref().unwrap_or(version.announced()), "connId": uuid::Uuid::new_v4().to_string()},
        "features": {"methods": methods(version), "events": EVENTS},
        "snapshot": {
            "presence": [], "health": {"ok": true, "ts": now_ms()},
            "stateVersion": {"presence": 1, "health": 1}, "uptimeMs": 1000,
            "sessionDefaults": {
                "defaultAgentId": "main", "mainKey": "main", "mainSessionKey": "agent:main:main",
                "scope": "per-sender",
            },
        },
        "auth": auth,
        "policy": {
            "maxPayload": config.max_payload(), "maxBufferedBytes": 1_572_864,
            "tickIntervalMs": crate::frame::millis(config.tick_interval),
        },
    })
}

const EVENTS: &[&str] = &[
    "connect.challenge",
    "agent",
    "chat",
    "presence",
    "tick",
    "shutdown",
    "health",
];

fn methods(version: Version) -> Vec<&'static str> {
    let mut methods = crate::methods::COMMON.to_vec();
    if version == Version::V2026_9_6 {
        methods.push("cron.scratch.set");
    }
    methods
}

fn detailed(version: Version, message: &str, code: &str) -> Failure {
    with_code(version, Failure::invalid(message), code)
}

fn with_code(version: Version, failure: Failure, code: &str) -> Failure {
    if version.has_details() {
        failure.details(json!({"code": code}))
    } else {
        failure
    }
}
