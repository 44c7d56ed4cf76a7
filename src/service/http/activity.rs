//! The state of one connection, which its transport, its requests and the sweeper share; the sweeper may run
//! on another thread. The fields that a request writes are atomic, and the sweeper reads them a few times a
//! second at most, so that a request costs a few plain stores.

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

/// An order to a connection, mostly from the sweeper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// No order: the connection continues.
    None,
    /// Free the buffers that only a busy connection needs.
    Rest,
    /// Answer the requests that have arrived and accept no new ones.
    Drain,
    /// Close now, for this reason.
    Close(Closed),
}

const REST: u8 = 1;
const DRAIN: u8 = 2;
const CLOSE: u8 = 3;

impl Activity {
    /// The state of a connection that was accepted just now.
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

    /// Records that the first byte has come.
    pub(crate) fn received(&self) {
        self.received.store(true, Relaxed);
    }

    /// Records that bytes have come over HTTP/1. If no request is under way, they begin a header, which is
    /// complete when its request begins.
    pub(crate) fn head_received(&self) {
        if self.active() == 0 && self.head_since.load(Relaxed) == NEVER {
            self.head_since.store(self.clock.now(), Relaxed);
        }
    }

    /// Records that the client has stopped reading, or that it reads again.
    pub(crate) fn stalled(&self, stalled: bool) {
        self.stalled_since.store(if stalled { self.clock.now() } else { NEVER }, Relaxed);
    }

    /// Records that the kernel has taken all bytes to be sent. If no request is under way, the last answer is
    /// then complete and the idle time begins. Other frames, like the answer to a PING, do not restart the
    /// idle time: a client could use them to stay connected for ever.
    pub(crate) fn flushed(&self) {
        self.unsent.sent();
        if self.active() == 0 && self.answered.load(Relaxed) != self.calls() {
            self.answered.store(self.calls(), Relaxed);
            self.idle_since.store(self.clock.now(), Relaxed);
        }
    }

    /// Whether every request so far has its whole answer, and no bytes wait to be sent.
    #[must_use]
    pub(crate) fn all_answered(&self) -> bool {
        let answered = self.active() == 0 && self.answered.load(Relaxed) == self.calls();
        answered && self.stalled_since.load(Relaxed) == NEVER
    }

    /// Records that the request that has just begun has a body.
    pub(crate) fn body_announced(&self) {
        self.with_body.store(self.calls(), Relaxed);
    }

    /// Whether the last request has a body, parts of which may still be on their way.
    #[must_use]
    pub(crate) fn has_body(&self) -> bool {
        let with_body = self.with_body.load(Relaxed);
        with_body > 0 && with_body == self.calls()
    }

    /// Begins a request, which ends when the guard is dropped.
    #[must_use]
    pub(crate) fn begin(self: &Arc<Self>) -> Call {
        // only the task of the connection calls this, so load and store need not be one operation
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

    /// Sets the waker of the task that every later order wakes.
    pub(crate) fn register(&self, waker: &Waker) {
        *self.waker() = Some(waker.clone());
    }

    fn waker(&self) -> MutexGuard<'_, Option<Waker>> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the connection an order. It replaces one that comes before it in [`Order`]; the first
    /// [`Order::Close`] is not replaced.
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

    /// Whether a request has overtaken an order to close for this reason: the connection was waiting when the
    /// order was given, and by now the client has sent something.
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

    /// Clears the order to rest, which the connection has followed.
    pub(crate) fn rested(&self) {
        let _ = self.order.compare_exchange(REST, 0, Relaxed, Relaxed);
    }

    /// Takes back the order to close for this reason, because the client has sent something. The sweeper will
    /// check the connection again.
    pub(crate) fn stay(&self, reason: Closed) {
        let instead = if reason == Closed::Drain { DRAIN } else { 0 };
        let _ = self.order.compare_exchange(CLOSE + reason as u8, instead, Relaxed, Relaxed);
    }

    /// The order that the connection has now.
    #[must_use]
    pub(crate) fn ordered(&self) -> Order {
        match self.order.load(Relaxed) {
            0 => Order::None,
            REST => Order::Rest,
            DRAIN => Order::Drain,
            code => Order::Close(Closed::ALL[usize::from(code - CLOSE)]),
        }
    }

    /// Marks the watchdog's connection, which is never closed to make room: the watchdog needs it when
    /// `limits.connections` is reached.
    pub(crate) fn keep(&self) {
        self.kept.store(true, Relaxed);
    }

    /// Whether the connection is the watchdog's, which must not be closed to make room.
    #[must_use]
    pub(crate) fn is_kept(&self) -> bool {
        self.kept.load(Relaxed)
    }

    /// When the connection became idle; `None` while a request or a header is under way, while the client
    /// does not read, or before the first request.
    #[must_use]
    pub(crate) fn idle_since(&self) -> Option<Tick> {
        let idle = self.active() == 0 && self.calls() > 0 && self.head_since.load(Relaxed) == NEVER;
        (idle && self.stalled_since.load(Relaxed) == NEVER).then(|| self.idle_since.load(Relaxed))
    }

    /// Since when a limit has been running, and the reason to close when it has passed.
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
    /// Keeps a part of the answer until it is sent, so that `limits.memory` counts it until then.
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
        // released after the store above: a thread that sees the request end also sees the new idle time
        self.0.active.fetch_sub(1, Release);
    }
}
