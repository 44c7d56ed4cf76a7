//! Byte streams to an origin: name lookup, TCP, TLS. Every outgoing HTTP request of the programs uses them.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use uecho_probe::{connect::Connector, url::BaseUrl};
//! let url: BaseUrl = "https://collector.example:4318".parse()?;
//! let stream = Connector::for_origins([&url.origin], None)?.connect(&url.origin).await?;
//! let io = hyper_util::rt::TokioIo::new(stream);
//! let (sender, connection) = hyper::client::conn::http1::handshake(io).await?;
//! # let _: (hyper::client::conn::http1::SendRequest<String>, _) = (sender, connection);
//! # Ok(()) }
//! ```

use std::{io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::{
    stream::{Explained, OriginStream},
    tls::{self, TrustError},
    url::{Host, Origin},
};

/// The time from one attempt to the next while none has failed (RFC 8305, section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Why there is no stream.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The name has no address, or the resolver failed.
    #[error("name lookup failed: {0}")]
    Dns(io::Error),
    /// There was no connection: it was refused, the address was unreachable, or the system forbade it.
    #[error("cannot connect: {0}")]
    Refused(io::Error),
    /// The kernel gave up waiting.
    #[error("timed out while connecting")]
    TimedOut,
    /// The connection broke during its setup.
    #[error("the connection broke: {0}")]
    Reset(io::Error),
    /// We refused TLS (certificate), or the other side did (alert).
    #[error("TLS refused: {0}")]
    Tls(io::Error),
}

/// Opens streams. Cheap to clone. It sets no time limit of its own, because its caller has a deadline for the
/// whole exchange; to give up, drop the future.
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

    /// A connector for these origins. The certificate authorities (those of `ca`, a PEM file, or of the
    /// system) are loaded only when one of the origins is https: parsing the whole store of a system takes
    /// milliseconds.
    ///
    /// # Errors
    /// The authorities are needed and cannot be loaded.
    pub fn for_origins<'a>(
        origins: impl IntoIterator<Item = &'a Origin>,
        ca: Option<&Path>,
    ) -> Result<Self, TrustError> {
        let https = origins.into_iter().any(|origin| origin.tls.is_some());
        Ok(Self { tls: if https { Some(tls::client_config(ca, None)?) } else { None } })
    }

    /// A connector for https with this configuration.
    #[must_use]
    pub fn with_tls(config: Arc<ClientConfig>) -> Self {
        Self { tls: Some(config) }
    }

    /// Opens a stream to the origin, with `TCP_NODELAY`; the addresses of a name are tried in parallel (RFC
    /// 8305).
    ///
    /// # Errors
    /// See [`ConnectError`]; with several addresses, the error of the address that failed last.
    pub async fn connect(&self, origin: &Origin) -> Result<OriginStream, ConnectError> {
        let tcp = match &origin.host {
            Host::Address(address) => dial(SocketAddr::new(*address, origin.port)).await?,
            Host::Name(name) => dial_any(&resolve(name, origin).await?).await?,
        };
        let Some(name) = &origin.tls else { return Ok(OriginStream::Left(tcp)) };
        let missing = || ConnectError::Tls(io::Error::other("the connector was made for plain http"));
        let connector = TlsConnector::from(self.tls.clone().ok_or_else(missing)?);
        match connector.connect(name.clone(), tcp).await {
            Ok(stream) => Ok(OriginStream::Right(Explained::new(stream))),
            Err(error) if tls::refusal(&error).is_some() => Err(ConnectError::Tls(error)),
            Err(error) => Err(ConnectError::Reset(error)),
        }
    }
}

/// Looks up the addresses of a name. When the caller gives up, the lookup continues in its own task and keeps
/// its permit until it ends.
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

/// Connects to the first address that answers. Each attempt continues until it ends by itself. When one
/// fails, the next begins at once; when one takes long, the next begins beside it.
async fn dial_any(addresses: &[SocketAddr]) -> Result<TcpStream, ConnectError> {
    let mut waiting = interleaved(addresses).into_iter();
    let mut attempts: FuturesUnordered<_> = waiting.next().map(dial).into_iter().collect();
    let mut failed = ConnectError::TimedOut;
    loop {
        tokio::select! {
            ended = attempts.next() => match ended {
                Some(Ok(stream)) => return Ok(stream),
                Some(Err(error)) => failed = error,
                None => return Err(failed),
            },
            () = tokio::time::sleep(ATTEMPT_DELAY), if waiting.len() > 0 => {}
        }
        attempts.extend(waiting.next().map(dial));
    }
}

/// The addresses in the order of the resolver, but alternating between the two address families, so that a
/// broken family costs one delay (RFC 8305, section 4).
fn interleaved(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let is_first = |address: &SocketAddr| address.is_ipv6() == addresses[0].is_ipv6();
    let (first, second): (Vec<_>, Vec<_>) = addresses.iter().copied().partition(is_first);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut turns = Vec::with_capacity(addresses.len());
    while turns.len() < addresses.len() {
        turns.extend([first.next(), second.next()].into_iter().flatten());
    }
    turns
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

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;
    use crate::url::BaseUrl;

    async fn attempt(url: &str) -> Result<OriginStream, ConnectError> {
        let url: BaseUrl = url.parse().unwrap();
        Connector::plain().connect(&url.origin).await
    }

    #[tokio::test]
    async fn a_failed_lookup_and_a_refused_port_are_different_errors() {
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
        assert!(matches!(dial_any(&[]).await, Err(ConnectError::TimedOut)));
    }

    /// A listener whose queue is full, and the connections that fill it. The kernel drops the SYN of the next
    /// client until there is room; the client tries again after 1 s.
    async fn crowded() -> (TcpListener, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queue = Vec::new();
        while let Ok(stream) = tokio::time::timeout(Duration::from_millis(300), dial(address)).await {
            queue.push(stream.unwrap());
        }
        (listener, queue)
    }

    #[tokio::test]
    async fn a_slow_address_is_not_given_up_because_another_refuses() {
        // this socket is bound and does not listen, so no other can listen there
        let dead = TcpSocket::new_v4().unwrap();
        dead.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let (listener, queue) = crowded().await;
        let addresses = [listener.local_addr().unwrap(), dead.local_addr().unwrap()];
        let dialling = tokio::spawn(async move { dial_any(&addresses).await });
        // long enough for the other addresses to be tried
        tokio::time::sleep(3 * ATTEMPT_DELAY).await;
        for _ in &queue {
            listener.accept().await.unwrap();
        }
        assert_eq!(dialling.await.unwrap().unwrap().peer_addr().unwrap(), listener.local_addr().unwrap());
    }

    #[tokio::test]
    async fn a_black_hole_costs_the_delay_of_one_attempt() {
        let (hole, _queue) = crowded().await;
        let live = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let both = [hole.local_addr().unwrap(), live.local_addr().unwrap()];
        // from here on, only timers advance the clock: it measures the waits of the code and not the speed of
        // this machine
        tokio::time::pause();
        let begin = tokio::time::Instant::now();
        let stream = dial_any(&both).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), both[1]);
        // tokio rounds timers to whole milliseconds
        assert!(begin.elapsed() <= Duration::from_millis(251), "{:?}", begin.elapsed());
    }

    #[test]
    fn families_take_turns() {
        let parse =
            |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let resolved = parse(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"]);
        let tried = parse(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]);
        assert_eq!(interleaved(&resolved), tried);
        assert_eq!(interleaved(&[]), []);
    }
}
