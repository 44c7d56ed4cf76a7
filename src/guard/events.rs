//! The guard's events, one for each decision. Names and fields are stable; the field `event` has the name.

mod event;

pub(crate) use event::Event;

/// Sends an event to the journal.
#[rustfmt::skip]
pub(crate) fn emit(event: &Event<'_>) {
    use tracing::{error, info, warn};
    match *event {
        Event::Trial { version, state, attempts } =>
            info!(event = "trial", %version, %state, attempts, "on trial: {version}"),
        Event::Interrupted { version, attempts } =>
            warn!(event = "interrupted", %version, attempts, "its trial boot was cut off, it gets another \
                one: {version}"),
        Event::Blessed { version, seconds } =>
            info!(event = "blessed", %version, state = "blessed", seconds, "blessed: {version}"),
        Event::Unhealthy { version, state, reason, seconds } =>
            error!(event = "unhealthy", %version, %state, reason, seconds, "unhealthy, nothing done: \
                {version}: {reason}"),
        Event::Quarantined { version, reason, seconds } =>
            error!(event = "quarantined", %version, state = "quarantined", reason, seconds, "quarantined: \
                {version}: {reason}"),
        Event::RollbackStarted { from, to, reason } =>
            warn!(event = "rollback_started", version = %to, %from, reason, "going back to {to}"),
        Event::RolledBack { from, to, seconds } =>
            warn!(event = "rolled_back", version = %to, %from, seconds, "went back: {to} is proven healthy \
                again"),
        Event::RollbackFailed { from, to, reason } =>
            error!(event = "rollback_failed", version = %to, %from, reason, "could not go back to {to}: \
                {reason}"),
        Event::NowhereToGo { version, reason } =>
            error!(event = "nowhere_to_go", %version, reason, "nothing to go back to from {version}: \
                {reason}"),
        Event::Rebooting { version, reason, reboots } =>
            warn!(event = "rebooting", %version, reason, reboots, "rebooting into {version}: {reason}"),
        Event::BootDefault { version } =>
            info!(event = "boot_default", %version, "default of the boot loader: {version}"),
        Event::Armed { version } =>
            info!(event = "armed", %version, "set for the next boot only: {version}"),
        Event::NotArmed { version, reason } =>
            warn!(event = "not_armed", %version, reason, "cannot be set for one boot only: {version}: \
                {reason}"),
        Event::Refused { version, reason } =>
            warn!(event = "refused", %version, state = "quarantined", reason, "refused: {version}: {reason}"),
        Event::Human { kind, version, reason, by } =>
            warn!(event = kind, %version, reason, by, "{kind} by {by}: {version}: {reason}"),
        Event::Replaced { version } =>
            info!(event = "replaced", %version, "replaced before its verdict: {version}"),
        Event::NotJudged { version } =>
            info!(event = "not_judged", %version, "activated since the last verdict: {version}"),
        Event::IntentDropped { from, to, reason } =>
            warn!(event = "intent_dropped", version = %to, %from, reason, "no longer going back to {to}: \
                {reason}"),
        Event::ContentChanged { version } =>
            warn!(event = "content_changed", %version, "has another content than when it was blessed, on \
                trial again: {version}"),
        Event::SlotReset { version, partition } =>
            warn!(event = "slot_reset", version, partition, "partition {partition} is free again, an \
                update to {version} had left it half written"),
        Event::Staged { version } =>
            info!(event = "staged", %version, state = "staged", "installed, for the next boot: {version}"),
        Event::UpdateFailed { version, reason } =>
            error!(event = "update_failed", %version, reason, "not installed: {version}: {reason}"),
        Event::FactoryReset { version, by } =>
            warn!(event = "factory_reset", %version, by, "factory reset by {by}"),
        Event::LedgerRebuilt { from, problem } =>
            error!(event = "ledger_rebuilt", source = from, reason = problem, "the ledger was unreadable \
                ({problem}); rebuilt from {from}"),
        Event::LedgerNotWritten { error } =>
            error!(event = "ledger_not_written", reason = %error, "the ledger cannot be written for good: \
                {error}"),
        Event::StepFailed { step, error } =>
            error!(event = "step_failed", step, reason = %error, "{step}: {error}"),
    }
}
