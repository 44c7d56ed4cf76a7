//! What every request can see: [`App`] is the state of one worker, [`Common`] the state that all workers
//! share, [`Live`] what the next reload replaces.

mod counts;
pub(crate) mod headers;
pub(crate) mod readiness;
pub(crate) mod watchdog_key;

use std::{
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use arc_swap::ArcSwap;
use counts::Counts;
pub use counts::Requests;
use crossbeam_utils::CachePadded;
use http::HeaderMap;
use thread_local::ThreadLocal;
use tokio::sync::Notify;
use uecho_probe::receipt::Receipt;

use crate::{
    config::{ConfigError, Settings},
    fanout::{outcome::Outcome, peers::Peers},
    memory::Memory,
    permits::Permits,
    state::{readiness::Readiness, watchdog_key::WatchdogKey},
    telemetry::{
        Telemetry,
        metrics::{Metrics, of_worker::OfWorker},
    },
};

/// The settings that SIGHUP reads again, in force.
pub struct Live {
    /// Which build runs on which machine and system.
    pub(crate) receipt: Receipt,
    /// The text of `GET /`.
    pub(crate) message: String,
    /// The other nodes, and the policy for their answers.
    pub(crate) peers: Arc<Peers>,
    headers: ThreadLocal<HeaderMap>,
}

impl Live {
    /// Puts the reloadable settings in force, and takes over the connections to peers that `before` has.
    ///
    /// # Errors
    /// A file that a setting names cannot be used.
    pub fn new(settings: &Settings, before: Option<&Self>) -> Result<Self, ConfigError> {
        let peers = Peers::new(&settings.fanout, before.map(|before| &*before.peers))?;
        // the name of the node stays until a restart
        let instance = before.map_or(&settings.instance, |before| &before.receipt.instance);
        let receipt = Receipt::of(instance, &settings.system, settings.current_system.as_deref());
        Ok(Self {
            receipt,
            message: settings.message.clone(),
            peers: Arc::new(peers),
            headers: ThreadLocal::new(),
        })
    }

    /// The headers of every answer; the trace id among them is a placeholder. Each thread makes them once,
    /// and only that thread counts the references to them.
    #[must_use]
    pub(crate) fn headers(&self) -> &HeaderMap {
        self.headers.get_or(|| headers::of_every_answer(self.receipt.header()))
    }
}

/// The state of one worker: what all workers share, and what this one counts by itself. Each worker has an
/// [`Arc`] of its own, so that no other thread writes to what its requests count and hold.
#[repr(align(128))] // a cache line and its neighbour, which the processor fetches with it
pub struct App {
    common: Arc<Common>,
    counts: Arc<CachePadded<Counts>>,
    /// The metrics that a request may touch.
    pub(crate) own: OfWorker,
}

impl Deref for App {
    type Target = Common;

    fn deref(&self) -> &Common {
        &self.common
    }
}

/// The state that exists once in the process.
pub struct Common {
    /// The settings as read at start; `live` has those that a reload changes.
    pub(crate) settings: Settings,
    /// The settings as read last; [`Common::set_live`] replaces them.
    pub(crate) live: ArcSwap<Live>,
    /// Notified when `live` was replaced.
    pub(crate) live_changed: Notify,
    /// Logs and traces.
    pub(crate) telemetry: Telemetry,
    /// Every metric.
    pub(crate) metrics: Metrics,
    /// `limits.memory`: the budget for bodies, replies of peers and answers.
    pub(crate) memory: Memory,
    /// Whether `/readyz` is 200.
    pub(crate) readiness: Readiness,
    /// The watchdog's own request passes with this key when others are turned away.
    pub(crate) watchdog_key: WatchdogKey,
    /// `limits.in_flight`
    pub(crate) in_flight: Permits,
    counts: Mutex<Vec<Arc<CachePadded<Counts>>>>,
}

impl App {
    /// Builds the state of the first worker.
    ///
    /// # Errors
    /// The settings cannot be used together.
    pub fn new(settings: Settings, telemetry: Telemetry) -> Result<Arc<Self>, ConfigError> {
        let live = Live::new(&settings, None)?;
        let unregistered = |error: prometheus::Error| ConfigError::new(error.to_string());
        let memory = Memory::new(settings.limits.memory).map_err(unregistered)?;
        let metrics =
            Metrics::new(&live.receipt, &telemetry.logs, &telemetry.traces, &memory).map_err(unregistered)?;
        let common = Arc::new(Common {
            live: ArcSwap::from_pointee(live),
            live_changed: Notify::new(),
            readiness: Readiness::new(metrics.ready.clone()),
            watchdog_key: WatchdogKey::random(),
            in_flight: Permits::new(settings.limits.in_flight),
            counts: Mutex::default(),
            settings,
            telemetry,
            metrics,
            memory,
        });
        let app = Self::of(common).map_err(unregistered)?;
        // so that each series exists before there is something to count
        for outcome in Outcome::ALL {
            app.own.fanout_replies.with_label_values(&[outcome.as_str()]);
        }
        Ok(app)
    }

    /// Builds the state of another worker. Call this on that worker's thread, so that only one thread writes
    /// to what the allocator puts side by side.
    ///
    /// # Errors
    /// A metric has an invalid name: a bug that every test finds.
    pub(crate) fn for_worker(&self) -> Result<Arc<Self>, prometheus::Error> {
        Self::of(self.common.clone())
    }

    fn of(common: Arc<Common>) -> Result<Arc<Self>, prometheus::Error> {
        let own = common.metrics.of_worker()?;
        let counts = Arc::<CachePadded<Counts>>::default();
        common.counts().push(counts.clone());
        Ok(Arc::new(Self { common, counts, own }))
    }

    /// Counts a request that begins.
    pub(crate) fn enter(&self) {
        self.counts.enter();
    }

    /// Counts a request that ends; `complete` says whether its answer was sent whole.
    pub(crate) fn leave(&self, complete: bool) {
        self.counts.leave(complete);
    }
}

impl Common {
    /// Puts re-read settings in force; requests in flight finish with the old ones.
    pub(crate) fn set_live(&self, live: Live) {
        self.metrics.show_build(&live.receipt);
        self.live.store(Arc::new(live));
        self.live_changed.notify_one();
    }

    /// Requests in flight on the public listener.
    #[must_use]
    pub(crate) fn in_flight(&self) -> u64 {
        self.requests().in_flight()
    }

    /// Requests of the public listener so far.
    #[must_use]
    pub(crate) fn requests(&self) -> Requests {
        self.counts().iter().map(|counts| counts.read()).sum()
    }

    fn counts(&self) -> MutexGuard<'_, Vec<Arc<CachePadded<Counts>>>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
