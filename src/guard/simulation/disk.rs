//! A folder in memory. Content is durable once written and synced, names are once the folder is synced; a
//! power cut takes the rest.

use std::{collections::BTreeMap, io};

use crate::{simulation::rig::Rigged, store::disk::Disk};

#[derive(Clone, Debug, Default)]
pub(super) struct SimFolder {
    pub(super) files: BTreeMap<String, Vec<u8>>,
    durable: BTreeMap<String, Vec<u8>>,
    pub(super) full: bool,
}

impl SimFolder {
    pub(super) fn power_cut(&mut self) {
        self.files = self.durable.clone();
    }
}

pub(super) struct SimDisk<M>(pub(super) M, pub(super) usize);

impl<M: Rigged> SimDisk<M> {
    fn effect(&self) -> io::Result<()> {
        self.0.rig().effect().map_err(io::Error::other)
    }

    fn with<T>(&self, act: impl FnOnce(&mut SimFolder) -> T) -> T {
        act(&mut self.0.rig().disks[self.1])
    }
}

impl<M: Rigged> Disk for SimDisk<M> {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        self.0.rig().alive().map_err(io::Error::other)?;
        Ok(self.with(|folder| folder.files.get(name).cloned()))
    }

    fn write(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let alive = self.0.rig().alive().is_ok();
        let result = self.effect();
        if alive && result.is_err() {
            // caught in the middle
            let part = content[..content.len() / 2].to_vec();
            self.with(|folder| folder.files.insert(name.into(), part));
        }
        result?;
        self.with(|folder| {
            if folder.full {
                folder.files.insert(name.into(), Vec::new());
                return Err(io::ErrorKind::StorageFull.into());
            }
            folder.files.insert(name.into(), content.into());
            if folder.durable.contains_key(name) {
                folder.durable.insert(name.into(), content.into());
            }
            Ok(())
        })
    }

    fn link(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.effect()?;
        self.with(|folder| {
            let content = folder.files.get(from).cloned().ok_or(io::ErrorKind::NotFound)?;
            folder.files.insert(to.into(), content);
            Ok(())
        })
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.effect()?;
        self.with(|folder| {
            let content = folder.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
            folder.files.insert(to.into(), content);
            Ok(())
        })
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.effect()?;
        self.with(|folder| folder.files.remove(name));
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.effect()?;
        self.with(|folder| folder.durable = folder.files.clone());
        Ok(())
    }
}
