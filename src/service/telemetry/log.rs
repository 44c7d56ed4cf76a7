//! Log events: they are filtered where they happen, and a thread of their own writes them to exactly one
//! place (see [`output`]).

mod dated;
mod event;
mod journald;
mod moment;
pub(super) mod output;
mod panic;
mod queue;
mod stderr;
mod thread;

use std::{sync::Arc, time::Duration};

use output::Output;
use prometheus::IntCounter;
use queue::Queue;
use thread::Forward;
use tokio::sync::watch;
use tracing_subscriber::{EnvFilter, Registry, layer::SubscriberExt, reload};

use crate::{
    config::{ConfigError, settings::Log},
    telemetry::record::Record,
};

/// The log filter and the log thread; cheap to clone.
#[derive(Clone)]
pub(crate) struct Logs {
    filter: reload::Handle<EnvFilter, Registry>,
    queue: Queue,
    alive: watch::Receiver<()>,
}

impl Logs {
    /// Installs the global subscriber (the first one of a process stays) and the panic hook, and starts the
    /// log thread.
    ///
    /// # Errors
    /// `log.filter` cannot be read.
    pub(crate) fn start(settings: &Log) -> Result<Self, ConfigError> {
        let (filter, handle) = reload::Layer::new(parse(&settings.filter)?);
        let output = Arc::new(Output::choose(settings.format));
        let queue = Queue::new()?;
        let alive = thread::start(output.clone(), queue.clone())?;
        let forward = Forward::new(queue.clone(), output);
        let subscriber = Registry::default().with(filter).with(forward);
        if tracing::subscriber::set_global_default(subscriber).is_ok() {
            panic::install_hook();
        }
        Ok(Self { filter: handle, queue, alive })
    }

    /// `uecho_log_dropped_total`
    #[must_use]
    pub(crate) fn dropped(&self) -> IntCounter {
        self.queue.dropped.clone()
    }

    /// Replaces the filter.
    ///
    /// # Errors
    /// The directives cannot be read; the old filter stays.
    pub(crate) fn set_filter(&self, directives: &str) -> Result<(), ConfigError> {
        self.filter
            .reload(parse(directives)?)
            .map_err(|error| ConfigError::new(format!("log.filter: cannot be replaced: {error}")))
    }

    /// Takes the record of a request that is to be logged.
    pub(super) fn access(&self, record: Record) {
        self.queue.access(record);
    }

    /// Resolves when the log thread has died, with its name.
    pub(crate) async fn died(&self) -> &'static str {
        let mut alive = self.alive.clone();
        while alive.changed().await.is_ok() {}
        thread::NAME
    }

    /// Waits until everything that was logged before is written, but no longer than `limit`; gives false when
    /// the time was not enough.
    #[must_use]
    pub(crate) fn flush(&self, limit: Duration) -> bool {
        self.queue.flush(limit)
    }
}

/// Flushes the log of the process without its handle.
pub(super) fn flush_installed(limit: Duration) {
    tracing::dispatcher::get_default(|subscriber| {
        if let Some(forward) = subscriber.downcast_ref::<Forward>() {
            forward.flush(limit);
        }
    });
}

fn parse(directives: &str) -> Result<EnvFilter, ConfigError> {
    EnvFilter::builder().parse(directives).map_err(|error| {
        ConfigError::new(format!(
            "log.filter: {error} in {directives:?}; write it like \"info\" or \"info,uecho=debug\""
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_filter_names_the_key_and_what_would_be_right() {
        let error = parse("info,uecho=loud").unwrap_err().to_string();
        assert!(
            error.contains("log.filter") && error.contains("loud") && error.contains("uecho=debug"),
            "{error}"
        );
        assert!(parse("info,uecho::access=off,h2=debug").is_ok());
    }
}
