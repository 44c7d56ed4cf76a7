//! The `uecho` program.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    uecho::app::main(&uecho::cli::Cli::parse())
}
