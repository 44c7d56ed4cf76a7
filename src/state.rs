//! What every request can see, built once; the part that a reload replaces is in [`Live`].

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use arc_swap::ArcSwap;
use http::HeaderMap;
use tokio::sync::Notify;

use crate::{
    config::{ConfigError, Settings},
    peers::{Peers, validate},
    readiness::Readiness,
    receipt::Receipt,
    telemetry::{Telemetry, metrics::Metrics},
};

/// Settings that SIGHUP re-reads.
pub struct Live {
    /// What `GET /` says.
    pub message: String,
    /// Other nodes, and what to make of their answers.
    pub peers: Arc<Peers>,
}

impl Live {
    /// Takes over the reloadable settings, and connections to peers from what was in force `before`.
    ///
    /// # Errors
    /// A file that a setting names cannot be used.
    pub fn new(settings: &Settings, before: Option<&Self>) -> Result<Self, ConfigError> {
        let peers = Peers::new(&settings.fanout, before.map(|before| &*before.peers))
            .map_err(|wrong| ConfigError::new(validate::joined(&wrong)))?;
        Ok(Self { message: settings.message.clone(), peers: Arc::new(peers) })
    }
}

/// Shared by all connections and handlers.
pub struct App {
    /// As read at start; see `live` for what a reload changes.
    pub settings: Settings,
    /// As read last; replaced by [`App::set_live`].
    pub live: ArcSwap<Live>,
    /// Told when `live` was replaced.
    pub live_changed: Notify,
    /// Which build on which machine this is.
    pub receipt: Receipt,
    /// The headers of every answer, made once; the trace id in it is a placeholder.
    pub headers: HeaderMap,
    /// Logs and traces.
    pub telemetry: Telemetry,
    /// Every metric.
    pub metrics: Metrics,
    /// Whether `/readyz` is 200.
    pub readiness: Readiness,
    in_flight: AtomicUsize,
}

impl App {
    /// Builds the state.
    ///
    /// # Errors
    /// The settings cannot be used together.
    pub fn new(settings: Settings, telemetry: Telemetry) -> Result<Arc<Self>, ConfigError> {
        let receipt = Receipt::of(&settings.instance, &settings.system);
        let metrics =
            Metrics::new(&receipt, &telemetry).map_err(|error| ConfigError::new(error.to_string()))?;
        Ok(Arc::new(Self {
            live: ArcSwap::from_pointee(Live::new(&settings, None)?),
            live_changed: Notify::new(),
            headers: crate::web::service::headers_of_every_answer(receipt.header()),
            readiness: Readiness::new(metrics.ready.clone()),
            in_flight: AtomicUsize::new(0),
            settings,
            receipt,
            telemetry,
            metrics,
        }))
    }

    /// Puts re-read settings in force; requests in flight finish with the old ones.
    pub fn set_live(&self, live: Live) {
        self.live.store(Arc::new(live));
        self.live_changed.notify_one();
    }

    /// Requests in flight on the public listener.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Counts a request in; returns how many there are now.
    pub(crate) fn enter(&self) -> usize {
        self.in_flight.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Counts a request out.
    pub(crate) fn leave(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
