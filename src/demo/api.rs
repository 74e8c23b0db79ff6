//! The REST API, as far as the demo needs it.

use anyhow::Context;
use reqwest::Method;
use serde_json::Value;
use url::Url;

/// A signed-in client.
pub(super) struct Api {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Api {
    pub(super) fn new(base: &Url, token: &str) -> anyhow::Result<Self> {
        Ok(Self {
            http: reqwest::Client::builder().build()?,
            base: base.as_str().trim_end_matches('/').to_owned(),
            token: token.to_owned(),
        })
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(super) async fn patch(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.call(Method::PATCH, path, Some(body)).await
    }

    /// The first of a list that has this name.
    pub(super) async fn find(&self, path: &str, name: &str) -> anyhow::Result<Option<Value>> {
        let list = self.call(Method::GET, path, None).await?;
        let items = list["items"]
            .as_array()
            .context("the answer is not a list")?;
        Ok(items.iter().find(|item| item["name"] == name).cloned())
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let mut request = self
            .http
            .request(method.clone(), format!("{}{path}", self.base))
            .bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let answer: Value = answer
            .json()
            .await
            .with_context(|| format!("{method} {path} answered {status}"))?;
        anyhow::ensure!(
            status.is_success(),
            "{method} {path}: {}",
            answer["detail"].as_str().unwrap_or("refused")
        );
        Ok(answer)
    }
}
