//! What one connection is doing, as its transport, its requests and the sweeper share it, the sweeper from
//! another thread. Every field is written without a lock and read a few times a second at most, so that a
//! request costs a few plain stores.

#[cfg(test)]
mod tests;
mod unsent;

pub(crate) mod clock;
pub(crate) mod closed;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{
            AtomicBool, AtomicU8, AtomicU32,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use unsent::Unsent;

use crate::http::activity::{
    clock::{Clock, NEVER, Tick},
    closed::Closed,
};

/// One connection.
#[derive(Debug)]
pub(crate) struct Activity {
    clock: Arc<Clock>,
    accepted: Tick,
    received: AtomicBool,
    calls: AtomicU32,
    active: AtomicU32,
    idle_since: AtomicU32,
    head_since: AtomicU32,
    answered: AtomicU32,
    with_body: AtomicU32,
    stalled_since: AtomicU32,
    order: AtomicU8,
    waker: Mutex<Option<Waker>>,
    kept: AtomicBool,
    unsent: Unsent,
}

/// What a connection is told from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Nothing: go on.
    None,
    /// Give back what only a busy connection needs.
    Rest,
    /// Answer what is there, take nothing new.
    Drain,
    /// End now, for this reason.
    Close(Closed),
}

const REST: u8 = 1;
const DRAIN: u8 = 2;
const CLOSE: u8 = 3;

impl Activity {
    /// A connection accepted now.
    #[must_use]
    pub(crate) fn new(clock: Arc<Clock>) -> Self {
        let now = clock.now();
        Self {
            clock,
            accepted: now,
            received: AtomicBool::new(false),
            calls: AtomicU32::new(0),
            active: AtomicU32::new(0),
            idle_since: AtomicU32::new(now),
            head_since: AtomicU32::new(NEVER),
            answered: AtomicU32::new(0),
            with_body: AtomicU32::new(0),
            stalled_since: AtomicU32::new(NEVER),
            order: AtomicU8::new(0),
            waker: Mutex::default(),
            kept: AtomicBool::new(false),
            unsent: Unsent::default(),
        }
    }

    /// The first byte has come.
    pub(crate) fn received(&self) {
        self.received.store(true, Relaxed);
    }

    /// Something has come over HTTP/1. With no request under way that is a header, begun and not complete; a
    /// request that comes of it completes it.
    pub(crate) fn head_received(&self) {
        if self.active() == 0 && self.head_since.load(Relaxed) == NEVER {
            self.head_since.store(self.clock.now(), Relaxed);
        }
    }

    /// The client takes no bytes, or takes them again.
    pub(crate) fn stalled(&self, stalled: bool) {
        self.stalled_since.store(if stalled { self.clock.now() } else { NEVER }, Relaxed);
    }

    /// All that was to be sent is in the kernel's hands; without a request under way, that ends the last
    /// answer. Nothing else that is sent (to a PING, say) is a reason to stay: a client could have that
    /// forever.
    pub(crate) fn flushed(&self) {
        self.unsent.sent();
        if self.active() == 0 && self.answered.load(Relaxed) != self.calls() {
            self.answered.store(self.calls(), Relaxed);
            self.idle_since.store(self.clock.now(), Relaxed);
        }
    }

    /// Whether every request so far has its whole answer, and nothing waits to be sent.
    #[must_use]
    pub(crate) fn all_answered(&self) -> bool {
        let answered = self.active() == 0 && self.answered.load(Relaxed) == self.calls();
        answered && self.stalled_since.load(Relaxed) == NEVER
    }

    /// The request that has just begun has a body.
    pub(crate) fn body_announced(&self) {
        self.with_body.store(self.calls(), Relaxed);
    }

    /// Whether the last request had a body, of which something may still be on its way.
    #[must_use]
    pub(crate) fn has_body(&self) -> bool {
        let with_body = self.with_body.load(Relaxed);
        with_body > 0 && with_body == self.calls()
    }

    /// Counts a request in, until the guard is dropped.
    #[must_use]
    pub(crate) fn begin(self: &Arc<Self>) -> Call {
        // only the connection's own task begins requests
        self.calls.store(self.calls.load(Relaxed).wrapping_add(1), Relaxed);
        self.head_since.store(NEVER, Relaxed);
        self.active.fetch_add(1, Release);
        Call(self.clone())
    }

    /// Requests so far.
    #[must_use]
    pub(crate) fn calls(&self) -> u32 {
        self.calls.load(Relaxed)
    }

