//! The journal as the output of log events: when it is used, and what tracing-journald writes.

use std::{env, io};

use tracing_journald::{Layer, Priority, PriorityMappings};

/// Where journald listens.
pub const SOCKET: &str = "/run/systemd/journal/socket";

/// Whether standard error is the journal: `JOURNAL_STREAM`, `DEVICE:INODE`, names it (systemd.exec(5)). The
/// variable alone does not prove it, because this process may have inherited it from another service.
#[must_use]
pub fn is_stderr() -> bool {
    let Ok(stderr) = rustix::fs::fstat(io::stderr()) else { return false };
    let stream = env::var("JOURNAL_STREAM").ok();
    stream.as_deref().and_then(|value| value.split_once(':')).is_some_and(|(device, inode)| {
        device.parse() == Ok(stderr.st_dev) && inode.parse() == Ok(stderr.st_ino)
    })
}

/// A layer that writes each event as one entry: `SYSLOG_IDENTIFIER` is `identifier`, `PRIORITY` is 3 for
/// errors, 4 for warnings, 6 for information and 7 for the rest, and the event's own fields have no prefix
/// (`trace_id` is `TRACE_ID`).
///
/// # Errors
/// No journal listens.
pub fn layer(identifier: &str) -> io::Result<Layer> {
    let priorities = PriorityMappings {
        error: Priority::Error,
        warn: Priority::Warning,
        info: Priority::Informational,
        debug: Priority::Debug,
        trace: Priority::Debug,
    };
    Ok(tracing_journald::layer()?
        .with_syslog_identifier(identifier.into())
        .with_field_prefix(None)
        .with_priority_mappings(priorities))
}
