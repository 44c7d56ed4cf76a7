//! The boot partition: which versions have a boot entry, and the counters in the names of the entries. FAT
//! has no atomic rename: after a power cut both names may exist, so every step can be repeated.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use crate::{
    images::{
        entry::{self, Counter, Entry},
        partition::IMAGE_ID,
    },
    slots::uki,
    system::{Mark, Result, SystemError},
    version::Version,
};

/// What systemd-sysupdate writes to before it renames: in 257 the first, in 260 and later the others.
const PARTIAL: [&str; 3] = [".#sysupdate", ".sysupdate.partial.", ".sysupdate.pending."];

/// The folder with the boot entries.
pub(crate) struct Esp(PathBuf);

impl Esp {
    /// The folder on the boot partition that is mounted at `boot`.
    #[must_use]
    pub(crate) fn new(boot: &Path) -> Self {
        Self(boot.join("EFI/Linux"))
    }

    /// Its path.
    #[must_use]
    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    /// The boot entries of all images.
    ///
    /// # Errors
    /// The folder or a file in it cannot be read.
    pub(crate) fn entries(&self) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for file in self.files()? {
            let Some((version, counter)) = Entry::parse(&file) else { continue };
            let path = self.0.join(&file);
            let command_line = uki::command_line(&path).map_err(|error| self.failed(&file, &error))?;
            let usrhash = command_line.as_deref().and_then(entry::RootHash::of_command_line);
            entries.push(Entry { version, counter, usrhash, file });
        }
        Ok(entries)
    }

    /// Renames the entries of a version as a mark requires.
    ///
    /// # Errors
    /// There is no entry, or one cannot be renamed.
    pub(crate) fn mark(&self, version: &Version, mark: Mark) -> Result<()> {
        let entries: Vec<_> = self.entries()?.into_iter().filter(|entry| entry.version == *version).collect();
        if entries.is_empty() {
            return Err(SystemError(format!("{version} has no boot entry in {}", self.0.display())));
        }
        let done = entries.iter().filter_map(|entry| entry.counter).map(|counter| counter.done).max();
        let name = match mark {
            Mark::Good => entry::good_name(version),
            Mark::Untried(tries) => format!("{IMAGE_ID}_{version}+{tries}-0.efi"),
            Mark::Bad => {
                let counter = done.map(|done| Counter { left: 0, done });
                Entry { counter, ..entries[0].clone() }.bad_name()
            }
        };
        for Entry { file, .. } in entries.iter().filter(|entry| entry.file != name) {
            fs::rename(self.0.join(file), self.0.join(&name)).map_err(|error| self.failed(file, &error))?;
        }
        self.sync()
    }

    /// Removes the entries of a version.
    ///
    /// # Errors
    /// One cannot be removed.
    pub(crate) fn remove(&self, version: &Version) -> Result<()> {
        self.remove_all(|file| Entry::parse(file).is_some_and(|(of, _)| of == *version))
    }

    /// Removes files that interrupted downloads have left, and boot images with nothing in them: a power cut
    /// leaves one when it comes while a file is renamed.
    ///
    /// # Errors
    /// A file cannot be removed.
    pub(crate) fn clear_partial(&self) -> Result<()> {
        self.remove_all(|file| is_partial(file) || (Entry::parse(file).is_some() && self.is_empty(file)))
    }

    fn is_empty(&self, file: &str) -> bool {
        fs::metadata(self.0.join(file)).is_ok_and(|metadata| metadata.len() == 0)
    }

    /// Checks that one more boot image as large as that of the running version fits, where those of all
    /// other versions may be removed.
    ///
    /// # Errors
    /// It does not fit.
    pub(crate) fn check_room(&self, running: &Version) -> Result<()> {
        let file_system = rustix::fs::statvfs(&self.0)
            .map_err(|error| SystemError::file(&self.0, &io::Error::from(error)))?;
        self.compare_room(running, file_system.f_bavail.saturating_mul(file_system.f_frsize))
    }

    fn compare_room(&self, running: &Version, free: u64) -> Result<()> {
        let (mut needed, mut room) = (0, free);
        for file in self.files()? {
            let its = Entry::parse(&file).map(|(version, _)| version);
            let size = fs::metadata(self.0.join(&file)).map_err(|error| self.failed(&file, &error))?.len();
            if its.as_ref() == Some(running) {
                needed = needed.max(size);
            } else if its.is_some() || is_partial(&file) {
                room = room.saturating_add(size);
            }
        }
        if room >= needed {
            return Ok(());
        }
        Err(SystemError(format!(
            "the boot partition has room for {} MiB in {}, and a boot image needs {}: remove files from it \
                that belong to no version",
            room >> 20,
            self.0.display(),
            needed.div_ceil(1 << 20)
        )))
    }

    fn remove_all(&self, wanted: impl Fn(&str) -> bool) -> Result<()> {
        for file in self.files()?.into_iter().filter(|file| wanted(file)) {
            fs::remove_file(self.0.join(&file)).map_err(|error| self.failed(&file, &error))?;
        }
        self.sync()
    }

    fn files(&self) -> Result<Vec<String>> {
        let failed = |error| SystemError::file(&self.0, &error);
        let mut files = Vec::new();
        for file in fs::read_dir(&self.0).map_err(failed)? {
            files.extend(file.map_err(failed)?.file_name().into_string());
        }
        files.sort();
        Ok(files)
    }

    fn sync(&self) -> Result<()> {
        let synced = File::open(&self.0).and_then(|folder| folder.sync_all());
        synced.map_err(|error| SystemError::file(&self.0, &error))
    }

    fn failed(&self, file: &str, error: &io::Error) -> SystemError {
        SystemError::file(&self.0.join(file), error)
    }
}

