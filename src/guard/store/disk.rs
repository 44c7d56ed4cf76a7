//! The file operations that the ledger needs, as a trait, so that a test can make each of them fail.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// A folder of small files. What is not synced may be lost after a power cut.
pub(crate) trait Disk {
    /// The content of a file; `None` if the file does not exist.
    ///
    /// # Errors
    /// As read(2).
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>>;

    /// Creates or empties a file, writes it and syncs its content.
    ///
    /// # Errors
    /// As open(2), write(2), fsync(2); a part may have been written.
    fn write(&mut self, name: &str, content: &[u8]) -> io::Result<()>;

    /// Gives a file a second name; an existing file of that name is replaced atomically.
    ///
    /// # Errors
    /// As link(2), rename(2).
    fn link(&mut self, from: &str, to: &str) -> io::Result<()>;

    /// Renames a file; an existing file of the new name is replaced atomically.
    ///
    /// # Errors
    /// As rename(2).
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file; it is no error if the file does not exist.
    ///
    /// # Errors
    /// As unlink(2).
    fn remove(&mut self, name: &str) -> io::Result<()>;

    /// Syncs the folder, that is, the names of its files.
    ///
    /// # Errors
    /// As fsync(2).
    fn sync(&mut self) -> io::Result<()>;
}

/// A folder of the file system, created with mode 0755 at the first write.
#[derive(Clone, Debug)]
pub(crate) struct Folder(pub PathBuf);

impl Folder {
    /// The path of a file in the folder.
    #[must_use]
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

fn absent_is_fine<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

impl Disk for Folder {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        absent_is_fine(fs::read(self.path(name)))
    }

    fn write(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.0)?;
        let mut file = File::create(self.path(name))?;
        file.write_all(content)?;
        file.sync_all()
    }

    fn link(&mut self, from: &str, to: &str) -> io::Result<()> {
        let unnamed = format!("{to}.link");
        absent_is_fine(fs::remove_file(self.path(&unnamed)))?;
        fs::hard_link(self.path(from), self.path(&unnamed))?;
        fs::rename(self.path(&unnamed), self.path(to))?;
        // rename(2) does nothing if both names are links to the same file
        absent_is_fine(fs::remove_file(self.path(&unnamed))).map(drop)
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        absent_is_fine(fs::remove_file(self.path(name))).map(drop)
    }

    fn sync(&mut self) -> io::Result<()> {
        File::open(Path::new(&self.0))?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_folder_does_what_the_trait_says() {
        let root = tempfile::tempdir().unwrap();
        let mut folder = Folder(root.path().join("a/b"));
        assert_eq!(folder.read("x").unwrap(), None);
        folder.remove("x").unwrap();
        folder.write("x", b"1").unwrap();
        folder.link("x", "y").unwrap();
        folder.link("x", "y").unwrap();
        folder.write("z", b"2").unwrap();
        folder.rename("z", "x").unwrap();
        folder.sync().unwrap();
        let read = |name| folder.read(name).unwrap();
        assert_eq!((read("x"), read("y"), read("z")), (Some(b"2".into()), Some(b"1".into()), None));
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 2);
    }
}
