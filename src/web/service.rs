//! What surrounds every request, in this order: trace context, count in, limits, authentication, the hot path or the router under a
//! time limit, the headers every answer carries, count out.

use std::{convert::Infallible, future::Future, panic::AssertUnwindSafe, pin::Pin, sync::Arc, time::Instant};

use axum::{Router, response::IntoResponse};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use tower::ServiceExt;

use super::{
    auth,
    body::{InFlight, ResponseBody},
    echo, limits,
    problem::Problem,
    route::{Route, Side, method_label},
};
use crate::{readiness::Reason, state::App, telemetry::trace_context::TraceContext};

/// `X-Trace-Id`
pub const X_TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");
/// `X-Uecho-Receipt`
pub const X_UECHO_RECEIPT: HeaderName = HeaderName::from_static("x-uecho-receipt");

/// The security headers of every answer.
pub const SECURITY_HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// One listener's service; cheap to clone.
#[derive(Clone)]
pub struct Service {
    app: Arc<App>,
    router: Router,
    side: Side,
}

type Answer = Result<Response<ResponseBody>, Infallible>;

/// The answer at once, or a future of it.
#[expect(
    clippy::large_enum_variant,
    reason = "the hot path is the large variant: boxing it would cost an allocation per request"
)]
pub enum Pending {
    /// From the hot path.
    Ready(Option<Response<ResponseBody>>),
    /// From the router.
    Boxed(Pin<Box<dyn Future<Output = Answer> + Send>>),
}

impl Future for Pending {
    type Output = Answer;

    fn poll(self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> std::task::Poll<Answer> {
        match self.get_mut() {
            Self::Ready(response) => {
                response.take().map_or(std::task::Poll::Pending, |response| Ok(response).into())
            }
            Self::Boxed(future) => future.as_mut().poll(context),
        }
    }
}

impl Service {
    /// The service of one listener.
    #[must_use]
    pub fn new(app: Arc<App>, side: Side) -> Self {
        let router = match side {
            Side::Public => super::public(app.clone()),
            Side::Ops => super::ops(app.clone()),
        };
        Self { app, router, side }
    }

    fn begin(&self, request: &Request<Incoming>) -> InFlight {
        self.app.enter();
        InFlight {
            app: self.app.clone(),
            start: Instant::now(),
            trace: TraceContext::accept(request.headers(), |_| false),
            route: Route::of(self.side, request.uri().path()),
            method: method_label(request.method()),
            status: None,
            bytes: 0,
            complete: false,
        }
    }

    /// The checks before any handler.
    fn admit(&self, route: Route, request: &http::request::Parts) -> Result<(), Problem> {
        limits::check(&self.app.settings.limits, request)?;
        if self.side == Side::Ops || matches!(route, Route::Healthz | Route::Readyz) {
            return Ok(());
        }
        if self.app.in_flight() > self.app.settings.limits.in_flight {
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE)
                .detail("too many requests in flight")
                .header(header::RETRY_AFTER, HeaderValue::from_static("1")));
        }
        if request.uri.path().starts_with("/api/") {
            auth::check(self.app.settings.api.token.as_ref(), &request.headers)?;
        }
        Ok(())
    }
}

impl hyper::service::Service<Request<Incoming>> for Service {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Pending;

    fn call(&self, request: Request<Incoming>) -> Pending {
        let in_flight = self.begin(&request);
        let (parts, body) = request.into_parts();
        if let Err(problem) = self.admit(in_flight.route, &parts) {
            return Pending::Ready(Some(finish_router(problem.into_response(), in_flight)));
        }
        if in_flight.route == Route::Echo && (parts.method == Method::GET || parts.method == Method::HEAD) {
            let response = match echo::respond(parts.uri.path(), &parts.headers) {
                Ok(response) => finish(response, in_flight),
                Err(problem) => finish_router(problem.into_response(), in_flight),
            };
            return Pending::Ready(Some(response));
        }
        let mut request = Request::from_parts(parts, axum::body::Body::new(body));
        request.extensions_mut().insert(in_flight.trace);
        let handler = self.router.clone().oneshot(request);
        let limit = self.app.settings.limits.handler;
        Pending::Boxed(Box::pin(async move {
            let response = match tokio::time::timeout(limit.0, AssertUnwindSafe(handler).catch_unwind()).await
            {
                Ok(Ok(Ok(response))) => response,
                // the panic hook has logged it
                Ok(Err(_)) => Problem::new(StatusCode::INTERNAL_SERVER_ERROR).into_response(),
                Err(_) => Problem::new(StatusCode::SERVICE_UNAVAILABLE)
                    .detail(format!("no answer within {limit}"))
                    .header(header::RETRY_AFTER, HeaderValue::from_static("1"))
                    .into_response(),
            };
            Ok(finish_router(response, in_flight))
        }))
    }
}

/// Gives every error of the router a problem body, then finishes as usual.
fn finish_router(response: axum::response::Response, in_flight: InFlight) -> Response<ResponseBody> {
    let (mut parts, body) = response.into_parts();
    let is_error = parts.status.is_client_error() || parts.status.is_server_error();
    let problem = match parts.extensions.remove::<Problem>() {
        None if is_error && !parts.headers.contains_key(header::CONTENT_TYPE) => {
            Some(Problem::new(parts.status))
        }
        problem => problem,
    };
    if let Some(problem) = problem {
        parts.headers.insert(header::CONTENT_TYPE, super::problem::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        let body = Bytes::from(problem.body(in_flight.trace.trace_id));
        return finish(Response::from_parts(parts, body), in_flight);
    }
    decorate(Response::from_parts(parts, body), in_flight, ResponseBody::stream)
}

fn finish(response: Response<Bytes>, in_flight: InFlight) -> Response<ResponseBody> {
    decorate(response, in_flight, ResponseBody::full)
}

fn decorate<B>(
    response: Response<B>,
    mut in_flight: InFlight,
    body: impl FnOnce(B, InFlight) -> ResponseBody,
) -> Response<ResponseBody> {
    let (mut parts, content) = response.into_parts();
    let headers = &mut parts.headers;
    headers.reserve(SECURITY_HEADERS.len() + 3);
    for (name, value) in SECURITY_HEADERS {
        headers.insert(name, value);
    }
    headers.insert(X_TRACE_ID, in_flight.trace.trace_id.header());
    headers.insert(X_UECHO_RECEIPT, in_flight.app.receipt_header.clone());
    if in_flight.app.readiness.is(Reason::Draining) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    in_flight.status = Some(parts.status);
    // hyper sends no body to HEAD, so nothing will read ours to its end
    in_flight.complete = in_flight.method == "HEAD";
    Response::from_parts(parts, body(content, in_flight))
}
