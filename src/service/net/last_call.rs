//! Keeps new connections out of the queue of a TCP listener before it is closed. Closing a listener resets
//! all connections in the kernel's queue, so the service first stops new ones and accepts those in the queue.

use std::io;

use socket2::{SockFilter, SockRef};

/// Drops each TCP segment with SYN and without ACK, which is how connections begin (classic BPF, see
/// <https://docs.kernel.org/networking/filter.html>). Handshakes under way are finished. A client whose SYN
/// is dropped sends it again after a second, and is refused once the listener is closed. shutdown(2) would
/// reset the queue instead.
const NO_SYN: [SockFilter; 5] = [
    // the flags are in byte 13 of the TCP header
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

/// Keeps new connections out of the queue of a listening socket.
///
/// # Errors
/// Those of setsockopt(2); `EPERM` where the kernel requires `CAP_NET_ADMIN`. The queue then has room for one
/// connection, and a client that comes while it is full has to send its SYN again.
pub(super) fn refuse_syn(listener: &SockRef<'_>) -> io::Result<()> {
    listener.attach_filter(&NO_SYN).inspect_err(|_| {
        // a shorter queue is not required, it only helps
        let _ = listener.listen(0);
    })
}

#[cfg(test)]
mod tests {
    use std::{
        io::{ErrorKind, Read as _, Write as _},
        net::{TcpListener, TcpStream},
        time::Duration,
    };

    use super::*;

    /// Shorter than a client waits before it sends its SYN again.
    const WAIT: Duration = Duration::from_millis(500);

    #[test]
    fn connections_in_the_queue_stay_and_no_new_one_joins() {
        for any in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(any).unwrap();
            let address = listener.local_addr().unwrap();
            let mut queued = TcpStream::connect(address).unwrap();
            if let Err(error) = refuse_syn(&SockRef::from(&listener)) {
                assert!(!rustix::process::geteuid().is_root(), "{error}");
                let text =
                    "SKIPPED: closing a listener without loss; the kernel lets only CAP_NET_ADMIN filter\n";
                let _ = std::io::stderr().write_all(text.as_bytes());
                return;
            }
            queued.write_all(b"ask").unwrap();
            assert_eq!(TcpStream::connect_timeout(&address, WAIT).unwrap_err().kind(), ErrorKind::TimedOut);
            let (mut accepted, _) = listener.accept().unwrap();
            drop(listener);
            let mut asked = [0; 3];
            accepted.read_exact(&mut asked).unwrap();
            accepted.write_all(b"answer").unwrap();
            drop(accepted);
            let mut answer = String::new();
            queued.read_to_string(&mut answer).unwrap();
            assert_eq!((&asked, answer.as_str()), (b"ask", "answer"));
            assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        }
    }
}
