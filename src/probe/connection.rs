//! One HTTP/1.1 connection to a target: requests that read little and trust nothing.

use std::io;

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpStream, UnixStream},
    task::JoinSet,
};

use super::{Fault, Target};
use crate::receipt::VERSION;

/// Most of a body that is read; the longest right answer is far below.
const BODY_BYTES: usize = 64 * 1024;
/// Most of a head that is read.
const HEAD_BYTES: usize = 64 * 1024;

/// An open connection; closed on drop. Bounded by the caller's timeout only.
pub struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    authority: String,
    prefix: String,
    user_agent: String,
    // aborted on drop
    _driver: JoinSet<()>,
}

impl Connection {
    /// Connects, TLS included.
    ///
    /// # Errors
    /// [`Fault::Unreachable`] with the system's reason.
    pub async fn open(target: &Target) -> Result<Self, Fault> {
        let refused = |error: io::Error| Fault::unreachable(format!("cannot connect to {target}: {error}"));
        match target {
            Target::Unix(path) => Self::over(UnixStream::connect(path).await.map_err(refused)?, target).await,
            Target::Tcp { tls, host, port, .. } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(refused)?;
                stream.set_nodelay(true).map_err(refused)?;
                if *tls {
                    let stream = super::tls::connect(host, stream).await.map_err(refused)?;
                    Self::over(stream, target).await
                } else {
                    Self::over(stream, target).await
                }
            }
        }
    }

    async fn over<S>(stream: S, target: &Target) -> Result<Self, Fault>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(HEAD_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Fault::unreachable(format!("cannot speak HTTP with {target}: {error}")))?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // the request that was cut short reports it
            let _ = connection.await;
        });
        Ok(Self {
            sender,
            authority: target.authority(),
            prefix: target.prefix().into(),
            user_agent: format!("uecho-probe/{VERSION}"),
            _driver: driver,
        })
    }

    /// `GET path`, the whole answer.
    ///
    /// # Errors
    /// [`Fault::Unreachable`] when the connection breaks, [`Fault::WrongAnswer`] when what comes is no HTTP or too large.
    pub async fn get(&mut self, path: &str, accept: &str) -> Result<Response<Bytes>, Fault> {
        let request = Request::get(format!("{}{path}", self.prefix))
            .header(header::HOST, &self.authority)
            .header(header::USER_AGENT, &self.user_agent)
            .header(header::ACCEPT, accept)
            .body(Empty::new())
            .map_err(|error| Fault::unreachable(format!("the request cannot be built: {error}")))?;
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
