//! One test per complaint that other systems' users have, and per exit code.

use crate::{human::preflight, report::Conclusion, simulation::*, store::disk::Disk, version::Assessment};

pub(super) fn bad() -> Traits {
    Traits { healthy_for: Some(0), ..GOOD }
}

pub(super) fn blessed(machine: &Machine) {
    assert_eq!(machine.verify().outcome, Conclusion::Good);
}

pub(super) fn state(machine: &Machine, name: &str) -> Assessment {
    machine.store().read().0.state(&v(name)).cloned().unwrap()
}

#[test]
fn a_healthy_version_is_blessed_pinned_and_the_boot_default() {
    let machine = Machine::new();
    blessed(&machine);
    let ledger = machine.store().read().0;
    assert_eq!((ledger.last_good, state(&machine, "a")), (Some(v("a")), Assessment::Blessed));
    assert!(machine.see().pins.contains(&v("a")));
    assert_eq!(machine.see().choice, BootChoice { default: Some(v("a")), oneshot: None });
}

#[test]
fn a_bad_version_is_left_behind_and_remembered() {
    for traits in [bad(), Traits { healthy_for: Some(3), ..GOOD }] {
        let machine = Machine::new();
        blessed(&machine);
        machine.add("b", traits);
        machine.deploy("b");
        let report = machine.verify();
        assert_eq!((report.outcome, report.version), (Conclusion::RolledBack, v("a")));
        assert_eq!(state(&machine, "b"), Assessment::Quarantined);
        {
            let world = machine.see();
            assert_eq!((&world.running, &world.installed), (&Some(v("a")), &Some(v("a"))));
            assert_eq!(world.choice, BootChoice { default: Some(v("a")), oneshot: None });
        }
        let offered_again = preflight(&machine.store().read().0, &v("b"));
        assert_eq!(offered_again.outcome.code(), 6);
        assert!(offered_again.text.contains("probe: ill"), "{}", offered_again.text);
        // somebody insists on another way in
        machine.deploy("b");
        assert_eq!(machine.verify().outcome, Conclusion::RolledBack);
        // a newer good one is not held up
        machine.add("c", GOOD);
        machine.deploy("c");
        blessed(&machine);
        assert_eq!(machine.see().choice.default, Some(v("c")));
    }
}

#[test]
fn back_to_the_last_good_version_though_it_is_two_generations_back_and_garbage_was_collected() {
    let machine = Machine::new();
    blessed(&machine);
    for name in ["b", "c"] {
        machine.add(name, bad());
        machine.deploy(name);
    }
    machine.collect_garbage();
    assert_eq!(machine.verify().outcome, Conclusion::RolledBack);
    assert_eq!(machine.see().running, Some(v("a")));
}

#[test]
fn nothing_to_go_back_to_is_told_and_leaves_the_version_running() {
    let machine = Machine::new();
    machine.add("a", bad());
    let report = machine.verify();
    assert_eq!((report.outcome.code(), &machine.see().running), (5, &Some(v("a"))));
    assert_eq!(machine.guard().rollback(None, "root").unwrap().outcome.code(), 5);
    // it recovers, and there is still nothing else
    machine.add("a", GOOD);
    blessed(&machine);
}

#[test]
fn an_old_version_that_is_ill_too_is_not_called_a_success() {
    let machine = Machine::new();
    blessed(&machine);
    machine.add("a", bad());
    machine.add("b", bad());
    machine.deploy("b");
    assert_eq!(machine.verify().outcome.code(), 4);
    assert_eq!(state(&machine, "a"), Assessment::Blessed);
}

#[test]
fn a_proven_version_that_falls_ill_later_is_reported_and_kept() {
    let machine = Machine::new();
    blessed(&machine);
    machine.add("b", GOOD);
    machine.deploy("b");
    blessed(&machine);
    machine.add("b", bad());
    assert_eq!(machine.verify().outcome.code(), 1);
    assert_eq!((state(&machine, "b"), &machine.see().running), (Assessment::Blessed, &Some(v("b"))));
}

