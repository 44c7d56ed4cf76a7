//! Whether a unit runs as a version defines it: it is loaded from the files of that version, it is active,
//! its main process is the program that the unit starts, and it has not restarted meanwhile.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
};

use crate::{
    command::{self, QUICK},
    system::{Illness, Outlook},
};

const PROPERTIES: &str = "InvocationID,LoadState,ActiveState,SubState,Result,NRestarts,MainPID,FragmentPath,\
    DropInPaths,NeedDaemonReload,ExecStart";
/// This many restarts make a version bad that has not been healthy yet. After it was healthy, one is enough.
const CRASHES: u64 = 3;

/// How often each unit has been started so far.
#[derive(Default)]
pub(crate) struct Restarts {
    first_seen: HashMap<String, u64>,
    invocations: HashMap<String, BTreeSet<String>>,
    was_healthy: bool,
}

impl Restarts {
    /// From now on, every restart counts.
    pub(crate) fn healthy(&mut self) {
        self.was_healthy = true;
    }

    /// `automatic` is the number of restarts that the service manager has counted. It does not count starts
    /// by a socket, but each start has its own invocation id.
    fn check(&mut self, unit: &str, automatic: u64, invocation: &str) -> Result<(), String> {
        let before = *self.first_seen.entry(unit.into()).or_insert(automatic);
        let restarts = automatic.saturating_sub(before);
        if restarts >= if self.was_healthy { 1 } else { CRASHES } {
            return Err(format!("was restarted {restarts} times during the trial"));
        }
        let seen = self.invocations.entry(unit.into()).or_default();
        seen.insert(invocation.into());
        let starts = seen.len() as u64 - 1;
        if !self.was_healthy && starts >= CRASHES {
            return Err(format!("was started again {starts} times during the trial"));
        }
        Ok(())
    }
}

/// Checks one unit. `root` has the unit files of the version that must run.
///
/// # Errors
/// The first difference found.
pub(crate) async fn check(unit: &str, root: &Path, restarts: &mut Restarts) -> Result<(), Illness> {
    let property = format!("--property={PROPERTIES}");
    let shown = command::must(&["systemctl", "show", &property, unit], QUICK)
        .await
        .map_err(|error| Illness::new(unit, error.0))?;
    let properties: HashMap<&str, &str> = shown.lines().filter_map(|line| line.split_once('=')).collect();
    let value = |key: &str| properties.get(key).copied().unwrap_or_default();
    let count = value("NRestarts").parse().unwrap_or_default();
    let hopeless = |reason: String| Illness::new(unit, reason).but(Outlook::Hopeless);
    restarts.check(unit, count, value("InvocationID")).map_err(hopeless)?;
    if value("LoadState") != "loaded" {
        return Err(Illness::new(unit, format!("is {}", value("LoadState"))));
    }
    match value("ActiveState") {
        "active" | "reloading" => {}
        "failed" => return Err(hopeless(format!("has failed: {}", value("Result")))),
        state => return Err(Illness::new(unit, format!("is {state} ({})", value("SubState")))),
    }
    let loaded = std::iter::once(value("FragmentPath")).chain(value("DropInPaths").split_whitespace());
    files(unit, root, loaded.map(PathBuf::from), value("NeedDaemonReload") == "yes")
        .and_then(|()| process(value("MainPID"), value("ExecStart")))
        .map_err(|reason| Illness::new(unit, reason))
}

/// The unit's files must be those of the version, if the version has files for this unit.
fn files(unit: &str, root: &Path, loaded: impl Iterator<Item = PathBuf>, reload: bool) -> Result<(), String> {
    if reload {
        return Err("is loaded from older files: `systemctl daemon-reload` is missing".into());
    }
    let folder = root.join("etc/systemd/system");
    let mut expected = vec![folder.join(unit)];
    if let Ok(drop_ins) = fs::read_dir(folder.join(format!("{unit}.d"))) {
        expected.extend(drop_ins.filter_map(|entry| Some(entry.ok()?.path())));
    }
    let loaded: BTreeSet<_> = loaded.filter_map(|path| fs::canonicalize(path).ok()).collect();
    let own = expected.into_iter().filter_map(|path| fs::canonicalize(path).ok());
    for path in own {
        if !loaded.contains(&path) {
            return Err(format!("runs as another version defines it, {} is not loaded", path.display()));
        }
    }
    Ok(())
}

