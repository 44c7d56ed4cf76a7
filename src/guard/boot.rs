//! The choice of the boot loader: its default is a version that has booted before, and a newer version gets
//! one boot on trial.
//!
//! If a version panics, hangs or does not come to its verdict, the next reset, whatever its cause, thus
//! starts the default again.

use crate::{
    events::{self, Event},
    guard::Guard,
    ledger::{Armed, History},
    policy::OnFailure,
    report::{Conclusion, Report},
    store::disk::Disk,
    system::{BootIdentity, System, SystemError},
    version::{Assessment, Version},
};

impl<S: System, D: Disk> Guard<S, D> {
    /// Prepares the trial boot of the version that is installed.
    ///
    /// # Errors
    /// The machine does not say which version is installed.
    pub(crate) fn arm(&mut self) -> Result<Report, SystemError> {
        let running = self.system.running()?;
        let version = self.system.installed()?.unwrap_or_else(|| running.clone());
        let report = |outcome, text: String| Ok(Report { outcome, version: version.clone(), text });
        if self.ledger.is_quarantined(&version) {
            let reason = self.last_reason(&version);
            events::emit(&Event::Refused { version: &version, reason: &reason });
            self.settle_boot();
            return report(Conclusion::Refused, format!("quarantined, will not be booted: {reason}"));
        }
        if version != running {
            let entry = self.ledger.see(&version, self.system.now());
            if !matches!(entry.state, Assessment::Blessed) {
                // a human installed it again, so the bad verdict of an earlier trial in report mode does not
                // count
                (entry.state, entry.last_verdict) = (Assessment::Staged, None);
            }
            self.save();
        }
        let untold = match self.system.boot_choice() {
            Ok(Some(_)) if self.system.has_boot_entry(&version) => None,
            Ok(Some(_)) => Some("the boot loader has no entry for it".to_owned()),
            Ok(None) => Some(
                "there are no EFI variables to tell the boot loader with; it is verified after it has \
                    booted, but a version that \
                 does not get that far has to be left behind by hand"
                    .to_owned(),
            ),
            Err(error) => Some(error.to_string()),
        };
        if let Some(reason) = untold {
            events::emit(&Event::NotArmed { version: &version, reason: &reason });
            return report(Conclusion::Good, format!("not armed: {reason}"));
        }
        self.settle_boot();
        let armed = self.ledger.armed.as_ref().is_some_and(|armed| armed.version == version && armed.told);
        let text = if armed { "armed for one boot" } else { "the default of the boot loader" };
        report(Conclusion::Good, text.into())
    }

    /// Handles a trial boot that ended in another version: the version on trial did not get its verdict.
    pub(super) fn failed_trial_boot(&mut self) -> Result<Option<Report>, SystemError> {
        if let Some(images) = self.system.images()? {
            return self.used_up(&images);
        }
        let Some(armed) = self.ledger.armed.clone() else { return Ok(None) };
        if armed.boot == self.system.boot_id() || armed.version == self.system.booted()? {
            return Ok(None);
        }
        self.ledger.armed = None;
        if !armed.told || self.ledger.is_quarantined(&armed.version) {
            // the boot loader may never have started it, so this does not count against it
            self.save();
            return Ok(None);
        }
        let attempts = self.ledger.versions.get(&armed.version).map_or(0, |entry| entry.attempts);
        if armed.reached && attempts < self.policy.max_attempts {
            // it came up; a reboot by somebody or a power cut is as likely as a hang, so it gets another
            // boot, as often as the settings allow
            events::emit(&Event::Interrupted { version: &armed.version, attempts });
            self.save();
            self.settle_boot();
            return Ok(None);
        }
        let running = self.system.running()?;
        let what = if armed.reached {
            format!("no verdict in {attempts} boots")
        } else {
            "did not come up to a verdict in its trial boot".into()
        };
        let reason = format!("{what}; the machine came back with {running}");
        self.leave_behind(&armed.version, reason, running)
    }

    /// Handles a version that did not come up: `running` runs instead.
    pub(super) fn leave_behind(
        &mut self,
        version: &Version,
        reason: String,
        running: Version,
    ) -> Result<Option<Report>, SystemError> {
        if self.policy.on_failure == OnFailure::Report {
            self.record(version, false, reason.clone(), 0.0);
            self.save();
            return Ok(Some(self.report_only(version, &reason, 0.0)));
        }
        self.quarantine(version, &reason, 0.0);
        let to = if self.ledger.is_blessed(&running) { Some(running) } else { self.target(version) };
        if let Some(to) = to {
            return self.go_back(version, to, reason);
        }
        self.save();
        Ok(None)
    }

