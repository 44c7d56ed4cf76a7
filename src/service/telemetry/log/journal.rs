//! Events of requests on their way to the journal, many in a system call: when every request leaves one, a system call for each would
//! be as much as the request. All other events go by [`super::journald`].
//!
//! An entry is a datagram (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>). journald also reads on behind the empty line that ends an
//! entry of the Journal Export Format, but (in version 257) only where the entry before has no `MESSAGE`.

use std::{
    fmt::{self, Write as _},
    io::{self, IoSlice},
    os::unix::net::UnixDatagram,
    path::PathBuf,
};

use rustix::{
    io::Errno,
    net::{MMsgHdr, SendAncillaryBuffer, SendFlags, sendmmsg},
};
use tracing::{
    Event, Level, Metadata,
    callsite::Identifier,
    field::{Field, Visit},
};

use crate::telemetry::log::moment::Moment;

/// Where journald listens.
pub(super) const SOCKET: &str = "/run/systemd/journal/socket";
/// How much is gathered at most.
const FULL_BYTES: usize = 64 << 10;
/// The largest entry taken. A datagram holds 208 KiB unless the machine is set up otherwise (`net.core.wmem_default`); tracing-journald
/// takes care of what is larger.
const MAX_ENTRY_BYTES: usize = 64 << 10;
/// The longest name of a field that journald takes.
const MAX_NAME_BYTES: usize = 64;

/// Entries that have not been sent.
pub(super) struct Batch {
    socket: UnixDatagram,
    path: PathBuf,
    identifier: &'static str,
    entries: Vec<u8>,
    /// Where each entry ends.
    ends: Vec<usize>,
    lost: u64,
    sites: Vec<Site>,
}

/// What is the same in all events of a call site.
struct Site {
    id: Identifier,
    /// The fields that do not come from the event.
    head: Vec<u8>,
    /// The names of those that do, by index, as the journal wants them.
    names: Vec<String>,
}

impl Batch {
    /// No entries yet for the journal at `path`; `identifier` is `SYSLOG_IDENTIFIER`.
    ///
    /// # Errors
    /// Nobody listens there.
    pub(super) fn new(path: impl Into<PathBuf>, identifier: &'static str) -> io::Result<Self> {
        let batch = Self {
            socket: UnixDatagram::unbound()?,
            path: path.into(),
            identifier,
            entries: Vec::new(),
            ends: Vec::new(),
            lost: 0,
            sites: Vec::new(),
        };
        batch.connect()?;
        Ok(batch)
    }

    /// Takes the event in, unless it is too large.
    pub(super) fn push(&mut self, event: &Event<'_>) -> bool {
        let before = self.entries.len();
        let site = self.site(event.metadata());
        let Self { entries, sites, .. } = self;
        entries.extend_from_slice(&sites[site].head);
        put(entries, "TIMESTAMP", |entry| {
            // a Vec takes everything
            let _ = Moment::write(&mut Sink(entry));
        });
        event.record(&mut Fields { entry: entries, names: &sites[site].names });
        if self.entries.len() - before > MAX_ENTRY_BYTES {
            self.entries.truncate(before);
            return false;
        }
        self.ends.push(self.entries.len());
        if self.entries.len() >= FULL_BYTES {
            self.send();
        }
        true
    }

    /// Connects to the journal, anew if it was connected.
    ///
    /// # Errors
    /// Nobody listens there.
    pub(super) fn connect(&self) -> io::Result<()> {
        self.socket.connect(&self.path)
    }

    /// Whether the journal takes anything: an empty datagram, which it discards.
    pub(super) fn listens(&self) -> bool {
        self.socket.send(&[]).is_ok()
    }

    /// Sends what there is.
    pub(super) fn send(&mut self) {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        let slices: Vec<_> =
            begins.zip(&self.ends).map(|(begin, end)| [IoSlice::new(&self.entries[begin..*end])]).collect();
        let mut no_controls: Vec<_> = slices.iter().map(|_| SendAncillaryBuffer::default()).collect();
        let mut messages: Vec<_> =
            slices.iter().zip(&mut no_controls).map(|(slice, none)| MMsgHdr::new(slice, none)).collect();
        let mut done = 0;
        while done < slices.len() {
            done += match sendmmsg(&self.socket, &mut messages[done..], SendFlags::NOSIGNAL) {
                Ok(sent) => sent,
                Err(Errno::INTR) => 0,
                Err(_) => {
                    self.lost += 1;
                    1
                }
            };
        }
        self.entries.clear();
        self.entries.shrink_to(2 * FULL_BYTES);
        self.ends.clear();
    }

    /// How many entries could not be sent since the last call.
    pub(super) fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    fn site(&mut self, metadata: &'static Metadata<'static>) -> usize {
        let id = metadata.callsite();
        if let Some(known) = self.sites.iter().position(|site| site.id == id) {
            return known;
        }
        let line = metadata.line().map(|line| line.to_string());
        let mut head = Vec::new();
        for (name, value) in [
            ("PRIORITY", Some(priority(*metadata.level()))),
            ("TARGET", Some(metadata.target())),
            ("CODE_FILE", metadata.file()),
            ("CODE_LINE", line.as_deref()),
            ("SYSLOG_IDENTIFIER", Some(self.identifier)),
        ] {
            if let Some(value) = value {
                put(&mut head, name, |entry| entry.extend_from_slice(value.as_bytes()));
            }
        }
        let names = metadata.fields().iter().map(|field| name(field.name())).collect();
        self.sites.push(Site { id, head, names });
        self.sites.len() - 1
    }
}

