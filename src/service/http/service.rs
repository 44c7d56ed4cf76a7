//! What the service does with every request, in this order: read its trace context, count it, check limits
//! and authentication, answer it on the hot path or by the router within a time limit, add the headers of
//! every answer, count its end.

use std::{
    convert::Infallible, future::Future, net::IpAddr, panic::AssertUnwindSafe, pin::Pin, sync::Arc,
    time::Instant,
};

use axum::{Router, response::IntoResponse};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::{Body as _, Incoming};
use tower::ServiceExt;

use crate::{
    config::settings::Access,
    http::{
        activity::Activity,
        auth,
        body::{InFlight, ResponseBody},
        deadline::{self, BodyDeadline, Receiving},
        head::Head,
        limits,
        negotiate::Media,
        problem::{self, Problem},
        router,
        routes::echo,
        target,
    },
    route::{Route, Side, method_label},
    state::{App, headers::X_TRACE_ID},
    telemetry::{
        record::{Details, text},
        trace_context::TraceContext,
    },
};

/// The HTTP service of one side; cheap to clone.
#[derive(Clone)]
pub struct Service {
    app: Arc<App>,
    router: Router,
    side: Side,
    client: Option<IpAddr>,
    connection: Option<Arc<Activity>>,
}

type HttpResult = Result<Response<ResponseBody>, Infallible>;

/// The answer at once, or a future of it.
pub enum Pending {
    /// From the hot path.
    Ready(Option<Response<ResponseBody>>),
    /// From the router.
    Boxed(Pin<Box<dyn Future<Output = HttpResult> + Send>>),
}

impl Future for Pending {
    type Output = HttpResult;

    fn poll(self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> std::task::Poll<HttpResult> {
        match self.get_mut() {
            Self::Ready(response) => {
                response.take().map_or(std::task::Poll::Pending, |response| Ok(response).into())
            }
            Self::Boxed(future) => future.as_mut().poll(context),
        }
    }
}

impl Service {
    /// The service of one side.
    #[must_use]
    pub fn new(app: Arc<App>, side: Side) -> Self {
        let router = match side {
            Side::Public => router::public(app.clone()),
            Side::Ops => router::ops(app.clone()),
        };
        Self { app, router, side, client: None, connection: None }
    }

    /// The service of one connection: its log events name this client, and while it has a request the
    /// connection is not idle.
    #[must_use]
    pub(crate) fn for_connection(&self, client: Option<IpAddr>, connection: Arc<Activity>) -> Self {
        Self { client, connection: Some(connection), ..self.clone() }
    }

    /// The state that every request can see.
    #[must_use]
    pub(crate) fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// The side that it serves.
    #[must_use]
    pub(crate) fn side(&self) -> Side {
        self.side
    }

    fn begin<B>(&self, request: &Request<B>, head: &Head<'_>) -> InFlight {
        if self.side == Side::Public {
            self.app.enter();
        }
        let traces = &self.app.telemetry.traces;
        let trace = TraceContext::accept(head.traceparent, |id, parent| traces.sample(id, parent));
        let route = Route::of(self.side, request.uri().path());
        InFlight {
            app: self.app.clone(),
            permitted: false,
            start: Instant::now(),
            trace,
            side: self.side,
            route,
            method: method_label(request.method()),
            status: None,
            bytes: 0,
            complete: false,
            details: (route != Route::Echo || trace.sampled || self.app.settings.log.access == Access::All)
                .then(|| Box::new(self.details(request, trace))),
            call: self.connection.as_ref().map(Activity::begin),
        }
    }

    fn details<B>(&self, request: &Request<B>, trace: TraceContext) -> Details {
        Details {
            tracestate: if trace.sampled { trace.tracestate(request.headers()) } else { None },
            version: Some(request.version()),
            path: request.uri().path_and_query().map(|target| text(target.path().as_bytes())),
            user_agent: request.headers().get(header::USER_AGENT).map(|value| text(value.as_bytes())),
            client: self.client,
            client_requests: None,
        }
    }

    /// The checks before a handler gets the request.
    fn admit<B>(
        &self,
        in_flight: &mut InFlight,
        request: &Request<B>,
        head: &Head<'_>,
    ) -> Result<(), Problem> {
        let route = in_flight.route;
        limits::check(&self.app.settings.limits, request.version(), request.uri(), head)?;
        target::check(request, head)?;
        if head.coded {
            // hyper accepts any list that ends in `chunked`, and decodes only that last coding
            return Err(Problem::new(StatusCode::NOT_IMPLEMENTED)
                .detail("the only Transfer-Encoding that is implemented is one `chunked`")
                .close());
        }
        if self.side == Side::Ops || matches!(route, Route::Healthz | Route::Readyz) {
            if let Some(connection) = &self.connection
                && self.app.watchdog_key.opens(request.headers())
            {
                connection.keep();
            }
            return Ok(());
        }
        in_flight.permitted = self.app.in_flight.take(1);
        if !in_flight.permitted && !self.app.watchdog_key.opens(request.headers()) {
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE)
                .detail("too many requests in flight")
                .header(header::RETRY_AFTER, HeaderValue::from_static("1")));
        }
        if matches!(route, Route::Mirror | Route::Fanout | Route::Unmatched) {
            auth::check(self.app.settings.api.token.as_ref(), request.headers())?;
        }
        Ok(())
    }
}

