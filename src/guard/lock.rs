//! A lock, so that only one guard runs at a time. The kernel releases it when its holder ends, however it
//! ends; the content of the file says who holds it and why.

use std::{
    fmt,
    fs::{File, OpenOptions, TryLockError},
    io::{self, Seek, Write},
    os::unix::fs::MetadataExt,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use uecho_probe::timestamp::Timestamp;

/// Who holds the lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holder {
    /// Process id.
    pub pid: u32,
    /// What it is doing.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let age = std::time::Duration::from_secs(now.saturating_sub(self.since.0));
        write!(f, "process {}, for {}: {}", self.pid, humantime::format_duration(age), self.reason)
    }
}

/// The lock; dropping it releases it.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "holding it is what counts")] File);

fn who(holder: Option<&Holder>) -> String {
    holder.map_or_else(|| "it has not said who it is".into(), ToString::to_string)
}

/// The lock cannot be taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// Another guard holds it (exit code 75, `EX_TEMPFAIL`).
    #[error("another guard is running: {}", who(.0.as_ref()))]
    Held(Option<Holder>),
    /// The file cannot be used.
    #[error("the lock cannot be taken: {0}")]
    Io(#[from] io::Error),
}

impl Lock {
    /// Takes the lock without waiting, or says who holds it.
    ///
    /// # Errors
    /// See [`LockError`].
    pub(crate) fn take(path: &Path, reason: &str) -> Result<Self, LockError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::Held(holder(path))),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let holder = Holder { pid: std::process::id(), reason: reason.into(), since: Timestamp(since) };
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(&serde_json::to_vec(&holder).unwrap_or_default())?;
        Ok(Self(file))
    }
}

/// Who holds the lock now; `None` if it is free.
#[must_use]
pub(crate) fn current(path: &Path) -> Option<Holder> {
    if is_held(path) { holder(path) } else { None }
}

/// Whether a process holds a lock on a file. It reads the kernel's table and does not try to take the lock,
/// because that could make the attempt of another process fail.
#[must_use]
pub(crate) fn is_held(path: &Path) -> bool {
    let Ok(file) = std::fs::metadata(path) else { return false };
    let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    is_listed(&locks, file.dev(), file.ino())
}

/// Looks for a file in `proc_locks(5)`: `1: FLOCK  ADVISORY  WRITE 123 00:1a:456 0 EOF`.
fn is_listed(locks: &str, device: u64, inode: u64) -> bool {
    let wanted = format!("{:02x}:{:02x}:{inode}", rustix::fs::major(device), rustix::fs::minor(device));
    locks.lines().any(|line| line.split_whitespace().any(|word| word == wanted))
}

fn holder(path: &Path) -> Option<Holder> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use rustix::fs::inotify;

    use super::*;

    #[test]
    fn the_second_learns_who_the_first_is() {
        // like /run: on some file systems, btrfs for one, stat(2) and /proc/locks disagree about the device
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        let path = folder.path().join("run/lock");
        assert_eq!(current(&path), None);
        let first = Lock::take(&path, "a trial of something long").unwrap();
        let LockError::Held(Some(holder)) = Lock::take(&path, "x").unwrap_err() else { panic!("not held") };
        assert_eq!((holder.pid, holder.reason.as_str()), (std::process::id(), "a trial of something long"));
        assert!(current(&path).is_some());
        drop(first);
        // what another test forks in this process has the file open until it executes
        let deadline = Instant::now() + Duration::from_secs(10);
        while current(&path).is_some() {
            assert!(Instant::now() < deadline, "nobody holds it");
        }
        let _second = Lock::take(&path, "x").unwrap();
        assert_eq!(holder_reason(&path), "x");
    }

    #[test]
    fn who_only_looks_is_in_nobodys_way() {
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        let path = folder.path().join("lock");
        drop(Lock::take(&path, "x").unwrap());
        let watch = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
        inotify::add_watch(&watch, &path, inotify::WatchFlags::OPEN).unwrap();
        let opened = || {
            let mut buffer = [std::mem::MaybeUninit::uninit(); 512];
            inotify::Reader::new(&watch, &mut buffer).next().is_ok()
        };
        assert_eq!(current(&path), None);
        assert!(!opened(), "a lock needs a file that is open");
        drop(Lock::take(&path, "x").unwrap());
        assert!(opened());
    }

    fn holder_reason(path: &Path) -> String {
        holder(path).unwrap().reason
    }
}
