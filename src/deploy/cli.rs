//! The command line of `uecho-deploy`.

use std::path::PathBuf;

use clap::{Parser, value_parser};
use uecho_probe::{target::Target, units::DurationValue};

use crate::{
    address::Destination,
    flake::Flake,
    fleet::{rollout::OnFailure, waves::Wave},
};

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
  75  no verdict in time: the guard may still be checking

A rollout (--fleet) ends at the first node that does not end with 0, with the status of that node, and says
what runs where; nodes that come later are not touched, and those before keep the new version, unless
--on-failure revert. It also ends
  with 1   if the fleet is not well after a wave
  with 4   if a node serves, but not behind the balancer
  with 75  if another rollout is under way, or if a node has to wait because another one is not UP";

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

    /// Deploy to the nodes of this fleet, one after the other, instead of to one machine.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["host", "url"])]
    pub fleet: Option<PathBuf>,

    /// Nodes that are updated before the fleet is watched: a number (canary:1), a share (50%) or all. Each
    /// counts the nodes of those before it.
    #[arg(long = "wave", value_name = "WAVE", conflicts_with = "host",
        default_values = ["canary:1", "50%", "all"])]
    pub waves: Vec<Wave>,

    /// How long the fleet is watched after each wave.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, conflicts_with = "host",
        value_parser = value_parser!(u64).range(1..))]
    pub bake: u64,

    /// The largest share of answers of the balancer with status 5xx meanwhile, in percent.
    #[arg(long, value_name = "PERCENT", default_value = "0.1", conflicts_with = "host",
        value_parser = percent)]
    pub max_errors: f64,

    /// The longest time for 99 of 100 answers meanwhile.
    #[arg(long, value_name = "DURATION", default_value = "250ms", conflicts_with = "host")]
    pub max_p99: DurationValue,

    /// What becomes of the nodes that were updated, when the rollout stops.
    #[arg(long, value_name = "ACTION", default_value = "keep", conflicts_with = "host")]
    pub on_failure: OnFailure,

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
    #[arg(value_name = "HOST", required_unless_present = "fleet")]
    pub host: Option<Destination>,
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').parse().ok();
    let share = number.filter(|percent| (0.0..=100.0).contains(percent));
    share.ok_or_else(|| format!("`{text}` is not a share; write it like \"0.1\", which is 1 of 1000"))
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
            &["--fleet", "f", "a"],
            &["--fleet", "f", "--url", "http://a"],
            &["--fleet", "f", "--wave", "half"],
            &["--fleet", "f", "--max-errors", "101"],
            &["--wave", "all", "a"],
            &["--bake", "5", "a"],
            &["--on-failure", "revert", "a"],
            &["--fleet", "f", "--on-failure", "stay"],
        ] {
            assert_eq!(parse(wrong).unwrap_err().exit_code(), 2, "{wrong:?}");
        }
    }

    #[test]
    fn the_last_of_two_values_counts() {
        let cli = parse(&["--wait=1", "--override", "-- why", "m", "--wait", "2"]).unwrap();
        assert_eq!((cli.wait, cli.override_reason.as_deref()), (2, Some("-- why")));
        let fleet = parse(&["--fleet", "f", "--wave", "canary:2", "--wave", "all"]).unwrap();
        assert_eq!(fleet.waves, [Wave::Nodes(2), Wave::All]);
        assert_eq!(parse(&["--fleet", "f"]).unwrap().waves.len(), 3);
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
        let (table, _) = table.split_once("\n\n").unwrap();
        let listed: Vec<u8> =
            table.lines().map(|line| line.split_whitespace().next().unwrap().parse().unwrap()).collect();
        assert_eq!(listed, codes);
    }
}
