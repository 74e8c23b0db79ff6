//! The REST API of a Mission Control, as far as the command line needs it.

use std::{fmt, time::Duration};

use anyhow::Context;
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// How long one call may take: longer than a gateway may need to connect and to answer.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Pages of a list that are looked through.
const PAGES: usize = 50;

/// Connections, shared by clients.
pub(crate) fn http() -> anyhow::Result<reqwest::Client> {
    // Fails only when a provider is installed already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(reqwest::Client::builder().timeout(TIMEOUT).build()?)
}

/// Somebody who is signed in.
#[derive(Clone)]
pub(crate) struct Rest {
    http: reqwest::Client,
    base: String,
    header: &'static str,
    credential: SecretString,
}

/// Mission Control answered, and said no.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// Stable, for programs: `task_already_claimed`.
    pub(crate) code: String,
    detail: String,
    what: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.detail)
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    /// The refusal that an error is, if it is one.
    pub(crate) fn of(error: &anyhow::Error) -> Option<&Self> {
        error.downcast_ref()
    }

    /// Whether the thing that was asked for is not there.
    pub(crate) fn is_not_found(error: &anyhow::Error) -> bool {
        Self::of(error).is_some_and(|refusal| refusal.status == StatusCode::NOT_FOUND)
    }
}

impl Rest {
    /// A person.
    pub(crate) fn person(http: &reqwest::Client, base: &str, token: &SecretString) -> Self {
        let bearer = format!("Bearer {}", token.expose_secret());
        Self::new(http, base, "authorization", bearer.into())
    }

    /// An agent.
    pub(crate) fn agent(http: &reqwest::Client, base: &str, token: &SecretString) -> Self {
        Self::new(http, base, "x-agent-token", token.clone())
    }

    fn new(
        http: &reqwest::Client,
        base: &str,
        header: &'static str,
        credential: SecretString,
    ) -> Self {
        Self {
            http: http.clone(),
            base: base.trim_end_matches('/').to_owned(),
            header,
            credential,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.call(Method::PATCH, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::DELETE, path, None).await
    }

    /// Everything in a list, page by page. The path has no query yet.
    pub(crate) async fn all(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let (mut found, mut page) = (Vec::new(), format!("{path}?limit=200"));
        for _ in 0..PAGES {
            let list = self.get(&page).await?;
            found.extend(items(&list)?.iter().cloned());
            let Some(token) = list["next_page_token"].as_str() else {
                break;
            };
            let token: String = url::form_urlencoded::byte_serialize(token.as_bytes()).collect();
            page = format!("{path}?limit=200&page_token={token}");
        }
        Ok(found)
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let what = format!("{method} {path}");
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .header(self.header, self.credential.expose_secret());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request
            .send()
            .await
            .with_context(|| format!("{what} reached nobody"))?;
        let status = answer.status();
        let text = answer.text().await?;
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        if status.is_success() {
            return Ok(body);
        }
        Err(Refusal {
            status,
            code: body["code"].as_str().unwrap_or_default().to_owned(),
            detail: body["detail"]
                .as_str()
                .map_or_else(|| format!("answered {status}"), str::to_owned),
            what,
        }
        .into())
    }
}

/// The things in a list.
pub(crate) fn items(list: &Value) -> anyhow::Result<&Vec<Value>> {
    list["items"].as_array().context("the answer is not a list")
}

/// A field that is text.
pub(crate) fn text(value: &Value, field: &str) -> anyhow::Result<String> {
    let found = value[field].as_str();
    Ok(found
        .with_context(|| format!("the answer has no {field}"))?
        .to_owned())
}
