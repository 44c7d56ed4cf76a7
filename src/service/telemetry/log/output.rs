//! Where events go: to the journal when standard error is the journal, else as text or (`log.format`) JSON to
//! standard error. Never to two of them.
//!
//! # Journal fields (an interface)
//! `SYSLOG_IDENTIFIER=uecho`, `MESSAGE`, `PRIORITY` (error 3, warn 4, info 6, debug and trace 7), `TIMESTAMP`
//! (RFC 3339, UTC; the time when the event happened, because journald sets its own time fields to the time of
//! arrival), `TARGET`, `CODE_FILE`, `CODE_LINE`, and the fields of the event without prefix, in upper case
//! with `_` for `.`: `trace_id` is `TRACE_ID`, `http.route` is `HTTP_ROUTE`. See [`crate::telemetry::access`]
//! for those of a request. Control characters are made visible in all of them.

use std::{
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tracing::{Event, Subscriber};
use tracing_subscriber::{Layer, Registry, fmt, layer::SubscriberExt};
use uecho_probe::journal;

use crate::{
    config::settings::LogFormat,
    telemetry::{
        access,
        log::{
            event::Captured,
            journald::Journald,
            moment::{Moment, at, rfc3339},
            stderr::LineBuffer,
        },
        record::Record,
    },
};

/// The name of the process in the log.
pub(in crate::telemetry) const IDENTIFIER: &str = "uecho";

/// The one output.
pub(super) enum Output {
    /// One entry for each event.
    Journal(Mutex<Journald>),
    /// One line for each event.
    Stderr(Box<dyn Subscriber + Send + Sync>, LineBuffer),
}

impl Output {
    /// Picks the output; text replaces a journal that cannot be reached.
    pub(super) fn choose(format: LogFormat) -> Self {
        let wanted = format == LogFormat::Auto && journal::is_stderr();
        if wanted && let Ok(journald) = Journald::new(IDENTIFIER) {
            return Self::Journal(journald.into());
        }
        let buffer = LineBuffer::default();
        let writer = buffer.clone();
        let layer = fmt::layer().with_ansi(false).with_timer(Moment).with_writer(move || writer.clone());
        let layer = if format == LogFormat::Json {
            layer.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
        } else {
            layer.boxed()
        };
        Self::Stderr(Box::new(Registry::default().with(layer)), buffer)
    }

    /// Makes the event of a request.
    pub(super) fn access(&self, record: &Record, client: &mut access::ClientText) {
        match self {
            Self::Journal(_) => access::emit(record, client, Some(&rfc3339(record.end).to_string())),
            Self::Stderr(..) => at(record.end, || access::emit(record, client, None)),
        }
    }

    /// Takes an event of the log thread itself.
    pub(super) fn event(&self, event: &Event<'_>) {
        match self {
            Self::Journal(journald) => lock(journald).event(event),
            Self::Stderr(subscriber, _) => subscriber.event(event),
        }
    }

    /// Takes an event of another thread.
    pub(super) fn replay(&self, event: &Captured) {
        match self {
            Self::Journal(journald) => lock(journald).replay(event),
            Self::Stderr(subscriber, _) => at(event.time, || event.replay(|event| subscriber.event(event))),
        }
    }

    /// Whether something reads what is written now.
    pub(super) fn reachable(&self) -> bool {
        match self {
            Self::Journal(journald) => lock(journald).reachable(),
            Self::Stderr(..) => true,
        }
    }

    /// Writes what the events since the last call have left in the buffer; gives the number of those that are
    /// lost.
    pub(super) fn write(&self) -> u64 {
        match self {
            Self::Journal(journald) => lock(journald).take_lost(),
            Self::Stderr(_, buffer) => buffer.drain(&mut io::stderr()),
        }
    }
}

fn lock(journald: &Mutex<Journald>) -> MutexGuard<'_, Journald> {
    journald.lock().unwrap_or_else(PoisonError::into_inner)
}
