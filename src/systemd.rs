//! What we tell the service manager (`sd_notify(3)`); nothing at all when there is none.

use sd_notify::NotifyState;

/// Sends notifications; a manager that cannot be reached is logged, never fatal.
pub fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager could not be notified");
    }
}
