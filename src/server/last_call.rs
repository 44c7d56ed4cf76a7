//! Before a listener of our own is closed: closing it resets whoever waits in the kernel's queue, so from here on nobody joins the
//! queue, and whoever is in it can be accepted.

use std::{io, net::Shutdown};

use socket2::{Domain, SockFilter, SockRef};

/// Drops each TCP segment with SYN and without ACK, which is how connections begin (classic BPF, see
/// <https://docs.kernel.org/networking/filter.html>). Handshakes under way are finished. Who knocks now knocks again after a second,
/// and is refused once the listener is closed; shutdown(2) would reset the queue instead.
const NO_SYN: [SockFilter; 5] = [
    // the byte of flags
    SockFilter::new(LOAD_BYTE, 0, 0, 13),
    SockFilter::new(AND, 0, 0, ACK | SYN),
    SockFilter::new(JUMP_IF_EQUAL, 0, 1, SYN),
    SockFilter::new(RETURN, 0, 0, 0),
    SockFilter::new(RETURN, 0, 0, u32::MAX),
];
const LOAD_BYTE: u16 = 0x30;
const AND: u16 = 0x54;
const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
const SYN: u32 = 0x02;
const ACK: u32 = 0x10;

/// Lets nobody new into the queue of a listening socket.
///
/// # Errors
/// As setsockopt(2) or shutdown(2): the queue stays open.
pub fn admit_no_more(listener: &SockRef<'_>) -> io::Result<()> {
    match listener.domain()? {
        Domain::UNIX => listener.shutdown(Shutdown::Read),
        _ => listener.attach_filter(&NO_SYN),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{ErrorKind, Write as _},
        net::{SocketAddr, TcpListener, TcpStream},
        os::unix::net::{UnixListener, UnixStream},
        time::Duration,
    };

    use super::*;

    /// Longer than anything takes here, shorter than a client waits before it sends its SYN again.
    const WAIT: Duration = Duration::from_millis(500);

    fn queue_outlives_the_call(
        listener: &SockRef<'_>,
        mut queued: impl io::Read + io::Write,
        accept: impl FnOnce() -> Box<dyn io::Write>,
        late: impl FnOnce() -> io::ErrorKind,
        kind: io::ErrorKind,
    ) {
        admit_no_more(listener).unwrap();
        queued.write_all(b"ask").unwrap();
        assert_eq!(late(), kind);
        accept().write_all(b"answer").unwrap();
        let mut answer = [0; 6];
        queued.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"answer");
    }

    #[test]
    fn who_waits_in_the_queue_of_a_tcp_listener_stays_and_nobody_joins() {
        for any in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(any).unwrap();
            let address: SocketAddr = listener.local_addr().unwrap();
            let queued = TcpStream::connect(address).unwrap();
            queue_outlives_the_call(
                &SockRef::from(&listener),
                queued,
                || Box::new(listener.accept().unwrap().0),
                || TcpStream::connect_timeout(&address, WAIT).unwrap_err().kind(),
                ErrorKind::TimedOut,
            );
        }
    }

    #[test]
    fn who_waits_in_the_queue_of_a_unix_listener_stays_and_nobody_joins() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let queued = UnixStream::connect(&path).unwrap();
        queue_outlives_the_call(
            &SockRef::from(&listener),
            queued,
            || Box::new(listener.accept().unwrap().0),
            || UnixStream::connect(&path).unwrap_err().kind(),
            ErrorKind::ConnectionRefused,
        );
    }
}
