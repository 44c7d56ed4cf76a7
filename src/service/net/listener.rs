//! Where connections come from: a socket inherited from systemd, else one bound to the configured address.

use std::{fmt, io, os::unix::net::UnixListener as StdUnixListener};

use socket2::SockRef;
use tokio::net::{TcpListener, UnixListener};
use uecho_probe::listen::Listen;

use crate::net::{
    last_call,
    stream::Stream,
    unix_socket::{self, SocketFile},
};

/// Connections that may wait to be accepted; std asks for 128, and the kernel allows `net.core.somaxconn` (4096) at most.
pub const BACKLOG: i32 = 4096;

/// A listener cannot be had (exit code 69, `EX_UNAVAILABLE`).
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct BindError {
    /// What was to be listened on.
    pub address: String,
    /// Why it cannot be.
    pub source: io::Error,
}

/// A socket that accepts.
pub struct Listener {
    socket: Socket,
    /// Whether it stays open in the service manager when we close it, queue and all.
    pub inherited: bool,
}

enum Socket {
    Tcp(TcpListener),
    /// The file is there when the socket is our own.
    Unix(UnixListener, Option<SocketFile>),
}

impl Listener {
    /// Binds a configured address. A Unix socket left behind by a dead process is replaced, a live one is not.
    ///
    /// # Errors
    /// The address is taken, not ours, or not allowed.
    pub fn bind(listen: &Listen) -> Result<Self, BindError> {
        let bound = match listen {
            Listen::Tcp(address) => std::net::TcpListener::bind(address).and_then(|tcp| {
                SockRef::from(&tcp).listen(BACKLOG)?;
                Self::tcp(tcp, false)
            }),
            Listen::Unix(path) => unix_socket::bind(path).and_then(|(unix, file)| {
                SockRef::from(&unix).listen(BACKLOG)?;
                Self::unix(unix, Some(file))
            }),
        };
        bound.map_err(|source| BindError { address: listen.to_string(), source })
    }

    /// Accepts on a TCP socket.
    pub(super) fn tcp(listener: std::net::TcpListener, inherited: bool) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self { socket: Socket::Tcp(TcpListener::from_std(listener)?), inherited })
    }

    /// Accepts on a Unix socket: our own if `file` is its path, else an inherited one.
    pub(super) fn unix(listener: StdUnixListener, file: Option<SocketFile>) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let inherited = file.is_none();
        Ok(Self { socket: Socket::Unix(UnixListener::from_std(listener)?, file), inherited })
    }

    /// Waits for a connection. Cancelling it loses none.
    ///
    /// # Errors
    /// As accept(2).
    pub async fn accept(&self) -> io::Result<Stream> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // fails only when the client is gone already, which reading will tell
                let _ = stream.set_nodelay(true);
                Ok(Stream::Tcp(stream))
            }
            Socket::Unix(listener, _) => Ok(Stream::Unix(listener.accept().await?.0)),
        }
    }

    /// Lets nobody new into the queue of a socket of our own, so that the last of those in it can be accepted.
    ///
    /// # Errors
    /// As setsockopt(2): the queue stays open.
    pub fn admit_no_more(&mut self) -> io::Result<()> {
        match &mut self.socket {
            Socket::Tcp(listener) => last_call::refuse_syn(&SockRef::from(&*listener)),
            Socket::Unix(_, file) => {
                drop(file.take());
                Ok(())
            }
        }
    }

    /// The address as it would be configured.
    #[must_use]
    pub fn address(&self) -> Option<Listen> {
        match &self.socket {
            Socket::Tcp(listener) => listener.local_addr().ok().map(Listen::Tcp),
            // the kernel knows the name it was bound under
            Socket::Unix(_, Some(file)) => Some(Listen::Unix(file.path().into())),
            Socket::Unix(listener, None) => listener
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
