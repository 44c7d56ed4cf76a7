//! The bounded buffer between the runtime and the log thread. A thread that logs never waits: what does not
//! fit is counted and dropped.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{self, SyncSender},
    },
    time::{Duration, Instant},
};

use prometheus::IntCounter;

use crate::{
    config::ConfigError,
    telemetry::{log::event::Captured, record::Record},
};

/// The most access records that wait, about 70 ms of them at 60,000 requests a second.
const ACCESS_CAPACITY: usize = 4096;
/// Room for other events, so that a flood of requests does not displace them.
const EVENT_CAPACITY: usize = 1024;
/// The room that the buffer keeps while it is empty.
const IDLE_CAPACITY: usize = 64;

/// A message to the log thread.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are records: boxed, each would be allocated on one thread and freed on another"
)]
pub(super) enum Message {
    Event(Box<Captured>),
    Access(Record),
    /// The log thread answers this when everything before it is written.
    Flush(SyncSender<()>),
}

#[derive(Default)]
struct Waiting {
    messages: Vec<Message>,
    access: usize,
    /// Whether a sender must wake the log thread.
    asleep: bool,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

/// Both ends of the buffer; cheap to clone.
#[derive(Clone)]
pub(crate) struct Queue {
    shared: Arc<Shared>,
    /// `uecho_log_dropped_total`
    pub(super) dropped: IntCounter,
}

impl Queue {
    /// Makes an empty buffer.
    ///
    /// # Errors
    /// The counter has an invalid name: a bug.
    pub(super) fn new() -> Result<Self, ConfigError> {
        let dropped = IntCounter::new(
            "uecho_log_dropped_total",
            "Log events lost: the buffer to the log thread was full, or the journal or stderr did not take \
                them",
        )
        .map_err(|error| ConfigError::new(error.to_string()))?;
        Ok(Self { shared: Arc::default(), dropped })
    }

    pub(super) fn event(&self, event: Captured) {
        if !self.push(Message::Event(Box::new(event))) {
            self.dropped.inc();
        }
    }

    /// Hands over an access record.
    pub(crate) fn access(&self, record: Record) {
        if !self.push(Message::Access(record)) {
            self.dropped.inc();
        }
    }

    /// See [`super::Logs::flush`].
    pub(super) fn flush(&self, limit: Duration) -> bool {
        let (done, written) = mpsc::sync_channel(1);
        let deadline = Instant::now() + limit;
        // a full buffer accepts this message when the log thread has emptied it
        while !self.push(Message::Flush(done.clone())) {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        written.recv_timeout(deadline.saturating_duration_since(Instant::now())).is_ok()
    }

    /// Moves all messages into `batch`, which is empty. With `wait`, this waits until there is one.
    pub(super) fn take(&self, batch: &mut Vec<Message>, wait: bool) {
        let mut waiting = self.lock();
        while wait && waiting.messages.is_empty() {
            waiting.messages.shrink_to(IDLE_CAPACITY);
            batch.shrink_to(IDLE_CAPACITY);
            waiting.asleep = true;
            waiting = self.shared.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.access = 0;
        std::mem::swap(&mut waiting.messages, batch);
    }

    fn push(&self, message: Message) -> bool {
        let mut waiting = self.lock();
        match message {
            Message::Access(_) if waiting.access >= ACCESS_CAPACITY => return false,
            Message::Access(_) => waiting.access += 1,
            _ if waiting.messages.len() - waiting.access >= EVENT_CAPACITY => return false,
            _ => {}
        }
        waiting.messages.push(message);
        let asleep = std::mem::take(&mut waiting.asleep);
        drop(waiting);
        if asleep {
            self.shared.wake.notify_one();
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
