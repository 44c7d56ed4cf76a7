//! Access events on their way to the journal, many in a system call: when every request leaves one, what tracing-journald spends on each
//! would be as much as the request. All other events go one by one, by tracing-journald, which names and frames fields just so.
//!
//! An entry is a datagram (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>). journald also reads on behind the empty line that ends an
//! entry of the Journal Export Format, but (in version 257) only where the entry before has no `MESSAGE`.

use std::{
    fmt::{self, Write as _},
    io::{self, IoSlice},
    os::unix::net::UnixDatagram,
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

/// Where journald listens.
const JOURNAL_SOCKET: &str = "/run/systemd/journal/socket";
/// How much is gathered at most.
const FULL_BYTES: usize = 64 << 10;
/// The largest entry taken. A datagram holds 208 KiB unless the machine is set up otherwise (`net.core.wmem_default`); tracing-journald
/// takes care of what is larger.
const MAX_ENTRY_BYTES: usize = 64 << 10;

/// Entries that have not been sent.
pub(super) struct Batch {
    socket: UnixDatagram,
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
    /// No entries; `identifier` is `SYSLOG_IDENTIFIER`.
    ///
    /// # Errors
    /// As socket(2).
    pub(super) fn new(identifier: &'static str) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        Ok(Self { socket, identifier, entries: Vec::new(), ends: Vec::new(), lost: 0, sites: Vec::new() })
    }

    /// Takes the event in, unless it is too large.
    pub(super) fn push(&mut self, event: &Event<'_>) -> bool {
        let before = self.entries.len();
        let site = self.site(event.metadata());
        let Self { entries, sites, .. } = self;
        entries.extend_from_slice(&sites[site].head);
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
        self.socket.connect(JOURNAL_SOCKET)
    }

    /// Sends what there is.
    pub(super) fn send(&mut self) {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        let slices: Vec<_> =
            begins.zip(&self.ends).map(|(begin, end)| [IoSlice::new(&self.entries[begin..*end])]).collect();
        let mut no_controls: Vec<_> = slices.iter().map(|_| SendAncillaryBuffer::default()).collect();
        let mut messages: Vec<_> =
            slices.iter().zip(&mut no_controls).map(|(slice, none)| MMsgHdr::new(slice, none)).collect();
        let mut rest = &mut messages[..];
        while !rest.is_empty() {
            let done = match sendmmsg(&self.socket, rest, SendFlags::NOSIGNAL) {
                Ok(sent) => sent,
                Err(Errno::INTR) => 0,
                Err(_) => {
                    self.lost += 1;
                    1
                }
            };
            rest = &mut rest[done..];
        }
        self.entries.clear();
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
        let name = |field: Field| field.name().to_ascii_uppercase().replace('.', "_");
        self.sites.push(Site { id, head, names: metadata.fields().iter().map(name).collect() });
        self.sites.len() - 1
    }
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
    use tracing::{Subscriber, subscriber::with_default};
    use tracing_subscriber::{
        Layer, Registry,
        layer::{Context, SubscriberExt},
    };

    use super::*;

    /// Pushes every event, and sends to nobody.
    struct Push(std::sync::Mutex<Vec<Pushed>>);

    /// Whether the event was taken twice, what was gathered, and whether each end is the half of it.
    type Pushed = (bool, Vec<u8>, Vec<bool>);

    impl<S: Subscriber> Layer<S> for &'static Push {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let mut batch = Batch::new("test").unwrap();
            let taken = batch.push(event) && batch.push(event);
            let parts = batch.ends.iter().map(|end| end * 2 == batch.entries.len()).collect();
            self.0.lock().unwrap().push((taken, batch.entries, parts));
        }
    }

    fn pushed(log: impl FnOnce()) -> Vec<Pushed> {
        let push: &Push = Box::leak(Box::new(Push(std::sync::Mutex::default())));
        with_default(Registry::default().with(push), log);
        std::mem::take(&mut push.0.lock().unwrap())
    }

    #[test]
    fn entries_are_framed_and_parted() {
        let pushed = pushed(|| {
            tracing::event!(target: "t", Level::WARN, http.route = "a\nb", number = 7, "m");
        });
        let [(true, entries, halves)] = &pushed[..] else { panic!("{pushed:?}") };
        let text = std::str::from_utf8(entries).unwrap();
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
            ("MESSAGE", "m"),
            ("HTTP_ROUTE", "a\nb"),
            ("NUMBER", "7"),
        ]
        .map(|(name, value)| field(name, value))
        .concat();
        assert_eq!(text, format!("{entry}{entry}"));
        assert_eq!(halves, &[true, false]);
    }

    #[test]
    fn what_is_too_large_is_left_to_others() {
        let long = "x".repeat(MAX_ENTRY_BYTES);
        assert_eq!(pushed(|| tracing::info!(long, "m")), [(false, Vec::new(), Vec::new())]);
    }

    #[test]
    fn what_cannot_be_sent_is_counted() {
        let mut batch = Batch::new("test").unwrap();
        // not connected
        (batch.entries, batch.ends) = (b"A=1\nB=2\n".to_vec(), vec![4, 8]);
        batch.send();
        assert_eq!((batch.take_lost(), batch.take_lost(), batch.entries.len()), (2, 0, 0));
    }
}
