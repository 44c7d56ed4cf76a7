//! The signals the service acts on.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that ask the process to end; they are handled from when this is made.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes over SIGTERM and SIGINT.
    ///
    /// # Errors
    /// The runtime cannot handle signals.
    pub(super) fn install() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next of them; gives its name.
    pub(super) async fn stop(&mut self) -> &'static str {
        let [terminate, interrupt] = [&mut self.terminate, &mut self.interrupt];
        tokio::select! {
            Some(()) = terminate.recv() => "SIGTERM",
            Some(()) = interrupt.recv() => "SIGINT",
            else => std::future::pending().await,
        }
    }
}

/// Takes over SIGHUP, which asks for a reload.
///
/// # Errors
/// The runtime cannot handle signals.
pub(super) fn hangups() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}
