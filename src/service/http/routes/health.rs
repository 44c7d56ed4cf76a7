//! Liveness, readiness, version and metrics.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde::Serialize;
use serde_json::json;

use crate::{
    http::problem::Problem,
    state::{App, readiness::Reason},
    telemetry::metrics,
};

#[derive(Serialize)]
struct Ready {
    ready: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<&'static str>,
}

/// `{"ok": true}` for as long as the process can answer.
pub(crate) async fn healthz() -> Response {
    Json(json!({ "ok": true })).into_response()
}

/// 200 `{"ready": true}`, or 503 with the reasons.
pub(crate) async fn readyz(State(app): State<Arc<App>>) -> Response {
    let reasons: Vec<_> = app.readiness.reasons().into_iter().map(Reason::as_str).collect();
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Ready { ready: reasons.is_empty(), reasons })).into_response()
}

/// The receipt.
pub(crate) async fn version(State(app): State<Arc<App>>) -> Response {
    Json(&app.live.load().receipt).into_response()
}

/// Prometheus text.
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Response {
    app.metrics.active_requests.set(i64::try_from(app.in_flight()).unwrap_or(i64::MAX));
    app.metrics.memory_held.set(i64::try_from(app.memory.held()).unwrap_or(i64::MAX));
    match app.metrics.render() {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(error = %error, "metrics could not be rendered");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR).into_response()
        }
    }
}
