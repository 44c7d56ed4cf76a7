//! The records that the ledger consists of.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    images::entry::RootHash,
    version::{Assessment, Timestamp, Version},
};

/// What is known of one version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct History {
    /// Where it stands.
    pub state: Assessment,
    /// Boots in which it was put on trial since it was staged.
    #[serde(default)]
    pub attempts: u32,
    /// When the guard met it.
    pub first_seen: Timestamp,
    /// Whether a boot with its kernel, initrd and kernel parameters has come up.
    #[serde(default)]
    pub boots: bool,
    /// Order of blessings: the higher, the later. Not a time, because clocks go backwards.
    #[serde(default)]
    pub blessed: u64,
    /// How often it was offered while quarantined.
    #[serde(default)]
    pub refusals: u32,
    /// Boot id of the last attempt.
    #[serde(default)]
    pub last_boot: String,
    /// Root hash of the image that carries this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usrhash: Option<RootHash>,
    /// What the last soak or trial boot found.
    #[serde(default)]
    pub last_verdict: Option<Verdict>,
    /// Fields of a newer guard.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// The outcome of a trial.
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
    /// Boot id under which it was armed: seen under another, the trial boot is over.
    pub boot: String,
    /// Whether the boot loader has certainly been told.
    pub told: bool,
    /// Whether its trial boot came up as far as the guard.
    #[serde(default)]
    pub reached: bool,
    /// Fields of a newer guard.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// A rollback in the works. Written before the first step; every step can be taken again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Intent {
    /// What is left behind.
    pub from: Version,
    /// What must serve at the end.
    pub to: Version,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// Boot id under which a reboot was asked for.
    #[serde(default)]
    pub rebooted: Option<String>,
    /// Whether switching without a reboot has failed.
    #[serde(default)]
    pub switch_failed: bool,
    /// Fields of a newer guard.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// A human's decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Override {
    /// When.
    pub at: Timestamp,
    /// About which version.
    pub version: Version,
    /// `override` (of a refusal) or `release` (of a quarantine).
    pub kind: String,
    /// Login name of the human, as far as it is known.
    pub by: String,
    /// In the human's words.
    pub reason: String,
    /// Fields of a newer guard.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

impl History {
    /// A version seen for the first time.
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

    /// When something was last found out about it.
    #[must_use]
    pub(crate) fn last_seen(&self) -> Timestamp {
        self.last_verdict.as_ref().map_or(self.first_seen, |verdict| verdict.at.max(self.first_seen))
    }

    /// Whether the last verdict on it was bad.
    #[must_use]
    pub(crate) fn failed(&self) -> bool {
        self.last_verdict.as_ref().is_some_and(|verdict| !verdict.healthy)
    }
}
