//! The parts of an answer that hyper has and the kernel has not taken yet. hyper copies them into a buffer of
//! its own (HTTP/1). Each original is kept until its copy is sent, so that `limits.memory` counts it until
//! then, and the next part waits, so that at most one part of an answer is in memory twice.

use std::{
    mem::take,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
};

use bytes::Bytes;

#[derive(Debug, Default)]
pub(super) struct Unsent {
    /// Whether a part is kept; every flush reads this without a lock.
    any: AtomicBool,
    parts: Mutex<Parts>,
}

#[derive(Debug, Default)]
struct Parts {
    kept: Vec<Bytes>,
    waiting: Vec<Waker>,
}

impl Unsent {
    /// Keeps this part until everything is sent.
    pub(super) fn keep(&self, part: Bytes) {
        self.parts().kept.push(part);
        self.any.store(true, Relaxed);
    }

    /// Waits until nothing is kept.
    pub(super) fn poll_sent(&self, context: &Context<'_>) -> Poll<()> {
        if !self.any.load(Relaxed) {
            return Poll::Ready(());
        }
        let waiting = &mut self.parts().waiting;
        if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            waiting.push(context.waker().clone());
        }
        Poll::Pending
    }

    /// Drops what is kept, because everything is sent, and wakes the tasks that wait for it.
    pub(super) fn sent(&self) {
        if self.any.load(Relaxed) {
            self.any.store(false, Relaxed);
            let Parts { kept, waiting } = take(&mut *self.parts());
            drop(kept);
            waiting.into_iter().for_each(Waker::wake);
        }
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, atomic::AtomicUsize},
        task::Wake,
    };

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn a_part_is_kept_and_the_next_one_waits_until_it_is_sent() {
        let unsent = Unsent::default();
        let count = Arc::new(Wakes::default());
        let waker = count.clone().into();
        let context = Context::from_waker(&waker);
        assert!(unsent.poll_sent(&context).is_ready(), "nothing to wait for");
        let part = Arc::new([0; 4]);
        unsent.keep(Bytes::from_owner(Owner(part.clone())));
        assert!(unsent.poll_sent(&context).is_pending() && unsent.poll_sent(&context).is_pending());
        assert_eq!((Arc::strong_count(&part), count.0.load(Relaxed)), (2, 0));
        unsent.sent();
        assert_eq!((Arc::strong_count(&part), count.0.load(Relaxed)), (1, 1));
        assert!(unsent.poll_sent(&context).is_ready());
    }

    struct Owner(Arc<[u8; 4]>);

    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            &*self.0
        }
    }
}
