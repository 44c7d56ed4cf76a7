//! The `uecho-deploy` program.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    uecho_deploy::app::main(&uecho_deploy::cli::Cli::parse())
}
