//! Every key of `[limits]`: a request above it gets its answer, a request within it passes.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::{
    echo::is_a_problem,
    support::{Answer, SOON, Uecho, eventually, http::ClientConnection, pause, peer::sleep},
};

fn closed(reason: &str) -> String {
    format!("uecho_connections_closed_total{{reason=\"{reason}\"}}")
}

fn fields(count: usize) -> String {
    (0..count).map(|index| format!("X-{index}: a\r\n")).collect::<Vec<_>>().concat()
}

/// The answer to one request head, of which the client sends more than the server reads.
#[track_caller]
fn answer_to(uecho: &Uecho, head: &str) -> Answer {
    let mut connection = ClientConnection::open(uecho.public);
    connection.send(head.as_bytes());
    let answer =
        connection.answer().unwrap_or_else(|| panic!("the answer did not survive the end of the connection"));
    assert!(answer.status < 400 || connection.closed());
    answer
}

#[track_caller]
fn is_refused(answer: &Answer, status: u16, detail: &str) {
    assert_eq!(answer.status, status);
    is_a_problem(answer);
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(answer.text().contains(detail), "{}", answer.text());
}

/// Refused by the parser, which gives only the status.
#[track_caller]
fn is_refused_unread(answer: &Answer, status: u16) {
    assert_eq!((answer.status, answer.text().as_str()), (status, ""));
    assert_eq!(answer.header("connection"), Some("close"));
}

#[test]
fn headers() {
    let uecho = Uecho::with("");
    let with = |count| answer_to(&uecho, &format!("GET /a HTTP/1.1\r\nHost: a\r\n{}\r\n", fields(count)));
    assert_eq!(with(63).status, 200);
    is_refused(&with(64), 431, "more than 64 header fields");
    is_refused_unread(&with(1000), 431);
    uecho.comes_to(&closed("bad_request"), 1);
    let many = Uecho::with("[limits]\nheaders = 200");
    let with = |count| answer_to(&many, &format!("GET /a HTTP/1.1\r\nHost: a\r\n{}\r\n", fields(count)));
    assert_eq!(with(199).status, 200);
    is_refused(&with(200), 431, "more than 200 header fields");
}

