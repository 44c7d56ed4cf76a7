//! The guard's commands that need no machine: what it can tell, what it cannot, and what it refuses to start with.

#![expect(clippy::unwrap_used, reason = "support code of tests may fail loudly, as the tests themselves do")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use tempfile::{TempDir, tempdir};

const VERSION: &str = "/nix/store/abc-nixos-system-x";

fn guard(folder: &TempDir, settings: &str, arguments: &[&str]) -> (i32, String) {
    let path = |name: &str| folder.path().join(name);
    let (state, run) = (path("state"), path("run"));
    let folders = format!("state_dir = '{}'\nruntime_dir = '{}'\n", state.display(), run.display());
    fs::write(path("guard.toml"), if settings.is_empty() { &folders } else { settings }).unwrap();
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_uecho-guard"))
        .arg("--config")
        .arg(path("guard.toml"))
        .args(arguments)
        .output()
        .unwrap();
    (status.code().unwrap(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

fn ledger(folder: &TempDir, name: &str, text: &str) {
    fs::create_dir_all(folder.path().join("state")).unwrap();
    fs::write(folder.path().join("state").join(name), text).unwrap();
}

const QUARANTINED: &str = r#"{"schema": 1, "versions": {"/nix/store/abc-nixos-system-x":
    {"state": "quarantined", "first_seen": "2026-11-22T00:00:00Z", "refusals": 3}}}"#;

#[test]
fn a_ledger_that_cannot_be_read_is_not_taken_for_an_empty_one() {
    let folder = tempdir().unwrap();
    assert_eq!(guard(&folder, "", &["preflight", VERSION]), (0, format!("{VERSION}: may run\n")));
    ledger(&folder, "ledger.json", QUARANTINED);
    assert_eq!(guard(&folder, "", &["preflight", VERSION]).0, 6);
    // the refusal was counted, so there is a predecessor
    fs::remove_file(folder.path().join("state/ledger.json.previous")).unwrap();
    ledger(&folder, "ledger.json", &QUARANTINED[..60]);
    let (code, text) = guard(&folder, "", &["preflight", VERSION]);
    assert_eq!(code, 70, "{text}");
    for part in ["no telling whether", VERSION, folder.path().to_str().unwrap()] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
    assert_eq!(guard(&folder, "", &["metrics"]).0, 70);
    // its predecessor still knows
    ledger(&folder, "ledger.json.previous", QUARANTINED);
    assert_eq!(guard(&folder, "", &["preflight", VERSION]).0, 6);
    assert_eq!(guard(&folder, "", &["metrics"]).0, 0);
}

#[test]
fn a_folder_that_would_follow_the_working_directory_is_refused() {
    let folder = tempdir().unwrap();
    for key in ["state_dir", "runtime_dir", "profile"] {
        let (code, text) = guard(&folder, &format!("{key} = \"here\""), &["preflight", VERSION]);
        assert_eq!(code, 78, "{key}: {text}");
        for part in [key, "absolute path", "guard.toml"] {
            assert!(text.contains(part), "{part} is missing: {text}");
        }
    }
    assert!(!Path::new("here").exists());
}
