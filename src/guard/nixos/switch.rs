//! Running a version's `switch-to-configuration`, in a unit of its own: it may restart or stop the guard's unit, and must go on all the
//! same. The next guard finds it still running and waits for it.

use std::{fs, os::unix::fs::MetadataExt, path::Path, time::Duration};

use super::{QUICK, command};
use crate::guard::{
    system::{Result, SystemError},
    version::Version,
};

/// In every toplevel.
pub const PROGRAM: &str = "bin/switch-to-configuration";
/// Locked by switch-to-configuration for as long as it works.
const LOCK: &str = "/run/nixos/switch-to-configuration.lock";
const UNIT: &str = "uecho-guard-switch.service";
/// A switch that takes longer has failed.
const LIMIT: Duration = Duration::from_mins(10);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Runs `switch-to-configuration ACTION` of a version to its end.
///
/// # Errors
/// It cannot be started, or ended with another status than 0.
pub async fn run(version: &Version, action: &str) -> Result<()> {
    let program = version.path().join(PROGRAM);
    let program = program.to_string_lossy();
    // one that an earlier guard has started
    finish().await?;
    forget().await;
    let limit = format!("--property=TimeoutStartSec={}", LIMIT.as_secs());
    let unit = format!("--unit={UNIT}");
    let description = format!("--description=Switch to {version}, started by uecho-guard");
    command::must(
        &[
            "systemd-run",
            "--quiet",
            "--no-block",
            "--no-ask-password",
            &unit,
            &description,
            "--service-type=oneshot",
            "--remain-after-exit",
            &limit,
            "--",
            &program,
            action,
        ],
        QUICK,
    )
    .await?;
    let result = finish().await;
    forget().await;
    result.map_err(|error| SystemError(format!("`{program} {action}`: {error}")))
}

/// Waits until the unit is not at work any more.
async fn finish() -> Result<()> {
    loop {
        let state = command::must(
            &["systemctl", "show", "--property=ActiveState,Result,ExecMainStatus", UNIT],
            QUICK,
        )
        .await?;
        let value = |key: &str| {
            state.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap_or_default()
        };
        match value("ActiveState") {
            "activating" | "deactivating" | "reloading" => tokio::time::sleep(LOOK_AGAIN).await,
            "failed" => {
                let (result, status) = (value("Result"), value("ExecMainStatus"));
                return Err(SystemError(format!("{result}, exit status {status}; see journalctl -u {UNIT}")));
            }
            _ => return Ok(()),
        }
    }
}

/// Frees the name of the unit. Whether there was one does not matter.
async fn forget() {
    for action in ["stop", "reset-failed"] {
        let _ = command::run(&["systemctl", "--quiet", action, UNIT], QUICK).await;
    }
}

/// Whether anybody is switching: looked up, not tried, so that nobody's own attempt fails for it.
#[must_use]
pub fn in_progress() -> bool {
    let Ok(lock) = fs::metadata(Path::new(LOCK)) else { return false };
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    is_locked(&locks, lock.dev(), lock.ino())
}

/// Looks for a file in `proc_locks(5)`: `1: FLOCK  ADVISORY  WRITE 123 00:1a:456 0 EOF`.
fn is_locked(locks: &str, device: u64, inode: u64) -> bool {
    let wanted = format!("{:02x}:{:02x}:{inode}", rustix::fs::major(device), rustix::fs::minor(device));
    locks.lines().any(|line| line.split_whitespace().any(|word| word == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_held_is_seen() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let held = || {
            let metadata = file.as_file().metadata().unwrap();
            is_locked(&fs::read_to_string("/proc/locks").unwrap(), metadata.dev(), metadata.ino())
        };
        assert!(!held());
        file.as_file().lock().unwrap();
        assert!(held());
        file.as_file().unlock().unwrap();
        assert!(!held());
    }
}
