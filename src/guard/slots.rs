//! A machine with image slots: versions are images, each in a slot of the disk, and each with its own boot
//! entry. The boot loader counts boots, and only a reboot switches to another version.

pub(crate) mod disk;
pub(crate) mod esp;
pub(crate) mod loader;
pub(crate) mod release;
pub(crate) mod reset;
pub(crate) mod sysupdate;
pub(crate) mod uki;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use esp::Esp;
use uecho_probe::timestamp::Timestamp;
use uuid::Uuid;

use crate::{
    command,
    health::{
        Subject,
        identity::{self, Identity},
    },
    host::Host,
    images::{Images, entry::RootHash, partition::Partition},
    report::Report,
    settings::{Settings, slots::SlotSettings},
    system::{BootChoice, BootIdentity, Illness, Mark, Result, System, SystemError},
    updater::Updater,
    version::Version,
};

/// Link to the running toplevel in an image with NixOS.
const CURRENT: &str = "/run/current-system";

/// The machine that this process runs on.
pub(crate) struct Slots {
    /// The host.
    pub host: Host,
    settings: SlotSettings,
    esp: Esp,
}

impl Slots {
    /// The machine that the settings describe.
    ///
    /// # Errors
    /// The runtime cannot be started.
    pub(crate) fn new(settings: &Settings) -> Result<Self> {
        let slots = settings.slots.clone();
        Ok(Self { host: Host::new(settings)?, esp: Esp::new(&slots.boot), settings: slots })
    }

    fn disk(&self) -> Result<PathBuf> {
        self.settings.disk.clone().map_or_else(|| disk::of_folder(self.esp.folder()), Ok)
    }

    fn look(&self) -> Result<Images> {
        Ok(Images {
            entries: self.esp.entries()?,
            partitions: disk::partitions(&self.disk()?)?,
            running: release::root_hash(&self.settings.cmdline)?,
            preferred: loader::chosen("LoaderEntryPreferred")?,
            default: loader::chosen("LoaderEntryDefault")?,
            oneshot: loader::chosen("LoaderEntryOneShot")?,
        })
    }

    /// The slots, if this version is completely in one of them.
    fn look_for(&self, version: &Version) -> Result<Images> {
        let images = self.look()?;
        let missing = || SystemError(format!("{version} is not completely in any slot"));
        if images.is_whole(version) { Ok(images) } else { Err(missing()) }
    }
}

impl System for Slots {
    fn running(&self) -> Result<Version> {
        release::version(&self.settings.os_release)
    }

    fn booted(&self) -> Result<Version> {
        self.running()
    }

    fn installed(&self) -> Result<Option<Version>> {
        Ok(self.look()?.lasting().cloned())
    }

    fn activation(&self) -> Result<String> {
        Ok(self.boot_id())
    }

    fn exists(&self, version: &Version) -> bool {
        self.look_for(version).is_ok()
    }

    fn boot_identity(&self, version: &Version) -> Result<BootIdentity> {
        let images = self.look()?;
        // kernel, initrd and store belong together, so every version needs its own proof
        let hash = images.of(version).find_map(|entry| entry.usrhash.as_ref());
        let hash = hash.ok_or_else(|| SystemError(format!("{version} has no boot entry")))?;
        Ok(BootIdentity { kernel: hash.as_str().into(), early: hash.as_str().into() })
    }

    fn install(&mut self, version: &Version) -> Result<()> {
        let images = self.look_for(version)?;
        if images.lasting() == Some(version) {
            return Ok(());
        }
        loader::tell(&self.host, "set-preferred", images.preference(version))
    }

    fn can_switch(&self) -> bool {
        false
    }

    fn switch(&mut self, version: &Version) -> Result<()> {
        Err(SystemError(format!("{version} runs after a reboot only")))
    }

    fn install_boot(&mut self, version: &Version) -> Result<()> {
        // the boot entry is part of the version
        self.look_for(version).map(drop)
    }

    fn reboot(&mut self) -> Result<()> {
        self.host.reboot()
    }

    fn boot_choice(&self) -> Result<Option<BootChoice>> {
        if !loader::listens()? {
            return Ok(None);
        }
        let images = self.look()?;
        Ok(Some(BootChoice { default: images.lasting().cloned(), oneshot: images.oneshot }))
    }

    fn has_boot_entry(&self, version: &Version) -> bool {
        self.exists(version)
    }

    fn set_default(&mut self, version: &Version) -> Result<()> {
        self.install(version)
    }

    fn set_oneshot(&mut self, version: Option<&Version>) -> Result<()> {
        loader::tell(&self.host, "set-oneshot", version)
    }

    fn images(&self) -> Result<Option<Images>> {
        self.look().map(Some)
    }

    fn mark(&mut self, version: &Version, mark: Mark) -> Result<()> {
        self.esp.mark(version, mark)
    }

    fn discard(&mut self, version: &Version) -> Result<()> {
        self.esp.remove(version)
    }

    fn pins(&self) -> Result<Vec<Version>> {
        Ok(self.look()?.good())
    }

    fn pin(&mut self, _version: &Version) -> Result<()> {
        // there is no garbage collection of slots
        Ok(())
    }

    fn unpin(&mut self, _version: &Version) -> Result<()> {
        Ok(())
    }

    fn health(&mut self, version: &Version) -> std::result::Result<(), Illness> {
        let toplevel = fs::canonicalize(CURRENT).unwrap_or_default();
        let identity = Identity::new(Some(version.as_str()), &toplevel);
        self.host.health(version, &Subject { identity, root: "/".into() })
    }

    fn leave_verdict(&mut self, report: &Report, activation: Option<&str>) {
        self.host.leave_verdict(report, activation);
    }

    fn switching(&self) -> bool {
        false
    }

    fn boot_id(&self) -> String {
        identity::boot_id()
    }

    fn now(&self) -> Timestamp {
        self.host.now()
    }

    fn elapsed(&self) -> Duration {
        self.host.elapsed()
    }

    fn sleep(&mut self, duration: Duration) {
        self.host.sleep(duration);
    }
}

impl Updater for Slots {
    fn ready(&self) -> Result<()> {
        command::find(&self.settings.sysupdate, "slots.sysupdate")?;
        command::find(&self.settings.veritysetup, "slots.veritysetup")
    }

    fn available(&mut self) -> Result<Option<Version>> {
        sysupdate::available(&self.host, &self.settings.sysupdate)
    }

    fn room(&self, running: &Version) -> Result<()> {
        self.esp.check_room(running)
    }

    fn fetch(&mut self, version: &Version) -> Result<()> {
        sysupdate::update(&self.host, &self.settings.sysupdate, version)
    }

    fn clear_partial(&mut self) -> Result<()> {
        self.esp.clear_partial()
    }

    fn empty(&mut self, partition: &Partition, type_id: Uuid) -> Result<()> {
        disk::empty(&self.disk()?, partition, type_id)
    }

    fn check_content(&mut self, hash: &RootHash) -> Result<()> {
        let (images, disk) = (self.look()?, self.disk()?);
        let devices = hash.partitions().map(|id| {
            let partition = images.partition(id).ok_or_else(|| SystemError(format!("no partition {id}")));
            partition.map(|partition| disk::device(&disk, partition.number))
        });
        let [store, verity] = devices;
        let (store, verity): (PathBuf, PathBuf) = (store?, verity?);
        let devices: [&Path; 2] = [&store, &verity];
        sysupdate::verify(&self.host, &self.settings.veritysetup, devices, hash.as_str())
    }
}
