//! The open connections of one side. One sweeper checks their limits and orders them to drain or to close.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use slab::Slab;
use tokio::{
    sync::Notify,
    time::{Instant, MissedTickBehavior, interval_at},
};

use crate::{
    config::settings::Limits,
    http::activity::{
        Activity, Order,
        clock::{Clock, TICK, Tick, ticks},
        closed::Closed,
    },
    net::phase::{Phase, PhaseWatch},
    state::App,
};

/// During a drain, the first byte of a connection must come within this time from when it was accepted.
const FRESH_GRACE: Duration = Duration::from_secs(1);
/// During a drain, an idle connection stays open for this time: a request that the client sent before it
/// could know of the drain is answered.
const IDLE_GRACE: Duration = Duration::from_millis(100);

/// A connection rests when it has been idle for this time, which is longer than the pauses of a busy client:
/// resting between its requests would only cost time.
const REST_AFTER: Duration = Duration::from_millis(300);
/// Most connections that are checked before whatever else this thread has to do gets its turn: some 50 us.
const AT_ONCE: usize = 1024;
/// A connection that is closed to make room has this many ticks to end; after them, one more connection is
/// ordered to close at every tick.
const PATIENCE: u32 = 4;

/// The open connections of one side.
pub(super) struct Connections {
    clock: Arc<Clock>,
    limits: Spans,
    cap: usize,
    counted: Option<Arc<App>>,
    open: Mutex<Open>,
    left: Notify,
}

#[derive(Default)]
struct Open {
    entries: Slab<Slot>,
    /// When the drain began.
    draining: Option<Tick>,
    cut: bool,
    /// How many connections each worker has.
    loads: Vec<usize>,
    /// The worker that comes first among those with the fewest connections.
    next: usize,
}

impl Open {
    /// The worker with the fewest connections. Workers with equally many take turns; otherwise the first
    /// worker would get every connection of a client that closes each one before it opens the next.
    fn least_loaded(&mut self) -> usize {
        let count = self.loads.len();
        let turns = (0..count).map(|turn| (self.next + turn) % count);
        let least = turns.min_by_key(|worker| self.loads[*worker]).unwrap_or_default();
        self.next = (least + 1) % count;
        least
    }
}

struct Slot {
    activity: Arc<Activity>,
    /// The sweeper skips this connection before this time.
    check_at: Tick,
    /// How many requests the connection had had when it was last ordered to rest.
    rested: u32,
}

impl Slot {
    /// Orders the connection to rest when it has been idle for [`REST_AFTER`]. Returns whether it has been
    /// ordered to rest and has had no request since.
    fn rests(&mut self, now: Tick) -> bool {
        let calls = self.activity.calls();
        if self.rested != calls
            && self.activity.idle_since().is_some_and(|since| since + ticks(REST_AFTER) <= now)
        {
            self.activity.order(Order::Rest);
            self.rested = calls;
        }
        self.rested == calls && calls > 0
    }
}

struct Spans {
    first_byte: Tick,
    header: Tick,
    idle: Tick,
    shortest: Tick,
}

impl Spans {
    fn new(limits: &Limits) -> Self {
        let [first_byte, header, idle] =
            [limits.first_byte, limits.header, limits.idle].map(|span| ticks(span.0));
        Self { first_byte, header, idle, shortest: first_byte.min(header).min(idle) }
    }

    fn of(&self, reason: Closed) -> Tick {
        match reason {
            Closed::FirstByte => self.first_byte,
            Closed::Header => self.header,
            _ => self.idle,
        }
    }
}

