//! `limits.body` and `limits.handler`: the time of the handler begins when the request body is complete or
//! its own time has passed, so that a slow client does not look like a slow handler.

use std::{
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::{
    sync::oneshot,
    time::{timeout, timeout_at},
};

/// When the request body must be complete; a handler that waits for it longer answers 408. Every request that
/// the router gets has it as an extension.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyDeadline(pub Instant);

/// A request body that resolves its [`Received`] when it is over.
pub(super) struct Receiving<B> {
    body: B,
    /// Dropped when the body is over.
    over: Option<oneshot::Sender<()>>,
}

/// Resolves when the body was read to its end or to an error, or was dropped.
pub(super) type Received = oneshot::Receiver<()>;

impl<B: Body> Receiving<B> {
    /// The body, and the future that resolves when it is over.
    pub(super) fn new(body: B) -> (Self, Received) {
        let (over, received) = oneshot::channel();
        let over = (!body.is_end_stream()).then_some(over);
        (Self { body, over }, received)
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Receiving<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) || this.body.is_end_stream() {
            this.over = None;
        }
        Poll::Ready(frame)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The answer of a handler, or `None` if it takes longer than `limit` after the body is over or its deadline
/// has passed.
pub(super) async fn within<T>(
    limit: Duration,
    deadline: BodyDeadline,
    received: Received,
    handler: impl Future<Output = T>,
) -> Option<T> {
    let mut handler = pin!(handler);
    tokio::select! {
        // polled first: at the deadline of the body, the handler's own answer (408) wins
        biased;
        answer = &mut handler => return Some(answer),
        _ = timeout_at(deadline.0.into(), received) => {}
    }
    timeout(limit, handler).await.ok()
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use http_body_util::{BodyExt as _, Full};
    use tokio::time::sleep;

    use super::*;

    const SHORT: Duration = Duration::from_millis(1);

    fn in_a_minute() -> BodyDeadline {
        BodyDeadline(Instant::now() + Duration::from_mins(1))
    }

    #[tokio::test]
    async fn a_handler_ends_when_its_time_is_over() {
        let (_, received) = Receiving::new(Full::new(Bytes::new()));
        assert_eq!(within(SHORT, in_a_minute(), received, pending::<()>()).await, None);
    }

    #[tokio::test]
    async fn the_time_of_the_handler_does_not_run_while_the_body_is_received() {
        let (mut body, received) = Receiving::new(Full::new(Bytes::from_static(b"body")));
        let slow = async {
            sleep(50 * SHORT).await;
            body.frame().await
        };
        assert!(within(SHORT, in_a_minute(), received, slow).await.is_some());
    }

    #[tokio::test]
    async fn a_body_that_is_over_or_unwanted_or_late_starts_the_time_of_the_handler() {
        let body = || Receiving::new(Full::new(Bytes::from_static(b"body")));
        let (mut read, received) = body();
        let reads = async {
            read.frame().await;
            pending::<()>().await;
        };
        assert_eq!(within(SHORT, in_a_minute(), received, reads).await, None);
        let (unwanted, received) = body();
        drop(unwanted);
        assert_eq!(within(SHORT, in_a_minute(), received, pending::<()>()).await, None);
        let (_late, received) = body();
        let now = BodyDeadline(Instant::now());
        assert_eq!(within(SHORT, now, received, pending::<()>()).await, None);
    }
}
