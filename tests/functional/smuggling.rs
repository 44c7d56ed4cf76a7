//! Requests that two implementations might read differently: refused with a whole 400, then the connection ends, and nothing after
//! them is ever answered.

use crate::{
    echo::is_a_problem,
    support::{Uecho, http::Connection, pause},
};

const FOLLOW_UP: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/// A request head with these lines and perhaps more after it.
fn post(lines: &str) -> String {
    format!("POST /api/v1/echo HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
}

fn chunked(body: &str) -> String {
    post("Transfer-Encoding: chunked\r\n") + body
}

#[track_caller]
fn is_refused(connection: &mut Connection, what: &str) {
    is_refused_with(connection, 400, what);
}

#[track_caller]
fn is_refused_with(connection: &mut Connection, status: u16, what: &str) {
    let answer = connection.answer().unwrap_or_else(|| panic!("no answer to {what}"));
    assert_eq!(answer.status, status, "{what}");
    is_a_problem(&answer);
    assert_eq!(answer.header("connection"), Some("close"), "{what}");
    assert!(connection.answer().is_none(), "the follow-up of {what} was answered");
    assert!(connection.closed(), "{what}");
}

fn cases() -> Vec<String> {
    vec![
        post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n",
        post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") + "0\r\n\r\n",
        post("Content-Length: 0\r\nContent-Length: 0\r\n"),
        post("Content-Length: 5\r\nContent-Length: 6\r\n") + "hello!",
        post("Content-Length: 5, 5\r\n") + "hello",
        post("Content-Length: +5\r\n") + "hello",
        post("Content-Length: 0x5\r\n") + "hello",
        post("Content-Length: \r\n"),
        post("Content-Length : 5\r\n") + "hello",
        post("Transfer-Encoding : chunked\r\n") + "0\r\n\r\n",
        post("X-Space : a\r\n"),
        post("Transfer-Encoding: chunked, identity\r\n") + "0\r\n\r\n",
        post("Transfer-Encoding: xchunked\r\n") + "0\r\n\r\n",
        post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n") + "0\r\n\r\n",
        "POST /api/v1/echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into(),
        post("X-Fold: a\r\n b\r\n"),
        post("X-Fold: a\r\n\tContent-Length: 5\r\n"),
        post(" Content-Length: 5\r\n"),
        post("X-Lf: a\nContent-Length: 5\r\n"),
        "GET / HTTP/1.1\nHost: a\n\n".into(),
        "GET / HTTP/1.1\r\nHost: a\r\n\n".into(),
        post("X-Cr: a\rContent-Length: 5\r\n"),
        post("X-Cr: a\r\r\n"),
        post("X-Nul: a\0b\r\n"),
        post("X-Control: a\x01b\r\n"),
        post("X(Name): a\r\n"),
        post("no colon\r\n"),
        post(": no name\r\n"),
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n".into(),
        "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n".into(),
        " GET / HTTP/1.1\r\nHost: a\r\n\r\n".into(),
        "GET / HTTP/1.1 \r\nHost: a\r\n\r\n".into(),
        "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n".into(),
        "GET /\r\n\r\n".into(),
        "G(T / HTTP/1.1\r\nHost: a\r\n\r\n".into(),
        "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n".into(),
        "\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n".into(),
        chunked("zz\r\nhello\r\n0\r\n\r\n"),
        chunked("5 \r\nhello\r\n0\r\n\r\n"),
        chunked("5;ext=1\nhello\r\n0\r\n\r\n"),
        chunked("5;ext=\"\r\"\r\nhello\r\n0\r\n\r\n"),
        post("Transfer-Encoding: gzip\r\n") + "0\r\n\r\n",
        chunked("5\nhello\r\n0\r\n\r\n"),
        chunked("5\r\nhello\n0\r\n\r\n"),
        chunked("5\r\nhelloXX0\r\n\r\n"),
        chunked("0x5\r\nhello\r\n0\r\n\r\n"),
        chunked("-5\r\nhello\r\n0\r\n\r\n"),
        chunked("fffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
        chunked("\r\n\r\n"),
        chunked("0\r\n\n"),
        chunked("0\r\nX-Trailer: a\nb: c\r\n\r\n"),
        chunked("0\r\nContent-Length: 5\r\n\r\n"),
    ]
}

#[test]
fn ambiguous_requests_are_refused_and_end_the_connection() {
    let uecho = Uecho::with("");
    let cases = cases();
    for case in &cases {
        let mut connection = Connection::open(uecho.public);
        connection.send(format!("{case}{FOLLOW_UP}").as_bytes());
        is_refused(&mut connection, &format!("{case:?}"));
    }
    let refused = cases.len();
    let counted = "http_server_request_duration_seconds_count{http_request_method=\"_OTHER\",http_response_status_code=\"400\",http_route=\"unmatched\"}";
    assert_eq!(uecho.count(counted), refused);
    assert_eq!(uecho.count("uecho_connections_closed_total{reason=\"bad_request\"}"), refused);
    assert_eq!(uecho.get("/good").status, 200);
}

#[test]
fn what_is_understood_but_not_spoken_is_refused_as_such() {
    let uecho = Uecho::with("");
    for (status, request) in [
        (413, post("Content-Length: 18446744073709551615\r\n")),
        (413, post("Content-Length: 9223372036854775807\r\n")),
        (413, post("Content-Length: 99999999999999999999999999\r\n")),
        (501, post("Transfer-Encoding: gzip, chunked\r\n") + "0\r\n\r\n"),
        (501, post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n"),
        (505, "GET / HTTP/3.0\r\nHost: a\r\n\r\n".into()),
        (505, "GET / HTTP/0.9\r\nHost: a\r\n\r\n".into()),
        (505, "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n".into()),
    ] {
        let mut connection = Connection::open(uecho.public);
        connection.send(format!("{request}{FOLLOW_UP}").as_bytes());
        is_refused_with(&mut connection, status, &format!("{request:?}"));
    }
}

#[test]
fn a_minor_version_to_come_is_read_as_the_last_one_known() {
    let uecho = Uecho::with("");
    let request = "GET /x HTTP/1.2\r\nHost: a\r\n\r\n";
    for cut in ["GET /x HTTP/1.", "GET /x HTTP/1.2", "GET /x HTTP/1.2\r", request] {
        let mut connection = Connection::open(uecho.public);
        connection.send(cut.as_bytes());
        pause();
        connection.send(format!("{}{request}", &request[cut.len()..]).as_bytes());
        for _ in 0..2 {
            let answer = connection.answer().unwrap();
            assert_eq!((answer.status, answer.header("connection")), (200, None), "{cut:?}");
        }
    }
}

#[test]
fn a_split_between_reads_hides_nothing() {
    let uecho = Uecho::with("");
    for case in cases() {
        for cut in [1, case.len() / 2, case.len() - 1] {
            if case.starts_with("POST") && cut > case.find("\r\n\r\n").unwrap_or(0) {
                // the handler has the head by then and answers for the body; the next test
                continue;
            }
            let mut connection = Connection::open(uecho.public);
            connection.send(&case.as_bytes()[..cut]);
            pause();
            connection.send(format!("{}{FOLLOW_UP}", &case[cut..]).as_bytes());
            is_refused(&mut connection, &format!("{case:?} cut at {cut}"));
        }
    }
}

#[test]
fn a_body_that_goes_wrong_later_is_refused_too() {
    let uecho = Uecho::with("");
    let extended = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(10_000));
    for body in
        [&*extended, "zz\r\nhello\r\n0\r\n\r\n", "5\nhello\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "0\r\n\n"]
    {
        let mut connection = Connection::open(uecho.public);
        connection.send(chunked("").as_bytes());
        pause();
        connection.send(format!("{body}{FOLLOW_UP}").as_bytes());
        is_refused(&mut connection, &format!("{body:?}"));
    }
}

#[test]
fn what_came_before_is_answered_first() {
    let uecho = Uecho::with("");
    let mut connection = Connection::open(uecho.public);
    let bad = post("Content-Length: 1\r\nContent-Length: 1\r\n");
    connection.send(
        format!("GET /one HTTP/1.1\r\nHost: a\r\n\r\n{}{bad}{FOLLOW_UP}", chunked("5\r\nhello\r\n0\r\n\r\n"))
            .as_bytes(),
    );
    assert!(connection.answer().unwrap().text().contains("one right back at ya!"));
    assert_eq!(connection.answer().unwrap().json()["body"]["text"], "hello");
    is_refused(&mut connection, "the third");
}

#[test]
fn sound_requests_of_every_shape_are_answered_in_turn() {
    let uecho = Uecho::with("");
    let mut connection = Connection::open(uecho.public);
    connection.send(b"\r\nGET /one HTTP/1.1\r\nhost: \r\n\r\n");
    connection.send(post("content-length:\t5 \r\n").as_bytes());
    connection.send(b"hello");
    connection.send(chunked("5\r\nhello\r\n00A\r\n, 10 bytes\r\n0\r\nX-Sum: 1\r\n\r\n").as_bytes());
    connection.send(chunked("5;name=value; q = \"a;b\"\r\nhello\r\n0;last\r\n\r\n").as_bytes());
    connection.send(b"GET /two HTTP/1.0\r\n\r\n");
    assert!(connection.answer().unwrap().text().contains("one"));
    assert_eq!(connection.answer().unwrap().json()["body"]["text"], "hello");
    assert_eq!(connection.answer().unwrap().json()["body"]["text"], "hello, 10 bytes");
    assert_eq!(connection.answer().unwrap().json()["body"]["text"], "hello");
    assert!(connection.answer().unwrap().text().contains("two"));
    assert!(connection.closed(), "HTTP/1.0 without keep-alive");
}
