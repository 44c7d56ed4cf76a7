//! The simulated systemd-sysupdate, as measured with 257 and 262: it empties the other slot first, marks what
//! it writes by types of its own, renames last, does not go on with what it has begun, and may report success
//! without having done anything. It knows of no bad version.

use super::*;
use crate::images::order;

impl World {
    /// The newest version on the disk, bad or not.
    fn newest_installed(&self) -> Option<Version> {
        let versions = self.entries.iter().map(|entry| entry.version.clone());
        versions.max_by(|a, b| order::compare(a.as_str(), b.as_str()))
    }

    fn ask(&mut self) -> Result<()> {
        self.rig.alive()?;
        if self.down == 0 {
            return Ok(());
        }
        self.down -= 1;
        Err(SystemError("Signature verification failed".into()))
    }

    pub(super) fn check_new(&mut self) -> Result<Option<Version>> {
        self.ask()?;
        let newest = self.offers.keys().max_by(|a, b| order::compare(a.as_str(), b.as_str())).cloned();
        let installed = self.newest_installed();
        let newer = |version: &Version| {
            installed.as_ref().is_none_or(|old| order::compare(version.as_str(), old.as_str()).is_gt())
        };
        Ok(newest.filter(newer))
    }

    pub(super) fn update(&mut self, version: &Version) -> Result<()> {
        self.rig.alive()?;
        let Some(release) = self.offers.get(version).copied() else {
            return Err(SystemError(format!("Update '{version}' not found")));
        };
        self.ask()?;
        let half = |partition: &Partition| {
            partition.version() == Some(version.as_str())
                && [PARTIAL, PENDING].contains(&partition.type_id.as_u128())
        };
        if self.partitions.iter().any(half) {
            return Err(SystemError("already acquired and partially installed. Vacuum it".into()));
        }
        if self.entries.iter().any(|entry| entry.version == *version) {
            return Ok(());
        }
        let manner = if self.times == 0 { Download::Good } else { self.download };
        self.times = self.times.saturating_sub(1);
        if manner == Download::Lies {
            return Ok(());
        }
        self.vacuum()?;
        let slot = self.other();
        for (number, kind) in slot.into_iter().zip([Kind::Verity, Kind::Store]) {
            self.set(number, Some(label(version.as_str(), kind)), PARTIAL)?;
            if manner == Download::Fails && kind == Kind::Store {
                return Err(SystemError("has been tampered with".into()));
            }
            self.rig.effect()?;
            self.content.insert(number, (release.number, manner != Download::Flips));
            self.partition(number).id = hash(release.number).partition(kind);
            self.set(number, None, PENDING)?;
        }
        self.rig.effect()?;
        self.partial_entry = true;
        for (number, kind) in slot.into_iter().zip([Kind::Verity, Kind::Store]) {
            self.set(number, None, FINAL[usize::from(kind == Kind::Verity)])?;
        }
        self.rig.effect()?;
        self.partial_entry = false;
        self.entries.push(Entry {
            version: version.clone(),
            counter: Some(Counter { left: TRIES, done: 0 }),
            usrhash: Some(hash(release.number)),
            file: String::new(),
        });
        Ok(())
    }

    /// Makes room: all but the protected version goes, its slot first and its entry last.
    fn vacuum(&mut self) -> Result<()> {
        for (number, kind) in self.other().into_iter().zip([Kind::Verity, Kind::Store]) {
            self.set(number, Some(EMPTY.into()), FINAL[usize::from(kind == Kind::Verity)])?;
        }
        let running = self.running.clone();
        while let Some(index) = self.entries.iter().position(|entry| entry.version != running) {
            self.rig.effect()?;
            self.entries.remove(index);
        }
        Ok(())
    }

    fn set(&mut self, number: u32, label: Option<String>, type_id: u128) -> Result<()> {
        self.rig.effect()?;
        let partition = self.partition(number);
        partition.type_id = Uuid::from_u128(type_id);
        partition.label = label.unwrap_or_else(|| partition.label.clone());
        Ok(())
    }
}
