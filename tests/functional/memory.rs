//! `limits.memory`: the bytes that clients make the service hold are bounded, refused above the limit, and
//! given back.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
};

use bytes::Bytes;
use h2::client;
use socket2::{Domain, SockRef, Socket, Type};

use crate::{
    echo::is_a_problem,
    http2::{ask, connect, request, run},
    support::{Builder, SOON, Uecho, eventually, http, listener, pause},
};

const CLIENTS: usize = 80;
const BODY: usize = 1 << 20;
/// Limits that give clients as much time as a test machine needs.
const PATIENT: &str = "body = \"5m\"\nheader = \"5m\"\nhandler = \"5m\"\nidle = \"5m\"\n";

/// Resident memory in MiB.
fn resident(uecho: &Uecho) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", uecho.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() >> 10
}

fn held(uecho: &Uecho) -> usize {
    uecho.count("uecho_memory_held_bytes")
}

/// A service for whose connections the kernel buffers almost nothing: the service holds what a client does
/// not read.
fn start(limits: &str) -> Uecho {
    let listener = listener();
    SockRef::from(&listener).set_send_buffer_size(4096).unwrap();
    Builder::new().config(&format!("[limits]\n{limits}{PATIENT}")).public(listener).start()
}

/// A client of this service.
fn narrow(uecho: &Uecho) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&uecho.public.into()).unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    socket.into()
}

#[test]
fn unread_answers_take_no_more_than_allowed() {
    let uecho = start("memory = \"16MiB\"\n");
    let before = resident(&uecho);
    let request = format!(
        "POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: {BODY}\r\nConnection: close\r\n\r\n{}",
        "a".repeat(BODY)
    );
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = narrow(&uecho);
        client.write_all(request.as_bytes()).unwrap();
        let mut client = BufReader::with_capacity(16, client);
        let mut line = String::new();
        client.read_line(&mut line).unwrap();
        clients.push((line, client));
    }
    let used = resident(&uecho);
    assert!(used < before + 40, "{before} MiB before, {used} MiB with {CLIENTS} unread answers");
    assert!((10 << 20..=16 << 20).contains(&held(&uecho)), "{}", held(&uecho));
    assert_eq!(uecho.get("/text").status, 200, "a request that takes no room is answered");

    let (mut served, mut refused) = (0, 0);
    for (line, mut client) in clients {
        let mut rest = String::new();
        client.read_to_string(&mut rest).unwrap();
        match line.trim_end() {
            "HTTP/1.1 200 OK" => served += 1,
            "HTTP/1.1 503 Service Unavailable" => {
                refused += 1;
                assert!(rest.contains("retry-after: 1\r\n"), "{rest}");
                assert!(rest.contains("limits.memory, which is 16MiB"), "{rest}");
            }
            other => panic!("{other}"),
        }
    }
    assert!((10..=15).contains(&served), "{served} served");
    uecho.comes_to("uecho_memory_refused_total", refused);
    eventually("everything is given back", || held(&uecho) == 0);
    let again = http::request(uecho.public, "POST", "/api/v1/echo", &[], &vec![b'a'; BODY]);
    assert_eq!(again.status, 200);
}

#[test]
fn an_answer_counts_until_its_last_byte_is_sent() {
    let uecho = start("");
    let (length, count) = (50_000, 40);
    let body = "a".repeat(length);
    let request = format!("POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}");
    let mut clients: Vec<_> = (0..count).map(|_| narrow(&uecho)).collect();
    for client in &mut clients {
        client.write_all(request.as_bytes()).unwrap();
        client.read_exact(&mut [0; 12]).unwrap();
    }
    // the service needs time to pass on as much as the kernel takes
    pause();
    assert!(held(&uecho) >= length * count, "{}", held(&uecho));
    let in_flight = uecho.count("http_server_active_requests");
    assert_eq!(in_flight, count, "an answer is sent in parts, and is in flight until the last of them");
    for client in &mut clients {
        let mut answer = vec![0; length];
        client.read_exact(&mut answer).unwrap();
        assert!(answer.ends_with(b"aaaaaaaa"));
    }
    eventually("everything is given back", || held(&uecho) == 0);
}

#[test]
fn unread_streams_take_no_more_than_allowed() {
    let uecho = Uecho::with(&format!("[limits]\nmemory = \"16MiB\"\n{PATIENT}"));
    let before = resident(&uecho);
    run(async {
        let (client, _) = connect(uecho.public, client::Builder::new().initial_window_size(1024)).await;
        let mut answers = Vec::new();
        for _ in 0..50 {
            let mut ready = client.clone().ready().await.unwrap();
            let (response, mut body) = ready.send_request(request("POST", "/api/v1/echo"), false).unwrap();
            body.send_data(Bytes::from(vec![b'a'; BODY]), true).unwrap();
            answers.push(response.await.unwrap());
        }
        let used = resident(&uecho);
        assert!(used < before + 32, "{before} MiB before, {used} MiB with 50 unread streams");
        assert!((10 << 20..=16 << 20).contains(&held(&uecho)), "{}", held(&uecho));
        let served = answers.iter().filter(|answer| answer.status() == 200).count();
        let refused = answers.iter().filter(|answer| answer.status() == 503).count();
        assert!(served >= 10 && served + refused == 50, "{served} served, {refused} refused");
        drop(answers);
    });
    eventually("everything is given back", || held(&uecho) == 0);
}

#[test]
fn incomplete_bodies_count_too() {
    let uecho = Uecho::with(&format!("[limits]\nmemory = \"9MiB\"\n{PATIENT}"));
    let head = format!("POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: {BODY}\r\n\r\n");
    let announced: Vec<_> = (0..20)
        .map(|_| {
            let mut client = TcpStream::connect(uecho.public).unwrap();
            client.write_all(head.as_bytes()).unwrap();
            client
        })
        .collect();
    eventually("they are in flight", || uecho.count("http_server_active_requests") == 20);
    assert_eq!(held(&uecho), 0, "a body that was only announced takes no room");
    let begun: Vec<_> = announced
        .into_iter()
        .map(|mut client| {
            client.write_all(&vec![b'a'; BODY - 1]).unwrap();
            client
        })
        .collect();
    eventually("most are refused", || uecho.count("uecho_memory_refused_total") >= 11);
    let refused = http::request(uecho.public, "POST", "/api/v1/echo", &[], &vec![b'a'; BODY]);
    assert_eq!((refused.status, refused.header("connection")), (503, Some("close")));
    is_a_problem(&refused);
    drop(begun);
    eventually("everything is given back", || held(&uecho) == 0);
}

#[test]
fn one_request_fits_whatever_its_bytes() {
    let uecho = Uecho::with(&format!("[limits]\nmemory = \"8MiB\"\nbody_bytes = \"1000KiB\"\n{PATIENT}"));
    for byte in [0x01, b'a', 0xff] {
        let answer = http::request(uecho.public, "POST", "/api/v1/echo", &[], &vec![byte; 1000 << 10]);
        assert_eq!(answer.status, 200, "{byte}: {}", answer.text());
        assert_eq!(answer.json()["body"]["bytes"], 1000 << 10);
    }
    run(async {
        let (client, _) = connect(uecho.public, &client::Builder::new()).await;
        let answer = ask(&client, request("POST", "/api/v1/echo"), &vec![0x01; 1000 << 10]).await.unwrap();
        assert_eq!(answer.status, 200);
    });
    eventually("everything is given back", || held(&uecho) == 0);
}
