//! The image slots on the same screen: what is in each, and what the boot loader will make of it.

use std::fmt;

use serde::Serialize;

use crate::{
    images::{
        Images,
        partition::{EMPTY, Kind},
    },
    ledger::Ledger,
    version::{Assessment, Version},
};

/// Where the image slots stand.
#[derive(Debug, Serialize)]
pub(crate) struct SlotStatus {
    /// Every version with a boot entry, the one that the boot loader lists first at the front.
    pub versions: Vec<Slot>,
    /// Stores that are free.
    pub free: usize,
    /// Versions of which an update that was cut off has left parts behind.
    pub half_written: Vec<String>,
    /// The version that was installed and has not run yet.
    pub staged: Option<Version>,
    /// The lowest version that an update installs unasked.
    pub floor: Option<Version>,
}

/// A version with a boot entry.
#[derive(Debug, Serialize)]
pub(crate) struct Slot {
    /// Which.
    pub version: Version,
    /// Where it stands; none: never seen.
    pub state: Option<Assessment>,
    /// Whether it runs.
    pub running: bool,
    /// Boots that the boot loader still gives it; none: it does not count them.
    pub tries_left: Option<u32>,
    /// Whether boot entry and both partitions are there.
    pub whole: bool,
}

impl SlotStatus {
    /// What can be seen.
    #[must_use]
    pub(crate) fn new(images: &Images, ledger: &Ledger, running: Option<&Version>) -> Self {
        let slot = |version: &Version| Slot {
            version: version.clone(),
            state: ledger.state(version).cloned(),
            running: running == Some(version),
            tries_left: if images.is_uncounted(version) { None } else { images.tries_left(version) },
            whole: images.is_whole(version),
        };
        let versions: Vec<_> = images.versions().into_iter().map(slot).collect();
        let is_staged =
            |slot: &&Slot| slot.state == Some(Assessment::Staged) && slot.whole && slot.tries_left > Some(0);
        let mut half_written: Vec<_> = images
            .stranded()
            .iter()
            .filter_map(|(partition, _)| partition.version().map(str::to_owned))
            .collect();
        half_written.dedup();
        let stores = images.partitions.iter().filter(|partition| {
            partition.label == EMPTY && Some(partition.type_id) == images.final_type(Kind::Store)
        });
        Self {
            free: stores.count(),
            half_written,
            staged: versions.iter().find(is_staged).map(|slot| slot.version.clone()),
            floor: ledger.floor.clone(),
            versions,
        }
    }

    /// What the boot loader will do with the version that it starts next.
    #[must_use]
    pub(crate) fn trial(&self, next: &Version) -> Option<String> {
        let slot = self.versions.iter().find(|slot| slot.version == *next)?;
        match slot.tries_left? {
            0 => Some("although its boots are used up: nothing else is there".into()),
            left => Some(format!("on trial, {left} boots left")),
        }
    }
}

impl fmt::Display for SlotStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Slot { version, state, running, tries_left, whole } in &self.versions {
            let state = state.as_ref().map_or("not seen yet", Assessment::as_str);
            write!(f, "slot         {version} ({state}")?;
            if let Some(left) = tries_left {
                write!(f, ", {left} boots left")?;
            }
            if !whole {
                write!(f, ", not completely there")?;
            }
            writeln!(f, "){}", if *running { ", runs" } else { "" })?;
        }
        for version in &self.half_written {
            writeln!(f, "half written {version}, by an update that was cut off; the next one frees it")?;
        }
        if self.free > 0 {
            writeln!(f, "free slots   {}", self.free)?;
        }
        if let Some(staged) = &self.staged {
            writeln!(f, "staged       {staged}")?;
        }
        if let Some(floor) = &self.floor {
            writeln!(f, "floor        {floor}")?;
        }
        Ok(())
    }
}
