//! Questions and decisions of humans: whether a version is refused, an override, the release of a quarantine.

use crate::{
    events::{self, Event},
    guard::Guard,
    ledger::{Ledger, Override},
    report::{Conclusion, Report},
    store::{WriteError, disk::Disk},
    system::{Mark, System},
    version::{Assessment, Version},
};

/// Whether a switch to a version is allowed. It only reads, because it must work while another guard runs:
/// the switch of a rollback asks, too.
#[must_use]
pub(crate) fn preflight(ledger: &Ledger, version: &Version) -> Report {
    if !ledger.is_quarantined(version) {
        let text = "may run".into();
        return Report { outcome: Conclusion::Good, version: version.clone(), text };
    }
    let verdict = ledger.versions.get(version).and_then(|entry| entry.last_verdict.as_ref());
    let reason = verdict.map_or_else(
        || "no reason is recorded".into(),
        |verdict| format!("{} ({})", verdict.reason, verdict.at),
    );
    events::emit(&Event::Refused { version, reason: &reason });
    let text = format!(
        "quarantined: {reason}\nTo let it run all the same: uecho-guard preflight {version} --override \
            \"WHY\""
    );
    Report { outcome: Conclusion::Refused, version: version.clone(), text }
}

impl<S: System, D: Disk> Guard<S, D> {
    /// Counts a refused switch to a quarantined version.
    pub(crate) fn count_refusal(&mut self, version: &Version) {
        self.ledger.see(version, self.system.now()).refusals += 1;
        self.save();
    }

    /// Records what a human has decided, together with what was changed in the ledger for that.
    ///
    /// # Errors
    /// It cannot be recorded.
    pub(super) fn record_override(
        &mut self,
        version: &Version,
        kind: &str,
        by: &str,
        reason: &str,
    ) -> Result<(), WriteError> {
        self.ledger.overrides.push(Override {
            at: self.system.now(),
            version: version.clone(),
            kind: kind.into(),
            by: by.into(),
            reason: reason.into(),
            unknown: serde_json::Map::new(),
        });
        self.try_save()?;
        events::emit(&Event::Human { kind, version, reason, by });
        Ok(())
    }

    /// Lifts the quarantine of a version, and records who wanted that and why.
    ///
    /// # Errors
    /// It cannot be recorded, so it is not done.
    pub(crate) fn pardon(
        &mut self,
        version: &Version,
        kind: &str,
        by: &str,
        reason: &str,
    ) -> Result<Report, WriteError> {
        let done =
            |text: &str| Report { outcome: Conclusion::Good, version: version.clone(), text: text.into() };
        if !self.ledger.is_quarantined(version) {
            return Ok(done("is not quarantined"));
        }
        let now = self.system.now();
        self.ledger.see(version, now).restart(Assessment::Staged);
        self.record_override(version, kind, by, reason)?;
        let images = self.system.images().ok().flatten().unwrap_or_default();
        if images.is_used_up(version) {
            // it would be found bad once more for that
            let runs = self.system.running().is_ok_and(|running| running == *version);
            let result = if runs || images.is_whole(version) {
                self.system.mark(version, Mark::Untried(self.policy.max_attempts))
            } else {
                // an update has begun to erase it
                self.system.discard(version)
            };
            Self::attempt("give boots to prove itself", result);
        }
        Ok(done("no longer quarantined; it will be judged anew when it runs"))
    }
}
