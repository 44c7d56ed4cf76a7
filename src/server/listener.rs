//! Where connections come from: sockets inherited from systemd by name (`sd_listen_fds(3)`), else the configured address.

use std::{fmt, io, os::unix::net::UnixListener as StdUnixListener, path::Path};

use listenfd::ListenFd;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
};

use crate::config::listen::Listen;

/// A listener cannot be had (exit code 69, `EX_UNAVAILABLE`).
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct BindError {
    address: String,
    source: io::Error,
}

/// A socket that accepts.
pub enum Listener {
    /// TCP, any family.
    Tcp(TcpListener),
    /// A Unix stream socket.
    Unix(UnixListener),
}

/// A byte stream from either kind of listener.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl Stream for TcpStream {}
impl Stream for UnixStream {}

/// Sockets handed over by systemd, by `LISTEN_FDNAMES`.
pub struct Inherited {
    fds: ListenFd,
    names: Vec<String>,
}

impl Inherited {
    /// Reads `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES`; nothing inherited is not an error.
    #[must_use]
    pub fn from_env() -> Self {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        Self { fds: ListenFd::from_env(), names: names.split(':').map(str::to_owned).collect() }
    }

    /// Takes every inherited listener of this name.
    ///
    /// # Errors
    /// The file descriptor is no stream socket.
    pub fn take(&mut self, name: &str) -> Result<Vec<Listener>, BindError> {
        let mut taken = Vec::new();
        for index in 0..self.fds.len() {
            if self.names.get(index).map(String::as_str) != Some(name) {
                continue;
            }
            let refused =
                |source| BindError { address: format!("inherited socket {index} (`{name}`)"), source };
            let listener = match self.fds.take_tcp_listener(index) {
                Ok(Some(tcp)) => Listener::from_std_tcp(tcp),
                Ok(None) => continue,
                Err(_) => match self.fds.take_unix_listener(index).map_err(refused)? {
                    Some(unix) => Listener::from_std_unix(unix),
                    None => continue,
                },
            };
            taken.push(listener.map_err(refused)?);
        }
        Ok(taken)
    }
}

impl Listener {
    /// Binds a configured address. A Unix socket left behind by a dead process is replaced, a live one is not.
    ///
    /// # Errors
    /// The address is taken, not ours, or not allowed.
    pub fn bind(listen: &Listen) -> Result<Self, BindError> {
        let bound = match listen {
            Listen::Tcp(address) => std::net::TcpListener::bind(address).and_then(Self::from_std_tcp),
            Listen::Unix(path) => bind_unix(path).and_then(Self::from_std_unix),
        };
        bound.map_err(|source| BindError { address: listen.to_string(), source })
    }

    fn from_std_tcp(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener).map(Self::Tcp)
    }

    fn from_std_unix(listener: StdUnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        UnixListener::from_std(listener).map(Self::Unix)
    }

    /// Waits for a connection.
    ///
    /// # Errors
    /// As accept(2).
    pub async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Self::Unix(listener) => Ok(Box::new(listener.accept().await?.0)),
        }
    }

    /// The address as it would be configured.
    #[must_use]
    pub fn address(&self) -> Option<Listen> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok().map(Listen::Tcp),
            Self::Unix(listener) => listener
                .local_addr()
                .ok()
                .and_then(|address| address.as_pathname().map(|path| Listen::Unix(path.into()))),
        }
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address() {
            Some(address) => address.fmt(f),
            None => f.write_str("an unnamed socket"),
        }
    }
}

fn bind_unix(path: &Path) -> io::Result<StdUnixListener> {
    match StdUnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            match std::os::unix::net::UnixStream::connect(path) {
                Err(refused) if refused.kind() == io::ErrorKind::ConnectionRefused => {
                    std::fs::remove_file(path)?;
                    StdUnixListener::bind(path)
                }
                _ => Err(error),
            }
        }
        other => other,
    }
}
