//! From the command line to the exit code.

use std::{future::poll_fn, process::ExitCode, task::Poll, time::Duration};

use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
};

use crate::{
    address::Destination,
    cli::Cli,
    deployment::{Deployment, Settings},
    error::Error,
    fleet::{bake::Limits, file::Fleet, rollout::Rollout},
    machine::Machine,
    nix::Nix,
    program::SIGNALLED,
    proof::Proof,
    say::say,
    ssh::Ssh,
};

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
    let fleet = cli.fleet.as_deref().map(Fleet::read).transpose()?;
    let ssh = Ssh::new()?;
    let nix = Nix { ssh_options: ssh.for_nix(), builder: cli.build_host.clone() };
    let settings = Settings {
        nix: &nix,
        flake: &cli.flake,
        patience: Duration::from_secs(cli.verdict),
        override_reason: cli.override_reason.as_deref().filter(|reason| !reason.is_empty()),
    };
    let work = async {
        match &fleet {
            Some(fleet) => roll_out(cli, fleet, &ssh, settings).await,
            None => deploy(cli, &ssh, settings).await,
        }
    };
    let code = tokio::select! {
        code = work => code,
        code = interrupted() => code,
    };
    // also after an error and a signal, because the shared connections outlive this program otherwise
    let nodes = fleet.iter().flat_map(|fleet| fleet.nodes.iter().map(|node| &node.host));
    let hosts = cli.host.iter().chain(nodes).chain(fleet.iter().map(|fleet| &fleet.balancer.host));
    let hosts: Vec<_> = hosts.map(Destination::as_root).chain(cli.build_host.clone()).collect();
    ssh.close(&hosts).await;
    code
}

async fn deploy(cli: &Cli, ssh: &Ssh, settings: Settings<'_>) -> Result<u8, Error> {
    let host = cli.host.as_ref().ok_or_else(|| Error::Usage("no HOST".into()))?.as_root();
    let proof = Proof::of(cli.url.as_ref(), &host, Duration::from_secs(cli.wait))?;
    let machine = Machine { ssh, host: &host };
    Ok(Deployment { settings, machine, proof: &proof }.run().await?.outcome.code())
}

async fn roll_out(cli: &Cli, fleet: &Fleet, ssh: &Ssh, settings: Settings<'_>) -> Result<u8, Error> {
    let rollout = Rollout {
        fleet,
        waves: &cli.waves,
        ssh,
        settings,
        wait: Duration::from_secs(cli.wait),
        bake: Duration::from_secs(cli.bake),
        on_failure: cli.on_failure,
        limits: Limits { errors: cli.max_errors / 100.0, p99: cli.max_p99.0 },
    };
    rollout.run().await
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
