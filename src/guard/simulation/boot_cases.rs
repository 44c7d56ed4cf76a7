//! What needs a boot: other kernels, trial boots, boot loaders that do not listen.

use crate::{
    report::Conclusion,
    simulation::{
        cases::{bad, blessed, state},
        *,
    },
    version::Assessment,
};

#[test]
fn another_kernel_or_a_failed_switch_needs_a_reboot_and_is_proven_after_it() {
    for (a, b) in [
        (Traits { switches: false, ..GOOD }, bad()),
        (GOOD, Traits { kernel: 2, ..bad() }),
        (Traits { switches: false, ..GOOD }, Traits { kernel: 2, ..bad() }),
    ] {
        let machine = Machine::new();
        machine.add("a", a);
        blessed(&machine);
        machine.add("b", b);
        machine.install("b");
        machine.guard().arm().unwrap();
        machine.power_cut();
        assert_eq!(machine.see().booted, Some(v("b")));
        let report = machine.verify();
        assert_eq!((report.outcome, &machine.see().running), (Conclusion::RolledBack, &Some(v("a"))));
        assert_eq!(machine.store().read().0.reboots, 0);
    }
}

#[test]
fn reboots_are_bounded_and_the_end_of_trying_is_told() {
    let machine = Machine::new();
    blessed(&machine);
    machine.add("a", Traits { switches: false, ..bad() });
    machine.add("b", Traits { kernel: 2, ..bad() });
    // a boot loader that does not listen
    machine.get().efi = false;
    machine.deploy("b");
    let mut reboots = 0;
    let last = loop {
        let report = machine.guard().verify().unwrap();
        if report.outcome != Conclusion::Rebooting {
            break report;
        }
        reboots += 1;
        machine.get().loader_default = Some(v("b"));
        machine.power_cut();
    };
    assert_eq!((reboots, last.outcome), (3, Conclusion::StillUnhealthy));
    assert!(last.text.contains("3 reboots in a row"), "{}", last.text);
}

#[test]
fn however_many_bad_ones_there_were_none_stays_while_nothing_serves() {
    let machine = Machine::new();
    blessed(&machine);
    machine.add("a", Traits { switches: false, ..bad() });
    for number in 0..=policy().max_reboots {
        let version = format!("b{number}");
        machine.add(&version, Traits { kernel: u8::try_from(2 + number).unwrap(), ..bad() });
        machine.install(&version);
        machine.guard().arm().unwrap();
        machine.power_cut();
        assert_eq!(machine.see().booted, Some(v(&version)));
        machine.verify();
        assert_eq!(
            (state(&machine, &version), &machine.see().running),
            (Assessment::Quarantined, &Some(v("a")))
        );
    }
}

#[test]
fn a_version_that_is_not_installed_any_more_loses_its_trial_boot_even_if_nothing_serves() {
    let machine = Machine::new();
    blessed(&machine);
    machine.add("b", Traits { kernel: 2, ..GOOD });
    machine.install("b");
    machine.guard().arm().unwrap();
    assert_eq!(machine.see().choice.oneshot, Some(v("b")));
    machine.add("a", bad());
    machine.install("a");
    assert_eq!(machine.verify().outcome, Conclusion::Unhealthy);
    assert_eq!(machine.see().choice.oneshot, None);
}

#[test]
fn a_trial_boot_that_does_not_come_up_leaves_the_good_default_and_is_remembered() {
    let machine = Machine::new();
    blessed(&machine);
    machine.add("b", Traits { boots: false, kernel: 2, ..GOOD });
    machine.install("b");
    assert_eq!(machine.guard().arm().unwrap().outcome, Conclusion::Good);
    assert_eq!(machine.see().choice, BootChoice { default: Some(v("a")), oneshot: Some(v("b")) });
    machine.power_cut();
    assert_eq!(machine.see().booted, Some(v("a")));
    assert_eq!(machine.verify().outcome, Conclusion::RolledBack);
    assert_eq!((state(&machine, "b"), &machine.see().installed), (Assessment::Quarantined, &Some(v("a"))));
    machine.power_cut();
    assert_eq!((machine.verify().outcome, &machine.see().booted), (Conclusion::Good, &Some(v("a"))));
}

#[test]
fn a_trial_boot_that_does_not_come_up_is_only_told_where_reports_are_all_that_is_wanted() {
    let report_only = || Policy { on_failure: OnFailure::Report, ..policy() };
    let machine = Machine::new();
    blessed(&machine);
    machine.add("b", Traits { boots: false, kernel: 2, ..GOOD });
    machine.install("b");
    machine.guard_with(report_only()).arm().unwrap();
    machine.power_cut();
    let report = machine.guard_with(report_only()).verify().unwrap();
    assert_eq!((report.outcome, &report.version), (Conclusion::Unhealthy, &v("b")));
    assert!(report.text.contains("did not come up"), "{}", report.text);
    let ledger = machine.store().read().0;
    assert!(ledger.versions[&v("b")].failed());
    assert_eq!((state(&machine, "b"), ledger.intent), (Assessment::Staged, None));
    assert_eq!((&machine.see().running, &machine.see().installed), (&Some(v("a")), &Some(v("b"))));
    // once is enough, until somebody installs it again
    assert_eq!(machine.see().choice, BootChoice { default: Some(v("a")), oneshot: None });
    assert_eq!(machine.guard_with(report_only()).verify().unwrap().outcome, Conclusion::Good);
    assert_eq!(machine.see().choice, BootChoice { default: Some(v("a")), oneshot: None });
    machine.guard_with(report_only()).arm().unwrap();
    assert_eq!(machine.see().choice.oneshot, Some(v("b")));
}

