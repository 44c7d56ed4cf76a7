//! One test per thing that can happen to an image, and per exit code of an update.

use super::*;
use crate::version::Assessment;

pub(super) const ILL: bool = false;

pub(super) fn shipped() -> Appliance {
    let machine = Appliance::new();
    assert_eq!(machine.verify().outcome, Conclusion::Good);
    machine
}

pub(super) fn state(machine: &Appliance, version: &str) -> Option<Assessment> {
    machine.store().read().0.state(&v(version)).cloned()
}

pub(super) fn counter(machine: &Appliance, version: &str) -> Option<(u32, u32)> {
    let world = machine.see();
    let mut of = world.entries.iter().filter(|entry| entry.version == v(version));
    let entry = of.next().unwrap_or_else(|| panic!("{version} has no entry"));
    assert_eq!(of.next(), None, "{version} has two names");
    entry.counter.map(|counter| (counter.left, counter.done))
}

pub(super) fn newest(machine: &Appliance) -> Report {
    machine.update(&Wish::default())
}

pub(super) fn by_name(machine: &Appliance, version: &str, why: Option<&str>) -> Report {
    let why = why.map(str::to_owned);
    machine.update(&Wish { to: Some(v(version)), why, ..Wish::default() })
}

#[test]
fn a_good_image_is_blessed_in_one_boot_and_the_other_slot_keeps_the_one_before() {
    let machine = shipped();
    machine.publish("2", release(2));
    let report = newest(&machine);
    assert_eq!((report.outcome, report.version), (Conclusion::Good, v("2")));
    assert_eq!((machine.runs(), machine.see().rig.boots_in_total), (v("2"), 2));
    assert_eq!((counter(&machine, "2"), counter(&machine, "1")), (None, None));
    let ledger = machine.store().read().0;
    assert_eq!((ledger.last_good, ledger.floor), (Some(v("2")), Some(v("2"))));
    assert_eq!(ledger.versions[&v("2")].usrhash, Some(hash(2)));
    assert_eq!(machine.see().preferred, None);
    assert!(newest(&machine).text.contains("up to date"));
}

#[test]
fn an_image_that_answers_wrong_is_left_behind_marked_and_refused_whatever_it_has_in_it() {
    let machine = shipped();
    machine.publish("2", Release { healthy: ILL, ..release(2) });
    newest(&machine);
    assert_eq!((machine.runs(), machine.see().rig.boots_in_total), (v("1"), 3));
    assert_eq!((state(&machine, "2"), counter(&machine, "2")), (Some(Assessment::Quarantined), Some((0, 1))));
    assert_eq!(machine.see().rig.verdicts.last(), Some(&Conclusion::RolledBack));
    assert_eq!(machine.see().preferred, None);
    // on the disk it is not offered again; once its slot is gone it is, as if it were new
    assert!(newest(&machine).text.contains("up to date"));
    machine.get().entries.retain(|entry| entry.version == v("1"));
    for number in [2, 3] {
        machine.publish("2", release(number));
        let report = newest(&machine);
        assert_eq!(report.outcome.code(), 6, "{}", report.text);
        assert!(report.text.contains("probe: ill"), "{}", report.text);
    }
    assert_eq!(machine.store().read().0.versions[&v("2")].refusals, 2);
    // by name it is refused before anything is asked
    machine.get().down = u32::MAX;
    assert_eq!(by_name(&machine, "2", None).outcome.code(), 6);
    machine.get().down = 0;
    // a newer good one is not held up
    machine.publish("2.1", release(4));
    newest(&machine);
    assert_eq!((machine.runs(), state(&machine, "2.1")), (v("2.1"), Some(Assessment::Blessed)));
    assert_eq!(state(&machine, "2"), Some(Assessment::Quarantined));
}

#[test]
fn an_image_that_does_not_come_up_gets_its_boots_and_is_remembered_with_their_number() {
    let machine = shipped();
    machine.publish("2", Release { boots: false, ..release(2) });
    newest(&machine);
    assert_eq!((machine.runs(), machine.see().rig.boots_in_total), (v("1"), 1 + TRIES + 1));
    assert_eq!((state(&machine, "2"), counter(&machine, "2")), (Some(Assessment::Quarantined), Some((0, 3))));
    let reason = machine.store().read().0.versions[&v("2")].last_verdict.clone().unwrap().reason;
    assert!(reason.contains("counter is used up") && reason.contains("3 boots"), "{reason}");
    assert_eq!(machine.guard().verify().unwrap().outcome, Conclusion::Good);
}

#[test]
fn while_a_version_is_on_trial_nothing_is_downloaded() {
    let machine = shipped();
    machine.publish("2", release(2));
    machine.try_update(&Wish::default()).unwrap();
    machine.publish("3", release(3));
    machine.power_cut();
    assert_eq!(machine.see().running, v("2"));
    for wish in [Wish::default(), Wish { to: Some(v("3")), why: Some("now".into()), ..Wish::default() }] {
        let report = machine.try_update(&wish).unwrap();
        assert_eq!(report.outcome.code(), 75, "{}", report.text);
    }
    // blessed, and systemd-bless-boot has yet to come
    assert_eq!(machine.guard().verify().unwrap().outcome, Conclusion::Good);
    let report = machine.try_update(&Wish::default()).unwrap();
    assert_eq!(report.outcome.code(), 75, "{}", report.text);
    assert!(report.text.contains("systemd-bless-boot"), "{}", report.text);
    assert_eq!(counter(&machine, "1"), None);
    machine.bless_boot();
    newest(&machine);
    assert_eq!(machine.see().running, v("3"));
}

