//! The state of a guard while it runs: the machine, the ledger, and the writing of the ledger.

use crate::{
    events::{self, Event},
    ledger::Ledger,
    policy::Policy,
    store::{Integrity, Store, WriteError, disk::Disk},
    system::{System, SystemError},
    version::Version,
};

/// A guard that runs on one machine. Its caller holds the lock.
pub(crate) struct Guard<S, D> {
    /// The machine.
    pub system: S,
    pub(crate) store: Store<D>,
    pub(crate) ledger: Ledger,
    pub(crate) policy: Policy,
    /// The activation that was judged last.
    pub(crate) judged: Option<String>,
}

impl<S: System, D: Disk> Guard<S, D> {
    /// Reads the ledger. A corrupt ledger is renamed and rebuilt from its predecessor, or from the running
    /// system if there is none.
    pub(crate) fn open(system: S, mut store: Store<D>, policy: Policy) -> Self {
        let (ledger, integrity) = store.load();
        let mut guard = Self { system, store, ledger, policy, judged: None };
        match integrity {
            Integrity::Intact => {}
            Integrity::Previous(problem) => {
                events::emit(&Event::LedgerRebuilt { from: "the previous copy", problem: &problem });
                guard.save();
            }
            Integrity::Lost(problem) => {
                guard.rebuild();
                events::emit(&Event::LedgerRebuilt { from: "the running system", problem: &problem });
                guard.save();
            }
            // the ledger may be lost together with its folder
            Integrity::Fresh => guard.rebuild(),
        }
        guard
    }

    /// Reads the ledger without changing it: for [`Self::dry_run`], which does not hold the lock.
    pub(crate) fn peek(system: S, store: Store<D>, policy: Policy) -> Self {
        let (ledger, _) = store.read();
        Self { system, store, ledger, policy, judged: None }
    }

    /// What is pinned was blessed: a version is pinned for that reason only. What the boot loader has no
    /// boots left for, and does not run, was bad.
    pub(crate) fn rebuild(&mut self) {
        let now = self.system.now();
        let booted = self.system.booted().ok();
        let running = self.system.running().ok();
        let mut pins = self.system.pins().unwrap_or_default();
        pins.sort_by_key(|version| Some(version) == running.as_ref());
        for version in &pins {
            self.ledger.bless(version, now);
            self.ledger.see(version, now).boots = Some(version) == booted.as_ref();
        }
        if let Ok(Some(images)) = self.system.images() {
            self.recall(&images, running.as_ref());
        }
    }

    /// The ledger.
    #[must_use]
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The activation that was judged last; any other one has not been judged yet.
    #[must_use]
    pub(crate) fn judged(&self) -> Option<&str> {
        self.judged.as_deref()
    }

    /// Writes the ledger. A failure is only reported: a full or broken disk must not prevent a rollback.
    pub(crate) fn save(&mut self) {
        if let Err(error) = self.try_save() {
            events::emit(&Event::LedgerNotWritten { error: &error });
        }
    }

    pub(crate) fn try_save(&mut self) -> Result<(), WriteError> {
        self.ledger.prune(|version| self.system.exists(version));
        if let Some(error) = self.store.save(&mut self.ledger)? {
            events::emit(&Event::LedgerNotWritten { error: &error });
        }
        Ok(())
    }

    /// A helpful step whose failure is only reported.
    pub(crate) fn attempt(step: &'static str, result: Result<(), SystemError>) {
        if let Err(error) = result {
            events::emit(&Event::StepFailed { step, error: &error });
        }
    }

    /// The target of a rollback from a version: the last good one that is still on the machine.
    #[must_use]
    pub(crate) fn target(&self, from: &Version) -> Option<Version> {
        let mut blessed = self.ledger.blessed().into_iter();
        blessed.find(|version| *version != from && self.system.exists(version)).cloned()
    }
}
