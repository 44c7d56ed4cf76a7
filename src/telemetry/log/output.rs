//! Where events go: the journal when stderr is the journal, else text on stderr, or JSON by `log.format`. Never two of them.
//!
//! # Journal fields (an interface)
//! `SYSLOG_IDENTIFIER=uecho`, `MESSAGE`, `PRIORITY` (error 3, warn 4, info 6, debug and trace 7), `TARGET`, `CODE_FILE`, `CODE_LINE`,
//! and the event's own fields without prefix, in upper case with `_` for `.`: `trace_id` is `TRACE_ID`, `http.route` is `HTTP_ROUTE`.
//! See [`crate::telemetry::access`] for those of a request. Fields are length-framed; control characters are made visible in all of them.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use tracing::{Event, Subscriber};
use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::{Layer, Registry, fmt, layer::SubscriberExt};

use super::{escape::Lines, event::Captured, journal::Batch, text::Text};
use crate::{config::settings::LogFormat, telemetry::access};

/// What the process calls itself in the log; `uecho` unless somebody says otherwise first.
pub(in crate::telemetry) static IDENTIFIER: OnceLock<&str> = OnceLock::new();

fn identifier() -> &'static str {
    IDENTIFIER.get_or_init(|| "uecho")
}

/// The one output.
pub(super) struct Output {
    subscriber: Box<dyn Subscriber + Send + Sync>,
    stderr: Buffer,
    /// Access events for the journal, if that is the output.
    journal: Option<Mutex<Batch>>,
}

impl Output {
    /// Picks the output; a journal that cannot be reached is replaced by text.
    pub(super) fn choose(format: LogFormat) -> Self {
        let stderr = Buffer::default();
        let (text, json) = (stderr.clone(), stderr.clone());
        let wanted = format == LogFormat::Auto && stderr_is(std::env::var("JOURNAL_STREAM").ok().as_deref());
        let (layer, journal) = match (format, wanted.then(journald)) {
            (LogFormat::Json, _) => {
                let layer =
                    fmt::layer().json().flatten_event(true).with_current_span(false).with_span_list(false);
                (layer.with_writer(move || Lines(json.clone())).boxed(), None)
            }
            (_, Some(Ok((journald, batch)))) => (journald.boxed(), Some(Mutex::new(batch))),
            _ => (fmt::layer().event_format(Text).with_writer(move || text.clone()).boxed(), None),
        };
        Self { subscriber: Box::new(Registry::default().with(layer)), stderr, journal }
    }

    fn batch(&self) -> Option<MutexGuard<'_, Batch>> {
        self.journal.as_ref().map(|batch| batch.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes an event of the log thread itself.
    pub(super) fn event(&self, event: &Event<'_>) {
        if let Some(mut batch) = self.batch() {
            if event.metadata().target() == access::TARGET && batch.push(event) {
                return;
            }
            // what came before goes before
            batch.send();
        }
        self.subscriber.event(event);
    }

    /// Takes an event of another thread.
    pub(super) fn replay(&self, event: &Captured) {
        let batch = self.batch().map(|mut batch| batch.send());
        event.replay(&*self.subscriber, batch.is_some());
    }

    /// Whether anything would read what is written now; the journald layer does not say when it could not send.
    pub(super) fn reachable(&self) -> bool {
        self.batch().is_none_or(|batch| batch.connect().is_ok())
    }

    /// Writes out what the events since the last call have left; returns how many the journal did not take.
    pub(super) fn write(&self) -> u64 {
        if let Some(mut batch) = self.batch() {
            batch.send();
            return batch.take_lost();
        }
        let mut buffer = self.stderr.lock();
        // nowhere is left to say that stderr is gone
        let _ = io::stderr().write_all(&buffer);
        buffer.clear();
        buffer.shrink_to(MAX_IDLE_BUFFER);
        0
    }
}

/// What is kept of the buffer between batches.
const MAX_IDLE_BUFFER: usize = 64 * 1024;

fn journald() -> io::Result<(tracing_journald::Layer, Batch)> {
    let layer = tracing_journald::layer()?
        .with_syslog_identifier(identifier().into())
        .with_field_prefix(None)
        .with_priority_mappings(PriorityMappings {
            error: Priority::Error,
            warn: Priority::Warning,
            info: Priority::Informational,
            debug: Priority::Debug,
            trace: Priority::Debug,
        });
    Ok((layer, Batch::new(identifier())?))
}

/// Whether `JOURNAL_STREAM`, `DEVICE:INODE`, names our stderr (systemd.exec(5)): it may have been inherited from a service that is not us.
fn stderr_is(journal_stream: Option<&str>) -> bool {
    let Ok(stderr) = rustix::fs::fstat(io::stderr()) else { return false };
    journal_stream.and_then(|value| value.split_once(':')).is_some_and(|(device, inode)| {
        device.parse() == Ok(stderr.st_dev) && inode.parse() == Ok(stderr.st_ino)
    })
}

/// Lines on stderr, when nothing else works.
pub(in crate::telemetry) fn last_words(text: &str) {
    for line in text.lines() {
        let _ = Lines(io::stderr()).write_all(format!("{}: {line}\n", identifier()).as_bytes());
    }
}

/// What is to be written to stderr at the end of a batch.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
