//! A simulated machine: versions that may boot or serve or not, a boot loader, garbage collection, and a disk
//! that loses what was not synced. The machine can crash after any effect.

mod boot_cases;
mod cases;
mod disk;
mod machine;
mod properties;
mod rig;
mod slots;

use std::{
    cell::{Ref, RefCell, RefMut},
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};

use disk::SimDisk;
use rig::Rig;

use crate::{
    guard::Guard,
    policy::{OnFailure, Policy},
    report::Report,
    store::Store,
    system::BootChoice,
    version::Version,
};

/// How a version behaves.
#[derive(Clone, Debug)]
struct Traits {
    /// Whether it boots.
    boots: bool,
    /// Number of checks after which it becomes unhealthy; `None`: never.
    healthy_for: Option<u32>,
    /// Further checks that fail.
    missed: Vec<u32>,
    /// Checks that get a wrong answer.
    wrong: Vec<u32>,
    /// Whether its switch works.
    switches: bool,
    /// Versions with different kernels need a reboot.
    kernel: u8,
}

const GOOD: Traits = Traits {
    boots: true,
    healthy_for: None,
    missed: Vec::new(),
    wrong: Vec::new(),
    switches: true,
    kernel: 1,
};

#[derive(Default)]
struct World {
    versions: BTreeMap<Version, Traits>,
    /// Store paths that exist.
    store: BTreeSet<Version>,
    generations: Vec<Version>,
    installed: Option<Version>,
    /// Versions with a boot entry.
    entries: BTreeSet<Version>,
    efi: bool,
    choice: BootChoice,
    /// The default of a boot loader without variables.
    loader_default: Option<Version>,
    running: Option<Version>,
    booted: Option<Version>,
    activation: u32,
    pins: BTreeSet<Version>,
    rig: Rig,
    checks: u32,
    /// A version that somebody else switches to at a given check.
    intruder: Option<(u32, Version)>,
    /// Duration of a switch by somebody else that begins just before the guard's own.
    rival: Option<Duration>,
    /// When somebody else's switch ends.
    switching_until: Duration,
}

#[derive(Clone, Default)]
struct Machine(Rc<RefCell<World>>);

fn v(name: &str) -> Version {
    Version::new(format!("/nix/store/{name}"))
}

fn policy() -> Policy {
    Policy {
        soak: Duration::from_secs(10),
        interval: Duration::from_secs(2),
        grace: Duration::from_secs(6),
        max_reboots: 3,
        max_attempts: 3,
        on_failure: OnFailure::Rollback,
    }
}

impl World {
    fn activate(&mut self, version: &Version) {
        self.running = Some(version.clone());
        self.activation += 1;
        self.checks = 0;
    }

    fn add_generation(&mut self, version: &Version) {
        if !self.generations.contains(version) {
            self.generations.push(version.clone());
        }
        self.installed = Some(version.clone());
    }

    fn write_entries(&mut self) {
        self.entries = self.generations.iter().cloned().collect();
        self.loader_default = self.installed.clone();
    }
}

impl Machine {
    /// A machine with EFI variables that has just booted its first version, `a`.
    fn new() -> Self {
        let machine = Self::default();
        machine.get().efi = true;
        machine.add("a", GOOD);
        machine.install("a");
        machine.power_cut();
        machine
    }

    fn get(&self) -> RefMut<'_, World> {
        self.0.borrow_mut()
    }

    fn see(&self) -> Ref<'_, World> {
        self.0.borrow()
    }

    fn add(&self, name: &str, traits: Traits) {
        let mut world = self.get();
        world.versions.insert(v(name), traits);
        world.store.insert(v(name));
    }

    /// Does what `nixos-rebuild boot` does, without the guard.
    fn install(&self, name: &str) {
        let mut world = self.get();
        world.add_generation(&v(name));
        world.write_entries();
    }

    /// Does what `nixos-rebuild switch` does after the check before the switch.
    fn deploy(&self, name: &str) {
        self.install(name);
        self.get().activate(&v(name));
    }

    /// Collects garbage: removes all that has no root, old generations included.
    fn collect_garbage(&self) {
        let world = &mut *self.get();
        world.generations.retain(|version| Some(version) == world.installed.as_ref());
        let roots: BTreeSet<_> = [&world.running, &world.booted, &world.installed]
            .into_iter()
            .flatten()
            .chain(&world.pins)
            .cloned()
            .collect();
        world.store.retain(|version| roots.contains(version));
    }

    /// Power off and on: what was not synced is lost, and the boot loader chooses a version.
    fn power_cut(&self) {
        let world = &mut *self.get();
        world.rig.power_cut();
        world.rig.boot += 1;
        for _ in 0..2 {
            world.rig.boots_in_total += 1;
            let fallback = if world.efi { world.choice.default.clone() } else { None };
            let chosen = world.choice.oneshot.take().or(fallback).or(world.loader_default.clone()).unwrap();
            assert!(world.store.contains(&chosen), "the boot loader starts {chosen}, which is gone");
            if world.versions[&chosen].boots {
                world.booted = Some(chosen.clone());
                world.activate(&chosen);
                return;
            }
        }
        panic!("bricked: the boot loader's default does not come up");
    }

    fn store(&self) -> Store<SimDisk<Machine>> {
        Store { state: SimDisk(self.clone(), 0), runtime: SimDisk(self.clone(), 1) }
    }

    fn guard(&self) -> Guard<Machine, SimDisk<Machine>> {
        self.guard_with(policy())
    }

    fn guard_with(&self, policy: Policy) -> Guard<Machine, SimDisk<Machine>> {
        Guard::open(self.clone(), self.store(), policy)
    }

    /// Verifies, with the reboots that the guard asks for, until there is a verdict.
    fn verify(&self) -> Report {
        for _ in 0..8 {
            let report = self.guard().verify().unwrap();
            if !self.see().rig.reboot_asked {
                return report;
            }
            self.power_cut();
        }
        panic!("reboots for ever");
    }
}
