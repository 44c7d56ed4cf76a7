//! What every request can see, built once; the part that a reload replaces is in [`Live`].

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use arc_swap::ArcSwap;
use http::HeaderMap;

use crate::{
    config::{ConfigError, Settings},
    readiness::Readiness,
    receipt::Receipt,
    telemetry::{Telemetry, metrics::Metrics},
};

/// Settings that SIGHUP re-reads.
pub struct Live {
    /// What `GET /` says.
    pub message: String,
}

impl Live {
    /// Takes over the reloadable settings.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self { message: settings.message.clone() }
    }
}

/// Shared by all connections and handlers.
pub struct App {
    /// As read at start; see `live` for what a reload changes.
    pub settings: Settings,
    /// As read last.
    pub live: ArcSwap<Live>,
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
        let metrics = Metrics::new(&receipt, telemetry.logs.dropped())
            .map_err(|error| ConfigError::new(error.to_string()))?;
        Ok(Arc::new(Self {
            live: ArcSwap::from_pointee(Live::new(&settings)),
            headers: crate::web::service::headers_of_every_answer(receipt.header()),
            readiness: Readiness::new(metrics.ready.clone()),
            in_flight: AtomicUsize::new(0),
            settings,
            receipt,
            telemetry,
            metrics,
        }))
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
