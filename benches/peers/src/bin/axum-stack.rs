//! The usual axum service: Router, tower-http's TraceLayer with a tracing-opentelemetry span per request (1 %
//! sampled), a request id, a timeout, security headers as layers, one JSON log line per request to stderr, a
//! Prometheus histogram. `axum-stack ADDR WORKERS [journald]`: one worker is tokio's current-thread runtime,
//! more are its multi-threaded one; with `journald` the log goes there by tracing-journald instead of to
//! stderr.

use std::time::{Duration, Instant};

use axum::{
    Router,
    extract::{Path, Request, State},
    middleware::{self, Next},
    response::{Html, Response},
    routing::get,
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use prometheus::{HistogramOpts, HistogramVec};
use tower_http::{
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    set_header::SetResponseHeaderLayer,
    timeout::TimeoutLayer,
    trace::{DefaultMakeSpan, DefaultOnResponse, TraceLayer},
};
use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};

/// As long as that of uecho.
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

async fn echo(Path(text): Path<String>) -> Html<String> {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    Html(format!(
        "<html><head><title>Unstoppable Echo</title></head><body><h1>{text} right back at \
            ya!</h1></body></html>"
    ))
}

async fn measure(State(durations): State<HistogramVec>, request: Request, next: Next) -> Response {
    let begin = Instant::now();
    let method = request.method().clone();
    let response = next.run(request).await;
    let status = response.status();
    durations
        .with_label_values(&[method.as_str(), "/{text}", status.as_str()])
        .observe(begin.elapsed().as_secs_f64());
    response
}

fn main() {
    let mut args = std::env::args().skip(1);
    let address = args.next().unwrap();
    let workers = args.next().unwrap().parse().unwrap();
    let mut runtime = match workers {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let journald = args.next().is_some_and(|log| log == "journald");
    runtime.worker_threads(workers).enable_all().build().unwrap().block_on(serve(address, journald));
}

async fn serve(address: String, journald: bool) {
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(0.01)));
    let provider = SdkTracerProvider::builder().with_sampler(sampler).build();
    tracing_subscriber::registry()
        .with(tracing_subscriber::EnvFilter::new("info"))
        .with(tracing_opentelemetry::layer().with_tracer(provider.tracer("axum-stack")))
        .with(journald.then(|| tracing_journald::layer().unwrap()))
        .with((!journald).then(|| tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr)))
        .init();
    let opts = HistogramOpts::new("http_server_request_duration_seconds", "Duration of HTTP server requests");
    let durations = HistogramVec::new(opts, &["method", "route", "status"]).unwrap();
    let constant = |name, value| SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value));
    let request_id = HeaderName::from_static("x-request-id");
    let router = Router::new()
        .route("/{text}", get(echo))
        .layer(middleware::from_fn_with_state(durations, measure))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, Duration::from_secs(10)))
        .layer(constant(header::CONTENT_SECURITY_POLICY, POLICY))
        .layer(constant(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(constant(header::REFERRER_POLICY, "no-referrer"))
        .layer(constant(header::CACHE_CONTROL, "no-store"))
        .layer(PropagateRequestIdLayer::new(request_id.clone()))
        .layer(
            // at their default levels, there would be neither a span nor a line
            TraceLayer::new_for_http()
                .make_span_with(DefaultMakeSpan::new().level(tracing::Level::INFO))
                .on_response(DefaultOnResponse::new().level(tracing::Level::INFO)),
        )
        .layer(SetRequestIdLayer::new(request_id, MakeRequestUuid));
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    axum::serve(listener, router).await.unwrap();
}
