//! A directory of souls on this machine.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{StatusCode, header},
    response::Response,
};

/// The directory.
#[derive(Clone)]
pub(crate) struct SoulHost {
    address: SocketAddr,
    state: Arc<Mutex<Served>>,
}

#[derive(Default)]
struct Served {
    /// Status, kind and text by path.
    pages: BTreeMap<String, (u16, &'static str, String)>,
    asked: Vec<String>,
    /// How long every answer takes.
    slow: Duration,
}

impl SoulHost {
    /// With these souls: handle, slug, text.
    pub(crate) async fn start(souls: &[(&str, &str, &str)]) -> Self {
        let listener = tokio::net::TcpListener::bind(test_ports::free_addr())
            .await
            .unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::<Mutex<Served>>::default();
        let app = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let host = Self { address, state };
        host.list(souls);
        for (handle, slug, text) in souls {
            host.put(
                &format!("/api/souls/{handle}/{slug}.md"),
                200,
                "text/markdown",
                text,
            );
        }
        host
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The sitemap names these souls.
    pub(crate) fn list(&self, souls: &[(&str, &str, &str)]) {
        let pages: String = souls
            .iter()
            .map(|(handle, slug, _)| {
                format!("<url><loc>{}/souls/{handle}/{slug}</loc></url>", self.url())
            })
            .collect();
        self.put(
            "/sitemap.xml",
            200,
            "application/xml",
            &format!("<urlset>{pages}</urlset>"),
        );
    }

    pub(crate) fn put(&self, path: &str, status: u16, kind: &'static str, text: &str) {
        let page = (status, kind, text.to_owned());
        self.state
            .lock()
            .unwrap()
            .pages
            .insert(path.to_owned(), page);
    }

    pub(crate) fn be_slow(&self, slow: Duration) {
        self.state.lock().unwrap().slow = slow;
    }

    /// How often a path was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        let state = self.state.lock().unwrap();
        state.asked.iter().filter(|asked| *asked == path).count()
    }
}

async fn answer(State(state): State<Arc<Mutex<Served>>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let (page, slow) = {
        let mut state = state.lock().unwrap();
        state.asked.push(path.clone());
        (state.pages.get(&path).cloned(), state.slow)
    };
    tokio::time::sleep(slow).await;
    let (status, kind, text) = page.unwrap_or((404, "text/plain", "nothing here".into()));
    let response = Response::builder()
        .status(StatusCode::from_u16(status).unwrap())
        .header(header::CONTENT_TYPE, kind);
    let response = if (300..400).contains(&status) {
        response.header(header::LOCATION, &text)
    } else {
        response
    };
    response.body(Body::from(text)).unwrap()
}
