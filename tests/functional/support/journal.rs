//! A journal that is not that of systemd: the socket of its native protocol, and the entries that it got.
//! See <https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>.

use std::{
    fs::File,
    io::{IoSliceMut, Read, Seek},
    net::Shutdown,
    os::unix::net::UnixDatagram,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use tempfile::TempDir;

use super::{SOON, mounts};

/// Fields of an entry in the order sent.
#[derive(Clone, Debug)]
pub struct JournalEntry {
    pub fields: Vec<(String, String)>,
    /// Whether the entry came as a file, because it was too large for a datagram.
    pub file: bool,
}

impl JournalEntry {
    /// The value of a field; panics when it is repeated.
    #[track_caller]
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut values =
            self.fields.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} is repeated");
        value
    }

    fn parse(mut bytes: &[u8], file: bool) -> Self {
        let mut fields = Vec::new();
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = (std::str::from_utf8(&bytes[..end]).unwrap(), &bytes[end + 1..]);
            if let Some((name, value)) = line.split_once('=') {
                fields.push((name.into(), value.into()));
                bytes = rest;
            } else {
                let (length, rest) = rest.split_first_chunk().unwrap();
                let (value, rest) = rest.split_at(usize::try_from(u64::from_le_bytes(*length)).unwrap());
                fields.push((line.into(), String::from_utf8(value.into()).unwrap()));
                bytes = rest.strip_prefix(b"\n").unwrap();
            }
        }
        assert!(bytes.is_empty(), "{bytes:?}");
        Self { fields, file }
    }
}

/// The journal's side of the socket.
pub struct Journal {
    pub directory: TempDir,
    socket: UnixDatagram,
    entries: Vec<JournalEntry>,
}

impl Journal {
    pub fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let socket = bind(directory.path());
        Self { directory, socket, entries: Vec::new() }
    }

    /// Removes the socket, so that nobody can connect.
    pub fn remove(&self) {
        std::fs::remove_file(self.directory.path().join("socket")).unwrap();
    }

    /// Makes the socket again.
    pub fn restore(&mut self) {
        self.socket = bind(self.directory.path());
    }

    /// Takes no more entries.
    pub fn deafen(&self) {
        self.socket.shutdown(Shutdown::Read).unwrap();
    }

    /// Reads the entries that have arrived; gives all entries so far.
    pub fn entries(&mut self) -> &[JournalEntry] {
        let mut buffer = vec![0; 512 * 1024];
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        loop {
            let mut ancillary = RecvAncillaryBuffer::new(&mut space);
            let mut slices = [IoSliceMut::new(&mut buffer)];
            let Ok(received) = recvmsg(&self.socket, &mut slices, &mut ancillary, RecvFlags::CMSG_CLOEXEC)
            else {
                return &self.entries;
            };
            let files = ancillary.drain().find_map(|message| match message {
                RecvAncillaryMessage::ScmRights(mut files) => files.next(),
                _ => None,
            });
            if let Some(file) = files {
                let (mut file, mut content) = (File::from(file), Vec::new());
                file.rewind().unwrap();
                file.read_to_end(&mut content).unwrap();
                self.entries.push(JournalEntry::parse(&content, true));
            } else if received.bytes > 0 {
                // an empty datagram only asks whether the journal listens
                self.entries.push(JournalEntry::parse(&buffer[..received.bytes], false));
            }
        }
    }

    /// Waits for an entry that meets the condition.
    #[track_caller]
    pub fn wait_for(&mut self, what: &str, is_it: impl Fn(&JournalEntry) -> bool) -> JournalEntry {
        let begin = Instant::now();
        loop {
            if let Some(entry) = self.entries().iter().find(|entry| is_it(entry)) {
                return entry.clone();
            }
            assert!(begin.elapsed() < SOON, "never: {what}; entries: {:#?}", self.entries);
        }
    }
}

fn bind(directory: &Path) -> UnixDatagram {
    let socket = UnixDatagram::bind(directory.join("socket")).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    socket
}

/// A shell that sees the directory as `/run/systemd/journal`; the caller adds the arguments of `sh`.
pub fn namespace(journal: &Path) -> Command {
    mounts::namespace(MOUNT, journal)
}

/// For [`mounts::namespace`]: the directory takes the place of the journal's.
pub const MOUNT: &str = "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal \
    && mount --bind \"$0\" /run/systemd/journal";
