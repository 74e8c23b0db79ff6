//! The REST API as a client of it sees it.

use reqwest::Method;
use serde_json::Value;

#[derive(Clone)]
pub(crate) struct Rest {
    http: reqwest::Client,
    url: String,
    credential: Option<(&'static str, String)>,
}

impl Rest {
    pub(crate) fn user(url: &str, token: &str) -> Self {
        Self::new(url, Some(("authorization", format!("Bearer {token}"))))
    }

    pub(crate) fn agent(url: &str, token: &str) -> Self {
        Self::new(url, Some(("x-agent-token", token.to_owned())))
    }

    pub(crate) fn anonymous(url: &str) -> Self {
        Self::new(url, None)
    }

    fn new(url: &str, credential: Option<(&'static str, String)>) -> Self {
        Self {
            http: reqwest::Client::new(),
            url: url.to_owned(),
            credential,
        }
    }

    /// Status and body of an answer. A stream that opens is left at once, unread.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some((name, value)) = &self.credential {
            request = request.header(*name, value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.expect("the edge answers");
        let status = answer.status().as_u16();
        let is_stream = answer
            .headers()
            .get("content-type")
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        if is_stream {
            return (status, Value::Null);
        }
        let text = answer.text().await.unwrap();
        (
            status,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.expect(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        self.expect(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Value {
        self.expect(Method::PATCH, path, Some(body)).await
    }

    async fn expect(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let (status, answer) = self.call(method.clone(), path, body).await;
        assert_eq!(status, 200, "{method} {path}: {answer:#}");
        answer
    }

    /// A call that is refused: checks the shape of the problem and answers it.
    pub(crate) async fn refused(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        status: u16,
        code: &str,
    ) -> Value {
        let (found, problem) = self.call(method.clone(), path, body).await;
        assert_eq!(
            (found, problem["code"].as_str()),
            (status, Some(code)),
            "{method} {path}: {problem:#}"
        );
        assert!(
            problem["detail"].is_string() && problem["request_id"].is_string(),
            "{problem:#}"
        );
        assert_eq!(problem["status"], status);
        problem
    }
}

/// A field that is text.
pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field]
        .as_str()
        .unwrap_or_else(|| panic!("{field} is not text in {value:#}"))
}
