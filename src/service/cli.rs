//! The command line of `uecho`.

pub(crate) mod probe;
mod textfile;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::cli::probe::ProbeArgs;

/// A fan-out echo service that tells the truth about its health.
#[derive(Debug, Parser)]
#[command(name = "uecho", version)]
pub struct Cli {
    /// TOML file; repeatable, later ones win. Else `UECHO_CONFIG`, else /etc/uecho/uecho.toml if it exists.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Vec<PathBuf>,

    /// What to do; `serve` when left out.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// A subcommand.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the service (the default).
    Serve,
    /// Print the effective configuration, each value with its source, secrets redacted. Exit 0, or 78 when it
    /// cannot be used.
    CheckConfig {
        /// Print the JSON Schema of the settings instead, for editors. No configuration is read.
        #[arg(long)]
        schema: bool,
    },
    /// Check a running service: ready, and echoing exactly as it must. Exit 0 healthy, 1 unhealthy, 2 wrong
    /// usage, 73 when the file of --textfile cannot be written.
    Probe(Box<ProbeArgs>),
}
