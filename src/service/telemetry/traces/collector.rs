//! The HTTP client of the OTLP exporter. The exporter runs on a thread of the SDK, which has no runtime; its
//! requests run as tasks of ours, over the same connector as those to peers (TLS, RFC 8305).
//!
//! None of the clients of `opentelemetry-http` does this: they must be polled inside of a runtime, bring a
//! connector and a TLS set-up of their own, and say nothing of the spans that a collector rejects.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_util::rt::TokioIo;
use opentelemetry_http::{HttpClient, HttpError, ResponseBodyTooLarge};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;
use tokio::runtime::Handle;
use uecho_probe::{connect::Connector, receipt::VERSION, tls, url::Origin};

use crate::telemetry::traces::options::{Export, Security};

/// Most bytes of a collector's answer that are read, as the specification of OTLP proposes.
const MAX_ANSWER: usize = 4 << 20;

/// What there is to be known about the last answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// What went wrong.
    pub(super) problem: Option<String>,
    /// How many spans of an export that succeeded the collector did not take.
    pub(super) rejected: usize,
}

/// One connection per export: exports are seconds apart, so a kept one would mostly be found dead.
pub(super) struct CollectorClient {
    runtime: Handle,
    connector: Connector,
    origin: Origin,
    target: Uri,
    headers: HeaderMap,
    timeout: Duration,
    answer: Arc<Mutex<Answer>>,
}

impl std::fmt::Debug for CollectorClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CollectorClient").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl CollectorClient {
    pub(super) fn new(
        export: &Export,
        runtime: Handle,
        answer: Arc<Mutex<Answer>>,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let origin = export.endpoint.origin.clone();
        let mut headers = export.headers.clone();
        headers.entry(header::USER_AGENT).or_insert(HeaderValue::from_str(&format!("uecho/{VERSION}"))?);
        headers.insert(header::HOST, origin.host_header.clone());
        let connector = if origin.tls.is_some() {
            let Security { authorities, identity } = &export.security;
            let config = tls::client_config(authorities.as_deref(), identity.clone())
                .map_err(|error| format!("the collector's certificate cannot be checked: {error}"))?;
            Connector::with_tls(config)
        } else {
            Connector::plain()
        };
        let target = export.endpoint.target.clone();
        Ok(Self { runtime, connector, target, origin, headers, timeout: export.timeout, answer })
    }

    fn request(&self, request: Request<Bytes>) -> Request<Full<Bytes>> {
        let mut request = request.map(Full::new);
        *request.uri_mut() = self.target.clone();
        // those of the exporter, which reads the environment by itself, stay out
        let kind = request.headers_mut().remove(header::CONTENT_TYPE);
        *request.headers_mut() = self.headers.clone();
        request.headers_mut().extend(kind.map(|kind| (header::CONTENT_TYPE, kind)));
        request
    }
}

async fn exchange(
    connector: Connector,
    origin: Origin,
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, HttpError> {
    let stream = connector.connect(&origin).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, MAX_ANSWER).collect().await;
    connection.abort();
    match body {
        Ok(body) => Ok(Response::from_parts(head, body.to_bytes())),
        // anything else would be tried again, and the spans be there twice
        Err(error) if error.is::<LengthLimitError>() => Err(ResponseBodyTooLarge::new().into()),
        Err(error) => Err(error),
    }
}

type Sent<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>;

impl HttpClient for CollectorClient {
    fn send_bytes<'life0, 'async_trait>(&'life0 self, request: Request<Bytes>) -> Sent<'async_trait>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        let exchange = exchange(self.connector.clone(), self.origin.clone(), self.request(request));
        let timeout = self.timeout;
        // a timer can be made only inside of the runtime
        let task = self.runtime.spawn(async move { tokio::time::timeout(timeout, exchange).await });
        Box::pin(async move {
            let result: Result<_, HttpError> = match task.await {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => Err(format!("no answer within {timeout:?}").into()),
                Err(error) => Err(error.into()),
            };
            let problem =
                |what: String| Answer { problem: Some(format!("{}: {what}", self.origin)), rejected: 0 };
            let answer = match &result {
                Ok(answer) if answer.status().is_success() => match partial_success(answer.body()) {
                    Some(ExportTracePartialSuccess { rejected_spans, error_message }) => Answer {
                        rejected: usize::try_from(rejected_spans).unwrap_or(0),
                        ..problem(format!("{rejected_spans} spans rejected: {error_message}"))
                    },
                    None => Answer::default(),
                },
                Ok(answer) => problem(format!("status {}", answer.status())),
                Err(error) => problem(error.to_string()),
            };
            *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
            result
        })
    }
}

/// What the collector has to say about an export that succeeded, if anything. The SDK reads it, too, but
/// keeps it to itself.
fn partial_success(body: &[u8]) -> Option<ExportTracePartialSuccess> {
    let partial = ExportTraceServiceResponse::decode(body).ok()?.partial_success?;
    (partial.rejected_spans > 0 || !partial.error_message.is_empty()).then_some(partial)
}
