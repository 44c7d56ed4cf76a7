//! What became of every span handed over: exported, failed or dropped, each counted once, in
//! `uecho_otlp_spans_total`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus::{IntCounter, IntCounterVec, Opts};

/// `uecho_otlp_spans_total{outcome}`, with every outcome there from the start.
pub(super) fn counter() -> Result<IntCounterVec, prometheus::Error> {
    let spans = IntCounterVec::new(
        Opts::new(
            "uecho_otlp_spans_total",
            "Spans by what became of them: exported, failed (export), dropped (queue full, or not sent \
                before the end)",
        ),
        &["outcome"],
    )?;
    for outcome in ["exported", "failed", "dropped"] {
        spans.with_label_values(&[outcome]);
    }
    Ok(spans)
}

/// The accounts of one exporter. The SDK's queue never refuses what is admitted here: both have the same
/// room.
#[derive(Debug)]
pub(super) struct Ledger {
    room: usize,
    open: Mutex<Open>,
    exported: IntCounter,
    failed: IntCounter,
    dropped: IntCounter,
}

/// Spans of which the outcome is not known.
#[derive(Debug, Default)]
struct Open {
    queued: usize,
    sending: usize,
    closed: bool,
}

impl Ledger {
    /// With room for so many spans in the queue.
    pub(super) fn new(spans: &IntCounterVec, room: usize) -> Self {
        let [exported, failed, dropped] =
            ["exported", "failed", "dropped"].map(|outcome| spans.with_label_values(&[outcome]));
        Self { room, open: Mutex::default(), exported, failed, dropped }
    }

    /// Whether one more span may be queued; else it is dropped.
    pub(super) fn admit(&self) -> bool {
        let mut open = self.open();
        let admitted = !open.closed && open.queued < self.room;
        if admitted {
            open.queued += 1;
        } else {
            self.dropped.inc();
        }
        admitted
    }

    /// So many have left the queue.
    pub(super) fn sending(&self, spans: usize) {
        let mut open = self.open();
        if !open.closed {
            open.queued = open.queued.saturating_sub(spans);
            open.sending += spans;
        }
    }

    /// What became of those, of which `failed` were not taken by the collector.
    pub(super) fn sent(&self, spans: usize, failed: usize) {
        let mut open = self.open();
        if !open.closed {
            open.sending = open.sending.saturating_sub(spans);
            self.exported.inc_by((spans - failed) as u64);
            self.failed.inc_by(failed as u64);
        }
    }

    /// The end: whatever is still open is dropped, as is all that comes later. Returns how many that were.
    pub(super) fn close(&self) -> usize {
        let Open { queued, sending, .. } =
            std::mem::replace(&mut *self.open(), Open { closed: true, ..Open::default() });
        self.dropped.inc_by((queued + sending) as u64);
        queued + sending
    }

    /// How many wait.
    #[cfg(test)]
    pub(super) fn queued(&self) -> usize {
        self.open().queued
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_at_the_end_is_lost_and_counted_once() {
        let spans = counter().unwrap();
        let ledger = Ledger::new(&spans, 8);
        assert!((0..8).all(|_| ledger.admit()) && !ledger.admit());
        ledger.sending(5);
        ledger.sent(2, 1);
        assert_eq!(ledger.close(), 3 + 3, "those that wait, and those that are being sent");
        ledger.sent(3, 0);
        assert!(!ledger.admit());
        let counted =
            ["exported", "failed", "dropped"].map(|outcome| spans.with_label_values(&[outcome]).get());
        assert_eq!(counted, [1, 1, 1 + 6 + 1]);
    }
}
