//! What the machine is asked and told. All of it are programs that are there anyway.

use std::{
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io,
    process::Stdio,
    time::Duration,
};

use tokio::process::Command;
use uecho_probe::exit;

use crate::manifest::StorePath;

const CURRENT: &str = "/run/current-system";
const PROFILE: &str = "/nix/var/nix/profiles/system";
/// The same name as for a deployment over ssh: two of them cannot run at once.
const UNIT: &str = "uecho-deploy.service";

/// It keeps what was fetched from garbage collection until it is switched to.
const ROOT: &str = "/run/uecho-pull/fetched";

/// What the guard thinks of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opinion {
    /// It may run.
    Fine,
    /// It must not.
    Quarantined,
}

/// The system that runs.
///
/// # Errors
/// As realpath(3).
pub(crate) fn running() -> io::Result<String> {
    fs::canonicalize(CURRENT).map(|path| path.to_string_lossy().into_owned())
}

/// When the turn of this machine comes within the window of a wave: always the same time after it has seen
/// the release, and another one for each machine, machine-id(5).
pub(crate) fn turn(window: Duration) -> Duration {
    let id = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    spread(id.trim(), window)
}

fn spread(id: &str, window: Duration) -> Duration {
    // without keys: the same on each machine and after each start
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    let seconds = window.as_secs();
    Duration::from_secs(hasher.finish().checked_rem(seconds).unwrap_or_default())
}

/// Asks the guard. It counts how often a version in quarantine is offered again.
///
/// # Errors
/// It cannot answer.
pub(crate) async fn preflight(system: &StorePath) -> Result<Opinion, String> {
    match run(Command::new("uecho-guard").args(["preflight", system.as_str()])).await? {
        0 => Ok(Opinion::Fine),
        status if status == i32::from(exit::QUARANTINED) => Ok(Opinion::Quarantined),
        status => Err(format!("uecho-guard preflight has ended with {status}")),
    }
}

/// Whether the guard is judging a version, or a deployment is under way.
///
/// # Errors
/// The service manager cannot answer.
pub(crate) async fn is_busy() -> Result<bool, String> {
    // `is-active` says no of a oneshot service that is starting
    let units = ["uecho-guard.service", "uecho-guard-switch.service", UNIT];
    let mut show = Command::new("systemctl");
    show.args(["show", "--property=ActiveState", "--value"]).args(units).stdout(Stdio::piped());
    let output = show.kill_on_drop(true).output().await.map_err(|error| format!("systemctl: {error}"))?;
    if !output.status.success() {
        return Err(format!("systemctl show has ended with {}", output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().any(under_way))
}

fn under_way(state: &str) -> bool {
    matches!(state, "activating" | "deactivating" | "reloading" | "refreshing" | "active")
}

/// Fetches the system and everything that it needs from the binary caches of `nix.conf`; Nix checks who has
/// signed it.
///
/// # Errors
/// No cache has it, or the signature is wrong.
pub(crate) async fn realise(system: &StorePath) -> Result<(), String> {
    match run(Command::new("nix-store").args(["--realise", system.as_str(), "--add-root", ROOT])).await? {
        0 => Ok(()),
        status => Err(format!("nix-store --realise has ended with {status}")),
    }
}

/// Makes the machine run a system now and after each boot. A transient unit does it: what this service is
/// allowed to do, and whether it lives, does not matter to the switch.
///
/// # Errors
/// The switch has failed.
pub(crate) async fn switch(system: &StorePath) -> Result<(), String> {
    let script = format!(
        "nix-env --profile {PROFILE} --set {system} && exec {system}/bin/switch-to-configuration switch"
    );
    let mut command = Command::new("systemd-run");
    command.args(["--collect", "--no-ask-password", "--pipe", "--quiet", "--wait", "--unit", UNIT]);
    command.args(["--setenv=PATH", "--setenv=HOME=/root", "/bin/sh", "-c", &script]);
    let ended = run(&mut command).await;
    // the profile keeps it from now on, for as long as it does; if there is none, nothing was kept
    let _ = fs::remove_file(ROOT);
    match ended? {
        0 => Ok(()),
        status => Err(format!("the switch has ended with {status}")),
    }
}

/// Runs a program to its end; what it says is for the journal.
async fn run(command: &mut Command) -> Result<i32, String> {
    let name = command.as_std().get_program().display().to_string();
    let ended = command.stdin(Stdio::null()).kill_on_drop(true).status().await;
    let status = ended.map_err(|error| format!("{name}: {error}"))?;
    status.code().ok_or_else(|| format!("{name} was ended by a signal"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_within_the_window_and_differ() {
        let window = Duration::from_mins(10);
        let turns: Vec<_> = (0..100).map(|id| spread(&format!("{id:032x}"), window)).collect();
        assert!(turns.iter().all(|turn| *turn < window));
        let first_half = turns.iter().filter(|turn| **turn < window / 2).count();
        assert!((30..=70).contains(&first_half), "{first_half}");
        assert_eq!(spread("a", window), spread("a", window));
        assert_eq!(spread("a", Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn a_oneshot_service_at_work_is_activating() {
        assert!(under_way("activating") && under_way("deactivating") && under_way("active"));
        assert!(!under_way("inactive") && !under_way("failed") && !under_way(""));
    }
}
