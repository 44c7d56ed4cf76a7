//! Files in `/run` that other programs read: the last verdict of this boot, and the metrics.

use std::{fs, os::unix::fs::PermissionsExt};

use serde::{Deserialize, Serialize};
use uecho_probe::timestamp::Timestamp;

use crate::{
    events::{self, Event},
    report::Report,
    settings::Settings,
    store::disk::{Disk, Folder},
};

/// Name of the file with the metrics.
pub(crate) const METRICS: &str = "metrics.prom";
const VERDICT: &str = "verdict.json";
const BEGUN: &str = "begun";

/// Result of the last verification or rollback of this boot, in `/run` for a deployment that waits for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LastVerdict {
    /// When.
    pub at: Timestamp,
    /// Exit code.
    pub code: u8,
    /// The result in words.
    #[serde(flatten)]
    pub report: Report,
    /// The activation that was judged.
    pub activation: Option<String>,
}

impl LastVerdict {
    /// Reads the last one.
    #[must_use]
    pub(crate) fn read(settings: &Settings) -> Option<Self> {
        serde_json::from_slice(&Folder(settings.runtime_dir.clone()).read(VERDICT).ok()??).ok()
    }

    /// Writes this one.
    pub(crate) fn leave(&self, settings: &Settings) {
        leave(settings, VERDICT, &serde_json::to_vec(self).unwrap_or_default());
    }
}

/// Records the activation that a guard begins to judge.
pub(crate) fn begin(settings: &Settings, activation: &str) {
    leave(settings, BEGUN, activation.as_bytes());
}

/// The activation that a guard has begun to judge last.
#[must_use]
pub(crate) fn begun(settings: &Settings) -> Option<String> {
    String::from_utf8(Folder(settings.runtime_dir.clone()).read(BEGUN).ok()??).ok()
}

/// Replaces a file that other programs read.
pub(crate) fn leave(settings: &Settings, name: &str, content: &[u8]) {
    let new = format!("{name}.new");
    let mut folder = Folder(settings.runtime_dir.clone());
    let result = folder
        .write(&new, content)
        .and_then(|()| folder.rename(&new, name))
        .and_then(|()| fs::set_permissions(folder.path(name), fs::Permissions::from_mode(0o644)));
    if let Err(error) = result {
        events::emit(&Event::StepFailed { step: name, error: &error });
    }
}
