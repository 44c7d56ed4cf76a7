//! What every request can see, built once; the part that a reload replaces is in [`Live`].

pub mod headers;
pub mod readiness;
pub mod watchdog_key;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use arc_swap::ArcSwap;
use http::HeaderMap;
use tokio::sync::Notify;
use uecho_probe::receipt::Receipt;

use crate::{
    config::{ConfigError, Settings},
    fanout::{outcome::Outcome, peers::Peers},
    memory::Memory,
    state::{readiness::Readiness, watchdog_key::WatchdogKey},
    telemetry::{Telemetry, metrics::Metrics},
};

/// What SIGHUP re-reads.
pub struct Live {
    /// Which build on which machine and system this is.
    pub receipt: Receipt,
    /// The headers of every answer, made once; the trace id in it is a placeholder.
    pub headers: HeaderMap,
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
        let peers = Peers::new(&settings.fanout, before.map(|before| &*before.peers))?;
        // the name of the node stays until a restart
        let instance = before.map_or(&settings.instance, |before| &before.receipt.instance);
        let receipt = Receipt::of(instance, &settings.system, settings.current_system.as_deref());
        Ok(Self {
            headers: headers::of_every_answer(receipt.header()),
            receipt,
            message: settings.message.clone(),
            peers: Arc::new(peers),
        })
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
    /// Logs and traces.
    pub telemetry: Telemetry,
    /// Every metric.
    pub metrics: Metrics,
    /// `limits.memory`: what keeps a body, a reply of a peer or an answer takes its room from here.
    pub memory: Memory,
    /// Whether `/readyz` is 200.
    pub readiness: Readiness,
    /// What makes the watchdog's own request pass when others are turned away.
    pub watchdog_key: WatchdogKey,
    begun: AtomicU64,
    ended: AtomicU64,
    cut: AtomicU64,
}

impl App {
    /// Builds the state.
    ///
    /// # Errors
    /// The settings cannot be used together.
    pub fn new(settings: Settings, telemetry: Telemetry) -> Result<Arc<Self>, ConfigError> {
        let live = Live::new(&settings, None)?;
        let unregistered = |error: prometheus::Error| ConfigError::new(error.to_string());
        let memory = Memory::new(settings.limits.memory).map_err(unregistered)?;
        let metrics = Metrics::new(&live.receipt, &telemetry, &memory).map_err(unregistered)?;
        for outcome in Outcome::ALL {
            metrics.fanout_replies.with_label_values(&[outcome.as_str()]);
        }
        Ok(Arc::new(Self {
            live: ArcSwap::from_pointee(live),
            live_changed: Notify::new(),
            readiness: Readiness::new(metrics.ready.clone()),
            watchdog_key: WatchdogKey::random(),
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            cut: AtomicU64::new(0),
            settings,
            telemetry,
            metrics,
            memory,
        }))
    }

    /// Puts re-read settings in force; requests in flight finish with the old ones.
    pub fn set_live(&self, live: Live) {
        self.metrics.show_build(&live.receipt);
        self.live.store(Arc::new(live));
        self.live_changed.notify_one();
    }

    /// Requests in flight on the public listener.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.requests().in_flight()
    }

    /// Requests of the public listener so far.
    #[must_use]
    pub fn requests(&self) -> Requests {
        // in this order, so that no request is seen to end before it began
        let [cut, ended, begun] =
            [&self.cut, &self.ended, &self.begun].map(|count| count.load(Ordering::Relaxed));
        Requests { begun, ended, cut }
    }

    /// Counts a request in.
    pub(crate) fn enter(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request out, with or without a whole answer.
    pub(crate) fn leave(&self, complete: bool) {
        self.ended.fetch_add(1, Ordering::Relaxed);
        if !complete {
            self.cut.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Requests of the public listener, counted since start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requests {
    /// Whose head was complete.
    pub begun: u64,
    /// Of those, the ones that are over.
    pub ended: u64,
    /// Of those, the ones whose answer did not reach its end.
    pub cut: u64,
}

impl Requests {
    /// Begun and not over.
    #[must_use]
    pub fn in_flight(self) -> u64 {
        self.begun.saturating_sub(self.ended)
    }
}
