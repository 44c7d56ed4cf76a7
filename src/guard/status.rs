//! The state of the machine on one screen for humans, and as JSON for programs.

mod slots;

use std::fmt;

use serde::Serialize;
use slots::SlotStatus;
use uecho_probe::timestamp::Timestamp;

use crate::{
    ledger::{Intent, Override},
    lock::{self, Holder},
    runtime::LastVerdict,
    settings::Settings,
    store::{Integrity, Store, disk::Folder},
    system::System,
    version::{Assessment, Version},
};

/// State of the machine.
#[derive(Debug, Serialize)]
pub(crate) struct Status {
    /// The version that runs.
    pub running: Option<Version>,
    /// Its state; `None` if the guard has never seen it.
    pub state: Option<Assessment>,
    /// Its boots without a verdict, while it is on trial.
    pub attempts: u32,
    /// The version that was booted.
    pub booted: Option<Version>,
    /// The version that is installed.
    pub installed: Option<Version>,
    /// Target of a rollback.
    pub last_good: Option<Version>,
    /// Whether the boot loader's choice can be set.
    pub boot_control: bool,
    /// The boot loader's default.
    pub boot_default: Option<Version>,
    /// The boot loader's choice for the next boot only.
    pub boot_once: Option<Version>,
    /// What the next boot will do, in words.
    pub next_boot: String,
    /// What is in the image slots; `None` on a machine without them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slots: Option<SlotStatus>,
    /// Why they cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slots_problem: Option<String>,
    /// Versions in quarantine.
    pub quarantined: Vec<Quarantined>,
    /// A rollback that has begun.
    pub rollback: Option<Intent>,
    /// Reboots by the guard since the last healthy verdict.
    pub reboots: u32,
    /// Decisions of humans against those of the guard.
    pub overrides: Vec<Override>,
    /// The guard that is running.
    pub guard: Option<Holder>,
    /// Result of the last verification or rollback of this boot.
    pub last_verdict: Option<LastVerdict>,
    /// Whether that result is about the last activation.
    pub judged: bool,
    /// What is wrong with the ledger, if something is.
    pub ledger_problem: Option<String>,
}

/// A version in quarantine.
#[derive(Debug, Serialize)]
pub(crate) struct Quarantined {
    /// The version.
    pub version: Version,
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub reason: String,
}

