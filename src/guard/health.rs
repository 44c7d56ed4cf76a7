//! One round of all checks: the units, the probe through the public listener, and the commands from the
//! settings.

pub(crate) mod identity;
pub(crate) mod units;

use std::path::{Path, PathBuf};

use uecho_probe::{
    check::{Expect, Probe},
    target::Target,
    unhealthy::Fault,
};

use identity::{Identity, boot_id};

use crate::{
    command,
    settings::Settings,
    system::{Illness, Outlook},
    version::Version,
};

/// The socket that `uecho.socket` opens besides the address of the public listener; it needs no network.
const SOCKET: &str = "/run/uecho/public.sock";
/// Where a service without that socket listens by default.
const TCP: &str = "http://127.0.0.1:8080";

/// What the checks expect of a version.
pub(crate) struct Subject {
    /// Its names in receipts.
    pub identity: Identity,
    /// The folder with its unit files, in `etc/systemd/system`.
    pub root: PathBuf,
}

/// The checks, with what they know from earlier rounds.
pub(crate) struct Health {
    settings: Settings,
    socket: PathBuf,
    of: Option<Version>,
    restarts: units::Restarts,
}

impl Health {
    /// The checks that the settings ask for.
    #[must_use]
    pub(crate) fn new(settings: &Settings) -> Self {
        let restarts = units::Restarts::default();
        Self { settings: settings.clone(), socket: SOCKET.into(), of: None, restarts }
    }

    /// Runs every check once.
    ///
    /// # Errors
    /// The first failure.
    pub(crate) async fn check(&mut self, version: &Version, expected: &Subject) -> Result<(), Illness> {
        if self.of.as_ref() != Some(version) {
            self.of = Some(version.clone());
            self.restarts = units::Restarts::default();
        }
        let before = self.units(&expected.root).await;
        if let Err(illness) = &before
            && illness.outlook == Outlook::Hopeless
        {
            return before;
        }
        if self.settings.probe
            && let Err(illness) = self.probe(&expected.identity).await
        {
            // if nobody answers, the unit's failure says more about the reason
            return before.and(Err(illness));
        }
        if before.is_err() {
            // the request may have started the service
            self.units(&expected.root).await?;
        }
        for check in &self.settings.checks {
            let argv: Vec<_> = check.command.iter().map(String::as_str).collect();
            let illness = |reason: String| Illness::new(&check.name, reason);
            let ended = command::run(&argv, check.timeout.0).await.map_err(|error| illness(error.0))?;
            if !ended.success {
                return Err(illness(format!("{}: {}", ended.status, ended.last_line())));
            }
        }
        self.restarts.healthy();
        Ok(())
    }

    async fn units(&mut self, root: &Path) -> Result<(), Illness> {
        for unit in &self.settings.units {
            units::check(unit, root, &mut self.restarts).await?;
        }
        Ok(())
    }

    /// The receipt must name the version.
    async fn probe(&self, identity: &Identity) -> Result<(), Illness> {
        let illness = |reason: String| Illness::new("probe", reason);
        let own = self.settings.target().map_err(illness)?;
        let target = match &own {
            Some(target) => target.clone(),
            None => default_target(&self.socket).map_err(illness)?,
        };
        let probe = Probe { target, expect: Expect::default(), timeout: self.settings.timeout.0 };
        let report = probe.check().await.map_err(|unhealthy| {
            let wrong = matches!(unhealthy.fault, Fault::WrongAnswer { .. });
            illness(unhealthy.to_string()).but(if wrong { Outlook::Wrong } else { Outlook::MayPass })
        })?;
        identity.check(&report.receipt.system)?;
        let (answered, boot) = (report.receipt.boot, boot_id());
        if own.is_none() && answered != boot {
            let reason = format!("boot is `{answered}`, expected `{boot}`: another machine answers");
            return Err(illness(reason).but(Outlook::Wrong));
        }
        Ok(())
    }
}

/// Where the service answers if the settings do not say it. The guard does not read the configuration of the
/// service: it may have keys that the guard of another version does not know. The socket is looked for each
/// time, because it exists in some versions only.
fn default_target(socket: &Path) -> Result<Target, String> {
    if socket.exists() { Ok(Target::Unix(socket.into())) } else { TCP.parse() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn the_socket_is_asked_where_there_is_one_and_the_loopback_address_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("public.sock");
        assert_eq!(default_target(&socket).unwrap().to_string(), "http://127.0.0.1:8080");
        let _listener = UnixListener::bind(&socket).unwrap();
        assert_eq!(default_target(&socket).unwrap(), Target::Unix(socket));
    }

    #[tokio::test]
    async fn a_service_that_cannot_be_reached_is_ill_and_may_recover() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("unix:{}", folder.path().join("public.sock").display());
        let settings = Settings { url: Some(url), units: Vec::new(), ..Settings::default() };
        let expected = Subject { identity: Identity::new(None, folder.path()), root: folder.path().into() };
        let illness = Health::new(&settings).check(&Version::new("a"), &expected).await.unwrap_err();
        assert_eq!((illness.check.as_str(), illness.outlook), ("probe", Outlook::MayPass));
    }
}
