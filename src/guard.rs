//! The guard of a machine: a version that does not serve is taken back.
//!
//! Health is what the service serves, the way back is to the last version proven good, and a bad version is remembered. Decisions are
//! made here over a small view of the machine ([`system::System`]); what happened is kept in the [`ledger`].
//!
//! - [`verify`]: the trial of what runs, and the verdict
//! - [`rollback`]: the way back
//! - [`boot`]: what the boot loader is told
//! - [`human`]: what a human may decide
//! - [`nixos`]: the machine as it is
//! - [`app`]: the command line, from settings to exit code

pub mod app;
pub mod boot;
pub mod cli;
pub mod command;
pub mod events;
pub mod human;
pub mod ledger;
pub mod lock;
pub mod metrics;
pub mod nixos;
pub mod rollback;
pub mod runtime;
pub mod settings;
#[cfg(test)]
mod simulation;
pub mod soak;
pub mod status;
pub mod system;
pub mod verify;
pub mod version;

use std::time::Duration;

use events::Event;
use ledger::{
    Ledger,
    disk::Disk,
    store::{Origin, Store, WriteError},
};
use system::{System, SystemError};
use version::Version;

/// What to do about a version that fails its trial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Go back to the last good one.
    #[default]
    Rollback,
    /// Say so, and leave it running.
    Report,
}

/// How the guard judges.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How long a version must stay healthy.
    pub soak: Duration,
    /// Pause between two checks.
    pub interval: Duration,
    /// How long a version that has just been started may take to become healthy.
    pub grace: Duration,
    /// Reboots in a row by the guard before it stops.
    pub max_reboots: u32,
    /// Boots in a row that may end without a verdict.
    pub max_attempts: u32,
    /// What a bad verdict leads to.
    pub on_failure: OnFailure,
}

/// How a command ended; [`Outcome::code`] is the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Blessed, or whatever else was asked for is done.
    Good,
    /// Unhealthy, and nothing was done about it.
    Unhealthy,
    /// Rolled back, and the old version is proven healthy.
    RolledBack,
    /// Rolled back, but unhealthy or not proven.
    StillUnhealthy,
    /// A reboot into the old version has been asked for; the verdict comes after it.
    Rebooting,
    /// Nothing to go back to.
    NowhereToGo,
    /// Refused: the version is quarantined.
    Refused,
    /// The machine could not be asked or told.
    Failed,
}

impl Outcome {
    /// The exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Unhealthy => 1,
            Self::RolledBack => 3,
            Self::StillUnhealthy | Self::Rebooting => 4,
            Self::NowhereToGo => 5,
            Self::Refused => 6,
            Self::Failed => crate::app::exit::SOFTWARE,
        }
    }
}

/// What came of a command, for the human who gave it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// The version it is about.
    pub version: Version,
    /// One line.
    pub text: String,
}

/// The guard at work on one machine. Whoever makes one holds the lock.
pub struct Guard<S, D> {
    /// The machine.
    pub system: S,
    store: Store<D>,
    ledger: Ledger,
    policy: Policy,
    /// The activation that the last decision was about.
    judged: Option<String>,
}

impl<S: System, D: Disk> Guard<S, D> {
    /// Reads the ledger; one that is corrupt is set aside and rebuilt, from the previous copy or else from the running system.
    pub fn open(system: S, mut store: Store<D>, policy: Policy) -> Self {
        let (ledger, origin) = store.load();
        let mut guard = Self { system, store, ledger, policy, judged: None };
        match origin {
            Origin::Intact => {}
            Origin::Previous(problem) => {
                events::emit(&Event::LedgerRebuilt { from: "the previous copy", problem: &problem });
                guard.save();
            }
            Origin::Lost(problem) => {
                guard.rebuild();
                events::emit(&Event::LedgerRebuilt { from: "the running system", problem: &problem });
                guard.save();
            }
            // a ledger may also be lost together with its folder
            Origin::Fresh => guard.rebuild(),
        }
        guard
    }

    /// Reads the ledger as it is and leaves it so: for [`Self::dry_run`], without the lock.
    pub fn peek(system: S, store: Store<D>, policy: Policy) -> Self {
        let (ledger, _) = store.read();
        Self { system, store, ledger, policy, judged: None }
    }

    /// What is pinned was blessed: a version is pinned for that reason only.
    fn rebuild(&mut self) {
        let now = self.system.now();
        let booted = self.system.booted().ok();
        let running = self.system.running().ok();
        let mut pins = self.system.pins().unwrap_or_default();
        pins.sort_by_key(|version| Some(version) == running.as_ref());
        for version in &pins {
            self.ledger.bless(version, now);
            self.ledger.see(version, now).boots = Some(version) == booted.as_ref();
        }
    }

    /// What is known.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The activation that the last decision was about; another one has not been judged yet.
    #[must_use]
    pub fn judged(&self) -> Option<&str> {
        self.judged.as_deref()
    }

    /// Writes the ledger. A decision about the service must not wait for a disk, so failing is told and lived with.
    fn save(&mut self) {
        if let Err(error) = self.try_save() {
            events::emit(&Event::LedgerNotWritten { error: &error });
        }
    }

    fn try_save(&mut self) -> Result<(), WriteError> {
        self.ledger.prune(|version| self.system.exists(version));
        if let Some(error) = self.store.save(&mut self.ledger)? {
            events::emit(&Event::LedgerNotWritten { error: &error });
        }
        Ok(())
    }

    /// A step that helps but is not worth giving up for.
    fn attempt(step: &'static str, result: Result<(), SystemError>) {
        if let Err(error) = result {
            events::emit(&Event::StepFailed { step, error: &error });
        }
    }

    /// The version to go back to from another: the last good one that is still there.
    #[must_use]
    pub fn target(&self, from: &Version) -> Option<Version> {
        let mut blessed = self.ledger.blessed().into_iter();
        blessed.find(|version| *version != from && self.system.exists(version)).cloned()
    }
}
