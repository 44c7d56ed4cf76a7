//! The signals the service acts on.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Signals that ask for an end; handled from when this is made.
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

    /// Waits for the next one; gives its name.
    pub(super) async fn stop(&mut self) -> &'static str {
        let [terminate, interrupt] = [&mut self.terminate, &mut self.interrupt];
        tokio::select! {
            Some(()) = terminate.recv() => "SIGTERM",
            Some(()) = interrupt.recv() => "SIGINT",
            else => std::future::pending().await,
        }
    }
}

/// SIGHUP: re-read the settings.
///
/// # Errors
/// The runtime cannot handle signals.
pub(super) fn hangups() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}
