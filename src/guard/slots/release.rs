//! The running version, from os-release and the kernel command line.

use std::{fs, path::Path};

use crate::{
    images::{entry::RootHash, partition::IMAGE_ID},
    system::{Result, SystemError},
    version::Version,
};

/// `IMAGE_VERSION` of an os-release(5) file.
///
/// # Errors
/// It cannot be read, or belongs to another image.
pub(crate) fn version(path: &Path) -> Result<Version> {
    let text = fs::read_to_string(path).map_err(|error| SystemError::file(path, &error))?;
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='));
        line.map(|value| value.trim_matches(['"', '\''])).unwrap_or_default()
    };
    let (id, version) = (value("IMAGE_ID"), value("IMAGE_VERSION"));
    if id != IMAGE_ID || version.is_empty() {
        return Err(SystemError(format!(
            "{}: IMAGE_ID is `{id}` and IMAGE_VERSION `{version}`, expected `{IMAGE_ID}` and a version: is \
                this a sealed appliance?",
            path.display()
        )));
    }
    Ok(Version::new(version))
}

/// `usrhash=` of the kernel command line.
///
/// # Errors
/// It cannot be read.
pub(crate) fn root_hash(path: &Path) -> Result<Option<RootHash>> {
    let text = fs::read_to_string(path).map_err(|error| SystemError::file(path, &error))?;
    Ok(RootHash::of_command_line(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_an_image_of_ours() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let of = |text: &str| {
            fs::write(file.path(), text).unwrap();
            version(file.path()).map_err(|error| error.0)
        };
        let right = "NAME=x\nIMAGE_ID=\"uecho\"\nIMAGE_VERSION='1.2.3'\nVERSION=9\n";
        assert_eq!(of(right), Ok(Version::new("1.2.3")));
        assert_eq!(of("IMAGE_ID=uecho\nIMAGE_VERSION=1\n"), Ok(Version::new("1")));
        for wrong in ["", "IMAGE_ID=uecho\n", "IMAGE_VERSION=1\n", "IMAGE_ID=other\nIMAGE_VERSION=1\n"] {
            assert!(of(wrong).unwrap_err().contains("IMAGE_VERSION"), "{wrong}");
        }
    }
}
