//! Wiring: settings, state, listeners, connections, and the exit code.

use std::{
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
};

use sd_notify::NotifyState;
use tokio::{runtime::Runtime, sync::watch};

use crate::{
    cli::{Cli, Command},
    config::{self, listen::Listen},
    lifecycle::Phase,
    peers,
    probe::{Target, args::ProbeArgs},
    readiness::Reason,
    server::{
        self,
        listener::{BindError, Inherited, Listener},
    },
    state::App,
    systemd, telemetry,
    web::{route::Side, service::Service},
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
    fn exit_code(&self) -> u8 {
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
    result.unwrap_or_else(|error| ExitCode::from(error.exit_code()))
}

fn serve(cli: &Cli) -> Result<(), Error> {
    let config::Loaded { settings, warnings, .. } = config::load(&cli.config)?;
    let telemetry = telemetry::init(&settings)?;
    for warning in &warnings {
        tracing::warn!("configuration: {warning}");
    }
    let app = App::new(settings, telemetry)?;
    runtime()?.block_on(run(app))
}

fn check_config(cli: &Cli) -> Result<(), Error> {
    let loaded = config::load(&cli.config)?;
    for warning in &loaded.warnings {
        telemetry::say(&format!("warning: {warning}"));
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

async fn run(app: Arc<App>) -> Result<(), Error> {
    let mut inherited = Inherited::from_env();
    let public = listeners(&mut inherited, "public", &app.settings.public.listen)?;
    let ops = listeners(&mut inherited, "ops", &app.settings.ops.listen)?;
    let status = format!("serving {}, ops on {}", names(&public), names(&ops));
    let (_phase, phase) = watch::channel(Phase::Running);
    let mut tasks = tokio::task::JoinSet::new();
    for (listeners, side) in [(public, Side::Public), (ops, Side::Ops)] {
        tasks.spawn(server::serve(listeners, Service::new(app.clone(), side), phase.clone()));
    }
    tasks.spawn(peers::monitor::run(app.clone()));
    app.telemetry.start_export(&app.receipt);
    app.readiness.set(Reason::Starting, false);
    systemd::notify(&[NotifyState::Ready, NotifyState::Status(&status)]);
    while tasks.join_next().await.is_some() {}
    Ok(())
}

/// Inherited sockets of this name, else the configured address.
fn listeners(inherited: &mut Inherited, name: &str, configured: &Listen) -> Result<Vec<Listener>, BindError> {
    match inherited.take(name)? {
        none if none.is_empty() => Ok(vec![Listener::bind(configured)?]),
        taken => Ok(taken),
    }
}

fn names(listeners: &[Listener]) -> String {
    listeners.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
