//! The phases of a process from serving to stopped; its listeners and connections follow them.

use tokio::sync::watch;

/// The phase of the process. A later phase never goes back to an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Serving.
    Running,
    /// A signal came: `/readyz` is 503, answers carry `Connection: close`, the listener still accepts
    /// (`drain.delay`).
    Unready,
    /// The listener is closed, requests in flight finish, idle connections are closed, and HTTP/2 connections
    /// get GOAWAY (`drain.deadline`).
    Draining,
    /// The deadline has passed or a second signal came: connections are dropped with whatever they carry.
    Cut,
}

/// A view of the phase that tasks can wait on.
pub(crate) type PhaseWatch = watch::Receiver<Phase>;
