//! A Unix socket at a path. It is bound under another name and then renamed, so that a connection to the path
//! never fails during a replacement; its file is removed at the end.

use std::{
    fs, io,
    os::unix::{
        fs::{FileTypeExt, MetadataExt},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
};

/// The file of a bound socket. Dropping this removes the file, unless another one has replaced it.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

impl SocketFile {
    /// The path of the file.
    #[must_use]
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = identity(&self.path).is_ok_and(|identity| identity == self.identity);
        if ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the socket cannot be removed");
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}

/// Binds a path. A socket that a dead process left there is replaced.
///
/// # Errors
/// A live process listens there, the file there is not a socket, or the directory cannot be written to.
pub(super) fn bind(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    if let Ok(file) = fs::symlink_metadata(path) {
        if !file.file_type().is_socket() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the file there is not a socket"));
        }
        match UnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            _ => return Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens there")),
        }
    }
    // at most OWN_NAME_BYTES: the name of a socket has little room (sun_path, unix(7))
    let own = path.with_file_name(format!(".{:x}", std::process::id()));
    let _ = fs::remove_file(&own);
    let listener = UnixListener::bind(&own)?;
    let mut file = SocketFile { identity: identity(&own)?, path: own };
    fs::rename(&file.path, path)?;
    file.path = path.into();
    Ok((listener, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_a_socket_exists_only_while_the_socket_is_used() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("public.sock");
        let (listener, file) = bind(&path).unwrap();
        UnixStream::connect(&path).unwrap();
        assert_eq!(bind(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop((listener, file));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn only_a_dead_socket_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("public.sock");
        drop(UnixListener::bind(&path).unwrap());
        let (old, old_file) = bind(&path).unwrap();
        drop(old);
        let (_new, new_file) = bind(&path).unwrap();
        drop(old_file);
        UnixStream::connect(&path).unwrap();
        drop(new_file);
        fs::write(&path, "precious").unwrap();
        assert_eq!(bind(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }
}
