//! The state of the simulated appliance: every change is an effect that may be the last.

use super::*;
use crate::simulation::disk::Folders;

impl World {
    pub(super) fn effect(&mut self) -> Result<()> {
        self.alive()?;
        match &mut self.fuse {
            Some(0) => {
                self.dead = true;
                self.alive()
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub(super) fn alive(&self) -> Result<()> {
        if self.dead { Err(SystemError("crashed".into())) } else { Ok(()) }
    }

    /// Gives the entries of a version one name. On FAT, that is two writes.
    pub(super) fn rename(&mut self, version: &Version, counter: Option<Counter>) -> Result<()> {
        self.effect()?;
        let Some(old) = self.entries.iter().find(|entry| entry.version == *version).cloned() else {
            return Err(SystemError("no such entry".into()));
        };
        if !self.entries.iter().any(|entry| entry.version == *version && entry.counter == counter) {
            self.entries.push(Entry { counter, ..old });
        }
        self.effect()?;
        self.entries.retain(|entry| entry.version != *version || entry.counter == counter);
        Ok(())
    }

    /// The slot that the running version does not live in: numbers of its hash tree and its store.
    pub(super) fn other(&self) -> [u32; 2] {
        let of = |number: u32| self.partitions.iter().find(|partition| partition.number == number).unwrap();
        if self.hash.partitions().contains(&of(3).id) { [4, 5] } else { [2, 3] }
    }

    pub(super) fn partition(&mut self, number: u32) -> &mut Partition {
        self.partitions.iter_mut().find(|partition| partition.number == number).unwrap()
    }

    /// What must never change while a version runs: its slot and what is in it.
    pub(super) fn runs_from(&self) -> Vec<(Partition, (u8, bool))> {
        let ids = self.hash.partitions();
        let own = self.partitions.iter().filter(|partition| ids.contains(&partition.id));
        own.map(|partition| (partition.clone(), self.content[&partition.number])).collect()
    }
}

impl Folders for Appliance {
    fn effect(&self) -> Result<()> {
        self.get().effect()
    }

    fn alive(&self) -> Result<()> {
        self.see().alive()
    }

    fn with<T>(&self, folder: usize, act: impl FnOnce(&mut SimFolder) -> T) -> T {
        act(&mut self.get().disks[folder])
    }
}
