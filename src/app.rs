//! The command line, from settings to exit code.

use std::{
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use tokio::runtime::Runtime;

use crate::{
    cli::{Cli, Command},
    config,
    peers::{Peers, validate},
    probe::{Target, args::ProbeArgs},
    serve,
    server::listener::BindError,
    state::App,
    telemetry,
};

/// Exit codes, the sysexits(3) ones where they fit.
pub mod exit {
    /// The command line is unusable, as clap has it.
    pub const USAGE: u8 = 2;
    /// A listener cannot be bound (`EX_UNAVAILABLE`).
    pub const CANNOT_BIND: u8 = 69;
    /// A background task died (`EX_SOFTWARE`).
    pub const SOFTWARE: u8 = 70;
    /// The configuration is unusable (`EX_CONFIG`).
    pub const CONFIG: u8 = 78;
}

/// Why the service ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// See [`config::ConfigError`].
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    /// See [`server::listener::BindError`].
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The command line asks for what cannot be.
    #[error("{0}")]
    Usage(String),
    /// The runtime or a background task failed.
    #[error("{0}")]
    Software(String),
}

impl Error {
    /// What the process ends with.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) => exit::CONFIG,
            Self::Bind(_) => exit::CANNOT_BIND,
            Self::Usage(_) => exit::USAGE,
            Self::Software(_) => exit::SOFTWARE,
        }
    }
}

/// Runs the command line to its end.
#[must_use]
pub fn main(cli: &Cli) -> ExitCode {
    let result = match &cli.command {
        None | Some(Command::Serve) => serve(cli).map(|()| ExitCode::SUCCESS),
        Some(Command::CheckConfig) => check_config(cli).map(|()| ExitCode::SUCCESS),
        Some(Command::Probe(args)) => probe(cli, args),
    };
    telemetry::end(result.as_ref().err().map(|error| error as _));
    if matches!(result, Err(Error::Config(_))) && std::env::var_os("LISTEN_FDS").is_some() {
        hold();
    }
    result.unwrap_or_else(|error| ExitCode::from(error.exit_code()))
}

/// Before a refusal of the configuration: who waits in an inherited socket has systemd start us again at once, as often as we end.
#[expect(clippy::disallowed_methods, reason = "no runtime is left to block")]
fn hold() {
    const PAUSE: Duration = Duration::from_secs(2);
    std::thread::sleep(PAUSE);
}

fn serve(cli: &Cli) -> Result<(), Error> {
    let config::Loaded { settings, warnings, .. } = config::load(&cli.config)?;
    let telemetry = telemetry::init(&settings)?;
    for warning in &warnings {
        tracing::warn!("configuration: {warning}");
    }
    let app = App::new(settings, telemetry)?;
    let runtime = runtime()?;
    let result = runtime.block_on(serve::run(app, cli.config.clone()));
    // a name server or a disk that does not answer must not hold the end back
    runtime.shutdown_background();
    result
}

fn check_config(cli: &Cli) -> Result<(), Error> {
    let loaded = config::load(&cli.config)?;
    for warning in &loaded.warnings {
        telemetry::say(&format!("warning: {warning}"));
    }
    // files of the machine, which may be another one
    if let Err(error) = Peers::new(&loaded.settings.fanout, None) {
        let wrong = validate::joined(&error);
        telemetry::say(&format!("warning: {wrong}; the service will not start on a machine where it is so"));
    }
    match io::stdout().write_all(config::show::render(&loaded).as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::Software(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

fn probe(cli: &Cli, args: &ProbeArgs) -> Result<ExitCode, Error> {
    let target = match &args.url {
        Some(url) => url.clone(),
        None => Target::of(&config::load(&cli.config)?.settings.public.listen).map_err(Error::Usage)?,
    };
    let runtime = runtime()?;
    let code = runtime.block_on(args.run(&args.probe(target)));
    // a name server that does not answer must not hold the verdict back
    runtime.shutdown_background();
    Ok(code)
}

fn runtime() -> Result<Runtime, Error> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::Software(format!("cannot start the runtime: {error}")))
}
