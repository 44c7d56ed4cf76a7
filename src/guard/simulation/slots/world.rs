//! The state of the simulated appliance: every change is an effect that may be the last.

use super::*;
use crate::simulation::rig::Rigged;

impl World {
    /// Gives the entries of a version one name. On FAT, that is two writes.
    pub(super) fn rename(&mut self, version: &Version, counter: Option<Counter>) -> Result<()> {
        self.rig.effect()?;
        let Some(old) = self.entries.iter().find(|entry| entry.version == *version).cloned() else {
            return Err(SystemError("no such entry".into()));
        };
        if !self.entries.iter().any(|entry| entry.version == *version && entry.counter == counter) {
            self.entries.push(Entry { counter, ..old });
        }
        self.rig.effect()?;
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

impl Rigged for Appliance {
    fn rig(&self) -> RefMut<'_, Rig> {
        RefMut::map(self.get(), |world| &mut world.rig)
    }
}
