//! Whatever happens in whatever order, crashes at every effect included: the running slot is never written,
//! the last good version is never lost, a quarantined one never runs unasked, and there is always a version
//! to boot. Where a download or a boot would break the first or the last of these, the simulation itself
//! panics.

use proptest::prelude::*;

use super::*;
use crate::{images::order, store::Integrity, system::System as _, version::Assessment};

#[derive(Clone, Debug)]
enum Act {
    /// A newer version on the server.
    Publish(bool, bool),
    /// The newest version is taken back from the server: an older manifest, replayed.
    Replay,
    /// The same version with other content.
    Replace,
    Update(Download, u32),
    /// By name, of those ever published.
    UpdateTo(usize, bool, Download),
    /// An update that ends after so many effects: killed, or the power is cut.
    Cut(u32, bool, Download),
    /// A verification that does.
    Crash(u32, bool),
    PowerCut,
    /// Between the verdict and systemd-bless-boot, or in it.
    CutBless(u32),
    Rollback,
    Release(usize),
    /// The state is erased: a factory reset, or a lost disk.
    Reset,
    /// What runs changes its health.
    Health(bool),
    Server(bool),
    /// The firmware loses its variables.
    Firmware,
}

fn download() -> impl Strategy<Value = Download> {
    prop_oneof![
        4 => Just(Download::Good),
        1 => Just(Download::Fails),
        1 => Just(Download::Lies),
        1 => Just(Download::Flips),
    ]
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (prop::bool::weighted(0.8), prop::bool::weighted(0.5))
            .prop_map(|(boots, healthy)| Act::Publish(boots, healthy)),
        1 => Just(Act::Replay),
        1 => Just(Act::Replace),
        5 => (download(), 0..3_u32).prop_map(|(manner, times)| Act::Update(manner, times)),
        2 => (0..8_usize, any::<bool>(), download())
            .prop_map(|(which, why, manner)| Act::UpdateTo(which, why, manner)),
        4 => (0..60_u32, any::<bool>(), download()).prop_map(|(effects, power, manner)| {
            Act::Cut(effects, power, manner)
        }),
        4 => (0..40_u32, any::<bool>()).prop_map(|(effects, power)| Act::Crash(effects, power)),
        2 => Just(Act::PowerCut),
        1 => (0..3_u32).prop_map(Act::CutBless),
        1 => Just(Act::Rollback),
        1 => (0..8_usize).prop_map(Act::Release),
        1 => Just(Act::Reset),
        2 => any::<bool>().prop_map(Act::Health),
        1 => any::<bool>().prop_map(Act::Server),
        1 => Just(Act::Firmware),
    ];
    prop::collection::vec(act, 1..20)
}

/// A machine, and what was ever published for it.
struct Story {
    machine: Appliance,
    published: Vec<Version>,
    /// The memory was lost, and with it what only the ledger knew.
    forgotten: bool,
}

impl Story {
    /// What must hold whenever a guard may be started.
    fn always(&self) {
        if self.machine.see().rig.dead {
            return;
        }
        let (ledger, integrity) = self.machine.store().read();
        assert!(matches!(integrity, Integrity::Intact | Integrity::Fresh), "half-written: {integrity:?}");
        let Some(good) = &ledger.last_good else { return };
        let images = self.machine.images().unwrap().unwrap();
        assert!(images.is_whole(good), "the last good version is gone: {good}");
    }

    /// What must hold once a guard has come to its end.
    fn at_rest(&self, report: &Report) {
        self.always();
        let ledger = self.machine.store().read().0;
        assert_eq!(ledger.intent, None);
        let running = self.machine.runs();
        let nowhere = ledger.blessed().is_empty();
        assert!(
            !ledger.is_quarantined(&running) || nowhere,
            "{running} runs although quarantined: {report:?}"
        );
        // another copy of the machine is switched off and on
        let copy = self.machine.see().choice();
        assert!(
            !ledger.is_quarantined(&copy) || nowhere,
            "the next boot starts {copy}, which is quarantined"
        );
        if let Some(good) = &ledger.last_good {
            assert_eq!(ledger.state(good), Some(&Assessment::Blessed));
        }
        if report.outcome == Conclusion::Good {
            let images = self.machine.images().unwrap().unwrap();
            for version in images.versions().into_iter().filter(|version| !images.may_boot(version)) {
                assert!(ledger.is_quarantined(version) || *version == running, "{version} is not remembered");
            }
        }
        if let (Some(floor), false) = (&ledger.floor, self.forgotten) {
            for version in ledger.blessed() {
                assert!(order::compare(version.as_str(), floor.as_str()).is_le());
            }
        }
    }

    fn run(&self) {
        let report = self.machine.verify();
        self.at_rest(&report);
    }

    fn named(&self, which: usize) -> Version {
        self.published[which % self.published.len()].clone()
    }

