//! Update to a newer image: it is checked, downloaded into the other slot, checked again, and staged.
//!
//! The other slot has the version to roll back to, and a download erases it. So nothing is downloaded before
//! the running version is proven good. The result of a download is what is on the disk, not what the program
//! says.

use crate::{
    events::{self, Event},
    guard::Guard,
    images::{Images, entry::Entry},
    report::{Conclusion, Report},
    store::disk::Disk,
    system::SystemError,
    updater::{Updater, Wish},
    version::{Assessment, Version},
};

impl<S: Updater, D: Disk> Guard<S, D> {
    /// Installs a version into the other slot for its trial.
    ///
    /// # Errors
    /// The machine or the server does not answer.
    pub(crate) fn update(&mut self, wish: &Wish) -> Result<Report, SystemError> {
        let running = self.system.running()?;
        let images = self.slots()?;
        sound(&images, &running)?;
        if let Some(reason) = self.not_now(&images, &running) {
            let text = format!("not now: {reason}");
            return Ok(Report { outcome: Conclusion::Later, version: running, text });
        }
        self.system.ready()?;
        if let Some(to) = &wish.to
            && let Some(report) = self.refuse(to, wish)?
        {
            return Ok(report);
        }
        if !wish.check {
            self.tidy(&running)?;
        }
        let Some(version) = self.candidate(wish, &running)? else {
            let text = "up to date: no newer version is offered".into();
            return Ok(Report { outcome: Conclusion::Good, version: running, text });
        };
        if let Some(report) = self.refuse(&version, wish)? {
            return Ok(report);
        }
        let images = self.slots()?;
        let done = |text: &str| {
            Ok(Report { outcome: Conclusion::Good, version: version.clone(), text: text.into() })
        };
        if version == running {
            return done("runs already");
        }
        let untried = is_untried(&images, &version);
        if images.is_whole(&version) && images.is_uncounted(&version) {
            return done("is on this machine, and good: `uecho-guard rollback --to` goes to it");
        }
        if images.is_whole(&version) && images.may_boot(&version) && !untried {
            return done("is on trial: the next boot tries it again");
        }
        if wish.check {
            return done("would be installed");
        }
        self.lift(&version, wish)?;
        if !self.slots().is_ok_and(|images| is_untried(&images, &version))
            && let Err(error) = self.download(&version, &running)
        {
            return Ok(self.failed(&version, &running, &error.0));
        }
        self.stage(&version, &running, wish)
    }

    /// The image slots.
    fn slots(&self) -> Result<Images, SystemError> {
        self.system.images()?.ok_or_else(|| SystemError("this machine has no image slots".into()))
    }

    /// The version that is wanted, that the server offers, or that an interrupted update has left to be
    /// staged.
    fn candidate(&mut self, wish: &Wish, running: &Version) -> Result<Option<Version>, SystemError> {
        if wish.to.is_some() {
            return Ok(wish.to.clone());
        }
        let offered = self.system.available().or_else(|_| {
            // manifest and signature are two files, and one may have been replaced after the other was read
            self.system.sleep(self.policy.interval);
            self.system.available()
        });
        if let Ok(Some(version)) = offered {
            return Ok(Some(version));
        }
        let images = self.slots()?;
        let waits = |version: &&&Version| {
            **version != running && !self.ledger.is_quarantined(version) && is_untried(&images, version)
        };
        let waiting = images.versions().iter().find(waits).map(|version| (*version).clone());
        waiting.map_or(offered, |version| Ok(Some(version)))
    }

    /// Frees what an interrupted update has left: entries without partitions, then partitions without an
    /// entry. Otherwise systemd-sysupdate would refuse to install the same version again.
    fn tidy(&mut self, running: &Version) -> Result<(), SystemError> {
        self.system.clear_partial()?;
        let images = self.slots()?;
        let readable = |version: &Version| images.of(version).all(|entry| entry.usrhash.is_some());
        for version in images.versions() {
            // an entry without boots left may have no partitions either, but its name records that it is bad
            if version != running
                && images.may_boot(version)
                && !images.is_whole(version)
                && readable(version)
            {
                self.system.discard(version)?;
            }
        }
        for (partition, type_id) in self.slots()?.stranded() {
            let version = partition.version().unwrap_or_default();
            self.system.empty(partition, type_id)?;
            events::emit(&Event::SlotReset { version, partition: partition.number });
        }
        Ok(())
    }

