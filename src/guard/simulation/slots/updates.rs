//! Downloads that fail, lie, arrive broken or are cut off: judged by what is there, and begun anew.

use super::{
    cases::{counter, shipped},
    *,
};
use crate::system::System as _;

#[test]
fn a_download_gets_a_second_chance_and_no_third() {
    for (manner, part) in [
        (Download::Fails, "has been tampered with"),
        (Download::Lies, "reports success, but no boot entry of it is there"),
    ] {
        let machine = shipped();
        machine.publish("2", release(2));
        (machine.get().download, machine.get().times) = (manner, 2);
        let report = machine.update(&Wish::default());
        assert_eq!((report.outcome.code(), machine.runs()), (70, v("1")));
        assert!(report.text.contains(part), "{}", report.text);
        // nothing is left half written
        assert!(machine.see().partitions[2..].iter().all(|partition| partition.label == EMPTY));
        machine.get().times = 1;
        machine.update(&Wish::default());
        assert_eq!(machine.see().running, v("2"), "{manner:?}");
    }
}

#[test]
fn a_boot_partition_without_room_is_told_before_the_way_back_is_erased() {
    let machine = shipped();
    machine.publish("2", release(2));
    machine.update(&Wish::default());
    machine.publish("3", release(3));
    machine.get().full = true;
    let before = machine.see().partitions.clone();
    let report = machine.update(&Wish::default());
    assert_eq!((report.outcome.code(), machine.runs()), (70, v("2")), "{}", report.text);
    assert_eq!(report.text, "not installed: no room");
    assert_eq!((&machine.see().partitions, machine.see().entries.len()), (&before, 2));
    let look = Wish { check: true, ..Wish::default() };
    assert_eq!(machine.try_update(&look).unwrap_err().0, "no room");
    machine.get().full = false;
    machine.update(&Wish::default());
    assert_eq!(machine.runs(), v("3"));
}

#[test]
fn a_manifest_without_its_signature_is_asked_for_again_and_then_told() {
    let machine = shipped();
    machine.publish("2", release(2));
    machine.get().down = u32::MAX;
    assert!(machine.try_update(&Wish::default()).unwrap_err().0.contains("Signature"));
    assert_eq!(machine.see().partitions[2].label, EMPTY);
    machine.get().down = 1;
    machine.update(&Wish::default());
    assert_eq!(machine.see().running, v("2"));
}

#[test]
fn a_slot_that_does_not_keep_what_is_written_is_found_before_any_reboot_and_is_not_the_versions_fault() {
    let machine = shipped();
    machine.publish("2", release(2));
    (machine.get().download, machine.get().times) = (Download::Flips, 1);
    let report = machine.update(&Wish::default());
    assert_eq!((report.outcome.code(), machine.see().rig.boots_in_total), (70, 1));
    assert!(report.text.contains("Verification failed"), "{}", report.text);
    assert_eq!(machine.see().entries.len(), 1);
    machine.update(&Wish::default());
    assert_eq!(machine.see().running, v("2"));
}

#[test]
fn a_look_changes_nothing() {
    let machine = shipped();
    let look = |to: Option<&str>| {
        let wish = Wish { to: to.map(v), check: true, ..Wish::default() };
        Guard::peek(machine.clone(), machine.store(), policy()).update(&wish).unwrap()
    };
    assert!(look(None).text.contains("up to date"));
    machine.publish("2", Release { healthy: false, ..release(2) });
    assert!(look(None).text.contains("would be installed"));
    machine.update(&Wish::default());
    machine.get().rig.fuse = Some(0);
    assert_eq!(look(Some("2")).outcome.code(), 6);
    assert_eq!(look(Some("0.9")).outcome.code(), 6);
    assert!(!machine.see().rig.dead);
}

#[test]
fn what_an_update_has_left_is_staged_by_the_next_one_without_the_server() {
    let machine = shipped();
    machine.publish("2", release(2));
    machine.get().update(&v("2")).unwrap();
    machine.get().down = u32::MAX;
    let report = machine.update(&Wish::default());
    assert_eq!((report.outcome, machine.runs()), (Conclusion::Good, v("2")), "{}", report.text);
}

