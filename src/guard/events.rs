//! What the guard says: one event per decision. Names and fields are stable; the field `event` holds the
//! name.

use std::fmt::Display;

use crate::version::{Assessment, Version};

/// A decision or a finding.
pub(crate) enum Event<'a> {
    /// `trial`: a version is being watched. Fields `version`, `state`, `attempts`.
    Trial {
        /// The version.
        version: &'a Version,
        /// What is known of it.
        state: &'a Assessment,
        /// Number of boots without a verdict, this one included.
        attempts: u32,
    },
    /// `interrupted`: a trial boot came up and ended without a verdict; it gets another one. Fields
    /// `version`, `attempts`.
    Interrupted {
        /// The version.
        version: &'a Version,
        /// Boots without a verdict so far.
        attempts: u32,
    },
    /// `blessed`: a version is proven good. Fields `version`, `state`, `seconds`.
    Blessed {
        /// The version.
        version: &'a Version,
        /// Duration of the trial.
        seconds: f64,
    },
    /// `unhealthy`: a version failed, and nothing is done about it. Fields `version`, `state`, `reason`,
    /// `seconds`.
    Unhealthy {
        /// The version.
        version: &'a Version,
        /// What is known of it.
        state: &'a Assessment,
        /// The reason, one line.
        reason: &'a str,
        /// Duration of the trial.
        seconds: f64,
    },
    /// `quarantined`: a version is proven bad. Fields `version`, `state`, `reason`, `seconds`.
    Quarantined {
        /// The version.
        version: &'a Version,
        /// The reason, one line.
        reason: &'a str,
        /// Duration of the trial.
        seconds: f64,
    },
    /// `rollback_started`. Fields `version` (the one to go back to), `from`, `reason`.
    RollbackStarted {
        /// The version that is left.
        from: &'a Version,
        /// The version to go back to.
        to: &'a Version,
        /// The reason, one line.
        reason: &'a str,
    },
    /// `rolled_back`: the old version is proven healthy. Fields `version`, `from`, `seconds`.
    RolledBack {
        /// What was left behind.
        from: &'a Version,
        /// What serves.
        to: &'a Version,
        /// Duration of the proof.
        seconds: f64,
    },
    /// `rollback_failed`. Fields `version`, `from`, `reason`.
    RollbackFailed {
        /// What was to be left behind.
        from: &'a Version,
        /// What was to serve.
        to: &'a Version,
        /// The reason, one line.
        reason: &'a str,
    },
    /// `nowhere_to_go`: no other version is known to be good. Fields `version`, `reason`.
    NowhereToGo {
        /// What keeps running.
        version: &'a Version,
        /// Why it should not.
        reason: &'a str,
    },
    /// `rebooting`. Fields `version`, `reason`, `reboots`.
    Rebooting {
        /// The version to boot.
        version: &'a Version,
        /// The reason, one line.
        reason: &'a str,
        /// Number of reboots in a row, this one included.
        reboots: u32,
    },
    /// `boot_default`: the boot loader's default has changed. Field `version`.
    BootDefault {
        /// To which.
        version: &'a Version,
    },
    /// `armed`: a version is set for one boot. Field `version`.
    Armed {
        /// The version.
        version: &'a Version,
    },
    /// `not_armed`: there is no way to set a version for one boot. Fields `version`, `reason`.
    NotArmed {
        /// The version.
        version: &'a Version,
        /// The reason, one line.
        reason: &'a str,
    },
    /// `refused`: a quarantined version was offered, or one below the floor. Fields `version`, `reason`.
    Refused {
        /// The version.
        version: &'a Version,
        /// Why it is quarantined.
        reason: &'a str,
    },
    /// `override` or `release`: a human has decided otherwise. Fields `version`, `reason`, `by`.
    Human {
        /// Which of the two.
        kind: &'a str,
        /// About which.
        version: &'a Version,
        /// In the human's words.
        reason: &'a str,
        /// Who.
        by: &'a str,
    },
    /// `replaced`: another version was activated before the verdict. Field `version` (the one that was on
    /// trial).
    Replaced {
        /// The version.
        version: &'a Version,
    },
    /// `not_judged`: activated after the guard had looked for the last time. Field `version`.
    NotJudged {
        /// The version.
        version: &'a Version,
    },
    /// `intent_dropped`: a rollback that had begun has no point any more. Fields `version`, `from`, `reason`.
    IntentDropped {
        /// What was to be left behind.
        from: &'a Version,
        /// What was to serve.
        to: &'a Version,
        /// The reason, one line.
        reason: &'a str,
    },
    /// `content_changed`: a blessed image has another root hash than when it was blessed. Field `version`.
    ContentChanged {
        /// The version.
        version: &'a Version,
    },
    /// `slot_reset`: a partition that an update had left half written is free again. Fields `version` (of
    /// which it was to become a part), `partition` (its number).
    SlotReset {
        /// The version.
        version: &'a str,
        /// Number on the disk.
        partition: u32,
    },
    /// `staged`: an image is installed, verified, and what the next boot starts. Field `version`.
    Staged {
        /// The version.
        version: &'a Version,
    },
    /// `update_failed`: nothing was installed. Fields `version`, `reason`.
    UpdateFailed {
        /// The version.
        version: &'a Version,
        /// The reason, one line.
        reason: &'a str,
    },
    /// `factory_reset`: a human wants the machine's state erased. Fields `version` (what runs), `by`.
    FactoryReset {
        /// What runs.
        version: &'a Version,
        /// Who.
        by: &'a str,
    },
    /// `ledger_rebuilt`: the ledger was corrupt and has been set aside. Fields `source`, `reason`.
    LedgerRebuilt {
        /// From what.
        from: &'a str,
        /// What was wrong.
        problem: &'a str,
    },
    /// `ledger_not_written`: kept in `/run` instead, if anywhere. Field `reason`.
    LedgerNotWritten {
        /// The reason, one line.
        error: &'a dyn Display,
    },
    /// `step_failed`: a step that helps has failed, the rest goes on. Fields `step`, `reason`.
    StepFailed {
        /// The version.
        step: &'a str,
        /// The reason, one line.
        error: &'a dyn Display,
    },
}

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
