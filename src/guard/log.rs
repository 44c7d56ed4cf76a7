//! Where the guard's events go: the journal when stderr is the journal, else text on stderr.

use std::io::{self, Write as _};

use tracing_subscriber::{Layer as _, Registry, filter::LevelFilter, fmt, layer::SubscriberExt as _};
use uecho_probe::journal;

/// `SYSLOG_IDENTIFIER`
const IDENTIFIER: &str = "uecho-guard";

/// Installs the one subscriber of the process. A journal that cannot be reached is replaced by stderr.
pub(crate) fn start() {
    let layer = match journal::is_stderr().then(|| journal::layer(IDENTIFIER)) {
        Some(Ok(journal)) => journal.boxed(),
        _ => fmt::layer().with_ansi(false).with_writer(io::stderr).boxed(),
    };
    let subscriber = Registry::default().with(LevelFilter::INFO).with(layer);
    // the first one of a process stays
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Says what ended the process: as an event, or before [`start`] as a line on stderr.
pub(crate) fn end(error: &impl ToString) {
    for line in error.to_string().lines() {
        if tracing::dispatcher::has_been_set() {
            tracing::error!("{line}");
        } else {
            // nothing is left to tell when stderr is closed
            let _ = writeln!(io::stderr(), "{IDENTIFIER}: {line}");
        }
    }
}
