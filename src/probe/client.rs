//! HTTP/1.1 connections to a target. They limit what they read, and check every answer.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpStream, UnixStream},
    task::JoinSet,
};

use crate::{connect::Connector, target::Target, unhealthy::Fault};

const USER_AGENT: &str = concat!("uecho-probe/", env!("CARGO_PKG_VERSION"));
/// The most bytes of a body that are read; the longest correct answer is far shorter.
const BODY_BYTES: usize = 64 * 1024;
/// The most bytes of a head that are read.
const HEAD_BYTES: usize = 64 * 1024;

/// How to reach a target; made once for any number of connections.
pub struct Client {
    target: Target,
    connector: Connector,
    prefix: String,
    headers: HeaderMap,
}

/// An open connection; closed on drop. Only the timeout of the caller limits its requests.
pub struct ClientConnection {
    client: Arc<Client>,
    sender: SendRequest<Empty<Bytes>>,
    // the task is aborted on drop
    _driver: JoinSet<()>,
}

impl Client {
    /// A client of one target; for https it trusts the certificate authorities of the system.
    ///
    /// # Errors
    /// [`Fault::Unreachable`] when the target is https and the system knows no authority.
    pub fn new(target: &Target) -> Result<Self, Fault> {
        let (connector, host, prefix) = match target {
            Target::Unix(_) => (Connector::plain(), HeaderValue::from_static("localhost"), String::new()),
            Target::Tcp(address) => {
                let host = SocketAddr::new(address.ip(), address.port()).to_string();
                let host =
                    HeaderValue::try_from(host).map_err(|error| Fault::unreachable(error.to_string()))?;
                (Connector::plain(), host, String::new())
            }
            Target::Http(url) => (
                Connector::for_origins([&url.origin], None)
                    .map_err(|error| Fault::unreachable(error.to_string()))?,
                url.origin.host_header.clone(),
                url.prefix.clone(),
            ),
        };
        let headers = HeaderMap::from_iter([
            (header::HOST, host),
            (header::USER_AGENT, HeaderValue::from_static(USER_AGENT)),
        ]);
        Ok(Self { target: target.clone(), connector, prefix, headers })
    }

    /// Sends a header with every request.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sets another `User-Agent`.
    #[must_use]
    pub fn user_agent(self, name: &'static str) -> Self {
        self.header(header::USER_AGENT, HeaderValue::from_static(name))
    }

    /// Connects, including TLS.
    ///
    /// # Errors
    /// [`Fault::Unreachable`] with the system's reason.
    pub async fn open(self: &Arc<Self>) -> Result<ClientConnection, Fault> {
        match &self.target {
            Target::Unix(path) => {
                let stream = UnixStream::connect(path)
                    .await
                    .map_err(|error| Fault::unreachable(format!("cannot connect: {error}")))?;
                self.over(stream).await
            }
            Target::Tcp(address) => {
                let stream = TcpStream::connect(address)
                    .await
                    .map_err(|error| Fault::unreachable(format!("cannot connect: {error}")))?;
                self.over(stream).await
            }
            Target::Http(url) => {
                let stream = self
                    .connector
                    .connect(&url.origin)
                    .await
                    .map_err(|error| Fault::unreachable(error.to_string()))?;
                self.over(stream).await
            }
        }
    }

    /// Starts HTTP on a stream that is already open.
    ///
    /// # Errors
    /// [`Fault::Unreachable`] when HTTP cannot start.
    pub async fn over<S>(self: &Arc<Self>, stream: S) -> Result<ClientConnection, Fault>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(HEAD_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Fault::unreachable(format!("cannot speak HTTP: {error}")))?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // the request that was cut reports the error
            let _ = connection.await;
        });
        Ok(ClientConnection { client: self.clone(), sender, _driver: driver })
    }
}

impl ClientConnection {
    /// Sends `GET path` and gives the whole answer.
    ///
    /// # Errors
    /// [`Fault::Unreachable`] when the connection breaks, [`Fault::WrongAnswer`] when the answer is not HTTP
    /// or is too large.
    pub async fn get(&mut self, path: &str, accept: &str) -> Result<Response<Bytes>, Fault> {
        let Client { prefix, headers, .. } = &*self.client;
        let mut request = Request::get(format!("{prefix}{path}"))
            .header(header::ACCEPT, accept)
            .body(Empty::new())
            .map_err(|error| Fault::unreachable(format!("the request cannot be built: {error}")))?;
        request.headers_mut().extend(headers.clone());
        self.sender.ready().await.map_err(|error| broken(&error))?;
        let (parts, body) =
            self.sender.send_request(request).await.map_err(|error| broken(&error))?.into_parts();
        match Limited::new(body, BODY_BYTES).collect().await {
            Ok(body) => Ok(Response::from_parts(parts, body.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => {
                Err(Fault::wrong(format!("the body is larger than {BODY_BYTES} bytes")))
            }
            Err(error) => Err(Fault::unreachable(format!("the answer broke off: {error}"))),
        }
    }
}

fn broken(error: &hyper::Error) -> Fault {
    if error.is_parse() {
        return Fault::wrong(format!("the answer is not HTTP: {error}"));
    }
    let cause = std::error::Error::source(error).map(|cause| format!(" ({cause})")).unwrap_or_default();
    Fault::unreachable(format!("no answer: {error}{cause}"))
}
