//! Requests that two implementations might read differently, case by case: the outcome of each, and why that
//! is safe. The service never reads any of them as two requests. Where the reading is in doubt, it closes the
//! connection, so that it answers nothing that follows.

mod chunks;
mod length;
mod syntax;

use crate::{
    echo::is_a_problem,
    support::{Uecho, eventually, http::ClientConnection, pause},
};

const COUNTED: &str = "uecho_connections_closed_total{reason=\"bad_request\"}";
const FOLLOW_UP: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/// The outcome of a request that another one follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// The parser refuses the head with this status alone, and the connection ends.
    Refused(u16),
    /// The request is answered with a problem, and the connection ends.
    Problem(u16),
    /// The request is answered with 200, and the connection ends.
    Ends,
    /// The bytes are one request, answered with 200, and so is the next request.
    Read,
    /// The bytes are one request, answered with 200; the bytes that follow are a part of it that is ignored.
    Swallows,
}

use Reading::{Ends, Problem, Read, Refused, Swallows};

/// A request head with these lines, and perhaps more after it.
fn post(lines: &str) -> String {
    format!("POST /api/v1/echo HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
}

fn chunked(body: &str) -> String {
    post("Transfer-Encoding: chunked\r\n") + body
}

/// A request with a body without chunks.
fn coded(lines: &str) -> String {
    post(lines) + "0\r\n\r\n"
}

/// The outcome, the reason why RFC 9112 (or another RFC that is named) allows it, and the requests.
type Case = (Reading, &'static str, Vec<String>);

fn cases() -> impl Iterator<Item = Case> {
    [length::cases(), syntax::cases(), chunks::cases()].into_iter().flatten()
}

/// Sends the rest of a case and the request that follows it, and checks the outcome.
#[track_caller]
fn comes_true(connection: &mut ClientConnection, rest: &[u8], outcome: Reading, what: &str) {
    connection.send(&[rest, FOLLOW_UP.as_bytes()].concat());
    let answer = connection.answer().unwrap_or_else(|| panic!("no answer to {what}"));
    let text = answer.text();
    assert!(!text.contains("smuggled right back"), "{what}");
    match outcome {
        Refused(status) => assert_eq!((answer.status, &*text), (status, ""), "{what}"),
        Problem(status) => {
            assert_eq!(answer.status, status, "{what}");
            is_a_problem(&answer);
        }
        Ends | Read | Swallows => assert_eq!(answer.status, 200, "{what}"),
    }
    let close = if matches!(outcome, Read | Swallows) { None } else { Some("close") };
    assert_eq!(answer.header("connection"), close, "{what}");
    if outcome == Swallows {
        connection.send(FOLLOW_UP.as_bytes());
    }
    if close.is_none() {
        assert!(connection.answer().unwrap().text().contains("smuggled right back"), "{what}");
        connection.send(b"GET /end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert!(connection.answer().unwrap().text().contains("end right back"), "{what}");
    }
    assert!(connection.answer().is_none(), "the follow-up of {what} was answered");
    assert!(connection.closed(), "{what}");
}

#[test]
fn every_case_has_the_documented_outcome_and_is_counted() {
    let uecho = Uecho::with("");
    let mut refused = 0;
    for (outcome, why, requests) in cases() {
        for request in requests {
            let what = format!("{request:?}: {outcome:?}, {why}");
            comes_true(&mut ClientConnection::open(uecho.public), request.as_bytes(), outcome, &what);
            refused += usize::from(matches!(outcome, Refused(_)));
        }
    }
    eventually("all are counted", || uecho.count(COUNTED) == refused);
    assert_eq!(uecho.get("/good").status, 200);
}

#[test]
fn a_split_between_reads_changes_nothing() {
    let uecho = Uecho::with("");
    for (outcome, why, requests) in cases() {
        for request in requests {
            let bytes = request.as_bytes();
            let body = request.find("\r\n\r\n").map_or(1, |end| end + 4);
            for cut in [1, bytes.len() / 2, body.min(bytes.len() - 1), bytes.len() - 1] {
                let what = format!("{request:?} cut at {cut}: {outcome:?}, {why}");
                let mut connection = ClientConnection::open(uecho.public);
                connection.send(&bytes[..cut]);
                pause();
                comes_true(&mut connection, &bytes[cut..], outcome, &what);
            }
        }
    }
}

#[test]
fn earlier_requests_are_answered_first() {
    let uecho = Uecho::with("");
    let mut connection = ClientConnection::open(uecho.public);
    let sound = format!("GET /one HTTP/1.1\r\nHost: a\r\n\r\n{}", chunked("5\r\nhello\r\n0\r\n\r\n"));
    connection.send(sound.as_bytes());
    let bad = post("Content-Length: 1\r\nContent-Length: 2\r\n");
    connection.send(format!("{bad}{FOLLOW_UP}").as_bytes());
    assert!(connection.answer().unwrap().text().contains("one right back at ya!"));
    assert_eq!(connection.answer().unwrap().json()["body"]["text"], "hello");
    assert_eq!(connection.answer().unwrap().status, 400);
    assert!(connection.answer().is_none() && connection.closed());
    // the preface of HTTP/2 must come first, and after it no HTTP/1 is read
    let mut connection = ClientConnection::open(uecho.public);
    connection.send(b"GET /one HTTP/1.1\r\nHost: a\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(connection.answer().unwrap().text().contains("one right back at ya!"));
    assert!(connection.answer().is_none() && connection.closed());
    eventually("both are counted", || uecho.count(COUNTED) == 2);
}

#[test]
fn the_rest_of_a_refused_request_does_not_reset_the_connection() {
    let uecho = Uecho::with("");
    let mut connection = ClientConnection::open(uecho.public);
    connection.send(post("Content-Length: 5\r\nContent-Length: 6\r\n").as_bytes());
    assert_eq!(connection.answer().unwrap().status, 400);
    assert!(connection.closed());
    assert!(connection.takes(b"he"));
}

#[test]
fn valid_requests_of_every_form_are_answered_in_turn() {
    let uecho = Uecho::with("");
    let mut connection = ClientConnection::open(uecho.public);
    connection.send(b"\r\nGET /one HTTP/1.1\r\nhost: \r\n\r\n");
    connection.send(post("content-length:\t5 \r\n").as_bytes());
    connection.send(b"hello");
    connection.send(chunked("5\r\nhello\r\n00A\r\n, 10 bytes\r\n0\r\nX-Sum: 1\r\n\r\n").as_bytes());
    connection.send(b"GET /two HTTP/1.0\r\n\r\n");
    assert!(connection.answer().unwrap().text().contains("one"));
    assert_eq!(connection.answer().unwrap().json()["body"]["text"], "hello");
    assert_eq!(connection.answer().unwrap().json()["body"]["text"], "hello, 10 bytes");
    assert!(connection.answer().unwrap().text().contains("two"));
    assert!(connection.closed(), "HTTP/1.0 without keep-alive");
}
