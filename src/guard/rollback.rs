//! Rollback to a version that was proven good. It ends when that version is proven to serve again.
//!
//! The ledger records the intent before the first step, and every step can be repeated. If the guard is
//! killed, even by the switch that it started, the next guard continues.

use crate::{
    events::{self, Event},
    guard::Guard,
    ledger::Intent,
    report::{Conclusion, Report},
    soak::Soak,
    store::disk::Disk,
    system::{System, SystemError},
    version::Version,
};

impl<S: System, D: Disk> Guard<S, D> {
    /// Rolls back because a human wants it: to `to`, by default to the last good version that does not run.
    ///
    /// # Errors
    /// The machine does not say which version runs.
    pub(crate) fn rollback(&mut self, to: Option<Version>, by: &str) -> Result<Report, SystemError> {
        let running = self.system.running()?;
        let Some(to) = to.or_else(|| self.target(&running)) else {
            let reason = "no other version is known to be good";
            events::emit(&Event::NowhereToGo { version: &running, reason });
            let text = reason.into();
            return Ok(Report { outcome: Conclusion::NowhereToGo, version: running, text });
        };
        if !self.system.exists(&to) {
            let text = "no such version on this machine".into();
            return Ok(Report { outcome: Conclusion::NowhereToGo, version: to, text });
        }
        if self.ledger.is_quarantined(&to) {
            let reason = self.last_reason(&to);
            events::emit(&Event::Refused { version: &to, reason: &reason });
            let text = format!("quarantined: {reason}; `release` it first");
            return Ok(Report { outcome: Conclusion::Refused, version: to, text });
        }
        // the wish of a human replaces a rollback that has begun
        self.ledger.reboots = 0;
        Self::attempt("keep from garbage collection", self.system.pin(&to));
        Self::attempt("set the system profile", self.system.install(&to));
        loop {
            if let Some(report) = self.go_back(&running, to.clone(), format!("asked for by {by}"))? {
                return Ok(report);
            }
            if self.system.running()? != to {
                let text = "another version was activated meanwhile".into();
                return Ok(Report { outcome: Conclusion::StillUnhealthy, version: to, text });
            }
        }
    }

    /// Begins a rollback. From here on, a crash does not end it.
    pub(super) fn go_back(
        &mut self,
        from: &Version,
        to: Version,
        reason: String,
    ) -> Result<Option<Report>, SystemError> {
        events::emit(&Event::RollbackStarted { from, to: &to, reason: &reason });
        let intent = Intent {
            from: from.clone(),
            to,
            reason,
            since: self.system.now(),
            rebooted: None,
            switch_failed: false,
            unknown: serde_json::Map::new(),
        };
        self.ledger.intent = Some(intent.clone());
        self.save();
        self.carry_out(intent)
    }

    /// Continues a rollback that another process began.
    pub(super) fn resume(&mut self) -> Result<Option<Report>, SystemError> {
        let Some(intent) = self.ledger.intent.clone() else { return Ok(None) };
        let running = self.system.running()?;
        if !self.system.exists(&intent.to) || self.ledger.is_quarantined(&intent.to) {
            return Ok(self.drop_intent(&intent, "it is gone or has been found bad"));
        }
        let rebooted = intent.rebooted.as_ref().is_some_and(|boot| *boot != self.system.boot_id());
        if rebooted && running != intent.to {
            return self.resume_elsewhere(intent, running);
        }
        let own = running == intent.to || running == intent.from;
        if !own && intent.rebooted.is_none() {
            return Ok(self.drop_intent(&intent, "another version has been activated since"));
        }
        self.carry_out(intent)
    }

    /// The machine rebooted into another version than the target of the rollback.
    fn resume_elsewhere(&mut self, intent: Intent, running: Version) -> Result<Option<Report>, SystemError> {
        let tried = self.ledger.armed.as_ref().is_some_and(|armed| armed.told && armed.version == intent.to);
        if tried && self.system.booted()? != intent.to {
            self.ledger.armed = None;
            let reason = "did not come up when it was to be gone back to";
            self.quarantine(&intent.to, reason, 0.0);
        } else if !self.ledger.is_blessed(&running) {
            // the boot loader started another version: try again, as often as reboots are allowed
            return self.carry_out(intent);
        }
        let next = if self.ledger.is_blessed(&running) { Some(running) } else { self.target(&intent.from) };
        match next {
            Some(next) => self.go_back(&intent.from, next, intent.reason),
            None => Ok(self.drop_intent(&intent, "nothing is left to go back to")),
        }
    }

    fn drop_intent(&mut self, intent: &Intent, reason: &str) -> Option<Report> {
        events::emit(&Event::IntentDropped { from: &intent.from, to: &intent.to, reason });
        self.ledger.intent = None;
        self.save();
        None
    }

