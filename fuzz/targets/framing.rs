//! HTTP/1 framing, on the wire. The service sends whole answers only, at most one for each request, and sends
//! the same ones however the bytes are cut into pieces.

#![no_main]

use std::{cell::LazyCell, path::PathBuf};

use httparse::{EMPTY_HEADER, Response};
use libfuzzer_sys::fuzz_target;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    runtime::{Builder, Runtime},
    task::yield_now,
};
use uecho::{
    config::Settings,
    http::service::Service,
    net::{listener::Listener, worker::Worker},
    process::serving::Serving,
    route::Side,
    state::App,
    telemetry,
};
use uecho_probe::listen::Listen;

/// More are slow and find no more.
const MOST_PIECES: usize = 32;

struct Server {
    runtime: Runtime,
    path: PathBuf,
    _serving: Serving,
}

thread_local! {
    static SERVER: LazyCell<Server> = LazyCell::new(|| {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let path = std::env::temp_dir().join(format!("uecho-framing-{}.sock", std::process::id()));
        let _serving = runtime.block_on(async {
            let settings = Settings::default();
            let telemetry = telemetry::init(&settings).unwrap();
            let service = Service::new(App::new(settings, telemetry).unwrap(), Side::Public);
            let listener = Listener::bind(&Listen::Unix(path.clone())).unwrap();
            Serving::start("public listeners", vec![listener], vec![Worker::here(service)])
        });
        Server { runtime, path, _serving }
    });
}

fuzz_target!(|input: &[u8]| {
    // the first byte says how the rest arrives
    let Some((split, bytes)) = input.split_first() else { return };
    // HTTP/2 is another matter; the answer to HEAD cannot be told from its neighbours without knowing the
    // request
    if bytes.windows(4).any(|word| word == b"PRI " || word == b"HEAD") {
        return;
    }
    let whole = statuses(&exchange(bytes, bytes.len()));
    let empty_lines = bytes.windows(2).filter(|two| *two == b"\n\n").count()
        + bytes.windows(3).filter(|three| *three == b"\n\r\n").count();
    // what cannot become a request is answered, too, once
    assert!(whole.len() <= empty_lines + 1, "{whole:?} to {}", bytes.escape_ascii());
    // the service does not wait for a body that no route reads, so in pieces a connection may end earlier
    let pieces = statuses(&exchange(bytes, usize::from(*split) + 1));
    assert!(whole.starts_with(&pieces), "{whole:?}, in pieces {pieces:?} to {}", bytes.escape_ascii());
});

/// Everything that is answered to these bytes, sent in pieces of this size.
fn exchange(bytes: &[u8], piece: usize) -> Vec<u8> {
    SERVER.with(|server| {
        server.runtime.block_on(async {
            let (mut receive, mut send) = UnixStream::connect(&server.path).await.unwrap().into_split();
            let mut answers = Vec::new();
            let sends = async {
                for piece in bytes.chunks(piece.max(bytes.len() / MOST_PIECES).max(1)) {
                    // an error: the connection has ended, and whatever was answered can be read
                    if send.write_all(piece).await.is_err() {
                        break;
                    }
                    yield_now().await;
                    yield_now().await;
                }
                drop(send);
            };
            let ((), received) = tokio::join!(sends, receive.read_to_end(&mut answers));
            received.unwrap();
            answers
        })
    })
}

/// The final statuses of these answers, each of which must be whole.
fn statuses(mut answers: &[u8]) -> Vec<u16> {
    let mut statuses = Vec::new();
    while !answers.is_empty() {
        let mut headers = [EMPTY_HEADER; 64];
        let mut response = Response::new(&mut headers);
        let head = response.parse(answers).unwrap().unwrap();
        let length =
            response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
        let length = length.map_or(0, |length| std::str::from_utf8(length.value).unwrap().parse().unwrap());
        let status = response.code.unwrap();
        if status >= 200 {
            statuses.push(status);
        }
        answers = &answers[head + length..];
    }
    statuses
}
