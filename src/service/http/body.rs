//! The response body and the end of its request: a request ends when the last byte of its answer was passed
//! to the connection, or when it is certain that it never will be.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};

use crate::{
    http::activity::Call,
    route::{Route, Side},
    state::App,
    telemetry::{
        access,
        record::{Details, Finding, Record},
        trace_context::TraceContext,
    },
};

/// A request from its head to the end of its answer. Dropping it ends the request: the metrics count and time
/// it, and it is logged and traced as the settings say.
pub struct InFlight {
    /// The shared state.
    pub app: Arc<App>,
    /// When the head was complete.
    pub start: Instant,
    /// Whether it holds a permit of `limits.in_flight`.
    pub permitted: bool,
    /// Trace of the request.
    pub trace: TraceContext,
    /// Which listener it came in on; only public requests are counted as in flight.
    pub side: Side,
    /// Route label.
    pub route: Route,
    /// Method label.
    pub method: &'static str,
    /// Status, once known.
    pub status: Option<StatusCode>,
    /// Body bytes handed to the connection.
    pub bytes: u64,
    /// Whether the answer reached its end.
    pub complete: bool,
    /// What log and traces say beyond the above; `None` for a request that needs neither, like most echoes.
    pub details: Option<Box<Details>>,
    /// Keeps the connection from being idle.
    pub call: Option<Call>,
}

impl InFlight {
    /// Records the status of the answer. An answer to HEAD is complete at once: hyper sends no body for it,
    /// and so does not read ours to its end.
    pub fn answered(&mut self, status: StatusCode) {
        self.status = Some(status);
        self.complete = self.method == "HEAD";
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.side == Side::Public {
            self.app.leave(self.complete);
        }
        if self.permitted {
            self.app.in_flight.give(1);
        }
        let duration = self.start.elapsed();
        let seconds = duration.as_secs_f64();
        if !self.complete {
            self.app.metrics.requests_cut.inc();
        }
        match self.status {
            Some(StatusCode::OK) if self.route == Route::Echo && self.method == "GET" => {
                self.app.own.echo_ok_duration.observe(seconds);
            }
            Some(status) => self
                .app
                .own
                .request_duration
                .with_label_values(&[self.method, self.route.pattern(), status.as_str()])
                .observe(seconds),
            None => {}
        }
        self.record(duration);
    }
}

impl InFlight {
    /// Passes the request on to log and traces, if one of them records it.
    fn record(&mut self, duration: Duration) {
        let log = &self.app.settings.log;
        let finding = Finding::of(self.complete, self.status, duration, log.slow.0);
        let logged = access::wanted(log.access, finding);
        let traced = self.trace.sampled && self.app.telemetry.traces.exports();
        if !logged && !traced {
            return;
        }
        let record = Record {
            trace: self.trace,
            route: self.route,
            method: self.method,
            status: self.status,
            bytes: self.bytes,
            start: self.start,
            end: SystemTime::now(),
            duration,
            finding,
            details: self.details.take().map(|details| *details).unwrap_or_default(),
        };
        self.app.telemetry.finished(record, logged);
    }
}

/// Most bytes of an answer that hyper gets at once, so that the request of a large answer counts as in flight
/// while a slow client reads it.
const PART_BYTES: usize = 16 << 10;
/// Smaller parts are not kept until they are sent: keeping them would cost more than they hold.
const KEPT_BYTES: usize = 1 << 10;

/// The body of every answer. It is a single pointer, because an answer is moved a dozen times.
pub struct ResponseBody(Box<Parts>);

struct Parts {
    /// Bytes that were not passed to hyper yet.
    known: Bytes,
    /// The source of the bytes after `known`.
    rest: Option<axum::body::Body>,
    request: InFlight,
}

impl ResponseBody {
    /// A body whose bytes are all known.
    #[must_use]
    pub fn full(bytes: Bytes, request: InFlight) -> Self {
        Self::new(Parts { known: bytes, rest: None, request })
    }

    /// A body from the router.
    #[must_use]
    pub fn stream(body: axum::body::Body, request: InFlight) -> Self {
        Self::new(Parts { known: Bytes::new(), rest: Some(body), request })
    }

    fn new(mut parts: Parts) -> Self {
        parts.request.complete |= parts.ended();
        Self(Box::new(parts))
    }
}

impl Parts {
    fn ended(&self) -> bool {
        self.known.is_empty() && self.rest.as_ref().is_none_or(Body::is_end_stream)
    }

    fn next(&mut self) -> Bytes {
        if self.known.len() <= PART_BYTES {
            std::mem::take(&mut self.known)
        } else {
            self.known.split_to(PART_BYTES)
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self.get_mut().0;
        if let Some(call) = this.request.call.as_ref().filter(|_| this.rest.is_some()) {
            ready!(call.poll_sent(context));
        }
        if this.known.is_empty()
            && let Some(rest) = &mut this.rest
        {
            match ready!(Pin::new(rest).poll_frame(context)).map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => this.known = data,
                Some(Ok(Err(trailers))) => return Poll::Ready(Some(Ok(trailers))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => this.rest = None,
            }
        }
        let part = this.next();
        if let Some(call) =
            this.request.call.as_ref().filter(|_| this.rest.is_some() && part.len() >= KEPT_BYTES)
        {
            call.keep(part.clone());
        }
        this.request.bytes += part.len() as u64;
        this.request.complete |= this.ended();
        let ended = part.is_empty() && this.rest.is_none();
        Poll::Ready((!ended).then_some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.ended()
    }

    fn size_hint(&self) -> SizeHint {
        let known = self.0.known.len() as u64;
        let Some(rest) = &self.0.rest else { return SizeHint::with_exact(known) };
        let rest = rest.size_hint();
        let mut both = SizeHint::new();
        if let Some(upper) = rest.upper() {
            both.set_upper(known + upper);
        }
        both.set_lower(known + rest.lower());
        both
    }
}
