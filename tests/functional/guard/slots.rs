//! Image slots: a folder is the boot partition, a file is the disk, and scripts stand for systemd-sysupdate
//! and veritysetup.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use gptman::{GPT, GPTPartitionEntry};
use tempfile::{TempDir, tempdir};

use crate::guard;

const SECTOR: u64 = 512;
const FINAL: [u8; 2] = [0xa, 0xb];
const PARTIAL: u8 = 0xdc;

/// The root hash that names the partitions of a slot.
fn hash(slot: u8) -> String {
    [slot, slot + 100].map(|byte| format!("{byte:02x}").repeat(16)).concat()
}

/// A PE file with nothing but a `.cmdline`.
fn boot_image(slot: u8) -> Vec<u8> {
    let command_line = format!("root=tmpfs usrhash={}", hash(slot));
    let mut image = vec![0; 0x400];
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"MZ");
    put(0x3c, &0x80_u32.to_le_bytes());
    put(0x80, b"PE\0\0\x64\x86\x01\0");
    put(0x94, &112_u16.to_le_bytes());
    put(0x98, &0x20b_u16.to_le_bytes());
    let section = 0x98 + 112;
    put(section, b".cmdline");
    put(section + 8, &u32::try_from(command_line.len()).unwrap().to_le_bytes());
    put(section + 16, &[0, 2, 0, 0, 0, 2, 0, 0]);
    put(0x200, command_line.as_bytes());
    image
}

/// A disk with two slots; each has a label, and whether both parts have their final type.
fn disk(path: &Path, slots: [(&str, bool); 2]) {
    let mut file = fs::File::options().read(true).write(true).create(true).truncate(true).open(path).unwrap();
    file.set_len(4096 * SECTOR).unwrap();
    let mut table = GPT::new_from(&mut file, SECTOR, [7; 16]).unwrap();
    for (slot, (label, whole)) in (1_u8..).zip(slots) {
        for (part, suffix) in ["", "_verity"].into_iter().enumerate() {
            let number = u32::from(slot) * 2 + u32::try_from(part).unwrap();
            let label = if label == "_empty" { label.to_owned() } else { format!("uecho_{label}{suffix}") };
            table[number] = GPTPartitionEntry {
                partition_type_guid: [if whole { FINAL[part] } else { PARTIAL }; 16],
                unique_partition_guid: [slot + if part == 0 { 0 } else { 100 }; 16],
                starting_lba: u64::from(number) * 100,
                ending_lba: u64::from(number) * 100 + 50,
                attribute_bits: 0,
                partition_name: label.as_str().into(),
            };
        }
    }
    table.write_into(&mut file).unwrap();
}

fn labels(path: &Path) -> Vec<String> {
    let table = GPT::find_from(&mut fs::File::open(path).unwrap()).unwrap();
    let used = table.iter().filter(|(_, entry)| entry.is_used());
    used.map(|(_, entry)| entry.partition_name.as_str().to_owned()).collect()
}

struct Appliance(TempDir);

impl Appliance {
    /// 1.0 runs from the first slot and is blessed, the second is free.
    fn new() -> Self {
        let this = Self(tempdir().unwrap());
        fs::create_dir_all(this.path("boot/EFI/Linux")).unwrap();
        this.entry("uecho_1.0.efi", 1);
        disk(&this.path("disk"), [("1.0", true), ("_empty", true)]);
        fs::write(this.path("os-release"), "IMAGE_ID=uecho\nIMAGE_VERSION=1.0\n").unwrap();
        fs::write(this.path("cmdline"), format!("quiet usrhash={}\n", hash(1))).unwrap();
        this.program("sysupdate", "echo '{\"available\":null}'; exit 1");
        this.program("veritysetup", "echo \"$@\" >\"$0.called\"");
        let (code, text) = this.guard(&["verify"]);
        assert_eq!(code, 0, "{text}");
        this
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn entry(&self, name: &str, slot: u8) {
        fs::write(self.path("boot/EFI/Linux").join(name), boot_image(slot)).unwrap();
    }

    fn entries(&self) -> Vec<String> {
        let files = fs::read_dir(self.path("boot/EFI/Linux")).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn program(&self, name: &str, script: &str) {
        fs::write(self.path(name), format!("#!/bin/sh\ncd '{}'\n{script}\n", self.0.path().display()))
            .unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The server has 1.1, and the program installs it in this manner.
    fn offer(&self, update: &str) {
        self.entry("../../../new.efi", 2);
        disk(&self.path("new.disk"), [("1.0", true), ("1.1", true)]);
        let script = format!(
            r#"case "$*:$(ls boot/EFI/Linux)" in
            *check-new:*1.1*) echo '{{"available":null}}' ;;
            *check-new:*) echo '{{"available":"1.1"}}' ;;
            "update 1.1":*) {update} ;;
            *) exit 9 ;;
            esac"#
        );
        self.program("sysupdate", &script);
    }

    fn guard(&self, arguments: &[&str]) -> (i32, String) {
        let path = |name: &str| self.path(name).display().to_string();
        let common = "backend = 'slots'\nprobe = false\nunits = []\nsoak = '10ms'\ninterval = '10ms'\n\
            checks = [{ name = 'x', command = ['true'] }]\n";
        let folders = format!("state_dir = '{}'\nruntime_dir = '{}'\n", path("state"), path("run"));
        let slots = [
            ("boot", "boot"),
            ("disk", "disk"),
            ("sysupdate", "sysupdate"),
            ("veritysetup", "veritysetup"),
            ("os_release", "os-release"),
            ("cmdline", "cmdline"),
        ]
        .map(|(key, file)| format!("{key} = '{}'\n", path(file)));
        let settings = format!("{common}{folders}[slots]\nafter_update = 'wait'\n{}", slots.concat());
        guard(&self.0, &settings, arguments)
    }
}

