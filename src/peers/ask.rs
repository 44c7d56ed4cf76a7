//! One request to one peer: over a kept connection if there is one, repeated once over a new one if that turned out to be dead.

use std::{error::Error, io, sync::Arc};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};

use super::{
    connect::ConnectError,
    link::Link,
    outcome::{MAX_BODY, Outcome, read_body},
    pool::Pool,
    tls,
};

/// What does not matter of an answer is read so that its connection can be kept, but not for longer or further than this.
const DRAIN: (std::time::Duration, usize) = (std::time::Duration::from_millis(20), 16 * 1024);

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

/// The `message` of a peer's answer, or what went wrong. `on_status` is told the status as soon as it is known.
///
/// # Errors
/// Every [`Outcome`] but `ok`, `timeout` and `over_budget`, which are for the caller to tell.
pub(super) async fn ask(
    pool: &Arc<Pool>,
    request: impl Fn() -> Request<Empty<Bytes>>,
    on_status: impl FnOnce(StatusCode),
) -> Result<String, Outcome> {
    let (mut link, response) = send(pool, request).await?;
    on_status(response.status());
    if let Some(outcome) = Outcome::of_status(response.status()) {
        drain(pool, link, response).await;
        return Err(outcome);
    }
    let body = link.drive(read(response.into_body())).await?;
    pool.put(link);
    read_body(&body)
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
