//! Update to a newer image: it is checked, downloaded into the other slot, checked again, and staged.
//!
//! The other slot has the version to roll back to, and a download erases it. So nothing is downloaded before
//! the running version is proven good. The result of a download is what is on the disk, not what the program
//! says.

use uecho_probe::look::Outcome;

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
    /// Installs a version into the other slot for its trial, and remembers what became of the look for it.
    ///
    /// # Errors
    /// The machine or the server does not answer.
    pub(crate) fn update(&mut self, wish: &Wish) -> Result<Report, SystemError> {
        let looked = self.follow(wish);
        if wish.check {
            return looked.map(|(_, report)| report).map_err(|stopped| stopped.error);
        }
        let (outcome, report) = match looked {
            Ok(looked) => looked,
            Err(Stopped { outcome, error }) => {
                self.remember(outcome, &self.system.running()?);
                return Err(error);
            }
        };
        // before the reboot, which may end this process at once
        self.remember(outcome, &report.version);
        if outcome == Outcome::Switched {
            let (reason, version) = ("an update is installed", &report.version);
            events::emit(&Event::Rebooting { version, reason, reboots: self.ledger.reboots });
            self.system.reboot()?;
        }
        Ok(report)
    }

    fn remember(&mut self, outcome: Outcome, version: &Version) {
        self.ledger.looked(outcome, version, self.system.now());
        self.save();
    }

    /// Looks, and installs what is found.
    fn follow(&mut self, wish: &Wish) -> Result<(Outcome, Report), Stopped> {
        let running = self.system.running()?;
        let images = self.slots()?;
        sound(&images, &running)?;
        if let Some(reason) = self.not_now(&images, &running) {
            let text = format!("not now: {reason}");
            return Ok((Outcome::Busy, Report { outcome: Conclusion::Later, version: running, text }));
        }
        self.system.ready()?;
        if let Some(to) = &wish.to
            && let Some(report) = self.refuse(to, wish)?
        {
            return Ok((self.refusal(to), report));
        }
        if !wish.check {
            self.tidy(&running)?;
        }
        let candidate = self.candidate(wish, &running);
        let Some(version) = candidate.map_err(|error| Stopped { outcome: Outcome::Unreachable, error })?
        else {
            let text = "up to date: no newer version is offered".into();
            return Ok((Outcome::UpToDate, Report { outcome: Conclusion::Good, version: running, text }));
        };
        if let Some(report) = self.refuse(&version, wish)? {
            return Ok((self.refusal(&version), report));
        }
        let images = self.slots()?;
        let done = |outcome: Outcome, text: &str| {
            let report = Report { outcome: Conclusion::Good, version: version.clone(), text: text.into() };
            Ok((outcome, report))
        };
        if version == running {
            return done(Outcome::UpToDate, "runs already");
        }
        let untried = is_untried(&images, &version);
        if images.is_whole(&version) && images.is_uncounted(&version) {
            let text = "is on this machine, and good: `uecho-guard rollback --to` goes to it";
            return done(Outcome::UpToDate, text);
        }
        if images.is_whole(&version) && images.may_boot(&version) && !untried {
            return done(Outcome::Waiting, "is on trial: the next boot tries it again");
        }
        if !untried && let Err(error) = self.system.room(&running) {
            // the download erases the other slot, and would only then find that out
            return if wish.check {
                Err(error.into())
            } else {
                Ok((Outcome::Failed, self.failed(&version, &running, &error.0)))
            };
        }
        if wish.check {
            return done(Outcome::Waiting, "would be installed");
        }
        self.lift(&version, wish)?;
        if !self.slots().is_ok_and(|images| is_untried(&images, &version))
            && let Err(error) = self.download(&version, &running)
        {
            return Ok((Outcome::Unreachable, self.failed(&version, &running, &error.0)));
        }
        Ok(self.stage(&version, &running, wish)?)
    }

    /// What a refusal is for those who only read metrics.
    fn refusal(&self, version: &Version) -> Outcome {
        if self.ledger.is_quarantined(version) { Outcome::Quarantined } else { Outcome::Refused }
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
    fn stage(
        &mut self,
        version: &Version,
        running: &Version,
        wish: &Wish,
    ) -> Result<(Outcome, Report), SystemError> {
        let images = self.slots()?;
        let Some(hash) = images.whole(version) else {
            return Ok((Outcome::Failed, self.failed(version, running, "it is not completely there")));
        };
        if let Err(error) = self.system.check_content(hash) {
            // the version is not to blame: the next download may succeed
            Self::attempt("remove the boot entry", self.system.discard(version));
            return Ok((Outcome::Failed, self.failed(version, running, &error.0)));
        }
        let entry = self.ledger.see(version, self.system.now());
        entry.restart(Assessment::Staged);
        (entry.boots, entry.usrhash) = (false, Some(hash.clone()));
        self.try_save()?;
        self.system.install(version)?;
        events::emit(&Event::Staged { version });
        let (outcome, text) = if wish.reboot {
            (Outcome::Switched, "installed and verified; rebooting into it for its trial")
        } else {
            (Outcome::Waiting, "installed and verified; the next boot is its trial")
        };
        Ok((outcome, Report { outcome: Conclusion::Good, version: version.clone(), text: text.into() }))
    }

    fn failed(&mut self, version: &Version, running: &Version, reason: &str) -> Report {
        Self::attempt("free the slot", self.tidy(running));
        events::emit(&Event::UpdateFailed { version, reason });
        let text = format!("not installed: {reason}");
        Report { outcome: Conclusion::Failed, version: version.clone(), text }
    }
}

/// Why there is no report, and what that is for those who only read metrics.
struct Stopped {
    outcome: Outcome,
    error: SystemError,
}

impl From<SystemError> for Stopped {
    fn from(error: SystemError) -> Self {
        Self { outcome: Outcome::Failed, error }
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
