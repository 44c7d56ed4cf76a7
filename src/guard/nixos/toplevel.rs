//! A version as NixOS has it: the store path of a toplevel.

use std::{fs, path::Path};

use crate::{
    health::{Subject, identity::Identity},
    version::Version,
};

/// Where the version's toplevel is.
#[must_use]
pub(crate) fn path(version: &Version) -> &Path {
    Path::new(version.as_str())
}

/// The last component of the path: unique, and free of slashes.
#[must_use]
pub(crate) fn base_name(version: &Version) -> &str {
    version.as_str().rsplit('/').next().unwrap_or_default()
}

/// What the checks expect of the version: the label in its `nixos-version`, the hash of its store path, and
/// its own unit files.
#[must_use]
pub(crate) fn subject(version: &Version) -> Subject {
    let path = path(version);
    let label = fs::read_to_string(path.join("nixos-version")).ok();
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.into());
    Subject { identity: Identity::new(label.as_deref(), &real), root: path.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_answers_by_the_label_in_its_toplevel_and_the_hash_of_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let version = Version::new(folder.path().to_string_lossy());
        assert_eq!(subject(&version).identity, Identity::new(None, folder.path()));
        fs::write(folder.path().join("nixos-version"), "26.05 a;b\n").unwrap();
        assert_eq!(subject(&version).identity, Identity::new(Some("26.05 a;b"), folder.path()));
        let gone = Version::new("/nix/store/abc-nixos-system-x");
        assert_eq!(subject(&gone).identity, Identity::new(None, path(&gone)));
        assert_eq!(base_name(&gone), "abc-nixos-system-x");
    }
}