fn is_partial(file: &str) -> bool {
    PARTIAL.iter().any(|prefix| file.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn esp(files: &[&str]) -> (tempfile::TempDir, Esp) {
        let root = tempfile::tempdir().unwrap();
        let esp = Esp::new(root.path());
        fs::create_dir_all(esp.folder()).unwrap();
        for file in files {
            fs::write(esp.folder().join(file), "no image").unwrap();
        }
        (root, esp)
    }

    #[test]
    fn marks_rename_and_can_be_made_again_also_after_a_cut() {
        let version = Version::new("1.1");
        for (files, mark, expected) in [
            (&["uecho_1.1+2-1.efi"][..], Mark::Bad, "uecho_1.1+0-1.efi"),
            (&["uecho_1.1+2-1.efi", "uecho_1.1+0-1.efi"], Mark::Bad, "uecho_1.1+0-1.efi"),
            (&["uecho_1.1.efi"], Mark::Bad, "uecho_1.1+0.efi"),
            (&["uecho_1.1+0-3.efi"], Mark::Good, "uecho_1.1.efi"),
            (&["uecho_1.1+0-3.efi", "uecho_1.1.efi"], Mark::Good, "uecho_1.1.efi"),
            (&["uecho_1.1+0-3.efi"], Mark::Untried(3), "uecho_1.1+3-0.efi"),
        ] {
            let (_root, esp) = esp(files);
            fs::write(esp.folder().join("uecho_1.0.efi"), "").unwrap();
            for _ in 0..2 {
                esp.mark(&version, mark).unwrap();
                assert_eq!(
                    esp.files().unwrap(),
                    [&"uecho_1.0.efi".to_owned(), &expected.to_owned()].map(Clone::clone),
                    "{files:?} {mark:?}"
                );
            }
        }
        let (_root, esp) = esp(&[]);
        assert!(esp.mark(&version, Mark::Bad).unwrap_err().0.contains("no boot entry"));
    }

    #[test]
    fn only_what_is_meant_is_removed() {
        let (_root, esp) = esp(&[
            ".sysupdate.partial.1.4",
            ".sysupdate.pending.1.4",
            ".#sysupdateuecho_1.4+3-0.efi8f",
            "uecho_1.1+0-3.efi",
            "uecho_1.1.efi",
            "uecho_1.1.1.efi",
            "uecho_1.2.efi",
            "other.efi",
            "empty.efi",
        ]);
        for file in ["uecho_1.2.efi", "empty.efi"] {
            fs::write(esp.folder().join(file), "").unwrap();
        }
        esp.clear_partial().unwrap();
        esp.remove(&Version::new("1.1")).unwrap();
        assert_eq!(esp.files().unwrap(), ["empty.efi", "other.efi", "uecho_1.1.1.efi"]);
    }

    #[test]
    fn room_is_what_is_free_and_what_is_not_of_the_running_version() {
        let (_root, esp) =
            esp(&["uecho_1.0.efi", "uecho_1.1+0-1.efi", ".sysupdate.partial.1.2", "other.efi"]);
        for (file, size) in [("uecho_1.0.efi", 9 << 20), ("uecho_1.1+0-1.efi", 5 << 20), ("other.efi", 7)] {
            File::create(esp.folder().join(file)).unwrap().set_len(size).unwrap();
        }
        let of = |version: &str, free: u64| esp.compare_room(&Version::new(version), free);
        assert!(of("1.0", (4 << 20) - 8).is_ok(), "with what is half written");
        let told = of("1.0", 3 << 20).unwrap_err().0;
        assert!(
            told.contains("boot partition has room for 8 MiB in ") && told.contains("needs 9:"),
            "{told}"
        );
        assert!(of("1.1", 0).is_ok(), "the other one is larger, and goes first");
    }

    #[test]
    fn a_boot_partition_that_is_not_mounted_is_named() {
        let esp = Esp::new(Path::new("/nonexistent"));
        assert!(esp.entries().unwrap_err().0.starts_with("/nonexistent/EFI/Linux: "));
    }
}
