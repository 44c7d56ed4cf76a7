//! Any method, `/api/v1/echo`: answers with the request as the service saw it, secrets redacted.

use std::{collections::BTreeMap, pin::pin, sync::Arc};

use axum::{Extension, body::Body, extract::State, response::Response};
use base64::{display::Base64Display, prelude::BASE64_STANDARD};
use http::{HeaderMap, Request, StatusCode, header, uri::Authority};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Serialize, Serializer};
use tokio::time::timeout_at;
use uecho_probe::receipt::Receipt;

use crate::{
    config::secret::REDACTED,
    http::{deadline::BodyDeadline, json, problem::Problem},
    memory::Buffer,
    state::App,
};

const SECRET_HEADERS: [header::HeaderName; 3] =
    [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];

#[derive(Serialize)]
struct Mirror<'a> {
    method: &'a str,
    /// The authority of the target, when it names one: HTTP/2's `:authority`, or an absolute URI.
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
    http_version: String,
    headers: BTreeMap<&'a str, Vec<String>>,
    body: Content<'a>,
    receipt: &'a Receipt,
}

/// A body in a form that JSON can contain.
#[derive(Serialize)]
struct Content<'a> {
    bytes: usize,
    #[serde(flatten)]
    form: Form<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Form<'a> {
    Text(&'a str),
    #[serde(serialize_with = "base64")]
    Base64(&'a [u8]),
}

impl<'a> From<&'a [u8]> for Content<'a> {
    fn from(body: &'a [u8]) -> Self {
        let form = str::from_utf8(body).map_or(Form::Base64(body), Form::Text);
        Self { bytes: body.len(), form }
    }
}

/// Writes base64 without an intermediate copy.
fn base64<S: Serializer>(bytes: &&[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Base64Display::new(bytes, &BASE64_STANDARD))
}

/// Mirrors the request.
///
/// # Errors
/// 408 after `limits.body`, 413 above `limits.body_bytes`, 503 beyond `limits.memory`, 400 for a broken body.
pub(crate) async fn any(
    State(app): State<Arc<App>>,
    Extension(deadline): Extension<BodyDeadline>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let limits = &app.settings.limits;
    let body = timeout_at(deadline.0.into(), read(&app, body)).await.unwrap_or_else(|_| {
        Err(Problem::new(StatusCode::REQUEST_TIMEOUT)
            .detail(format!("the request body was not complete within {}", limits.body)))
    });
    // the rest of the body is not worth reading
    let body = body.map_err(Problem::close)?;
    let live = app.live.load();
    let mirror = Mirror {
        method: parts.method.as_str(),
        authority: parts.uri.authority().map(Authority::as_str),
        path: parts.uri.path(),
        query: parts.uri.query(),
        http_version: format!("{:?}", parts.version),
        headers: visible(&parts.headers),
        body: body.as_ref().into(),
        receipt: &live.receipt,
    };
    json::held(&app.memory, StatusCode::OK, &mirror)
}

/// Reads the whole body, which counts against `limits.memory` as it comes.
async fn read(app: &App, body: Body) -> Result<Buffer, Problem> {
    let limit = app.settings.limits.body_bytes;
    let mut body = pin!(Limited::new(body, limit.0));
    let mut whole = app.memory.buffer();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            if error.is::<LengthLimitError>() {
                Problem::body_too_large(limit)
            } else {
                Problem::new(StatusCode::BAD_REQUEST).detail("the request body is broken or incomplete")
            }
        })?;
        whole.extend(frame.data_ref().map_or(&[], |data| data))?;
    }
    Ok(whole)
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
