//! From the command line to the exit code.

use std::{future::poll_fn, process::ExitCode, task::Poll, time::Duration};

use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
};

use crate::{
    cli::Cli, deployment::Deployment, error::Error, machine::Machine, nix::Nix, outcome::Outcome,
    proof::Proof, say::say, ssh::Ssh,
};

/// The exit status of a shell for a program that a signal has ended is this plus the signal.
const SIGNALLED: u8 = 128;

/// Deploys as the command line says, and returns the exit code.
#[must_use]
pub fn main(cli: &Cli) -> ExitCode {
    let code = match runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(run(cli)),
        Err(error) => Err(Error::NothingChanged(format!("The program cannot start: {error}."))),
    };
    ExitCode::from(code.unwrap_or_else(|error| {
        say(&error);
        error.exit_code()
    }))
}

async fn run(cli: &Cli) -> Result<u8, Error> {
    let host = cli.host.as_root();
    let target = match &cli.url {
        Some(url) => url.clone(),
        None => format!("http://{}:8080", host.host())
            .parse()
            .map_err(|error| Error::Usage(format!("{error}; --url says where {host} serves")))?,
    };
    let ssh = Ssh::new()?;
    let nix = Nix { ssh_options: ssh.for_nix(), builder: cli.build_host.clone() };
    let deployment = Deployment {
        nix: &nix,
        machine: Machine { ssh: &ssh, host: &host },
        proof: &Proof { target, wait: Duration::from_secs(cli.wait) },
        flake: &cli.flake,
        patience: Duration::from_secs(cli.verdict),
        override_reason: cli.override_reason.as_deref().filter(|reason| !reason.is_empty()),
    };
    let code = tokio::select! {
        outcome = deployment.run() => outcome.map(Outcome::code),
        code = interrupted() => code,
    };
    // also after an error and a signal, because the shared connection outlives this program otherwise
    ssh.close([Some(&host), cli.build_host.as_ref()].into_iter().flatten()).await;
    code
}

/// Waits for a signal that ends the program. What the machine has begun goes on there.
async fn interrupted() -> Result<u8, Error> {
    let kinds = [(SignalKind::hangup(), 1), (SignalKind::interrupt(), 2), (SignalKind::terminate(), 15)];
    let mut signals = Vec::new();
    for (kind, number) in kinds {
        let stream = signal(kind)
            .map_err(|error| Error::NothingChanged(format!("Signals cannot be received: {error}.")))?;
        signals.push((stream, SIGNALLED + number));
    }
    Ok(poll_fn(|context| {
        let code = signals
            .iter_mut()
            .find_map(|(stream, code)| stream.poll_recv(context).is_ready().then_some(*code));
        code.map_or(Poll::Pending, Poll::Ready)
    })
    .await)
}