#[test]
fn one_missed_check_or_wrong_answer_is_forgiven_and_two_are_not() {
    let good = Traits { missed: vec![3], ..GOOD };
    let soon = Traits { missed: vec![1, 2], ..GOOD };
    let once = Traits { wrong: vec![1], ..GOOD };
    let twice = Traits { wrong: vec![1, 2], ..GOOD };
    let ill = Traits { missed: vec![3, 4], ..GOOD };
    for (traits, expected) in [
        (good, Conclusion::Good),
        (soon, Conclusion::Good),
        (once, Conclusion::Good),
        (twice, Conclusion::RolledBack),
        (ill, Conclusion::RolledBack),
    ] {
        let machine = Machine::new();
        blessed(&machine);
        machine.add("b", traits.clone());
        machine.deploy("b");
        assert_eq!(machine.verify().outcome, expected, "{traits:?}");
    }
}

#[test]
fn a_version_that_is_replaced_before_its_verdict_has_none_and_the_later_one_is_judged() {
    let machine = Machine::new();
    blessed(&machine);
    machine.add("b", GOOD);
    machine.add("c", bad());
    machine.deploy("b");
    machine.get().intruder = Some((3, v("c")));
    let report = machine.verify();
    assert_eq!((report.outcome, &machine.see().running), (Conclusion::RolledBack, &Some(v("a"))));
    assert_eq!((state(&machine, "b"), state(&machine, "c")), (Assessment::Trial, Assessment::Quarantined));
}

#[test]
fn a_switch_by_somebody_else_that_is_quicker_than_the_way_back_is_waited_for() {
    let machine = Machine::new();
    blessed(&machine);
    machine.add("b", bad());
    machine.deploy("b");
    machine.get().rival = Some(Duration::from_secs(30));
    let report = machine.guard().verify().unwrap();
    assert_eq!((report.outcome, &machine.see().running), (Conclusion::RolledBack, &Some(v("a"))));
}

#[test]
fn reporting_only_and_dry_runs_change_nothing() {
    let machine = Machine::new();
    blessed(&machine);
    machine.add("b", bad());
    machine.deploy("b");
    let before = machine.see().rig.disks[0].files.clone();
    assert_eq!(Guard::peek(machine.clone(), machine.store(), policy()).dry_run().unwrap().outcome.code(), 1);
    assert_eq!(machine.see().rig.disks[0].files, before);
    let report_only = Policy { on_failure: OnFailure::Report, ..policy() };
    assert_eq!(machine.guard_with(report_only).verify().unwrap().outcome.code(), 1);
    assert_eq!(machine.see().running, Some(v("b")));
}

#[test]
fn quarantine_is_lifted_by_a_human_only_and_that_is_recorded() {
    let machine = Machine::new();
    blessed(&machine);
    machine.add("b", bad());
    machine.deploy("b");
    machine.verify();
    let mut guard = machine.guard();
    assert_eq!(guard.rollback(Some(v("b")), "alice").unwrap().outcome.code(), 6);
    guard.pardon(&v("b"), "override", "alice", "the probe was wrong").unwrap();
    let ledger = machine.store().read().0;
    assert_eq!(preflight(&ledger, &v("b")).outcome.code(), 0);
    let [record] = ledger.overrides.as_slice() else { panic!("{:?}", ledger.overrides) };
    assert_eq!((record.by.as_str(), record.kind.as_str()), ("alice", "override"));
    machine.add("b", GOOD);
    machine.deploy("b");
    blessed(&machine);
}

#[test]
fn a_human_goes_back_and_forth_between_good_versions() {
    let machine = Machine::new();
    blessed(&machine);
    machine.add("b", GOOD);
    machine.deploy("b");
    blessed(&machine);
    assert_eq!(machine.guard().rollback(None, "alice").unwrap().outcome, Conclusion::RolledBack);
    blessed(&machine);
    assert_eq!((&machine.see().running, &machine.see().choice.default), (&Some(v("a")), &Some(v("a"))));
    assert_eq!(machine.guard().rollback(None, "alice").unwrap().outcome, Conclusion::RolledBack);
    assert_eq!(machine.see().running, Some(v("b")));
    assert_eq!(machine.guard().rollback(Some(v("z")), "alice").unwrap().outcome.code(), 5);
}

#[test]
fn a_full_disk_does_not_stop_a_rollback_and_the_memory_holds_until_it_is_written() {
    let machine = Machine::new();
    blessed(&machine);
    machine.add("b", bad());
    machine.deploy("b");
    machine.get().rig.disks[0].full = true;
    assert_eq!(machine.verify().outcome, Conclusion::RolledBack);
    assert_eq!(preflight(&machine.store().read().0, &v("b")).outcome.code(), 6);
    machine.get().rig.disks[0].full = false;
    blessed(&machine);
    machine.power_cut();
    assert_eq!(state(&machine, "b"), Assessment::Quarantined);
}

