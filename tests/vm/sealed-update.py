machine.start(allow_reboot=True)

with subtest("the image boots, with a store that dm-verity protects and nothing that interprets"):
    judged("1")
    settled("1")
    t.assertEqual(machine.succeed("findmnt --noheadings --output SOURCE,FSTYPE /usr").split()[1], "erofs")
    t.assertIn("verified", machine.succeed("veritysetup status usr"))
    t.assertEqual(machine.succeed("findmnt --noheadings --output FSTYPE /").strip(), "tmpfs")
    t.assertEqual(machine.succeed("findmnt --noheadings --output FSTYPE /var").strip(), "ext4")
    machine.fail("touch /usr/x", "touch /nix/store/x", "touch /etc/x")
    names = machine.succeed("ls /nix/store")
    t.assertNotRegex(names, "(?m)^[a-z0-9]{32}-(nix-[0-9]|perl|python3)")
    machine.fail("command -v nix")

with subtest("the disk is used whole"):
    machine.succeed("test $(findmnt --bytes --noheadings --output SIZE /var) -gt 3000000000")

with subtest("the second boot is the same machine"):
    machine_id = machine.succeed("cat /etc/machine-id")
    t.assertRegex(machine_id.strip(), "^[0-9a-f]{32}$")
    machine.reboot()
    judged("1")
    t.assertEqual(machine.succeed("cat /etc/machine-id"), machine_id)
    t.assertEqual(machine.succeed("systemctl --failed --plain --no-legend").strip(), "")

with subtest("a good version gets one boot, and is good"):
    publish(V2)
    update()
    judged("2")
    settled("1", "2")

with subtest("a version that answers wrong is left for the one before, and never comes again"):
    publish(WRONG)
    update()
    judged("2")
    print(quarantined("3"))

with subtest("a good version after a bad one takes its place"):
    publish(V4)
    update()
    judged("4")
    settled("2", "4")
    t.assertEqual(machine.execute("uecho-guard update --to 3")[0], 6)

with subtest("a factory reset takes the state, never the version"):
    machine.succeed("touch /var/lib/canary")
    before = machine.succeed("blkid --output value --match-tag UUID /dev/disk/by-partlabel/var")
    machine.execute("uecho-guard factory-reset")
    machine.reboot()
    judged("4")
    machine.fail("test -e /var/lib/canary")
    after = machine.succeed("blkid --output value --match-tag UUID /dev/disk/by-partlabel/var")
    t.assertNotEqual(before, after)
    settled("2", "4")

with subtest("a /var that is destroyed is made anew, and the version is the same"):
    machine.succeed("touch /var/lib/canary", "sync")
    machine.succeed("wipefs --all --force /dev/disk/by-partlabel/var")
    machine.crash()
    machine.start(allow_reboot=True)
    judged("4")
    machine.fail("test -e /var/lib/canary")
    settled("2", "4")
