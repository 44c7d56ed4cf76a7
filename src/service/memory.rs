//! `limits.memory`: one budget for the bytes of request bodies, of replies of peers and of answers that are held at once. Whoever
//! keeps what others sent keeps it in a [`Buffer`], or with a [`Held`] beside it; nobody waits for the budget, so it cannot deadlock.

mod buffer;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

pub(crate) use buffer::Buffer;
use prometheus::IntCounter;
use uecho_probe::units::Size;

/// The budget; cheap to clone. What a [`Buffer`] takes counts until the last clone or slice of its bytes is
/// dropped.
#[derive(Clone, Debug)]
pub struct Memory(Arc<Budget>);

#[derive(Debug)]
struct Budget {
    limit: Size,
    held: AtomicUsize,
    refused: IntCounter,
}

/// The budget does not have that many bytes left. The answer to it is a 503 with `Retry-After`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bodies and answers held at once would take more than limits.memory, which is {limit}")]
pub struct Full {
    /// `limits.memory`
    pub limit: Size,
}

impl Memory {
    /// A budget of so many bytes, none of them held.
    ///
    /// # Errors
    /// The counter of refusals has an impossible name: a bug.
    pub fn new(limit: Size) -> Result<Self, prometheus::Error> {
        let refused = IntCounter::new(
            "uecho_memory_refused_total",
            "Bodies, replies of peers and answers that limits.memory had no room for",
        )?;
        Ok(Self(Arc::new(Budget { limit, held: AtomicUsize::new(0), refused })))
    }

    /// Takes so many bytes, for as long as the guard lives.
    ///
    /// # Errors
    /// They are more than is left.
    pub fn reserve(&self, bytes: usize) -> Result<Held, Full> {
        let mut held = Held { budget: self.0.clone(), bytes: 0 };
        held.grow(bytes)?;
        Ok(held)
    }

    /// An empty buffer, whose bytes are reserved as they come.
    #[must_use]
    pub fn buffer(&self) -> Buffer {
        Buffer::new(Held { budget: self.0.clone(), bytes: 0 })
    }

    /// What is said when there is no room.
    #[must_use]
    pub fn full(&self) -> Full {
        Full { limit: self.0.limit }
    }

    /// Bytes that are held now.
    #[must_use]
    pub fn held(&self) -> usize {
        self.0.held.load(Relaxed)
    }

    /// `uecho_memory_refused_total`
    #[must_use]
    pub fn refused(&self) -> IntCounter {
        self.0.refused.clone()
    }
}

/// Bytes of the budget, given back on drop.
pub struct Held {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Held {
    /// Takes so many bytes more.
    ///
    /// # Errors
    /// They are more than is left; what was held before stays held.
    pub fn grow(&mut self, more: usize) -> Result<(), Full> {
        if self.try_grow(more) {
            return Ok(());
        }
        self.budget.refused.inc();
        Err(Full { limit: self.budget.limit })
    }

    /// Gives back all but so many bytes.
    pub fn shrink_to(&mut self, bytes: usize) {
        let released = self.bytes.saturating_sub(bytes);
        self.bytes -= released;
        self.budget.held.fetch_sub(released, Relaxed);
    }

    /// The same, uncounted.
    fn try_grow(&mut self, more: usize) -> bool {
        let limit = self.budget.limit.0;
        let grown = self
            .budget
            .held
            .fetch_update(Relaxed, Relaxed, |held| held.checked_add(more).filter(|held| *held <= limit));
        if grown.is_ok() {
            self.bytes += more;
        }
        grown.is_ok()
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_is_counted_and_costs_nothing() {
        let memory = Memory::new(Size(1000)).unwrap();
        let mut first = memory.reserve(600).unwrap();
        assert_eq!(memory.reserve(401).unwrap_err(), Full { limit: Size(1000) });
        assert_eq!(first.grow(usize::MAX).unwrap_err(), Full { limit: Size(1000) });
        assert_eq!((memory.held(), memory.refused().get()), (600, 2));
        first.grow(400).unwrap();
        first.shrink_to(1);
        assert_eq!(memory.held(), 1);
        drop(first);
        assert_eq!(memory.held(), 0);
    }
}