#[test]
fn a_machine_whose_every_version_is_bad_stays_up_says_so_and_can_still_be_updated() {
    let machine = Appliance::new();
    machine.get().releases.insert(1, Release { healthy: ILL, ..release(1) });
    // nothing tells a shipped image from one that was blessed before the ledger was lost
    assert_eq!(machine.verify().outcome.code(), 1);
    let machine = shipped();
    machine.publish("2", Release { healthy: ILL, ..release(2) });
    machine.get().releases.insert(1, Release { healthy: ILL, ..release(1) });
    newest(&machine);
    assert_eq!((machine.runs(), machine.verify().outcome), (v("1"), Conclusion::Unhealthy));
    machine.publish("3", release(3));
    newest(&machine);
    assert_eq!((machine.runs(), state(&machine, "3")), (v("3"), Some(Assessment::Blessed)));
    // quarantined, alone, and running: it has nothing to lose
    let machine = Appliance::new();
    machine.get().releases.insert(1, Release { healthy: ILL, ..release(1) });
    machine.get().entries[0].counter = Some(Counter { left: 2, done: 1 });
    assert_eq!(machine.verify().outcome, Conclusion::NowhereToGo);
    machine.power_cut();
    assert_eq!(machine.verify().outcome, Conclusion::NowhereToGo);
    machine.publish("2", release(2));
    newest(&machine);
    assert_eq!(machine.see().running, v("2"));
}

#[test]
fn two_bad_ones_in_a_row_end_on_the_last_good_one() {
    let machine = shipped();
    machine.publish("2", Release { boots: false, ..release(2) });
    newest(&machine);
    machine.publish("3", Release { healthy: ILL, ..release(3) });
    newest(&machine);
    assert_eq!(machine.see().running, v("1"));
    for bad in ["2", "3"] {
        assert_eq!(state(&machine, bad), Some(Assessment::Quarantined), "{bad}");
    }
}

#[test]
fn however_many_bad_ones_there_were_none_stays_while_nothing_serves() {
    let machine = shipped();
    machine.get().releases.insert(1, Release { healthy: ILL, ..release(1) });
    for number in 2..=2 + 2 * policy().max_reboots {
        let bad = number.to_string();
        machine.publish(&bad, Release { healthy: ILL, ..release(u8::try_from(number).unwrap()) });
        newest(&machine);
        assert_eq!((machine.runs(), state(&machine, &bad)), (v("1"), Some(Assessment::Quarantined)));
    }
}

#[test]
fn without_its_ledger_the_guard_learns_from_the_boot_partition() {
    for factory_reset in [false, true] {
        let machine = shipped();
        machine.publish("2", Release { healthy: ILL, ..release(2) });
        newest(&machine);
        machine.get().rig.disks = Default::default();
        if factory_reset {
            machine.power_cut();
        }
        assert_eq!(machine.verify().outcome, Conclusion::Good);
        assert_eq!(machine.see().running, v("1"));
        assert_eq!(state(&machine, "1"), Some(Assessment::Blessed));
        assert_eq!(state(&machine, "2"), Some(Assessment::Quarantined));
        assert_eq!(by_name(&machine, "2", None).outcome.code(), 6);
        assert_eq!(machine.store().read().0.floor, Some(v("1")));
    }
}

#[test]
fn a_blessed_version_with_another_content_is_on_trial_again() {
    let machine = shipped();
    machine.publish("2", release(2));
    newest(&machine);
    let mut ledger = machine.store().read().0;
    ledger.versions.get_mut(&v("2")).unwrap().usrhash = Some(hash(9));
    machine.store().save(&mut ledger).unwrap();
    machine.get().releases.insert(2, Release { healthy: ILL, ..release(2) });
    machine.power_cut();
    machine.verify();
    assert_eq!((machine.runs(), state(&machine, "2")), (v("1"), Some(Assessment::Quarantined)));
}

#[test]
fn a_blessed_version_whose_counter_was_used_up_by_cuts_gets_its_name_back() {
    let machine = shipped();
    machine.publish("2", release(2));
    machine.try_update(&Wish::default()).unwrap();
    machine.power_cut();
    assert_eq!(machine.guard().verify().unwrap().outcome, Conclusion::Good);
    for _ in 0..2 {
        // before systemd-bless-boot
        machine.power_cut();
        assert_eq!(machine.see().running, v("2"));
    }
    machine.power_cut();
    assert_eq!((machine.runs(), counter(&machine, "2")), (v("1"), Some((0, 3))));
    assert_eq!(machine.verify().outcome, Conclusion::Good);
    assert_eq!(counter(&machine, "2"), None);
    machine.power_cut();
    assert_eq!((machine.verify().outcome, machine.runs()), (Conclusion::Good, v("2")));
}

#[test]
fn before_its_first_verdict_a_version_that_is_alone_is_not_updated_either() {
    let machine = Appliance::new();
    machine.get().entries[0].counter = Some(Counter { left: 2, done: 1 });
    machine.publish("2", release(2));
    assert_eq!(newest(&machine).outcome.code(), 75);
    assert_eq!(machine.verify().outcome, Conclusion::Good);
    newest(&machine);
    assert_eq!(machine.runs(), v("2"));
}

#[test]
fn a_ledger_that_is_lost_in_the_last_boot_of_a_trial_does_not_condemn_what_runs() {
    let machine = shipped();
    machine.publish("2", release(2));
    machine.try_update(&Wish::default()).unwrap();
    for _ in 0..TRIES {
        machine.power_cut();
    }
    assert_eq!((machine.runs(), counter(&machine, "2")), (v("2"), Some((0, 3))));
    machine.get().rig.disks = Default::default();
    assert_eq!((machine.verify().outcome, machine.runs()), (Conclusion::Good, v("2")));
    assert_eq!(state(&machine, "2"), Some(Assessment::Blessed));
}
