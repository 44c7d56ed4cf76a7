//! Measures the time of a request from bytes in to bytes out: the whole service (accept loop, connection
//! layer, HTTP, routes, telemetry), bare hyper, and a loop that only reads and writes. Each serves over a
//! Unix socket in one thread of one process, which is also the client; they take turns. All make the same
//! system calls, except for those that a server adds, so the time above that of the loop is user-space time.
//! This needs neither root nor a performance counter. It prints the minimum of many short batches (which is
//! the time of the code, without the noise of the machine) and differences paired within a round.
//! `in_process count raw|bare|uecho` runs one batch of one of them, for an instruction counter around it.

#![expect(clippy::print_stdout, reason = "the table is the product")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot run should fail loudly")]

use std::{convert::Infallible, path::Path, time::Instant};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
};
use uecho::{
    config::Settings,
    http::service::Service,
    net::{listener::Listener, worker::Worker},
    process::serving::Serving,
    route::Side,
    state::App,
};
use uecho_probe::listen::Listen;

const REQUEST: &[u8] = b"GET /hello HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
const PAGE: &str =
    "<html><head><title>Unstoppable Echo</title></head><body><h1>hello right back at ya!</h1></body></html>";
const NAMES: [&str; 3] = ["raw", "bare", "uecho"];
const ROUNDS: usize = 100;
const BATCH: u32 = 2000;

async fn bare(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::new(Bytes::from_static(PAGE.as_bytes())));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    Ok(response)
}

/// Reads a request and writes an answer without looking at either.
async fn raw(mut stream: UnixStream) {
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{PAGE}", PAGE.len());
    let mut buffer = [0; 8192];
    while stream.read(&mut buffer).await.is_ok_and(|length| length > 0) {
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

/// Accepts one connection and serves it.
fn listen(path: &Path, raw_only: bool) {
    let listener = UnixListener::bind(path).unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        if raw_only {
            raw(stream).await;
        } else {
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(bare)).await;
        }
    });
}

/// Nanoseconds per request over one batch.
async fn batch(client: &mut UnixStream) -> f64 {
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

/// The quartiles.
fn quartiles(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[values.len() * quarter / 4])
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    listen(&path("raw"), true);
    listen(&path("bare"), false);
    let settings = Settings::default();
    let telemetry = uecho::telemetry::init(&settings).unwrap();
    let service = Service::new(App::new(settings, telemetry).unwrap(), Side::Public);
    let listener = Listener::bind(&Listen::Unix(path("uecho"))).unwrap();
    let _serving = Serving::start("public listeners", vec![listener], vec![Worker::here(service)]);

    let mut args = std::env::args().skip_while(|arg| arg != "count").skip(1);
    if let Some(which) = args.next() {
        batch(&mut UnixStream::connect(path(&which)).await.unwrap()).await;
        return;
    }
    let mut clients = Vec::new();
    for name in NAMES {
        clients.push(UnixStream::connect(path(name)).await.unwrap());
    }
    let mut rounds: Vec<[f64; 3]> = Vec::new();
    for _ in 0..ROUNDS {
        let mut round = [0.0; 3];
        for (client, time) in clients.iter_mut().zip(&mut round) {
            *time = batch(client).await;
        }
        rounds.push(round);
    }
    let best = [0, 1, 2].map(|which| rounds.iter().map(|round| round[which]).fold(f64::MAX, f64::min));
    println!(
        "ns/request, best of {ROUNDS}: reading and writing alone {:.0}, bare hyper {:.0}, uecho {:.0}",
        best[0], best[1], best[2]
    );
    println!(
        "user-space ns/request: bare hyper {:.0}, uecho {:.0}, difference {:+.0}, ratio {:.2}",
        best[1] - best[0],
        best[2] - best[0],
        best[2] - best[1],
        (best[2] - best[0]) / (best[1] - best[0])
    );
    let [low, median, high] = quartiles(rounds.iter().map(|round| round[2] - round[1]));
    println!("difference within a round: {median:+.0} ns ({low:+.0} to {high:+.0})");
    let [low, median, high] = quartiles(rounds.iter().map(|round| round[1] / round[2]));
    println!("whole request, bare hyper over uecho: {median:.2} ({low:.2} to {high:.2})");
}
