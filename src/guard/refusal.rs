//! Reasons to refuse an update: the other slot is needed, or the version is bad or too old and no human has
//! given a reason to install it.

use crate::{
    events::{self, Event},
    guard::Guard,
    images::{Images, order},
    report::{Conclusion, Report},
    store::disk::Disk,
    system::{System, SystemError},
    updater::Wish,
    version::Version,
};

impl<S: System, D: Disk> Guard<S, D> {
    /// Why the other slot is still needed.
    pub(super) fn not_now(&self, images: &Images, running: &Version) -> Option<String> {
        if self.ledger.intent.is_some() {
            return Some("a rollback is under way".into());
        }
        let last_good = self.ledger.last_good.as_ref();
        if let Some(other) = last_good.filter(|version| *version != running && self.system.exists(version)) {
            return Some(format!(
                "{running} is not proven, and {other} in the other slot was the last good one"
            ));
        }
        if self.ledger.is_blessed(running) {
            let counted = images.of(running).any(|entry| entry.counter.is_some());
            return counted.then(|| {
                format!("{running} is blessed, but systemd-bless-boot has not removed its boot counter yet")
            });
        }
        // a bad version without another one has nothing to lose
        let alone = self.ledger.is_quarantined(running) && self.target(running).is_none();
        (!alone).then(|| format!("{running} has no good verdict, and the other slot is the way back"))
    }

    /// Refuses a version that is bad, or lower than one that was good, unless a human has given a reason.
    pub(super) fn refuse(&mut self, version: &Version, wish: &Wish) -> Result<Option<Report>, SystemError> {
        if let Some(problem) = order::problem(version.as_str()) {
            return Err(SystemError(format!("the version `{version}` {problem}")));
        }
        if wish.why.is_some() {
            return Ok(None);
        }
        let reason = if self.ledger.is_quarantined(version) {
            format!("quarantined: {}", self.last_reason(version))
        } else if let Some(floor) = self.below_floor(version) {
            format!("{floor} was blessed, and this is lower")
        } else {
            return Ok(None);
        };
        events::emit(&Event::Refused { version, reason: &reason });
        if !wish.check && self.ledger.is_quarantined(version) {
            self.count_refusal(version);
        }
        let text = format!(
            "{reason}\nTo install it all the same: uecho-guard update --to {version} --override \"WHY\""
        );
        Ok(Some(Report { outcome: Conclusion::Refused, version: version.clone(), text }))
    }

    fn below_floor(&self, version: &Version) -> Option<&Version> {
        let floor = self.ledger.floor.as_ref()?;
        order::compare(version.as_str(), floor.as_str()).is_lt().then_some(floor)
    }

    /// Records what a human has decided.
    pub(super) fn lift(&mut self, version: &Version, wish: &Wish) -> Result<(), SystemError> {
        let Some(why) = &wish.why else { return Ok(()) };
        if self.ledger.is_quarantined(version) {
            self.pardon(version, "override", &wish.by, why)?;
        } else if self.below_floor(version).is_some() {
            self.record_override(version, "override", &wish.by, why)?;
        }
        Ok(())
    }
}