    /// Requests begun and not ended.
    #[must_use]
    pub(crate) fn active(&self) -> u32 {
        self.active.load(Acquire)
    }

    /// The task to wake whenever an order comes: all that come after this, any number of times.
    pub(crate) fn register(&self, waker: &Waker) {
        *self.waker() = Some(waker.clone());
    }

    fn waker(&self) -> MutexGuard<'_, Option<Waker>> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the connection; an order replaces a lesser one, in the order of [`Order`]. The first
    /// [`Order::Close`] stays.
    pub(crate) fn order(&self, order: Order) {
        let code = match order {
            Order::None => return,
            Order::Rest => REST,
            Order::Drain => DRAIN,
            Order::Close(reason) => CLOSE + reason as u8,
        };
        let more = |order| (order < code.min(CLOSE)).then_some(code);
        if self.order.fetch_update(Relaxed, Relaxed, more).is_ok()
            && let Some(waker) = &*self.waker()
        {
            waker.wake_by_ref();
        }
    }

    /// Whether an order to close for this reason has been overtaken: whoever gave it saw a connection that
    /// waited, and by now the client has sent something.
    #[must_use]
    pub(crate) fn has_overtaken(&self, reason: Closed) -> bool {
        let begun = self.active() > 0;
        match reason {
            Closed::FirstByte => begun || self.received.load(Relaxed),
            Closed::Idle | Closed::Cap | Closed::Drain => begun || self.head_since.load(Relaxed) != NEVER,
            Closed::Header => begun,
            _ => false,
        }
    }

    /// The order to rest has been heard.
    pub(crate) fn rested(&self) {
        let _ = self.order.compare_exchange(REST, 0, Relaxed, Relaxed);
    }

    /// The order to close for this reason is not followed, because the client has sent something; the sweeper
    /// looks again.
    pub(crate) fn stay(&self, reason: Closed) {
        let instead = if reason == Closed::Drain { DRAIN } else { 0 };
        let _ = self.order.compare_exchange(CLOSE + reason as u8, instead, Relaxed, Relaxed);
    }

    /// What the connection has been told.
    #[must_use]
    pub(crate) fn ordered(&self) -> Order {
        match self.order.load(Relaxed) {
            0 => Order::None,
            REST => Order::Rest,
            DRAIN => Order::Drain,
            code => Order::Close(Closed::ALL[usize::from(code - CLOSE)]),
        }
    }

    /// Never makes room for others: it is the one the watchdog asks on when there is no room.
    pub(crate) fn keep(&self) {
        self.kept.store(true, Relaxed);
    }

    /// Whether it may be closed to make room.
    #[must_use]
    pub(crate) fn is_kept(&self) -> bool {
        self.kept.load(Relaxed)
    }

    /// When it fell idle; none while a request or a header is under way, or before the first request.
    #[must_use]
    pub(crate) fn idle_since(&self) -> Option<Tick> {
        let idle = self.active() == 0 && self.calls() > 0 && self.head_since.load(Relaxed) == NEVER;
        (idle && self.stalled_since.load(Relaxed) == NEVER).then(|| self.idle_since.load(Relaxed))
    }

    /// Which limit runs now, and since when.
    #[must_use]
    pub(crate) fn waiting_for(&self) -> Option<(Tick, Closed)> {
        let stalled = self.stalled_since.load(Relaxed);
        let head = self.head_since.load(Relaxed);
        if stalled != NEVER {
            return Some((stalled, Closed::Write));
        }
        match () {
            // handlers and bodies have limits of their own
            () if self.active() > 0 => None,
            () if !self.received.load(Relaxed) => Some((self.accepted, Closed::FirstByte)),
            () if self.calls() == 0 => Some((self.accepted, Closed::Header)),
            () if head != NEVER => Some((head, Closed::Header)),
            () => Some((self.idle_since.load(Relaxed), Closed::Idle)),
        }
    }
}

/// A request under way on a connection.
#[derive(Debug)]
pub struct Call(Arc<Activity>);

impl Call {
    /// Keeps a part of the answer until it is sent, for it is held as long.
    pub fn keep(&self, part: Bytes) {
        self.0.unsent.keep(part);
    }

    /// Waits until all parts that were kept are sent.
    pub fn poll_sent(&self, context: &Context<'_>) -> Poll<()> {
        self.0.unsent.poll_sent(context)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.0.idle_since.store(self.0.clock.now(), Relaxed);
        // whoever sees it gone sees since when
        self.0.active.fetch_sub(1, Release);
    }
}
