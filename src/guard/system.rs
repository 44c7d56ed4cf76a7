//! The guard's interface to a machine. Generations of a NixOS profile are one implementation, image slots are
//! the other: a version is what the machine can name, install, switch to and boot.

use std::{io, path::Path, time::Duration};

use uecho_probe::timestamp::Timestamp;

use crate::{images::Images, report::Report, store::WriteError, version::Version};

/// An operation on the machine failed; the text says which one, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct SystemError(pub String);

/// For what must not go on without a record.
impl From<WriteError> for SystemError {
    fn from(error: WriteError) -> Self {
        Self(error.to_string())
    }
}

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
    /// What is wrong, in one line.
    pub reason: String,
    /// Whether waiting may help.
    pub outlook: Outlook,
}

/// Whether waiting may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// It may become healthy.
    MayPass,
    /// It answers, but its answers are wrong.
    Wrong,
    /// It has failed for good, or restarts again and again.
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

/// The choice of the boot loader in the firmware's variables; an entry that belongs to no version is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BootChoice {
    /// Booted by default.
    pub default: Option<Version>,
    /// Booted once, by the next boot.
    pub oneshot: Option<Version>,
}

/// What a boot depends on: versions for which this is the same need no proof of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BootIdentity {
    /// Kernel, initrd and kernel parameters: between versions for which they are the same, no reboot is
    /// needed.
    pub kernel: String,
    /// What else a boot needs to succeed (service manager, file systems): if this is the same, too, a boot of
    /// one version proves that the other one boots.
    pub early: String,
}

/// State of a version in a slot, for the boot loader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Not to be started: no boots left.
    Bad,
    /// Started without counting.
    Good,
    /// On trial for this number of boots.
    Untried(u32),
}

/// A machine. Methods that read return its present state; the others change it, and can be repeated.
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

    /// The version that is installed: the next boot starts it, unless the boot loader has another choice.
    ///
    /// # Errors
    /// It cannot be told.
    fn installed(&self) -> Result<Option<Version>>;

    /// Id of the last activation: it changes with every activation, also of the same version.
    ///
    /// # Errors
    /// It cannot be told.
    fn activation(&self) -> Result<String>;

    /// Whether the version is completely on the machine.
    fn exists(&self, version: &Version) -> bool;

    /// What a boot of the version depends on.
    ///
    /// # Errors
    /// It cannot be told.
    fn boot_identity(&self, version: &Version) -> Result<BootIdentity>;

    /// Installs a version: boots start it from now on.
    ///
    /// # Errors
    /// Not installed.
    fn install(&mut self, version: &Version) -> Result<()>;

    /// Whether this machine can switch to a version without a reboot.
    fn can_switch(&self) -> bool {
        true
    }

    /// Switches to a version without a reboot, and waits until that is done.
    ///
    /// # Errors
    /// The switch reported a failure; parts of the version may run.
    fn switch(&mut self, version: &Version) -> Result<()>;

    /// Makes a boot entry for the version, which is the default of a boot loader without
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

    /// What the boot loader will start; `None` if that cannot be set (no EFI variables).
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

    /// Makes the version's entry the choice of the next boot only; `None` removes such a choice.
    ///
    /// # Errors
    /// Not done.
    fn set_oneshot(&mut self, version: Option<&Version>) -> Result<()>;

    /// The image slots; `None` on a machine without them. On a machine with slots, the boot loader itself
    /// counts the boots of each version.
    ///
    /// # Errors
    /// They cannot be read.
    fn images(&self) -> Result<Option<Images>> {
        Ok(None)
    }

    /// Sets the state of a version in a slot for the boot loader.
    ///
    /// # Errors
    /// Not done.
    fn mark(&mut self, _version: &Version, _mark: Mark) -> Result<()> {
        Ok(())
    }

    /// Removes the boot entries of a version in a slot.
    ///
    /// # Errors
    /// Not done.
    fn discard(&mut self, _version: &Version) -> Result<()> {
        Ok(())
    }

    /// Versions that are protected from garbage collection; in slots, those whose boots the boot loader does
    /// not count any more. Both prove that they were good.
    ///
    /// # Errors
    /// They cannot be listed.
    fn pins(&self) -> Result<Vec<Version>>;

    /// Protects a version from garbage collection.
    ///
    /// # Errors
    /// Not done.
    fn pin(&mut self, version: &Version) -> Result<()>;

    /// Allows garbage collection to remove a version.
    ///
    /// # Errors
    /// Not done.
    fn unpin(&mut self, version: &Version) -> Result<()>;

    /// Runs all checks once; the version must be the one that answers.
    ///
    /// # Errors
    /// The first failure.
    fn health(&mut self, version: &Version) -> std::result::Result<(), Illness>;

    /// Publishes a verdict, and the activation that it is about, for programs that wait for it. A failure is
    /// only reported.
    fn leave_verdict(&mut self, report: &Report, activation: Option<&str>);

    /// Whether a switch is under way.
    fn switching(&self) -> bool;

    /// The id of this boot.
    fn boot_id(&self) -> String;

    /// The wall clock.
    fn now(&self) -> Timestamp;

    /// A monotonic clock with any origin.
    fn elapsed(&self) -> Duration;

    /// Waits.
    fn sleep(&mut self, duration: Duration);
}
