//! The `uecho-guard` program.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    uecho::guard::app::main(&uecho::guard::cli::Cli::parse())
}
