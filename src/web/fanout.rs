//! `GET /api/v1/fanout/{text}`: the text to all peers, and one answer of theirs.

use std::{sync::Arc, time::Instant};

use axum::{
    Extension,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, Uri, header::CONTENT_TYPE};
use serde::Serialize;

use super::{echo, negotiate::Media, problem::Problem};
use crate::{
    config::settings::Policy,
    peers::{
        budget::{Budget, Claim},
        merge::{Completeness, Verdict, merge},
        question::Question,
        reply::{Replies, Reply, millis},
    },
    receipt::Receipt,
    state::App,
    telemetry::trace_context::TraceContext,
};

const PREFIX: &str = "/api/v1/fanout";

#[derive(Serialize)]
struct FanIn<'a> {
    text: &'a str,
    /// What this node itself echoes.
    message: String,
    policy: Policy,
    status: Completeness,
    elapsed_ms: f64,
    receipt: &'a Receipt,
    replies: &'a [Reply],
}

/// Asks all peers. 200 when the policy is met, 502 or 504 when not (the body is the same); 400 for a malformed path or header,
/// 414 for a text too long to be passed on, 508 for a request that has come round.
///
/// # Errors
/// The problem to answer with.
pub async fn get(
    State(app): State<Arc<App>>,
    Extension(trace): Extension<TraceContext>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let start = Instant::now();
    let live = app.live.load_full();
    let peers = &live.peers;
    // the raw path: an escaped slash belongs to the text
    let text = echo::text(uri.path().strip_prefix(PREFIX).unwrap_or_default())?;
    let claim = Claim::read(&headers)?;
    claim.guard(peers.settings.max_hops)?;
    let limits = [peers.settings.timeout.0, app.settings.limits.handler.0].into_iter().chain(claim.deadline);
    let question = Question::new(&text, &headers, trace, claim, Budget::start(start, limits));
    let targets = peers.targets(&question).ok_or_else(|| {
        Problem::new(StatusCode::URI_TOO_LONG)
            .detail("percent-encoded, the text is longer than a request to a peer can be")
    })?;

    let replies = peers.ask_all(question, targets).await;
    let policy = peers.settings.policy;
    let Verdict { completeness, http } = merge(policy, replies.iter().map(|reply| reply.outcome));
    for reply in &replies {
        app.metrics.fanout_replies.with_label_values(&[reply.outcome.as_str()]).inc();
    }
    let elapsed = start.elapsed();
    app.metrics.fanout_duration.observe(elapsed.as_secs_f64());
    let fan_in = FanIn {
        message: echo::message(&text),
        text: &text,
        policy,
        status: completeness,
        elapsed_ms: millis(elapsed),
        receipt: &live.receipt,
        replies: &replies,
    };
    let mut body = Vec::with_capacity(512 + replies.iter().map(Reply::json_bytes).sum::<usize>());
    serde_json::to_writer(&mut body, &fan_in).map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR))?;
    let mut response = (http, [(CONTENT_TYPE, Media::Json.content_type())], body).into_response();
    response.extensions_mut().insert(Replies(replies.into()));
    Ok(response)
}