#[test]
fn header_bytes() {
    let uecho = Uecho::with("");
    let with =
        |bytes| answer_to(&uecho, &format!("GET /a HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(bytes)));
    assert_eq!(with((16 << 10) - 6).status, 200);
    is_refused(&with(16 << 10), 431, "16KiB");
    is_refused_unread(&with(1 << 20), 431);
}

#[test]
fn uri_bytes() {
    let uecho = Uecho::with("");
    let with = |bytes: usize| {
        answer_to(&uecho, &format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(bytes - 1)))
    };
    assert_eq!(with(8 << 10).status, 200);
    is_refused(&with((8 << 10) + 1), 414, "8KiB");
    is_refused_unread(&with(1 << 20), 431);
}

#[test]
fn body_bytes_announced_or_not() {
    let uecho = Uecho::with("");
    let post = |rest: &str| format!("POST /api/v1/echo HTTP/1.1\r\nHost: a\r\n{rest}");
    let within = answer_to(&uecho, &post(&format!("Content-Length: 1048576\r\n\r\n{}", "a".repeat(1 << 20))));
    assert_eq!((within.status, &within.json()["body"]["bytes"]), (200, &(1 << 20).into()));

    let announced = answer_to(&uecho, &post("Content-Length: 1048577\r\n\r\n"));
    is_refused(&announced, 413, "1MiB");
    let continued = answer_to(&uecho, &post("Content-Length: 1048577\r\nExpect: 100-continue\r\n\r\n"));
    is_refused(&continued, 413, "1MiB");
    let sent = answer_to(&uecho, &post(&format!("Content-Length: 8388608\r\n\r\n{}", "a".repeat(8 << 20))));
    is_refused(&sent, 413, "1MiB");
    let chunk = format!("100000\r\n{}\r\n", "a".repeat(1 << 20));
    let chunked = answer_to(&uecho, &post(&format!("Transfer-Encoding: chunked\r\n\r\n{}", chunk.repeat(8))));
    is_refused(&chunked, 413, "1MiB");
}

#[test]
fn memory_stays_flat_for_any_body() {
    let uecho = Uecho::with("");
    let resident = || {
        let status = fs::read_to_string(format!("/proc/{}/status", uecho.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap()
    };
    uecho.get("/warm");
    let before = resident();
    for head in ["Transfer-Encoding: chunked\r\n", "Content-Length: 268435456\r\n"] {
        let mut stream = TcpStream::connect(uecho.public).unwrap();
        stream.set_write_timeout(Some(SOON)).unwrap();
        stream.write_all(format!("POST /api/v1/echo HTTP/1.1\r\nHost: a\r\n{head}\r\n").as_bytes()).unwrap();
        let chunk = format!("100000\r\n{}\r\n", "a".repeat(1 << 20));
        for _ in 0..256 {
            // the request is refused long before the end
            if stream.write_all(chunk.as_bytes()).is_err() {
                break;
            }
        }
    }
    assert!(resident() < before + (16 << 10), "{before} kB before, {} kB after", resident());
}

#[test]
fn first_byte() {
    let uecho = Uecho::with("[limits]\nfirst_byte = \"500ms\"");
    let begin = Instant::now();
    assert!(ClientConnection::open(uecho.public).closed());
    assert!(begin.elapsed() >= Duration::from_millis(500));
    uecho.comes_to(&closed("first_byte"), 1);
}

#[test]
fn header_of_a_first_request_that_comes_byte_by_byte() {
    let uecho = Uecho::with("[limits]\nheader = \"1s\"");
    let begin = Instant::now();
    let mut stream = TcpStream::connect(uecho.public).unwrap();
    for byte in b"GET / HTTP/1.1\r\nX: ".iter().chain(std::iter::repeat(&b'a')) {
        if stream.write_all(&[*byte]).is_err() {
            break;
        }
        assert!(begin.elapsed() < SOON, "still open");
        pause();
    }
    assert!(begin.elapsed() >= Duration::from_secs(1));
    uecho.comes_to(&closed("header"), 1);
}

#[test]
fn header_of_a_later_request_pipelined_or_not() {
    let uecho = Uecho::with("[limits]\nheader = \"500ms\"");
    let whole = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut pipelined = ClientConnection::open(uecho.public);
    pipelined.send(format!("{whole}GET /b").as_bytes());
    assert_eq!(pipelined.answer().unwrap().status, 200);
    let mut later = ClientConnection::open(uecho.public);
    later.send(whole.as_bytes());
    assert_eq!(later.answer().unwrap().status, 200);
    let begin = Instant::now();
    later.send(b"GET /b");
    assert!(pipelined.closed() && later.closed());
    assert!(begin.elapsed() >= Duration::from_millis(500));
    uecho.comes_to(&closed("header"), 2);
}

#[test]
fn body() {
    let uecho = Uecho::with("[limits]\nbody = \"300ms\"");
    for head in ["Content-Length: 10\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhel"] {
        let late = answer_to(&uecho, &format!("POST /api/v1/echo HTTP/1.1\r\nHost: a\r\n{head}"));
        is_refused(&late, 408, "300ms");
    }
}

#[test]
fn idle() {
    let uecho = Uecho::with("[limits]\nidle = \"500ms\"");
    let mut connection = ClientConnection::open(uecho.public);
    for _ in 0..3 {
        connection.send(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(connection.answer().unwrap().status, 200);
    }
    let begin = Instant::now();
    assert!(connection.closed());
    assert!(begin.elapsed() >= Duration::from_millis(400), "the idle time may have begun a little before");
    uecho.comes_to(&closed("idle"), 1);
}

#[test]
fn empty_lines_do_not_keep_a_connection_open() {
    let uecho = Uecho::with("[limits]\nidle = \"1500ms\"");
    let mut connection = ClientConnection::open(uecho.public);
    connection.send(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(connection.answer().unwrap().status, 200);
    let begin = Instant::now();
    eventually("it is closed as idle", || {
        connection.send(b"\r\n");
        sleep(Duration::from_millis(100));
        uecho.count(&closed("idle")) == 1
    });
    assert!(begin.elapsed() >= Duration::from_millis(1400), "the idle time may have begun a little before");
}

#[test]
fn empty_lines_after_a_request_change_nothing() {
    let uecho = Uecho::with("[limits]\nidle = \"60s\"");
    let mut connection = ClientConnection::open(uecho.public);
    // some clients end a body this way, at once or while the connection rests
    for lines in ["\r\n", "\r\n\r\n", ""] {
        connection.send(format!("GET /a HTTP/1.1\r\nHost: a\r\n\r\n{lines}").as_bytes());
        assert_eq!(connection.answer().map(|answer| answer.status), Some(200), "{lines:?}");
        sleep(Duration::from_millis(700));
        connection.send(lines.as_bytes());
        sleep(Duration::from_millis(700));
    }
}

#[test]
fn a_connection_that_rests_continues_with_its_next_request() {
    let uecho = Uecho::with("[limits]\nidle = \"60s\"");
    let mut connection = ClientConnection::open(uecho.public);
    let get = |text: &str| format!("GET /{text} HTTP/1.1\r\nHost: a\r\n\r\n");
    let post = "POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
    let two = get("d") + &get("e");
    for (parts, texts) in [
        (vec![get("a")], vec!["a right back"]),
        (vec!["GET /b HT".into(), "TP/1.1\r\nHost: a\r\n\r\n".into()], vec!["b right back"]),
        (vec![post.into()], vec!["\"bytes\":4"]),
        (vec![two], vec!["d right back", "e right back"]),
        (vec![get("f")], vec!["f right back"]),
    ] {
        for part in parts {
            connection.send(part.as_bytes());
            sleep(Duration::from_millis(50));
        }
        for text in texts {
            let answer = connection.answer().unwrap();
            assert!(answer.status == 200 && answer.text().contains(text), "{text}: {}", answer.text());
        }
        // longer than the time after which a connection rests
        sleep(Duration::from_millis(700));
    }
    connection.send(b"GET /bad\x01 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(connection.answer().unwrap().status, 400);
    assert!(connection.closed());
    uecho.comes_to(&closed("bad_request"), 1);
}

#[test]
fn a_client_that_reads_no_answers_is_disconnected() {
    let uecho = Uecho::with("[limits]\nidle = \"500ms\"");
    let mut stream = TcpStream::connect(uecho.public).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    let request = format!(
        "POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n{}",
        "a".repeat(1_000_000)
    );
    for _ in 0..40 {
        if stream.write_all(request.as_bytes()).is_err() {
            break;
        }
    }
    uecho.comes_to(&closed("write"), 1);
    assert_eq!(uecho.get("/a").status, 200);
}

#[test]
fn a_client_gets_the_whole_answer_after_the_server_has_closed() {
    let uecho = Uecho::with("");
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    // the buffer is so small that most of the answer stays with the server
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&uecho.public.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(SOON)).unwrap();
    let head = "POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 200000\r\n\r\n";
    // HTTP never reads the bytes after the request
    let more = "GET /more HTTP/1.1\r\nHost: a\r\n\r\n".repeat(30_000);
    stream.write_all(format!("{head}{}{more}", "a".repeat(200_000)).as_bytes()).unwrap();
    uecho.comes_to(&closed("answered"), 1);
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("a whole answer and no reset");
    assert!(answer.contains(&"a".repeat(200_000)), "{} bytes", answer.len());
}

#[test]
fn the_connection_idle_for_longest_makes_room_first() {
    let uecho = Uecho::with("[limits]\nconnections = 4");
    let mut idle: Vec<_> = (0..3)
        .map(|_| {
            let mut connection = ClientConnection::open(uecho.public);
            connection.send(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(connection.answer().unwrap().status, 200);
            sleep(Duration::from_millis(250));
            connection
        })
        .collect();
    // this does not make the connection younger
    idle[0].send(b"\r\n");
    sleep(Duration::from_millis(250));
    let mut busy = Vec::new();
    for (number, connection) in idle.iter_mut().enumerate() {
        busy.push(ClientConnection::open(uecho.public));
        assert!(connection.closed());
        uecho.comes_to(&closed("cap"), number + 1);
    }
}

#[test]
fn connections() {
    let uecho = Uecho::with("[limits]\nconnections = 4\nfirst_byte = \"60s\"\nheader = \"60s\"");
    let whole = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut silent: Vec<_> = (0..3).map(|_| ClientConnection::open(uecho.public)).collect();
    let mut kept = ClientConnection::open(uecho.public);
    kept.send(whole);
    assert_eq!(kept.answer().unwrap().status, 200);

    // this one may have been closed already, because the last place is taken
    let mut fifth = ClientConnection::open(uecho.public);
    fifth.send(b"GET /a HTTP/1.1\r\n");
    assert!(kept.closed(), "the idle one makes room");
    uecho.comes_to(&closed("cap"), 1);

    let mut sixth = TcpStream::connect(uecho.public).unwrap();
    sixth.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    sixth.write_all(whole).unwrap();
    assert!(sixth.read(&mut [0]).is_err(), "without room, it waits in the queue of the kernel");
    uecho.comes_to("uecho_connections", 4);
    silent.pop();
    sixth.set_read_timeout(Some(SOON)).unwrap();
    assert_eq!(sixth.read(&mut [0]).unwrap(), 1, "room");
    fifth.send(b"Host: a\r\n\r\n");
    assert_eq!(fifth.answer().unwrap().status, 200);
}

#[test]
fn in_flight() {
    let uecho = Uecho::with("[limits]\nin_flight = 1");
    let mut first = ClientConnection::open(uecho.public);
    first.send(b"POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
    eventually("the request is in flight", || uecho.count("http_server_active_requests") == 1);
    let second = uecho.get("/a");
    assert_eq!((second.status, second.header("retry-after")), (503, Some("1")));
    is_a_problem(&second);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(uecho.get(path).status, 200, "{path} is answered in spite of the limit");
    }
    first.send(b"world");
    assert_eq!(first.answer().unwrap().status, 200);
    assert_eq!(uecho.get("/a").status, 200);
}
