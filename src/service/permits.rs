//! A limit of the process that every thread may take from at once. A thread keeps near it what it gives back,
//! and takes that first the next time: while there is plenty, no two threads write to the same place. A
//! request for permits is refused only when all threads together have too few left.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use crossbeam_utils::CachePadded;
use thread_local::ThreadLocal;

/// A thread fetches this part of the limit in addition to what it needs: it fetches seldom, and hoards
/// little.
const PART: usize = 256;

/// A number of permits.
#[derive(Debug)]
pub(crate) struct Permits {
    limit: usize,
    /// Permits that no thread keeps near it.
    far: Mutex<usize>,
    near: ThreadLocal<CachePadded<AtomicUsize>>,
}

impl Permits {
    /// Makes `limit` permits, none of them taken.
    #[must_use]
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, far: Mutex::new(limit), near: ThreadLocal::new() }
    }

    /// Takes `permits` of them; when fewer are left, takes none and gives false.
    #[must_use]
    pub(crate) fn take(&self, permits: usize) -> bool {
        let near = self.near.get_or_default();
        near.fetch_update(Relaxed, Relaxed, |near| near.checked_sub(permits)).is_ok()
            || self.fetch(near, permits)
    }

    /// Gives back permits that any thread took.
    pub(crate) fn give(&self, permits: usize) {
        self.near.get_or_default().fetch_add(permits, Relaxed);
    }

    /// The number of permits that are taken now.
    #[must_use]
    pub(crate) fn taken(&self) -> usize {
        let far = self.far.lock().unwrap_or_else(PoisonError::into_inner);
        let near: usize = self.near.iter().map(|near| near.load(Relaxed)).sum();
        self.limit.saturating_sub(*far).saturating_sub(near)
    }

    fn fetch(&self, near: &AtomicUsize, permits: usize) -> bool {
        let mut far = self.far.lock().unwrap_or_else(PoisonError::into_inner);
        if *far < permits {
            *far += self.near.iter().map(|near| near.swap(0, Relaxed)).sum::<usize>();
        }
        let Some(left) = far.checked_sub(permits) else { return false };
        let more = left.min(self.limit / PART);
        near.fetch_add(more, Relaxed);
        *far = left - more;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[test]
    fn permits_that_another_thread_keeps_near_are_not_lost() {
        let permits = Permits::new(1000);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert!(permits.take(700));
                permits.give(700);
            });
        });
        assert_eq!(permits.taken(), 0);
        assert!(permits.take(999) && permits.take(1) && !permits.take(1));
        permits.give(1);
        assert_eq!(permits.taken(), 999);
    }

    #[test]
    fn threads_together_never_take_more_than_the_limit() {
        const LIMIT: usize = 7;
        let (permits, taken, most) = (Permits::new(LIMIT), AtomicUsize::new(0), AtomicUsize::new(0));
        let refused = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for size in [1, 2, 3, 4] {
                let (permits, taken, most, refused) = (&permits, &taken, &most, &refused);
                scope.spawn(move || {
                    for _ in 0..20_000 {
                        if !permits.take(size) {
                            refused.store(true, Relaxed);
                            continue;
                        }
                        most.fetch_max(taken.fetch_add(size, Relaxed) + size, Relaxed);
                        std::thread::yield_now();
                        taken.fetch_sub(size, Relaxed);
                        permits.give(size);
                    }
                });
            }
        });
        assert!(most.into_inner() <= LIMIT && refused.into_inner());
        assert_eq!(permits.taken(), 0);
        assert!(permits.take(LIMIT));
    }
}
