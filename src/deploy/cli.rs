//! The command line of `uecho-deploy`.

use clap::{Parser, value_parser};
use uecho_probe::target::Target;

use crate::{address::Destination, flake::Flake};

const NOTES: &str = "\
HOST is a destination of ssh, with or without a user (default: root); an IPv6 address may be in brackets.
NIX_SSHOPTS has further options for ssh, which are split into words as Nix does it. ssh asks no questions
(BatchMode) and connects once.

Exit status:
  0   the new version serves; if there is a guard, the guard has blessed it
  1   the new version is unhealthy and still runs: the guard is configured to report only
  2   usage
  3   the new version does not serve; the old one is back and serves
  4   the new version does not serve, and that the old one serves is not proven: look at the machine
  5   the new version does not serve and still runs: the guard knows no version to go back to
  6   nothing was changed: the machine has quarantined the new version
  69  nothing was changed: the build, the copy or the question what the machine runs has failed
  75  no verdict in time: the guard may still be checking";

/// Deploys one version to one machine, and proves that it serves, or that the old one serves again.
///
/// Builds a system here, copies it to root@HOST over ssh, and switches to it. Then it waits for the verdict
/// of the machine's guard, and checks from here, through the public port of the machine, that the new version
/// serves. If the machine has no guard, this check is the verdict, and this program switches back from a
/// version that does not serve.
#[derive(Debug, Parser)]
#[command(name = "uecho-deploy", version, after_long_help = NOTES, args_override_self = true)]
pub struct Cli {
    /// What to deploy: nixosConfigurations.NAME of FLAKE.
    #[arg(long, value_name = "FLAKE#NAME", default_value = ".#appliance")]
    pub flake: Flake,

    /// Where the machine serves; by default port 8080 of HOST, without TLS.
    #[arg(long, value_name = "URL")]
    pub url: Option<Target>,

    /// How long a version may take until it serves, as seen from here.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = value_parser!(u64).range(1..))]
    pub wait: u64,

    /// How long the guard may take, a reboot included.
    #[arg(long, value_name = "SECONDS", default_value_t = 900, value_parser = value_parser!(u64).range(1..))]
    pub verdict: u64,

    /// Let it run even if the machine has quarantined it; who and why is recorded there.
    #[arg(long = "override", value_name = "REASON", allow_hyphen_values = true)]
    pub override_reason: Option<String>,

    /// Evaluate here, but build on this host; the result is not copied here.
    #[arg(long, value_name = "HOST")]
    pub build_host: Option<Destination>,

    /// The machine.
    #[arg(value_name = "HOST")]
    pub host: Destination,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::{error::Error, outcome::Outcome};

    fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from([&["uecho-deploy"], arguments].concat())
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
        for wrong in [
            &[][..],
            &[""],
            &["a", "b"],
            &["--nope", "a"],
            &["a", "--url"],
            &["--url", "a:8080", "a"],
            &["--wait", "soon", "a"],
            &["--wait", "0", "a"],
            &["--verdict", "0", "a"],
            &["--flake", "here", "a"],
            &["--build-host", "", "a"],
        ] {
            assert_eq!(parse(wrong).unwrap_err().exit_code(), 2, "{wrong:?}");
        }
    }

    #[test]
    fn the_last_of_two_values_counts() {
        let cli = parse(&["--wait=1", "--override", "-- why", "m", "--wait", "2"]).unwrap();
        assert_eq!((cli.wait, cli.override_reason.as_deref()), (2, Some("-- why")));
        assert_eq!((cli.verdict, cli.flake.to_string().as_str()), (900, ".#appliance"));
    }

    #[test]
    fn the_help_has_every_exit_code() {
        let outcomes = [
            Outcome::Serves,
            Outcome::Unhealthy,
            Outcome::TakenBack,
            Outcome::Unproven,
            Outcome::NowhereToGo,
            Outcome::Quarantined,
            Outcome::NoVerdict,
        ];
        let errors = [Error::Usage(String::new()), Error::NothingChanged(String::new())];
        let mut codes: Vec<_> = outcomes.map(Outcome::code).into_iter().collect();
        codes.extend(errors.map(|error| error.exit_code()));
        codes.sort_unstable();
        let (_, table) = NOTES.split_once("Exit status:\n").unwrap();
        let listed: Vec<u8> =
            table.lines().map(|line| line.split_whitespace().next().unwrap().parse().unwrap()).collect();
        assert_eq!(listed, codes);
    }
}
