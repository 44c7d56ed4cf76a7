//! One connection from its first byte to its end.

use std::{
    error::Error,
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::{
    http::{
        activity::{Activity, Order, closed::Closed},
        service::Service,
    },
    net::{
        connections::Connection,
        linger,
        protocols::Protocols,
        stream::{self, Stream},
        transport::{Protocol, Transport, without_empty_lines},
    },
};

/// The longest time that the client has to end the connection after our GOAWAY.
const FAREWELL: Duration = Duration::from_secs(1);

/// Serves the connection until one side ends it.
pub(super) async fn run(
    stream: Stream,
    mut connection: Connection,
    service: Service,
    protocols: Arc<Protocols>,
) {
    let activity = connection.activity.clone();
    let service = service.for_connection(stream::client(&stream), activity.clone());
    let mut transport = Transport::new(stream, activity.clone());
    let mut orders = Orders::new(&activity);
    let protocol = poll_fn(|context| match orders.poll(context) {
        Order::Close(reason) if !stays_open(reason, &transport, &activity) => Poll::Ready(Err(reason)),
        _ => transport.poll_protocol(context).map_err(|_| Closed::Client),
    });
    connection.reason = match protocol.await {
        Err(reason) => reason,
        Ok(None) => Closed::Client,
        Ok(Some(Protocol::Http1)) => serve_http1(transport, orders, service, &protocols).await,
        // boxed, because this future is by far the larger one and is used more rarely
        Ok(Some(Protocol::Http2)) => Box::pin(serve_http2(transport, orders, service, &protocols)).await,
    };
}

/// Whether the connection stays open in spite of an order to close: the sweeper gave the order because the
/// client was silent, but by now there is something to read. Closing would lose a request that has arrived.
fn stays_open(reason: Closed, transport: &Transport, activity: &Activity) -> bool {
    let silent = matches!(reason, Closed::FirstByte | Closed::Idle | Closed::Cap | Closed::Drain);
    let stays_open = silent && transport.has_unread();
    if stays_open {
        activity.stay(reason);
    }
    stays_open
}

/// Why hyper no longer serves the connection.
enum Ended {
    /// The connection was ordered to close.
    Ordered(Closed),
    /// hyper has returned.
    Done(hyper::Result<()>),
    /// The connection waits for its next HTTP/1 request without hyper.
    Resting,
}

async fn serve_http1(
    mut transport: Transport,
    mut orders: Orders<'_>,
    mut service: Service,
    protocols: &Protocols,
) -> Closed {
    let activity = orders.activity;
    let mut drained = false;
    loop {
        let mut http = protocols.http1.serve_connection(TokioIo::new(transport), service);
        let ended = poll_fn(|context| {
            let order = orders.poll(context);
            if let Order::Close(reason) = order {
                return Poll::Ready(Ended::Ordered(reason));
            }
            if let Poll::Ready(result) = Pin::new(&mut http).poll(context) {
                return Poll::Ready(Ended::Done(result));
            }
            if order == Order::Rest {
                activity.rested();
                if activity.all_answered() {
                    return Poll::Ready(Ended::Resting);
                }
            }
            // an idle connection stays open for a moment, because its next request may be on its way
            if order == Order::Drain && !drained && activity.active() > 0 {
                drained = true;
                Pin::new(&mut http).graceful_shutdown();
                return Pin::new(&mut http).poll(context).map(Ended::Done);
            }
            Poll::Pending
        })
        .await;
        let result = match ended {
            Ended::Ordered(reason) if !activity.all_answered() => return reason,
            Ended::Ordered(reason) => {
                let parts = http.into_parts();
                (transport, service) = (parts.io.into_inner(), parts.service);
                transport.take_back(&parts.read_buf);
                if stays_open(reason, &transport, activity) {
                    continue;
                }
                return reason;
            }
            Ended::Done(result) => result,
            Ended::Resting => {
                // this frees hyper's buffers, most of the memory of a connection, until the next request
                let parts = http.into_parts();
                (transport, service) = (parts.io.into_inner(), parts.service);
                transport.take_back(&parts.read_buf);
                if let Err(reason) = orders.rest(&transport).await {
                    return reason;
                }
                continue;
            }
        };
        // boxed, so that an open connection reserves no memory for this future
        return Box::pin(finish(http, result, orders)).await;
    }
}

/// Closes a connection on which hyper has returned from HTTP/1.
async fn finish(
    http: http1::Connection<TokioIo<Transport>, Service>,
    result: hyper::Result<()>,
    mut orders: Orders<'_>,
) -> Closed {
    let parts = http.into_parts();
    let transport = parts.io.into_inner();
    let reason = match result {
        // hyper has sent the error response
        Err(error) if error.is_parse() => Closed::BadRequest,
        _ if transport.ended() => Closed::Client,
        Err(error) if error.is_user() => Closed::Error,
        Err(_) => Closed::Client,
        Ok(()) if orders.current() == Order::Drain => Closed::Drain,
        Ok(()) => Closed::Answered,
    };
    if !transport.ended() {
        let more = orders.activity.has_body() || !without_empty_lines(&parts.read_buf).is_empty();
        let under_way = reason == Closed::BadRequest || more;
        orders.unless_cut(linger::close(transport.into_stream(), under_way)).await;
    }
    reason
}

async fn serve_http2(
    transport: Transport,
    mut orders: Orders<'_>,
    service: Service,
    protocols: &Protocols,
) -> Closed {
    let mut http = pin!(protocols.http2.serve_connection(TokioIo::new(transport), service));
    let mut drained = false;
    let ended = poll_fn(|context| {
        match orders.poll(context) {
            Order::Close(reason) => return Poll::Ready(Ended::Ordered(reason)),
            Order::Drain if !drained => {
                drained = true;
                http.as_mut().graceful_shutdown();
            }
            _ => {}
        }
        http.as_mut().poll(context).map(Ended::Done)
    })
    .await;
    match ended {
        Ended::Ordered(reason) => {
            if matches!(reason, Closed::Header | Closed::Idle | Closed::Cap | Closed::Drain) {
                // GOAWAY tells the client which requests it may safely send again
                http.as_mut().graceful_shutdown();
                let activity = orders.activity;
                let farewell = async {
                    // a request that was on its way is still answered
                    while timeout(FAREWELL, http.as_mut()).await.is_err() && activity.active() > 0 {}
                };
                orders.unless_cut(farewell).await;
            }
            reason
        }
        Ended::Done(Ok(())) if drained => Closed::Drain,
        Ended::Done(Err(error)) if !went_away(&error) => Closed::Error,
        _ => Closed::Client,
    }
}

/// Whether the transport failed: this is how a client leaves that does not close the connection properly.
fn went_away(error: &hyper::Error) -> bool {
    error.source().is_some_and(<dyn Error>::is::<std::io::Error>)
}

/// The orders of one connection, as its task sees them.
struct Orders<'a> {
    activity: &'a Activity,
    waker: Option<Waker>,
}

