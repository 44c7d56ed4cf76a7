//! User-space time per request without a network: the service and bare hyper over an in-memory duplex stream, in turn, in one run.
//! Prints nanoseconds per request (the minimum of many short batches: what is left is the code, not the machine) and the difference.
//! `in_process count bare|uecho` runs one batch of one of them, for an instruction counter around it.

#![expect(clippy::print_stdout, reason = "the table is the product")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot run should say so loudly")]

use std::{convert::Infallible, time::Instant};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use uecho::{
    config::Settings,
    state::App,
    web::{route::Side, service::Service},
};

const REQUEST: &[u8] = b"GET /hello HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
const PAGE: &str =
    "<html><head><title>Unstoppable Echo</title></head><body><h1>hello right back at ya!</h1></body></html>";
const ROUNDS: usize = 60;
const BATCH: u32 = 4000;

async fn bare(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::new(Bytes::from_static(PAGE.as_bytes())));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    Ok(response)
}

/// A client end of a fresh connection to this service.
fn connect<S, B>(service: S) -> DuplexStream
where
    S: hyper::service::Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + 'static,
    B: http_body::Body<Data = Bytes> + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (client, server) = tokio::io::duplex(64 * 1024);
    tokio::task::spawn_local(http1::Builder::new().serve_connection(TokioIo::new(server), service));
    client
}

/// Nanoseconds per request over one batch.
async fn batch(client: &mut DuplexStream) -> f64 {
    let mut buffer = [0; 2048];
    let begin = Instant::now();
    for _ in 0..BATCH {
        client.write_all(REQUEST).await.unwrap();
        loop {
            let length = client.read(&mut buffer).await.unwrap();
            if buffer[..length].ends_with(b"</html>") {
                break;
            }
        }
    }
    begin.elapsed().as_secs_f64() * 1e9 / f64::from(BATCH)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let settings = Settings::default();
    let telemetry = uecho::telemetry::init(&settings).unwrap();
    let app = App::new(settings, telemetry).unwrap();
    tokio::task::LocalSet::new()
        .run_until(async move {
            let mut args = std::env::args().skip_while(|arg| arg != "count").skip(1);
            if let Some(which) = args.next() {
                let service = Service::new(app, Side::Public);
                let mut client = if which == "bare" { connect(service_fn(bare)) } else { connect(service) };
                batch(&mut client).await;
                return;
            }
            let mut clients = [connect(service_fn(bare)), connect(Service::new(app, Side::Public))];
            let mut best = [f64::MAX; 2];
            for _ in 0..ROUNDS {
                for (client, best) in clients.iter_mut().zip(&mut best) {
                    *best = best.min(batch(client).await);
                }
            }
            println!(
                "user-space ns/request: bare hyper {:.0}, uecho {:.0}, difference {:+.0}",
                best[0],
                best[1],
                best[1] - best[0]
            );
        })
        .await;
}