impl Connections {
    /// No connections yet, for this number of workers. They are counted in the metrics of `counted`, which
    /// is `None` on the ops side.
    #[must_use]
    pub(super) fn new(limits: &Limits, counted: Option<Arc<App>>, workers: usize) -> Arc<Self> {
        if let Some(app) = &counted {
            for reason in Closed::ALL {
                app.metrics.connections_closed.with_label_values(&[reason.label()]);
            }
        }
        Arc::new(Self {
            clock: Arc::new(Clock::default()),
            limits: Spans::new(limits),
            cap: limits.connections,
            counted,
            open: Mutex::new(Open { loads: vec![0; workers], ..Open::default() }),
            left: Notify::new(),
        })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a connection for the worker that has the fewest.
    #[must_use]
    pub(super) fn add(self: &Arc<Self>) -> Connection {
        let mut open = self.open();
        let worker = open.least_loaded();
        let connection = self.add_to(&mut open, worker, self.counted.clone());
        if let Some(app) = &connection.counted {
            app.metrics.connections.inc();
        }
        connection
    }

    /// Adds a connection of the watchdog for this worker. The metrics do not count it, nor does
    /// `limits.connections`.
    #[must_use]
    pub(super) fn add_visit(self: &Arc<Self>, worker: usize) -> Connection {
        let connection = self.add_to(&mut self.open(), worker, None);
        connection.activity.keep();
        connection
    }

    fn add_to(self: &Arc<Self>, open: &mut Open, worker: usize, counted: Option<Arc<App>>) -> Connection {
        let activity = Arc::new(Activity::new(self.clock.clone()));
        if open.cut {
            activity.order(Order::Close(Closed::Cut));
        } else if open.draining.is_some() {
            activity.order(Order::Drain);
        }
        let check_at = if open.draining.is_some() { 0 } else { self.clock.now() + ticks(REST_AFTER) };
        let key = open.entries.insert(Slot { activity: activity.clone(), check_at, rested: 0 });
        open.loads[worker] += 1;
        Connection { connections: self.clone(), activity, key, worker, counted, reason: Closed::Error }
    }

    /// Waits until another connection may be accepted, closing the longest idle one if that helps.
    pub(super) async fn room(&self) {
        for tick in 0u32.. {
            let left = self.left.notified();
            if self.has_room() {
                return;
            }
            if tick >= PATIENCE || !self.is_leaving() {
                self.evict();
            }
            // nothing reports that a connection has become idle, so each tick looks again
            let _ = tokio::time::timeout(TICK, left).await;
        }
    }

    /// Whether fewer connections than the limit are open, without those of the watchdog.
    fn has_room(&self) -> bool {
        let open = self.open();
        let others = || open.entries.iter().filter(|(_, entry)| !entry.activity.is_kept()).count();
        open.entries.len() < self.cap || others() < self.cap
    }

    /// Whether a connection that was ordered to close to make room is still open.
    fn is_leaving(&self) -> bool {
        let order = Order::Close(Closed::Cap);
        self.open().entries.iter().any(|(_, entry)| entry.activity.ordered() == order)
    }

    /// Orders the connection that has been idle for longest to close. Gives false when none is idle.
    pub(super) fn evict(&self) -> bool {
        let open = self.open();
        let idle = open.entries.iter().filter_map(|(_, entry)| {
            let fresh =
                matches!(entry.activity.ordered(), Order::None | Order::Rest) && !entry.activity.is_kept();
            entry.activity.idle_since().filter(|_| fresh).map(|since| (since, &entry.activity))
        });
        idle.min_by_key(|(since, _)| *since)
            .map(|(_, activity)| activity.order(Order::Close(Closed::Cap)))
            .is_some()
    }

    /// Waits until no connection is open.
    pub(super) async fn ended(&self) {
        loop {
            let left = self.left.notified();
            if self.open().entries.is_empty() {
                return;
            }
            left.await;
        }
    }

    /// Enforces the limits and passes the phases on to the connections; never returns.
    pub(super) async fn sweep(&self, mut phase: PhaseWatch) {
        let mut interval = interval_at(Instant::now() + TICK, TICK);
        interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut last = Instant::now();
        let mut phases = true;
        loop {
            tokio::select! {
                now = interval.tick() => {
                    let elapsed = now.duration_since(last).as_millis() / TICK.as_millis();
                    last = now;
                    self.check(self.clock.advance(u32::try_from(elapsed).unwrap_or(u32::MAX))).await;
                }
                changed = phase.changed(), if phases => {
                    phases = changed.is_ok();
                    let phase = *phase.borrow_and_update();
                    self.enter(phase);
                }
            }
        }
    }

    fn enter(&self, phase: Phase) {
        let mut open = self.open();
        let order = match phase {
            Phase::Running | Phase::Unready => return,
            Phase::Draining => Order::Drain,
            Phase::Cut => Order::Close(Closed::Cut),
        };
        open.cut = phase == Phase::Cut;
        open.draining.get_or_insert(self.clock.now());
        for (_, entry) in &mut open.entries {
            entry.check_at = 0;
            entry.activity.order(order);
        }
    }

    async fn check(&self, now: Tick) {
        let mut first = 0;
        while self.check_some(first, now) {
            first += AT_ONCE;
            tokio::task::yield_now().await;
        }
    }

    /// Checks [`AT_ONCE`] connections, from this key on. Returns whether there may be more.
    fn check_some(&self, first: usize, now: Tick) -> bool {
        let mut open = self.open();
        let draining = open.draining;
        for key in first..first + AT_ONCE {
            let Some(entry) = open.entries.get_mut(key) else { continue };
            if entry.check_at > now {
                continue;
            }
            let (ends, reason) = self.end(&entry.activity, draining);
            if ends <= now {
                entry.activity.order(Order::Close(reason));
            }
            let soonest = match draining {
                Some(_) => now,
                None if entry.rests(now) => now + self.limits.shortest,
                None => now + ticks(REST_AFTER),
            };
            entry.check_at = ends.min(soonest);
        }
        first + AT_ONCE < open.entries.capacity()
    }

    /// When this connection will be closed if nothing more happens on it, and why.
    fn end(&self, activity: &Activity, draining: Option<Tick>) -> (Tick, Closed) {
        let Some((since, reason)) = activity.waiting_for() else {
            return (Tick::MAX, Closed::Error);
        };
        let limit = since.saturating_add(self.limits.of(reason));
        let grace = match reason {
            Closed::FirstByte => FRESH_GRACE,
            Closed::Idle => IDLE_GRACE,
            _ => return (limit, reason),
        };
        match draining.map(|begin| (since + ticks(grace)).max(begin + ticks(IDLE_GRACE))) {
            Some(drained) if drained < limit => (drained, Closed::Drain),
            _ => (limit, reason),
        }
    }
}

/// An open connection; dropping it removes it from [`Connections`].
pub(super) struct Connection {
    connections: Arc<Connections>,
    /// The state of the connection.
    pub activity: Arc<Activity>,
    key: usize,
    /// The worker that serves it.
    pub worker: usize,
    counted: Option<Arc<App>>,
    /// Why it ends; set before the drop.
    pub reason: Closed,
}

impl Drop for Connection {
    fn drop(&mut self) {
        {
            let mut open = self.connections.open();
            open.entries.remove(self.key);
            open.loads[self.worker] -= 1;
        }
        if let Some(app) = &self.counted {
            app.metrics.connections.dec();
            app.metrics.connections_closed.with_label_values(&[self.reason.label()]).inc();
        }
        self.connections.left.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
