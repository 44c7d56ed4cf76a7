//! The command line of `uecho-pull`.

use std::{path::PathBuf, str::FromStr};

use clap::{Parser, Subcommand};
use uecho_probe::{target::Target, units::DurationValue};

use crate::manifest::StorePath;

const NOTES: &str = "\
Exit status:
  0   the machine runs what the release says, has switched to it, or waits for its turn
  1   the machine could not do what it had to
  2   usage
  6   the guard has quarantined the release
  65  the release is refused: its signature, its age or its content is wrong
  69  the release, or the system that it names, cannot be fetched
  75  something else is under way: another look, a trial, a deployment, other machines that are away; for
      promote, it is not time yet
  78  wrong configuration";

/// Follows signed releases: fetches the system that one names, and switches to it. The guard judges it.
#[derive(Debug, Parser)]
#[command(name = "uecho-pull", version, after_long_help = NOTES)]
pub struct Cli {
    /// TOML file with settings.
    #[arg(long, global = true, value_name = "FILE", default_value = "/etc/uecho/pull.toml")]
    pub config: PathBuf,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// A subcommand.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Look at the release once, and follow it.
    Poll,

    /// Check the settings.
    CheckConfig,

    /// Print the manifest of a release, to be signed: ssh-keygen -Y sign -f KEY -n uecho-release FILE.
    Manifest {
        /// The machines that it is for.
        #[arg(long, value_name = "NAME")]
        environment: String,

        /// Which of these machines.
        #[arg(long, value_name = "NAME")]
        wave: String,

        /// A number above those of all releases before.
        #[arg(long, value_name = "NUMBER")]
        sequence: u64,

        /// How long it may be followed.
        #[arg(long, value_name = "DURATION")]
        valid_for: DurationValue,

        /// The system of each machine.
        #[arg(value_name = "MACHINE=PATH", required = true, value_parser = of_machine::<StorePath>)]
        systems: Vec<(String, StorePath)>,
    },

    /// Print the manifest of the same release for another wave, if the machines that have it are well: their
    /// guards have blessed it, and long enough ago.
    Promote {
        /// The manifest that these machines follow.
        #[arg(long, value_name = "FILE")]
        release: PathBuf,

        /// Where one of these machines has its metrics, with those of its guard; may be repeated.
        #[arg(long, value_name = "MACHINE=URL", required = true, value_parser = of_machine::<Target>)]
        metrics: Vec<(String, Target)>,

        /// How long they must have been well.
        #[arg(long, value_name = "DURATION")]
        bake: DurationValue,

        /// The wave to release to.
        #[arg(long, value_name = "NAME")]
        wave: String,

        /// How long the new manifest may be followed.
        #[arg(long, value_name = "DURATION")]
        valid_for: DurationValue,
    },
}

fn of_machine<T: FromStr<Err = String>>(text: &str) -> Result<(String, T), String> {
    match text.split_once('=') {
        Some((machine, value)) if !machine.is_empty() => Ok((machine.into(), value.parse()?)),
        _ => Err("expected the name of a machine, `=`, and the value".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::outcome::Outcome;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
        for wrong in [
            &[][..],
            &["poll", "now"],
            &["manifest", "--environment=a", "--wave=b", "--sequence=1", "--valid-for=1h", "n1=/bin"],
            &["promote", "--release=a", "--bake=1h", "--wave=all", "--valid-for=1h"],
            &["promote", "--release=a", "--bake=1h", "--wave=all", "--valid-for=1h", "--metrics=http://a"],
        ] {
            assert!(Cli::try_parse_from([&["uecho-pull"], wrong].concat()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_machine_has_a_name() {
        let url = |text: &str| of_machine::<Target>(text).map(|(machine, url)| (machine, url.to_string()));
        assert_eq!(url("n1=http://a/b=c"), Ok(("n1".into(), "http://a/b=c".into())));
        for wrong in ["=http://a", "http://a", ""] {
            assert!(url(wrong).unwrap_err().contains("the name of a machine"), "{wrong}");
        }
    }

    #[test]
    fn the_help_has_every_exit_code() {
        for code in Outcome::ALL.map(Outcome::code) {
            assert!(NOTES.contains(&format!("\n  {code:<2}  ")), "{code}");
        }
    }
}