#[test]
fn a_crash_between_the_disk_and_the_memory_leaves_the_newer_ledger() {
    for effects in 0.. {
        let machine = Machine::new();
        blessed(&machine);
        machine.add("b", bad());
        machine.deploy("b");
        machine.get().rig.disks[0].full = true;
        assert_eq!(machine.verify().outcome, Conclusion::RolledBack);
        assert!(machine.see().rig.disks[1].files.contains_key("ledger.json"));
        // there is space again, and the guard is killed on the way from one folder to the other
        machine.get().rig.disks[0].full = false;
        machine.get().rig.fuse = Some(effects);
        let _ = machine.guard().pardon(&v("b"), "release", "alice", "it was the disk");
        let finished = !machine.see().rig.dead;
        (machine.get().rig.dead, machine.get().rig.fuse) = (false, None);
        let on_disk = machine.see().rig.disks[0].files["ledger.json"].clone();
        let on_disk: crate::ledger::Ledger = serde_json::from_slice(&on_disk).unwrap();
        let known = machine.store().read().0;
        assert!(on_disk.overrides.len() <= known.overrides.len(), "forgotten after {effects} effects");
        assert_eq!(state(&machine, "b") == Assessment::Quarantined, known.overrides.is_empty());
        if finished {
            assert_eq!((effects > 4, known.overrides.len()), (true, 1));
            break;
        }
    }
}

#[test]
fn the_last_two_good_versions_are_kept_from_garbage_collection() {
    let machine = Machine::new();
    blessed(&machine);
    for name in ["b", "c"] {
        machine.add(name, GOOD);
        machine.deploy(name);
        blessed(&machine);
    }
    machine.power_cut();
    blessed(&machine);
    assert_eq!(machine.see().pins.iter().collect::<Vec<_>>(), [&v("b"), &v("c")]);
    machine.collect_garbage();
    assert_eq!(machine.guard().rollback(None, "alice").unwrap().outcome, Conclusion::RolledBack);
    assert_eq!(machine.see().running, Some(v("b")));
}

#[test]
fn versions_that_are_gone_are_forgotten_but_for_the_last_fifty_and_the_quarantined() {
    let machine = Machine::new();
    blessed(&machine);
    machine.add("bad", bad());
    machine.deploy("bad");
    assert_eq!(machine.verify().outcome, Conclusion::RolledBack);
    let name = |number: u32| format!("v{number:03}");
    for number in 0..70 {
        machine.add(&name(number), GOOD);
        machine.deploy(&name(number));
        blessed(&machine);
    }
    let ledger = machine.store().read().0;
    assert_eq!(ledger.versions.len(), 72, "none of them is gone");
    machine.collect_garbage();
    blessed(&machine);
    let ledger = machine.store().read().0;
    let known: Vec<_> = ledger.versions.keys().cloned().collect();
    let booted = v("a");
    let expected: Vec<_> =
        [booted, v("bad")].into_iter().chain((20..70).map(|number| v(&name(number)))).collect();
    assert_eq!(known, expected);
    let series = crate::metrics::render(&ledger, None);
    assert!(!series.contains(&name(19)) && series.contains(&name(20)), "{series}");
}

#[test]
fn a_quarantined_version_that_is_installed_all_the_same_is_displaced_by_the_one_that_runs() {
    let machine = Machine::new();
    machine.get().efi = false;
    blessed(&machine);
    machine.add("b", bad());
    machine.deploy("b");
    assert_eq!(machine.verify().outcome, Conclusion::RolledBack);
    machine.install("b");
    blessed(&machine);
    assert_eq!(machine.see().installed, Some(v("a")));
    machine.power_cut();
    assert_eq!(machine.see().booted, Some(v("a")));
}

#[test]
fn a_lost_ledger_is_rebuilt_from_what_is_pinned() {
    let machine = Machine::new();
    blessed(&machine);
    machine.add("b", GOOD);
    machine.deploy("b");
    blessed(&machine);
    let mut disk = SimDisk(machine.clone(), 0);
    for name in ["ledger.json", "ledger.json.previous"] {
        disk.write(name, b"{\"schema\": 1, \"vers").unwrap();
    }
    machine.add("c", bad());
    machine.deploy("c");
    assert_eq!(machine.verify().outcome, Conclusion::RolledBack);
    assert_eq!(machine.see().running, Some(v("b")));
    assert!(machine.see().rig.disks[0].files.contains_key("ledger.json.corrupt"));
}
