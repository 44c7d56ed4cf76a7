//! HTTP/2 with prior knowledge: the same answers as over HTTP/1, and limits of its own.

use std::{future::Future, net::SocketAddr, time::Duration};

use bytes::Bytes;
use h2::{Reason, client, client::SendRequest};
use http::{Request, Version};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
    time::timeout,
};

use crate::{
    echo::{carries_the_headers, is_a_problem},
    support::{Answer, SOON, Uecho, eventually},
};

pub type Connected = (SendRequest<Bytes>, JoinHandle<Result<(), h2::Error>>);

/// Runs a client, for a bounded time.
pub fn run<T>(client: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { timeout(SOON, client).await.unwrap() })
}

pub async fn connect(address: SocketAddr, builder: &client::Builder) -> Connected {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (client, connection) = builder.handshake(stream).await.unwrap();
    (client, tokio::spawn(connection))
}

pub fn request(method: &str, path: &str) -> Request<()> {
    Request::builder()
        .method(method)
        .uri(format!("http://uecho{path}"))
        .version(Version::HTTP_2)
        .body(())
        .unwrap()
}

pub async fn ask(
    client: &SendRequest<Bytes>,
    request: Request<()>,
    body: &[u8],
) -> Result<Answer, h2::Error> {
    let mut client = client.clone().ready().await?;
    let (response, mut send) = client.send_request(request, body.is_empty())?;
    if !body.is_empty() {
        send.send_data(Bytes::copy_from_slice(body), true)?;
    }
    let (head, mut stream) = response.await?.into_parts();
    let mut body = Vec::new();
    while let Some(data) = stream.data().await {
        let data = data?;
        stream.flow_control().release_capacity(data.len())?;
        body.extend_from_slice(&data);
    }
    let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
    let headers = head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    Ok(Answer { status: head.status.as_u16(), headers, body })
}

/// Type and payload of each frame (RFC 9113 section 4.1).
fn frames_of(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let [high, middle, low, kind, _, _, _, _, _, rest @ ..] = bytes else { return None };
        let length = u32::from_be_bytes([0, *high, *middle, *low]);
        let (payload, after) = rest.split_at(usize::try_from(length).unwrap());
        bytes = after;
        Some((*kind, payload))
    })
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const GOAWAY: u8 = 7;

#[test]
fn the_same_answers_as_over_http1() {
    let uecho = Uecho::with("");
    run(async {
        let (client, _) = connect(uecho.public, &client::Builder::new()).await;
        let page = ask(&client, request("GET", "/a%20b"), b"").await.unwrap();
        assert_eq!((page.status, page.text()), (200, uecho.get("/a%20b").text()));
        carries_the_headers(&page);
        let mirror = ask(&client, request("POST", "/api/v1/echo"), b"hello").await.unwrap().json();
        assert_eq!((&mirror["http_version"], &mirror["body"]["text"]), (&"HTTP/2.0".into(), &"hello".into()));
        assert_eq!((&mirror["authority"], &mirror["headers"]["host"]), (&"uecho".into(), &Value::Null));
        let wrong = ask(&client, request("PUT", "/a"), b"").await.unwrap();
        assert_eq!(wrong.status, 405);
        is_a_problem(&wrong);
    });
}

#[test]
fn the_limits_of_requests_hold() {
    let uecho = Uecho::with("[limits]\nbody = \"300ms\"");
    run(async {
        let (client, _) = connect(uecho.public, &client::Builder::new()).await;
        let long = ask(&client, request("GET", &format!("/{}", "a".repeat(9000))), b"").await.unwrap();
        assert_eq!(long.status, 414);
        is_a_problem(&long);
        let mut many = request("GET", "/a");
        many.headers_mut().insert("x", "a".repeat(17 << 10).parse().unwrap());
        let many = ask(&client, many, b"").await.unwrap();
        assert_eq!(many.status, 431);
        is_a_problem(&many);
        let mut large = request("POST", "/api/v1/echo");
        large.headers_mut().insert("content-length", "2000000".parse().unwrap());
        let (response, _send) = client.clone().ready().await.unwrap().send_request(large, false).unwrap();
        assert_eq!(response.await.unwrap().status(), 413);
        let (response, _send) = client
            .clone()
            .ready()
            .await
            .unwrap()
            .send_request(request("POST", "/api/v1/echo"), false)
            .unwrap();
        assert_eq!(response.await.unwrap().status(), 408);
        assert_eq!(
            ask(&client, request("GET", "/a"), b"").await.unwrap().status,
            200,
            "other streams continue"
        );
    });
}

