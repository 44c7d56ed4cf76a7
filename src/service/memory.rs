//! `limits.memory`: one budget for the bytes of request bodies, of replies of peers and of answers that the
//! process holds at once. Code that keeps what others sent keeps it in a [`Buffer`], or keeps a [`Held`]
//! beside it. Nobody waits for the budget, so it cannot deadlock.

mod buffer;
mod held;

use std::sync::Arc;

pub(crate) use buffer::Buffer;
use held::MemoryBudget;
pub(crate) use held::{Full, Held};
use prometheus::IntCounter;
use uecho_probe::units::Size;

/// The budget; cheap to clone. The bytes of a [`Buffer`] count until the last clone or slice of them is
/// dropped.
#[derive(Clone, Debug)]
pub(crate) struct Memory(Arc<MemoryBudget>);

impl Memory {
    /// Makes a budget of `limit` bytes, none of them held.
    ///
    /// # Errors
    /// The counter of refusals has an invalid name: a bug.
    pub(crate) fn new(limit: Size) -> Result<Self, prometheus::Error> {
        let refused = IntCounter::new(
            "uecho_memory_refused_total",
            "Bodies, replies of peers and answers that limits.memory had no room for",
        )?;
        Ok(Self(MemoryBudget::new(limit, refused)))
    }

    /// Takes `bytes` of the budget for as long as the guard lives.
    ///
    /// # Errors
    /// Fewer bytes than that are left.
    pub(crate) fn reserve(&self, bytes: usize) -> Result<Held, Full> {
        let mut held = Held::new(&self.0);
        held.grow(bytes)?;
        Ok(held)
    }

    /// Makes an empty buffer; it reserves bytes as they come.
    #[must_use]
    pub(crate) fn buffer(&self) -> Buffer {
        Buffer::new(Held::new(&self.0))
    }

    /// The error for when there is no room.
    #[must_use]
    pub(crate) fn full(&self) -> Full {
        Full { limit: self.0.limit() }
    }

    /// The number of bytes that are held now.
    #[must_use]
    pub(crate) fn held(&self) -> usize {
        self.0.held()
    }

    /// `uecho_memory_refused_total`
    #[must_use]
    pub(crate) fn refused(&self) -> IntCounter {
        self.0.refused()
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
