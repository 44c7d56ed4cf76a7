//! Image slots: what follows from a boot loader that counts the boots of a version itself, and what it is
//! told. A version that is found bad has no boots left, a good one is not counted, and among the others the
//! highest version is started.

use crate::{
    events::{self, Event},
    guard::Guard,
    images::{Images, order},
    ledger::History,
    report::Report,
    store::disk::Disk,
    system::{Mark, System, SystemError},
    version::Version,
};

impl<S: System, D: Disk> Guard<S, D> {
    /// A version whose boots are used up and that does not run: it did not get its verdict.
    pub(super) fn used_up(&mut self, images: &Images) -> Result<Option<Report>, SystemError> {
        let running = self.system.running()?;
        let failed = |version: &&&Version| {
            let entry = self.ledger.versions.get(**version);
            images.is_used_up(version)
                && !images.may_boot(version)
                && ***version != running
                && !self.ledger.is_quarantined(version)
                && !self.ledger.is_blessed(version)
                && !entry.is_some_and(History::failed)
        };
        let versions = images.versions();
        let Some(version) = versions.iter().find(failed) else { return Ok(None) };
        let boots = images.of(version).filter_map(|entry| entry.counter).map(|counter| counter.done).max();
        let boots = boots.unwrap_or_default();
        // this also happens on a slow machine
        let reason = format!(
            "its boot counter is used up, and no verdict in {boots} boots; the machine came back with \
                {running}"
        );
        self.leave_behind(version, reason, running)
    }

    /// Sets the boot loader's counters as the ledger requires.
    pub(super) fn mark_verdicts(&mut self) {
        let images = match self.system.images() {
            Ok(Some(images)) => images,
            Ok(None) => return,
            Err(error) => return Self::attempt("read the image slots", Err(error)),
        };
        for version in images.versions() {
            if self.ledger.is_quarantined(version) && images.may_boot(version) {
                Self::attempt("mark as bad", self.system.mark(version, Mark::Bad));
            } else if self.ledger.is_blessed(version) && images.is_used_up(version) {
                // power cuts have used up its boots before its counter was removed
                Self::attempt("mark as good", self.system.mark(version, Mark::Good));
            }
        }
    }

    /// Makes the next boot start a version that may run. It writes only what differs.
    pub(super) fn settle_slots(&mut self) {
        self.mark_verdicts();
        let Ok(Some(mut images)) = self.system.images() else { return };
        let may_run = |images: &Images, version: &Version| {
            images.is_whole(version) && !self.ledger.is_quarantined(version)
        };
        if images.oneshot.as_ref().is_some_and(|version| !may_run(&images, version)) {
            images.oneshot = None;
            Self::attempt("take back the entry for one boot", self.system.set_oneshot(None));
        }
        let next = images.lasting();
        if next.is_some_and(|version| may_run(&images, version)) {
            return;
        }
        let running = self.system.running().ok();
        let mut candidates = self.ledger.blessed().into_iter().chain(&running);
        let Some(good) = candidates.find(|version| may_run(&images, version)).cloned() else {
            return;
        };
        let result = self.system.install(&good);
        if result.is_ok() {
            events::emit(&Event::BootDefault { version: &good });
        }
        Self::attempt("set what the next boot starts", result);
    }

    /// What the boot partition says about the time before the ledger.
    pub(super) fn recall(&mut self, images: &Images, running: Option<&Version>) {
        let now = self.system.now();
        for version in images.versions() {
            if images.is_uncounted(version) {
                // systemd-bless-boot removes a counter after a boot
                self.ledger.see(version, now).boots = true;
                self.raise_floor(version);
            } else if !images.may_boot(version) && Some(version) != running {
                self.quarantine(version, "its boot counter is used up; what led to that is not known", 0.0);
            }
        }
    }

    /// Records the content of the running version. If it was blessed with another content, it is on trial
    /// again.
    pub(super) fn know_content(&mut self, version: &Version) {
        let Ok(Some(Images { running: Some(hash), .. })) = self.system.images() else { return };
        let now = self.system.now();
        let known = self.ledger.see(version, now).usrhash.replace(hash.clone());
        if known.is_some_and(|known| known != hash) && self.ledger.is_blessed(version) {
            events::emit(&Event::ContentChanged { version });
            self.ledger.doubt(version, now);
        }
    }

    /// Records the highest version that was ever blessed.
    pub(super) fn raise_floor(&mut self, version: &Version) {
        let higher = |floor: &Version| order::compare(version.as_str(), floor.as_str()).is_gt();
        if matches!(self.system.images(), Ok(Some(_))) && self.ledger.floor.as_ref().is_none_or(higher) {
            self.ledger.floor = Some(version.clone());
        }
    }
}
