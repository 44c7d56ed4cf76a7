//! What the machine is asked and told, over ssh.

use std::time::Duration;

use crate::{address::Destination, guard::Status, program, ssh::Ssh, version::Version};

const PROFILE: &str = "/nix/var/nix/profiles/system";
/// Where the programs of the machine are.
pub(crate) const TOOLS: &str = "/run/current-system/sw/bin";

/// A machine that can be reached over ssh as root.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine<'a> {
    /// The connection.
    pub ssh: &'a Ssh,
    /// Where it is.
    pub host: &'a Destination,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// ssh or the command there has failed.
    Failed,
    /// The answer cannot be read.
    Unreadable(String),
}

impl NoAnswer {
    /// Why the guard of a host has no answer, in a sentence.
    #[must_use]
    pub(crate) fn of_guard(&self, host: &Destination) -> String {
        match self {
            Self::Failed => format!("The guard of {host} does not answer."),
            Self::Unreadable(reason) => format!("{reason}."),
        }
    }
}

impl Machine<'_> {
    /// The system that runs.
    pub(crate) async fn running(&self) -> Result<String, NoAnswer> {
        self.ask("readlink --canonicalize-existing /run/current-system").await
    }

    /// The version that a system is.
    pub(crate) async fn version(&self, system: String) -> Result<Version, NoAnswer> {
        let label = self.ask(&format!("cat {system}/nixos-version")).await?;
        Ok(Version::new(system, &label))
    }

    /// How the guard names the last activation: the system, and since when the link points to it.
    pub(crate) async fn activation(&self) -> Result<String, NoAnswer> {
        self.ask(
            "echo $(readlink --canonicalize /run/current-system)@$(stat --format=%.9Z#%i \
             /run/current-system)",
        )
        .await
    }

    /// Whether a guard is active. A guard of a version that was just left may still be active, but its unit
    /// file is gone (`LoadState`).
    pub(crate) async fn guarded(&self) -> Result<bool, NoAnswer> {
        let state = self.ask("systemctl show --property=LoadState,ActiveState uecho-guard.path").await?;
        let mut lines: Vec<_> = state.lines().collect();
        lines.sort_unstable();
        Ok(lines == ["ActiveState=active", "LoadState=loaded"])
    }

    /// What a unit that is active says that it is, and for how long it has been.
    pub(crate) async fn unit(&self, name: &str) -> Result<Option<(String, Duration)>, NoAnswer> {
        let properties = "ActiveState,ActiveEnterTimestampMonotonic,Description";
        let line = format!("systemctl show --property={properties} {name} && cat /proc/uptime");
        Ok(unit(&self.ask(&line).await?))
    }

    /// What the guard says.
    pub(crate) async fn guard_status(&self) -> Result<Status, NoAnswer> {
        let status = self.ask(&format!("{TOOLS}/uecho-guard status --json")).await?;
        Status::parse(&self.host.to_string(), &status).map_err(NoAnswer::Unreadable)
    }

    /// Asks the guard whether a version may run, or tells it why it may. Returns its exit status.
    pub(crate) async fn preflight(&self, system: &str, override_reason: Option<&str>) -> i32 {
        let why = override_reason.map(|reason| format!(" --override {}", quoted(reason)));
        let line = format!("{TOOLS}/uecho-guard preflight {system}{}", why.unwrap_or_default());
        self.tell(&line).await
    }

    /// Makes the machine run a system now and after each boot. A transient unit does it, so that a broken
    /// connection does not stop it half-way, and two deployments cannot run at once. Returns the exit status
    /// of the switch, or that of ssh if the connection breaks.
    pub(crate) async fn activate(&self, system: &str) -> i32 {
        self.tell(&format!(
            "systemd-run --collect --no-ask-password --pipe --quiet --wait --unit=uecho-deploy \
             --setenv=PATH={TOOLS} {TOOLS}/sh -c 'nix-env --profile {PROFILE} --set {system} && \
             {system}/bin/switch-to-configuration switch'"
        ))
        .await
    }

    async fn ask(&self, line: &str) -> Result<String, NoAnswer> {
        program::output(&mut self.ssh.command(self.host, line)).await.map_err(|_| NoAnswer::Failed)
    }

    async fn tell(&self, line: &str) -> i32 {
        program::status(&mut self.ssh.command(self.host, line)).await
    }
}

/// Reads the properties of a unit, which the uptime of the machine follows.
fn unit(text: &str) -> Option<(String, Duration)> {
    let property = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let begin = Duration::from_micros(property("ActiveEnterTimestampMonotonic")?.parse().ok()?);
    let uptime = Duration::try_from_secs_f64(text.lines().last()?.split(' ').next()?.parse().ok()?).ok()?;
    (property("ActiveState")? == "active")
        .then_some((property("Description")?.into(), uptime.saturating_sub(begin)))
}

/// A text as one word for the shell there.
#[must_use]
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_active_unit_has_a_description_and_an_age() {
        let show = |state: &str, begin: &str, uptime: &str| {
            let begin = format!("ActiveEnterTimestampMonotonic={begin}");
            unit(&format!("ActiveState={state}\nDescription=ci@host, process 7\n{begin}\n{uptime} 9.9"))
        };
        let held = show("active", "60500000", "100.75");
        assert_eq!(held, Some(("ci@host, process 7".into(), Duration::from_millis(40_250))));
        assert_eq!(show("active", "60500000", "60").unwrap().1, Duration::ZERO);
        for (state, begin, uptime) in [("inactive", "0", "5.1"), ("active", "", "5.1"), ("active", "1", "x")]
        {
            assert_eq!(show(state, begin, uptime), None);
        }
        assert_eq!(unit(""), None);
    }

    #[test]
    fn a_quoted_text_is_one_word_for_a_shell() {
        for text in ["", "it's $HOME", "''", "a\nb \\ \"c\" !x"] {
            let echo = format!("printf %s {}", quoted(text));
            let said = std::process::Command::new("sh").args(["-c", &echo]).output().unwrap().stdout;
            assert_eq!(String::from_utf8(said).unwrap(), text);
        }
    }
}
