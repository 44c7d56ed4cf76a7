//! The listeners of one side, and the phase that they follow.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::{
    net::{
        listener::Listener,
        phase::{Phase, PhaseWatch},
        server::Server,
        worker::Worker,
    },
    process::tasks::{Ended, Tasks},
};

/// Time for connections to be dropped, for which the runtime needs only one turn.
const CUT: Duration = Duration::from_secs(1);

/// One side of the service.
pub struct Serving {
    phase: watch::Sender<Phase>,
    tasks: Tasks,
    server: Arc<Server>,
}

impl Serving {
    /// Starts to accept on this thread; `name` is the name of the task. The connections are distributed among
    /// `workers`, of which there must be at least one.
    #[must_use]
    pub fn start(name: &str, listeners: Vec<Listener>, workers: Vec<Worker>) -> Self {
        let (phase, watch) = watch::channel(Phase::Running);
        let mut tasks = Tasks::default();
        let server = Arc::new(Server::new(workers));
        let serving = server.clone();
        tasks.spawn(name, async move { serving.serve(listeners, watch).await });
        Self { phase, tasks, server }
    }

    /// The phase, for others to watch.
    #[must_use]
    pub(super) fn phase(&self) -> PhaseWatch {
        self.phase.subscribe()
    }

    /// The server, through which a caller can visit its workers.
    #[must_use]
    pub(super) fn server(&self) -> Arc<Server> {
        self.server.clone()
    }

    /// Advances to a later phase; an earlier one changes nothing.
    pub(super) fn advance(&self, phase: Phase) {
        self.phase.send_if_modified(|current| {
            let later = *current < phase;
            *current = phase.max(*current);
            later
        });
    }

    /// Waits until the task ends without being asked to.
    pub(super) async fn death(&mut self) -> Ended {
        self.tasks.death().await
    }

    /// Closes the listeners and waits until the last connection has ended. Gives false when that took longer
    /// than `deadline`.
    pub(super) async fn drain(&mut self, deadline: Duration) -> bool {
        self.advance(Phase::Draining);
        tokio::time::timeout(deadline, self.tasks.all_end()).await.is_ok()
    }

    /// Drops the connections that are left.
    pub(super) async fn cut(&mut self) {
        self.advance(Phase::Cut);
        if tokio::time::timeout(CUT, self.tasks.all_end()).await.is_err() {
            tracing::warn!("connections did not end when they were told to");
            self.tasks = Tasks::default();
        }
    }
}
