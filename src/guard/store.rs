//! Reads and writes the ledger so that it is always complete, whenever the guard is killed.
//!
//! `ledger.json` is replaced by rename, and its predecessor is kept as `ledger.json.previous`. While the disk
//! is full, the ledger is written to `/run` instead, because a rollback must be possible even then. A guard
//! that is killed between two writes may leave both files; the one with the higher revision counts.

pub(crate) mod disk;

use crate::{ledger::Ledger, store::disk::Disk};

const CURRENT: &str = "ledger.json";
const PREVIOUS: &str = "ledger.json.previous";
const NEW: &str = "ledger.json.new";
const CORRUPT: &str = "ledger.json.corrupt";

/// Where a ledger came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Integrity {
    /// `ledger.json` was read.
    Intact,
    /// No ledger has been written yet.
    Fresh,
    /// `ledger.json` is unreadable or missing; its predecessor was read instead.
    Previous(String),
    /// Neither can be read, so only the running version is known.
    Lost(String),
}

/// The two folders with the ledger.
pub(crate) struct Store<D> {
    /// The persistent one, `/var/lib/uecho-guard`.
    pub state: D,
    /// The one that is empty after a reboot, `/run/uecho-guard`.
    pub runtime: D,
}

/// Neither folder can be written.
#[derive(Debug, thiserror::Error)]
#[error("the ledger cannot be written: {persistent}; nor in /run: {volatile}")]
pub(crate) struct WriteError {
    persistent: std::io::Error,
    volatile: std::io::Error,
}

impl<D: Disk> Store<D> {
    /// Reads without changing anything.
    #[must_use]
    pub(crate) fn read(&self) -> (Ledger, Integrity) {
        let volatile = self.runtime.read(CURRENT).ok().flatten().and_then(|text| parse(&text).ok());
        let (persistent, integrity) = self.read_persistent();
        match volatile {
            // also if the revisions are equal: a guard too old to count revisions writes here only while it
            // cannot write to the disk
            Some(volatile) if volatile.revision >= persistent.revision => (volatile, Integrity::Intact),
            _ => (persistent, integrity),
        }
    }

    fn read_persistent(&self) -> (Ledger, Integrity) {
        let problem = match self.state.read(CURRENT) {
            Ok(Some(text)) => match parse(&text) {
                Ok(ledger) => return (ledger, Integrity::Intact),
                Err(problem) => problem,
            },
            Ok(None) => "it is gone".into(),
            Err(error) => error.to_string(),
        };
        match self.state.read(PREVIOUS) {
            Ok(None) if problem == "it is gone" => (Ledger::default(), Integrity::Fresh),
            Ok(Some(text)) if let Ok(ledger) = parse(&text) => (ledger, Integrity::Previous(problem)),
            _ => (Ledger::default(), Integrity::Lost(problem)),
        }
    }

    /// Reads, and keeps a corrupt ledger as `ledger.json.corrupt`.
    #[must_use]
    pub(crate) fn load(&mut self) -> (Ledger, Integrity) {
        let (ledger, integrity) = self.read();
        if let Integrity::Previous(_) | Integrity::Lost(_) = integrity {
            // a failure is ignored: the copy is only for a human who looks for the cause
            let _ = self.state.rename(CURRENT, CORRUPT);
        }
        (ledger, integrity)
    }

    /// Writes the next revision to the persistent folder; if that fails, to `/run`, and says why.
    ///
    /// # Errors
    /// Neither folder can be written.
    pub(crate) fn save(&mut self, ledger: &mut Ledger) -> Result<Option<std::io::Error>, WriteError> {
        ledger.revision += 1;
        let mut text = serde_json::to_vec_pretty(ledger).unwrap_or_default();
        text.push(b'\n');
        let result = match self.replace(&text) {
            // on a full disk, the predecessor is the only file whose space the guard can free
            Err(_) => self.state.remove(PREVIOUS).and_then(|()| self.replace(&text)),
            done => done,
        };
        let Err(persistent) = result else {
            let _ = self.runtime.remove(CURRENT);
            return Ok(None);
        };
        let _ = self.state.remove(NEW);
        let written = self.runtime.write(NEW, &text).and_then(|()| self.runtime.rename(NEW, CURRENT));
        match written {
            Ok(()) => Ok(Some(persistent)),
            Err(volatile) => Err(WriteError { persistent, volatile }),
        }
    }

