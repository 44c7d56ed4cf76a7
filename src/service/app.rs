//! The command line: it takes the settings, runs the subcommand and gives the exit code.

use std::{
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use uecho_probe::target::Target;

use crate::{
    cli::{Cli, Command, probe::ProbeArgs},
    config,
    fanout::peers::Peers,
    process::{error::Error, run, threads::runtime},
    state::App,
    telemetry,
};

/// Runs the command line and gives the exit code of the process.
#[must_use]
pub fn main(cli: &Cli) -> ExitCode {
    let result = match &cli.command {
        None | Some(Command::Serve) => serve(cli).map(|()| ExitCode::SUCCESS),
        Some(Command::CheckConfig { schema: true }) => {
            print(&format!("{:#}\n", config::schema::schema().to_value())).map(|()| ExitCode::SUCCESS)
        }
        Some(Command::CheckConfig { schema: false }) => check_config(cli).map(|()| ExitCode::SUCCESS),
        Some(Command::Probe(args)) => probe(cli, args),
    };
    telemetry::end(result.as_ref().err().map(|error| error as _));
    if matches!(result, Err(Error::Config(_))) && std::env::var_os("LISTEN_FDS").is_some() {
        hold();
    }
    result.unwrap_or_else(|error| ExitCode::from(error.exit_code()))
}

/// Waits before the process ends because of an unusable configuration. With socket activation, a client that
/// waits in the inherited socket makes systemd start the service again at once, as often as it ends.
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
    let runtime = runtime(app.settings.workers.count()).map_err(no_runtime)?;
    let result = runtime.block_on(run::run(app, cli.config.clone()));
    // this does not wait for blocking tasks: a name server or a disk may never answer
    runtime.shutdown_background();
    result
}

fn check_config(cli: &Cli) -> Result<(), Error> {
    let loaded = config::load(&cli.config)?;
    for warning in &loaded.warnings {
        telemetry::say(&format!("warning: {warning}"));
    }
    // only a warning: the files that settings name may exist on another machine, where the service will run
    if let Err(error) = Peers::new(&loaded.settings.fanout, None) {
        for wrong in error.invalid {
            telemetry::say(&format!(
                "warning: {wrong}; the service will not start on a machine where this is the case"
            ));
        }
    }
    print(&config::show::render(&loaded))
}

fn print(text: &str) -> Result<(), Error> {
    match io::stdout().write_all(text.as_bytes()) {
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
    let runtime = runtime(1).map_err(no_runtime)?;
    let code = runtime.block_on(args.run(&args.probe(target)));
    // this does not wait for blocking tasks: a name server may never answer
    runtime.shutdown_background();
    code
}

#[expect(clippy::needless_pass_by_value, reason = "given to `map_err`")]
fn no_runtime(error: io::Error) -> Error {
    Error::Software(format!("cannot start the runtime: {error}"))
}
