//! Request targets and hosts: invalid ones are refused with a whole 400, and no request after them is
//! answered.

use h2::client;

use crate::{
    echo::is_a_problem,
    http2::{ask, connect, request, run},
    support::{Answer, Uecho, http::ClientConnection},
};

const FOLLOW_UP: &[u8] = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/// The answer to a request that another one follows.
#[track_caller]
fn answer_to(uecho: &Uecho, head: &[u8]) -> Answer {
    let mut connection = ClientConnection::open(uecho.public);
    connection.send(&[head, FOLLOW_UP].concat());
    let answer = connection.answer().unwrap_or_else(|| panic!("no answer to {}", head.escape_ascii()));
    if answer.status == 400 {
        is_a_problem(&answer);
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(connection.answer().is_none(), "the follow-up of {} was answered", head.escape_ascii());
    }
    answer
}

#[track_caller]
fn status_of(uecho: &Uecho, head: &[u8]) -> u16 {
    answer_to(uecho, head).status
}

#[test]
fn a_target_is_a_path_or_an_absolute_uri() {
    let uecho = Uecho::with("");
    for (line, status) in [
        ("GET x", 400),
        ("GET a:80", 400),
        ("POST a:80", 400),
        ("OPTIONS x", 400),
        ("GET *", 400),
        ("CONNECT /x", 400),
        ("CONNECT http://a/x", 400),
        ("GET http://user@a/x", 400),
        ("GET http://user:secret@a/x", 400),
        ("GET http://a/x", 200),
        ("GET http://a", 200),
        ("GET http://a?b", 200),
        ("GET http://[::1]:80/x", 200),
        ("GET //x", 200),
        ("OPTIONS *", 405),
        ("CONNECT a:80", 405),
    ] {
        let head = format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(status_of(&uecho, head.as_bytes()), status, "{line}");
    }
    assert!(answer_to(&uecho, b"GET http://a/x HTTP/1.1\r\nHost: b\r\n\r\n").text().contains("x right back"));
}

#[test]
fn a_host_must_be_valid_and_occur_once() {
    let uecho = Uecho::with("");
    for wrong in
        [&b"a b"[..], b"a, b", b"a/b@c", b"b\xfccher.example", b"b\xc3\xbccher.example", b"a:b", b"a@b"]
    {
        for target in ["/x", "http://a/x"] {
            let head = [format!("GET {target} HTTP/1.1\r\nHost: ").as_bytes(), wrong, b"\r\n\r\n"].concat();
            assert_eq!(status_of(&uecho, &head), 400, "{}", head.escape_ascii());
        }
    }
    for (head, status) in [
        ("GET /x HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("GET /x HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nhost: a\r\nContent-Length: 5\r\n\r\nhello", 400),
        ("GET /x HTTP/1.1\r\n\r\n", 400),
        ("GET http://a/x HTTP/1.1\r\n\r\n", 400),
        ("GET /x HTTP/1.0\r\n\r\n", 200),
        ("GET /x HTTP/1.1\r\nHost:\r\n\r\n", 200),
        ("GET /x HTTP/1.1\r\nHost: A_b.example:8080\r\n\r\n", 200),
        ("GET /x HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", 200),
    ] {
        assert_eq!(status_of(&uecho, head.as_bytes()), status, "{head:?}");
    }
    assert_eq!(uecho.get_ops("/healthz").status, 200);
}

#[test]
fn every_form_of_a_target_has_the_same_limit() {
    let uecho = Uecho::with("");
    let get = |line: &str, bytes: usize| {
        let line = format!("{line}{}", "a".repeat(bytes - line.split(' ').nth(1).unwrap().len()));
        let mut connection = ClientConnection::open(uecho.public);
        connection.send(format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        connection.answer().unwrap()
    };
    for (line, status) in [
        ("GET /", 200),
        ("GET http://example.org/", 200),
        ("GET http://", 200),
        ("GET https://example.org/?", 200),
        ("CONNECT a", 405),
    ] {
        // `http://aaa` has the path `/`, which the client did not send
        let room = usize::from(line == "GET http://");
        assert_eq!(get(line, (8 << 10) - room).status, status, "{line}");
        for bytes in [(8 << 10) + 1, 40 << 10] {
            let long = get(line, bytes);
            assert_eq!(long.status, 414, "{line} {bytes}");
            is_a_problem(&long);
            assert!(long.text().contains("8KiB"), "{}", long.text());
        }
    }
}

#[test]
fn over_http2_host_and_authority_must_agree() {
    let uecho = Uecho::with("");
    run(async {
        let (client, _) = connect(uecho.public, &client::Builder::new()).await;
        for (host, status) in
            [("uecho", 200), ("UECHO:80", 200), ("other", 400), ("uecho:81", 400), ("a b", 400)]
        {
            let mut request = request("GET", "/x");
            request.headers_mut().insert("host", host.parse().unwrap());
            let answer = ask(&client, request, b"").await.unwrap();
            assert_eq!(answer.status, status, "{host}");
            assert!(status == 200 || answer.header("content-type") == Some("application/problem+json"));
        }
        let mut twice = request("GET", "/x");
        twice.headers_mut().append("host", "uecho".parse().unwrap());
        twice.headers_mut().append("host", "uecho".parse().unwrap());
        assert_eq!(ask(&client, twice, b"").await.unwrap().status, 400);

        let of = |authority: &str| {
            let mut request = request("GET", "/x");
            *request.uri_mut() = format!("http://{authority}/x").parse().unwrap();
            request
        };
        assert_eq!(ask(&client, of("user@uecho"), b"").await.unwrap().status, 400);
        assert_eq!(ask(&client, of(&"a".repeat(15 << 10)), b"").await.unwrap().status, 200);
        assert_eq!(ask(&client, of(&"a".repeat(17 << 10)), b"").await.unwrap().status, 431);
        let path = "a".repeat((8 << 10) - 1);
        assert_eq!(ask(&client, request("GET", &format!("/{path}")), b"").await.unwrap().status, 200);
        assert_eq!(ask(&client, request("GET", &format!("/{path}a")), b"").await.unwrap().status, 414);
    });
}
