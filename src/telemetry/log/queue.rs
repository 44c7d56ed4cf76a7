//! The bounded buffer between the runtime and the log thread. Whoever logs never waits: what does not fit is counted and gone.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, Receiver, SyncSender},
    },
    time::Duration,
};

use prometheus::IntCounter;

use super::event::Captured;
use crate::{config::ConfigError, telemetry::record::Record};

/// Most access records that wait, about 70 ms of them at 60,000 requests a second.
const ACCESS_CAPACITY: usize = 4096;
/// Room beside them, so that a flood of requests does not displace other events.
const EVENT_CAPACITY: usize = 1024;

/// What the log thread is told.
pub(super) enum Message {
    Event(Box<Captured>),
    Access(Box<Record>),
    /// Answered when everything before it is written.
    Flush(SyncSender<()>),
}

/// The sending end; cheap to clone.
#[derive(Clone)]
pub(crate) struct Queue {
    sender: SyncSender<Message>,
    /// Access records in the buffer.
    access: Arc<AtomicUsize>,
    /// `uecho_log_dropped_total`
    pub(super) dropped: IntCounter,
}

impl Queue {
    pub(super) fn new() -> Result<(Self, Receiver<Message>), ConfigError> {
        let (sender, messages) = mpsc::sync_channel(ACCESS_CAPACITY + EVENT_CAPACITY);
        let dropped = IntCounter::new(
            "uecho_log_dropped_total",
            "Log events lost because the buffer to the log thread was full or the journal could not be reached",
        )
        .map_err(|error| ConfigError::new(error.to_string()))?;
        Ok((Self { sender, access: Arc::default(), dropped }, messages))
    }

    pub(super) fn event(&self, event: Captured) {
        if self.sender.try_send(Message::Event(Box::new(event))).is_err() {
            self.dropped.inc();
        }
    }

    /// Hands over an access record.
    pub(crate) fn access(&self, record: Box<Record>) {
        let waiting = self.access.fetch_add(1, Ordering::Relaxed);
        if waiting >= ACCESS_CAPACITY || self.sender.try_send(Message::Access(record)).is_err() {
            self.access.fetch_sub(1, Ordering::Relaxed);
            self.dropped.inc();
        }
    }

    /// Told by the log thread: an access record has left the buffer.
    pub(super) fn access_taken(&self) {
        self.access.fetch_sub(1, Ordering::Relaxed);
    }

    /// See [`super::Logs::flush`].
    pub(super) fn flush(&self, limit: Duration) -> bool {
        let (done, written) = mpsc::sync_channel(1);
        let deadline = std::time::Instant::now() + limit;
        let mut message = Message::Flush(done);
        while let Err(error) = self.sender.try_send(message) {
            message = match error {
                mpsc::TrySendError::Full(message) if std::time::Instant::now() < deadline => message,
                _ => return false,
            };
            std::thread::park_timeout(Duration::from_millis(5));
        }
        written.recv_timeout(deadline.saturating_duration_since(std::time::Instant::now())).is_ok()
    }
}
