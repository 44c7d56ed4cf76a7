//! Logs, metrics and traces. The runtime never waits for any of their readers: a full buffer is counted, not waited for.

pub mod access;
pub mod log;
pub mod metrics;
pub mod trace_context;

use std::{fmt::Display, time::Duration};

use crate::config::{ConfigError, Settings};
use log::Logs;

/// Longest wait at the very end of the process for a reader of the log that has stopped reading.
const LAST_FLUSH: Duration = Duration::from_secs(1);

/// Handles to what [`init`] started; cheap to clone.
#[derive(Clone)]
pub struct Telemetry {
    /// The log thread and the filter.
    pub logs: Logs,
}

/// Installs the global subscriber and the panic hook, and starts the log thread. Called once, before anything is logged.
///
/// # Errors
/// `log.filter` cannot be read.
pub fn init(settings: &Settings) -> Result<Telemetry, ConfigError> {
    Ok(Telemetry { logs: Logs::start(&settings.log)? })
}

impl Telemetry {
    /// Replaces the log filter (`log.filter` after a reload).
    ///
    /// # Errors
    /// The directives cannot be read; the old filter stays.
    pub fn set_filter(&self, directives: &str) -> Result<(), ConfigError> {
        self.logs.set_filter(directives)
    }

    /// Resolves when a background thread of the telemetry has died, with its name: a reason to end the process (exit code 70).
    pub async fn died(&self) -> &'static str {
        self.logs.died().await
    }

    /// Hands on what is buffered, waiting no longer than `limit`: the last step of a drain, after the last request has ended.
    /// False when that was not long enough.
    pub async fn flush(&self, limit: Duration) -> bool {
        let logs = self.logs.clone();
        // blocks, and the exporter needs the runtime meanwhile
        tokio::task::spawn_blocking(move || logs.flush(limit)).await.unwrap_or(false)
    }
}

/// The end of `main`: logs what ended the process, if it was an error, and writes out what is buffered. Also right before [`init`], when
/// all it can do is write to stderr. Blocks for a second at most.
pub fn end(error: Option<&dyn Display>) {
    if let Some(error) = error {
        for line in error.to_string().lines() {
            if tracing::dispatcher::has_been_set() {
                tracing::error!("{line}");
            } else {
                say(line);
            }
        }
    }
    log::flush_installed(LAST_FLUSH);
}

/// A line on stderr for whoever runs a command that logs nothing.
pub fn say(line: &str) {
    log::output::last_words(line);
}
