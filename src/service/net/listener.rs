//! A socket that accepts connections: inherited from systemd, or bound to the configured address.

use std::{
    fmt, io,
    net::TcpListener,
    os::{
        fd::{AsFd, AsRawFd},
        unix::net::UnixListener,
    },
};

use rustix::net::SocketFlags;
use socket2::SockRef;
use tokio::io::{Interest, unix::AsyncFd};
use uecho_probe::listen::Listen;

use crate::net::{
    accepted::Accepted,
    last_call,
    unix_socket::{self, SocketFile},
};

/// Connections that may wait to be accepted. std sets 128; the kernel allows `net.core.somaxconn` (4096 by
/// default) at most.
pub const BACKLOG: i32 = 4096;

/// The service cannot listen on an address (exit code 69, `EX_UNAVAILABLE`).
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct BindError {
    /// The configured address, or the inherited socket.
    pub(crate) address: String,
    /// Why the service cannot listen on it.
    pub(crate) source: io::Error,
}

/// A socket that accepts.
pub struct Listener {
    socket: Socket,
    /// Whether the service manager keeps the socket and its queue open when this process closes it.
    pub(crate) inherited: bool,
}

enum Socket {
    Tcp(AsyncFd<TcpListener>),
    /// A Unix listener, with its file when this process has bound it.
    Unix(AsyncFd<UnixListener>, Option<SocketFile>),
}

impl Listener {
    /// Binds a configured address. A Unix socket that a dead process left behind is replaced; one on which a
    /// live process listens is not.
    ///
    /// # Errors
    /// The address is in use, is not one of this machine, or the process may not bind it.
    pub fn bind(listen: &Listen) -> Result<Self, BindError> {
        let bound = match listen {
            Listen::Tcp(address) => TcpListener::bind(address).and_then(|tcp| {
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
    pub(super) fn tcp(listener: TcpListener, inherited: bool) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self { socket: Socket::Tcp(waitable(listener)?), inherited })
    }

    /// Accepts on a Unix socket: one that this process has bound if there is a `file`, else an inherited one.
    pub(super) fn unix(listener: UnixListener, file: Option<SocketFile>) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let inherited = file.is_none();
        Ok(Self { socket: Socket::Unix(waitable(listener)?, file), inherited })
    }

    /// Waits for a connection. Cancelling the wait loses no connection.
    ///
    /// # Errors
    /// Those of accept(2).
    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let accept = |listener: &dyn AsFd| Ok(rustix::net::accept_with(listener, flags)?);
        match &self.socket {
            Socket::Tcp(listener) => {
                let accepted = listener.async_io(Interest::READABLE, |listener| accept(listener)).await?;
                Ok(Accepted::Tcp(accepted.into()))
            }
            Socket::Unix(listener, _) => {
                let accepted = listener.async_io(Interest::READABLE, |listener| accept(listener)).await?;
                Ok(Accepted::Unix(accepted.into()))
            }
        }
    }

    /// Keeps new connections out of the queue of a socket that this process has bound, so that those in it
    /// can be accepted. The file of a Unix socket is removed.
    ///
    /// # Errors
    /// Those of setsockopt(2): new connections can still join the queue.
    pub(crate) fn admit_no_more(&mut self) -> io::Result<()> {
        match &mut self.socket {
            Socket::Tcp(listener) => last_call::refuse_syn(&SockRef::from(listener.get_ref())),
            Socket::Unix(_, file) => {
                drop(file.take());
                Ok(())
            }
        }
    }

    /// The address as it would be configured.
    #[must_use]
    pub(crate) fn address(&self) -> Option<Listen> {
        match &self.socket {
            Socket::Tcp(listener) => listener.get_ref().local_addr().ok().map(Listen::Tcp),
            // the kernel still has the name that the socket had before it was renamed
            Socket::Unix(_, Some(file)) => Some(Listen::Unix(file.path().into())),
            Socket::Unix(listener, None) => listener
                .get_ref()
                .local_addr()
                .ok()
                .and_then(|address| address.as_pathname().map(|path| Listen::Unix(path.into()))),
        }
    }
}

/// Registers a listener with this runtime, but not the connections it accepts: another runtime may serve
/// those.
#[expect(deprecated, reason = "not every type keeps its descriptor for as long as it lives; those of std do")]
fn waitable<L: AsFd + AsRawFd>(listener: L) -> io::Result<AsyncFd<L>> {
    AsyncFd::with_interest(listener, Interest::READABLE)
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address() {
            Some(address) => address.fmt(f),
            None => f.write_str("an unnamed socket"),
        }
    }
}
