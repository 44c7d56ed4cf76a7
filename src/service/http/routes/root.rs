//! `GET /`: the configured message and the time.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, header};
use serde::Serialize;

use crate::{
    http::{
        negotiate::{self, Media},
        routes::echo,
    },
    state::App,
};

#[derive(Serialize)]
struct Root<'a> {
    message: &'a str,
    /// Unix seconds.
    timestamp: u64,
}

/// JSON, or the page of the message for a client that prefers HTML.
pub(crate) async fn get(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let live = app.live.load();
    match negotiate::prefer(&headers, &[Media::Json, Media::Html, Media::Plain]) {
        Media::Json => {
            let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs());
            Json(Root { message: &live.message, timestamp }).into_response()
        }
        Media::Html => ([(header::CONTENT_TYPE, Media::Html.content_type())], echo::page(&live.message, ""))
            .into_response(),
        Media::Plain => {
            ([(header::CONTENT_TYPE, Media::Plain.content_type())], format!("{}\n", live.message))
                .into_response()
        }
    }
}
