//! A connection between the thread that accepts it and the one that serves it.

use std::{io, net::TcpStream, os::unix::net::UnixStream};

use crate::net::stream::Stream;

/// A connection that no runtime knows yet; never blocks.
pub(super) enum Accepted {
    /// TCP, any family.
    Tcp(TcpStream),
    /// A Unix stream socket.
    Unix(UnixStream),
}

impl Accepted {
    /// Has the runtime of this thread watch it.
    ///
    /// # Errors
    /// As epoll(7) reports, when the machine has no room for more.
    pub(super) fn adopt(self) -> io::Result<Stream> {
        match self {
            Self::Tcp(stream) => {
                // fails only when the client is gone already, which reading will tell
                let _ = stream.set_nodelay(true);
                stream.try_into().map(Stream::Left)
            }
            Self::Unix(stream) => stream.try_into().map(Stream::Right),
        }
    }
}