#[test]
fn a_boot_entry_that_leads_nowhere_is_not_what_the_next_boot_starts() {
    let machine = shipped();
    machine.publish("2", release(2));
    machine.get().update(&v("2")).unwrap();
    machine.get().partition(5).type_id = Uuid::from_u128(PENDING);
    assert_eq!(machine.verify().outcome, Conclusion::Good);
    assert_eq!(machine.see().preferred, Some(v("1")));
    machine.update(&Wish::default());
    assert_eq!((machine.runs(), machine.see().preferred.clone()), (v("2"), None));
}

/// Every effect of an update and of the trial after it, one after the other, as the last one before a crash.
#[test]
fn a_crash_at_each_single_effect_ends_where_no_crash_ends() {
    let mut crashes = 0;
    let kinds =
        [release(3), Release { healthy: false, ..release(3) }, Release { boots: false, ..release(3) }];
    for (kind, power) in kinds.into_iter().flat_map(|kind| [(kind, false), (kind, true)]) {
        for effects in 0.. {
            let machine = shipped();
            machine.publish("2", release(2));
            machine.update(&Wish::default());
            machine.publish("3", kind);
            machine.get().rig.fuse = Some(effects);
            let _ = machine.try_update(&Wish::default());
            if !machine.see().rig.dead {
                if !machine.see().rig.reboot_asked {
                    break;
                }
                // the fuse goes on through the trial
                let left = machine.see().rig.fuse;
                machine.power_cut();
                machine.get().rig.fuse = left;
                let ended = machine.guard().verify().is_ok() && !machine.see().rig.dead;
                if ended {
                    break;
                }
            }
            crashes += 1;
            (machine.get().rig.dead, machine.get().rig.fuse) = (false, None);
            if power || machine.see().rig.reboot_asked {
                machine.power_cut();
            }
            machine.verify();
            machine.update(&Wish::default());
            machine.verify();
            let good = kind.boots && kind.healthy;
            let expected = if good { v("3") } else { v("2") };
            assert_eq!(machine.see().running, expected, "{kind:?} after {effects} effects");
            if good {
                assert_eq!(counter(&machine, "3"), None);
            }
            assert!(
                machine
                    .see()
                    .partitions
                    .iter()
                    .all(|partition| { FINAL.contains(&partition.type_id.as_u128()) })
            );
        }
    }
    assert!(crashes > 100, "{crashes} crashes");
}

/// Starts an update that is cut off after so many effects, and switches the machine off and on. Returns
/// whether there were as many.
fn cut_off(machine: &Appliance, effects: u32, wish: &Wish) -> bool {
    machine.get().rig.fuse = Some(effects);
    let _ = machine.try_update(wish);
    let cut = machine.see().rig.dead;
    (machine.get().rig.dead, machine.get().rig.fuse) = (false, None);
    machine.power_cut();
    cut
}

fn runs_from_a_whole_slot(machine: &Appliance) {
    let runs = machine.runs();
    assert!(machine.images().unwrap().unwrap().is_whole(&runs), "{runs} runs from a slot that is free");
}

#[test]
fn a_version_that_is_erased_for_a_newer_one_is_not_started_any_more() {
    for (effects, alone) in (0..60).flat_map(|effects| [(effects, false), (effects, true)]) {
        let machine = if alone { Appliance::new() } else { shipped() };
        if alone {
            // what runs is bad, has no boots left, and there is nothing to go back to
            machine.get().releases.insert(1, Release { healthy: false, ..release(1) });
            machine.get().entries[0].counter = Some(Counter { left: 0, done: 3 });
            assert_eq!(machine.verify().outcome, Conclusion::NowhereToGo);
        }
        machine.publish("2", release(2));
        machine.get().update(&v("2")).unwrap();
        machine.publish("3", release(3));
        cut_off(&machine, effects, &Wish::default());
        runs_from_a_whole_slot(&machine);
        machine.verify();
        machine.update(&Wish::default());
        assert_eq!(machine.runs(), v("3"), "after {effects} effects");
    }
}

