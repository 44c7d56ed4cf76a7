//! The journal as the output: an event by tracing-journald, which names and frames fields just so; those of requests by [`Batch`].

use std::io;

use tracing::{Event, Subscriber};
use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::{Registry, layer::SubscriberExt};

use crate::telemetry::{
    access,
    log::{
        dated::Dated,
        event::Captured,
        journal::{Batch, SOCKET},
    },
};

/// The way to the journal.
pub(super) struct Journald {
    one_by_one: Box<dyn Subscriber + Send + Sync>,
    dated: Dated,
    /// How many went one by one and have not been proven to have arrived.
    told: u64,
    batch: Batch,
}

impl Journald {
    /// `identifier` is `SYSLOG_IDENTIFIER`.
    ///
    /// # Errors
    /// No journal listens.
    pub(super) fn new(identifier: &'static str) -> io::Result<Self> {
        let layer = tracing_journald::layer()?
            .with_syslog_identifier(identifier.into())
            .with_field_prefix(None)
            .with_priority_mappings(PriorityMappings {
                error: Priority::Error,
                warn: Priority::Warning,
                info: Priority::Informational,
                debug: Priority::Debug,
                trace: Priority::Debug,
            });
        Ok(Self {
            one_by_one: Box::new(Registry::default().with(layer)),
            dated: Dated::default(),
            told: 0,
            batch: Batch::new(SOCKET, identifier)?,
        })
    }

    /// Takes an event of the log thread itself.
    pub(super) fn event(&mut self, event: &Event<'_>) {
        if event.metadata().target() != access::TARGET || !self.batch.push(event) {
            self.replay(&Captured::of(event));
        }
    }

    /// Takes an event of another thread.
    pub(super) fn replay(&mut self, event: &Captured) {
        // what came before goes before
        self.batch.send();
        event.replay_dated(&mut self.dated, |event| self.one_by_one.event(event));
        self.told += 1;
    }

    /// Whether anybody listens.
    pub(super) fn reachable(&self) -> bool {
        self.batch.connect().is_ok()
    }

    /// Sends what there is; returns how many entries did not arrive. tracing-journald does not say, so the journal is asked whether it
    /// takes anything: if not, all that went one by one since it was last asked counts as lost.
    pub(super) fn write(&mut self) -> u64 {
        self.batch.send();
        let told = std::mem::take(&mut self.told);
        let arrived = told == 0 || self.batch.listens();
        self.batch.take_lost() + if arrived { 0 } else { told }
    }
}
