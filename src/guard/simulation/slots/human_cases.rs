//! What a human wants of images: an older one, a bad one once more, the one before.

use super::{
    cases::{ILL, by_name, counter, newest, shipped, state},
    *,
};
use crate::version::Assessment;

#[test]
fn an_older_version_is_installed_for_a_human_with_a_reason_only() {
    let machine = shipped();
    for (version, number) in [("2", 2), ("3", 3)] {
        machine.publish(version, release(number));
        newest(&machine);
    }
    // an old manifest once more
    machine.get().offers.remove(&v("3"));
    assert!(newest(&machine).text.contains("up to date"));
    machine.publish("2.5", release(4));
    let report = by_name(&machine, "2.5", None);
    assert_eq!(report.outcome.code(), 6);
    assert!(report.text.contains("3 was blessed, and this is lower"), "{}", report.text);
    assert_eq!(counter(&machine, "2"), None);
    by_name(&machine, "2.5", Some("3 is too slow"));
    let ledger = machine.store().read().0;
    assert_eq!((machine.runs(), ledger.floor), (v("2.5"), Some(v("3"))));
    assert_eq!(ledger.overrides[0].reason, "3 is too slow");
}

#[test]
fn a_bad_image_runs_once_more_for_a_human_with_a_reason_whether_it_is_still_there_or_not() {
    for gone in [false, true] {
        let machine = shipped();
        machine.publish("2", Release { healthy: ILL, ..release(2) });
        newest(&machine);
        if gone {
            machine.get().entries.retain(|entry| entry.version == v("1"));
        }
        machine.get().releases.insert(2, release(2));
        machine.get().offers.insert(v("2"), release(2));
        by_name(&machine, "2", Some("it was the network"));
        assert_eq!(machine.see().running, v("2"), "{gone}");
        assert_eq!((state(&machine, "2"), counter(&machine, "2")), (Some(Assessment::Blessed), None));
    }
}

#[test]
fn a_human_goes_back_to_an_older_good_image_and_an_update_leads_on_from_there() {
    let machine = shipped();
    machine.publish("2", release(2));
    newest(&machine);
    assert_eq!(machine.guard().rollback(None, "root").unwrap().outcome, Conclusion::Rebooting);
    assert_eq!(machine.see().preferred, Some(v("1")));
    machine.power_cut();
    assert_eq!((machine.verify().outcome, machine.runs()), (Conclusion::RolledBack, v("1")));
    machine.power_cut();
    assert_eq!((machine.verify().outcome, machine.runs()), (Conclusion::Good, v("1")));
    // what a human has left is not told to be installed again
    assert!(by_name(&machine, "2", None).text.contains("rollback --to"));
    machine.publish("3", release(3));
    newest(&machine);
    assert_eq!((machine.runs(), machine.see().preferred.clone()), (v("3"), None));
}

#[test]
fn the_last_good_version_is_not_overwritten_from_an_older_one_that_does_not_serve() {
    let machine = shipped();
    machine.publish("2", release(2));
    newest(&machine);
    machine.get().releases.insert(1, Release { healthy: ILL, ..release(1) });
    machine.guard().rollback(None, "root").unwrap();
    machine.power_cut();
    assert_eq!((machine.verify().outcome, machine.runs()), (Conclusion::StillUnhealthy, v("1")));
    machine.publish("3", release(3));
    let report = newest(&machine);
    assert_eq!(report.outcome.code(), 75, "{}", report.text);
    assert!(report.text.contains("2 in the other slot was the last good one"), "{}", report.text);
    assert_eq!(machine.guard().rollback(None, "root").unwrap().outcome, Conclusion::Rebooting);
    machine.power_cut();
    assert_eq!((machine.verify().outcome, machine.runs()), (Conclusion::RolledBack, v("2")));
}

#[test]
fn a_bad_image_that_a_human_has_set_for_one_boot_is_not_started() {
    let machine = shipped();
    machine.publish("2", Release { healthy: ILL, ..release(2) });
    newest(&machine);
    machine.get().oneshot = Some(v("2"));
    assert_eq!(machine.verify().outcome, Conclusion::Good);
    assert_eq!(machine.see().oneshot, None);
    machine.get().oneshot = Some(v("2"));
    machine.get().releases.insert(1, Release { healthy: ILL, ..release(1) });
    assert_eq!(machine.verify().outcome, Conclusion::Unhealthy);
    assert_eq!(machine.see().oneshot, None);
}

#[test]
fn a_human_goes_on_to_an_image_that_never_ran_by_a_reboot_only() {
    let machine = shipped();
    machine.publish("2", release(2));
    machine.try_update(&Wish::default()).unwrap();
    machine.get().rig.reboot_asked = false;
    assert_eq!(machine.guard().rollback(Some(v("2")), "root").unwrap().outcome, Conclusion::Rebooting);
    machine.power_cut();
    assert_eq!((machine.verify().outcome, machine.runs()), (Conclusion::RolledBack, v("2")));
}

#[test]
fn a_bad_image_whose_slot_has_been_erased_in_part_is_not_started_for_a_human_but_downloaded_again() {
    let machine = shipped();
    machine.publish("2", Release { healthy: ILL, ..release(2) });
    newest(&machine);
    machine.get().partition(4).label = EMPTY.into();
    machine.get().releases.insert(2, release(2));
    machine.get().offers.insert(v("2"), release(2));
    machine.guard().pardon(&v("2"), "release", "root", "it was the network").unwrap();
    machine.power_cut();
    assert_eq!((machine.verify().outcome, machine.runs()), (Conclusion::Good, v("1")));
    newest(&machine);
    assert_eq!((machine.runs(), state(&machine, "2")), (v("2"), Some(Assessment::Blessed)));
}
