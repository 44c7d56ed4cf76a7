//! Bytes taken from the budget, and the error when it has too few left.

use std::{fmt, sync::Arc};

use prometheus::IntCounter;
use uecho_probe::units::Size;

use crate::permits::Permits;

/// The budget that all holders share.
#[derive(Debug)]
pub(super) struct MemoryBudget {
    limit: Size,
    bytes: Permits,
    refused: IntCounter,
}

impl MemoryBudget {
    pub(super) fn new(limit: Size, refused: IntCounter) -> Arc<Self> {
        Arc::new(Self { limit, bytes: Permits::new(limit.0), refused })
    }

    pub(super) fn limit(&self) -> Size {
        self.limit
    }

    /// Bytes that are held now.
    pub(super) fn held(&self) -> usize {
        self.bytes.taken()
    }

    pub(super) fn refused(&self) -> IntCounter {
        self.refused.clone()
    }
}

/// The budget does not have that many bytes left. The service answers this with a 503 with `Retry-After`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bodies and answers held at once would take more than limits.memory, which is {limit}")]
pub struct Full {
    /// `limits.memory`
    pub limit: Size,
}

/// Bytes of the budget, given back on drop.
pub(crate) struct Held {
    budget: Arc<MemoryBudget>,
    bytes: usize,
}

impl Held {
    /// Holds nothing yet.
    pub(super) fn new(budget: &Arc<MemoryBudget>) -> Self {
        Self { budget: budget.clone(), bytes: 0 }
    }

    /// The number of bytes that it holds.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes `more` bytes in addition.
    ///
    /// # Errors
    /// Fewer bytes than that are left; what was held before stays held.
    pub(crate) fn grow(&mut self, more: usize) -> Result<(), Full> {
        if self.try_grow(more) {
            return Ok(());
        }
        self.budget.refused.inc();
        Err(Full { limit: self.budget.limit })
    }

    /// Takes more or gives back, so that it holds `bytes`.
    ///
    /// # Errors
    /// Those of [`Self::grow`].
    pub(crate) fn resize(&mut self, bytes: usize) -> Result<(), Full> {
        self.shrink_to(bytes);
        self.grow(bytes - self.bytes)
    }

    /// Takes over what `other` holds. Both must belong to the same budget.
    pub(crate) fn join(&mut self, mut other: Self) {
        self.bytes += std::mem::take(&mut other.bytes);
    }

    /// Gives back all but `bytes`.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        let released = self.bytes.saturating_sub(bytes);
        self.bytes -= released;
        self.budget.bytes.give(released);
    }

    /// Does what [`Self::grow`] does, but counts no refusal.
    pub(super) fn try_grow(&mut self, more: usize) -> bool {
        let grown = self.budget.bytes.take(more);
        if grown {
            self.bytes += more;
        }
        grown
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
