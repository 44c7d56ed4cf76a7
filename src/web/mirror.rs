//! Any method, `/api/v1/echo`: the request as we saw it, secrets redacted.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use base64::Engine as _;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;

use super::problem::Problem;
use crate::{config::settings::REDACTED, receipt::Receipt, state::App};

const SECRET_HEADERS: [header::HeaderName; 3] =
    [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];

#[derive(Serialize)]
struct Mirror<'a> {
    method: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    http_version: String,
    headers: BTreeMap<&'a str, Vec<String>>,
    body: Content,
    receipt: &'a Receipt,
}

/// A body as JSON can carry it.
#[derive(Serialize)]
struct Content {
    bytes: usize,
    #[serde(flatten)]
    form: Form,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Form {
    Text(String),
    Base64(String),
}

impl From<Bytes> for Content {
    fn from(body: Bytes) -> Self {
        let bytes = body.len();
        let form = match String::from_utf8(body.into()) {
            Ok(text) => Form::Text(text),
            Err(error) => Form::Base64(base64::prelude::BASE64_STANDARD.encode(error.as_bytes())),
        };
        Self { bytes, form }
    }
}

/// Mirrors the request. Error texts: 408 after `limits.body`, 413 above `limits.body_bytes`, 400 for a broken body.
pub async fn any(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let body = match read(&app, body).await {
        Ok(body) => body,
        Err(problem) => return problem.into_response(),
    };
    Json(Mirror {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query(),
        http_version: format!("{:?}", parts.version),
        headers: visible(&parts.headers),
        body: body.into(),
        receipt: &app.live.load().receipt,
    })
    .into_response()
}

async fn read(app: &App, body: Body) -> Result<Bytes, Problem> {
    let limits = &app.settings.limits;
    let whole = Limited::new(body, limits.body_bytes.0).collect();
    match tokio::time::timeout(limits.body.0, whole).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Problem::body_too_large(limits.body_bytes)),
        Ok(Err(_)) => Err(Problem::new(StatusCode::BAD_REQUEST)
            .detail("the request body is broken or incomplete")
            .close()),
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT)
            .detail(format!("the request body was not complete within {}", limits.body))
            .close()),
    }
}

fn visible(headers: &HeaderMap) -> BTreeMap<&str, Vec<String>> {
    let mut visible: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, value) in headers {
        let shown = if SECRET_HEADERS.contains(name) {
            REDACTED.into()
        } else {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        };
        visible.entry(name.as_str()).or_default().push(shown);
    }
    visible
}