impl<'a> Orders<'a> {
    fn new(activity: &'a Activity) -> Self {
        Self { activity, waker: None }
    }

    fn poll(&mut self, context: &Context<'_>) -> Order {
        // a task's waker rarely changes, and registering it costs more than the rest of this function
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            self.activity.register(context.waker());
            self.waker = Some(context.waker().clone());
        }
        match self.current() {
            Order::Close(reason) if self.activity.has_overtaken(reason) => {
                self.activity.stay(reason);
                self.current()
            }
            order => order,
        }
    }

    /// Waits for the next request.
    async fn rest(&mut self, transport: &Transport) -> Result<(), Closed> {
        let activity = self.activity;
        poll_fn(|context| match self.poll(context) {
            Order::Close(reason) if !stays_open(reason, transport, activity) => Poll::Ready(Err(reason)),
            _ => transport.poll_read_ready(context).map(Ok),
        })
        .await
    }

    /// Runs `last` to its end, or until the connection is cut.
    async fn unless_cut(&mut self, last: impl Future<Output = ()>) {
        let mut last = pin!(last);
        poll_fn(|context| match self.poll(context) {
            Order::Close(Closed::Cut) => Poll::Ready(()),
            _ => last.as_mut().poll(context),
        })
        .await;
    }

    fn current(&self) -> Order {
        self.activity.ordered()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        task::Wake,
    };

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn every_order_wakes_the_connection_even_if_it_saw_the_order_first() {
        let activity = Activity::new(Arc::default());
        let mut orders = Orders::new(&activity);
        let count = Arc::new(Wakes::default());
        let waker = count.clone().into();
        let context = Context::from_waker(&waker);
        assert_eq!(orders.poll(&context), Order::None);
        for (number, order) in [Order::Drain, Order::Close(Closed::Cut)].into_iter().enumerate() {
            activity.order(order);
            assert_eq!(orders.poll(&context), order);
            assert_eq!(count.0.load(Ordering::Relaxed), number + 1, "{order:?}");
            assert_eq!(orders.poll(&context), order);
        }
    }

    #[test]
    fn an_order_that_a_request_has_overtaken_has_no_effect() {
        let activity = Arc::new(Activity::new(Arc::default()));
        let mut orders = Orders::new(&activity);
        let waker = Arc::new(Wakes::default()).into();
        let context = Context::from_waker(&waker);
        let _call = activity.begin();
        for (given, heard) in [(Closed::Idle, Order::None), (Closed::Drain, Order::Drain)] {
            activity.order(Order::Close(given));
            assert_eq!(orders.poll(&context), heard);
            assert_eq!(activity.ordered(), heard, "the sweeper looks again");
        }
        activity.order(Order::Close(Closed::Cut));
        assert_eq!(orders.poll(&context), Order::Close(Closed::Cut));
    }
}
