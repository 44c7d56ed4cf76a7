//! Bytes taken from the budget, and what is said when it has none left.

use std::{fmt, sync::Arc};

use prometheus::IntCounter;
use uecho_probe::units::Size;

use crate::permits::Permits;

/// What all that is held shares.
#[derive(Debug)]
pub(super) struct Budget {
    limit: Size,
    bytes: Permits,
    refused: IntCounter,
}

impl Budget {
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

/// The budget does not have that many bytes left. The answer to it is a 503 with `Retry-After`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bodies and answers held at once would take more than limits.memory, which is {limit}")]
pub struct Full {
    /// `limits.memory`
    pub limit: Size,
}

/// Bytes of the budget, given back on drop.
pub(crate) struct Held {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Held {
    /// Nothing of the budget yet.
    pub(super) fn new(budget: &Arc<Budget>) -> Self {
        Self { budget: budget.clone(), bytes: 0 }
    }

    /// Bytes that it holds.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes so many bytes more.
    ///
    /// # Errors
    /// They are more than is left; what was held before stays held.
    pub(crate) fn grow(&mut self, more: usize) -> Result<(), Full> {
        if self.try_grow(more) {
            return Ok(());
        }
        self.budget.refused.inc();
        Err(Full { limit: self.budget.limit })
    }

    /// Takes more or gives back, so that it holds so many bytes.
    ///
    /// # Errors
    /// As [`Self::grow`].
    pub(crate) fn resize(&mut self, bytes: usize) -> Result<(), Full> {
        self.shrink_to(bytes);
        self.grow(bytes - self.bytes)
    }

    /// Holds what `other` held, too. Both must be of one budget.
    pub(crate) fn join(&mut self, mut other: Self) {
        self.bytes += std::mem::take(&mut other.bytes);
    }

    /// Gives back all but so many bytes.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        let released = self.bytes.saturating_sub(bytes);
        self.bytes -= released;
        self.budget.bytes.give(released);
    }

    /// The same, uncounted.
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
