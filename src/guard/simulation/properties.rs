//! Whatever happens in whatever order, crashes at every effect included: the last good version is never lost,
//! a quarantined one never runs unasked, the ledger is never half written, and the boot loader always starts
//! something that comes up.

use proptest::prelude::*;

use crate::{human::preflight, report::Conclusion, simulation::*, store::Integrity, version::Assessment};

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

#[derive(Clone, Debug)]
enum Act {
    /// A switch, with the check before it.
    Switch(usize),
    /// Installed for the next boot, with the check before it.
    Install(usize),
    /// Somebody switches without asking.
    Force(usize),
    /// Off and on.
    PowerCut,
    /// The guard ends after so many effects: killed, or the power is cut.
    Crash(u32, bool),
    Gc,
    Release(usize),
    /// The service changes its health behind the guard's back.
    Health(usize, bool),
    Rollback,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let which = 0..NAMES.len();
    let act = prop_oneof![
        4 => which.clone().prop_map(Act::Switch),
        3 => which.clone().prop_map(Act::Install),
        1 => which.clone().prop_map(Act::Force),
        3 => Just(Act::PowerCut),
        4 => (0..40_u32, any::<bool>()).prop_map(|(effects, power)| Act::Crash(effects, power)),
        2 => Just(Act::Gc),
        1 => which.clone().prop_map(Act::Release),
        2 => (which, any::<bool>()).prop_map(|(which, healthy)| Act::Health(which, healthy)),
        1 => Just(Act::Rollback),
    ];
    prop::collection::vec(act, 1..20)
}

fn traits() -> impl Strategy<Value = Vec<Traits>> {
    // a version that does not come up has a kernel of its own: with a proven one the guard relies on that
    // proof
    let one = (prop_oneof![Just(None), Just(Some(0)), Just(Some(2))], 0..4_u8, any::<bool>());
    prop::collection::vec(one, NAMES.len()).prop_map(|all| {
        let of = |(index, (healthy_for, kind, switches))| {
            let kernel = if kind < 2 { 1 } else { 10 + u8::try_from(index).unwrap_or_default() };
            Traits { boots: kind < 3, healthy_for, switches, kernel, ..GOOD }
        };
        let mut all: Vec<_> = all.into_iter().enumerate().map(of).collect();
        all[0] = GOOD;
        all
    })
}

/// Checks what must hold whenever a guard may be started.
fn always(machine: &Machine) {
    if machine.see().rig.dead {
        return;
    }
    let (ledger, integrity) = machine.store().read();
    assert!(matches!(integrity, Integrity::Intact | Integrity::Fresh), "half-written ledger: {integrity:?}");
    for version in ledger.blessed().into_iter().take(1) {
        assert!(machine.see().store.contains(version), "the last good version is gone: {version}");
    }
}

/// Checks what must hold once a guard has come to its end.
fn at_rest(machine: &Machine, report: &Report) {
    always(machine);
    let ledger = machine.store().read().0;
    let world = machine.see();
    let running = world.running.clone().unwrap();
    assert_eq!(ledger.intent, None);
    if ledger.is_quarantined(&running) {
        assert_eq!(
            report.outcome,
            Conclusion::NowhereToGo,
            "{running} runs although quarantined: {report:?}"
        );
    }
    if let Some(good) = &ledger.last_good {
        assert_eq!(ledger.state(good), Some(&Assessment::Blessed));
        assert!(world.pins.contains(good) && world.store.contains(good), "{good} is not kept");
    } else {
        assert!(ledger.blessed().is_empty());
    }
    let choice = &world.choice;
    // without an entry of a good one that has come up before, a bad one that does is better than none
    let proven = |version: &&Version| ledger.versions[*version].boots && world.entries.contains(*version);
    let default = choice.default.as_ref().filter(|_| ledger.blessed().iter().any(proven));
    for version in default.into_iter().chain(&choice.oneshot) {
        assert!(!ledger.is_quarantined(version), "the next boot starts a quarantined version: {choice:?}");
    }
    if let Some(default) = &choice.default {
        assert!(world.versions[default].boots && world.store.contains(default), "{default} is the default");
    }
}

fn run(machine: &Machine) {
    let report = machine.verify();
    at_rest(machine, &report);
}

