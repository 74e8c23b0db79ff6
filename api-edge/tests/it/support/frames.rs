//! Server-sent events, read as a browser would.

use std::time::Duration;

use reqwest::{Method, Response, StatusCode};

use super::Edge;

/// The frames of a stream, one at a time.
pub(crate) struct Frames {
    pub(crate) response: Response,
    buffer: String,
}

impl Frames {
    pub(crate) async fn open(edge: &Edge, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut request = edge.owner(Method::GET, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        Self {
            response,
            buffer: String::new(),
        }
    }

    /// The next frame; `None` when the stream ended.
    pub(crate) async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((frame, rest)) = self.buffer.split_once("\n\n") {
                let frame = frame.to_owned();
                self.buffer = rest.to_owned();
                return Some(frame);
            }
            let chunk = tokio::time::timeout(Duration::from_secs(5), self.response.chunk())
                .await
                .expect("a frame");
            self.buffer
                .push_str(std::str::from_utf8(&chunk.unwrap()?).unwrap());
        }
    }
}
