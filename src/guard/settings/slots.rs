//! The table `[slots]`: where a machine with image slots keeps them, and the programs of an update.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Which kind of machine it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Backend {
    /// NixOS with generations of a profile.
    #[default]
    Generations,
    /// Images in slots.
    Slots,
}

/// What follows an update that is installed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AfterUpdate {
    /// A reboot into it.
    #[default]
    Reboot,
    /// Nothing: somebody else reboots.
    Wait,
}

/// Everything about image slots that can be told.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SlotSettings {
    /// Where the boot partition is mounted.
    pub boot: PathBuf,
    /// The disk with the slots; by default the one that `boot` is on.
    pub disk: Option<PathBuf>,
    /// What follows an update that is installed: `reboot` or `wait`.
    pub after_update: AfterUpdate,
    /// The program systemd-sysupdate.
    pub sysupdate: PathBuf,
    /// The program veritysetup; without a slash it is looked for in `PATH`.
    pub veritysetup: PathBuf,
    /// Tells the version that runs.
    pub os_release: PathBuf,
    /// Tells the root hash that runs.
    pub cmdline: PathBuf,
}

impl Default for SlotSettings {
    fn default() -> Self {
        Self {
            boot: "/boot".into(),
            disk: None,
            after_update: AfterUpdate::default(),
            sysupdate: "/usr/lib/systemd/systemd-sysupdate".into(),
            veritysetup: "veritysetup".into(),
            os_release: "/etc/os-release".into(),
            cmdline: "/proc/cmdline".into(),
        }
    }
}

impl SlotSettings {
    /// Paths that must be absolute, with their keys.
    pub(crate) fn paths(&self) -> impl Iterator<Item = (&'static str, &PathBuf)> {
        let always = [
            ("slots.boot", &self.boot),
            ("slots.sysupdate", &self.sysupdate),
            ("slots.os_release", &self.os_release),
            ("slots.cmdline", &self.cmdline),
        ];
        always.into_iter().chain(self.disk.iter().map(|disk| ("slots.disk", disk)))
    }
}
