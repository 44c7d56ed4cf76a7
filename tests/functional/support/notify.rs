//! The service manager's side of `sd_notify(3)`.

use std::{
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::SOON;

/// A notify socket and every line it received.
pub struct NotifySocket {
    pub path: PathBuf,
    socket: UnixDatagram,
    lines: Vec<(Instant, String)>,
}

impl NotifySocket {
    pub fn bind(path: &Path) -> Self {
        Self::of(path, UnixDatagram::bind(path).unwrap())
    }

    /// Binds a socket in the abstract namespace, whose name in `NOTIFY_SOCKET` begins with `@`.
    pub fn bind_abstract(name: &str) -> Self {
        let address = SocketAddr::from_abstract_name(name).unwrap();
        Self::of(Path::new(&format!("@{name}")), UnixDatagram::bind_addr(&address).unwrap())
    }

    fn of(path: &Path, socket: UnixDatagram) -> Self {
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        Self { path: path.into(), socket, lines: Vec::new() }
    }

    /// Reads the lines that have arrived; gives every line so far, with its time of arrival.
    pub fn lines(&mut self) -> &[(Instant, String)] {
        let mut buffer = [0; 8192];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            self.lines.extend(text.lines().map(|line| (Instant::now(), line.to_owned())));
        }
        &self.lines
    }

    /// Waits for a line that begins with `prefix`; false when none comes.
    pub fn wait_for(&mut self, prefix: &str) -> bool {
        let begin = Instant::now();
        loop {
            if self.lines().iter().any(|(_, line)| line.starts_with(prefix)) {
                return true;
            }
            if begin.elapsed() > SOON {
                return false;
            }
        }
    }

    /// The lines so far, without their times.
    pub fn texts(&mut self) -> Vec<String> {
        self.lines().iter().map(|(_, line)| line.clone()).collect()
    }

    /// How many of the lines so far begin with `prefix`.
    pub fn count(&mut self, prefix: &str) -> usize {
        self.lines().iter().filter(|(_, line)| line.starts_with(prefix)).count()
    }

    /// Forgets the lines so far.
    pub fn clear(&mut self) {
        self.lines();
        self.lines.clear();
    }
}