/// The field's name as journald takes it: upper case, digits and `_`, beginning with a letter.
fn name(field: &str) -> String {
    let name = field.to_ascii_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    let name = name.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    name[..name.len().min(MAX_NAME_BYTES)].to_owned()
}

/// `PRIORITY`, as in syslog(3).
fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "3",
        Level::WARN => "4",
        Level::INFO => "6",
        _ => "7",
    }
}

/// Adds a field with its length, so that no value can end it.
fn put(entry: &mut Vec<u8>, name: &str, value: impl FnOnce(&mut Vec<u8>)) {
    entry.extend_from_slice(name.as_bytes());
    entry.extend_from_slice(b"\n\0\0\0\0\0\0\0\0");
    let begin = entry.len();
    value(entry);
    let length = (entry.len() - begin) as u64;
    entry[begin - 8..begin].copy_from_slice(&length.to_le_bytes());
    entry.push(b'\n');
}

/// Adds the fields of an event.
struct Fields<'a> {
    entry: &'a mut Vec<u8>,
    names: &'a [String],
}

impl Fields<'_> {
    fn text(&mut self, field: &Field, value: &str) {
        put(self.entry, &self.names[field.index()], |entry| entry.extend_from_slice(value.as_bytes()));
    }
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.text(field, itoa::Buffer::new().format(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.text(field, itoa::Buffer::new().format(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.text(field, zmij::Buffer::new().format(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        put(self.entry, &self.names[field.index()], |entry| {
            // a Vec takes everything
            let _ = write!(Sink(entry), "{value:?}");
        });
    }
}

struct Sink<'a>(&'a mut Vec<u8>);

impl fmt::Write for Sink<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use tracing::{Subscriber, subscriber::with_default};
    use tracing_subscriber::{
        Layer, Registry,
        layer::{Context, SubscriberExt},
    };

    use super::{super::moment::at, *};

    /// Pushes every event twice, and has what was gathered.
    struct Push(std::sync::Mutex<Batch>);

    impl<S: Subscriber> Layer<S> for &'static Push {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let mut batch = self.0.lock().unwrap();
            let time = UNIX_EPOCH + Duration::from_micros(1_795_307_548_000_042);
            at(time, || (batch.push(event), batch.push(event)));
        }
    }

    fn pushed(batch: Batch, log: impl FnOnce()) -> std::sync::MutexGuard<'static, Batch> {
        let push: &Push = Box::leak(Box::new(Push(batch.into())));
        with_default(Registry::default().with(push), log);
        push.0.lock().unwrap()
    }

    fn journal() -> (tempfile::TempDir, UnixDatagram, Batch) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let socket = UnixDatagram::bind(&path).unwrap();
        let batch = Batch::new(path, "test").unwrap();
        (directory, socket, batch)
    }

    #[test]
    fn entries_are_framed_and_parted() {
        let (_directory, _journal, batch) = journal();
        let batch = pushed(batch, || {
            tracing::event!(target: "t", Level::WARN, http.route = "a\nb", number = 7, "m");
        });
        let text = std::str::from_utf8(&batch.entries).unwrap();
        let field = |name: &str, value: &str| {
            format!("{name}\n{}\0\0\0\0\0\0\0{value}\n", char::from(u8::try_from(value.len()).unwrap()))
        };
        let line = text.split_once("CODE_LINE\n").unwrap().1;
        let line: String = line[8..].chars().take_while(char::is_ascii_digit).collect();
        let entry = [
            ("PRIORITY", "4"),
            ("TARGET", "t"),
            ("CODE_FILE", file!()),
            ("CODE_LINE", &line),
            ("SYSLOG_IDENTIFIER", "test"),
            ("TIMESTAMP", "2026-11-22T00:32:28.000042Z"),
            ("MESSAGE", "m"),
            ("HTTP_ROUTE", "a\nb"),
            ("NUMBER", "7"),
        ]
        .map(|(name, value)| field(name, value))
        .concat();
        assert_eq!(text, format!("{entry}{entry}"));
        assert_eq!(batch.ends, [text.len() / 2, text.len()]);
    }

    #[test]
    fn names_are_those_that_journald_takes() {
        for (field, expected) in [("http.route", "HTTP_ROUTE"), ("_r#type", "R_TYPE"), ("9a-b", "A_B")] {
            assert_eq!(name(field), expected);
        }
        assert_eq!(name(&"x".repeat(70)).len(), MAX_NAME_BYTES);
    }

    #[test]
    fn what_cannot_be_sent_is_counted() {
        let (_directory, journal, batch) = journal();
        let long = "x".repeat(1 << 20);
        let mut batch = pushed(batch, || tracing::info!("sent"));
        batch.send();
        assert_eq!(batch.take_lost(), 0);
        journal.shutdown(std::net::Shutdown::Read).unwrap();
        batch.entries.extend_from_slice(b"A=1\nB=2\n");
        batch.entries.extend_from_slice(long.as_bytes());
        batch.ends.extend([4, 8, 8 + long.len()]);
        batch.send();
        assert_eq!((batch.take_lost(), batch.take_lost(), batch.entries.len()), (3, 0, 0));
    }
}
