//! The receipt names the system that serves: the label of the configuration and the store hash that
//! `current_system` leads to, at start and after every reload.

use std::{os::unix::fs::symlink, path::Path};

use rustix::process::Signal;

use crate::{
    probe,
    support::{Builder, Uecho, logged},
};

/// A service whose `current_system` is the link `system` in its own directory. Without a target, [`point`]
/// makes the link after the start.
fn started(label: &str, target: Option<&str>) -> (Uecho, tempfile::TempDir) {
    let directory = tempfile::TempDir::new().unwrap();
    let link = directory.path().join("system");
    if let Some(target) = target {
        symlink(target, &link).unwrap();
    }
    let config = format!("system = '{label}'\ncurrent_system = '{}'", link.display());
    (Builder::new().config(&config).start(), directory)
}

/// Replaces the link in one step, as a switch of the system does.
fn point(directory: &Path, target: &str) {
    symlink(target, directory.join("new")).unwrap();
    std::fs::rename(directory.join("new"), directory.join("system")).unwrap();
}

#[track_caller]
fn reload(uecho: &mut Uecho) {
    uecho.notify.clear();
    uecho.signal(Signal::HUP);
    assert!(uecho.notify.wait_for("READY=1"), "{}", uecho.stderr());
}

/// Checks `system` in every place that shows a receipt.
#[track_caller]
fn assert_system(uecho: &Uecho, system: &str) {
    let field = format!("; system={system}; ");
    for answer in
        [uecho.get("/x"), uecho.get("/healthz"), uecho.get("/api/v1/none"), uecho.get_ops("/version")]
    {
        assert!(answer.header("x-uecho-receipt").unwrap().contains(&field), "{answer:?}");
    }
    assert_eq!(uecho.get_ops("/version").json()["system"], system);
    for path in ["/api/v1/echo", "/api/v1/fanout/x"] {
        assert_eq!(uecho.get(path).json()["receipt"]["system"], system, "{path}");
    }
    let metrics = uecho.get_ops("/metrics").text();
    let series: Vec<_> = metrics.lines().filter(|line| line.starts_with("uecho_build_info{")).collect();
    assert_eq!(series.len(), 1, "no series of another system stays: {series:?}");
    assert!(series[0].contains(&format!("system=\"{system}\"")), "{series:?}");
}

#[test]
fn the_running_system_is_named_at_start_and_after_a_reload() {
    let (mut uecho, directory) = started("26.05", Some("/nix/store/aaa111-nixos-system-node-26.05"));
    assert_system(&uecho, "26.05+aaa111");
    point(directory.path(), "/nix/store/bbb222-nixos-system-node-26.05");
    assert_system(&uecho, "26.05+aaa111");
    reload(&mut uecho);
    assert_system(&uecho, "26.05+bbb222");
    assert!(!uecho.stderr().contains("WARN"), "{}", uecho.stderr());

    // a probe that expects exactly this system is healthy
    let url = format!("http://{}", uecho.public);
    let expecting = |system: &'static str| ["--url", &url, "--expect-system", system].map(str::to_owned);
    let args = expecting("26.05+bbb222");
    probe::healthy(&args.each_ref().map(String::as_str));
    for other in ["26.05+aaa111", "26.05"] {
        let line = probe::unhealthy(&expecting(other).each_ref().map(String::as_str));
        assert!(line.ends_with(&format!("system is `26.05+bbb222`, expected `{other}`")), "{line}");
    }
}

#[test]
fn a_link_that_names_no_system_is_unknown_with_a_warning() {
    let (mut uecho, directory) = started("26.05", None);
    assert_system(&uecho, "26.05+unknown");
    let path = directory.path().join("system").display().to_string();
    let warned = |uecho: &Uecho, reason: &str| {
        let log = logged(uecho, reason);
        let parts = ["WARN", "current_system: ", &path, reason];
        assert!(log.lines().any(|line| parts.iter().all(|part| line.contains(part))), "{log}");
    };
    warned(&uecho, "No such file");
    point(directory.path(), "/srv/aaa111-system");
    reload(&mut uecho);
    assert_system(&uecho, "26.05+unknown");
    warned(&uecho, "leads to /srv/aaa111-system");
    point(directory.path(), "/nix/store/ccc333-nixos");
    reload(&mut uecho);
    assert_system(&uecho, "26.05+ccc333");
}

#[test]
fn the_label_and_the_link_are_settings_that_a_reload_changes() {
    let (mut uecho, directory) = started("26.05", Some("/nix/store/aaa111-nixos"));
    let pid = uecho.child.id();
    std::fs::write(uecho.config_file(), "system = '26.11'").unwrap();
    reload(&mut uecho);
    assert_system(&uecho, "26.11");
    let link = directory.path().join("system");
    std::fs::write(uecho.config_file(), format!("current_system = '{}'", link.display())).unwrap();
    reload(&mut uecho);
    assert_system(&uecho, "unknown+aaa111");
    assert!(!uecho.stderr().contains("restart"), "{}", uecho.stderr());
    assert_eq!(uecho.child.id(), pid);
}

#[test]
fn the_name_of_the_node_stays_until_a_restart() {
    let mut uecho = Uecho::with("instance = 'node-a'");
    std::fs::write(uecho.config_file(), "instance = 'node-b'").unwrap();
    reload(&mut uecho);
    assert_eq!(uecho.get_ops("/version").json()["instance"], "node-a");
    logged(&uecho, "a restart is needed for instance");
}

#[test]
fn the_environment_names_the_link_as_well() {
    let directory = tempfile::TempDir::new().unwrap();
    symlink("/nix/store/aaa111-nixos", directory.path().join("system")).unwrap();
    let link = directory.path().join("system").display().to_string();
    let uecho = Builder::new().config("system = 'l'").env("UECHO_CURRENT_SYSTEM", link).start();
    assert_system(&uecho, "l+aaa111");
}
