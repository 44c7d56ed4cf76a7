//! A NixOS machine: versions are toplevels in the store, kept as generations of the system profile.

pub(crate) mod health;
pub(crate) mod identity;
pub(crate) mod loader;
pub(crate) mod profile;
pub(crate) mod switch;
pub(crate) mod units;

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use health::Health;
use loader::Loader;
use profile::Profile;
use tokio::runtime::Runtime;

use crate::{
    command::{self, QUICK},
    report::Report,
    runtime::LastVerdict,
    settings::Settings,
    system::{BootChoice, BootIdentity, Illness, Result, System, SystemError},
    version::{Timestamp, Version},
};

const CURRENT: &str = "/run/current-system";
const BOOTED: &str = "/run/booted-system";

/// The machine that this process runs on.
pub(crate) struct NixOs {
    settings: Settings,
    runtime: Runtime,
    profile: Profile,
    loader: Loader,
    health: Health,
    begin: Instant,
}

impl NixOs {
    /// The machine as the settings see it.
    ///
    /// # Errors
    /// The runtime cannot be started.
    pub(crate) fn new(settings: &Settings) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| SystemError(format!("cannot start the runtime: {error}")))?;
        Ok(Self {
            settings: settings.clone(),
            runtime,
            profile: Profile::new(&settings.profile),
            loader: Loader::default(),
            health: Health::new(settings),
            begin: Instant::now(),
        })
    }

    /// Waits for a program or a check.
    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Where a name of a version leads: a generation's link, `/run/current-system`, or the store path itself.
    ///
    /// # Errors
    /// There is no such file.
    pub(crate) fn resolve(path: &Path) -> Result<Version> {
        let path = fs::canonicalize(path).map_err(|error| SystemError::file(path, &error))?;
        Ok(Version::new(path.to_string_lossy()))
    }
}

/// Where a file of a version really is; empty where it has none.
fn real(version: &Version, file: &str) -> String {
    let path: PathBuf = version.path().join(file);
    fs::canonicalize(path).map(|path| path.to_string_lossy().into_owned()).unwrap_or_default()
}

impl System for NixOs {
    fn running(&self) -> Result<Version> {
        Self::resolve(Path::new(CURRENT))
    }

    fn booted(&self) -> Result<Version> {
        // it may be gone from the store since; its name is still the answer
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
        version.path().join(switch::PROGRAM).exists()
    }

    fn boot_identity(&self, version: &Version) -> Result<BootIdentity> {
        let parameters = fs::read_to_string(version.path().join("kernel-params")).unwrap_or_default();
        let early = [real(version, "systemd"), real(version, "etc/fstab")];
        Ok(BootIdentity {
            kernel: format!("{} {} {}", real(version, "kernel"), real(version, "initrd"), parameters.trim()),
            early: early.join(" "),
        })
    }

    fn install(&mut self, version: &Version) -> Result<()> {
        self.runtime.block_on(self.profile.install(version))
    }

    fn switch(&mut self, version: &Version) -> Result<()> {
        self.runtime.block_on(switch::run(version, "switch"))
    }

    fn install_boot(&mut self, version: &Version) -> Result<()> {
        self.runtime.block_on(switch::run(version, "boot"))
    }

    fn reboot(&mut self) -> Result<()> {
        self.runtime.block_on(command::must(&["systemctl", "reboot"], QUICK)).map(drop)
    }

    fn boot_choice(&self) -> Result<Option<BootChoice>> {
        self.loader.choice(&self.runtime)
    }

    fn has_boot_entry(&self, version: &Version) -> bool {
        self.loader.entry(&self.runtime, version).is_some()
    }

    fn set_default(&mut self, version: &Version) -> Result<()> {
        make_durable(version)?;
        self.loader.set(&self.runtime, "set-default", Some(version))
    }

    fn set_oneshot(&mut self, version: Option<&Version>) -> Result<()> {
        version.map_or(Ok(()), make_durable)?;
        self.loader.set(&self.runtime, "set-oneshot", version)
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
        self.runtime.block_on(self.health.check(version))
    }

    fn leave_verdict(&mut self, report: &Report, activation: Option<&str>) {
        let (at, code) = (self.now(), report.outcome.code());
        let verdict =
            LastVerdict { at, code, report: report.clone(), activation: activation.map(str::to_owned) };
        verdict.leave(&self.settings);
    }

    fn switching(&self) -> bool {
        switch::in_progress()
    }

    fn boot_id(&self) -> String {
        identity::boot_id()
    }

    fn now(&self) -> Timestamp {
        Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
    }

    fn elapsed(&self) -> Duration {
        self.begin.elapsed()
    }

    fn sleep(&mut self, duration: Duration) {
        // a timer is made inside the runtime
        self.runtime.block_on(async { tokio::time::sleep(duration).await });
    }
}

/// What the boot loader is told to start must be on the disk first: NixOS calls the guard before it syncs the
/// store.
fn make_durable(version: &Version) -> Result<()> {
    let synced = File::open(version.path()).and_then(|folder| Ok(rustix::fs::syncfs(folder)?));
    synced.map_err(|error| SystemError::file(version.path(), &error))
}
