//! The ledger: what the guard knows of every version, and the rollback or trial boot that it has begun.
//!
//! A rollback also replaces the guard, so an older guard must be able to read the ledger of a newer one. So
//! fields are only added, and a guard that writes keeps the fields that it does not know (`unknown`).

mod record;

use std::collections::BTreeMap;

pub(crate) use record::{Armed, History, Intent, Look, Override, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uecho_probe::{look::Outcome, timestamp::Timestamp};

use crate::version::{Assessment, Version};

/// Schema that this guard writes. A ledger with a higher number keeps that number.
pub(crate) const SCHEMA: u32 = 1;

/// How many versions are remembered although they are not on the machine any more.
const KEPT: usize = 50;

/// Everything that the guard keeps between its runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ledger {
    /// See [`SCHEMA`].
    pub schema: u32,
    /// Number of writes: of two copies, the one with the higher number is newer.
    #[serde(default)]
    pub revision: u64,
    /// Versions that were seen, by name.
    #[serde(default)]
    pub versions: BTreeMap<Version, History>,
    /// Target of a rollback: the version that was proven good last.
    #[serde(default)]
    pub last_good: Option<Version>,
    /// The highest version of an image that was ever blessed: an update to a lower one needs a human.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<Version>,
    /// A version that the boot loader starts once.
    #[serde(default)]
    pub armed: Option<Armed>,
    /// A rollback that has begun and not ended.
    #[serde(default)]
    pub intent: Option<Intent>,
    /// The last look for a newer image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look: Option<Look>,
    /// Reboots by the guard since the last healthy verdict, or since a version began its trial.
    #[serde(default)]
    pub reboots: u32,
    /// Rollbacks that ended with the old version proven healthy.
    #[serde(default)]
    pub rollbacks: u64,
    /// Decisions of humans against those of the guard, oldest first.
    #[serde(default)]
    pub overrides: Vec<Override>,
    /// Fields of a newer guard.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            schema: SCHEMA,
            revision: 0,
            versions: BTreeMap::new(),
            last_good: None,
            floor: None,
            armed: None,
            intent: None,
            look: None,
            reboots: 0,
            rollbacks: 0,
            overrides: Vec::new(),
            unknown: Map::new(),
        }
    }
}

impl Ledger {
    /// State of a version; `None` if the guard has never seen it.
    #[must_use]
    pub(crate) fn state(&self, version: &Version) -> Option<&Assessment> {
        self.versions.get(version).map(|entry| &entry.state)
    }

    /// Whether a version is quarantined, so that it runs only if a human wants it.
    #[must_use]
    pub(crate) fn is_quarantined(&self, version: &Version) -> bool {
        self.state(version) == Some(&Assessment::Quarantined)
    }

    /// Whether a version is proven to be good.
    #[must_use]
    pub(crate) fn is_blessed(&self, version: &Version) -> bool {
        self.state(version) == Some(&Assessment::Blessed)
    }

    /// The entry of a version, which is created if there is none.
    pub(crate) fn see(&mut self, version: &Version, now: Timestamp) -> &mut History {
        self.versions.entry(version.clone()).or_insert_with(|| History::new(now))
    }

    /// Blessed versions: first the last good one, then the others, the most recently blessed first.
    #[must_use]
    pub(crate) fn blessed(&self) -> Vec<&Version> {
        let mut blessed: Vec<_> =
            self.versions.iter().filter(|(_, entry)| entry.state == Assessment::Blessed).collect();
        blessed.sort_by_key(|(version, entry)| {
            (self.last_good.as_ref() != Some(version), std::cmp::Reverse(entry.blessed))
        });
        blessed.into_iter().map(|(version, _)| version).collect()
    }

    /// Forgets versions that are not on the machine any more, except those that were seen last, that are
    /// quarantined, or that are part of a rollback or a trial boot.
    pub(crate) fn prune(&mut self, is_there: impl Fn(&Version) -> bool) {
        let mut latest: Vec<_> =
            self.versions.iter().map(|(version, entry)| (entry.last_seen(), version)).collect();
        latest.sort();
        let surplus = latest.len().saturating_sub(KEPT);
        let old = latest.into_iter().take(surplus).map(|(_, version)| version.clone());
        let intent = self.intent.iter().flat_map(|intent| [&intent.from, &intent.to]);
        let armed = self.armed.iter().map(|armed| &armed.version);
        let needed: Vec<_> = intent.chain(armed).chain(&self.last_good).cloned().collect();
        let gone: Vec<_> = old
            .filter(|version| {
                !self.is_quarantined(version) && !needed.contains(version) && !is_there(version)
            })
            .collect();
        self.versions.retain(|version, _| !gone.contains(version));
    }

    /// Records what became of a look for a newer version.
    pub(crate) fn looked(&mut self, outcome: Outcome, version: &Version, now: Timestamp) {
        let (before, unknown) =
            self.look.take().map(|look| (look.last_success, look.unknown)).unwrap_or_default();
        let last_success = if outcome.is_success() { Some(now) } else { before };
        let (state, version) = (outcome.as_str().into(), version.clone());
        self.look = Some(Look { at: now, state, version, last_success, unknown });
    }

