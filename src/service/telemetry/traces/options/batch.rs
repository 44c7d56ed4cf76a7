//! How spans are gathered: `OTEL_BSP_*`. The SDK reads them, too, and takes a queue without room, or of more
//! room than there is memory.

use std::time::Duration;

use crate::telemetry::traces::options::variables::{Variables, integer, millis};

/// The largest queue. The SDK takes the room for all of it at once.
const MAX_QUEUE: usize = 1 << 16;
/// Without a pause the SDK's thread would never rest.
const MIN_DELAY: Duration = Duration::from_millis(1);

/// Sizes of the SDK's batch processor.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::telemetry::traces) struct Batch {
    /// Most spans that wait for their export.
    pub(in crate::telemetry::traces) queue: usize,
    /// Most spans of one export.
    pub(in crate::telemetry::traces) size: usize,
    /// Longest wait before an export.
    pub(in crate::telemetry::traces) delay: Duration,
}

impl Default for Batch {
    /// The specification's, but for the size: 512 spans take 2 ms of CPU time, and on a machine of one core
    /// requests wait for that. Smaller exports cost more for each span.
    fn default() -> Self {
        Self { queue: 2048, size: 256, delay: Duration::from_secs(5) }
    }
}

impl Batch {
    pub(super) fn find(variables: &mut Variables) -> Self {
        let default = Self::default();
        let queue = variables.first(&["OTEL_BSP_MAX_QUEUE_SIZE"], positive);
        let queue = queue.unwrap_or(default.queue);
        let size = variables.first(&["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"], |value| match positive(value)? {
            size if size > queue => Err(format!("{size} is more than the queue holds, {queue}")),
            size => Ok(size),
        });
        let delay = variables.first(&["OTEL_BSP_SCHEDULE_DELAY"], millis);
        Self {
            queue,
            size: size.unwrap_or(default.size.min(queue)),
            delay: delay.unwrap_or(default.delay).max(MIN_DELAY),
        }
    }
}

fn positive(value: &str) -> Result<usize, String> {
    let number = usize::try_from(integer(value)?).unwrap_or(usize::MAX);
    if (1..=MAX_QUEUE).contains(&number) {
        Ok(number)
    } else {
        Err(format!("{value:?} is no number from 1 to {MAX_QUEUE}"))
    }
}
