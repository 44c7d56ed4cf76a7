//! Image slots as the boot loader and the partition table show them: which versions there are, which of them
//! are whole, and which one the next boot starts. Only looks; [`crate::slots`] reads and changes the machine.

pub(crate) mod entry;
pub(crate) mod order;
pub(crate) mod partition;

use entry::{Entry, RootHash};
use partition::{Kind, Partition};
use uuid::Uuid;

use crate::version::Version;

/// What is in the slots, and what the boot loader was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Images {
    /// Boot entries: one file each, so a version may have two after a power cut in a rename.
    pub entries: Vec<Entry>,
    /// The disk's partitions.
    pub partitions: Vec<Partition>,
    /// `usrhash=` of the kernel command line.
    pub running: Option<RootHash>,
    /// Started before others unless its counter is used up (`LoaderEntryPreferred`).
    pub preferred: Option<Version>,
    /// Started before others, also when its counter is used up (`LoaderEntryDefault`, which the guard never
    /// sets).
    pub default: Option<Version>,
    /// Started once, at the next boot, used up or not (`LoaderEntryOneShot`).
    pub oneshot: Option<Version>,
}

impl Images {
    /// Versions with a boot entry, the one that the boot loader lists first at the front.
    #[must_use]
    pub(crate) fn versions(&self) -> Vec<&Version> {
        let mut versions: Vec<&Version> = Vec::new();
        for entry in &self.entries {
            if !versions.contains(&&entry.version) {
                versions.push(&entry.version);
            }
        }
        versions.sort_by(|a, b| {
            self.may_boot(b).cmp(&self.may_boot(a)).then_with(|| order::compare(b.as_str(), a.as_str()))
        });
        versions
    }

    /// The boot entries of a version.
    pub(crate) fn of<'a>(&'a self, version: &Version) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| entry.version == *version)
    }

    /// Whether the boot loader starts the version of its own accord: an entry of it has boots left, or is not
    /// counted.
    #[must_use]
    pub(crate) fn may_boot(&self, version: &Version) -> bool {
        self.of(version).any(|entry| !entry.is_used_up())
    }

    /// Whether an entry of the version has no boots left.
    #[must_use]
    pub(crate) fn is_used_up(&self, version: &Version) -> bool {
        self.of(version).any(Entry::is_used_up)
    }

    /// Whether the boot loader does not count the version's boots any more: it was found good.
    #[must_use]
    pub(crate) fn is_uncounted(&self, version: &Version) -> bool {
        self.of(version).any(|entry| entry.counter.is_none())
    }

    /// The versions that were found good.
    #[must_use]
    pub(crate) fn good(&self) -> Vec<Version> {
        self.versions().into_iter().filter(|version| self.is_uncounted(version)).cloned().collect()
    }

    /// Boots left of a version that is counted.
    #[must_use]
    pub(crate) fn tries_left(&self, version: &Version) -> Option<u32> {
        self.of(version).filter_map(|entry| entry.counter.map(|counter| counter.left)).max()
    }

    /// What the next boot starts.
    #[must_use]
    pub(crate) fn next(&self) -> Option<&Version> {
        self.known(self.oneshot.as_ref()).or_else(|| self.lasting())
    }

    fn known<'a>(&'a self, version: Option<&'a Version>) -> Option<&'a Version> {
        version.filter(|version| self.of(version).next().is_some())
    }

    /// What boots start for as long as nothing changes.
    #[must_use]
    pub(crate) fn lasting(&self) -> Option<&Version> {
        let preferred = self.preferred.as_ref().filter(|version| self.may_boot(version));
        preferred.or_else(|| self.unasked())
    }

    /// The same without a preferred version.
    fn unasked(&self) -> Option<&Version> {
        self.known(self.default.as_ref()).or_else(|| self.first())
    }

    /// The version to prefer so that boots start `version`; `None` if they do so unasked.
    #[must_use]
    pub(crate) fn preference<'a>(&self, version: &'a Version) -> Option<&'a Version> {
        (self.unasked() != Some(version)).then_some(version)
    }

    /// What the boot loader starts when it was told nothing: the highest version with boots left, and where
    /// all are used up the highest of those.
    #[must_use]
    pub(crate) fn first(&self) -> Option<&Version> {
        self.versions().first().copied()
    }

    /// The root hash of a version that is completely there: boot entry, and both partitions with their final
    /// types and its labels. By these, systemd-sysupdate spares what runs.
    #[must_use]
    pub(crate) fn whole(&self, version: &Version) -> Option<&RootHash> {
        let there = |hash: &&RootHash| {
            [Kind::Store, Kind::Verity].into_iter().all(|kind| {
                let found = self.partition(hash.partition(kind));
                found.is_some_and(|partition| {
                    (partition.version(), partition.kind()) == (Some(version.as_str()), Some(kind))
                        && Some(partition.type_id) == self.final_type(kind)
                })
            })
        };
        self.of(version).filter_map(|entry| entry.usrhash.as_ref()).find(there)
    }

    /// Whether the version is completely there.
    #[must_use]
    pub(crate) fn is_whole(&self, version: &Version) -> bool {
        self.whole(version).is_some()
    }

    /// The partition with this UUID.
    #[must_use]
    pub(crate) fn partition(&self, id: Uuid) -> Option<&Partition> {
        self.partitions.iter().find(|partition| partition.id == id)
    }

    /// The type that a partition of this kind has when it is not half written: that of the running version's,
    /// so that no table of architectures is needed.
    #[must_use]
    pub(crate) fn final_type(&self, kind: Kind) -> Option<Uuid> {
        Some(self.partition(self.running.as_ref()?.partition(kind))?.type_id)
    }

    /// Partitions that an update has left behind: they carry a version's label, but no boot entry leads to
    /// them, or they have not got their final type. With the type that each should have. Never those of the
    /// running version.
    #[must_use]
    pub(crate) fn stranded(&self) -> Vec<(&Partition, Uuid)> {
        let wanted = |partition: &&Partition| {
            let hashes = self.entries.iter().filter_map(|entry| entry.usrhash.as_ref());
            let mut named = hashes.flat_map(RootHash::partitions);
            let final_type = partition.kind().and_then(|kind| self.final_type(kind));
            named.any(|id| id == partition.id) && final_type == Some(partition.type_id)
        };
        // an entry that cannot be read may lead to it
        let unknown = |partition: &Partition| {
            self.entries
                .iter()
                .any(|entry| entry.usrhash.is_none() && partition.version() == Some(entry.version.as_str()))
        };
        self.partitions
            .iter()
            .filter(|partition| !self.runs_from(partition) && !wanted(partition) && !unknown(partition))
            .filter_map(|partition| Some((partition, self.final_type(partition.kind()?)?)))
            .collect()
    }

    /// Whether the running version lives in the partition.
    #[must_use]
    pub(crate) fn runs_from(&self, partition: &Partition) -> bool {
        self.running.as_ref().is_some_and(|hash| hash.partitions().contains(&partition.id))
    }
}

#[cfg(test)]
mod tests;
