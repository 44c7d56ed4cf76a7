//! One request to one peer: over a kept connection if there is one, and once more over a new one if the kept
//! one turned out to be dead.

use std::{error::Error, io, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::{Body, Incoming};
use uecho_probe::{connect::ConnectError, tls};

use crate::{
    fanout::{
        link::Link,
        outcome::{MAX_BODY, Outcome, read_body},
        pool::Pool,
        tree::FanOut,
    },
    memory::{Buffer, Full, Held, Memory},
};

/// How long and how far the service reads the rest of an answer that it does not need, so that it can keep
/// the connection.
const DRAIN: (Duration, usize) = (Duration::from_millis(20), 16 * 1024);

/// Time for the rest of an answer whose status has already decided the outcome, when the body says what
/// became of the peer's own peers.
const UNMET: Duration = Duration::from_millis(200);

/// Why there is no answer.
pub(super) enum Failure {
    /// What went wrong with this peer.
    Outcome(Outcome),
    /// What went wrong for all peers: this node has no room for their answers.
    Full(Full),
}

impl From<Outcome> for Failure {
    fn from(outcome: Outcome) -> Self {
        Self::Outcome(outcome)
    }
}

impl From<Full> for Failure {
    fn from(full: Full) -> Self {
        Self::Full(full)
    }
}

/// What a peer answered.
pub(super) struct PeerAnswer {
    /// `ok`, or the outcome that the status stands for.
    pub(super) outcome: Outcome,
    /// Present when the outcome is `ok`.
    pub(super) message: Option<String>,
    /// Present when the answer is that of a fan-out.
    pub(super) fan_out: Option<Box<FanOut>>,
    /// The room in the budget that the answer takes.
    pub(super) held: Option<Held>,
}

impl PeerAnswer {
    /// An answer without content.
    pub(super) fn none(outcome: Outcome) -> Self {
        Self { outcome, message: None, fan_out: None, held: None }
    }

    /// The answer that was read from `body`. It takes over the room of the body, so that no other request can
    /// take that room in between.
    fn read(
        outcome: Outcome,
        message: Option<String>,
        fan_out: Option<Box<FanOut>>,
        body: Buffer,
    ) -> Result<Self, Full> {
        let below = fan_out.as_ref().map_or(0, |fan_out| fan_out.bytes());
        let mut held = body.into_held();
        held.resize(message.as_ref().map_or(0, String::len) + below)?;
        Ok(Self { outcome, message, fan_out, held: Some(held) })
    }
}

/// Sends a GET and waits for the head of the answer. `request` is called for each attempt, and must not have
/// side effects: a kept connection that fails before the head of an answer says nothing about the peer, so
/// the request is sent again over a new one.
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
        // under TLS 1.3 our handshake ends before the peer has checked our certificate
        Some(alert @ rustls::Error::AlertReceived(_)) => of_connect(&pool.refused(alert.clone())),
        _ => of_exchange(&error),
    })?;
    Ok((link, response))
}

/// Gives the peer's answer, or what went wrong. `on_status` is called with the status as soon as it is known.
/// The bytes of the answer count against `memory`.
///
/// # Errors
/// Every [`Outcome`] but `ok`, `timeout` and `over_budget`, which the caller decides; or there is no room.
pub(super) async fn ask(
    pool: &Arc<Pool>,
    memory: &Memory,
    request: impl Fn() -> Request<Empty<Bytes>>,
    on_status: impl FnOnce(StatusCode),
) -> Result<PeerAnswer, Failure> {
    let (mut link, response) = send(pool, request).await?;
    on_status(response.status());
    if let Some(outcome) = Outcome::of_status(response.status()) {
        if may_be_fan_out(&response) {
            return Ok(unmet(pool, memory, link, response, outcome).await?);
        }
        drain(pool, link, response).await;
        return Ok(PeerAnswer::none(outcome));
    }
    let body = link.drive(read(response.into_body(), memory)).await?;
    pool.put(link);
    let (message, fan_out) = (read_body(body.as_ref())?, FanOut::read(body.as_ref()));
    Ok(PeerAnswer::read(Outcome::Ok, Some(message), fan_out, body)?)
}

/// A node whose policy is not met answers with one of these statuses, and with all it knows in the body.
fn may_be_fan_out<B>(response: &Response<B>) -> bool {
    let json = || response.headers().get(CONTENT_TYPE).is_some_and(|media| media == "application/json");
    matches!(response.status(), StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT) && json()
}

async fn unmet(
    pool: &Arc<Pool>,
    memory: &Memory,
    mut link: Link,
    response: Response<Incoming>,
    outcome: Outcome,
) -> Result<PeerAnswer, Full> {
    let body = link.drive(read(response.into_body(), memory));
    match tokio::time::timeout(UNMET, body).await {
        Ok(Ok(body)) => {
            pool.put(link);
            PeerAnswer::read(outcome, None, FanOut::read(body.as_ref()), body)
        }
        Ok(Err(Failure::Full(full))) => Err(full),
        Ok(Err(Failure::Outcome(_))) | Err(_) => Ok(PeerAnswer::none(outcome)),
    }
}

/// Gives the status of a peer's answer, whatever its body.
///
/// # Errors
/// The outcomes that [`ask`] gives.
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
    let mut rest = Limited::new(response.into_body(), DRAIN.1);
    let ended = async {
        while let Some(frame) = rest.frame().await {
            frame.ok()?;
        }
        Some(())
    };
    if let Ok(Some(())) = tokio::time::timeout(DRAIN.0, link.drive(ended)).await {
        pool.put(link);
    }
}

async fn read(mut body: Incoming, memory: &Memory) -> Result<Buffer, Failure> {
    if body.size_hint().lower() > MAX_BODY as u64 {
        return Err(Outcome::TooLarge.into());
    }
    let mut whole = memory.buffer();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| of_exchange(&error))?;
        let data = frame.into_data().unwrap_or_default();
        if whole.as_ref().len() + data.len() > MAX_BODY {
            return Err(Outcome::TooLarge.into());
        }
        whole.extend(&data)?;
    }
    Ok(whole)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_read_only_if_it_can_be_that_of_a_fan_out() {
        for (status, media, may_be) in [
            (502, "application/json", true),
            (504, "application/json", true),
            (500, "application/json", false),
            (404, "application/json", false),
            (502, "text/html", false),
            (504, "application/problem+json", false),
        ] {
            let response = Response::builder().status(status).header(CONTENT_TYPE, media).body(()).unwrap();
            assert_eq!(may_be_fan_out(&response), may_be, "{status} {media}");
        }
    }
}