const INSTALL: &str = "cp new.efi boot/EFI/Linux/uecho_1.1+3-0.efi; cp new.disk disk";

#[test]
fn an_image_is_installed_verified_and_staged() {
    let machine = Appliance::new();
    assert_eq!(machine.guard(&["update"]).0, 0);
    machine.offer(INSTALL);
    assert_eq!(machine.guard(&["update", "--check"]), (0, "1.1: would be installed\n".into()));
    assert_eq!((machine.entries().len(), machine.path("veritysetup.called").exists()), (1, false));
    let (code, text) = machine.guard(&["update"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("the next boot is its trial"), "{text}");
    let called = fs::read_to_string(machine.path("veritysetup.called")).unwrap();
    let disk = machine.path("disk").display().to_string();
    assert_eq!(called.trim(), format!("verify {disk}4 {disk}5 {}", hash(2)));
    let status = machine.guard(&["status"]).1;
    for line in [
        "next boot    1.1 (on trial, 3 boots left)",
        "slot         1.1 (staged, 3 boots left)",
        "slot         1.0 (blessed), runs",
        "staged       1.1",
        "floor        1.0",
    ] {
        assert!(status.lines().any(|other| other == line), "{line} is missing from\n{status}");
    }
    let json: serde_json::Value = serde_json::from_str(&machine.guard(&["status", "--json"]).1).unwrap();
    assert_eq!(
        (&json["slots"]["staged"], &json["slots"]["versions"][0]["tries_left"]),
        (&"1.1".into(), &3.into())
    );
}

#[test]
fn what_a_download_has_not_achieved_is_not_taken_for_an_image() {
    for (update, veritysetup, expected) in [
        ("exit 0", "exit 0", "reports success, but no boot entry"),
        ("echo tampered >&2; exit 1", "exit 0", "tampered"),
        (INSTALL, "echo Verification failed >&2; exit 1", "Verification failed"),
    ] {
        let machine = Appliance::new();
        machine.offer(update);
        machine.program("veritysetup", veritysetup);
        let (code, text) = machine.guard(&["update"]);
        assert_eq!(code, 70, "{text}");
        assert!(text.contains(expected), "{text}");
        assert_eq!(machine.entries(), ["uecho_1.0.efi"]);
        assert_eq!(labels(&machine.path("disk")), ["uecho_1.0", "uecho_1.0_verity", "_empty", "_empty"]);
    }
}

#[test]
fn what_an_update_has_left_half_written_is_told_and_freed_and_the_running_slot_is_left_alone() {
    let machine = Appliance::new();
    disk(&machine.path("disk"), [("1.0", true), ("1.1", false)]);
    fs::write(machine.path("boot/EFI/Linux/.sysupdate.partial.1.1"), "half").unwrap();
    let status = machine.guard(&["status"]).1;
    assert!(status.contains("half written 1.1, by an update"), "{status}");
    machine.offer(INSTALL);
    assert_eq!(machine.guard(&["update", "--check"]).0, 0);
    assert_eq!((labels(&machine.path("disk"))[2].as_str(), machine.entries().len()), ("uecho_1.1", 2));
    machine.offer("exit 1");
    let (code, text) = machine.guard(&["update"]);
    assert!(code == 70 && text.contains("event=\"slot_reset\""), "{text}");
    assert_eq!(labels(&machine.path("disk")), ["uecho_1.0", "uecho_1.0_verity", "_empty", "_empty"]);
    assert_eq!(machine.entries(), ["uecho_1.0.efi"]);
}

#[test]
fn an_update_that_must_not_be_is_refused_with_its_exit_code_and_asks_nobody() {
    let machine = Appliance::new();
    machine.program("sysupdate", "touch asked; exit 9");
    for (arguments, expected, part) in [
        (&["update", "--to", "0.9"][..], 6, "1.0 was blessed, and this is lower"),
        (&["update", "--to", "1_1"], 2, "lower-case letters, digits"),
        (&["rollback", "--to", "1+1"], 70, "has a '+'"),
        (&["rollback", "--to", "1.1"], 5, "no such version"),
    ] {
        let (code, text) = machine.guard(arguments);
        assert_eq!(code, expected, "{text}");
        assert!(text.contains(part), "{text}");
    }
    fs::rename(
        machine.path("boot/EFI/Linux/uecho_1.0.efi"),
        machine.path("boot/EFI/Linux/uecho_1.0+2-1.efi"),
    )
    .unwrap();
    let (code, text) = machine.guard(&["update"]);
    assert!(code == 75 && text.contains("systemd-bless-boot"), "{code} {text}");
    fs::write(machine.path("cmdline"), format!("usrhash={}", hash(3))).unwrap();
    let (code, text) = machine.guard(&["update"]);
    assert!(code == 70 && text.contains("os-release says 1.0"), "{code} {text}");
    fs::write(machine.path("cmdline"), "quiet").unwrap();
    let (code, text) = machine.guard(&["update"]);
    assert!(code == 70 && text.contains("usrhash="), "{code} {text}");
    fs::write(machine.path("os-release"), "ID=nixos\n").unwrap();
    let (code, text) = machine.guard(&["update"]);
    assert!(code == 70 && text.contains("IMAGE_VERSION"), "{code} {text}");
    assert!(!machine.path("asked").exists());
}

#[test]
fn a_machine_without_slots_says_which_setting_is_missing() {
    let folder = tempdir().unwrap();
    for command in ["update", "factory-reset"] {
        let (code, text) = guard(&folder, "", &[command]);
        assert!(code == 78 && text.contains("backend: expected \"slots\""), "{code} {text}");
    }
}
