//! What the guard leaves in `/run` for others to read: its last verdict of this boot, and the metrics.

use std::{fs, os::unix::fs::PermissionsExt};

use serde::{Deserialize, Serialize};

use crate::{
    events::{self, Event},
    report::Report,
    settings::Settings,
    store::disk::{Disk, Folder},
    version::Timestamp,
};

/// Name of the file with the metrics.
pub(crate) const METRICS: &str = "metrics.prom";
const VERDICT: &str = "verdict.json";
const BEGUN: &str = "begun";

/// How the last verification or rollback of this boot ended, kept in `/run` for the deploy that waits for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LastVerdict {
    /// When.
    pub at: Timestamp,
    /// Exit code.
    pub code: u8,
    /// What came of it.
    #[serde(flatten)]
    pub report: Report,
    /// The activation that it is about.
    pub activation: Option<String>,
}

impl LastVerdict {
    /// The one that was left last.
    #[must_use]
    pub(crate) fn read(settings: &Settings) -> Option<Self> {
        serde_json::from_slice(&Folder(settings.runtime_dir.clone()).read(VERDICT).ok()??).ok()
    }

    /// Leaves this one.
    pub(crate) fn leave(&self, settings: &Settings) {
        leave(settings, VERDICT, &serde_json::to_vec(self).unwrap_or_default());
    }
}

/// Notes the activation that a guard begins to look at.
pub(crate) fn begin(settings: &Settings, activation: &str) {
    leave(settings, BEGUN, activation.as_bytes());
}

/// The activation that a guard began to look at last.
#[must_use]
pub(crate) fn begun(settings: &Settings) -> Option<String> {
    String::from_utf8(Folder(settings.runtime_dir.clone()).read(BEGUN).ok()??).ok()
}

/// Replaces a file that others read.
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