    /// Makes sure that the boot loader starts nothing of the other slot while that is written: a download
    /// erases the partitions first, and the boot entry that leads to them last.
    fn vacate(&mut self, version: &Version, running: &Version) -> Result<(), SystemError> {
        if self.ledger.is_blessed(version) {
            // that was another copy of it
            self.ledger.doubt(version, self.system.now());
            self.try_save()?;
        }
        let images = self.slots()?;
        for other in images.versions() {
            // a good one stays for as long as nothing is downloaded
            if other != running && images.may_boot(other) && !self.ledger.is_blessed(other) {
                self.system.discard(other)?;
            }
        }
        if images.oneshot.is_some() {
            self.system.set_oneshot(None)?;
        }
        self.system.install(running)
    }

    /// Downloads, a second time if it fails. What counts is what is on the disk afterwards.
    fn download(&mut self, version: &Version, running: &Version) -> Result<(), SystemError> {
        self.vacate(version, running)?;
        let first = self.try_download(version);
        if first.is_ok() {
            return first;
        }
        self.system.sleep(self.policy.interval);
        self.tidy(running)?;
        self.try_download(version)
    }

    fn try_download(&mut self, version: &Version) -> Result<(), SystemError> {
        let said = self.system.fetch(version);
        let images = self.slots()?;
        if is_untried(&images, version) {
            return Ok(());
        }
        said?;
        let what = match images.of(version).next() {
            None => "no boot entry of it is there",
            Some(_) if images.is_whole(version) => "its boot entry has no boots left",
            Some(_) => "its boot entry leads to partitions that are not there",
        };
        Err(SystemError(format!("systemd-sysupdate reports success, but {what}")))
    }

    /// Checks the whole new slot, and makes the next boot start it.
    fn stage(&mut self, version: &Version, running: &Version, wish: &Wish) -> Result<Report, SystemError> {
        let images = self.slots()?;
        let Some(hash) = images.whole(version) else {
            return Ok(self.failed(version, running, "it is not completely there"));
        };
        if let Err(error) = self.system.check_content(hash) {
            // the version is not to blame: the next download may succeed
            Self::attempt("remove the boot entry", self.system.discard(version));
            return Ok(self.failed(version, running, &error.0));
        }
        let entry = self.ledger.see(version, self.system.now());
        entry.restart(Assessment::Staged);
        (entry.boots, entry.usrhash) = (false, Some(hash.clone()));
        self.try_save()?;
        self.system.install(version)?;
        events::emit(&Event::Staged { version });
        let text = if wish.reboot {
            let reason = "an update is installed";
            events::emit(&Event::Rebooting { version, reason, reboots: self.ledger.reboots });
            self.system.reboot()?;
            "installed and verified; rebooting into it for its trial"
        } else {
            "installed and verified; the next boot is its trial"
        };
        Ok(Report { outcome: Conclusion::Good, version: version.clone(), text: text.into() })
    }

    fn failed(&mut self, version: &Version, running: &Version, reason: &str) -> Report {
        Self::attempt("free the slot", self.tidy(running));
        events::emit(&Event::UpdateFailed { version, reason });
        let text = format!("not installed: {reason}");
        Report { outcome: Conclusion::Failed, version: version.clone(), text }
    }
}

/// Whether the version is complete and was never booted.
fn is_untried(images: &Images, version: &Version) -> bool {
    images.is_whole(version) && images.of(version).all(Entry::is_untried)
}

/// Whether the running version is the one that os-release names: `ProtectVersion=` of the transfers uses that
/// name, and nothing else prevents that the running slot is overwritten.
fn sound(images: &Images, running: &Version) -> Result<(), SystemError> {
    let Some(hash) = &images.running else {
        return Err(SystemError(
            "the kernel command line has no usrhash=: this machine does not run from an image slot".into(),
        ));
    };
    if images.of(running).any(|entry| entry.usrhash.as_ref() == Some(hash)) && images.is_whole(running) {
        return Ok(());
    }
    Err(SystemError(format!(
        "os-release says {running}, but no boot entry and slot of {running} have the usrhash={} that runs",
        hash.as_str()
    )))
}
