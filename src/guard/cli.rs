//! The command line of `uecho-guard`.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use uecho_probe::units::DurationValue;

use crate::images::order;

/// Rolls back a version of the system that does not serve.
#[derive(Debug, Parser)]
#[command(
    name = "uecho-guard",
    version,
    after_help = "Exit codes: 0 blessed, or done; 1 unhealthy, and nothing done; 2 wrong usage; 3 rolled \
        back, and the old version is proven \
                  healthy; 4 rolled back, but unhealthy or not proven yet; 5 nothing to go back to; 6 \
                  refused: quarantined, or lower than a blessed version; \
                  70 the machine could not be asked or told; 75 \
                  another guard is running, or a version is on trial; 78 wrong configuration."
)]
pub struct Cli {
    /// TOML file with settings; by default /etc/uecho/guard.toml, if it exists.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// A subcommand.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Judge the running version: bless it, or quarantine it and roll back to the last good one.
    Verify {
        /// How long it must stay healthy.
        #[arg(long, value_name = "DURATION")]
        soak: Option<DurationValue>,

        /// Pause between two rounds of checks.
        #[arg(long, value_name = "DURATION", value_parser = interval)]
        interval: Option<DurationValue>,

        /// Only check: exit with 0 if it is healthy, with 1 if not. Nothing is changed.
        #[arg(long)]
        dry_run: bool,
    },

    /// Roll back to the last good version, which need not be the previous one, and prove that it serves.
    Rollback {
        /// Roll back to this version instead: a store path, or a link to one such as
        /// /nix/var/nix/profiles/system-41-link; with image slots, the version of an image.
        #[arg(long, value_name = "VERSION")]
        to: Option<PathBuf>,
    },

    /// Let the boot loader start the installed version once; the last good one stays the default until the
    /// new one is blessed.
    Arm,

    /// Exit with 6 if a version is quarantined: for the check before a switch.
    Preflight {
        /// The version about to be switched to.
        #[arg(value_name = "PATH")]
        version: PathBuf,

        /// Let it run although it is quarantined. Who does this and why is recorded.
        #[arg(long = "override", value_name = "REASON", value_parser = reason)]
        override_reason: Option<String>,
    },

    /// Lift a quarantine. Who does this and why is recorded.
    Release {
        /// The version.
        #[arg(value_name = "PATH")]
        version: PathBuf,

        /// Why.
        #[arg(long, value_name = "REASON", default_value = "no reason given", value_parser = reason)]
        reason: String,
    },

    /// Install a newer image into the other slot, check all of it, and boot it for its trial (image slots).
    Update {
        /// Only look: what would be done. Nothing is written, nothing is downloaded.
        #[arg(long)]
        check: bool,

        /// Install this version instead of the newest one.
        #[arg(long, value_name = "VERSION", value_parser = image_version)]
        to: Option<String>,

        /// Install it although it is quarantined, or lower than a version that was blessed. Who does this and
        /// why is recorded.
        #[arg(long = "override", value_name = "WHY", value_parser = reason)]
        override_reason: Option<String>,
    },

    /// Erase the machine's state, and reboot. The version stays, and so does what the boot partition tells of
    /// bad ones (image slots).
    FactoryReset,

    /// Show what runs, what is good, what is bad and why, and what the next boot will do.
    Status {
        /// Print a JSON object instead.
        #[arg(long)]
        json: bool,
    },

    /// Print the metrics in the Prometheus text format, as in /run/uecho-guard/metrics.prom.
    Metrics,

    /// Check the settings, and print all that are in effect, as TOML.
    CheckConfig,

    /// For the units: start the verification again if a version was activated after its last check.
    #[command(hide = true)]
    Again,
}

fn interval(text: &str) -> Result<DurationValue, String> {
    match text.parse::<DurationValue>()? {
        span if span.0.is_zero() => {
            Err("some time must pass between two rounds; write it like \"2s\"".into())
        }
        span => Ok(span),
    }
}

fn image_version(text: &str) -> Result<String, String> {
    order::problem(text).map_or_else(|| Ok(text.into()), Err)
}

fn reason(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("a reason is needed: it is recorded".into()),
        text => Ok(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
        for wrong in [
            ["uecho-guard", "verify", "--soak=30"],
            ["uecho-guard", "verify", "--interval=0s"],
            ["uecho-guard", "preflight", "--override=x"],
            ["uecho-guard", "release", "--reason= "],
            ["uecho-guard", "update", "--override="],
            ["uecho-guard", "update", "--to=1_2"],
        ] {
            assert!(Cli::try_parse_from(wrong).is_err(), "{wrong:?}");
        }
    }
}
