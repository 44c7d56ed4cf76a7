//! The HTTP client of the OTLP exporter. The exporter runs on a thread of the SDK; its requests run as tasks of our runtime, over the
//! same connector as those to peers.

use std::{future::Future, pin::Pin, sync::PoisonError, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use opentelemetry_http::{HttpClient, HttpError};
use tokio::runtime::Handle;

use super::{exporter::Problem, options::Export};
use crate::{
    peers::{connect::Connector, tls::TrustError, url::Origin},
    receipt::VERSION,
};

/// Most bytes of a collector's answer that are read.
const MAX_ANSWER: usize = 64 * 1024;

/// One connection per export: exports are seconds apart, so a kept one would mostly be found dead.
pub(super) struct Transport {
    runtime: Handle,
    connector: Connector,
    origin: Origin,
    target: Uri,
    headers: HeaderMap,
    timeout: Duration,
    problem: Problem,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl Transport {
    pub(super) fn new(
        export: &Export,
        runtime: Handle,
        problem: Problem,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let origin = export.endpoint.origin.clone();
        let path = if export.endpoint.prefix.is_empty() { "/" } else { &export.endpoint.prefix };
        let mut headers = export.headers.clone();
        headers.entry(header::USER_AGENT).or_insert(HeaderValue::from_str(&format!("uecho/{VERSION}"))?);
        headers.insert(header::HOST, origin.host_header.clone());
        let connector = Connector::for_origins([&origin], None)
            .map_err(|error: TrustError| format!("the collector's certificate cannot be checked: {error}"))?;
        Ok(Self {
            runtime,
            connector,
            target: path.parse()?,
            origin,
            headers,
            timeout: export.timeout,
            problem,
        })
    }

    fn request(&self, request: Request<Bytes>) -> Request<Full<Bytes>> {
        let mut request = request.map(Full::new);
        *request.uri_mut() = self.target.clone();
        // after those of the exporter, which reads the environment by itself
        for (name, value) in &self.headers {
            request.headers_mut().insert(name, value.clone());
        }
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
    let body = Limited::new(body, MAX_ANSWER).collect().await?.to_bytes();
    connection.abort();
    Ok(Response::from_parts(head, body))
}

type Sent<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>;

impl HttpClient for Transport {
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
            let problem = match &result {
                Ok(answer) if answer.status().is_success() => None,
                Ok(answer) => Some(format!("{}: status {}", self.origin, answer.status())),
                Err(error) => Some(format!("{}: {error}", self.origin)),
            };
            *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
            result
        })
    }
}
