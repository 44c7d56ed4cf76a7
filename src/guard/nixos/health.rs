//! One round of all checks: the units, the probe through the public socket, and the commands of the settings.

use std::fs;

use super::{boot_id, command, units};
use crate::{
    config,
    guard::{
        settings::Settings,
        system::{Illness, Outlook},
        version::Version,
    },
    probe::{Expect, Fault, Probe, Target},
    receipt,
};

/// The checks, and what they remember of earlier rounds.
pub struct Health {
    settings: Settings,
    of: Option<Version>,
    restarts: units::Restarts,
}

impl Health {
    /// Checks as configured.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone(), of: None, restarts: units::Restarts::default() }
    }

    /// Makes every check once.
    ///
    /// # Errors
    /// The first failure.
    pub async fn check(&mut self, version: &Version) -> Result<(), Illness> {
        if self.of.as_ref() != Some(version) {
            self.of = Some(version.clone());
            self.restarts = units::Restarts::default();
        }
        let before = self.units(version).await;
        if let Err(illness) = &before
            && illness.outlook == Outlook::Hopeless
        {
            return before;
        }
        if self.settings.probe
            && let Err(illness) = self.probe(version).await
        {
            // the unit knows better why nobody answers
            return before.and(Err(illness));
        }
        if before.is_err() {
            // a request may have been what starts it
            self.units(version).await?;
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

    async fn units(&mut self, version: &Version) -> Result<(), Illness> {
        for unit in &self.settings.units {
            units::check(unit, version, &mut self.restarts).await?;
        }
        Ok(())
    }

    /// The receipt must name the version: `<toplevel>/nixos-version` is what the service reports as `system`.
    async fn probe(&self, version: &Version) -> Result<(), Illness> {
        let illness = |reason: String| Illness::new("probe", reason);
        let own = self.settings.target().map_err(illness)?;
        let target = if let Some(target) = &own {
            target.clone()
        } else {
            // read each time: the version on trial may listen elsewhere
            let loaded = config::load(&[]).map_err(|error| illness(error.to_string()))?;
            Target::of(&loaded.settings.public.listen).map_err(illness)?
        };
        let label = fs::read_to_string(version.path().join("nixos-version")).ok();
        let system = label.map(|label| receipt::printable(label.trim()));
        let expect = Expect { system, ..Expect::default() };
        let probe = Probe { target, expect, timeout: self.settings.timeout.0 };
        let report = probe.check().await.map_err(|unhealthy| {
            let wrong = matches!(unhealthy.fault, Fault::WrongAnswer { .. } | Fault::Unexpected { .. });
            illness(unhealthy.to_string()).but(if wrong { Outlook::Wrong } else { Outlook::MayPass })
        })?;
        let (answered, boot) = (report.receipt.boot, boot_id());
        if own.is_none() && answered != boot {
            let reason = format!("boot is `{answered}`, expected `{boot}`: another machine answers");
            return Err(illness(reason).but(Outlook::Wrong));
        }
        Ok(())
    }
}
