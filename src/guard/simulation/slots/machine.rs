//! The simulated appliance as the guard sees it.

use super::*;
use uecho_probe::timestamp::Timestamp;

use crate::{
    images::Images,
    system::{BootChoice, BootIdentity, Illness, Mark, System},
    updater::Updater,
};

impl Appliance {
    fn look(&self) -> Result<Images> {
        let world = self.see();
        world.rig.alive()?;
        Ok(Images {
            entries: world.entries.clone(),
            partitions: world.partitions.clone(),
            running: Some(world.hash.clone()),
            preferred: world.preferred.clone(),
            default: None,
            oneshot: world.oneshot.clone(),
        })
    }
}

impl System for Appliance {
    fn running(&self) -> Result<Version> {
        self.see().rig.alive()?;
        Ok(self.see().running.clone())
    }

    fn booted(&self) -> Result<Version> {
        self.running()
    }

    fn installed(&self) -> Result<Option<Version>> {
        Ok(self.look()?.lasting().cloned())
    }

    fn activation(&self) -> Result<String> {
        self.see().rig.alive()?;
        Ok(self.boot_id())
    }

    fn exists(&self, version: &Version) -> bool {
        self.look().is_ok_and(|images| images.is_whole(version))
    }

    fn boot_identity(&self, version: &Version) -> Result<BootIdentity> {
        let images = self.look()?;
        let hash = images.of(version).find_map(|entry| entry.usrhash.clone());
        let hash = hash.ok_or_else(|| SystemError("no such version".into()))?;
        Ok(BootIdentity { kernel: hash.as_str().into(), early: String::new() })
    }

    fn install(&mut self, version: &Version) -> Result<()> {
        let images = self.look()?;
        assert!(images.is_whole(version), "{version} is not whole, and was to be started");
        if images.lasting() == Some(version) {
            return Ok(());
        }
        self.get().rig.effect()?;
        self.get().preferred = images.preference(version).cloned();
        Ok(())
    }

    fn can_switch(&self) -> bool {
        false
    }

    fn switch(&mut self, version: &Version) -> Result<()> {
        panic!("{version} was to be switched to");
    }

    fn install_boot(&mut self, _version: &Version) -> Result<()> {
        self.see().rig.alive()
    }

    fn reboot(&mut self) -> Result<()> {
        self.get().rig.effect()?;
        self.get().rig.reboot_asked = true;
        Ok(())
    }

    fn boot_choice(&self) -> Result<Option<BootChoice>> {
        let images = self.look()?;
        Ok(Some(BootChoice { default: images.lasting().cloned(), oneshot: images.oneshot }))
    }

    fn has_boot_entry(&self, version: &Version) -> bool {
        self.exists(version)
    }

    fn set_default(&mut self, version: &Version) -> Result<()> {
        panic!("{version} was to be the default by its exact name");
    }

    fn set_oneshot(&mut self, version: Option<&Version>) -> Result<()> {
        assert_eq!(version, None, "an entry for one boot starts what is used up as well");
        self.get().rig.effect()?;
        self.get().oneshot = None;
        Ok(())
    }

    fn images(&self) -> Result<Option<Images>> {
        self.look().map(Some)
    }

    fn mark(&mut self, version: &Version, mark: Mark) -> Result<()> {
        let mut world = self.get();
        let entries = world.entries.iter().filter(|entry| entry.version == *version);
        let done = entries.filter_map(|entry| entry.counter).map(|counter| counter.done).max();
        let counter = match mark {
            Mark::Good => None,
            Mark::Bad => Some(Counter { left: 0, done: done.unwrap_or_default() }),
            Mark::Untried(left) => Some(Counter { left, done: 0 }),
        };
        world.rename(version, counter)
    }

    fn discard(&mut self, version: &Version) -> Result<()> {
        assert_ne!(self.see().running, *version, "the running version's entry was to be removed");
        self.get().rig.effect()?;
        self.get().entries.retain(|entry| entry.version != *version);
        Ok(())
    }

    fn pins(&self) -> Result<Vec<Version>> {
        Ok(self.look()?.good())
    }

    fn pin(&mut self, _version: &Version) -> Result<()> {
        Ok(())
    }

    fn unpin(&mut self, _version: &Version) -> Result<()> {
        Ok(())
    }

    fn health(&mut self, version: &Version) -> std::result::Result<(), Illness> {
        let world = self.see();
        assert_eq!(world.running, *version);
        let number = world.releases.values().find(|release| hash(release.number) == world.hash).unwrap();
        if number.healthy { Ok(()) } else { Err(Illness::new("probe", "ill")) }
    }

    fn leave_verdict(&mut self, report: &Report, _activation: Option<&str>) {
        if self.get().rig.effect().is_ok() {
            self.get().rig.verdicts.push(report.outcome);
        }
    }

    fn switching(&self) -> bool {
        false
    }

    fn boot_id(&self) -> String {
        format!("boot-{}", self.see().rig.boot)
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.see().rig.clock.as_secs())
    }

    fn elapsed(&self) -> Duration {
        self.see().rig.clock
    }

    fn sleep(&mut self, duration: Duration) {
        self.get().rig.clock += duration;
    }
}

impl Updater for Appliance {
    fn ready(&self) -> Result<()> {
        self.see().rig.alive()
    }

    fn available(&mut self) -> Result<Option<Version>> {
        self.get().check_new()
    }

    fn room(&self, _running: &Version) -> Result<()> {
        self.see().rig.alive()?;
        if self.see().full { Err(SystemError("no room".into())) } else { Ok(()) }
    }

    fn fetch(&mut self, version: &Version) -> Result<()> {
        let before = self.see().runs_from();
        assert_eq!(before.len(), 2);
        let result = self.get().update(version);
        assert_eq!(self.see().runs_from(), before, "the running slot was written");
        result
    }

    fn clear_partial(&mut self) -> Result<()> {
        self.get().rig.effect()?;
        self.get().partial_entry = false;
        Ok(())
    }

    fn empty(&mut self, partition: &Partition, type_id: Uuid) -> Result<()> {
        assert!(!self.see().hash.partitions().contains(&partition.id), "the running slot was to be emptied");
        let mut world = self.get();
        world.rig.effect()?;
        let found = world.partition(partition.number);
        assert_eq!(found, partition);
        (found.label, found.type_id) = (EMPTY.into(), type_id);
        Ok(())
    }

    fn check_content(&mut self, hash: &RootHash) -> Result<()> {
        let world = self.see();
        world.rig.alive()?;
        let ids = hash.partitions();
        let right = |partition: &Partition| {
            let (number, right) = world.content[&partition.number];
            right && super::hash(number) == *hash
        };
        let own = world.partitions.iter().filter(|partition| ids.contains(&partition.id));
        if own.filter(|partition| right(partition)).count() == 2 {
            return Ok(());
        }
        Err(SystemError("Verification failed at position 4096".into()))
    }
}
