//! The HTTP client of the OTLP exporter, with a runtime of its own on the SDK's thread: nothing of an export,
//! be it the TLS handshake, takes its time from the threads that serve.
//!
//! Why not `opentelemetry_http::hyper::HyperClient` (0.33): it brings a connector of its own, which tries the
//! addresses of one family one after the other without a limit (ours: RFC 8305, as to peers), and keeps
//! connections that are mostly found dead. All that it would save is `exchange`. Headers, and how many spans
//! a collector rejects, are ours in either case: `opentelemetry_otlp` (0.33, `exporter/http`) lets variables
//! for headers win over the program, and only logs the rejected ones.

use std::{
    convert::Infallible,
    future::pending,
    mem::ManuallyDrop,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_util::rt::TokioIo;
use opentelemetry_http::{HttpClient, HttpError, ResponseBodyTooLarge};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;
use tokio::{
    runtime::{self, Runtime},
    time::timeout,
};
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
    /// Never dropped, which would wait for name lookups: it lasts as long as the process.
    runtime: ManuallyDrop<Runtime>,
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
        answer: Arc<Mutex<Answer>>,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let runtime = ManuallyDrop::new(runtime::Builder::new_current_thread().enable_all().build()?);
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
        Ok(Self { runtime, connector, origin, target, headers, timeout: export.timeout, answer })
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

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, HttpError> {
        let stream = self.connector.connect(&self.origin).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let answered = async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            match Limited::new(body, MAX_ANSWER).collect().await {
                Ok(body) => Ok(Response::from_parts(head, body.to_bytes())),
                // anything else would be tried again, and the spans be there twice
                Err(error) if error.is::<LengthLimitError>() => Err(ResponseBodyTooLarge::new().into()),
                Err(error) => Err(error),
            }
        };
        // no task, which would be left alone with the connection until the next export
        tokio::select! {
            answer = answered => answer,
            // how it ended, the answer tells
            never = connection.then(|_| pending::<Infallible>()) => match never {},
        }
    }

    /// What there is to be known about an answer.
    fn judge(&self, result: &Result<Response<Bytes>, HttpError>) -> Answer {
        let (what, rejected) = match result {
            Ok(answer) if answer.status().is_success() => match partial_success(answer.body()) {
                Some(ExportTracePartialSuccess { rejected_spans, error_message }) => {
                    (format!("{rejected_spans} spans rejected: {error_message}"), rejected_spans)
                }
                None => return Answer::default(),
            },
            Ok(answer) => (format!("status {}", answer.status()), 0),
            Err(error) => (error.to_string(), 0),
        };
        let rejected = usize::try_from(rejected).unwrap_or(0);
        Answer { problem: Some(format!("{}: {what}", self.origin)), rejected }
    }
}

#[async_trait]
impl HttpClient for CollectorClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        // this thread has nothing else to do
        let limited = async { timeout(self.timeout, self.exchange(self.request(request))).await };
        let result = self
            .runtime
            .block_on(limited)
            .unwrap_or_else(|_| Err(format!("no answer within {:?}", self.timeout).into()));
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = self.judge(&result);
        result
    }
}

/// What the collector has to say about an export that succeeded, if anything. The SDK reads it, too, but
/// keeps it to itself.
fn partial_success(body: &[u8]) -> Option<ExportTracePartialSuccess> {
    let partial = ExportTraceServiceResponse::decode(body).ok()?.partial_success?;
    (partial.rejected_spans > 0 || !partial.error_message.is_empty()).then_some(partial)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_success_in_part_has_rejected_spans_or_a_message() {
        let said = |rejected_spans, message: &str| {
            let error_message = message.to_owned();
            let partial_success = Some(ExportTracePartialSuccess { rejected_spans, error_message });
            partial_success_of(&ExportTraceServiceResponse { partial_success })
        };
        assert!(said(2, "").is_some() && said(0, "slow down").is_some() && said(2, "not today").is_some());
        assert!(said(0, "").is_none());
        assert!(partial_success_of(&ExportTraceServiceResponse { partial_success: None }).is_none());
    }

    fn partial_success_of(answer: &ExportTraceServiceResponse) -> Option<ExportTracePartialSuccess> {
        partial_success(&answer.encode_to_vec())
    }
}