    fn publish(&mut self, version: Version, boots: bool, healthy: bool) {
        let number = u8::try_from(self.machine.see().releases.len() + 1).unwrap();
        self.machine.publish(version.as_str(), Release { number, boots, healthy });
        self.published.push(version);
    }

    /// An update never installs what is refused, unless a human says why not.
    fn update(&self, wish: &Wish, manner: Download, times: u32) {
        (self.machine.get().download, self.machine.get().times) = (manner, times);
        let before = self.machine.store().read().0;
        let had: Vec<_> = self.machine.see().entries.clone();
        let Ok(report) = self.machine.try_update(wish) else { return self.always() };
        self.always();
        let new = self.machine.see().entries.iter().any(|entry| !had.contains(entry));
        if new && report.outcome == Conclusion::Good && wish.why.is_none() {
            assert!(!before.is_quarantined(&report.version), "{} was installed again", report.version);
            let low = before
                .floor
                .is_some_and(|floor| order::compare(report.version.as_str(), floor.as_str()).is_lt());
            assert!(!low, "{} is below the floor", report.version);
        }
        if self.machine.see().rig.reboot_asked {
            self.machine.power_cut();
        }
        self.run();
    }

    fn recover(&self, power: bool) {
        self.always();
        if power || self.machine.see().rig.reboot_asked {
            self.machine.power_cut();
            self.always();
        }
        (self.machine.get().rig.dead, self.machine.get().rig.fuse) = (false, None);
        self.run();
    }

    /// Nobody has to help: when what comes up serves again, and the server has a good version, it is
    /// installed, though the first attempt is cut off after so many effects.
    fn ends_well(&mut self, effects: u32) {
        for release in self.machine.get().releases.values_mut() {
            release.healthy = true;
        }
        (self.machine.get().down, self.machine.get().times) = (0, 0);
        self.machine.power_cut();
        self.run();
        self.publish(v("9"), true, true);
        self.machine.get().rig.fuse = Some(effects);
        let _ = self.machine.try_update(&Wish::default());
        self.recover(effects.is_multiple_of(2));
        let report = self.machine.update(&Wish::default());
        assert_eq!(self.machine.see().running, v("9"), "{report:?}");
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Publish(boots, healthy) => {
                let version = v(&format!("1.{}", self.published.len()));
                self.publish(version, *boots, *healthy);
            }
            Act::Replay => {
                let newest = self.published.last().cloned();
                self.machine.get().offers.retain(|version, _| Some(version) != newest.as_ref());
            }
            Act::Replace => {
                let newest = self.published.last().cloned();
                if let Some(newest) = newest.filter(|version| *version != self.machine.see().running) {
                    self.publish(newest, true, true);
                }
            }
            Act::Update(manner, times) => self.update(&Wish::default(), *manner, *times),
            Act::UpdateTo(which, why, manner) => {
                let why = why.then(|| "a human".to_owned());
                let wish = Wish { to: Some(self.named(*which)), why, ..Wish::default() };
                self.update(&wish, *manner, 1);
            }
            Act::Cut(effects, power, manner) => {
                (self.machine.get().download, self.machine.get().times) = (*manner, 1);
                self.machine.get().rig.fuse = Some(*effects);
                let _ = self.machine.try_update(&Wish::default());
                self.recover(*power);
            }
            Act::Crash(effects, power) => {
                self.machine.get().rig.fuse = Some(*effects);
                let _ = self.machine.guard().verify();
                self.recover(*power);
            }
            Act::PowerCut => {
                self.machine.power_cut();
                self.run();
            }
            Act::CutBless(effects) => {
                let _ = self.machine.guard().verify();
                self.machine.get().rig.fuse = Some(*effects);
                self.machine.bless_boot();
                self.recover(true);
            }
            Act::Rollback => {
                self.machine.guard().rollback(None, "root").unwrap();
                self.recover(false);
            }
            Act::Release(which) => {
                self.machine.guard().pardon(&self.named(*which), "release", "root", "test").unwrap();
                self.recover(false);
            }
            Act::Reset => {
                self.machine.get().rig.disks = Default::default();
                self.forgotten = true;
                self.recover(true);
            }
            Act::Health(healthy) => {
                let hash = self.machine.see().hash.clone();
                let mut world = self.machine.get();
                for release in
                    world.releases.values_mut().filter(|release| super::hash(release.number) == hash)
                {
                    release.healthy = *healthy;
                }
            }
            Act::Firmware => self.machine.get().preferred = None,
            Act::Server(down) => self.machine.get().down = if *down { u32::MAX } else { 0 },
        }
    }
}

proptest! {
    // a sequence found here becomes a case of its own
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_invariants_hold_through_any_sequence(acts in acts(), effects in 0..40_u32) {
        let mut story = Story { machine: Appliance::new(), published: vec![v("1")], forgotten: false };
        story.run();
        for one in &acts {
            story.act(one);
        }
        story.ends_well(effects);
    }
}
