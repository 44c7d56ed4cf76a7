//! Requests of the public listener: each worker counts its own, and the reader adds them up.

use std::{
    iter::Sum,
    sync::atomic::{AtomicU64, Ordering},
};

/// The counts of one worker.
#[derive(Debug, Default)]
pub(super) struct Counts {
    begun: AtomicU64,
    ended: AtomicU64,
    cut: AtomicU64,
}

impl Counts {
    /// Counts a request that begins.
    pub(super) fn enter(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request that ends; `complete` says whether its answer was sent whole.
    pub(super) fn leave(&self, complete: bool) {
        self.ended.fetch_add(1, Ordering::Release);
        if !complete {
            self.cut.fetch_add(1, Ordering::Release);
        }
    }

    /// The counts as of now. The order of the reads makes sure that no request seems to end before it began,
    /// nor to be cut before it ended.
    pub(super) fn read(&self) -> Requests {
        let [cut, ended] = [&self.cut, &self.ended].map(|count| count.load(Ordering::Acquire));
        Requests { begun: self.begun.load(Ordering::Relaxed), ended, cut }
    }
}

/// Requests of the public listener, counted since start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// Requests whose head was complete.
    pub begun: u64,
    /// Those of them that are over.
    pub ended: u64,
    /// Those of them whose answer did not reach its end.
    pub cut: u64,
}

impl Requests {
    /// Requests that have begun and are not over.
    #[must_use]
    pub fn in_flight(self) -> u64 {
        self.begun.saturating_sub(self.ended)
    }
}

impl Sum for Requests {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            begun: sum.begun + one.begun,
            ended: sum.ended + one.ended,
            cut: sum.cut + one.cut,
        })
    }
}
