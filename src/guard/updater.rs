//! What an update needs: to know what is wanted, and of a machine with image slots what a verdict does not
//! need.

use uuid::Uuid;

use crate::{
    images::{entry::RootHash, partition::Partition},
    system::{Result, System},
    version::Version,
};

/// What is wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    /// This version; else the newest.
    pub to: Option<Version>,
    /// Only look.
    pub check: bool,
    /// Why a human wants it although it is refused.
    pub why: Option<String>,
    /// Who.
    pub by: String,
    /// Whether to reboot into it.
    pub reboot: bool,
}

/// A machine with image slots that can be updated. Nothing here touches the slot of the running version.
pub(crate) trait Updater: System {
    /// Whether everything is there that an update needs.
    ///
    /// # Errors
    /// What is missing.
    fn ready(&self) -> Result<()>;

    /// The newest version that is offered, if it is newer than those installed.
    ///
    /// # Errors
    /// The offer cannot be read, or is not signed by a key of ours.
    fn available(&mut self) -> Result<Option<Version>>;

    /// Whether the boot partition has room for a boot image as large as that of the running version, with
    /// what a download removes first.
    ///
    /// # Errors
    /// It has not, or cannot be read.
    fn room(&self, running: &Version) -> Result<()>;

    /// Downloads a version into the other slot. That it reports success does not mean that it is there.
    ///
    /// # Errors
    /// It reported a failure.
    fn fetch(&mut self, version: &Version) -> Result<()>;

    /// Removes files of the boot partition that a download has left half written, or a power cut empty.
    ///
    /// # Errors
    /// Not done.
    fn clear_partial(&mut self) -> Result<()>;

    /// Frees a partition of a slot, with the type that it should have.
    ///
    /// # Errors
    /// Not done.
    fn empty(&mut self, partition: &Partition, type_id: Uuid) -> Result<()>;

    /// Reads both partitions that the root hash names, and compares all of them with it.
    ///
    /// # Errors
    /// They differ, or cannot be read.
    fn check_content(&mut self, hash: &RootHash) -> Result<()>;
}
