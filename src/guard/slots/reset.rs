//! The factory reset: systemd erases the state in the initrd of the next boot (systemd-factory-reset(8)).

use crate::{
    command::QUICK,
    host::Host,
    system::{Result, SystemError},
};

const TARGET: &str = "factory-reset.target";

/// Asks for a factory reset, which ends in a reboot.
///
/// # Errors
/// This machine has no such target, or it failed.
pub(crate) fn request(host: &Host) -> Result<()> {
    let state = host.must(&["systemctl", "show", "--property=LoadState", "--value", TARGET], QUICK)?;
    if state.trim() != "loaded" {
        let state = state.trim();
        return Err(SystemError(format!("{TARGET} is {state}: this machine has no factory reset")));
    }
    host.must(&["systemctl", "start", TARGET], QUICK).map(drop)
}
