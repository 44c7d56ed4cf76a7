//! HTTP/2 with prior knowledge: the same answers, and limits of its own.

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

/// Of each frame (RFC 9113 section 4.1).
fn frame_types(mut frames: &[u8]) -> Vec<u8> {
    let mut types = Vec::new();
    while let [a, b, c, kind, _, _, _, _, _, rest @ ..] = frames {
        types.push(*kind);
        let length = u32::from_be_bytes([0, *a, *b, *c]);
        frames = &rest[usize::try_from(length).unwrap()..];
    }
    types
}

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
        assert_eq!(ask(&client, request("GET", "/a"), b"").await.unwrap().status, 200, "the others go on");
    });
}

#[test]
fn as_many_streams_as_allowed() {
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
fn streams_opened_and_reset_in_haste_end_the_connection() {
    let uecho = Uecho::with("");
    run(async {
        let (good, _) = connect(uecho.public, &client::Builder::new()).await;
        let (mut hasty, connection) = connect(uecho.public, &client::Builder::new()).await;
        let mut sent = 0;
        while sent < 100_000 {
            let Ok(ready) = hasty.ready().await else { break };
            hasty = ready;
            let Ok((_, mut stream)) = hasty.send_request(request("GET", "/a"), false) else { break };
            stream.send_reset(Reason::CANCEL);
            sent += 1;
        }
        let ended = connection.await.unwrap().unwrap_err();
        let calm = ended.reason() == Some(Reason::ENHANCE_YOUR_CALM);
        assert!(calm || ended.is_io(), "after {sent}: {ended}");
        assert_eq!(ask(&good, request("GET", "/a"), b"").await.unwrap().status, 200);
    });
    eventually("nothing of it is left", || uecho.count("http_server_active_requests") == 0);
    assert_eq!(uecho.count("uecho_connections_closed_total{reason=\"error\"}"), 1);
}

#[test]
fn a_client_that_grants_no_window_holds_nothing_for_long() {
    let uecho = Uecho::with("[limits]\nbody = \"300ms\"\nhandler = \"300ms\"\nidle = \"300ms\"");
    run(async {
        let (client, _) = connect(uecho.public, client::Builder::new().initial_window_size(0)).await;
        let mut ready = client.ready().await.unwrap();
        let (response, _) = ready.send_request(request("GET", "/a"), true).unwrap();
        let mut body = response.await.unwrap().into_body();
        assert_eq!(uecho.count("http_server_active_requests"), 1);
        let reset = body.data().await.unwrap().unwrap_err();
        assert_eq!(reset.reason(), Some(Reason::CANCEL));
    });
    eventually("it is let go", || uecho.count("http_server_active_requests") == 0);
}

#[test]
fn silence_ends_it_with_goaway() {
    let uecho = Uecho::with("[limits]\nidle = \"500ms\"\nheader = \"500ms\"");
    run(async {
        let mut unused = TcpStream::connect(uecho.public).await.unwrap();
        let begin = tokio::time::Instant::now();
        unused.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
        let mut frames = Vec::new();
        unused.read_to_end(&mut frames).await.unwrap();
        assert!(begin.elapsed() > Duration::from_millis(400), "not at once");
        assert!(frame_types(&frames).contains(&GOAWAY), "{frames:?}");
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
fn pings_are_no_reason_to_stay() {
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
        assert!(begin.elapsed() >= Duration::from_millis(1400), "it may have begun a little before");
        ended.await.unwrap().expect("GOAWAY, not a broken connection");
    });
    eventually("it is counted", || uecho.count("uecho_connections_closed_total{reason=\"idle\"}") == 1);
}

#[test]
fn a_large_answer_is_in_flight_while_the_client_takes_it() {
    let uecho = Uecho::with("");
    run(async {
        let (client, _) = connect(uecho.public, &client::Builder::new()).await;
        let mut client = client.ready().await.unwrap();
        let (response, mut send) = client.send_request(request("POST", "/api/v1/echo"), false).unwrap();
        let body = Bytes::from("a".repeat(500_000));
        send.send_data(body.clone(), true).unwrap();
        let mut answer = response.await.unwrap().into_body();
        let mut taken = answer.data().await.unwrap().unwrap().len();
        // as much as it may send without being granted more has been sent by now
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(uecho.count("http_server_active_requests"), 1);
        answer.flow_control().release_capacity(taken).unwrap();
        while let Some(data) = answer.data().await {
            let length = data.unwrap().len();
            answer.flow_control().release_capacity(length).unwrap();
            taken += length;
        }
        assert!(taken > body.len());
    });
    eventually("it is over", || uecho.count("http_server_active_requests") == 0);
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