impl hyper::service::Service<Request<Incoming>> for Service {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Pending;

    fn call(&self, request: Request<Incoming>) -> Pending {
        let head = Head::read(&request);
        let mut in_flight = self.begin(&request, &head);
        if let Some(connection) = &self.connection
            && !request.body().is_end_stream()
        {
            connection.body_announced();
        }
        if let Err(problem) = self.admit(&mut in_flight, &request, &head) {
            return Pending::Ready(Some(finish(problem.into_response(), in_flight)));
        }
        if in_flight.route == Route::Echo
            && (request.method() == Method::GET || request.method() == Method::HEAD)
        {
            let media = if head.accept { echo::preferred(request.headers()) } else { Media::Html };
            return Pending::Ready(Some(match echo::respond(request.uri().path(), media) {
                Ok(body) => finish_echo(media, body, in_flight),
                Err(problem) => finish(problem.into_response(), in_flight),
            }));
        }
        let (head, body) = request.into_parts();
        let (body, received) = Receiving::new(body);
        let mut request = Request::from_parts(head, axum::body::Body::new(body));
        let limits = &self.app.settings.limits;
        let deadline = BodyDeadline(in_flight.start + limits.body.0);
        request.extensions_mut().insert(deadline);
        request.extensions_mut().insert(in_flight.trace);
        let handler = self.router.clone().oneshot(request);
        let limit = limits.handler;
        Pending::Boxed(Box::pin(async move {
            let handler = AssertUnwindSafe(handler).catch_unwind();
            let response = match deadline::within(limit.0, deadline, received, handler).await {
                Some(Ok(Ok(response))) => response,
                // the panic hook has logged it
                Some(Err(_)) => Problem::new(StatusCode::INTERNAL_SERVER_ERROR).into_response(),
                None => Problem::new(StatusCode::SERVICE_UNAVAILABLE)
                    .detail(format!("no answer within {limit}"))
                    .header(header::RETRY_AFTER, HeaderValue::from_static("1"))
                    .into_response(),
            };
            Ok(finish(response, in_flight))
        }))
    }
}

/// Replaces the trace id in a map that began as [`state::headers::of_every_answer`], where it comes first:
/// taking the first entry costs less than looking it up.
fn set_trace_id(headers: &mut HeaderMap, trace_id: HeaderValue) {
    match headers.iter_mut().next() {
        Some((name, value)) if name == X_TRACE_ID => *value = trace_id,
        _ => {
            headers.insert(X_TRACE_ID, trace_id);
        }
    }
}

/// Completes an answer of the hot path. It clones the prepared headers whole, which costs a third of
/// inserting them one by one.
fn finish_echo(media: Media, body: Bytes, mut in_flight: InFlight) -> Response<ResponseBody> {
    let mut headers = in_flight.app.live.load().headers().clone();
    set_trace_id(&mut headers, in_flight.trace.trace_id.header());
    if media != Media::Html {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media.content_type()));
    }
    if in_flight.app.readiness.draining() {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    in_flight.answered(StatusCode::OK);
    let mut response = Response::new(ResponseBody::full(body, in_flight));
    *response.headers_mut() = headers;
    response
}

/// Gives every error a problem body, and every answer the headers it must carry.
fn finish(response: axum::response::Response, mut in_flight: InFlight) -> Response<ResponseBody> {
    let (mut parts, body) = response.into_parts();
    in_flight.answered(parts.status);
    if let Some(details) = &mut in_flight.details {
        details.client_requests = parts.extensions.remove();
    }
    let is_error = parts.status.is_client_error() || parts.status.is_server_error();
    let said = match parts.extensions.remove::<Problem>() {
        None if is_error && !parts.headers.contains_key(header::CONTENT_TYPE) => {
            Some(Problem::new(parts.status))
        }
        said => said,
    };
    let problem_body = said.map(|problem| Bytes::from(problem.body(in_flight.trace.trace_id)));
    let headers = &mut parts.headers;
    if problem_body.is_some() {
        headers.insert(header::CONTENT_TYPE, problem::CONTENT_TYPE);
        headers.remove(header::CONTENT_LENGTH);
    }
    for (name, value) in in_flight.app.live.load().headers() {
        if name != header::CONTENT_TYPE {
            headers.insert(name, value.clone());
        }
    }
    headers.insert(X_TRACE_ID, in_flight.trace.trace_id.header());
    if in_flight.app.readiness.draining() {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let body = match problem_body {
        Some(bytes) => ResponseBody::full(bytes, in_flight),
        None => ResponseBody::stream(body, in_flight),
    };
    Response::from_parts(parts, body)
}