    /// Makes a version the last good one.
    pub(crate) fn bless(&mut self, version: &Version, now: Timestamp) {
        let order = self.versions.values().map(|entry| entry.blessed).max().unwrap_or_default() + 1;
        let entry = self.see(version, now);
        entry.state = Assessment::Blessed;
        entry.blessed = order;
        entry.attempts = 0;
        self.last_good = Some(version.clone());
    }

    /// Records that a version is bad. If it was the last good one, that is now the one blessed before it.
    pub(crate) fn quarantine(&mut self, version: &Version, now: Timestamp) {
        self.see(version, now).state = Assessment::Quarantined;
        self.retract(version);
    }

    /// Puts a version on trial that was never tried with the content that it has now.
    pub(crate) fn doubt(&mut self, version: &Version, now: Timestamp) {
        let entry = self.see(version, now);
        entry.restart(Assessment::Trial);
        entry.boots = false;
        self.retract(version);
    }

    fn retract(&mut self, version: &Version) {
        if self.last_good.as_ref() == Some(version) {
            self.last_good = None;
            self.last_good = self.blessed().first().map(|version| (*version).clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_newer_guard_wrote_survives_a_rewrite() {
        let newer = r#"{"schema": 7, "revision": 5, "colour": "green", "last_good": "/s/a", "floor": "/s/a",
            "reboots": 0, "rollbacks": 0, "overrides": [],
            "versions": {"/s/a": {"state": "blessed", "attempts": 1, "refusals": 0,
                "first_seen": "2026-11-22T00:00:00Z", "boots": true,
                "blessed": 3, "last_boot": "x", "usrhash": "ab", "mood": [1, 2],
                "last_verdict": {"at": "2026-11-22T00:00:00Z", "healthy": true, "reason": "",
                    "seconds": 1.5, "probes": 9}},
              "/s/b": {"state": "suspended", "attempts": 0, "refusals": 0,
                "first_seen": "2026-11-22T00:00:00Z", "boots": false,
                "blessed": 0, "last_boot": "", "last_verdict": null}},
            "armed": {"version": "/s/b", "boot": "x", "told": true, "reached": false, "via": "uki"},
            "intent": {"from": "/s/b", "to": "/s/a", "reason": "r", "since": "2026-11-22T00:00:00Z",
                "rebooted": null,
                "switch_failed": false, "slot": 2},
            "look": {"at": "2026-11-22T00:00:00Z", "state": "postponed", "version": "/s/a",
                "last_success": null, "mirror": "b"}}"#;
        let before: Value = serde_json::from_str(newer).unwrap();
        let ledger: Ledger = serde_json::from_str(newer).unwrap();
        assert_eq!(serde_json::to_value(&ledger).unwrap(), before);
    }

    #[test]
    fn the_least_that_an_older_guard_wrote_is_enough() {
        let older = r#"{"schema": 1,
            "versions": {"/s/a": {"state": "blessed", "first_seen": "2026-11-22T00:00:00Z"}}}"#;
        let ledger: Ledger = serde_json::from_str(older).unwrap();
        assert!(ledger.is_blessed(&Version::new("/s/a")));
    }

    #[test]
    fn what_the_guard_is_in_the_middle_of_is_not_forgotten_however_old_and_gone_it_is() {
        let name = |number: u64| Version::new(format!("/s/{number}"));
        let mut ledger = Ledger::default();
        for number in 0..60 {
            ledger.see(&name(number), Timestamp(number));
        }
        let (good, armed, from, to) = (name(0), name(1), name(2), name(3));
        ledger.last_good = Some(good.clone());
        ledger.armed = Some(Armed {
            version: armed.clone(),
            boot: "x".into(),
            told: true,
            reached: false,
            unknown: Map::new(),
        });
        ledger.intent = Some(Intent {
            from: from.clone(),
            to: to.clone(),
            reason: "r".into(),
            since: Timestamp(0),
            rebooted: None,
            switch_failed: false,
            unknown: Map::new(),
        });
        ledger.prune(|_| false);
        let needed = [good, armed, from, to];
        assert!(needed.iter().all(|version| ledger.versions.contains_key(version)));
        assert_eq!(ledger.versions.len(), KEPT + needed.len());
    }

    #[test]
    fn last_good_is_the_last_blessed_and_not_the_previous_version() {
        let (now, a, b, c) = (Timestamp(0), Version::new("/s/a"), Version::new("/s/b"), Version::new("/s/c"));
        let mut ledger = Ledger::default();
        ledger.bless(&a, now);
        ledger.bless(&b, now);
        ledger.see(&c, now).state = Assessment::Trial;
        assert_eq!(ledger.blessed(), [&b, &a]);
        ledger.quarantine(&b, now);
        assert_eq!((ledger.last_good.as_ref(), ledger.blessed()), (Some(&a), vec![&a]));
        ledger.quarantine(&a, now);
        assert_eq!(ledger.last_good, None);
    }
}
