//! The commands of the guard that need no machine: what it answers, what it cannot answer, what it refuses to
//! start with, what it writes to the journal, and what it does with image slots.

#![expect(clippy::unwrap_used, reason = "support code of tests may fail loudly, as the tests themselves do")]

#[expect(dead_code, unreachable_pub, reason = "the service's tests need all of it")]
#[path = "support/journal.rs"]
mod journal;
#[expect(unreachable_pub, reason = "it is a module of the service's tests")]
#[path = "support/mounts.rs"]
mod mounts;
#[path = "guard/slots.rs"]
mod slots;

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

use tempfile::{TempDir, tempdir};

/// The longest wait for anything that should happen soon.
const SOON: Duration = Duration::from_secs(30);
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
fn an_unreadable_ledger_does_not_count_as_an_empty_one() {
    let folder = tempdir().unwrap();
    assert_eq!(guard(&folder, "", &["preflight", VERSION]), (0, format!("{VERSION}: may run\n")));
    ledger(&folder, "ledger.json", QUARANTINED);
    assert_eq!(guard(&folder, "", &["preflight", VERSION]).0, 6);
    // the refusal was counted, so a previous file exists
    fs::remove_file(folder.path().join("state/ledger.json.previous")).unwrap();
    ledger(&folder, "ledger.json", &QUARANTINED[..60]);
    let (code, text) = guard(&folder, "", &["preflight", VERSION]);
    assert_eq!(code, 70, "{text}");
    for part in ["no telling whether", VERSION, folder.path().to_str().unwrap()] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
    assert_eq!(guard(&folder, "", &["metrics"]).0, 70);
    // the previous file still has the state
    ledger(&folder, "ledger.json.previous", QUARANTINED);
    assert_eq!(guard(&folder, "", &["preflight", VERSION]).0, 6);
    assert_eq!(guard(&folder, "", &["metrics"]).0, 0);
}

#[test]
fn errors_before_logging_starts_show_no_control_characters() {
    let Output { status, stderr, .. } = Command::new(env!("CARGO_BIN_EXE_uecho-guard"))
        .args(["--config", "/nonexistent/\u{1b}[2J.toml", "status"])
        .output()
        .unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(78));
    assert!(said.starts_with("uecho-guard: configuration: ") && said.contains("\\u001b[2J"), "{said}");
    assert!(!said.trim_end().contains(char::is_control), "{said:?}");
}

#[test]
fn a_relative_folder_is_refused() {
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

#[test]
fn check_config_prints_the_settings_in_effect_and_refuses_wrong_ones() {
    let folder = tempdir().unwrap();
    let (code, text) = guard(&folder, "soak = \"1m\"", &["check-config"]);
    let settings: toml::Table = text.parse().unwrap();
    assert_eq!((code, settings["soak"].as_str(), settings["interval"].as_str()), (0, Some("1m"), Some("2s")));
    let (code, text) = guard(&folder, "sok = \"1m\"", &["check-config"]);
    assert!(code == 78 && text.contains("sok: unknown key"), "{code}: {text}");
}

#[test]
fn a_decision_is_one_entry_of_the_journal_with_the_documented_fields() {
    if !mounts::namespaces() {
        return;
    }
    let (folder, mut journal) = (tempdir().unwrap(), journal::Journal::new());
    // this writes the settings
    guard(&folder, "", &["metrics"]);
    ledger(&folder, "ledger.json", QUARANTINED);
    let stderr = fs::File::create(folder.path().join("stderr")).unwrap();
    let stream = stderr.metadata().map(|file| format!("{}:{}", file.dev(), file.ino())).unwrap();
    let status = journal::namespace(journal.directory.path())
        .args(["-c", "exec \"$0\" --config \"$1\" preflight \"$2\"", env!("CARGO_BIN_EXE_uecho-guard")])
        .args([folder.path().join("guard.toml").as_os_str(), VERSION.as_ref()])
        .env("JOURNAL_STREAM", stream)
        .stdout(Stdio::null())
        .stderr(stderr)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(6));
    let [entry] = journal.entries() else { panic!("{:?}", journal.entries()) };
    for (name, value) in [
        ("SYSLOG_IDENTIFIER", "uecho-guard"),
        ("PRIORITY", "4"),
        ("EVENT", "refused"),
        ("VERSION", VERSION),
        ("STATE", "quarantined"),
    ] {
        assert_eq!(entry.get(name), Some(value), "{name} of {entry:?}");
    }
    let reason = entry.get("REASON").unwrap();
    assert_eq!(entry.get("MESSAGE"), Some(&*format!("refused: {VERSION}: {reason}")));
}
