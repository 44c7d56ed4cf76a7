//! Logs, metrics and traces. The runtime never waits for a reader of any of them: when a buffer is full, the
//! service counts what it drops.

pub(crate) mod access;
pub(crate) mod log;
pub(crate) mod metrics;
pub(crate) mod record;
pub mod trace_context;
pub(crate) mod traces;

use std::{
    fmt::Display,
    time::{Duration, Instant},
};

use log::{Logs, output::IDENTIFIER};
use record::Record;
use traces::{Traces, options};
use uecho_probe::{last_words, receipt::Receipt};

use crate::config::{ConfigError, Settings};

/// The longest wait at the end of the process for a reader of the log that has stopped reading.
const LAST_FLUSH: Duration = Duration::from_secs(1);

/// Handles to what [`init`] started; cheap to clone.
#[derive(Clone)]
pub struct Telemetry {
    /// The log thread and the filter.
    pub(crate) logs: Logs,
    /// Sampling and export.
    pub(crate) traces: Traces,
}

/// Installs the global subscriber and the panic hook, and starts the log thread. Call this once, before
/// anything is logged.
///
/// # Errors
/// `log.filter` or a key of `[otlp]` cannot be used.
pub fn init(settings: &Settings) -> Result<Telemetry, ConfigError> {
    let logs = Logs::start(&settings.log)?;
    Ok(Telemetry { traces: Traces::new(settings, options::Variables::process())?, logs })
}

impl Telemetry {
    /// Replaces the log filter (`log.filter` after a reload).
    ///
    /// # Errors
    /// The directives cannot be read; the old filter stays.
    pub(crate) fn set_filter(&self, directives: &str) -> Result<(), ConfigError> {
        self.logs.set_filter(directives)
    }

    /// Resolves when a background thread of the telemetry has died, with its name; the process then ends
    /// (exit code 70).
    pub(crate) async fn died(&self) -> &'static str {
        self.logs.died().await
    }

    /// Starts the export of traces, if one is configured. Call this once, in the runtime, when the listeners
    /// are open.
    pub(crate) fn start_export(&self, receipt: &Receipt) {
        self.traces.start(receipt);
    }

    /// Takes in a finished request: records spans if it is sampled and traces are exported, and an event if
    /// `logged`.
    pub(crate) fn finished(&self, record: Record, logged: bool) {
        if record.trace.sampled {
            self.traces.record(&record);
        }
        if logged {
            self.logs.access(record);
        }
    }

    /// Writes and sends what is buffered and ends the export of traces, in at most `limit`. This is the last
    /// step of a drain, after the last request has ended. Gives false when the time was not enough. The
    /// runtime must keep running, because the export needs it.
    pub(crate) async fn flush(&self, limit: Duration) -> bool {
        let Self { logs, traces } = self.clone();
        let flush = move || {
            let begin = Instant::now();
            let sent = traces.shutdown(limit);
            logs.flush(limit.saturating_sub(begin.elapsed())) && sent
        };
        tokio::task::spawn_blocking(flush).await.unwrap_or(false)
    }
}

/// Logs what ended the process, if it was an error, and writes what is buffered; the end of `main`. Before
/// [`init`], this can only write to standard error. It blocks for a second at most.
pub fn end(error: Option<&dyn Display>) {
    if let Some(error) = error {
        last_words::of_error(IDENTIFIER, error);
    }
    log::flush_installed(LAST_FLUSH);
}

/// Writes a line to standard error, for the user of a command that logs nothing.
pub fn say(line: &str) {
    last_words::say(IDENTIFIER, line);
}
