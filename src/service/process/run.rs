//! The service, from binding its listeners to flushing its telemetry.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use sd_notify::NotifyState;
use uecho_probe::listen::Listen;

use crate::{
    http::service::Service,
    net::{
        inherited::Inherited,
        listener::{BindError, Listener},
        worker::Worker,
    },
    process::{
        drain::drain,
        error::Error,
        monitor, reload,
        serving::Serving,
        signals::{self, Signals},
        systemd,
        tasks::Tasks,
        threads::Threads,
        watchdog::{self, self_check},
    },
    route::Side,
    state::{App, readiness::Reason},
};

/// The longest wait for telemetry at the end.
const FLUSH: Duration = Duration::from_secs(3);

/// Serves until a signal comes or a task dies; `files` are the values of `--config`, for reloads.
///
/// # Errors
/// A listener cannot be bound, or a background task died.
pub(crate) async fn run(app: Arc<App>, files: Vec<PathBuf>) -> Result<(), Error> {
    let no_signals = |error: io::Error| Error::Software(format!("signals cannot be handled: {error}"));
    let signals = Signals::install().map_err(no_signals)?;
    let hangups = signals::hangups().map_err(no_signals)?;

    let mut inherited = Inherited::from_env()?;
    let public = listeners(&mut inherited, "public", &app.settings.public.listen)?;
    let ops = listeners(&mut inherited, "ops", &app.settings.ops.listen)?;
    inherited.warn_of_rest();
    let status = format!("serving {}, ops on {}", names(&public), names(&ops));
    let targets = self_check::targets(&public);
    let mut tasks = Tasks::default();
    let (threads, all) = Threads::start(&app, &mut tasks).await?;
    let public = Serving::start("public listeners", public, all);
    let here = Worker::here(Service::new(app.clone(), Side::Ops));
    let ops = Serving::start("ops listeners", ops, vec![here]);

    tasks.spawn("peers", monitor::run(app.clone()));
    tasks.spawn("reload", reload::run(app.clone(), files, status.clone(), hangups, public.phase()));
    if let Some(timeout) = watchdog::timeout() {
        tasks
            .spawn("watchdog", watchdog::run(app.clone(), targets, public.server(), timeout, public.phase()));
    }
    app.telemetry.start_export(&app.live.load().receipt);
    // each task gets a turn, so that every listener accepts before the service manager and the log say so
    tokio::task::yield_now().await;
    app.readiness.set(Reason::Starting, false);
    systemd::notify(&[NotifyState::Ready, NotifyState::Status(&status)]);
    tracing::info!("{status}");

    Running { app, public, ops, tasks, threads }.until_end(signals).await
}

/// Everything that runs.
struct Running {
    app: Arc<App>,
    public: Serving,
    ops: Serving,
    tasks: Tasks,
    threads: Threads,
}

impl Running {
    /// Waits until a signal comes or a task dies, then stops serving.
    async fn until_end(mut self, mut signals: Signals) -> Result<(), Error> {
        let (reason, result) = tokio::select! {
            signal = signals.stop() => (signal.to_owned(), Ok(())),
            death = self.death() => {
                tracing::error!("{death}");
                (death.clone(), Err(Error::Software(death)))
            }
        };
        let Self { app, mut public, mut ops, tasks, threads } = self;
        drain(&app, &reason, &mut public, &mut ops, &mut signals).await;
        drop(tasks);
        app.telemetry.flush(FLUSH).await;
        drop(threads);
        result
    }

    /// Waits until something ends that must not end.
    async fn death(&mut self) -> String {
        tokio::select! {
            ended = self.public.death() => ended.to_string(),
            ended = self.ops.death() => ended.to_string(),
            ended = self.tasks.death() => ended.to_string(),
            thread = self.app.telemetry.died() => format!("background thread `{thread}` ended"),
        }
    }
}

/// The inherited sockets of this name, else a socket for the configured address.
fn listeners(inherited: &mut Inherited, name: &str, configured: &Listen) -> Result<Vec<Listener>, BindError> {
    match inherited.take(name)? {
        none if none.is_empty() => Ok(vec![Listener::bind(configured)?]),
        taken => Ok(taken),
    }
}

fn names(listeners: &[Listener]) -> String {
    listeners.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    async fn running(settings: Settings) -> Running {
        let telemetry = crate::telemetry::init(&settings).unwrap();
        let app = App::new(settings, telemetry).unwrap();
        let mut tasks = Tasks::default();
        let (threads, all) = Threads::start(&app, &mut tasks).await.unwrap();
        let serving = |name, workers| {
            let listener = Listener::bind(&Listen::loopback(0)).unwrap();
            Serving::start(name, vec![listener], workers)
        };
        let here = Worker::here(Service::new(app.clone(), Side::Ops));
        let (public, ops) = (serving("public listeners", all), serving("ops listeners", vec![here]));
        Running { app, public, ops, tasks, threads }
    }

    #[tokio::test]
    async fn the_service_drains_and_exits_with_70_when_a_background_task_dies() {
        for (panics, how) in [(true, "panicked"), (false, "ended")] {
            let mut running = running(Settings::default()).await;
            let app = running.app.clone();
            running.tasks.spawn("doomed", async move { assert!(!panics, "for the test") });
            let error = running.until_end(Signals::install().unwrap()).await.unwrap_err();
            assert_eq!(error.to_string(), format!("background task `doomed` {how}"));
            assert_eq!(error.exit_code(), uecho_probe::exit::SOFTWARE);
            assert!(app.readiness.draining());
        }
    }

    #[tokio::test]
    async fn the_service_ends_when_a_listener_ends_unasked() {
        let running = running(Settings::default()).await;
        running.ops.advance(crate::net::phase::Phase::Draining);
        let error = running.until_end(Signals::install().unwrap()).await.unwrap_err();
        assert_eq!(error.to_string(), "background task `ops listeners` ended");
    }

    #[tokio::test]
    async fn the_service_exits_with_70_when_a_worker_ends() {
        let settings = Settings { workers: serde_json::from_str("3").unwrap(), ..Settings::default() };
        let mut running = running(settings).await;
        running.threads.lose(2);
        let error = running.until_end(Signals::install().unwrap()).await.unwrap_err();
        assert_eq!(error.to_string(), "background task `worker 2` ended");
        assert_eq!(error.exit_code(), uecho_probe::exit::SOFTWARE);
    }
}