#[test]
fn the_good_version_before_stays_for_as_long_as_nothing_is_downloaded() {
    let machine = shipped();
    machine.publish("2", release(2));
    machine.update(&Wish::default());
    machine.get().down = u32::MAX;
    let report = machine.update(&Wish { to: Some(v("3")), ..Wish::default() });
    assert_eq!(report.outcome.code(), 70, "{}", report.text);
    assert_eq!(machine.guard().rollback(None, "root").unwrap().outcome, Conclusion::Rebooting);
}

#[test]
fn a_good_version_that_is_erased_is_not_started_although_it_is_higher_and_a_human_wanted_it_once() {
    for effects in 0.. {
        let machine = shipped();
        machine.publish("2", release(2));
        machine.update(&Wish::default());
        machine.guard().rollback(None, "root").unwrap();
        machine.power_cut();
        machine.verify();
        // firmware may lose its variables
        (machine.get().preferred, machine.get().oneshot) = (None, Some(v("2")));
        machine.publish("3", release(3));
        let cut = cut_off(&machine, effects, &Wish::default());
        runs_from_a_whole_slot(&machine);
        machine.verify();
        machine.update(&Wish::default());
        assert_eq!(machine.runs(), v("3"), "after {effects} effects");
        if !cut {
            break;
        }
    }
}

#[test]
fn a_good_version_that_is_downloaded_once_more_is_not_good_before_it_has_run() {
    for effects in 0.. {
        let machine = shipped();
        for (version, number) in [("2", 2), ("3", 3)] {
            machine.publish(version, release(number));
            machine.update(&Wish::default());
        }
        (machine.get().download, machine.get().times) = (Download::Flips, 1);
        let wish = Wish { to: Some(v("1")), why: Some("3 is too slow".into()), ..Wish::default() };
        let cut = cut_off(&machine, effects, &wish);
        assert_eq!((machine.verify().outcome, machine.runs()), (Conclusion::Good, v("3")));
        let report = machine.guard().rollback(None, "root").unwrap();
        if report.outcome == Conclusion::Rebooting {
            machine.power_cut();
            assert_eq!((machine.verify().outcome, machine.runs()), (Conclusion::RolledBack, v("2")));
        } else {
            assert_eq!(report.outcome, Conclusion::NowhereToGo, "after {effects} effects");
        }
        if !cut {
            break;
        }
    }
}

#[test]
fn what_became_of_the_last_look_is_remembered_also_over_the_reboot_that_it_asks_for() {
    let machine = shipped();
    let last = || {
        let look = machine.guard().ledger().look.clone().unwrap();
        (look.state, look.version, look.last_success)
    };
    let told = |state: &str, version: &str, success| (state.to_owned(), v(version), success);
    machine.update(&Wish::default());
    let first = last().2;
    assert_eq!(last(), told("up_to_date", "1", first));
    assert!(first.is_some());
    machine.publish("2", Release { healthy: false, ..release(2) });
    machine.get().rig.clock += Duration::from_hours(24);
    machine.update(&Wish::default());
    let second = last().2;
    assert_eq!(machine.runs(), v("1"));
    assert!(second > first, "{second:?} {first:?}");
    assert_eq!(last(), told("switched", "2", second));
    machine.update(&Wish { to: Some(v("2")), ..Wish::default() });
    assert_eq!(last(), told("quarantined", "2", second));
    machine.get().down = u32::MAX;
    machine.try_update(&Wish::default()).unwrap_err();
    assert_eq!(last(), told("unreachable", "1", second));
    machine.get().down = 0;
    machine.publish("3", release(3));
    (machine.get().download, machine.get().times) = (Download::Fails, 2);
    machine.update(&Wish::default());
    assert_eq!(last(), told("unreachable", "3", second));
    (machine.get().download, machine.get().times) = (Download::Flips, 1);
    machine.update(&Wish::default());
    assert_eq!(last(), told("failed", "3", second));
    let wish = Wish { by: "root".into(), ..Wish::default() };
    machine.guard().update(&wish).unwrap();
    assert_eq!((last().0, last().1), ("waiting".into(), v("3")));
    machine.guard().update(&Wish { check: true, ..wish }).unwrap();
    assert_eq!(last().0, "waiting");
}
