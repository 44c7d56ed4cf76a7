//! Byte streams to an origin: name lookup, TCP, TLS. Used by every outgoing HTTP request of the program.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use uecho::peers::{connect::Connector, url::BaseUrl};
//! let url: BaseUrl = "https://collector.example:4318".parse()?;
//! let stream = Connector::for_origins([&url.origin], None)?.connect(&url.origin).await?;
//! let io = hyper_util::rt::TokioIo::new(stream);
//! let (sender, connection) = hyper::client::conn::http1::handshake(io).await?;
//! # let _: (hyper::client::conn::http1::SendRequest<String>, _) = (sender, connection);
//! # Ok(()) }
//! ```

use std::{
    io,
    net::SocketAddr,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use rustls::ClientConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    tls::{self, TrustError},
    url::{Host, Origin},
};

/// Time for one address while others are left to try, so that one black hole among them does not eat the whole budget.
const ATTEMPT: Duration = Duration::from_millis(300);

/// Why there is no stream.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The name has no address, or the resolver failed.
    #[error("name lookup failed: {0}")]
    Dns(io::Error),
    /// No connection: refused, unreachable, or forbidden here.
    #[error("cannot connect: {0}")]
    Refused(io::Error),
    /// The kernel gave up waiting.
    #[error("timed out while connecting")]
    TimedOut,
    /// The connection broke while it was being set up.
    #[error("the connection broke: {0}")]
    Reset(io::Error),
    /// TLS was refused, by us (certificate) or by the other side (alert).
    #[error("TLS refused: {0}")]
    Tls(io::Error),
}

/// Opens streams. Cheap to clone. It sets no time limit of its own (a caller has a deadline for the whole exchange anyway);
/// dropping the future gives up.
#[derive(Clone, Default)]
pub struct Connector {
    tls: Option<Arc<ClientConfig>>,
}

impl Connector {
    /// A connector for plain http only.
    #[must_use]
    pub fn plain() -> Self {
        Self::default()
    }

    /// A connector for these origins. Authorities (`ca`, a PEM file, or the system's) are loaded only when one of them is https:
    /// parsing a whole system store takes milliseconds.
    ///
    /// # Errors
    /// The authorities are needed and cannot be had.
    pub fn for_origins<'a>(
        origins: impl IntoIterator<Item = &'a Origin>,
        ca: Option<&Path>,
    ) -> Result<Self, TrustError> {
        let https = origins.into_iter().any(|origin| origin.tls.is_some());
        Ok(Self { tls: if https { Some(tls::client_config(ca)?) } else { None } })
    }

    /// A stream to the origin, with `TCP_NODELAY`; every address of a name is tried in the order of the resolver.
    ///
    /// # Errors
    /// See [`ConnectError`]; with several addresses, that of the last one.
    pub async fn connect(&self, origin: &Origin) -> Result<Stream, ConnectError> {
        let tcp = match &origin.host {
            Host::Address(address) => dial(SocketAddr::new(*address, origin.port)).await?,
            Host::Name(name) => dial_any(&resolve(name, origin).await?).await?,
        };
        let Some(name) = &origin.tls else { return Ok(Stream::Plain(tcp)) };
        let missing = || ConnectError::Tls(io::Error::other("the connector was made for plain http"));
        let connector = TlsConnector::from(self.tls.clone().ok_or_else(missing)?);
        match connector.connect(name.clone(), tcp).await {
            Ok(stream) => Ok(Stream::Tls(Box::new(stream))),
            // rustls reports its own errors as InvalidData; everything else came from the socket
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(ConnectError::Tls(error)),
            Err(error) => Err(ConnectError::Reset(error)),
        }
    }
}

/// The addresses of a name. The lookup goes on in its own task when the caller gives up, and holds its permit until it ends.
async fn resolve(name: &str, origin: &Origin) -> Result<Vec<SocketAddr>, ConnectError> {
    let failed = |error: &dyn std::fmt::Display| ConnectError::Dns(io::Error::other(error.to_string()));
    let permit = origin.lookups.clone().acquire_owned().await.map_err(|error| failed(&error))?;
    let target = (name.to_owned(), origin.port);
    let lookup = tokio::spawn(async move {
        let _permit = permit;
        tokio::net::lookup_host(target).await.map(Iterator::collect::<Vec<_>>)
    });
    let addresses = lookup.await.map_err(|error| failed(&error))?.map_err(ConnectError::Dns)?;
    if addresses.is_empty() { Err(failed(&"the name has no address")) } else { Ok(addresses) }
}

async fn dial_any(addresses: &[SocketAddr]) -> Result<TcpStream, ConnectError> {
    let (last, others) = addresses.split_last().ok_or(ConnectError::TimedOut)?;
    for address in others {
        if let Ok(Ok(stream)) = tokio::time::timeout(ATTEMPT, dial(*address)).await {
            return Ok(stream);
        }
    }
    dial(*last).await
}

async fn dial(address: SocketAddr) -> Result<TcpStream, ConnectError> {
    let stream = TcpStream::connect(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => ConnectError::TimedOut,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => ConnectError::Reset(error),
        _ => ConnectError::Refused(error),
    })?;
    stream.set_nodelay(true).map_err(ConnectError::Reset)?;
    Ok(stream)
}

/// A connected stream.
pub enum Stream {
    /// TCP.
    Plain(TcpStream),
    /// TLS over TCP.
    Tls(Box<TlsStream<TcpStream>>),
}

macro_rules! delegate {
    ($self:ident, $method:ident($($argument:expr),*)) => {
        match $self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).$method($($argument),*),
            Self::Tls(stream) => Pin::new(stream).$method($($argument),*),
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        delegate!(self, poll_read(context, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        delegate!(self, poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, poll_shutdown(context))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        delegate!(self, poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::url::BaseUrl;

    async fn attempt(url: &str) -> Result<Stream, ConnectError> {
        let url: BaseUrl = url.parse().unwrap();
        Connector::plain().connect(&url.origin).await
    }

    #[tokio::test]
    async fn errors_tell_name_from_port() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let refused = attempt(&format!("http://127.0.0.1:{port}")).await;
        assert!(matches!(refused, Err(ConnectError::Refused(_))));
        // RFC 6761: this name never resolves
        assert!(matches!(attempt("http://peer.invalid").await, Err(ConnectError::Dns(_))));
    }

    #[tokio::test]
    async fn a_dead_address_does_not_hide_a_live_one() {
        let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let live = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(dial_any(&[dead, live.local_addr().unwrap()]).await.is_ok());
        assert!(matches!(dial_any(&[dead, dead]).await, Err(ConnectError::Refused(_))));
    }
}
