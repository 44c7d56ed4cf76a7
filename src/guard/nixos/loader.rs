//! systemd-boot: which entry belongs to which version, and what the variables of the firmware say.

use std::{fs, io, path::Path, sync::OnceLock};

use tokio::runtime::Runtime;

use crate::{
    command::{self, QUICK},
    efi::variable,
    images::entry::Counter,
    system::{BootChoice, Result, SystemError},
    version::Version,
};

/// The boot loader.
#[derive(Default)]
pub(crate) struct Loader {
    /// Folder with `loader/entries`, looked up once.
    boot: OnceLock<String>,
}

impl Loader {
    /// What will be booted; `None` if this machine was not started by systemd-boot with EFI variables.
    ///
    /// # Errors
    /// A variable exists but cannot be read, or bootctl does not find the folder with the entries.
    pub(crate) fn choice(&self, runtime: &Runtime) -> Result<Option<BootChoice>> {
        if variable("LoaderInfo")?.is_none() {
            return Ok(None);
        }
        // without this folder, every version would seem to have no entry
        self.boot(runtime)?;
        let version = |name| variable(name).map(|id| id.and_then(|id| self.version(runtime, &id)));
        Ok(Some(BootChoice {
            default: version("LoaderEntryDefault")?,
            oneshot: version("LoaderEntryOneShot")?,
        }))
    }

    /// The id of the entry that boots a version.
    #[must_use]
    pub(crate) fn entry(&self, runtime: &Runtime, version: &Version) -> Option<String> {
        self.entries(runtime).into_iter().find(|(_, of)| of == version).map(|(id, _)| id)
    }

    fn version(&self, runtime: &Runtime, id: &str) -> Option<Version> {
        self.entries(runtime).into_iter().find(|(known, _)| known == id).map(|(_, version)| version)
    }

    /// Runs `bootctl ACTION` with the id of the version's entry, or with an empty one.
    ///
    /// # Errors
    /// There is no such entry, or bootctl failed.
    pub(crate) fn set(&self, runtime: &Runtime, action: &str, version: Option<&Version>) -> Result<()> {
        let id = match version {
            Some(version) => self
                .entry(runtime, version)
                .ok_or_else(|| SystemError(format!("the boot loader has no entry for {version}")))?,
            None => String::new(),
        };
        runtime.block_on(command::must(&["bootctl", action, &id], QUICK)).map(drop)
    }

    /// All entries that name a version, the newest name first; empty if [`Self::choice`] fails.
    fn entries(&self, runtime: &Runtime) -> Vec<(String, Version)> {
        self.boot(runtime)
            .map_or_else(|_| Vec::new(), |boot| entries(&Path::new(boot).join("loader/entries")))
    }

    fn boot(&self, runtime: &Runtime) -> Result<&str> {
        if let Some(boot) = self.boot.get() {
            return Ok(boot);
        }
        let path = runtime.block_on(command::must(&["bootctl", "--print-boot-path"], QUICK))?;
        Ok(self.boot.get_or_init(|| path.trim().to_owned()))
    }
}

/// An entry is recognized by the toplevel in `init=`, not by its name, which differs between releases of
/// NixOS.
fn entries(folder: &Path) -> Vec<(String, Version)> {
    let Ok(files) = fs::read_dir(folder) else { return Vec::new() };
    let entry = |file: io::Result<fs::DirEntry>| {
        let file = file.ok()?;
        let id = file.file_name().into_string().ok()?;
        let options = fs::read_to_string(file.path()).ok()?;
        let init = options
            .lines()
            .filter_map(|line| line.strip_prefix("options"))
            .flat_map(str::split_whitespace)
            .find_map(|option| option.strip_prefix("init=")?.strip_suffix("/init"))?
            .to_owned();
        Some((without_counter(id.strip_suffix(".conf")?) + ".conf", Version::new(init)))
    };
    let mut entries: Vec<_> = files.filter_map(entry).collect();
    // generations are ordered by number, not as text
    entries.sort_by(|(a, _), (b, _)| (b.len(), b).cmp(&(a.len(), a)));
    entries
}

/// The file's name contains the boot attempts left and made (`+LEFT` or `+LEFT-DONE`), the entry's id does
/// not.
fn without_counter(stem: &str) -> String {
    match stem.rsplit_once('+') {
        Some((id, counter)) if Counter::parse(counter).is_some() => id.to_owned(),
        _ => stem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_known_by_their_toplevel_whatever_they_are_called() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, options: &str| {
            fs::write(folder.path().join(name), format!("title NixOS\nlinux /EFI/nixos/k.efi\n{options}\n"))
                .unwrap();
        };
        write("nixos-generation-9.conf", "options init=/nix/store/a-system/init quiet");
        write("nixos-generation-10.conf", "options quiet init=/nix/store/a-system/init loglevel=4");
        write("nixos-0123abcd.conf", "options init=/nix/store/b-system/init");
        write("memtest.conf", "options quiet");
        write("nixos-generation-11.conf.tmp", "options init=/nix/store/c-system/init");
        let of = |name: &str| {
            entries(folder.path())
                .into_iter()
                .find(|(_, version)| version.as_str() == format!("/nix/store/{name}"))
                .map(|(id, _)| id)
        };
        assert_eq!(of("a-system").unwrap(), "nixos-generation-10.conf");
        assert_eq!(of("b-system").unwrap(), "nixos-0123abcd.conf");
        assert_eq!(of("c-system"), None);
    }

    #[test]
    fn boot_counters_are_not_part_of_an_id() {
        for (stem, id) in
            [("a+3", "a"), ("a+2-1", "a"), ("a+b", "a+b"), ("a+1+0-3", "a+1"), ("a", "a"), ("a+-1", "a+-1")]
        {
            assert_eq!(without_counter(stem), id);
        }
    }
}
