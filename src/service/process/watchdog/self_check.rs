//! The service asks itself: the request is accepted, parsed, decoded, escaped and answered, all the way
//! through the public listener.

use std::{sync::Arc, time::Duration};

use uecho_probe::{
    challenge::Challenge,
    check,
    client::{Client, ClientConnection},
    listen::Listen,
    target::Target,
    unhealthy::{Fault, Step},
};

use crate::{
    net::listener::Listener,
    state::{App, watchdog_key::X_UECHO_WATCHDOG},
};

pub(super) const USER_AGENT: &str = concat!("uecho-watchdog/", env!("CARGO_PKG_VERSION"));

/// The addresses at which the service can ask itself, Unix sockets first: a service in a network namespace
/// of its own can reach only those.
#[must_use]
pub(crate) fn targets(listeners: &[Listener]) -> Vec<Target> {
    let mut addresses: Vec<_> = listeners.iter().filter_map(Listener::address).collect();
    addresses.sort_by_key(|address| matches!(address, Listen::Tcp(_)));
    addresses.iter().filter_map(|address| Target::of(address).ok()).collect()
}

/// Checks the service again and again.
pub(crate) struct SelfCheck {
    app: Arc<App>,
    clients: Vec<Arc<Client>>,
    /// The connection of the last check; the only one that works while all connections are taken.
    reserve: Option<ClientConnection>,
    limit: Duration,
}

impl SelfCheck {
    /// A check of these targets: each time, the first of them that accepts is asked. `limit` bounds each of
    /// at most two requests.
    ///
    /// # Errors
    /// There is no target, or a client cannot use it.
    pub(crate) fn new(app: Arc<App>, targets: &[Target], limit: Duration) -> Result<Self, Fault> {
        let clients = targets
            .iter()
            .map(|target| {
                let client = Client::new(target)?.user_agent(USER_AGENT);
                Ok(Arc::new(client.header(X_UECHO_WATCHDOG, app.watchdog_key.header())))
            })
            .collect::<Result<Vec<_>, Fault>>()?;
        if clients.is_empty() {
            return Err(Fault::unreachable("no public listener has an address to connect to"));
        }
        Ok(Self { app, clients, reserve: None, limit })
    }

    /// Asks over a new connection. While new connections must wait (`limits.connections` is reached, or file
    /// descriptors have run out), this asks over the connection of the last check instead: a full service is
    /// not a hung one.
    ///
    /// # Errors
    /// There was no answer within the limit, or a wrong one.
    pub(crate) async fn check(&mut self) -> Result<(), Fault> {
        let errors = self.app.metrics.accept_errors.get();
        let fault = if self.full() {
            Fault::unreachable("every connection is taken, and so is the watchdog's own")
        } else {
            match bounded(self.limit, self.ask_anew()).await {
                Ok(connection) => {
                    self.reserve = connection;
                    return Ok(());
                }
                Err(fault) => fault,
            }
        };
        let waiting = self.full() || self.app.metrics.accept_errors.get() > errors || out_of_descriptors();
        match self.reserve.take() {
            Some(mut connection) if waiting => {
                bounded(self.limit, ask(&self.app, &mut connection)).await?;
                self.reserve = Some(connection);
                Ok(())
            }
            _ => Err(fault),
        }
    }

    fn full(&self) -> bool {
        let open = usize::try_from(self.app.metrics.connections.get()).unwrap_or(0);
        open >= self.app.settings.limits.connections
    }

    async fn ask_anew(&self) -> Result<Option<ClientConnection>, Fault> {
        let mut connection = self.connect().await?;
        ask(&self.app, &mut connection).await?;
        // the request carries our key, which tells the server that this is the watchdog's connection; while
        // the service drains, the server has already closed it
        Ok(connection.get("/healthz", "application/json").await.ok().map(|_| connection))
    }

    async fn connect(&self) -> Result<ClientConnection, Fault> {
        let mut refused = None;
        for client in &self.clients {
            match client.open().await {
                Ok(connection) => return Ok(connection),
                Err(fault) => refused = refused.or(Some(fault)),
            }
        }
        Err(refused.unwrap_or_else(|| Fault::unreachable("there is no target")))
    }
}

/// Asks, and gives up after `limit`.
pub(super) async fn bounded<T>(
    limit: Duration,
    asking: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    let late = Fault::Timeout { seconds: limit.as_secs_f64() };
    tokio::time::timeout(limit, asking).await.unwrap_or(Err(late))
}

/// Asks, and checks that this service answered.
pub(super) async fn ask(app: &App, connection: &mut ClientConnection) -> Result<(), Fault> {
    let before = app.live.load_full();
    let receipt = check::ask(connection, Step::Page, &Challenge::random()).await?;
    // a reload may have changed the receipt in the meantime
    if receipt == before.receipt || receipt == app.live.load().receipt {
        return Ok(());
    }
    Err(Fault::wrong(format!("another service answered: {:?}", receipt.header())))
}

fn out_of_descriptors() -> bool {
    std::os::unix::net::UnixDatagram::unbound().is_err()
}