fn act(machine: &Machine, act: &Act) {
    let refused = |name: &str| {
        !machine.see().store.contains(&v(name))
            || preflight(&machine.store().read().0, &v(name)).outcome == Conclusion::Refused
    };
    match act {
        Act::Switch(which) if !refused(NAMES[*which]) => {
            machine.install(NAMES[*which]);
            machine.guard().arm().unwrap();
            machine.get().activate(&v(NAMES[*which]));
            run(machine);
        }
        Act::Install(which) if !refused(NAMES[*which]) => {
            machine.install(NAMES[*which]);
            machine.guard().arm().unwrap();
        }
        Act::Force(which) if machine.see().store.contains(&v(NAMES[*which])) => {
            machine.deploy(NAMES[*which]);
            run(machine);
        }
        Act::Switch(_) | Act::Install(_) | Act::Force(_) => {}
        Act::PowerCut => {
            machine.power_cut();
            run(machine);
        }
        Act::Crash(effects, power) => {
            machine.get().rig.fuse = Some(*effects);
            let guard = machine.guard().verify();
            if !machine.see().rig.dead && guard.is_ok_and(|report| report.outcome == Conclusion::Rebooting) {
                machine.power_cut();
            }
            always(machine);
            if *power || machine.see().rig.reboot_asked {
                machine.power_cut();
                always(machine);
            }
            (machine.get().rig.dead, machine.get().rig.fuse) = (false, None);
            run(machine);
        }
        Act::Gc => machine.collect_garbage(),
        Act::Release(which) => {
            machine.guard().pardon(&v(NAMES[*which]), "release", "root", "test").unwrap();
        }
        Act::Health(which, healthy) => {
            let healthy_for = if *healthy { None } else { Some(0) };
            machine.get().versions.get_mut(&v(NAMES[*which])).unwrap().healthy_for = healthy_for;
        }
        Act::Rollback => {
            let report = machine.guard().rollback(None, "root").unwrap();
            if report.outcome == Conclusion::Rebooting {
                machine.power_cut();
            }
            run(machine);
        }
    }
}

proptest! {
    // a sequence found here becomes a case of its own
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_invariants_hold_through_any_sequence(traits in traits(), acts in acts()) {
        let machine = Machine::new();
        for (name, traits) in NAMES.into_iter().zip(traits) {
            machine.add(name, traits);
        }
        run(&machine);
        for one in &acts {
            act(&machine, one);
        }
    }
}

/// Every effect of every kind of decision, one after the other, as the last one before a crash.
#[test]
fn a_crash_at_each_single_effect_of_a_rollback_ends_where_no_crash_ends() {
    let kinds = [
        Traits { healthy_for: Some(0), ..GOOD },
        Traits { healthy_for: Some(0), kernel: 2, ..GOOD },
        GOOD,
        Traits { kernel: 2, ..GOOD },
        Traits { boots: false, kernel: 2, ..GOOD },
    ];
    let mut crashes = 0;
    for (kind, armed, power) in kinds
        .iter()
        .flat_map(|kind| [(kind, false, false), (kind, false, true), (kind, true, false), (kind, true, true)])
    {
        for effects in 0.. {
            let machine = Machine::new();
            run(&machine);
            machine.add("b", kind.clone());
            machine.install("b");
            if armed {
                machine.guard().arm().unwrap();
                machine.power_cut();
            } else {
                machine.get().activate(&v("b"));
            }
            machine.get().rig.fuse = Some(effects);
            let finished = machine.guard().verify().is_ok() && !machine.see().rig.dead;
            if finished {
                break;
            }
            crashes += 1;
            machine.get().rig.dead = false;
            machine.get().rig.fuse = None;
            always(&machine);
            if power {
                machine.power_cut();
                always(&machine);
            }
            run(&machine);
            // one that does not come up may well serve until the next boot
            let good = kind.healthy_for.is_none() && (kind.boots || !(armed || power));
            let ledger = machine.store().read().0;
            if !good {
                assert_eq!(machine.see().running, Some(v("a")), "after {effects} effects");
                let told = machine.see().rig.verdicts.contains(&Conclusion::RolledBack);
                assert!(told || !ledger.is_quarantined(&v("b")), "nobody was told after {effects} effects");
            }
            assert!(ledger.is_blessed(&v("a")));
        }
    }
    assert!(crashes > 100, "{crashes} crashes");
}
