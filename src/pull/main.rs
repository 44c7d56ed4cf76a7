//! The `uecho-pull` program.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    uecho_pull::app::main(&uecho_pull::cli::Cli::parse())
}