    fn replace(&mut self, text: &[u8]) -> std::io::Result<()> {
        self.state.write(NEW, text)?;
        if self.state.read(CURRENT)?.is_some_and(|text| parse(&text).is_ok()) {
            self.state.link(CURRENT, PREVIOUS)?;
        }
        self.state.rename(NEW, CURRENT)?;
        self.state.sync()
    }
}

fn parse(text: &[u8]) -> Result<Ledger, String> {
    serde_json::from_slice(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use uecho_probe::timestamp::Timestamp;

    use super::{disk::Folder, *};
    use crate::version::Version;

    struct Folders {
        root: tempfile::TempDir,
        store: Store<Folder>,
    }

    impl Folders {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let store =
                Store { state: Folder(root.path().join("state")), runtime: Folder(root.path().join("run")) };
            Self { root, store }
        }

        fn truncate(&self, name: &str) {
            let path = self.root.path().join("state").join(name);
            let text = fs::read(&path).unwrap();
            fs::write(path, &text[..text.len() / 2]).unwrap();
        }
    }

    fn good(revision: u64, names: &[&str]) -> Ledger {
        let mut ledger = Ledger { revision, ..Ledger::default() };
        for name in names {
            ledger.bless(&Version::new(*name), Timestamp(1));
        }
        ledger
    }

    #[test]
    fn a_corrupt_ledger_is_set_aside_for_the_previous_one_then_for_none() {
        let mut folders = Folders::new();
        assert_eq!(folders.store.load(), (Ledger::default(), Integrity::Fresh));
        folders.store.save(&mut good(0, &["/s/a"])).unwrap();
        folders.store.save(&mut good(1, &["/s/a", "/s/b"])).unwrap();
        assert_eq!(folders.store.load(), (good(2, &["/s/a", "/s/b"]), Integrity::Intact));
        folders.truncate("ledger.json");
        let (ledger, integrity) = folders.store.load();
        assert!(matches!(integrity, Integrity::Previous(_)));
        assert_eq!(ledger, good(1, &["/s/a"]));
        assert!(folders.root.path().join("state/ledger.json.corrupt").exists());
        folders.truncate("ledger.json.previous");
        let (ledger, integrity) = folders.store.load();
        assert!(matches!(integrity, Integrity::Lost(_)), "{integrity:?}");
        assert_eq!(ledger, Ledger::default());
    }

    #[test]
    fn a_corrupt_ledger_never_becomes_the_previous_copy() {
        let mut folders = Folders::new();
        folders.store.save(&mut good(0, &["/s/a"])).unwrap();
        folders.store.save(&mut good(1, &["/s/b"])).unwrap();
        folders.truncate("ledger.json");
        folders.store.save(&mut good(2, &["/s/c"])).unwrap();
        folders.truncate("ledger.json");
        assert_eq!(folders.store.read().0, good(1, &["/s/a"]));
    }

    #[test]
    fn without_a_persistent_folder_the_copy_in_run_counts_until_it_can_be_written() {
        let mut folders = Folders::new();
        folders.store.save(&mut good(0, &["/s/a"])).unwrap();
        let state = folders.root.path().join("state");
        let away = folders.root.path().join("away");
        fs::rename(&state, &away).unwrap();
        fs::write(&state, "no folder").unwrap();
        assert!(folders.store.save(&mut good(1, &["/s/b"])).unwrap().is_some());
        assert_eq!(folders.store.read(), (good(2, &["/s/b"]), Integrity::Intact));
        fs::remove_file(&state).unwrap();
        fs::rename(&away, &state).unwrap();
        assert_eq!(folders.store.read(), (good(2, &["/s/b"]), Integrity::Intact));
        assert!(folders.store.save(&mut good(2, &["/s/c"])).unwrap().is_none());
        assert_eq!(folders.store.read().0, good(3, &["/s/c"]));
        assert!(!folders.root.path().join("run/ledger.json").exists());
    }
}
