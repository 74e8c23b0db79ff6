//! From a URL to an open WebSocket.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use rustls::{CertificateError, ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        self,
        client::IntoClientRequest,
        http::{HeaderValue, StatusCode, header::ORIGIN},
        protocol::WebSocketConfig,
    },
};
use url::{Host, Url};

use crate::{address, error::Error};

/// Bytes that go both ways, over TLS or not.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// An open WebSocket.
pub(crate) type Socket = WebSocketStream<Box<dyn Stream>>;

/// Longest message that a gateway may send: a whole configuration with its schema stays far below.
const MAX_MESSAGE: usize = 32 * 1024 * 1024;

/// How long an address may say nothing while there is another to try.
const TURN: Duration = Duration::from_secs(3);

/// Opens a WebSocket. `origin` is sent by browsers, and by us only where we stand in for one.
pub(crate) async fn dial(
    url: &Url,
    tls: Arc<ClientConfig>,
    allow_private: bool,
    origin: Option<&str>,
) -> Result<Socket, Error> {
    let addresses = address::resolve(url, allow_private).await?;
    let stream = tcp(&addresses).await?;
    let secured = secure(url, tls, stream).await;
    let stream = secured.map_err(|error| tls_error(&error))?;
    upgrade(url, stream, origin)
        .await
        .map_err(|error| upgrade_error(&error))
}

/// Speaks TLS where the URL says so.
pub(crate) async fn secure(
    url: &Url,
    tls: Arc<ClientConfig>,
    stream: TcpStream,
) -> io::Result<Box<dyn Stream>> {
    if url.scheme() != "wss" {
        return Ok(Box::new(stream));
    }
    let name = server_name(url)?;
    Ok(Box::new(
        TlsConnector::from(tls).connect(name, stream).await?,
    ))
}

/// What a browser that has its page from the gateway would call the page's origin.
pub(crate) fn origin(url: &Url) -> String {
    let scheme = if url.scheme() == "wss" {
        "https"
    } else {
        "http"
    };
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    format!("{scheme}://{}{port}", url.host_str().unwrap_or_default())
}

/// Turns the connection into a WebSocket.
pub(crate) async fn upgrade(
    url: &Url,
    stream: Box<dyn Stream>,
    origin: Option<&str>,
) -> Result<Socket, tungstenite::Error> {
    let mut request = url.as_str().into_client_request()?;
    if let Some(origin) = origin.and_then(|origin| HeaderValue::from_str(origin).ok()) {
        request.headers_mut().insert(ORIGIN, origin);
    }
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    let (socket, _) = client_async_with_config(request, stream, Some(config)).await?;
    Ok(socket)
}

/// Connects to the first address that answers. One that says nothing does not use up the time of those after it.
pub(crate) async fn tcp(addresses: &[SocketAddr]) -> Result<TcpStream, Error> {
    let mut last = None;
    for (index, address) in addresses.iter().enumerate() {
        let connecting = TcpStream::connect(address);
        let connected = if index + 1 < addresses.len() {
            let silent = || Err(ErrorKind::TimedOut.into());
            timeout(TURN, connecting).await.unwrap_or_else(|_| silent())
        } else {
            connecting.await
        };
        match connected {
            Ok(stream) => {
                // Requests are small and somebody waits for each; without the option they only come later.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = Some(error),
        }
    }
    let why = last.map_or("it has no address".to_owned(), |error| {
        error.kind().to_string()
    });
    Err(Error::Unreachable(why))
}

fn server_name(url: &Url) -> io::Result<ServerName<'static>> {
    match url.host() {
        Some(Host::Ipv4(ip)) => Ok(ServerName::IpAddress(std::net::IpAddr::from(ip).into())),
        Some(Host::Ipv6(ip)) => Ok(ServerName::IpAddress(std::net::IpAddr::from(ip).into())),
        Some(Host::Domain(name)) => ServerName::try_from(name.to_owned()).map_err(|_| {
            // What a certificate cannot say, none says.
            let nowhere = CertificateError::NotValidForName;
            io::Error::new(
                ErrorKind::InvalidInput,
                rustls::Error::InvalidCertificate(nowhere),
            )
        }),
        None => Err(ErrorKind::InvalidInput.into()),
    }
}

fn tls_error(error: &std::io::Error) -> Error {
    match error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    {
        Some(rustls::Error::InvalidCertificate(why)) => {
            Error::Tls(format!("its certificate is not trusted ({why:?})"))
        }
        Some(_) => Error::Tls("it does not speak TLS as expected".into()),
        None => Error::Unreachable(error.kind().to_string()),
    }
}

pub(crate) fn upgrade_error(error: &tungstenite::Error) -> Error {
    match error {
        tungstenite::Error::Http(response) => match response.status() {
            StatusCode::UNAUTHORIZED => Error::Unauthorized,
            StatusCode::TOO_MANY_REQUESTS => Error::Busy { retry_after: None },
            status if status.is_server_error() => {
                Error::Unreachable(format!("HTTP {} instead of a WebSocket", status.as_u16()))
            }
            status => Error::Refused {
                method: "connect".into(),
                message: format!("HTTP {} instead of a WebSocket", status.as_u16()),
            },
        },
        tungstenite::Error::Io(error) => Error::Unreachable(error.kind().to_string()),
        _ => Error::Unreachable("it does not answer as a WebSocket".into()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    #[tokio::test]
    async fn an_address_that_says_nothing_does_not_hide_the_next() {
        // A queue that is full lets connections wait for ever.
        let silent = TcpSocket::new_v4().unwrap();
        silent.bind(test_ports::free_addr()).unwrap();
        let silent = silent.listen(1).unwrap();
        let address = silent.local_addr().unwrap();
        let mut waiting = Vec::new();
        while let Ok(Ok(stream)) =
            timeout(Duration::from_millis(300), TcpStream::connect(address)).await
        {
            waiting.push(stream);
        }
        let answers = TcpListener::bind(test_ports::free_addr()).await.unwrap();
        let addresses = [address, answers.local_addr().unwrap()];
        let found = timeout(TURN * 3, tcp(&addresses)).await.unwrap().unwrap();
        assert_eq!(found.peer_addr().unwrap(), addresses[1]);
    }
}
