//! What both kinds of machines have: a service manager, checks, clocks, and verdicts in `/run`.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use uecho_probe::timestamp::Timestamp;

use crate::{
    command::{self, QUICK},
    health::{Health, Subject},
    report::Report,
    runtime::LastVerdict,
    settings::Settings,
    system::{Illness, Result, SystemError},
    version::Version,
};

/// The host that this process runs on.
pub(crate) struct Host {
    settings: Settings,
    runtime: Runtime,
    health: Health,
    begin: Instant,
}

impl Host {
    /// The host that the settings describe.
    ///
    /// # Errors
    /// The runtime cannot be started.
    pub(crate) fn new(settings: &Settings) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| SystemError(format!("cannot start the runtime: {error}")))?;
        let health = Health::new(settings);
        Ok(Self { settings: settings.clone(), runtime, health, begin: Instant::now() })
    }

    /// The runtime that waits for programs and checks.
    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Runs a program to its end; returns its standard output.
    ///
    /// # Errors
    /// As [`command::must`].
    pub(crate) fn must(&self, argv: &[&str], timeout: Duration) -> Result<String> {
        self.runtime.block_on(command::must(argv, timeout))
    }

    /// Asks for a reboot.
    ///
    /// # Errors
    /// Refused.
    pub(crate) fn reboot(&self) -> Result<()> {
        self.must(&["systemctl", "reboot"], QUICK).map(drop)
    }

    /// Runs all checks once.
    ///
    /// # Errors
    /// The first failure.
    pub(crate) fn health(
        &mut self,
        version: &Version,
        expected: &Subject,
    ) -> std::result::Result<(), Illness> {
        self.runtime.block_on(self.health.check(version, expected))
    }

    /// Writes a verdict to `/run`.
    pub(crate) fn leave_verdict(&self, report: &Report, activation: Option<&str>) {
        let (at, code) = (self.now(), report.outcome.code());
        let verdict =
            LastVerdict { at, code, report: report.clone(), activation: activation.map(str::to_owned) };
        verdict.leave(&self.settings);
    }

    /// The wall clock.
    #[must_use]
    #[expect(clippy::unused_self, reason = "it is the host's clock")]
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// A monotonic clock.
    #[must_use]
    pub(crate) fn elapsed(&self) -> Duration {
        self.begin.elapsed()
    }

    /// Waits.
    pub(crate) fn sleep(&self, duration: Duration) {
        // a timer must be created inside the runtime
        self.runtime.block_on(async { tokio::time::sleep(duration).await });
    }
}
