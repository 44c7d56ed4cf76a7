//! What the machine must not forget between two looks at the release: the newest one that it has seen.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use uecho_probe::timestamp::Timestamp;

use crate::manifest::StorePath;

const FILE: &str = "memory.json";

/// The newest release that was accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// Its sequence.
    pub sequence: u64,
    /// Its system; `None` before the first one.
    pub system: Option<StorePath>,
    /// When this machine first saw it.
    pub since: Timestamp,
    /// The latest time at which any release was accepted.
    pub clock: Timestamp,
    /// When this machine last ran, or was on its way to, what the release says.
    pub last_success: Option<Timestamp>,
}

impl Memory {
    /// Reads the memory in a folder; empty if there is none yet.
    ///
    /// # Errors
    /// It cannot be read. It is not taken for empty then: an old release would be followed.
    pub(crate) fn read(folder: &Path) -> Result<Self, String> {
        let path = folder.join(FILE);
        let problem = |error: &dyn std::fmt::Display| {
            format!(
                "{}: {error}; without it, an old release could be followed: restore it, or remove it to \
                 accept that",
                path.display()
            )
        };
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| problem(&error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(problem(&error)),
        }
    }

    /// Writes the memory; it is whole, whenever the power fails.
    ///
    /// # Errors
    /// As open(2), write(2), fsync(2), rename(2).
    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut file = NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut file, self)?;
        file.flush()?;
        file.as_file().sync_all()?;
        file.persist(folder.join(FILE))?;
        File::open(folder)?.sync_all()
    }

    /// Takes note of a release that may be followed.
    pub(crate) fn accept(&mut self, sequence: u64, system: &StorePath, now: Timestamp) {
        let again = self.system.is_some() && self.sequence == sequence;
        // when the clock was set back, a turn must not be further away than its window
        self.since = if again { self.since.min(now) } else { now };
        self.sequence = sequence;
        self.system = Some(system.clone());
        self.clock = self.clock.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("new");
        assert_eq!(Memory::read(&folder), Ok(Memory::default()));
        let mut memory = Memory::default();
        memory.accept(3, &StorePath::system("a"), Timestamp(5));
        memory.write(&folder).unwrap();
        memory.write(&folder).unwrap();
        assert_eq!(Memory::read(&folder), Ok(memory));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn a_broken_memory_is_not_an_empty_one() {
        let (text, unreadable) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(text.path().join(FILE), "{").unwrap();
        fs::create_dir(unreadable.path().join(FILE)).unwrap();
        for folder in [text, unreadable] {
            let error = Memory::read(folder.path()).unwrap_err();
            assert!(error.contains(FILE) && error.contains("remove it"), "{error}");
        }
    }

    #[test]
    fn each_release_is_seen_once() {
        let mut memory = Memory::default();
        let mut since = |sequence, now| {
            memory.accept(sequence, &StorePath::system("a"), Timestamp(now));
            memory.since
        };
        assert_eq!(since(0, 100), Timestamp(100));
        assert_eq!(since(0, 120), Timestamp(100));
        assert_eq!(since(1, 130), Timestamp(130));
        assert_eq!(since(1, 90), Timestamp(90), "the clock was set back");
    }
}
