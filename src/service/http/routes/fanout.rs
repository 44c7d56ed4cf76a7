//! `GET /api/v1/fanout/{text}`: sends the text to all peers, and makes one answer of theirs.

use std::{io, sync::Arc, time::Instant};

use axum::{
    Extension,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, Uri, header::CONTENT_TYPE};

use crate::{
    fanout::{
        budget::{Budget, Claim},
        merge::merge,
        outcome::MAX_BODY,
        question::Question,
        reply::Reply,
        tree::{Hop, escaped, prune},
    },
    http::{
        negotiate::{self, Media},
        problem::Problem,
        routes::{echo, fanout::fan_in::FanIn},
    },
    memory::{Buffer, Full},
    state::App,
    telemetry::{
        record::{ClientRequests, millis},
        trace_context::TraceContext,
    },
};

mod fan_in;
mod page;
mod rows;
mod shown;
mod waterfall;

const PREFIX: &str = "/api/v1/fanout";
/// About how many bytes an answer has besides its text (which it contains twice) and its replies.
const OWN_BYTES: usize = 1024;

/// Asks all peers. 200 when the policy is met, 502 or 504 when it is not (the body is the same); 400 for a
/// malformed path or header, 414 for a text too long to be passed on, 503 when there is no room for the
/// replies, 508 for a request that loops.
///
/// # Errors
/// The problem that the client gets.
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    Extension(trace): Extension<TraceContext>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let start = Instant::now();
    let live = app.live.load_full();
    let peers = &live.peers;
    // this reads the raw path: an escaped slash belongs to the text
    let text = echo::text(uri.path().strip_prefix(PREFIX).unwrap_or_default())?;
    let claim = Claim::read(&headers)?;
    claim.guard(peers.settings.max_hops)?;
    let limits = [peers.settings.timeout.0, app.settings.limits.handler.0].into_iter().chain(claim.deadline);
    let question = Question::new(&text, &headers, trace, claim, Budget::start(start, limits));
    let targets = peers.targets(&question).ok_or_else(|| {
        Problem::new(StatusCode::URI_TOO_LONG)
            .detail("percent-encoded, the text is longer than a request to a peer can be")
    })?;

    let segment = question.recorded_segment();
    let (mut replies, held) = peers.ask_all(question, targets, &app.memory).await?;
    let policy = peers.settings.policy;
    let verdict = merge(policy, replies.iter().map(|reply| (reply.outcome, reply.completeness())));
    for reply in &replies {
        app.own.fanout_replies.with_label_values(&[reply.outcome.as_str()]).inc();
    }
    let mut hops: Vec<Hop<'_>> = replies.iter_mut().map(|reply| reply.hop(start)).collect();
    let own = OWN_BYTES + 2 * escaped(&text);
    let levels = usize::try_from(peers.settings.max_hops - claim.hops).unwrap_or(usize::MAX);
    prune(&mut hops, levels, MAX_BODY.saturating_sub(own));
    let elapsed = start.elapsed();
    app.own.fanout_duration.observe(elapsed.as_secs_f64());
    let fan_in = FanIn {
        message: echo::message(&text),
        text: &text,
        policy,
        status: verdict.completeness,
        elapsed_ms: millis(elapsed),
        receipt: &live.receipt,
        replies: &hops,
    };
    let media = negotiate::prefer(&headers, &[Media::Json, Media::Html, Media::Json]);
    // the answer takes the room of the replies that it is made of, so no other request can take it in between
    let mut body = Buffer::new(held);
    match media {
        Media::Html => body.extend(page::of(&fan_in, verdict.http).as_bytes())?,
        _ => serde_json::to_writer(&mut body, &fan_in).map_err(unwritten)?,
    }
    drop(hops);
    let headers = [(CONTENT_TYPE, media.content_type())];
    let list = replies.iter().map(Reply::client_request).collect();
    let mut response = (verdict.http, headers, body.into_bytes()).into_response();
    response.extensions_mut().insert(ClientRequests { segment, list });
    Ok(response)
}

fn unwritten(error: serde_json::Error) -> Problem {
    let full = io::Error::from(error).downcast::<Full>();
    full.map_or_else(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR), Problem::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        fanout::question::segment,
        route::{Route, Side},
    };

    proptest! {
        #[test]
        fn a_peer_echoes_exactly_the_text(
            text in "\\PC{1,40}|[./%a-z?#;]{1,12}|healthz|readyz|\\.{1,2}|api/v1/echo",
        ) {
            let path = format!("/{}", segment(&text));
            prop_assert_eq!(Route::of(Side::Public, &path), Route::Echo);
            prop_assert_eq!(echo::text(&path).unwrap(), text.as_str());
            let uri: Uri = path.parse().unwrap();
            prop_assert_eq!((uri.path(), uri.query()), (path.as_str(), None));
            let fanout = format!("/api/v1/fanout{path}");
            prop_assert_eq!(Route::of(Side::Public, &fanout), Route::Fanout);
        }
    }
}
