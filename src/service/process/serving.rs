//! The listeners of one side, and the phase they obey.

use std::time::Duration;

use tokio::sync::watch;

use crate::{
    http::service::Service,
    net::{
        listener::Listener,
        phase::{Phase, PhaseWatch},
        server,
    },
    process::tasks::{Ended, Tasks},
};

/// Time for connections to be dropped, which needs no more than a turn of the runtime.
const CUT: Duration = Duration::from_secs(1);

/// One side of the service.
pub struct Serving {
    phase: watch::Sender<Phase>,
    tasks: Tasks,
}

impl Serving {
    /// Starts to accept; `name` is what its task is called.
    #[must_use]
    pub fn start(name: &str, listeners: Vec<Listener>, service: Service) -> Self {
        let (phase, watch) = watch::channel(Phase::Running);
        let mut tasks = Tasks::default();
        tasks.spawn(name, server::serve(listeners, service, watch));
        Self { phase, tasks }
    }

    /// The phase as others see it.
    #[must_use]
    pub(super) fn phase(&self) -> PhaseWatch {
        self.phase.subscribe()
    }

    /// Goes on to a later phase; an earlier one changes nothing.
    pub(super) fn advance(&self, phase: Phase) {
        self.phase.send_if_modified(|current| {
            let later = *current < phase;
            *current = phase.max(*current);
            later
        });
    }

    /// Waits until it ends although nobody asked it to.
    pub(super) async fn death(&mut self) -> Ended {
        self.tasks.death().await
    }

    /// Closes the listeners and waits until the last connection has ended. False when that took longer than `deadline`.
    pub(super) async fn drain(&mut self, deadline: Duration) -> bool {
        self.advance(Phase::Draining);
        tokio::time::timeout(deadline, self.tasks.all_end()).await.is_ok()
    }

    /// Drops what is left of connections.
    pub(super) async fn cut(&mut self) {
        self.advance(Phase::Cut);
        if tokio::time::timeout(CUT, self.tasks.all_end()).await.is_err() {
            tracing::warn!("connections did not end when they were told to");
            self.tasks = Tasks::default();
        }
    }
}