#[test]
fn a_connection_may_have_as_many_streams_as_the_limit_allows() {
    let uecho = Uecho::with("");
    let few = Uecho::with("[limits]\nhttp2_streams = 7");
    run(async {
        let (client, _) = connect(uecho.public, &client::Builder::new()).await;
        let all = (0..100).map(|index| {
            let client = &client;
            async move { ask(client, request("GET", &format!("/{index}")), b"").await.unwrap().status }
        });
        assert!(futures_util::future::join_all(all).await.iter().all(|status| *status == 200));
        for (uecho, streams) in [(&uecho, 100), (&few, 7)] {
            let (client, _) = connect(uecho.public, &client::Builder::new()).await;
            ask(&client, request("GET", "/settled"), b"").await.unwrap();
            assert_eq!(client.current_max_send_streams(), streams);
        }
    });
}

#[test]
fn many_streams_opened_and_reset_at_once_end_the_connection() {
    let uecho = Uecho::with("");
    run(async {
        let (good, _) = connect(uecho.public, &client::Builder::new()).await;
        assert_eq!(ask(&good, request("GET", "/a"), b"").await.unwrap().status, 200);
        let mut hasty = TcpStream::connect(uecho.public).await.unwrap();
        // the test writes its own frames: the library sends nothing of a stream that is reset before its turn
        let mut frames = [PREFACE, b"\0\0\0\x04\0\0\0\0\0"].concat();
        for stream in (1..2000_u32).step_by(2) {
            let head = b"\x82\x86\x84\x41\x01a";
            frames.extend_from_slice(b"\0\0\x06\x01\x05");
            frames.extend_from_slice(&stream.to_be_bytes());
            frames.extend_from_slice(head);
            frames.extend_from_slice(b"\0\0\x04\x03\0");
            frames.extend_from_slice(&stream.to_be_bytes());
            frames.extend_from_slice(&u32::from(Reason::CANCEL).to_be_bytes());
        }
        hasty.write_all(&frames).await.unwrap();
        let mut answer = Vec::new();
        // this ends with a reset, because the server does not read everything
        let _ = hasty.read_to_end(&mut answer).await;
        let calm = u32::from(Reason::ENHANCE_YOUR_CALM).to_be_bytes();
        assert!(frames_of(&answer).any(|(kind, frame)| kind == GOAWAY && frame[4..8] == calm), "{answer:?}");
        assert_eq!(ask(&good, request("GET", "/a"), b"").await.unwrap().status, 200);
    });
    eventually("no request is left", || uecho.count("http_server_active_requests") == 0);
    uecho.comes_to("uecho_connections_closed_total{reason=\"error\"}", 1);
}

#[test]
fn a_client_that_grants_no_window_is_soon_reset() {
    let uecho = Uecho::with("[limits]\nbody = \"300ms\"\nhandler = \"300ms\"\nidle = \"300ms\"");
    run(async {
        let (client, _) = connect(uecho.public, client::Builder::new().initial_window_size(0)).await;
        let mut ready = client.ready().await.unwrap();
        let (response, _) = ready.send_request(request("GET", "/a"), true).unwrap();
        let mut body = response.await.unwrap().into_body();
        uecho.comes_to("http_server_active_requests", 1);
        let reset = body.data().await.unwrap().unwrap_err();
        assert_eq!(reset.reason(), Some(Reason::CANCEL));
    });
    eventually("the request has ended", || uecho.count("http_server_active_requests") == 0);
}