impl Status {
    /// Reads the state of the machine, without changing anything.
    #[must_use]
    pub(crate) fn gather(
        system: &impl System,
        settings: &Settings,
        last_verdict: Option<LastVerdict>,
    ) -> Self {
        let store = Store {
            state: Folder(settings.state_dir.clone()),
            runtime: Folder(settings.runtime_dir.clone()),
        };
        let (ledger, integrity) = store.read();
        let running = system.running().ok();
        let installed = system.installed().ok().flatten();
        let choice = system.boot_choice().ok().flatten();
        let entry = running.as_ref().and_then(|running| ledger.versions.get(running));
        let quarantined = ledger.versions.iter().filter(|(_, entry)| entry.state == Assessment::Quarantined);
        let quarantined = quarantined.map(|(version, entry)| {
            let (since, reason) = entry.last_verdict.as_ref().map_or_else(
                || (entry.first_seen, "no reason is recorded".into()),
                |verdict| (verdict.at, verdict.reason.clone()),
            );
            Quarantined { version: version.clone(), since, reason }
        });
        let (boot_default, boot_once) = choice
            .as_ref()
            .map(|choice| (choice.default.clone(), choice.oneshot.clone()))
            .unwrap_or_default();
        let judged = last_verdict.as_ref().and_then(|verdict| verdict.activation.clone());
        let name = |version: &Option<Version>| {
            version.as_ref().map_or_else(|| "the boot loader's own choice".into(), ToString::to_string)
        };
        let images = system.images();
        let slots_problem = images.as_ref().err().map(ToString::to_string);
        let images = images.ok().flatten();
        let slots = images.as_ref().map(|images| SlotStatus::new(images, &ledger, running.as_ref()));
        let next_boot = match (&choice, &boot_once) {
            _ if let (Some(images), Some(slots)) = (&images, &slots) => {
                let trial = images.next().and_then(|next| slots.trial(next));
                let trial = trial.map(|trial| format!(" ({trial})")).unwrap_or_default();
                format!("{}{trial}", name(&images.next().cloned()))
            }
            (None, _) => format!(
                "{}, unless the boot loader is set otherwise; verified after it has booted",
                name(&installed)
            ),
            (Some(_), None) => name(&boot_default),
            (Some(_), Some(once)) => {
                format!("{once} for one boot; without a good verdict, {} after that", name(&boot_default))
            }
        };
        Self {
            state: entry.map(|entry| entry.state.clone()),
            attempts: entry.map_or(0, |entry| entry.attempts),
            booted: system.booted().ok(),
            last_good: ledger.last_good.clone(),
            boot_control: choice.is_some(),
            slots,
            slots_problem,
            quarantined: quarantined.collect(),
            rollback: ledger.intent.clone(),
            reboots: ledger.reboots,
            overrides: ledger.overrides.clone(),
            guard: lock::current(&settings.runtime_dir.join("lock")),
            ledger_problem: match integrity {
                Integrity::Previous(problem) | Integrity::Lost(problem) => Some(problem),
                Integrity::Intact | Integrity::Fresh => None,
            },
            judged: judged.is_some() && judged == system.activation().ok(),
            running,
            installed,
            boot_default,
            boot_once,
            next_boot,
            last_verdict,
        }
    }

    /// The state as a JSON object, with a newline at its end.
    #[must_use]
    pub(crate) fn json(&self) -> String {
        format!("{}\n", serde_json::to_string_pretty(self).unwrap_or_default())
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name =
            |version: &Option<Version>| version.as_ref().map_or_else(|| "none".into(), ToString::to_string);
        let state = self.state.as_ref().map_or("not seen yet", Assessment::as_str);
        write!(f, "running      {} ({state}", name(&self.running))?;
        if self.attempts > 0 {
            write!(f, ", trial {}", self.attempts)?;
        }
        writeln!(f, ")")?;
        writeln!(f, "installed    {}", name(&self.installed))?;
        writeln!(f, "last good    {}", name(&self.last_good))?;
        let no_control = if self.boot_control { "" } else { " (no EFI variables: it cannot be told)" };
        writeln!(f, "boot default {}{no_control}", name(&self.boot_default))?;
        writeln!(f, "next boot    {}", self.next_boot)?;
        if let Some(slots) = &self.slots {
            write!(f, "{slots}")?;
        }
        if let Some(problem) = &self.slots_problem {
            writeln!(f, "slots        cannot be read: {problem}")?;
        }
        if self.reboots > 0 {
            writeln!(f, "reboots      {} by the guard since the last good verdict", self.reboots)?;
        }
        if let Some(Intent { from, to, reason, since, .. }) = &self.rollback {
            writeln!(f, "going back   from {from} to {to} since {since}: {reason}")?;
        }
        if let Some(guard) = &self.guard {
            writeln!(f, "at work      {guard}")?;
        }
        if let Some(LastVerdict { at, code, report, .. }) = &self.last_verdict {
            writeln!(f, "last verdict {at}, exit code {code}: {}: {}", report.version, report.text)?;
        }
        for Quarantined { version, since, reason } in &self.quarantined {
            writeln!(f, "quarantined  {version} since {since}: {reason}")?;
        }
        for Override { at, version, kind, by, reason, .. } in &self.overrides {
            writeln!(f, "{kind:<12} {version} at {at} by {by}: {reason}")?;
        }
        if let Some(problem) = &self.ledger_problem {
            writeln!(f, "ledger       unreadable, will be rebuilt: {problem}")?;
        }
        Ok(())
    }
}
