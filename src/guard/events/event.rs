//! The events, each with its name in the journal and its fields.

use std::fmt::Display;

use crate::version::{Assessment, Version};

/// A decision or a finding.
pub(crate) enum Event<'a> {
    /// `trial`: a version is on trial. Fields `version`, `state`, `attempts`.
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
    /// `nowhere_to_go`: no version to roll back to is known. Fields `version`, `reason`.
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
    /// `not_armed`: the boot loader cannot start a version for one boot. Fields `version`, `reason`.
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
    /// `not_judged`: a version was activated after the guard's last check. Field `version`.
    NotJudged {
        /// The version.
        version: &'a Version,
    },
    /// `intent_dropped`: a rollback that has begun is not needed any more. Fields `version`, `from`,
    /// `reason`.
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
    /// `ledger_rebuilt`: the ledger was corrupt and was rebuilt. Fields `source`, `reason`.
    LedgerRebuilt {
        /// From what.
        from: &'a str,
        /// What was wrong.
        problem: &'a str,
    },
    /// `ledger_not_written`: the ledger is in `/run` instead, if it could be written there. Field `reason`.
    LedgerNotWritten {
        /// The reason, one line.
        error: &'a dyn Display,
    },
    /// `step_failed`: a helpful step has failed; the guard continues. Fields `step`, `reason`.
    StepFailed {
        /// The version.
        step: &'a str,
        /// The reason, one line.
        error: &'a dyn Display,
    },
}
