//! What the guard sees of a machine and can do to it. Generations of a NixOS profile are one implementation,
//! image slots are the other: a version is whatever the machine can name, install, switch to and boot.

use std::{io, path::Path, time::Duration};

use crate::{
    images::Images,
    report::Report,
    version::{Timestamp, Version},
};

/// Something on the machine failed; the text says what was tried and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct SystemError(pub String);

impl SystemError {
    /// A file that cannot be used.
    pub(crate) fn file(path: &Path, error: &io::Error) -> Self {
        Self(format!("{}: {error}", path.display()))
    }
}

/// Shorthand for results of this module.
pub(crate) type Result<T> = std::result::Result<T, SystemError>;

/// A check that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Illness {
    /// Name of the check.
    pub check: String,
    /// What it found, in one line.
    pub reason: String,
    /// What it says about the time to come.
    pub outlook: Outlook,
}

/// Whether waiting may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// It may be about to become healthy.
    MayPass,
    /// It is up, and what it answers is wrong.
    Wrong,
    /// It has failed for good, or was restarted over and over.
    Hopeless,
}

impl Illness {
    /// A failure that may pass.
    #[must_use]
    pub(crate) fn new(check: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { check: check.into(), reason: reason.into(), outlook: Outlook::MayPass }
    }

    /// The same failure with another outlook.
    #[must_use]
    pub(crate) fn but(self, outlook: Outlook) -> Self {
        Self { outlook, ..self }
    }
}

/// What the firmware's variables tell the boot loader; entries that belong to no version are `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BootChoice {
    /// Booted unless something else is asked for.
    pub default: Option<Version>,
    /// Booted once, at the next boot.
    pub oneshot: Option<Version>,
}

/// What two versions must share so that one stands for the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BootIdentity {
    /// Kernel, initrd and kernel parameters: same ones, and no reboot is needed from one version to the
    /// other.
    pub kernel: String,
    /// What else decides whether a boot comes up (service manager, file systems): same ones as well, and a
    /// boot of one version is proof for the other.
    pub early: String,
}

/// What the boot loader is told of a version in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Left behind: no boots left.
    Bad,
    /// Started without counting.
    Good,
    /// As many boots to prove itself.
    Untried(u32),
}

/// A machine. Reading methods answer from the machine's present state; the others change it, and may be
/// repeated without harm.
pub(crate) trait System {
    /// The version that runs.
    ///
    /// # Errors
    /// It cannot be told.
    fn running(&self) -> Result<Version>;

    /// The version that was booted: its kernel runs.
    ///
    /// # Errors
    /// It cannot be told.
    fn booted(&self) -> Result<Version>;

    /// The version that is installed: what the next boot starts unless the boot loader is told otherwise.
    ///
    /// # Errors
    /// It cannot be told.
    fn installed(&self) -> Result<Option<Version>>;

    /// Changes with every activation of a version, the same one included.
    ///
    /// # Errors
    /// It cannot be told.
    fn activation(&self) -> Result<String>;

    /// Whether the version is completely there.
    fn exists(&self, version: &Version) -> bool;

    /// What a boot of the version depends on.
    ///
    /// # Errors
    /// It cannot be told.
    fn boot_identity(&self, version: &Version) -> Result<BootIdentity>;

    /// Installs a version: what boots start for as long as nothing changes.
    ///
    /// # Errors
    /// Not installed.
    fn install(&mut self, version: &Version) -> Result<()>;

    /// Whether a version can be made to run without a reboot.
    fn can_switch(&self) -> bool {
        true
    }

    /// Makes a version run, without a reboot. Waits until it is done.
    ///
    /// # Errors
    /// It reported a failure; the version may run in part.
    fn switch(&mut self, version: &Version) -> Result<()>;

    /// Gives the boot loader an entry for the version, its own default where there is no
    /// [`Self::boot_choice`].
    ///
    /// # Errors
    /// Not done.
    fn install_boot(&mut self, version: &Version) -> Result<()>;

    /// Asks for a reboot.
    ///
    /// # Errors
    /// Refused.
    fn reboot(&mut self) -> Result<()>;

    /// What the boot loader will start; `None` where it cannot be told (no EFI variables).
    ///
    /// # Errors
    /// It cannot be read.
    fn boot_choice(&self) -> Result<Option<BootChoice>>;

    /// Whether the boot loader has an entry for the version.
    fn has_boot_entry(&self, version: &Version) -> bool;

    /// Makes the version's entry the default.
    ///
    /// # Errors
    /// Not done.
    fn set_default(&mut self, version: &Version) -> Result<()>;

    /// Makes the version's entry the choice of the next boot only; `None`: takes that back.
    ///
    /// # Errors
    /// Not done.
    fn set_oneshot(&mut self, version: Option<&Version>) -> Result<()>;

    /// The image slots; `None` on a machine without them. Where there are slots, the boot loader counts the
    /// boots of each version itself.
    ///
    /// # Errors
    /// They cannot be read.
    fn images(&self) -> Result<Option<Images>> {
        Ok(None)
    }

    /// Tells the boot loader where a version in a slot stands.
    ///
    /// # Errors
    /// Not done.
    fn mark(&mut self, _version: &Version, _mark: Mark) -> Result<()> {
        Ok(())
    }

    /// Versions kept from garbage collection; in slots, those that the boot loader does not count any more.
    /// Both are proof that they were good.
    ///
    /// # Errors
    /// They cannot be listed.
    fn pins(&self) -> Result<Vec<Version>>;

    /// Keeps a version from garbage collection.
    ///
    /// # Errors
    /// Not done.
    fn pin(&mut self, version: &Version) -> Result<()>;

    /// Lets garbage collection have a version.
    ///
    /// # Errors
    /// Not done.
    fn unpin(&mut self, version: &Version) -> Result<()>;

    /// Runs all checks once against the version, which must be the one that answers.
    ///
    /// # Errors
    /// The first failure.
    fn health(&mut self, version: &Version) -> std::result::Result<(), Illness>;

    /// Leaves a verdict, and the activation that it is about, where those who wait for it look. Failing is
    /// told and lived with.
    fn leave_verdict(&mut self, report: &Report, activation: Option<&str>);

    /// Whether somebody is switching right now.
    fn switching(&self) -> bool;

    /// The id of this boot.
    fn boot_id(&self) -> String;

    /// The wall clock.
    fn now(&self) -> Timestamp;

    /// A clock that only goes forward, from any origin.
    fn elapsed(&self) -> Duration;

    /// Lets time pass.
    fn sleep(&mut self, duration: Duration);
}
