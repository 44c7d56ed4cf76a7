//! Every key can be set, and what is wrong is named.

use super::{slots::AfterUpdate, *};

fn load(text: &str) -> Result<Settings, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    Settings::load(Some(file.path())).map_err(|error| error.to_string())
}

#[test]
fn every_key_can_be_set() {
    let text = r#"
        soak = "5s"
        interval = "500ms"
        grace = "3s"
        max_reboots = 1
        max_attempts = 2
        on_failure = "report"
        probe = false
        url = "unix:/run/uecho/public.sock"
        timeout = "1s"
        units = ["a.service", "b.service"]
        checks = [{ name = "disk", command = ["test", "-w", "/var"], timeout = "3s" }]
        state_dir = "/s"
        runtime_dir = "/r"
        backend = "slots"
        profile = "/p"
        [slots]
        boot = "/efi"
        disk = "/dev/vda"
        after_update = "wait"
        sysupdate = "/bin/sysupdate"
        veritysetup = "/bin/veritysetup"
        os_release = "/o"
        cmdline = "/c"
    "#;
    let settings = load(text).unwrap();
    assert_eq!(settings.policy().on_failure, OnFailure::Report);
    assert_eq!(settings.checks[0].timeout, DurationValue::secs(3));
    let keys = serde_json::to_value(&settings).unwrap();
    assert_eq!(settings.slots.after_update, AfterUpdate::Wait);
    let tables = [&keys, &keys["slots"]].map(|table| table.as_object().unwrap().keys());
    for key in tables.into_iter().flatten().filter(|key| *key != "slots") {
        assert!(text.contains(&format!("{key} = ")), "{key} is not tried here");
    }
}

#[test]
fn what_is_wrong_is_named_with_key_file_and_what_would_be_right() {
    for (text, parts) in [
        ("sok = \"1s\"", ["sok: unknown key", "soak, interval"]),
        ("soak = 30", ["soak: expected a duration", "\"2s\""]),
        ("interval = \"0s\"", ["interval: expected", "\"2s\""]),
        ("on_failure = \"panic\"", ["on_failure", "rollback"]),
        ("checks = [{ name = \"x\" }]", ["checks", "`command` is missing"]),
        ("checks = [{ name = \"x\", command = [] }]", ["checks[0].command", "/bin/true"]),
        ("url = \"ftp://x\"", ["url: ", "http://"]),
        ("soak = \"1s\"\nsoak", [":2: not TOML", ""]),
        ("state_dir = \"state\"", ["state_dir: expected an absolute path", "/var/lib/uecho-guard"]),
        ("runtime_dir = \"\"", ["runtime_dir: expected an absolute path", "/run/uecho-guard"]),
        ("profile = \"../system\"", ["profile: expected an absolute path", "/nix/var/nix/profiles/system"]),
        ("slots.disk = \"vda\"", ["slots.disk: expected an absolute path", "/dev/vda"]),
        ("slots.boot = \"efi\"", ["slots.boot: expected an absolute path", "\"/boot\""]),
        ("slots.tries = 3", ["slots.tries: unknown key", "boot, disk"]),
        ("backend = \"ostree\"", ["backend", "slots"]),
        ("slots.after_update = \"now\"", ["slots.after_update", "wait"]),
        ("probe = false\nunits = []", ["probe: ", "checks"]),
    ] {
        let error = load(text).unwrap_err();
        assert!(parts.iter().all(|part| error.contains(part)), "{text}: {error}");
        assert!(error.contains("/tmp") && error.starts_with("configuration: "), "{text}: {error}");
    }
    assert!(
        Settings::load(Some(Path::new("/nonexistent.toml")))
            .unwrap_err()
            .to_string()
            .contains("/nonexistent.toml")
    );
}
