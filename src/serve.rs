//! The service from listeners to the last flush.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use sd_notify::NotifyState;

use crate::{
    app::Error,
    config::listen::Listen,
    lifecycle::{
        drain::drain,
        serving::Serving,
        signals::{self, Signals},
        tasks::Tasks,
    },
    peers,
    readiness::Reason,
    reload,
    server::listener::{BindError, Inherited, Listener},
    state::App,
    systemd,
    watchdog::{self, self_check},
    web::{route::Side, service::Service},
};

/// Longest wait for telemetry on the way out.
const FLUSH: Duration = Duration::from_secs(3);

/// Serves until a signal or a death; `files` are those of `--config`, for reloads.
///
/// # Errors
/// A listener cannot be bound, or a background task died.
pub async fn run(app: Arc<App>, files: Vec<PathBuf>) -> Result<(), Error> {
    let no_signals = |error: io::Error| Error::Software(format!("signals cannot be handled: {error}"));
    let mut signals = Signals::install().map_err(no_signals)?;
    let hangups = signals::hangups().map_err(no_signals)?;

    let mut inherited = Inherited::from_env();
    let public = listeners(&mut inherited, "public", &app.settings.public.listen)?;
    let ops = listeners(&mut inherited, "ops", &app.settings.ops.listen)?;
    inherited.warn_of_rest();
    let status = format!("serving {}, ops on {}", names(&public), names(&ops));
    let targets = self_check::targets(&public);
    let mut public = Serving::start("public listeners", public, Service::new(app.clone(), Side::Public));
    let mut ops = Serving::start("ops listeners", ops, Service::new(app.clone(), Side::Ops));

    let mut tasks = Tasks::default();
    tasks.spawn("peers", peers::monitor::run(app.clone()));
    tasks.spawn("reload", reload::run(app.clone(), files, status.clone(), hangups, public.phase()));
    if let Some(timeout) = watchdog::timeout() {
        tasks.spawn("watchdog", watchdog::run(app.clone(), targets, timeout, public.phase()));
    }
    app.telemetry.start_export(&app.receipt);
    // a turn for every task, so that each accepts before anybody is told
    tokio::task::yield_now().await;
    app.readiness.set(Reason::Starting, false);
    systemd::notify(&[NotifyState::Ready, NotifyState::Status(&status)]);
    tracing::info!("{status}");

    let (reason, result) = tokio::select! {
        signal = signals.stop() => (signal.to_owned(), Ok(())),
        death = death(&app, &mut public, &mut ops, &mut tasks) => {
            tracing::error!("{death}");
            (death.clone(), Err(Error::Software(death)))
        }
    };
    drain(&app, &reason, &mut public, &mut ops, &mut signals).await;
    drop(tasks);
    app.telemetry.flush(FLUSH).await;
    result
}

/// Waits for anything to end that should not.
async fn death(app: &App, public: &mut Serving, ops: &mut Serving, tasks: &mut Tasks) -> String {
    tokio::select! {
        ended = public.death() => ended.to_string(),
        ended = ops.death() => ended.to_string(),
        ended = tasks.death() => ended.to_string(),
        thread = app.telemetry.died() => format!("background thread `{thread}` ended"),
    }
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
