//! The journal as the output: each event is one entry, framed and sent by tracing-journald.

use std::{io, os::unix::net::UnixDatagram};

use tracing::{Event, Subscriber};
use tracing_subscriber::{Registry, layer::SubscriberExt};
use uecho_probe::journal;

use crate::telemetry::log::{dated::Dated, event::Captured};

/// The way to the journal.
pub(super) struct Journald {
    entries: Box<dyn Subscriber + Send + Sync>,
    dated: Dated,
    /// Asks whether the journal is there; tracing-journald has a socket of its own, and keeps its errors to
    /// itself.
    asking: UnixDatagram,
    /// How many entries were sent since the journal was last asked.
    sent: u64,
}

impl Journald {
    /// `identifier` is `SYSLOG_IDENTIFIER`.
    ///
    /// # Errors
    /// No journal listens.
    pub(super) fn new(identifier: &str) -> io::Result<Self> {
        let entries = Box::new(Registry::default().with(journal::layer(identifier)?));
        Ok(Self { entries, dated: Dated::default(), asking: UnixDatagram::unbound()?, sent: 0 })
    }

    /// Sends an event of the log thread itself, as it is.
    pub(super) fn event(&mut self, event: &Event<'_>) {
        self.entries.event(event);
        self.sent += 1;
    }

    /// Sends an event of another thread.
    pub(super) fn replay(&mut self, event: &Captured) {
        event.replay_dated(&mut self.dated, |event| self.entries.event(event));
        self.sent += 1;
    }

    /// Whether anybody listens.
    pub(super) fn reachable(&self) -> bool {
        self.asking.connect(journal::SOCKET).is_ok()
    }

    /// How many entries sent since the last call count as lost: all of them, if the journal does not take an
    /// empty datagram now, which it discards.
    pub(super) fn take_lost(&mut self) -> u64 {
        let sent = std::mem::take(&mut self.sent);
        let arrived = sent == 0 || self.asking.send(&[]).is_ok();
        if arrived { 0 } else { sent }
    }
}
