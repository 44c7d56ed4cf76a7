//! systemd-sysupdate and veritysetup: which version is offered, its download, and the check of what was
//! written.

use std::{path::Path, time::Duration};

use serde::Deserialize;

use crate::{
    command::{self, QUICK},
    host::Host,
    system::{Result, SystemError},
    version::Version,
};

/// Time limit of a download.
const DOWNLOAD: Duration = Duration::from_hours(2);
/// Reading a whole slot takes minutes on the slowest disks.
const READ: Duration = Duration::from_mins(30);

/// What starts a program that must not outlive the guard, however that ends: without the guard's lock it
/// would write into the slot that the next update writes into.
const ENDS_WITH_US: [&str; 3] = ["setpriv", "--pdeathsig", "KILL"];

/// `systemd-sysupdate --json=short check-new`
#[derive(Deserialize)]
struct Offer {
    available: Option<String>,
}

/// The version that is offered, if it is newer than those installed.
///
/// # Errors
/// The program failed; the text has its last line.
pub(crate) fn available(host: &Host, program: &Path) -> Result<Option<Version>> {
    let program = program.to_string_lossy();
    let argv = [&*program, "--json=short", "check-new"];
    let ended = host.runtime().block_on(command::run(&argv, QUICK))?;
    // it exits with 1 both when there is nothing new and when it has failed; only then it says nothing
    let failed = || SystemError(format!("`{}`: {}: {}", argv.join(" "), ended.status, ended.last_line()));
    offer(&ended.stdout).map_err(|_| failed())
}

fn offer(stdout: &str) -> serde_json::Result<Option<Version>> {
    let offer: Offer = serde_json::from_str(stdout.trim())?;
    Ok(offer.available.map(Version::new))
}

/// Installs a version by its name, so that it cannot install a newer one.
///
/// # Errors
/// It failed. Its success does not mean that the version is installed.
pub(crate) fn update(host: &Host, program: &Path, version: &Version) -> Result<()> {
    let program = program.to_string_lossy();
    let argv = [&ENDS_WITH_US[..], &[&*program, "update", version.as_str()]].concat();
    host.must(&argv, DOWNLOAD).map(drop)
}

/// Compares the whole store with its hash tree, and the hash tree with its root hash.
///
/// # Errors
/// They differ, or cannot be read.
pub(crate) fn verify(host: &Host, program: &Path, [store, verity]: [&Path; 2], hash: &str) -> Result<()> {
    let [program, store, verity] = [program, store, verity].map(Path::to_string_lossy);
    host.must(&[&program, "verify", &store, &verity, hash], READ).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_new_is_told_from_no_answer() {
        assert_eq!(offer("{\"available\":\"1.1.0\"}\n").unwrap(), Some(Version::new("1.1.0")));
        assert_eq!(offer("{\"available\":null}\n").unwrap(), None);
        for wrong in ["", "1.1.0\n", "{\"available\":1}"] {
            assert!(offer(wrong).is_err(), "{wrong}");
        }
    }
}
