//! The `uecho-guard` program.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    uecho_guard::app::main(&uecho_guard::cli::Cli::parse())
}