/// The program of the main process must be in the store path that the unit names. If the main process is the
/// interpreter of a script, nothing can be concluded.
fn process(pid: &str, exec_start: &str) -> Result<(), String> {
    if matches!(pid, "" | "0") {
        return Ok(());
    }
    let Some(program) = exec_start.split_once("path=").and_then(|(_, rest)| rest.split_whitespace().next())
    else {
        return Ok(());
    };
    let expected = fs::canonicalize(program).map_err(|error| format!("{program}: {error}"))?;
    if !is_elf(&expected) {
        return Ok(());
    }
    let link = format!("/proc/{pid}/exe");
    let actual = fs::read_link(&link).map_err(|error| format!("{link}: {error}"))?;
    // a wrapper executes its program, which is in the same store path
    if package(&actual) == package(&expected) {
        return Ok(());
    }
    Err(format!("process {pid} runs {}, not {}", actual.display(), expected.display()))
}

fn is_elf(path: &Path) -> bool {
    use std::io::Read;
    let mut magic = [0; 4];
    fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == *b"\x7fELF"
}

/// The store path that contains a file; the file itself if it is not in the store.
fn package(path: &Path) -> PathBuf {
    match path.strip_prefix("/nix/store") {
        Ok(inside) => inside.components().take(1).collect(),
        Err(_) => path.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn restarts_count_from_the_first_look_and_all_of_them_once_healthy() {
        let mut restarts = Restarts::default();
        for (now, fine) in [(7, true), (9, true), (10, false)] {
            assert_eq!(restarts.check("a", now, "i").is_ok(), fine, "{now}");
        }
        let mut restarts = Restarts::default();
        restarts.check("a", 7, "i").unwrap();
        restarts.healthy();
        restarts.check("a", 7, "i").unwrap();
        assert!(restarts.check("a", 8, "i").is_err());
    }

    #[test]
    fn starts_by_a_socket_count_until_it_is_healthy() {
        let mut restarts = Restarts::default();
        for (invocation, fine) in [("i", true), ("j", true), ("k", true), ("k", true), ("l", false)] {
            assert_eq!(restarts.check("a", 0, invocation).is_ok(), fine, "{invocation}");
        }
        let mut restarts = Restarts::default();
        restarts.healthy();
        for invocation in ["i", "j", "k", "l", "m"] {
            restarts.check("a", 0, invocation).unwrap();
        }
    }

    #[test]
    fn unit_files_must_be_the_versions_own() {
        let root = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(root.path()).unwrap();
        for version in ["v1", "v2"] {
            let units = root.join(version).join("etc/systemd/system");
            fs::create_dir_all(units.join("a.service.d")).unwrap();
            fs::write(units.join("a.service"), version).unwrap();
            fs::write(units.join("a.service.d/overrides.conf"), version).unwrap();
        }
        symlink(root.join("v1/etc/systemd/system"), root.join("current")).unwrap();
        let loaded = || {
            ["current/a.service", "current/a.service.d/overrides.conf"]
                .into_iter()
                .map(|path| root.join(path))
        };
        files("a.service", &root.join("v1"), loaded(), false).unwrap();
        assert!(files("a.service", &root.join("v2"), loaded(), false).unwrap_err().contains("v2"));
        assert!(files("a.service", &root.join("v1"), loaded(), true).is_err());
        assert!(
            files("a.service", &root.join("v1"), loaded().take(1), false)
                .unwrap_err()
                .contains("overrides.conf")
        );
        // a version without such a unit has nothing to compare with
        files("b.service", &root.join("v1"), std::iter::empty(), false).unwrap();
    }

    #[test]
    fn the_main_process_must_be_the_program_of_the_unit() {
        let pid = std::process::id().to_string();
        let own = std::env::current_exe().unwrap();
        process(&pid, &format!("{{ path={} ; argv[]=x ; }}", own.display())).unwrap();
        let error = process(&pid, "{ path=/bin/sh ; argv[]=/bin/sh ; }").unwrap_err();
        assert!(error.contains("not /"), "{error}");
        process("0", "{ path=/bin/sh ; }").unwrap();
        assert_eq!(
            package(Path::new("/nix/store/x-1/bin/a")),
            package(Path::new("/nix/store/x-1/bin/.a-wrapped"))
        );
        assert_ne!(package(Path::new("/nix/store/x-1/bin/a")), package(Path::new("/nix/store/y-1/bin/a")));
    }
}