    /// Whether a boot of the version is proven to succeed: it was booted, or it has the same boot identity as
    /// the version that was booted.
    pub(super) fn has_come_up(&self, version: &Version) -> Result<bool, SystemError> {
        let booted = self.system.booted()?;
        Ok(booted == *version
            || self.identity(version).is_some_and(|own| Some(own) == self.identity(&booted)))
    }

    /// Whether the version can run under the kernel that runs.
    pub(super) fn shares_kernel(&self, version: &Version) -> Result<bool, SystemError> {
        let booted = self.system.booted()?;
        let kernel = |version| self.identity(version).map(|identity| identity.kernel);
        Ok(booted == *version || kernel(version).is_some_and(|own| Some(own) == kernel(&booted)))
    }

    fn identity(&self, version: &Version) -> Option<BootIdentity> {
        self.system.boot_identity(version).ok()
    }

    /// The version that the boot loader starts by default.
    pub(super) fn boot_default(&self) -> Option<Version> {
        let comes_up = |version: &Version| {
            self.ledger.is_blessed(version)
                && self.ledger.versions.get(version).is_some_and(|entry| entry.boots)
                && self.system.has_boot_entry(version)
        };
        let installed = self.system.installed().ok().flatten();
        let blessed = self.ledger.blessed().into_iter().cloned();
        // a version that a human installed comes before one that was blessed later
        installed.into_iter().chain(blessed).find(comes_up).or_else(|| {
            let booted = self.system.booted().ok();
            booted
                .filter(|version| !self.ledger.is_quarantined(version) && self.system.has_boot_entry(version))
        })
    }

    /// The version that gets one boot: it is installed, has no bad verdict, and was never booted.
    fn boot_trial(&self, default: Option<&Version>) -> Option<Version> {
        let version = self.system.installed().ok().flatten()?;
        let entry = self.ledger.versions.get(&version);
        let barred = self.ledger.is_quarantined(&version)
            || entry.is_some_and(History::failed)
            || (self.ledger.is_blessed(&version) && entry.is_some_and(|entry| entry.boots))
            || default == Some(&version);
        (!barred && self.system.has_boot_entry(&version)).then_some(version)
    }

    /// Sets the boot loader's choice as the ledger requires. It writes only what differs.
    pub(super) fn settle_boot(&mut self) {
        match self.system.images() {
            Ok(None) => {}
            Ok(Some(_)) => return self.settle_slots(),
            Err(error) => return Self::attempt("read the image slots", Err(error)),
        }
        let choice = match self.system.boot_choice() {
            Ok(Some(choice)) => choice,
            Ok(None) => return,
            Err(error) => return Self::attempt("read the boot loader's choice", Err(error)),
        };
        let default = self.boot_default();
        if let Some(version) = default.as_ref().filter(|version| choice.default.as_ref() != Some(version)) {
            let result = self.system.set_default(version);
            if result.is_ok() {
                events::emit(&Event::BootDefault { version });
            }
            Self::attempt("set the default of the boot loader", result);
        }
        match self.boot_trial(default.as_ref()) {
            Some(version) => self.tell_trial(&version, choice.oneshot.as_ref()),
            None => self.tell_no_trial(choice.oneshot.as_ref()),
        }
    }

    fn tell_trial(&mut self, version: &Version, oneshot: Option<&Version>) {
        let boot = self.system.boot_id();
        let known = self.ledger.armed.as_ref();
        if oneshot == Some(version)
            && known.is_some_and(|armed| armed.told && armed.version == *version && armed.boot == boot)
        {
            return;
        }
        let armed = Armed {
            version: version.clone(),
            boot,
            told: false,
            reached: false,
            unknown: serde_json::Map::new(),
        };
        self.ledger.armed = Some(armed);
        self.save();
        if let Err(error) = self.system.set_oneshot(Some(version)) {
            return Self::attempt("set an entry for one boot", Err(error));
        }
        if let Some(armed) = &mut self.ledger.armed {
            armed.told = true;
        }
        self.save();
        events::emit(&Event::Armed { version });
    }

    /// Removes the version that the guard has set for one boot; one that a human has set stays, unless it is
    /// quarantined.
    fn tell_no_trial(&mut self, oneshot: Option<&Version>) {
        let armed = self.ledger.armed.as_ref().map(|armed| &armed.version);
        let ours = |version: &Version| armed == Some(version) || self.ledger.is_quarantined(version);
        if oneshot.is_some_and(ours)
            && let Err(error) = self.system.set_oneshot(None)
        {
            return Self::attempt("take back the entry for one boot", Err(error));
        }
        if self.ledger.armed.take().is_some() {
            self.save();
        }
    }
}
