//! The time of an event: it may be written much later when a reader is slow.

use std::{
    cell::Cell,
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

use humantime::Rfc3339Timestamp;
use tracing_subscriber::fmt::{format::Writer, time::FormatTime};

thread_local! {
    static NOW: Cell<Option<SystemTime>> = const { Cell::new(None) };
}

/// Does `work`; for all events that this thread writes during it, the time is `time`.
pub(super) fn at<T>(time: SystemTime, work: impl FnOnce() -> T) -> T {
    NOW.set(Some(time));
    let done = work();
    NOW.set(None);
    done
}

/// RFC 3339 in UTC, with microseconds.
pub(super) fn rfc3339(time: SystemTime) -> Rfc3339Timestamp {
    // humantime panics at earlier times
    humantime::format_rfc3339_micros(time.max(UNIX_EPOCH))
}

/// Gives the `fmt` layer the time of the event that is being written.
pub(super) struct Moment;

impl FormatTime for Moment {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{}", rfc3339(NOW.get().unwrap_or_else(SystemTime::now)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_rfc_3339() {
        let mut text = String::new();
        let time = UNIX_EPOCH + Duration::from_micros(1_795_307_548_000_042);
        at(time, || Moment.format_time(&mut Writer::new(&mut text))).unwrap();
        assert_eq!(text, "2026-11-22T00:32:28.000042Z");
        assert_eq!(rfc3339(UNIX_EPOCH - Duration::from_secs(1)).to_string(), "1970-01-01T00:00:00.000000Z");
    }
}
