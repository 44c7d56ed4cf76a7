//! Generations of a profile, and garbage collector roots that protect versions.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use crate::{
    command::{self, QUICK},
    nixos::toplevel,
    system::{Result, SystemError},
    version::Version,
};

/// Every link in this folder is a root of the garbage collector.
const ROOTS: &str = "/nix/var/nix/gcroots/uecho-guard";

/// A profile: a link to one of its numbered generations.
pub(crate) struct Profile(PathBuf);

impl Profile {
    /// The profile at this path.
    #[must_use]
    pub(crate) fn new(path: &Path) -> Self {
        Self(path.into())
    }

    /// The version that it points to; `None` if there is no such profile.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn current(&self) -> Result<Option<Version>> {
        match fs::canonicalize(&self.0) {
            Ok(path) => Ok(Some(Version::new(path.to_string_lossy()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(SystemError::file(&self.0, &error)),
        }
    }

    /// Points the profile to a version, as its newest generation: the installer of a boot loader drops the
    /// oldest entries, and this version must not be dropped after many newer ones were tried.
    ///
    /// # Errors
    /// nix-env failed.
    pub(crate) async fn install(&self, version: &Version) -> Result<()> {
        let profile = self.0.to_string_lossy();
        // nix-env makes no new generation if the newest one is this version already
        command::must(&["nix-env", "--profile", &profile, "--set", &version.to_string()], QUICK).await?;
        // the sync of a folder makes the names in it durable
        self.0.parent().map_or(Ok(()), sync)
    }
}

fn sync(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| SystemError::file(folder, &error))
}

/// Versions with a root that the guard has made.
///
/// # Errors
/// The folder cannot be read.
pub(crate) fn pins() -> Result<Vec<Version>> {
    let roots = Path::new(ROOTS);
    match fs::read_dir(roots) {
        Ok(folder) => {
            let target = |entry: io::Result<fs::DirEntry>| fs::read_link(entry.ok()?.path()).ok();
            let there = |path: &PathBuf| path.exists();
            Ok(folder
                .filter_map(target)
                .filter(there)
                .map(|path| Version::new(path.to_string_lossy()))
                .collect())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(SystemError::file(roots, &error)),
    }
}

fn root(version: &Version) -> PathBuf {
    Path::new(ROOTS).join(toplevel::base_name(version))
}

/// Makes a root for a version.
///
/// # Errors
/// The link cannot be made.
pub(crate) fn pin(version: &Version) -> Result<()> {
    let root = root(version);
    fs::create_dir_all(ROOTS).map_err(|error| SystemError::file(Path::new(ROOTS), &error))?;
    match symlink(toplevel::path(version), &root) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        other => other.map_err(|error| SystemError::file(&root, &error))?,
    }
    sync(Path::new(ROOTS))
}

/// Removes the root of a version.
///
/// # Errors
/// The link cannot be removed.
pub(crate) fn unpin(version: &Version) -> Result<()> {
    let root = root(version);
    match fs::remove_file(&root) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(SystemError::file(&root, &error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_leads_to_a_version_through_its_generation() {
        let root = tempfile::tempdir().unwrap();
        let folder = fs::canonicalize(root.path()).unwrap();
        let profile = Profile::new(&folder.join("system"));
        assert_eq!(profile.current().unwrap(), None);
        fs::create_dir(folder.join("two")).unwrap();
        symlink(folder.join("two"), folder.join("system-9-link")).unwrap();
        symlink("system-9-link", folder.join("system")).unwrap();
        assert_eq!(profile.current().unwrap(), Some(Version::new(folder.join("two").to_string_lossy())));
    }
}