    fn carry_out(&mut self, mut intent: Intent) -> Result<Option<Report>, SystemError> {
        let to = intent.to.clone();
        Self::attempt("keep from garbage collection", self.system.pin(&to));
        self.mark_verdicts();
        // a version that somebody has installed for the next boot since then stays installed
        let stays = self.system.installed()?.is_some_and(|version| {
            version == to || (version != intent.from && !self.ledger.is_quarantined(&version))
        });
        if !stays {
            Self::attempt("set the system profile", self.system.install(&to));
        }
        self.settle_boot();
        self.let_switch_end();
        let running = self.system.running()?;
        if running != to && running != intent.from && intent.rebooted.is_none() {
            return Ok(self.drop_intent(&intent, "another version has been activated meanwhile"));
        }
        if running != to {
            if !self.can_switch(&to)? {
                return self.reboot_into(intent, "the kernel, the initrd or the kernel parameters differ");
            }
            if let Err(error) = self.system.switch(&to) {
                if self.let_switch_end() {
                    // another switch was faster: that made this one fail, and another version may run now
                    return self.carry_out(intent);
                }
                intent.switch_failed = true;
                self.ledger.intent = Some(intent.clone());
                self.save();
                Self::attempt("switch", Err(error));
            }
            // the switch has installed the boot loader again
            self.settle_boot();
            let running = self.system.running()?;
            if running != to && running != intent.from {
                return Ok(self.drop_intent(&intent, "another version has been activated meanwhile"));
            }
            if running != to {
                return self.reboot_into(intent, "it cannot be switched to");
            }
        }
        self.prove(intent)
    }

    /// Whether the version can run without a reboot: it boots the kernel that runs, or it has only ever been
    /// switched to.
    fn can_switch(&self, to: &Version) -> Result<bool, SystemError> {
        if !self.system.can_switch() {
            return Ok(false);
        }
        let boots = self.ledger.versions.get(to).is_some_and(|entry| entry.boots);
        Ok(!boots || self.shares_kernel(to)?)
    }

    fn prove(&mut self, intent: Intent) -> Result<Option<Report>, SystemError> {
        let (from, to) = (&intent.from, &intent.to);
        let soak = self.policy.soak.min(self.policy.interval * 2);
        match self.soak(to, soak)? {
            Soak::Replaced => Ok(None),
            Soak::Healthy { seconds } => {
                let text = format!("went back from {from}: {}; proven healthy", intent.reason);
                let report = Report { outcome: Conclusion::RolledBack, version: to.clone(), text };
                events::emit(&Event::RolledBack { from, to, seconds });
                // before the ledger forgets the rollback: after a crash, the next guard would only see a good
                // version that runs
                self.system.leave_verdict(&report, self.judged.as_deref());
                if self.ledger.is_blessed(to) {
                    self.ledger.bless(to, self.system.now());
                }
                if self.system.booted()? == *to {
                    self.ledger.see(to, self.system.now()).boots = true;
                }
                self.ledger.intent = None;
                self.ledger.reboots = 0;
                self.ledger.rollbacks += 1;
                self.save();
                self.settle_boot();
                Ok(Some(report))
            }
            Soak::Unhealthy { reason, .. } if intent.switch_failed && intent.rebooted.is_none() => {
                self.reboot_into(intent, &format!("the switch to it failed, and so does {reason}"))
            }
            Soak::Unhealthy { reason, .. } => Ok(Some(self.give_up(&intent, &reason))),
        }
    }

    fn reboot_into(&mut self, mut intent: Intent, reason: &str) -> Result<Option<Report>, SystemError> {
        let boot = self.system.boot_id();
        let asked_before = intent.rebooted.as_ref() == Some(&boot);
        if !asked_before && self.ledger.reboots >= self.policy.max_reboots {
            let reason = format!("{reason}, and {} reboots in a row did not help", self.ledger.reboots);
            return Ok(Some(self.give_up(&intent, &reason)));
        }
        Self::attempt("set the system profile", self.system.install(&intent.to));
        Self::attempt("prepare the boot loader", self.system.install_boot(&intent.to));
        self.settle_boot();
        if !asked_before {
            self.ledger.reboots += 1;
        }
        intent.rebooted = Some(boot);
        let to = intent.to.clone();
        self.ledger.intent = Some(intent);
        self.save();
        events::emit(&Event::Rebooting { version: &to, reason, reboots: self.ledger.reboots });
        self.system.reboot()?;
        let text = format!("rebooting: {reason}");
        Ok(Some(Report { outcome: Conclusion::Rebooting, version: to, text }))
    }

    fn give_up(&mut self, intent: &Intent, reason: &str) -> Report {
        let Intent { from, to, .. } = intent;
        let text = format!("went back from {from}, but {reason}");
        let report = Report { outcome: Conclusion::StillUnhealthy, version: to.clone(), text };
        self.judged = self.system.activation().ok();
        events::emit(&Event::RollbackFailed { from, to, reason });
        self.system.leave_verdict(&report, self.judged.as_deref());
        self.ledger.intent = None;
        self.save();
        report
    }
}