#[test]
fn an_idle_connection_ends_with_goaway() {
    let uecho = Uecho::with("[limits]\nidle = \"500ms\"\nheader = \"500ms\"");
    run(async {
        let mut unused = TcpStream::connect(uecho.public).await.unwrap();
        let begin = tokio::time::Instant::now();
        unused.write_all(&[PREFACE, b"\0\0\0\x04\0\0\0\0\0"].concat()).await.unwrap();
        let mut frames = Vec::new();
        unused.read_to_end(&mut frames).await.unwrap();
        assert!(begin.elapsed() > Duration::from_millis(400), "not at once");
        assert!(frames_of(&frames).any(|(kind, _)| kind == GOAWAY), "{frames:?}");
        let (client, ended) = connect(uecho.public, &client::Builder::new()).await;
        assert_eq!(ask(&client, request("GET", "/a"), b"").await.unwrap().status, 200);
        ended.await.unwrap().expect("GOAWAY, not a broken connection");
    });
    eventually("both are counted", || {
        let closed = |reason| uecho.count(&format!("uecho_connections_closed_total{{reason=\"{reason}\"}}"));
        (closed("idle"), closed("header")) == (1, 1)
    });
}

#[test]
fn pings_do_not_keep_a_connection_open() {
    let uecho = Uecho::with("[limits]\nidle = \"1500ms\"");
    run(async {
        let stream = TcpStream::connect(uecho.public).await.unwrap();
        let (client, mut connection) = client::handshake(stream).await.unwrap();
        let mut pings = connection.ping_pong().unwrap();
        let ended = tokio::spawn(connection);
        assert_eq!(ask(&client, request("GET", "/a"), b"").await.unwrap().status, 200);
        let begin = tokio::time::Instant::now();
        while pings.ping(h2::Ping::opaque()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(
            begin.elapsed() >= Duration::from_millis(1400),
            "the idle time may have begun a little before"
        );
        ended.await.unwrap().expect("GOAWAY, not a broken connection");
    });
    eventually("it is counted", || uecho.count("uecho_connections_closed_total{reason=\"idle\"}") == 1);
}

#[test]
fn a_large_answer_is_in_flight_while_the_client_reads_it() {
    let uecho = Uecho::with("");
    run(async {
        let (client, _) = connect(uecho.public, &client::Builder::new()).await;
        let mut client = client.ready().await.unwrap();
        let (response, mut send) = client.send_request(request("POST", "/api/v1/echo"), false).unwrap();
        let body = Bytes::from("a".repeat(500_000));
        send.send_data(body.clone(), true).unwrap();
        let mut answer = response.await.unwrap().into_body();
        let mut taken = answer.data().await.unwrap().unwrap().len();
        // by now, the server has sent as much as the window allows
        tokio::time::sleep(Duration::from_millis(300)).await;
        uecho.comes_to("http_server_active_requests", 1);
        answer.flow_control().release_capacity(taken).unwrap();
        while let Some(data) = answer.data().await {
            let length = data.unwrap().len();
            answer.flow_control().release_capacity(length).unwrap();
            taken += length;
        }
        assert!(taken > body.len());
    });
    eventually("the request has ended", || uecho.count("http_server_active_requests") == 0);
}

#[test]
fn a_drain_lets_streams_finish() {
    let mut uecho = Uecho::with("");
    run(async {
        let (mut client, ended) = connect(uecho.public, &client::Builder::new()).await;
        let (response, mut send) = client.send_request(request("POST", "/api/v1/echo"), false).unwrap();
        while uecho.count("http_server_active_requests") == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        uecho.signal(rustix::process::Signal::TERM);
        tokio::time::sleep(Duration::from_millis(300)).await;
        send.send_data(Bytes::from_static(b"hello"), true).unwrap();
        assert_eq!(response.await.unwrap().status(), 200);
        ended.await.unwrap().expect("GOAWAY, not a broken connection");
    });
    assert!(uecho.wait_exit().success());
}
