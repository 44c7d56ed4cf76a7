//! Generations of a profile, and roots that keep versions from garbage collection.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use super::{QUICK, command, failed};
use crate::guard::{system::Result, version::Version};

/// Every link in it is a root of the garbage collector.
const ROOTS: &str = "/nix/var/nix/gcroots/uecho-guard";

/// A profile: a link to one of its numbered generations.
pub struct Profile(PathBuf);

impl Profile {
    /// The profile at this path.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self(path.into())
    }

    /// The version it points to; `None` when there is no such profile.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn current(&self) -> Result<Option<Version>> {
        match fs::canonicalize(&self.0) {
            Ok(path) => Ok(Some(Version::new(path.to_string_lossy()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&self.0, &error)),
        }
    }

    /// The latest generation that is this version.
    #[must_use]
    pub fn generation(&self, version: &Version) -> Option<u64> {
        let folder = fs::read_dir(self.0.parent()?).ok()?;
        let prefix = format!("{}-", self.0.file_name()?.to_string_lossy());
        let number = |entry: io::Result<fs::DirEntry>| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            let number = name.strip_prefix(&prefix)?.strip_suffix("-link")?.parse::<u64>().ok()?;
            (fs::canonicalize(entry.path()).ok()? == version.path()).then_some(number)
        };
        folder.filter_map(number).max()
    }

    /// Points the profile to a version: to its generation, else to a new one.
    ///
    /// # Errors
    /// nix-env failed.
    pub async fn install(&self, version: &Version) -> Result<()> {
        let profile = self.0.to_string_lossy();
        let path = version.to_string();
        let number = self.generation(version).map(|number| number.to_string());
        let action = match &number {
            Some(number) => ["--switch-generation", number],
            None => ["--set", &path],
        };
        command::must(&["nix-env", "--profile", &profile, action[0], action[1]], QUICK).await?;
        // names are durable once their folder is
        self.0.parent().map_or(Ok(()), sync)
    }
}

fn sync(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| failed(folder, &error))
}

/// Versions that have a root of ours.
///
/// # Errors
/// The folder cannot be read.
pub fn pins() -> Result<Vec<Version>> {
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
        Err(error) => Err(failed(roots, &error)),
    }
}

fn root(version: &Version) -> PathBuf {
    Path::new(ROOTS).join(version.base_name())
}

/// Gives a version a root.
///
/// # Errors
/// The link cannot be made.
pub fn pin(version: &Version) -> Result<()> {
    let root = root(version);
    fs::create_dir_all(ROOTS).map_err(|error| failed(Path::new(ROOTS), &error))?;
    match symlink(version.path(), &root) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        other => other.map_err(|error| failed(&root, &error))?,
    }
    sync(Path::new(ROOTS))
}

/// Takes its root away.
///
/// # Errors
/// The link cannot be removed.
pub fn unpin(version: &Version) -> Result<()> {
    let root = root(version);
    match fs::remove_file(&root) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&root, &error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_are_found_by_where_they_lead() {
        let root = tempfile::tempdir().unwrap();
        let folder = fs::canonicalize(root.path()).unwrap();
        let version = |name: &str| Version::new(folder.join(name).to_string_lossy());
        for name in ["one", "two"] {
            fs::create_dir(folder.join(name)).unwrap();
        }
        for (number, name) in [(1, "one"), (9, "two"), (10, "one"), (11, "gone")] {
            symlink(folder.join(name), folder.join(format!("system-{number}-link"))).unwrap();
        }
        symlink(folder.join("two"), folder.join("other-12-link")).unwrap();
        let profile = Profile::new(&folder.join("system"));
        assert_eq!(profile.current().unwrap(), None);
        symlink("system-9-link", folder.join("system")).unwrap();
        assert_eq!(profile.current().unwrap(), Some(version("two")));
        assert_eq!(profile.generation(&version("one")), Some(10));
        assert_eq!(profile.generation(&version("two")), Some(9));
        assert_eq!(profile.generation(&version("three")), None);
    }
}
