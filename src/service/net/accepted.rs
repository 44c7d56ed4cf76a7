//! A connection between the thread that accepts it and the one that serves it.

use std::{io, net::TcpStream, os::unix::net::UnixStream};

use crate::net::stream::Stream;

/// A connection that no runtime watches yet; its socket is in non-blocking mode.
pub(super) enum Accepted {
    /// TCP, any family.
    Tcp(TcpStream),
    /// A Unix stream socket.
    Unix(UnixStream),
}

impl Accepted {
    /// Registers the connection with the runtime of this thread.
    ///
    /// # Errors
    /// Those of `epoll_ctl(2)`, when the kernel cannot watch more file descriptors.
    pub(super) fn adopt(self) -> io::Result<Stream> {
        match self {
            Self::Tcp(stream) => {
                // this fails only when the client has left already, and the next read reports that
                let _ = stream.set_nodelay(true);
                stream.try_into().map(Stream::Left)
            }
            Self::Unix(stream) => stream.try_into().map(Stream::Right),
        }
    }
}
