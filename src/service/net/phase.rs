//! The phases of a process, from serving to stopped, as its listeners and connections see them.

use tokio::sync::watch;

/// Where the process stands. Phases only ever advance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Serving.
    Running,
    /// Signalled: `/readyz` is 503, answers carry `Connection: close`, the listener still accepts
    /// (`drain.delay`).
    Unready,
    /// The listener is closed; requests in flight finish, idle connections are closed, HTTP/2 gets GOAWAY
    /// (`drain.deadline`).
    Draining,
    /// The deadline has passed or a second signal came: connections are dropped as they are.
    Cut,
}

/// A view of the phase that tasks can wait on.
pub(crate) type PhaseWatch = watch::Receiver<Phase>;
