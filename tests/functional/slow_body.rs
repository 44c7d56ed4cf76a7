//! Bodies that come slowly, in part or not at all: the client causes that, whatever the limits are, so the
//! answer is never a 5xx.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use bytes::Bytes;
use h2::{Reason, client};

use crate::{
    echo::is_a_problem,
    http2::{connect, request, run},
    support::{SOON, Uecho, eventually, http::ClientConnection, peer::sleep},
};

/// Requests that lack a part of their bodies.
const HALVES: [&str; 2] = [
    "POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello",
    "POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5",
];

/// The counts of answers whose status begins with `status`, by method and route.
fn answers(uecho: &Uecho, status: &str) -> Vec<String> {
    let status = format!("http_response_status_code=\"{status}");
    let text = uecho.get_ops("/metrics").text();
    let counts = text.lines().filter(|line| line.starts_with("http_server_request_duration_seconds_count"));
    counts.filter(|line| line.contains(&status)).map(str::to_owned).collect()
}

#[test]
fn a_body_that_never_comes_is_408_whichever_limit_is_shorter() {
    for handler in ["1ms", "300ms", "60s"] {
        let uecho = Uecho::with(&format!("[limits]\nbody = \"300ms\"\nhandler = \"{handler}\""));
        let mut clients: Vec<_> = (0..40).map(|_| ClientConnection::open(uecho.public)).collect();
        for (index, client) in clients.iter_mut().enumerate() {
            client.send(HALVES[index % 2].as_bytes());
        }
        for client in &mut clients {
            let answer = client.answer().unwrap();
            assert_eq!(answer.status, 408, "handler {handler}: {}", answer.text());
            assert_eq!(answer.header("connection"), Some("close"));
            is_a_problem(&answer);
        }
        assert_eq!(answers(&uecho, "5"), [""; 0]);
    }
}

#[test]
fn a_body_that_comes_in_time_is_answered_even_after_the_limit_of_handlers() {
    let uecho = Uecho::with("[limits]\nbody = \"60s\"\nhandler = \"100ms\"");
    let mut clients = HALVES.map(|half| {
        let mut client = ClientConnection::open(uecho.public);
        client.send(half.as_bytes());
        client
    });
    sleep(Duration::from_millis(500));
    for (client, rest) in clients.iter_mut().zip(["world", "\r\nworld\r\n0\r\n\r\n"]) {
        client.send(rest.as_bytes());
        assert_eq!(client.answer().unwrap().json()["body"]["text"], "helloworld");
    }
}

#[test]
fn slow_bodies_over_http2_are_the_same() {
    let uecho = Uecho::with("[limits]\nbody = \"1s\"\nhandler = \"1ms\"\nidle = \"1ms\"");
    run(async {
        let (client, _) = connect(uecho.public, &client::Builder::new()).await;
        let mut late = Vec::new();
        for _ in 0..20 {
            let mut ready = client.clone().ready().await.unwrap();
            let (response, mut body) = ready.send_request(request("POST", "/api/v1/echo"), false).unwrap();
            body.send_data(Bytes::from_static(b"hello"), false).unwrap();
            late.push((response, body));
        }
        for (response, _body) in late {
            assert_eq!(response.await.unwrap().status(), 408);
        }
        let mut ready = client.clone().ready().await.unwrap();
        let (response, mut body) = ready.send_request(request("POST", "/api/v1/echo"), false).unwrap();
        body.send_data(Bytes::from_static(b"hello"), false).unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        body.send_data(Bytes::from_static(b"world"), true).unwrap();
        assert_eq!(response.await.unwrap().status(), 200);
    });
    assert_eq!(answers(&uecho, "5"), [""; 0]);
}

#[test]
fn the_service_does_not_wait_for_a_body_that_it_does_not_need() {
    let uecho = Uecho::with("[limits]\nbody = \"60s\"");
    for (request, status) in [
        ("POST /text", 405),
        ("GET /text", 200),
        ("GET /", 200),
        ("PUT /", 405),
        ("GET /healthz", 200),
        ("GET /api/v1/fanout/text", 200),
        ("POST /api/v1/nothing", 404),
    ] {
        for half in HALVES {
            let mut client = ClientConnection::open(uecho.public);
            client.send(half.replace("POST /api/v1/echo", request).as_bytes());
            assert_eq!(client.answer().unwrap().status, status, "{request}");
            assert!(client.closed(), "{request}: the service does not wait for the rest");
            // the rest is not answered with a reset, either, which could destroy the answer
            assert!(client.takes(b"wo"), "{request}");
        }
    }
}

#[test]
fn a_client_that_expects_100_continue_gets_it() {
    let uecho = Uecho::with("[limits]\nbody = \"1s\"\nhandler = \"1ms\"");
    let head = "POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    for (body, status) in [("hello", 200), ("", 408)] {
        let mut client = ClientConnection::open(uecho.public);
        client.send(head.as_bytes());
        assert_eq!(client.answer().unwrap().status, 100);
        client.send(body.as_bytes());
        assert_eq!(client.answer().unwrap().status, status);
    }
    let mut unwanted = ClientConnection::open(uecho.public);
    unwanted.send(head.replace("/api/v1/echo", "/text").as_bytes());
    assert_eq!(unwanted.answer().unwrap().status, 405, "at once");
}

#[test]
fn a_client_that_ends_within_a_body_gets_400() {
    let uecho = Uecho::with("[log]\naccess = \"all\"\nformat = \"json\"");
    for half in HALVES {
        let mut stream = TcpStream::connect(uecho.public).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.write_all(half.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert!(answer.contains("broken or incomplete"), "{answer}");
    }
    let counted = "http_server_request_duration_seconds_count{\
        http_request_method=\"POST\",\
        http_response_status_code=\"400\",http_route=\"/api/v1/echo\"}";
    uecho.comes_to(counted, 2);
    uecho.comes_to("uecho_requests_cut_total", 0);
    eventually("both are logged", || {
        uecho.stderr().matches("\"http.response.status_code\":400").count() == 2
    });
}

#[test]
fn a_client_that_breaks_off_causes_no_server_error() {
    let uecho = Uecho::with("[limits]\nhandler = \"1ms\"");
    let under_way = || uecho.count("http_server_active_requests");
    let stream = TcpStream::connect(uecho.public).unwrap();
    (&stream).write_all(HALVES[0].as_bytes()).unwrap();
    eventually("the request is in flight", || under_way() == 1);
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
    run(async {
        let (client, _) = connect(uecho.public, &client::Builder::new()).await;
        let mut ready = client.clone().ready().await.unwrap();
        let (_response, mut body) = ready.send_request(request("POST", "/api/v1/echo"), false).unwrap();
        body.send_data(Bytes::from_static(b"hello"), false).unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        body.send_reset(Reason::CANCEL);
        drop(client);
    });
    eventually("both are over", || under_way() == 0);
    assert_eq!(answers(&uecho, "5"), [""; 0]);
}
