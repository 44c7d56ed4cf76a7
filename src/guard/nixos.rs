//! A NixOS machine: versions are toplevels in the store, kept as generations of the system profile.

pub(crate) mod loader;
pub(crate) mod profile;
pub(crate) mod switch;
pub(crate) mod toplevel;

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use loader::Loader;
use profile::Profile;
use uecho_probe::timestamp::Timestamp;

use crate::{
    health::identity,
    host::Host,
    report::Report,
    settings::Settings,
    system::{BootChoice, BootIdentity, Illness, Result, System, SystemError},
    version::Version,
};

const CURRENT: &str = "/run/current-system";
const BOOTED: &str = "/run/booted-system";

/// The machine that this process runs on.
pub(crate) struct NixOs {
    /// The host below.
    pub host: Host,
    profile: Profile,
    loader: Loader,
}

impl NixOs {
    /// The machine that the settings describe.
    ///
    /// # Errors
    /// The runtime cannot be started.
    pub(crate) fn new(settings: &Settings) -> Result<Self> {
        let (host, profile) = (Host::new(settings)?, Profile::new(&settings.profile));
        Ok(Self { host, profile, loader: Loader::default() })
    }

    /// The version of a path: a generation's link, `/run/current-system`, or the store path itself.
    ///
    /// # Errors
    /// There is no such file.
    pub(crate) fn resolve(path: &Path) -> Result<Version> {
        let path = fs::canonicalize(path).map_err(|error| SystemError::file(path, &error))?;
        Ok(Version::new(path.to_string_lossy()))
    }
}

/// The resolved path of a version's file; empty if there is no such file.
fn real(version: &Version, file: &str) -> String {
    let path: PathBuf = toplevel::path(version).join(file);
    fs::canonicalize(path).map(|path| path.to_string_lossy().into_owned()).unwrap_or_default()
}

impl System for NixOs {
    fn running(&self) -> Result<Version> {
        Self::resolve(Path::new(CURRENT))
    }

    fn booted(&self) -> Result<Version> {
        // its store path may have been removed since; the link still names it
        Self::resolve(Path::new(BOOTED)).or_else(|error| {
            fs::read_link(BOOTED).map(|path| Version::new(path.to_string_lossy())).map_err(|_| error)
        })
    }

    fn installed(&self) -> Result<Option<Version>> {
        self.profile.current()
    }

    fn activation(&self) -> Result<String> {
        let path = Path::new(CURRENT);
        let link = fs::symlink_metadata(path).map_err(|error| SystemError::file(path, &error))?;
        Ok(format!("{}@{}.{:09}#{}", self.running()?, link.ctime(), link.ctime_nsec(), link.ino()))
    }

    fn exists(&self, version: &Version) -> bool {
        toplevel::path(version).join(switch::PROGRAM).exists()
    }

    fn boot_identity(&self, version: &Version) -> Result<BootIdentity> {
        let parameters =
            fs::read_to_string(toplevel::path(version).join("kernel-params")).unwrap_or_default();
        let early = [real(version, "systemd"), real(version, "etc/fstab")];
        Ok(BootIdentity {
            kernel: format!("{} {} {}", real(version, "kernel"), real(version, "initrd"), parameters.trim()),
            early: early.join(" "),
        })
    }

    fn install(&mut self, version: &Version) -> Result<()> {
        self.host.runtime().block_on(self.profile.install(version))
    }

    fn switch(&mut self, version: &Version) -> Result<()> {
        self.host.runtime().block_on(switch::run(version, "switch"))
    }

    fn install_boot(&mut self, version: &Version) -> Result<()> {
        self.host.runtime().block_on(switch::run(version, "boot"))
    }

    fn reboot(&mut self) -> Result<()> {
        self.host.reboot()
    }

    fn boot_choice(&self) -> Result<Option<BootChoice>> {
        self.loader.choice(self.host.runtime())
    }

    fn has_boot_entry(&self, version: &Version) -> bool {
        self.loader.entry(self.host.runtime(), version).is_some()
    }

    fn set_default(&mut self, version: &Version) -> Result<()> {
        make_durable(version)?;
        self.loader.set(self.host.runtime(), "set-default", Some(version))
    }

    fn set_oneshot(&mut self, version: Option<&Version>) -> Result<()> {
        version.map_or(Ok(()), make_durable)?;
        self.loader.set(self.host.runtime(), "set-oneshot", version)
    }

    fn pins(&self) -> Result<Vec<Version>> {
        profile::pins()
    }

    fn pin(&mut self, version: &Version) -> Result<()> {
        profile::pin(version)
    }

    fn unpin(&mut self, version: &Version) -> Result<()> {
        profile::unpin(version)
    }

    fn health(&mut self, version: &Version) -> std::result::Result<(), Illness> {
        self.host.health(version, &toplevel::subject(version))
    }

    fn leave_verdict(&mut self, report: &Report, activation: Option<&str>) {
        self.host.leave_verdict(report, activation);
    }

    fn switching(&self) -> bool {
        switch::in_progress()
    }

    fn boot_id(&self) -> String {
        identity::boot_id()
    }

    fn now(&self) -> Timestamp {
        self.host.now()
    }

    fn elapsed(&self) -> Duration {
        self.host.elapsed()
    }

    fn sleep(&mut self, duration: Duration) {
        self.host.sleep(duration);
    }
}

/// Syncs the store before the boot loader gets a version to start: NixOS calls the guard before it syncs.
fn make_durable(version: &Version) -> Result<()> {
    let synced = File::open(toplevel::path(version)).and_then(|folder| Ok(rustix::fs::syncfs(folder)?));
    synced.map_err(|error| SystemError::file(toplevel::path(version), &error))
}
