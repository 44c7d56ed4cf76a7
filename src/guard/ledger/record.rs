//! The records of the ledger.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uecho_probe::timestamp::Timestamp;

use crate::{
    images::entry::RootHash,
    version::{Assessment, Version},
};

/// What the guard knows of one version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct History {
    /// Its state.
    pub state: Assessment,
    /// Number of boots in which it was on trial since it was staged.
    #[serde(default)]
    pub attempts: u32,
    /// When the guard saw it for the first time.
    pub first_seen: Timestamp,
    /// Whether a boot with its kernel, initrd and kernel parameters has succeeded.
    #[serde(default)]
    pub boots: bool,
    /// Number of its blessing: a later blessing has a higher number. Not a time, because clocks may go back.
    #[serde(default)]
    pub blessed: u64,
    /// How often a switch to it was refused because it is quarantined.
    #[serde(default)]
    pub refusals: u32,
    /// Boot id of the last attempt.
    #[serde(default)]
    pub last_boot: String,
    /// Root hash of the image that carries this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usrhash: Option<RootHash>,
    /// Result of the last soak or trial boot.
    #[serde(default)]
    pub last_verdict: Option<Verdict>,
    /// Fields of a newer guard.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// Result of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Verdict {
    /// When.
    pub at: Timestamp,
    /// Good or bad.
    pub healthy: bool,
    /// Why, in one line.
    pub reason: String,
    /// How long the trial took.
    pub seconds: f64,
    /// Fields of a newer guard.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// A version that the boot loader was told to start once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Armed {
    /// Which.
    pub version: Version,
    /// Id of the boot in which it was armed: in any other boot, the trial boot is over.
    pub boot: String,
    /// Whether the boot loader is known to have it as its next boot.
    pub told: bool,
    /// Whether its trial boot came as far as starting the guard.
    #[serde(default)]
    pub reached: bool,
    /// Fields of a newer guard.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// A rollback that has begun. It is recorded before the first step; every step can be repeated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Intent {
    /// The version that is left.
    pub from: Version,
    /// The version that must serve at the end.
    pub to: Version,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// Id of the boot in which the guard asked for a reboot.
    #[serde(default)]
    pub rebooted: Option<String>,
    /// Whether a switch without a reboot has failed.
    #[serde(default)]
    pub switch_failed: bool,
    /// Fields of a newer guard.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// The last look for a newer version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Look {
    /// When.
    pub at: Timestamp,
    /// What became of it. A text, because a newer guard may know more outcomes.
    pub state: String,
    /// The version that was found, or that runs.
    pub version: Version,
    /// When a look was last a success.
    #[serde(default)]
    pub last_success: Option<Timestamp>,
    /// Fields of a newer guard.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// Decision of a human.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Override {
    /// When.
    pub at: Timestamp,
    /// The version.
    pub version: Version,
    /// `override` (of a refusal) or `release` (of a quarantine).
    pub kind: String,
    /// Login name of the human, if it is known.
    pub by: String,
    /// The reason that the human gave.
    pub reason: String,
    /// Fields of a newer guard.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

impl History {
    /// Of a version that is seen for the first time.
    #[must_use]
    pub(crate) fn new(first_seen: Timestamp) -> Self {
        Self {
            state: Assessment::Staged,
            attempts: 0,
            first_seen,
            boots: false,
            blessed: 0,
            refusals: 0,
            last_boot: String::new(),
            usrhash: None,
            last_verdict: None,
            unknown: Map::new(),
        }
    }

    /// Forgets how its trial went, so that it is judged anew.
    pub(crate) fn restart(&mut self, state: Assessment) {
        (self.state, self.attempts) = (state, 0);
        (self.last_boot, self.last_verdict) = (String::new(), None);
    }

    /// When it was seen for the first time, or judged last.
    #[must_use]
    pub(crate) fn last_seen(&self) -> Timestamp {
        self.last_verdict.as_ref().map_or(self.first_seen, |verdict| verdict.at.max(self.first_seen))
    }

    /// Whether the last verdict was bad.
    #[must_use]
    pub(crate) fn failed(&self) -> bool {
        self.last_verdict.as_ref().is_some_and(|verdict| !verdict.healthy)
    }
}
