machine.start(allow_reboot=True)
machine.wait_for_unit("multi-user.target")
machine.wait_for_unit("uecho.service")

with subtest("booted by its own boot loader, from its own disk"):
    machine.succeed("bootctl is-installed")
    status = machine.succeed("bootctl status --no-pager")
    t.assertIn("systemd-boot", status)
    t.assertEqual(machine.succeed("findmnt --noheadings --output FSTYPE /boot").strip(), "vfat")
    t.assertIn("ext4", machine.succeed("findmnt --noheadings --output FSTYPE /nix"))
    machine.fail("mount | grep 9p")

with subtest("serves, and says which system it is"):
    label, toplevel = machine.succeed(
        "cat /run/current-system/nixos-version; echo; readlink --canonicalize /run/current-system"
    ).split()
    serves(label, toplevel)

with subtest("the store is complete, and a generation is registered"):
    machine.succeed("nix-store --query --requisites /run/current-system >/dev/null")
    t.assertEqual(
        machine.succeed("readlink --canonicalize /nix/var/nix/profiles/system"),
        machine.succeed("readlink --canonicalize /run/current-system"),
    )
    machine.succeed("test -e /boot/EFI/BOOT/BOOTX64.EFI -o -e /boot/EFI/BOOT/BOOTAA64.EFI")

with subtest("the disk is used whole"):
    machine.wait_until_succeeds(
        "test $(findmnt --bytes --noheadings --output SIZE /persist) -gt 5000000000", timeout=120
    )

with subtest("the second boot is the same machine"):
    machine_id = machine.succeed("cat /etc/machine-id")
    t.assertRegex(machine_id.strip(), "^[0-9a-f]{32}$")
    machine.reboot()
    machine.wait_for_unit("uecho.service")
    t.assertEqual(machine.succeed("cat /etc/machine-id"), machine_id)
    t.assertEqual(machine.succeed("systemctl --failed --plain --no-legend").strip(), "")
