//! Readiness: a value apart from liveness. It is false while the service starts or drains, and (by policy)
//! while peers are down.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use prometheus::IntGauge;

/// Why `/readyz` answers 503.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// Not every listener accepts yet.
    Starting,
    /// SIGTERM or SIGINT was received.
    Draining,
    /// Fewer peers are up than `fanout.ready_policy` asks for.
    PeersDown,
}

impl Reason {
    /// The word used in `reasons`.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Draining => "draining",
            Self::PeersDown => "peers down",
        }
    }
}

/// The current reasons; ready when there are none.
pub(crate) struct Readiness {
    reasons: Mutex<Vec<Reason>>,
    /// Every answer reads this, so it is kept apart from the lock.
    draining: AtomicBool,
    gauge: IntGauge,
}

impl Readiness {
    /// Starts not ready: [`Reason::Starting`] holds until cleared.
    #[must_use]
    pub(crate) fn new(gauge: IntGauge) -> Self {
        gauge.set(0);
        Self { reasons: Mutex::new(vec![Reason::Starting]), draining: AtomicBool::new(false), gauge }
    }

    /// Sets or clears one reason.
    pub(crate) fn set(&self, reason: Reason, holds: bool) {
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        reasons.retain(|other| *other != reason);
        if holds {
            reasons.push(reason);
            reasons.sort();
        }
        self.draining.store(reasons.contains(&Reason::Draining), Ordering::Relaxed);
        self.gauge.set(i64::from(reasons.is_empty()));
    }

    /// Every reason that holds now, in a fixed order.
    #[must_use]
    pub(crate) fn reasons(&self) -> Vec<Reason> {
        self.reasons.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether [`Reason::Draining`] holds now.
    #[must_use]
    pub(crate) fn draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_only_without_reasons() {
        let gauge = IntGauge::new("ready", "ready").unwrap();
        let readiness = Readiness::new(gauge.clone());
        assert_eq!(readiness.reasons(), [Reason::Starting]);
        readiness.set(Reason::PeersDown, true);
        readiness.set(Reason::PeersDown, true);
        readiness.set(Reason::Starting, false);
        assert_eq!((readiness.reasons().as_slice(), gauge.get()), (&[Reason::PeersDown][..], 0));
        readiness.set(Reason::PeersDown, false);
        assert_eq!((readiness.reasons().len(), gauge.get()), (0, 1));
    }
}
