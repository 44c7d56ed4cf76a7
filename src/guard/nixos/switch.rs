//! Runs a version's `switch-to-configuration` in a unit of its own, because it may restart or stop the
//! guard's unit and must not end then. The next guard finds that unit still running, and waits for it.

use std::{path::Path, time::Duration};

use crate::{
    command::{self, QUICK},
    lock,
    nixos::toplevel,
    system::{Result, SystemError},
    version::Version,
};

/// Path in every toplevel.
pub(crate) const PROGRAM: &str = "bin/switch-to-configuration";
/// switch-to-configuration holds a lock on this file while it runs.
const LOCK: &str = "/run/nixos/switch-to-configuration.lock";
const UNIT: &str = "uecho-guard-switch.service";
/// Longest time for a switch; one that takes longer has failed.
const LIMIT: Duration = Duration::from_mins(10);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Runs `switch-to-configuration ACTION` of a version to its end.
///
/// # Errors
/// It cannot be started, or its exit status is not 0.
pub(crate) async fn run(version: &Version, action: &str) -> Result<()> {
    let program = toplevel::path(version).join(PROGRAM);
    let program = program.to_string_lossy();
    // a switch that an earlier guard has started: its result says nothing about this one
    let _ = finish().await;
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

/// Waits until the unit has ended.
async fn finish() -> Result<()> {
    loop {
        let shown = command::must(
            &["systemctl", "show", "--property=ActiveState,Job,Result,ExecMainStatus", UNIT],
            QUICK,
        )
        .await?;
        match ended(&shown) {
            Some(result) => return result,
            None => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
}

/// Result of the unit, from the output of `systemctl show`; `None` if it has not ended. An inactive unit may
/// not have started yet: on a busy machine, the service manager answers before it runs its jobs.
fn ended(shown: &str) -> Option<Result<()>> {
    let value = |key: &str| {
        shown.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap_or_default()
    };
    match (value("ActiveState"), value("Job")) {
        ("activating" | "deactivating" | "reloading", _) => None,
        (_, job) if !matches!(job, "" | "0") => None,
        ("failed", _) => {
            let (result, status) = (value("Result"), value("ExecMainStatus"));
            Some(Err(SystemError(format!("{result}, exit status {status}; see journalctl -u {UNIT}"))))
        }
        _ => Some(Ok(())),
    }
}

/// Makes the name of the unit available again; it is no error if there is no such unit.
async fn forget() {
    for action in ["stop", "reset-failed"] {
        let _ = command::run(&["systemctl", "--quiet", action, UNIT], QUICK).await;
    }
}

/// Whether a switch is under way.
#[must_use]
pub(crate) fn in_progress() -> bool {
    lock::is_held(Path::new(LOCK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_that_waits_for_its_turn_has_not_ended() {
        for (shown, expected) in [
            ("ActiveState=activating\nJob=7\nResult=success\nExecMainStatus=0", None),
            ("ActiveState=inactive\nJob=7\nResult=success\nExecMainStatus=0", None),
            ("ActiveState=failed\nJob=7\nResult=exit-code\nExecMainStatus=4", None),
            ("ActiveState=active\nResult=success\nExecMainStatus=0", Some(true)),
            ("ActiveState=inactive\nJob=0\nResult=success", Some(true)),
            ("ActiveState=failed\nResult=exit-code\nExecMainStatus=4", Some(false)),
        ] {
            assert_eq!(ended(shown).map(|result| result.is_ok()), expected, "{shown}");
        }
    }
}
