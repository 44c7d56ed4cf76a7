//! The simulated firmware and boot loader, and systemd-bless-boot. Written down once more and not with the
//! guard's own idea of it: who counts, who comes first.

use super::*;
use crate::images::order;

impl Appliance {
    /// Off and on again: what is not synced is gone, and the boot loader chooses, counts, and tries again
    /// until something comes up.
    pub(super) fn power_cut(&self) {
        let world = &mut *self.get();
        world.rig.power_cut();
        for _ in 0..20 {
            world.rig.boot += 1;
            world.rig.boots_in_total += 1;
            let index = world.choose();
            let entry = &mut world.entries[index];
            if let Some(counter) = entry.counter.as_mut().filter(|counter| counter.left > 0) {
                *counter = Counter { left: counter.left - 1, done: counter.done + 1 };
            }
            let (version, hash) = (entry.version.clone(), entry.usrhash.clone().unwrap());
            if world.comes_up(&hash) {
                (world.running, world.hash) = (version, hash);
                return;
            }
        }
        panic!("bricked: {:?} {:?}", world.entries, world.partitions);
    }

    /// systemd-bless-boot.service, after boot-complete.target.
    pub(super) fn bless_boot(&self) {
        let mut world = self.get();
        let running = world.running.clone();
        if world.entries.iter().any(|entry| entry.version == running && entry.counter.is_some()) {
            // a crash in it is one more cut
            let _ = world.rename(&running, None);
        }
    }
}

impl World {
    /// The version that the next boot starts.
    pub(super) fn choice(&self) -> Version {
        self.entries[self.index()].version.clone()
    }

    fn choose(&mut self) -> usize {
        let index = self.index();
        self.oneshot = None;
        index
    }

    fn index(&self) -> usize {
        let used_up = |entry: &Entry| entry.counter.is_some_and(|counter| counter.left == 0);
        let mut list: Vec<usize> = (0..self.entries.len()).collect();
        list.sort_by(|a, b| {
            let (a, b) = (&self.entries[*a], &self.entries[*b]);
            let newest_first = order::compare(b.version.as_str(), a.version.as_str());
            used_up(a).cmp(&used_up(b)).then(newest_first)
        });
        let of =
            |version: &Version| list.iter().copied().find(|index| self.entries[*index].version == *version);
        let once = self.oneshot.as_ref().and_then(of);
        let preferred = self.preferred.as_ref().and_then(of).filter(|index| !used_up(&self.entries[*index]));
        once.or(preferred).unwrap_or(list[0])
    }

    fn comes_up(&self, hash: &RootHash) -> bool {
        [Kind::Store, Kind::Verity].into_iter().all(|kind| {
            let found = self.partitions.iter().find(|partition| partition.id == hash.partition(kind));
            found.is_some_and(|partition| {
                let (number, right) = self.content[&partition.number];
                right && super::hash(number) == *hash && self.releases[&number].boots
            })
        })
    }
}
