//! The second machine in memory: two slots, a boot partition on FAT, a boot loader that counts, a web server,
//! and a systemd-sysupdate with the habits of the real one. Any effect can be the last one before a crash,
//! also one of a program that the guard has started.

mod cases;
mod human_cases;
mod loader;
mod machine;
mod properties;
mod sysupdate;
mod updates;
mod world;

use std::{
    cell::{Ref, RefCell, RefMut},
    collections::BTreeMap,
    rc::Rc,
    time::Duration,
};

use uuid::Uuid;

use crate::{
    guard::Guard,
    images::{
        entry::{Counter, Entry, RootHash},
        partition::{EMPTY, Kind, Partition},
    },
    report::{Conclusion, Report},
    simulation::{disk::SimDisk, policy, rig::Rig},
    store::Store,
    system::{Result, SystemError},
    updater::Wish,
    version::Version,
};

/// Partition types of whole slots, and what systemd-sysupdate has while it writes.
const FINAL: [u128; 2] = [0xa, 0xb];
const PARTIAL: u128 = 0xdc;
const PENDING: u128 = 0xf7;
/// `TriesLeft=` of the transfers.
const TRIES: u32 = 3;

/// What a release is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Release {
    /// Tells its content from others.
    number: u8,
    /// It comes up.
    boots: bool,
    /// It serves.
    healthy: bool,
}

/// How a download goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Download {
    Good,
    /// Stops in the middle.
    Fails,
    /// Reports success and has done nothing.
    Lies,
    /// Blocks of the disk do not keep what is written.
    Flips,
}

struct World {
    /// The server's manifest.
    offers: BTreeMap<Version, Release>,
    /// How often the server still answers with a list and a signature that do not fit.
    down: u32,
    download: Download,
    /// How often a download still goes so; then it is good.
    times: u32,
    /// Everything that was ever released, by content.
    releases: BTreeMap<u8, Release>,
    partitions: Vec<Partition>,
    /// What is in each partition, by its number: the content, and whether all of it is right.
    content: BTreeMap<u32, (u8, bool)>,
    /// The boot partition.
    entries: Vec<Entry>,
    /// The boot partition has no room for one more.
    full: bool,
    /// A file that systemd-sysupdate has not renamed yet.
    partial_entry: bool,
    preferred: Option<Version>,
    oneshot: Option<Version>,
    running: Version,
    hash: RootHash,
    rig: Rig,
}

#[derive(Clone)]
struct Appliance(Rc<RefCell<World>>);

fn v(version: &str) -> Version {
    Version::new(version)
}

/// A root hash that names the two partitions of a content.
fn hash(number: u8) -> RootHash {
    let half = u128::from(number) * 2;
    RootHash::parse(&format!("{half:032x}{:032x}", half + 1)).unwrap()
}

const fn release(number: u8) -> Release {
    Release { number, boots: true, healthy: true }
}

fn label(version: &str, kind: Kind) -> String {
    format!("uecho_{version}{}", if kind == Kind::Verity { "_verity" } else { "" })
}

impl Appliance {
    /// A machine as shipped: 1 in slot A without a counter, slot B free. It has just booted.
    fn new() -> Self {
        let first = release(1);
        let part = |number: u32, kind: Kind, free: bool| Partition {
            number,
            type_id: Uuid::from_u128(FINAL[usize::from(kind == Kind::Verity)]),
            id: if free { Uuid::from_u128(u128::from(number) << 64) } else { hash(1).partition(kind) },
            label: if free { EMPTY.into() } else { label("1", kind) },
        };
        let world = World {
            offers: BTreeMap::from([(v("1"), first)]),
            down: 0,
            download: Download::Good,
            times: 0,
            releases: BTreeMap::from([(1, first)]),
            partitions: vec![
                part(2, Kind::Verity, false),
                part(3, Kind::Store, false),
                part(4, Kind::Verity, true),
                part(5, Kind::Store, true),
            ],
            content: BTreeMap::from([(2, (1, true)), (3, (1, true)), (4, (0, true)), (5, (0, true))]),
            entries: vec![Entry {
                version: v("1"),
                counter: None,
                usrhash: Some(hash(1)),
                file: "uecho_1.efi".into(),
            }],
            full: false,
            partial_entry: false,
            preferred: None,
            oneshot: None,
            running: v("1"),
            hash: hash(1),
            rig: Rig { boot: 1, boots_in_total: 1, clock: Duration::from_hours(1), ..Rig::default() },
        };
        Self(Rc::new(RefCell::new(world)))
    }

    fn get(&self) -> RefMut<'_, World> {
        self.0.borrow_mut()
    }

    fn see(&self) -> Ref<'_, World> {
        self.0.borrow()
    }

    fn runs(&self) -> Version {
        self.see().running.clone()
    }

    fn store(&self) -> Store<SimDisk<Self>> {
        Store { state: SimDisk(self.clone(), 0), runtime: SimDisk(self.clone(), 1) }
    }

    fn guard(&self) -> Guard<Self, SimDisk<Self>> {
        Guard::open(self.clone(), self.store(), policy())
    }

    /// The server has a version from now on.
    fn publish(&self, version: &str, release: Release) {
        let mut world = self.get();
        world.releases.insert(release.number, release);
        world.offers.insert(v(version), release);
    }

    /// `uecho-guard update`, with the reboot that it asks for and the verdict after it.
    fn update(&self, wish: &Wish) -> Report {
        let report = self.try_update(wish).unwrap();
        if self.see().rig.reboot_asked {
            self.power_cut();
            self.verify();
        }
        report
    }

    fn try_update(&self, wish: &Wish) -> Result<Report> {
        self.guard().update(&Wish { by: "root".into(), reboot: true, ..wish.clone() })
    }

    /// `uecho-guard.service` after a boot, with what follows from its end, and with the reboots that it asks
    /// for, until there is a last word.
    fn verify(&self) -> Report {
        for _ in 0..10 {
            let report = self.guard().verify().unwrap();
            if self.see().rig.reboot_asked {
                self.power_cut();
                continue;
            }
            if matches!(report.outcome, Conclusion::Good | Conclusion::RolledBack) {
                self.bless_boot();
            }
            return report;
        }
        panic!("reboots for ever");
    }
}
