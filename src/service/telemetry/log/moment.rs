//! When an event happened: before it is written, which may be much later when a reader is slow.

use std::{
    cell::{Cell, RefCell},
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tracing_subscriber::fmt::{format::Writer, time::FormatTime};

thread_local! {
    static NOW: Cell<Option<SystemTime>> = const { Cell::new(None) };
}

/// Does `work`, in which it is this time for all events of this thread.
pub(super) fn at<T>(time: SystemTime, work: impl FnOnce() -> T) -> T {
    NOW.set(Some(time));
    let done = work();
    NOW.set(None);
    done
}

/// The time of the event that is being written.
pub(super) struct Moment;

impl Moment {
    /// RFC 3339 in UTC, with microseconds.
    pub(super) fn write(writer: &mut impl fmt::Write) -> fmt::Result {
        write_time(writer, NOW.get().unwrap_or_else(SystemTime::now))
    }
}

impl FormatTime for Moment {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        Self::write(writer)
    }
}

/// The calendar is worked out once a second: it counts when every request leaves an event.
fn write_time(writer: &mut impl fmt::Write, now: SystemTime) -> fmt::Result {
    thread_local! {
        static SECOND: RefCell<(u64, String)> = const { RefCell::new((u64::MAX, String::new())) };
    }
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    SECOND.with_borrow_mut(|(second, text)| {
        if *second != now.as_secs() {
            *second = now.as_secs();
            *text = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(*second)).to_string();
        }
        write!(writer, "{}.{:06}Z", text.trim_end_matches('Z'), now.subsec_micros())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339() {
        let mut text = String::new();
        at(UNIX_EPOCH + Duration::from_micros(1_795_307_548_000_042), || Moment::write(&mut text)).unwrap();
        assert_eq!(text, "2026-11-22T00:32:28.000042Z");
    }
}
