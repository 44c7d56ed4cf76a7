//! The choices of systemd-boot. The guard never sets `LoaderEntryDefault`: an entry that it names is booted
//! even if its counter is used up. One that `LoaderEntryPreferred` (systemd 260 and later) names is not.

use crate::{
    command::QUICK,
    efi::variable,
    host::Host,
    images::entry::{self, Entry},
    system::Result,
    version::Version,
};

/// The version of the image whose entry a variable names.
///
/// # Errors
/// The variable is there and cannot be read.
pub(crate) fn chosen(name: &str) -> Result<Option<Version>> {
    // the id of an entry is the name of its file without the counter
    Ok(variable(name)?.and_then(|id| Entry::parse(&id)).map(|(version, _)| version))
}

/// Whether systemd-boot has started this machine, so that its choice can be set.
///
/// # Errors
/// The variable is there and cannot be read.
pub(crate) fn listens() -> Result<bool> {
    Ok(variable("LoaderInfo")?.is_some())
}

/// Runs `bootctl ACTION` with the id of the version's entry, or with an empty one.
///
/// # Errors
/// It failed, or does not know the action.
pub(crate) fn tell(host: &Host, action: &str, version: Option<&Version>) -> Result<()> {
    let id = version.map(entry::good_name).unwrap_or_default();
    host.must(&["bootctl", action, &id], QUICK).map(drop)
}
