//! An accepted connection: its type, the client's address, and whether there is something to read.

use std::{
    io,
    mem::MaybeUninit,
    net::IpAddr,
    task::{Context, Poll},
};

use socket2::SockRef;
use tokio::net::{TcpStream, UnixStream};
use tokio_util::either::Either;

/// A TCP socket of any family or a Unix stream socket, without a box or a virtual call.
pub(super) type Stream = Either<TcpStream, UnixStream>;

/// The address of the other end; none for a Unix socket.
#[must_use]
pub(super) fn client(stream: &Stream) -> Option<IpAddr> {
    match stream {
        Either::Left(stream) => stream.peer_addr().ok().map(|address| address.ip()),
        Either::Right(_) => None,
    }
}

/// Waits until there is something to read, or the end.
///
/// # Errors
/// Those that epoll(7) reports.
pub(super) fn poll_read_ready(stream: &Stream, context: &mut Context<'_>) -> Poll<io::Result<()>> {
    match stream {
        Either::Left(stream) => stream.poll_read_ready(context),
        Either::Right(stream) => stream.poll_read_ready(context),
    }
}

/// Whether the kernel holds unread bytes; this asks the kernel, not the runtime.
#[must_use]
pub(super) fn has_unread(stream: &Stream) -> bool {
    let socket = match stream {
        Either::Left(stream) => SockRef::from(stream),
        Either::Right(stream) => SockRef::from(stream),
    };
    socket.peek(&mut [MaybeUninit::uninit(); 1]).is_ok_and(|length| length > 0)
}
