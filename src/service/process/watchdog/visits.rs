//! The service asks each of its workers, over a connection that it hands to that worker alone.

use std::{sync::Arc, time::Duration};

use futures_util::future::try_join_all;
use uecho_probe::{
    client::{Client, ClientConnection},
    target::Target,
    unhealthy::Fault,
};

use crate::{
    net::server::Server,
    process::watchdog::self_check::{USER_AGENT, ask, bounded},
    state::{App, watchdog_key::X_UECHO_WATCHDOG},
};

/// Asks all workers again and again.
pub(super) struct Visits {
    way: Way,
    /// One connection for each worker, from the last check: there may be no file descriptors for new ones.
    open: Vec<Option<ClientConnection>>,
}

/// What a visit to a worker needs.
struct Way {
    app: Arc<App>,
    server: Arc<Server>,
    client: Arc<Client>,
    limit: Duration,
}

impl Visits {
    /// Starts without connections; `limit` bounds each of at most two requests to a worker. A single worker
    /// gets no visits, because it answers the requests by the listener.
    ///
    /// # Errors
    /// Those of [`Client::new`].
    pub(super) fn new(app: Arc<App>, server: Arc<Server>, limit: Duration) -> Result<Self, Fault> {
        let client = Client::new(&Target::Unix("socketpair".into()))?.user_agent(USER_AGENT);
        let client = Arc::new(client.header(X_UECHO_WATCHDOG, app.watchdog_key.header()));
        let count = if server.workers() > 1 { server.workers() } else { 0 };
        Ok(Self { way: Way { app, server, client, limit }, open: (0..count).map(|_| None).collect() })
    }

    /// Asks each worker.
    ///
    /// # Errors
    /// The first worker that does not answer within the limit, or answers wrongly.
    pub(super) async fn check(&mut self) -> Result<(), Fault> {
        let Self { way, open } = self;
        let visits = open.iter_mut().enumerate().map(|(worker, open)| way.ask(worker, open));
        try_join_all(visits).await.map(drop)
    }
}

impl Way {
    /// Asks over the open connection; if that fails, asks over a new one, because the old one may have been
    /// idle for too long.
    async fn ask(&self, worker: usize, open: &mut Option<ClientConnection>) -> Result<(), Fault> {
        if let Some(connection) = open
            && bounded(self.limit, ask(&self.app, connection)).await.is_ok()
        {
            return Ok(());
        }
        *open = None;
        let asked = bounded(self.limit, self.ask_anew(worker)).await;
        *open = Some(asked.map_err(|fault| Fault::wrong(format!("worker {worker}: {fault}")))?);
        Ok(())
    }

    async fn ask_anew(&self, worker: usize) -> Result<ClientConnection, Fault> {
        let stream = self.server.visit(worker).map_err(|error| Fault::unreachable(error.to_string()))?;
        let mut connection = self.client.over(stream).await?;
        ask(&self.app, &mut connection).await?;
        Ok(connection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{Settings, settings},
        net::listener::Listener,
        process::{serving::Serving, tasks::Tasks, threads::Threads},
    };

    const COUNT: usize = 4;

    /// A public side with several workers.
    async fn serving() -> (Arc<App>, Serving, Threads, Tasks) {
        let workers = settings::Workers::Number(COUNT.try_into().unwrap());
        let settings = Settings { workers, ..Settings::default() };
        let telemetry = crate::telemetry::init(&settings).unwrap();
        let app = App::new(settings, telemetry).unwrap();
        let mut tasks = Tasks::default();
        let (threads, workers) = Threads::start(&app, &mut tasks).await.unwrap();
        let listener = Listener::bind(&uecho_probe::listen::Listen::loopback(0)).unwrap();
        let serving = Serving::start("public listeners", vec![listener], workers);
        (app, serving, threads, tasks)
    }

    #[tokio::test]
    async fn any_worker_that_hangs_is_found_and_named() {
        for hung in 1..COUNT {
            let (app, serving, threads, _tasks) = serving().await;
            let mut visits = Visits::new(app.clone(), serving.server(), Duration::from_secs(30)).unwrap();
            visits.check().await.unwrap();
            visits.check().await.unwrap();
            let end = threads.hang(hung);
            visits.way.limit = Duration::from_secs(1);
            let fault = visits.check().await.unwrap_err().to_string();
            assert!(fault.starts_with(&format!("worker {hung}: no answer within")), "{fault}");
            drop(end);
            visits.way.limit = Duration::from_secs(30);
            visits.check().await.unwrap();
        }
    }

    #[tokio::test]
    async fn visits_do_not_count_as_connections() {
        let (app, serving, _threads, _tasks) = serving().await;
        let mut visits = Visits::new(app.clone(), serving.server(), Duration::from_secs(30)).unwrap();
        visits.check().await.unwrap();
        assert_eq!(app.metrics.connections.get(), 0);
    }
}
