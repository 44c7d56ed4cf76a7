//! One request to one peer: over a kept connection if there is one, repeated once over a new one if that turned out to be dead.

use std::{error::Error, io, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};

use super::{
    connect::ConnectError,
    link::Link,
    outcome::{MAX_BODY, Outcome, read_body},
    pool::Pool,
    tls,
    tree::FanOut,
};

/// What does not matter of an answer is read so that its connection can be kept, but not for longer or further than this.
const DRAIN: (Duration, usize) = (Duration::from_millis(20), 16 * 1024);

/// Time for the rest of an answer whose outcome is known already, when it says what became of the peer's own peers.
const UNMET: Duration = Duration::from_millis(200);

/// What a peer answered.
pub(super) struct Answer {
    /// `ok`, or what its status means.
    pub(super) outcome: Outcome,
    /// When the outcome is `ok`.
    pub(super) message: Option<String>,
    /// When it was a fan-out.
    pub(super) fan_out: Option<Box<FanOut>>,
}

/// Sends a GET and waits for the head of the answer. `request` is called for each attempt, and must not have side effects: a kept
/// connection that fails before an answer's head is no verdict about the peer, so the request is sent again over a new one.
async fn send(
    pool: &Pool,
    request: impl Fn() -> Request<Empty<Bytes>>,
) -> Result<(Link, Response<Incoming>), Outcome> {
    if let Some(mut link) = pool.reuse().await {
        match link.send(request()).await {
            Ok(response) => return Ok((link, response)),
            Err(error) if error.is_parse() => return Err(Outcome::BadBody),
            Err(_) => {}
        }
    }
    let mut link = pool.open().await.map_err(|error| of_connect(&error))?;
    let response = link.send(request()).await.map_err(|error| match tls::refusal(&error) {
        // under TLS 1.3 the handshake is over for us before the peer has seen who we are
        Some(alert @ rustls::Error::AlertReceived(_)) => of_connect(&pool.refused(alert.clone())),
        _ => of_exchange(&error),
    })?;
    Ok((link, response))
}

/// A peer's answer, or what went wrong. `on_status` is told the status as soon as it is known.
///
/// # Errors
/// Every [`Outcome`] but `ok`, `timeout` and `over_budget`, which are for the caller to tell.
pub(super) async fn ask(
    pool: &Arc<Pool>,
    request: impl Fn() -> Request<Empty<Bytes>>,
    on_status: impl FnOnce(StatusCode),
) -> Result<Answer, Outcome> {
    let (mut link, response) = send(pool, request).await?;
    on_status(response.status());
    if let Some(outcome) = Outcome::of_status(response.status()) {
        let fan_out = if may_be_fan_out(&response) {
            unmet(pool, link, response).await
        } else {
            drain(pool, link, response).await;
            None
        };
        return Ok(Answer { outcome, message: None, fan_out });
    }
    let body = link.drive(read(response.into_body())).await?;
    pool.put(link);
    Ok(Answer { outcome: Outcome::Ok, message: Some(read_body(&body)?), fan_out: FanOut::read(&body) })
}

/// A node whose policy is not met answers with one of these, and all it knows.
fn may_be_fan_out(response: &Response<Incoming>) -> bool {
    let json = || response.headers().get(CONTENT_TYPE).is_some_and(|media| media == "application/json");
    matches!(response.status(), StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT) && json()
}

async fn unmet(pool: &Arc<Pool>, mut link: Link, response: Response<Incoming>) -> Option<Box<FanOut>> {
    let body = tokio::time::timeout(UNMET, link.drive(read(response.into_body()))).await.ok()?.ok()?;
    pool.put(link);
    FanOut::read(&body)
}

/// The status of a peer's answer, whatever its body.
///
/// # Errors
/// As [`ask`].
pub(super) async fn status(
    pool: &Arc<Pool>,
    request: impl Fn() -> Request<Empty<Bytes>>,
) -> Result<StatusCode, Outcome> {
    let (link, response) = send(pool, request).await?;
    let status = response.status();
    drain(pool, link, response).await;
    Ok(status)
}

async fn drain(pool: &Arc<Pool>, mut link: Link, response: Response<Incoming>) {
    let rest = Limited::new(response.into_body(), DRAIN.1).collect();
    if matches!(tokio::time::timeout(DRAIN.0, link.drive(rest)).await, Ok(Ok(_))) {
        pool.put(link);
    }
}

async fn read(body: Incoming) -> Result<Bytes, Outcome> {
    if body.size_hint().lower() > MAX_BODY as u64 {
        return Err(Outcome::TooLarge);
    }
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Outcome::TooLarge),
        Err(error) => Err(error.downcast_ref().map_or(Outcome::Reset, of_exchange)),
    }
}

fn of_connect(error: &ConnectError) -> Outcome {
    match error {
        ConnectError::Dns(_) => Outcome::Dns,
        ConnectError::TimedOut => Outcome::Timeout,
        ConnectError::Refused(_) | ConnectError::Tls(_) => Outcome::Refused,
        ConnectError::Reset(_) => Outcome::Reset,
    }
}

fn of_exchange(error: &hyper::Error) -> Outcome {
    if tls::refusal(error).is_some() {
        return Outcome::Reset;
    }
    // hyper reports a malformed chunk as an I/O error of these kinds
    let malformed =
        error.source().and_then(|source| source.downcast_ref::<io::Error>()).is_some_and(|error| {
            matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData)
        });
    if error.is_parse() || malformed { Outcome::BadBody } else { Outcome::Reset }
}