#[test]
fn the_first_boot_of_a_version_that_was_blessed_by_a_switch_is_a_trial_once_more() {
    let machine = Machine::new();
    blessed(&machine);
    machine.add("b", Traits { kernel: 2, ..GOOD });
    machine.deploy("b");
    blessed(&machine);
    machine.add("b", Traits { kernel: 2, ..bad() });
    machine.power_cut();
    assert_eq!(machine.see().booted, Some(v("b")));
    assert_eq!(machine.verify().outcome, Conclusion::RolledBack);
    assert_eq!((state(&machine, "b"), &machine.see().running), (Assessment::Quarantined, &Some(v("a"))));
}

#[test]
fn what_a_human_has_set_for_one_boot_stays_unless_it_is_quarantined() {
    let machine = Machine::new();
    blessed(&machine);
    machine.add("b", GOOD);
    machine.deploy("b");
    blessed(&machine);
    machine.get().choice.oneshot = Some(v("a"));
    blessed(&machine);
    assert_eq!(machine.see().choice, BootChoice { default: Some(v("b")), oneshot: Some(v("a")) });
    machine.add("c", bad());
    machine.deploy("c");
    assert_eq!(machine.verify().outcome, Conclusion::RolledBack);
    machine.get().choice.oneshot = Some(v("c"));
    blessed(&machine);
    assert_eq!(machine.see().choice.oneshot, None);
}

#[test]
fn a_trial_boot_that_came_up_and_was_cut_off_gets_another_one_as_often_as_is_allowed() {
    for cuts in 1..=policy().max_attempts {
        let machine = Machine::new();
        blessed(&machine);
        machine.add("b", Traits { kernel: 2, ..GOOD });
        machine.install("b");
        machine.guard().arm().unwrap();
        for cut in 1..=cuts {
            machine.power_cut();
            assert_eq!(machine.see().booted, Some(v("b")));
            // off and on in the middle of the soak, by whatever or whomever
            machine.get().rig.fuse = Some(7);
            assert!(machine.guard().verify().is_err() || machine.see().rig.dead);
            machine.power_cut();
            assert_eq!(machine.see().booted, Some(v("a")));
            let again = cut < policy().max_attempts;
            let (outcome, oneshot, expected) = if again {
                (Conclusion::Good, Some(v("b")), Assessment::Trial)
            } else {
                (Conclusion::RolledBack, None, Assessment::Quarantined)
            };
            assert_eq!(machine.verify().outcome, outcome, "cut {cut}");
            assert_eq!(machine.see().choice, BootChoice { default: Some(v("a")), oneshot });
            assert_eq!(state(&machine, "b"), expected);
        }
        if cuts < policy().max_attempts {
            machine.power_cut();
            blessed(&machine);
            assert_eq!(machine.see().choice, BootChoice { default: Some(v("b")), oneshot: None });
        }
    }
}

#[test]
fn a_version_with_another_kernel_that_was_only_switched_to_gets_one_boot_before_it_is_the_default() {
    let machine = Machine::new();
    blessed(&machine);
    machine.add("b", Traits { kernel: 2, ..GOOD });
    machine.deploy("b");
    blessed(&machine);
    assert_eq!(machine.see().choice, BootChoice { default: Some(v("a")), oneshot: Some(v("b")) });
    machine.power_cut();
    blessed(&machine);
    assert_eq!(machine.see().choice, BootChoice { default: Some(v("b")), oneshot: None });
}

#[test]
fn without_efi_variables_arming_says_so_and_boots_without_a_verdict_are_counted() {
    let machine = Machine::new();
    machine.get().efi = false;
    blessed(&machine);
    machine.add("b", GOOD);
    machine.install("b");
    let report = machine.guard().arm().unwrap();
    assert_eq!(report.outcome, Conclusion::Good);
    assert!(report.text.contains("no EFI variables"), "{}", report.text);
    for _ in 0..3 {
        machine.power_cut();
        // reset in the middle of the soak
        machine.get().rig.fuse = Some(6);
        assert!(machine.guard().verify().is_err() || machine.see().rig.dead);
    }
    machine.power_cut();
    assert_eq!(machine.verify().outcome, Conclusion::RolledBack);
    assert_eq!(machine.see().running, Some(v("a")));
}

#[test]
fn a_good_version_that_can_neither_be_switched_to_nor_booted_again_gives_way_to_the_next() {
    let machine = Machine::new();
    blessed(&machine);
    let stuck = Traits { boots: false, kernel: 2, ..GOOD };
    machine.add("b", stuck.clone());
    machine.deploy("b");
    blessed(&machine);
    machine.add("b", Traits { switches: false, ..stuck });
    machine.add("c", bad());
    machine.deploy("c");
    let report = machine.verify();
    assert_eq!((report.outcome, report.version), (Conclusion::RolledBack, v("a")));
    assert_eq!(
        (state(&machine, "b"), state(&machine, "c")),
        (Assessment::Quarantined, Assessment::Quarantined)
    );
}
