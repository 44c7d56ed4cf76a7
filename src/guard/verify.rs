//! The trial of the running version: after a boot, after a switch, and after a crash of the guard itself.

use crate::{
    events::{self, Event},
    guard::Guard,
    ledger::{History, Verdict},
    policy::OnFailure,
    report::{Conclusion, Report},
    soak::Soak,
    store::disk::Disk,
    system::{System, SystemError},
    version::{Assessment, Version},
};

/// How many blessed versions are protected from garbage collection: the last good one, and the one before it,
/// so that a human can go back to it.
const KEEP: usize = 2;

impl<S: System, D: Disk> Guard<S, D> {
    /// Judges the running version and acts on the verdict. A version that is activated meanwhile is judged,
    /// too.
    ///
    /// # Errors
    /// The machine does not say which version runs.
    pub(crate) fn verify(&mut self) -> Result<Report, SystemError> {
        loop {
            let Some(report) = self.judge()? else { continue };
            let settled = self.system.activation().ok() == self.judged;
            if settled || report.outcome == Conclusion::Rebooting {
                return Ok(report);
            }
        }
    }

    /// Only checks: neither the machine nor the ledger changes.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub(crate) fn dry_run(&mut self) -> Result<Report, SystemError> {
        loop {
            let version = self.system.running()?;
            let (outcome, text) = match self.soak(&version, self.policy.soak)? {
                Soak::Replaced => continue,
                Soak::Healthy { .. } => (Conclusion::Good, "healthy".into()),
                Soak::Unhealthy { reason, .. } => (Conclusion::Unhealthy, format!("unhealthy: {reason}")),
            };
            return Ok(Report { outcome, version, text });
        }
    }

    /// Gives one verdict; `None` if the running version was replaced before it.
    fn judge(&mut self) -> Result<Option<Report>, SystemError> {
        if self.ledger.intent.is_some() {
            return self.resume();
        }
        if let Some(report) = self.failed_trial_boot()? {
            return Ok(Some(report));
        }
        let version = self.system.running()?;
        self.know_content(&version);
        let target = self.target(&version);
        if self.ledger.is_quarantined(&version) {
            let reason = format!("runs although quarantined: {}", self.last_reason(&version));
            match (self.policy.on_failure, target) {
                (OnFailure::Report, _) => return Ok(Some(self.report_only(&version, &reason, 0.0))),
                (OnFailure::Rollback, Some(to)) => return self.go_back(&version, to, reason),
                // no other version can run, so this one may prove that it has recovered
                (OnFailure::Rollback, None) => {}
            }
        } else if let Some(attempts) = self.begin_trial(&version)? {
            let reason = format!("no verdict in {attempts} boots");
            return self.condemn(&version, reason, 0.0);
        }
        match self.soak(&version, self.policy.soak)? {
            Soak::Replaced => {
                events::emit(&Event::Replaced { version: &version });
                Ok(None)
            }
            Soak::Healthy { seconds } => self.bless(&version, seconds).map(Some),
            Soak::Unhealthy { reason, seconds } => self.condemn(&version, reason, seconds),
        }
    }

    /// Whether the version itself would be the cause of a bad verdict. If a blessed version fails later, the
    /// cause is another one, and a rollback would leave the best version that is known. Its first boot,
    /// however, is a trial again.
    fn is_on_trial(&self, version: &Version) -> Result<bool, SystemError> {
        let boots = self.ledger.versions.get(version).is_some_and(|entry| entry.boots);
        Ok(!self.ledger.is_blessed(version) || (!boots && self.system.booted()? == *version))
    }

    /// Records that a version is on trial. Returns the number of boots that ended without a verdict if they
    /// are too many.
    fn begin_trial(&mut self, version: &Version) -> Result<Option<u32>, SystemError> {
        if !self.is_on_trial(version)? {
            return Ok(None);
        }
        let (now, boot) = (self.system.now(), self.system.boot_id());
        if let Some(armed) = &mut self.ledger.armed
            && armed.version == *version
            && armed.boot != boot
        {
            armed.reached = true;
        }
        let entry = self.ledger.see(version, now);
        if entry.last_boot != boot {
            entry.attempts += 1;
            entry.last_boot = boot;
        }
        if entry.state != Assessment::Blessed {
            entry.state = Assessment::Trial;
        }
        let attempts = entry.attempts;
        events::emit(&Event::Trial { version, state: &entry.state, attempts });
        if attempts == 1 {
            // those that earlier versions needed would keep this one running, if it is bad
            self.ledger.reboots = 0;
        }
        self.save();
        Ok((attempts > self.policy.max_attempts).then_some(attempts - 1))
    }

    fn bless(&mut self, version: &Version, seconds: f64) -> Result<Report, SystemError> {
        // before the ledger names it: a target of a rollback must not be garbage-collected
        Self::attempt("keep from garbage collection", self.system.pin(version));
        let boots = self.has_come_up(version)?;
        self.ledger.bless(version, self.system.now());
        self.ledger.reboots = 0;
        self.raise_floor(version);
        self.record(version, true, String::new(), seconds).boots |= boots;
        self.save();
        events::emit(&Event::Blessed { version, seconds });
        self.displace_quarantined(version);
        self.settle_boot();
        self.unpin_old();
        Ok(Report { outcome: Conclusion::Good, version: version.clone(), text: "blessed".into() })
    }

    fn condemn(
        &mut self,
        version: &Version,
        reason: String,
        seconds: f64,
    ) -> Result<Option<Report>, SystemError> {
        if self.policy.on_failure == OnFailure::Report || !self.is_on_trial(version)? {
            self.record(version, false, reason.clone(), seconds);
            self.save();
            return Ok(Some(self.report_only(version, &reason, seconds)));
        }
        self.quarantine(version, &reason, seconds);
        let Some(to) = self.target(version) else {
            self.save();
            events::emit(&Event::NowhereToGo { version, reason: &reason });
            self.judged = self.system.activation().ok();
            let text = format!("unhealthy, and nothing to go back to: {reason}");
            return Ok(Some(Report { outcome: Conclusion::NowhereToGo, version: version.clone(), text }));
        };
        self.go_back(version, to, reason)
    }

    pub(super) fn report_only(&mut self, version: &Version, reason: &str, seconds: f64) -> Report {
        let state = self.ledger.see(version, self.system.now()).state.clone();
        events::emit(&Event::Unhealthy { version, state: &state, reason, seconds });
        self.judged = self.system.activation().ok();
        self.settle_boot();
        let text = format!("unhealthy, nothing done: {reason}");
        Report { outcome: Conclusion::Unhealthy, version: version.clone(), text }
    }

    /// Does not save: the caller saves this together with what follows from it.
    pub(super) fn quarantine(&mut self, version: &Version, reason: &str, seconds: f64) {
        self.ledger.quarantine(version, self.system.now());
        self.record(version, false, reason.into(), seconds);
        events::emit(&Event::Quarantined { version, reason, seconds });
    }

    pub(super) fn record(
        &mut self,
        version: &Version,
        healthy: bool,
        reason: String,
        seconds: f64,
    ) -> &mut History {
        let at = self.system.now();
        let entry = self.ledger.see(version, at);
        entry.last_verdict = Some(Verdict { at, healthy, reason, seconds, unknown: serde_json::Map::new() });
        entry
    }

    /// The reason of a version's last verdict.
    #[must_use]
    pub(crate) fn last_reason(&self, version: &Version) -> String {
        let verdict = self.ledger.versions.get(version).and_then(|entry| entry.last_verdict.as_ref());
        verdict.map_or_else(
            || "no reason is recorded".into(),
            |verdict| format!("{} ({})", verdict.reason, verdict.at),
        )
    }

    /// A boot loader without EFI variables starts the installed version, so a quarantined one must not stay
    /// installed.
    fn displace_quarantined(&mut self, good: &Version) {
        self.mark_verdicts();
        let installed = self.system.installed().ok().flatten();
        if installed.is_some_and(|version| self.ledger.is_quarantined(&version)) {
            Self::attempt("set the system profile", self.system.install(good));
            Self::attempt("prepare the boot loader", self.system.install_boot(good));
        }
    }

    fn unpin_old(&mut self) {
        let mut keep: Vec<_> = self.ledger.blessed().into_iter().take(KEEP).cloned().collect();
        keep.extend(self.boot_default());
        for version in self.system.pins().unwrap_or_default() {
            if !keep.contains(&version) {
                Self::attempt("leave to garbage collection", self.system.unpin(&version));
            }
        }
    }
}
