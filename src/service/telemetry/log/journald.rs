//! The journal as the output: tracing-journald makes one entry of each event and sends it.

use std::{io, os::unix::net::UnixDatagram};

use tracing::{Event, Subscriber};
use tracing_subscriber::{Registry, layer::SubscriberExt};
use uecho_probe::journal;

use crate::telemetry::log::{dated::Dated, event::Captured};

/// The connection to the journal.
pub(super) struct Journald {
    entries: Box<dyn Subscriber + Send + Sync>,
    dated: Dated,
    /// Asks whether the journal listens; tracing-journald has a socket of its own, and does not report its
    /// errors.
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

    /// Sends an event of the log thread itself; adds no time field.
    pub(super) fn event(&mut self, event: &Event<'_>) {
        self.entries.event(event);
        self.sent += 1;
    }

    /// Sends an event of another thread.
    pub(super) fn replay(&mut self, event: &Captured) {
        event.replay_dated(&mut self.dated, |event| self.entries.event(event));
        self.sent += 1;
    }

    /// Whether the journal listens.
    pub(super) fn reachable(&self) -> bool {
        self.asking.connect(journal::SOCKET).is_ok()
    }

    /// How many of the entries sent since the last call count as lost: all of them, if the journal now
    /// refuses an empty datagram, which it discards.
    pub(super) fn take_lost(&mut self) -> u64 {
        let sent = std::mem::take(&mut self.sent);
        let arrived = sent == 0 || self.asking.send(&[]).is_ok();
        if arrived { 0 } else { sent }
    }
}
