//! A clock with a resolution of 100 ms that costs one memory read: the sweeper of a side advances it, and the
//! connections of that side read it.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// The unit of [`Tick`].
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// Most ticks by which the clock advances at once. After a stall of the process, bytes of clients wait in the
/// queues of the kernel; the process reads them before a limit passes.
const LARGEST_STEP: u32 = 2;

/// Tenths of a second since the clock was made; they last for 13 years.
pub(crate) type Tick = u32;

/// No point in time; later than every other.
pub(crate) const NEVER: Tick = Tick::MAX;

/// The time, as of the last sweep.
#[derive(Debug, Default)]
pub(crate) struct Clock(AtomicU32);

impl Clock {
    /// The time, at most one tick late.
    #[must_use]
    pub(crate) fn now(&self) -> Tick {
        self.0.load(Ordering::Relaxed)
    }

    /// Advances the clock by `ticks`, but at least by 1 and at most by 2. Returns the new time.
    pub(crate) fn advance(&self, ticks: u32) -> Tick {
        let now = self.now() + ticks.clamp(1, LARGEST_STEP);
        self.0.store(now, Ordering::Relaxed);
        now
    }
}

/// The number of ticks after which a span of time has passed, even if it began at the end of a tick.
#[must_use]
pub(crate) fn ticks(span: Duration) -> Tick {
    let whole = span.as_millis().div_ceil(TICK.as_millis());
    Tick::try_from(whole).unwrap_or(NEVER).min(NEVER / 4) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_never_cut_short() {
        assert_eq!(ticks(Duration::from_millis(100)), 2, "it may begin at the end of its first tick");
        assert_eq!(ticks(Duration::from_millis(101)), 3);
        assert_eq!(ticks(Duration::ZERO), 1);
        assert!(ticks(Duration::MAX) < NEVER / 2);
    }

    #[test]
    fn a_stall_of_the_process_uses_up_no_limit() {
        let clock = Clock::default();
        assert_eq!(clock.advance(1), 1);
        assert_eq!(clock.advance(300), 3);
        assert_eq!(clock.advance(0), 4);
    }
}
