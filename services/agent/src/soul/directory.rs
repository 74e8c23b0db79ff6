//! The public directory of souls. Its list is kept for an hour, and for a minute that it could not be had; one reader
//! fetches it, the others wait for that.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use chassis::{Clock, Fault};
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{Client, StatusCode, header, redirect, retry};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio::sync::Mutex;

use super::sitemap::{self, Ref};

/// How long the list stays true, and how long a failure is taken for one.
const FRESH: TimeDelta = TimeDelta::hours(1);
const FAILED: TimeDelta = TimeDelta::minutes(1);
/// How long the directory may take: to connect, for the list, for a soul.
const CONNECT: Duration = Duration::from_secs(5);
const LIST: Duration = Duration::from_secs(10);
const SOUL: Duration = Duration::from_secs(15);
/// Bytes of the list and of a soul.
const LIST_BYTES: usize = 5 * 1024 * 1024;
const SOUL_BYTES: usize = 256 * 1024;
/// Redirects within the directory.
const REDIRECTS: usize = 3;
const USER_AGENT: &str = concat!("MissionControl/", env!("CARGO_PKG_VERSION"));

/// Asks the directory.
#[derive(Clone)]
pub(crate) struct Directory {
    client: Client,
    /// Without a slash at its end.
    base: String,
    clock: Clock,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    list: Option<Arc<Vec<Ref>>>,
    /// Until when nobody asks for the list again.
    until: Option<DateTime<Utc>>,
}

/// Why the directory did not answer what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("there is no such soul")]
    NotFound,
    /// Its source is for the log.
    #[error("the directory of souls does not answer")]
    Unavailable {
        retry_after: Duration,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        let message = failure.to_string();
        match failure {
            Failure::NotFound => Self::not_found("SOUL_NOT_FOUND", message),
            Failure::Unavailable { retry_after, .. } => Self {
                retry_after: Some(retry_after),
                ..Self::unavailable("SOULS_DIRECTORY_UNAVAILABLE", message)
            },
        }
    }
}

impl Directory {
    /// Trusts what the machine trusts.
    pub(crate) fn new(base: &str, clock: Clock) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(redirect::Policy::custom(stay))
            .retry(retry::never())
            .referer(false)
            .connect_timeout(CONNECT)
            .user_agent(USER_AGENT)
            .build()
            .context("a client for the directory of souls")?;
        Ok(Self {
            client,
            base: base.to_owned(),
            clock,
            kept: Arc::default(),
        })
    }

    /// Address of the page of a soul.
    pub(crate) fn page_url(&self, soul: &Ref) -> String {
        format!("{}/souls/{}/{}", self.base, soul.handle, soul.slug)
    }

    /// Address of the text of a soul.
    pub(crate) fn raw_url(&self, soul: &Ref) -> String {
        format!("{}/api/souls/{}/{}.md", self.base, soul.handle, soul.slug)
    }

    /// Every soul of the directory. An old list goes before none.
    pub(crate) async fn list(&self) -> Result<Arc<Vec<Ref>>, Failure> {
        let mut kept = self.kept.lock().await;
        let now = self.clock.now();
        let left = kept.until.map(|until| until - now);
        if let Some(left) = left.filter(|left| *left > TimeDelta::zero()) {
            return match &kept.list {
                Some(list) => Ok(Arc::clone(list)),
                None => Err(unavailable(left, "it did not answer shortly before".into())),
            };
        }
        match self.fetch_list().await {
            Ok(list) => {
                let list = Arc::new(list);
                kept.list = Some(Arc::clone(&list));
                kept.until = now.checked_add_signed(FRESH);
                Ok(list)
            }
            Err(source) => {
                tracing::warn!(
                    error = format!("{source:#}"),
                    "the list of souls could not be had"
                );
                kept.until = now.checked_add_signed(FAILED);
                match &kept.list {
                    Some(list) => Ok(Arc::clone(list)),
                    None => Err(unavailable(FAILED, source.into())),
                }
            }
        }
    }

    /// The souls whose handle and slug contain a text, as many as wanted; the first ones when it is empty.
    pub(crate) async fn search(&self, text: &str, limit: usize) -> Result<Vec<Ref>, Failure> {
        let (wanted, list) = (text.to_lowercase(), self.list().await?);
        let found = list.iter().filter(|soul| {
            let name = format!("{}/{}", soul.handle, soul.slug);
            name.to_lowercase().contains(&wanted)
        });
        Ok(found.take(limit).cloned().collect())
    }

    /// The text of a soul.
    pub(crate) async fn read(&self, soul: &Ref) -> Result<String, Failure> {
        match self.fetch(&self.raw_url(soul), SOUL, SOUL_BYTES).await {
            Ok(Some(text)) => Ok(text),
            Ok(None) => Err(Failure::NotFound),
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "a soul could not be had");
                Err(unavailable(FAILED, error.into()))
            }
        }
    }

    async fn fetch_list(&self) -> anyhow::Result<Vec<Ref>> {
        let url = format!("{}/sitemap.xml", self.base);
        let text = self.fetch(&url, LIST, LIST_BYTES).await?;
        let text = text.context("the directory has no sitemap")?;
        Ok(sitemap::read(&text)?)
    }

    /// A text, or `None` where there is nothing.
    async fn fetch(
        &self,
        url: &str,
        timeout: Duration,
        max: usize,
    ) -> anyhow::Result<Option<String>> {
        let mut response = self.client.get(url).timeout(timeout).send().await?;
        let status = response.status();
        if matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE) {
            return Ok(None);
        }
        anyhow::ensure!(status == StatusCode::OK, "it answers {status}");
        let kind = response.headers().get(header::CONTENT_TYPE);
        let is_page = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        anyhow::ensure!(!is_page, "it answers with a page for people");
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            anyhow::ensure!(
                bytes.len() + chunk.len() <= max,
                "it answers more than {max} bytes"
            );
            bytes.extend_from_slice(&chunk);
        }
        let text = String::from_utf8(bytes).context("it answers something that is no text")?;
        anyhow::ensure!(!text.contains('\0'), "it answers something that is no text");
        Ok(Some(text))
    }
}

fn unavailable(again: TimeDelta, source: Box<dyn std::error::Error + Send + Sync>) -> Failure {
    let whole = again.num_seconds().max(1).unsigned_abs();
    Failure::Unavailable {
        retry_after: Duration::from_secs(whole),
        source,
    }
}

/// Nothing leads away from the directory.
fn stay(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let stays = attempt.previous().first().is_some_and(|first| {
        let to = attempt.url();
        to.host_str() == first.host_str()
            && to.port_or_known_default() == first.port_or_known_default()
            && to.scheme() == first.scheme()
    });
    if stays && attempt.previous().len() <= REDIRECTS {
        attempt.follow()
    } else {
        attempt.stop()
    }
}
