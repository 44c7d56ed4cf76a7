//! What systemd-boot was told. Never `LoaderEntryDefault`: an entry by its exact name is booted also when its
//! counter is used up. `LoaderEntryPreferred` (systemd 260 and later) is not.

use crate::{
    command::QUICK,
    efi::variable,
    host::Host,
    images::entry::{self, Entry},
    system::Result,
    version::Version,
};

/// The version of an image that a variable with the id of an entry names.
///
/// # Errors
/// The variable is there and cannot be read.
pub(crate) fn chosen(name: &str) -> Result<Option<Version>> {
    // an id is the name of a file without its counter
    Ok(variable(name)?.and_then(|id| Entry::parse(&id)).map(|(version, _)| version))
}

/// Whether systemd-boot has started this machine, so that it can be told anything.
///
/// # Errors
/// The variable is there and cannot be read.
pub(crate) fn listens() -> Result<bool> {
    Ok(variable("LoaderInfo")?.is_some())
}

/// Runs `bootctl ACTION` with the id of the version's entry, or with none.
///
/// # Errors
/// It failed, or does not know the action.
pub(crate) fn tell(host: &Host, action: &str, version: Option<&Version>) -> Result<()> {
    let id = version.map(entry::good_name).unwrap_or_default();
    host.must(&["bootctl", action, &id], QUICK).map(drop)
}
